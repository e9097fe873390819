"""Weights from Keras 3 files, read with h5py; Keras itself is not needed."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from nnfw import layers
from nnfw.core.errors import LoadError
from nnfw.core.extras import extra
from nnfw.core.files import reading
from nnfw.core.typing import Array, FilePath
from nnfw.core.validation import as_network
from nnfw.exchange.dialects import Orders, directions, joined, parted
from nnfw.layers import Layer
from nnfw.layers.parameters import NOTHING
from nnfw.layers.sequential import Sequential
from nnfw.model import Model
from nnfw.saving.archive import assign, check_weights

ORDERS: Orders = {layers.RNN: ("",), layers.GRU: "zrc", layers.LSTM: "ifgo"}
GROUPS: dict[type[Layer], str] = {  # the name of the first layer of a class in Keras's files; then dense_1
    layers.RNN: "simple_rnn",
    layers.GRU: "gru",
    layers.LSTM: "lstm",
    layers.Bidirectional: "bidirectional",
    layers.Conv1D: "conv1d",
    layers.Conv2D: "conv2d",
    layers.BatchNorm: "batch_normalization",
    layers.Dense: "dense",
    layers.Embedding: "embedding",
    layers.LayerNorm: "layer_normalization",
    Sequential: "sequential",
}
CELLS = {"": "cell", "ahead.": "forward_layer/cell", "back.": "backward_layer/cell"}
REMEDY = "build the same network: units, use_bias, and reset_after, which is True in Keras by default"
REMEDY += "; a file with both Dense and TimeDistributed(Dense) is not read: in Keras use Dense for both"
STEP_BY_STEP = re.compile(r"time_distributed(_\d+)?/layer/vars")


def load_keras(network: Model, path: FilePath) -> None:
    """Copy the weights in a Keras 3 file into a network: all of them, or none if one does not fit.

    A file keeps the order of the layers of each class, so these are matched in order: the second ``Dense``
    of the network with the second of Keras, all of which may be ``TimeDistributed(Dense)``, and an inner
    network with a ``Sequential``. Only weights are copied. Activations and other options must be set in the
    network; ``LayerNorm(epsilon=1e-3)`` is Keras's default, and a convolution with strides and ``"same"``
    differs. The optimizer state is reset.

    Parameters
    ----------
    network : Network
        A network built by `fit` or by ``network.build``.
    path : str or path
        A file ``model.keras`` or ``model.weights.h5``.

    Raises
    ------
    LoadError
        If the layers in the file do not match those of the network.
    """
    as_network("load_keras", network)._check_ready("load_keras")
    h5py = extra("h5py", "keras", "files of Keras are read")
    found: dict[str, Array] = {}
    wanted = [(name, layer, group, exported(layer)) for name, layer, group in with_groups(network)]
    with reading("load_keras", path) as file, h5py.File(opened(file), "r") as content:
        weights = read_file(content)
        for name, layer, group, expected in wanted:
            arrays = {part: weights.pop(f"{group}/{part}", NOTHING) for part in expected}
            for part, array in arrays.items():
                if array.shape != expected[part].shape:
                    got = array.shape if array is not NOTHING else "nothing"
                    takes = f"{group}/{part} {expected[part].shape}"
                    raise LoadError(f"{layer._label}: expects {takes}, got {got}; {REMEDY}")
            found |= {f"{name}.{key}": array for key, array in imported(layer, arrays).items()}
        if weights:
            raise LoadError(f"it has {', '.join(weights)}, for which the network has no layer; {REMEDY}")
        check_weights(found, network.params)
    assign(network, "load_keras", found)


def opened(file: BinaryIO) -> BinaryIO:
    """Return the file with the weights: the file itself, or the one inside a file ``model.keras``."""
    if file.read(2) != b"PK":
        return file
    with zipfile.ZipFile(file) as archive:
        if "model.weights.h5" not in archive.namelist():
            raise LoadError("it has no model.weights.h5; save it with Keras 3, model.save('model.keras')")
        return io.BytesIO(archive.read("model.weights.h5"))


def read_file(content: Any) -> dict[str, Array]:
    """Return the weights of all layers by path in the file, except the states of random generators."""
    if "layers" not in content:
        raise LoadError("it has no weights of Keras 3; save it with Keras 3, model.save('model.keras')")
    weights: dict[str, Array] = {}

    def keep(path: str, node: Any) -> None:
        if hasattr(node, "shape") and "seed_generator" not in path:
            weights[path] = np.asarray(node)

    content["layers"].visititems(keep)
    if not any("dense" in path for path in weights):  # else the file does not say which comes first
        weights = {STEP_BY_STEP.sub(r"dense\1/vars", path): array for path, array in weights.items()}
    return weights


def with_groups(chain: Sequential, name: str = "", path: str = "") -> Iterator[tuple[str, Layer, str]]:
    """Yield the name, the layer and its group in the file for each layer with parameters."""
    counts: Counter[str] = Counter()
    for place, layer in zip(chain._names, chain.layers, strict=True):
        group = next((group for kind, group in GROUPS.items() if isinstance(layer, kind)), "")
        number = f"_{counts[group]}" if counts[group] else ""
        counts[group] += 1
        if isinstance(layer, Sequential):
            yield from with_groups(layer, f"{name}{place}.", f"{path}{group}{number}/layers/")
        elif layer.size and not group:
            raise TypeError(f"{layer._label}: Keras's names for its weights are not known; copy them by hand")
        elif layer.size:
            yield f"{name}{place}", layer, f"{path}{group}{number}"


def exported(layer: Layer) -> dict[str, Array]:
    """Return a layer's parameters under the names that Keras gives them within the layer."""
    found: dict[str, Array] = {}
    for prefix, inner in directions(layer).items():
        cell = joined(inner, ORDERS)
        bh = cell.pop("bh", NOTHING)
        if "bh_c" in inner.params:
            cell["b"] = np.stack([cell["b"], bh])
        found |= {f"{CELLS[prefix]}/vars/{i}": array for i, array in enumerate(cell.values())}
    return found or {f"vars/{i}": p for i, p in enumerate(layer.params.values())}


def imported(layer: Layer, arrays: Mapping[str, Any]) -> dict[str, Array]:
    """Return a layer's parameters, given the result of `exported`."""
    found: dict[str, Array] = {}
    for prefix, inner in directions(layer).items():
        paths = {key: f"{CELLS[prefix]}/vars/{i}" for i, key in enumerate(("Wx", "Wh", "b"))}
        cell = {key: arrays[path] for key, path in paths.items() if path in arrays}
        if "bh_c" in inner.params:
            cell["b"], cell["bh"] = cell["b"]
        found |= {f"{prefix}{key}": p for key, p in parted(inner, cell, ORDERS).items()}
    return found or parted(layer, {key: arrays[f"vars/{i}"] for i, key in enumerate(layer.params)}, ORDERS)
