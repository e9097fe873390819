"""Save a network to one file, and load it again."""

import json
import platform
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.files import replacing
from nnfw.core.typing import Array
from nnfw.core.validation import file_path, whole_number
from nnfw.core.version import __version__
from nnfw.model import Model
from nnfw.saving import archive, state
from nnfw.saving.config import Describer, Rebuilder

FORMAT, VERSION = "nnfw network", 1


def save(network: Model, path: "str | PathLike[str]") -> None:
    """Write a network to the file `path`, under exactly this name; an older file is replaced.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If the network holds something that cannot be saved, such as a lambda.

    Examples
    --------
    >>> import tempfile
    >>> from nnfw import Dense, Network
    >>> network = Network([Dense(3, "tanh"), Dense(1)], seed=0)
    >>> history = network.fit([[1.0, 2.0]], [3.0], verbose=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(network, f"{folder}/network.npz")
    ...     bool(load(f"{folder}/network.npz").predict([[1.0, 2.0]]) == network.predict([[1.0, 2.0]]))
    True
    """
    into = Describer()
    description = {
        "format": FORMAT,
        "version": VERSION,
        "written by": {"nnfw": __version__, "numpy": np.__version__, "python": platform.python_version()},
        "network": into.part(network, type(network).__name__),
        "state": state.describe_network(network, into),
    }
    into.store("description", np.frombuffer(json.dumps(description, allow_nan=False).encode(), np.uint8))
    with replacing(path) as file:
        np.savez(file, **into.arrays)


def load(path: "str | PathLike[str]", custom: Mapping[str, Any] | None = None) -> Model:
    """Return the network that `save` wrote to the file `path`.

    Parameters
    ----------
    path : str or path
        The file.
    custom : dict of str to class or function, optional
        What the network has that is not part of nnfw: ``{"MyLayer": MyLayer, "my_metric": my_metric}``.

    Raises
    ------
    LoadError
        If the file is damaged, foreign, of a newer format, or needs something that `custom` lacks.
    """
    if not isinstance(custom, Mapping | None):
        raise TypeError(f"load: custom must be a dict of classes and functions by name, got {custom!r}")
    path = file_path("load", "path", path)
    with open(path, "rb") as file, archive.naming(path):
        out = Rebuilder(archive.read(file), custom or {})
        description = read_description(out.arrays)
        network = out.value(description["network"])
        if not isinstance(network, Model):
            raise LoadError(f"it holds {type(network).__name__}, not a Network")
        state.restore_network(network, description["state"], out)
        for name in out.arrays:
            raise LoadError(f"it has the array {name!r}, which is not part of the network")
    return network


def read_description(arrays: dict[str, Array]) -> dict[str, Any]:
    """Return the description among the arrays, and remove it from them."""
    text = arrays.pop("description", np.empty(0, np.uint8)).tobytes()
    description = json.loads(text or b"null")
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise LoadError("it is not a network saved by nnfw: it has no description of one")
    if whole_number("load", "version", description["version"], low=1) > VERSION:
        raise LoadError(
            f"it is of format {description['version']}, written by {description.get('written by')}, and this "
            f"nnfw reads formats up to {VERSION}; install a newer one"
        )
    return description
