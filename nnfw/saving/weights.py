"""Parameters alone, by their names in `Network.params`, in the format of the ``safetensors`` package.

PyTorch, JAX and many others read and write it; such a file holds numbers and nothing that can be run.
"""

from os import PathLike
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.files import replacing
from nnfw.core.suggest import nearest
from nnfw.core.validation import file_path
from nnfw.model import Model
from nnfw.saving.archive import naming


def save_weights(network: Model, path: "str | PathLike[str]") -> None:
    """Write a network's parameters to the file `path`; an older file is replaced."""
    network._check_ready("save_weights")
    content = _safetensors().save({name: np.ascontiguousarray(p) for name, p in network.params.items()})
    with replacing(path) as file:
        file.write(content)


def load_weights(network: Model, path: "str | PathLike[str]") -> None:
    """Copy the parameters in the file `path` into a network: all of them, or none if one does not fit.

    The optimizer and training state are reset, since they belong to other parameters; the history stays.

    Raises
    ------
    LoadError
        If the file is damaged, or its parameters have other names or shapes than the network's.
    """
    network._check_ready("load_weights")
    params, package = network.params, _safetensors()
    path = file_path("load_weights", "path", path)
    with open(path, "rb") as file, naming(path):
        arrays = package.load(file.read())
        for name, p in params.items():
            if name not in arrays:
                raise LoadError(f"the parameter {name!r} is missing.{nearest(name, arrays)}")
            array, takes = arrays[name], f"{p.shape} of {p.dtype}"
            if array.shape != p.shape or array.dtype.kind != "f":
                raise LoadError(f"{name!r} is {array.shape} of {array.dtype}, but the network takes {takes}")
            if not (np.abs(array) <= np.finfo(p.dtype).max).all():
                raise LoadError(f"{name!r} holds values that are not finite in {p.dtype}")
        for name in arrays.keys() - params.keys():
            raise LoadError(f"it has {name!r}, which is no parameter of the network.{nearest(name, params)}")
    for name, p in params.items():
        p[...] = arrays[name]
    for leaf in network._leaves():
        leaf._state = None
    network._training_state = None


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "weights are exchanged through the safetensors package, which is not installed; "
            "pip install 'nnfw[safetensors]' installs it"
        ) from None
    return safetensors.numpy
