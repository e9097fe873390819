"""Save a network to one file, and load it again.

The file is NumPy's ``.npz``. Each entry is verified against its CRC-32, and no pickle is opened.
"""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.files import replacing
from nnfw.core.typing import Array
from nnfw.core.validation import file_path, whole_number
from nnfw.core.version import __version__
from nnfw.model import Model
from nnfw.saving import state
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
    with open(path, "rb") as file, naming(path):
        out = Rebuilder(read(file), custom or {})
        description = read_description(out.arrays)
        network = out.value(description["network"])
        if not isinstance(network, Model):
            raise LoadError(f"it holds {type(network).__name__}, not a Network")
        state.restore_network(network, description["state"], out)
        for name in out.arrays:
            raise LoadError(f"it has the array {name!r}, which is not part of the network")
    return network


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Turn any error of reading a file into a LoadError that names it."""
    try:
        yield
    except LoadError as error:
        text = str(error)  # names in it come from the file, and may be of any length
        raise LoadError(f"{path}: {text if len(text) < 400 else f'{text[:400]} ...'}") from error.__cause__
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise LoadError(f"{path}: it is damaged, cut short, or was not saved by nnfw ({what})") from error


def read(file: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an open file; damage raises a LoadError, or what zipfile and NumPy raise."""
    if file.read(2) != b"PK":
        raise LoadError("it is not a network saved by nnfw, but a file of another kind")
    file.seek(0)
    with np.load(file, allow_pickle=False) as entries:
        if any(entry.compress_type for entry in entries.zip.infolist()):  # a few bytes could fill the memory
            raise LoadError("it has compressed entries; nnfw stores arrays as they are")
        arrays = {name: np.asarray(entries[name]) for name in entries.files}
    arrays.pop("sha256", None)  # a checksum that files of earlier versions carry
    return arrays


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
