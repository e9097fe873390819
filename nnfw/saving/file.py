"""Save a network to one file, and load it again."""

import json
import platform
from collections.abc import Mapping
from os import PathLike
from typing import Any, NoReturn

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array
from nnfw.core.validation import file_path, whole_number
from nnfw.core.version import __version__
from nnfw.model import Model
from nnfw.saving import archive, state
from nnfw.saving.config import Describer, Rebuilder

FORMAT, VERSION = "nnfw network", 1


def save(network: Model, path: "str | PathLike[str]") -> None:
    """Write a network to the file `path`, exactly as it is called; an older file is replaced.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError, ValueError
        If the network holds something that cannot be saved, as a lambda; nothing is written then.
    RuntimeError
        If it was made of layers that have their weights, and has not been built of them yet.

    Examples
    --------
    >>> import tempfile
    >>> from nnfw import Dense, Network
    >>> network = Network([Dense(3, "tanh"), Dense(1)], seed=0)
    >>> history = network.fit([[1.0, 2.0]], [3.0], verbose=0)
    >>> a = network.predict([[1.0, 2.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(network, f"{folder}/network.npz")
    ...     bool(load(f"{folder}/network.npz").predict([[1.0, 2.0]]) == a)
    True
    """
    into = Describer()
    description = _header() | {
        "network": into.part(network, type(network).__name__),
        "state": state.keep_network(network, into),
    }
    text = json.dumps(description, allow_nan=False).encode()
    archive.write(path, {"description": np.frombuffer(text, np.uint8), **into.arrays})


def load(path: "str | PathLike[str]", custom: Mapping[str, Any] | None = None) -> Model:
    """Return the network that `save` wrote.

    Parameters
    ----------
    path : str or path
        The file.
    custom : dict of str to class or function, optional
        What the network has that is not nnfw's own: ``{"MyLayer": MyLayer, "my_metric": my_metric}``.

    Raises
    ------
    LoadError
        If the file is not whole, not nnfw's, of a newer format, or needs something that `custom` has not.
    OSError
        If it cannot be read.
    """
    if not isinstance(custom, Mapping | None):
        raise TypeError(f"load: custom must be a dict of classes and functions by name, got {custom!r}")
    with open(file_path("load", "path", path), "rb") as file, archive.naming(path):
        return _rebuild(Rebuilder(archive.read(file), custom or {}))


# ---- the description ---------------------------------------------------------------------------------------


def _header() -> dict[str, Any]:
    versions = {"nnfw": __version__, "numpy": np.__version__, "python": platform.python_version()}
    return {"format": FORMAT, "version": VERSION, "written by": versions}


def _rebuild(out: Rebuilder) -> Model:
    """Return the network that the arrays describe; none of them must be left."""
    description = _read_description(out.arrays)
    network = out.value(description["network"])
    if not isinstance(network, Model):
        raise LoadError(f"it holds {type(network).__name__}, not a Network")
    state.restore_network(network, description["state"], out)
    if out.arrays:
        raise LoadError(f"it has the array {next(iter(out.arrays))!r}, which is no part of the network")
    return network


def _read_description(arrays: dict[str, Array]) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise LoadError(f"its description holds {constant}, which is not JSON")

    text = arrays.pop("description", np.empty(0, np.uint8))
    description = json.loads(text.tobytes() or b"null", parse_constant=refuse)
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise LoadError("it is not a network saved by nnfw: it has no description of one")
    version = whole_number("load", "version", description["version"], low=1)
    if version > VERSION:
        raise LoadError(
            f"it is of format {version}, written by {description.get('written by')}, and this nnfw reads "
            f"formats up to {VERSION}; install a newer one"
        )
    return description
