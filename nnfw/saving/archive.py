"""Saving a network to one file, loading it, and exchanging its parameters alone."""

import json
import platform
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.extras import extra
from nnfw.core.files import reading, replacing
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array, FilePath
from nnfw.core.validation import as_network, extras_of, whole_number
from nnfw.core.version import __version__
from nnfw.model import Model
from nnfw.saving import state
from nnfw.saving.config import Describer, Rebuilder
from nnfw.training.interrupt import at_rest

FORMAT, VERSION = "nnfw network", 1
OTHERS = "nnfw.saving.load_weights reads safetensors, nnfw.exchange ONNX, Keras and PyTorch"


def save(network: Model, path: FilePath, extras: dict[str, Any] | None = None) -> None:
    """Save a network to the file `path`, under exactly this name; an existing file is replaced.

    A network that is being trained in another thread is saved between two updates. If several processes train
    one network together (see `nnfw.distributed`), the first writes.

    Parameters
    ----------
    network : Network
        The network to save.
    path : str or path
        The file.
    extras : dict, optional
        Additional objects to save, in place of ``network.extras``, such as those needed for predictions:
        vocabularies, label encoders and scalers of `nnfw.data`, arrays, numbers, strings, lists and dicts.

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
    ...     save(network, f"{folder}/network.npz", extras={"unit": "mm"})
    ...     loaded = load(f"{folder}/network.npz")
    >>> bool(loaded.predict([[1.0, 2.0]]) == network.predict([[1.0, 2.0]])), loaded.extras
    (True, {'unit': 'mm'})
    """
    as_network("save", network)
    extras = None if extras is None else extras_of("save", "extras", extras)
    if not network._leads:
        return
    with replacing(path) as file, at_rest(network, "save"):
        if network.shapes:  # for the layers as they are now
            network.compute_shapes(network.shapes[0])
        into = Describer()
        description = {
            "format": FORMAT,
            "version": VERSION,
            "written by": {"nnfw": __version__, "numpy": np.__version__, "python": platform.python_version()},
            "network": into.part(network, type(network).__name__),
            "state": state.describe_network(network, into, extras=extras),
        }
        into.store("description", np.frombuffer(json.dumps(description, allow_nan=False).encode(), np.uint8))
        np.savez(file, **into.arrays)


def load(path: FilePath, custom: Mapping[str, Any] | None = None) -> Any:
    """Return the network that `save` wrote to the file `path`.

    Parameters
    ----------
    path : str or path
        The file.
    custom : dict of str to class or function, optional
        The parts of the network that are not part of nnfw: ``{"MyLayer": MyLayer, "my_metric": my_metric}``.

    Raises
    ------
    LoadError
        If the file is damaged, not from nnfw, of a newer format, or needs something that `custom` lacks.
    """
    if not isinstance(custom, Mapping | None):
        raise TypeError(f"load: custom must be a dict of classes and functions by name, got {custom!r}")
    with reading("load", path) as file:
        out = Rebuilder(read(file), custom or {})
        description = read_description(out.arrays)
        network = out.value(description["network"])
        if not isinstance(network, Model):
            raise LoadError(f"it holds {type(network).__name__}, not a Network")
        state.restore_network(network, description["state"], out)
        for name in out.arrays:
            raise LoadError(f"it has the array {name!r}, which is not part of the network")
    return network


def read(file: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an open file; damage raises a LoadError, or an error of zipfile or NumPy."""
    if file.read(2) != b"PK":
        said = "it is not a network saved by nnfw, but a file of another kind"
        raise LoadError(f"{said}; {OTHERS}")
    file.seek(0)
    with np.load(file, allow_pickle=False) as entries:
        if any(entry.compress_type for entry in entries.zip.infolist()):  # a few bytes could fill the memory
            raise LoadError("it has compressed entries; nnfw stores arrays as they are")
        return {name: np.asarray(entries[name]) for name in entries.files}


def read_description(arrays: dict[str, Array]) -> dict[str, Any]:
    """Return the description among the arrays, and remove it from them."""
    arrays.pop("sha256", None)  # a checksum in files of earlier versions
    description = json.loads(arrays.pop("description", np.empty(0)).tobytes() or b"null")
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise LoadError(f"it is not a network saved by nnfw: it lacks the description of one; {OTHERS}")
    if whole_number("load", "version", description["version"], low=1) > VERSION:
        said = f"it has format {description['version']}, written by {description.get('written by')}"
        raise LoadError(f"{said}, but this nnfw reads formats up to {VERSION}; install a newer one")
    return description


def save_weights(network: Model, path: FilePath) -> None:
    """Save a network's parameters to the file `path`; an existing file is replaced."""
    as_network("save_weights", network)._check_ready("save_weights")
    package = safetensors()
    with replacing(path) as file, at_rest(network, "save_weights"):
        file.write(package.save({name: np.asarray(p, order="C") for name, p in network.params.items()}))


def load_weights(network: Model, path: FilePath) -> None:
    """Copy the parameters in the file `path` into a network: all of them, or none if one does not fit.

    The optimizer and training state are reset, since they belong to other parameters; the history is kept.

    Raises
    ------
    LoadError
        If the file is damaged, or the names or shapes of its parameters differ from the network's.
    """
    as_network("load_weights", network)._check_ready("load_weights")
    with reading("load_weights", path) as file:
        arrays = arrays_of(file, "it is a whole network; Network.load(path) reads it")
        check_weights(arrays, network.params)
    assign(network, "load_weights", arrays)


def arrays_of(file: BinaryIO, if_zip: str) -> dict[str, Array]:
    """Return the arrays of an open safetensors file; for a zip archive, raise a LoadError that says so."""
    content = file.read()
    if content.startswith(b"PK"):
        raise LoadError(if_zip)
    try:
        return safetensors().load(content)
    except KeyError as error:
        raise LoadError(f"NumPy has no type {error}; convert the arrays to F32") from None


def assign(network: Model, verb: str, arrays: Mapping[str, Array]) -> None:
    """Copy arrays that fit into the parameters of a network; the optimizer and training state are reset."""
    with at_rest(network, verb):
        for name, p in network.params.items():
            p[...] = arrays[name]
        for leaf in network._leaves():
            leaf._state = None
        network._training_state = None


def check_weights(arrays: Mapping[str, Array], params: Mapping[str, Array]) -> None:
    """Raise a LoadError unless the arrays of a file can be copied into the parameters."""
    remedy = "Load it into a network with the same layers, or rename its arrays as in network.params"
    for name in sorted(params.keys() - arrays.keys()):
        raise LoadError(f"the parameter {name!r} is missing.{nearest(name, arrays)} {remedy}")
    for name in sorted(arrays.keys() - params.keys()):
        hint = nearest(name, params)
        raise LoadError(f"it has {name!r}, which is not a parameter of the network.{hint} {remedy}")
    for name, p in params.items():
        array = arrays[name]
        if array.shape != p.shape or array.dtype.kind != "f":
            remedy = "save its transpose" if array.T.shape == p.shape else "use layers of the same sizes"
            remedy = remedy if array.dtype.kind == "f" else "save real numbers"
            got, takes = f"{array.shape} of {array.dtype}", f"{p.shape} of {p.dtype}"
            raise LoadError(f"{name!r} is {got}, but the network expects {takes}; {remedy}")
        if not (np.abs(array) <= np.finfo(p.dtype).max).all():
            said = f"{name!r} has values that are not finite in {p.dtype}"
            raise LoadError(f"{said}; save them before they diverge, or use a network of dtype='float64'")


def safetensors() -> Any:
    """Return the module that reads and writes safetensors files."""
    return extra("safetensors.numpy", "safetensors", "weights are exchanged")
