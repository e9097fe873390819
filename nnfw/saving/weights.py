"""Parameters alone, by their names in `Network.params`: from and to files of the ``safetensors`` package.

PyTorch, JAX and many others read and write them; such a file holds numbers and nothing that could be run.
"""

from os import PathLike
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.files import replacing
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.validation import file_path
from nnfw.model import Model
from nnfw.saving import archive


def save_weights(network: Model, path: "str | PathLike[str]") -> None:
    """Write a network's parameters to the file `path`; an older file is replaced in a single step.

    Raises
    ------
    ImportError
        If the ``safetensors`` package is not there.
    RuntimeError
        If the network has no weights yet.
    OSError
        If the file cannot be written.
    """
    params = {name: np.ascontiguousarray(p) for name, p in _params_of(network, "save_weights").items()}
    content = _safetensors().save(params)
    with replacing(path) as file:
        file.write(content)


def load_weights(network: Model, path: "str | PathLike[str]") -> None:
    """Write the parameters in the file `path` into a network: all of them, or none if one does not fit.

    Optimizers begin anew, as what they remember belongs to other parameters; the history stays.

    Raises
    ------
    LoadError
        If the file is damaged, or has other parameters than the network, or of other shapes.
    ImportError
        If the ``safetensors`` package is not there.
    RuntimeError
        If the network has no weights yet.
    OSError
        If the file cannot be read.
    """
    params, package = _params_of(network, "load_weights"), _safetensors()
    with open(file_path("load_weights", "path", path), "rb") as file, archive.naming(path):
        arrays = package.load(file.read())
        fitting = {name: _fitting(name, p, arrays) for name, p in params.items()}
        for name in arrays.keys() - params.keys():
            raise LoadError(f"it has {name!r}, which is no parameter of the network.{nearest(name, params)}")
    for name, p in params.items():
        p[...] = fitting[name]
    for leaf in network._leaves():
        leaf._state = None
    network._training_state = None


def _params_of(network: Model, verb: str) -> dict[str, Array]:
    network._check_ready(verb)
    return network.params


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "weights are exchanged through the safetensors package, which is not there; "
            "pip install 'nnfw[safetensors]' installs it"
        ) from None
    return safetensors.numpy


def _fitting(name: str, p: Array, arrays: dict[str, Array]) -> Array:
    """Return the array for a parameter, if there is one and it can be written there without loss of size."""
    if name not in arrays:
        raise LoadError(f"the parameter {name!r} is missing.{nearest(name, arrays)}")
    array = arrays[name]
    if array.shape != p.shape or array.dtype.kind != "f":
        raise LoadError(
            f"{name!r} is {array.shape} of {array.dtype}, but the network takes {p.shape} of {p.dtype}"
        )
    if not (np.abs(array) <= np.finfo(p.dtype).max).all():
        raise LoadError(f"{name!r} holds values that are no finite numbers of {p.dtype}")
    return array
