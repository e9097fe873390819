"""Code shared by the formats: orders of gates and axes, the two biases of a gate, the loss for outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.bidirectional import Bidirectional
from nnfw.layers.embedding import Embedding
from nnfw.layers.parameters import key
from nnfw.layers.recurrent import Recurrent

# The gates of each kind of layer, in the order of a dialect; the one of an RNN has no letter:
Orders = Mapping[type[Recurrent], Sequence[str]]
BLOCKS = ("Wx", "Wh", "b", "bh")


def loss_of(layers: Sequence[Layer]) -> str:
    """Return the loss that fits the activation of the last layer."""
    activation = getattr(layers[-1] if layers else None, "activation", None)
    return {"softmax": "cce", "sigmoid": "bce"}.get(getattr(activation, "name", ""), "mse")


def directions(layer: Layer) -> dict[str, Recurrent]:
    """Return the recurrent layers of a layer by the prefix of their parameters, ``ahead`` first."""
    if isinstance(layer, Recurrent):
        return {"": layer}
    if not isinstance(layer, Bidirectional):
        return {}
    if layer.ahead.go_backwards:
        said = f"{layer._label}: its first half reads backwards, but forwards in other libraries"
        raise ValueError(f"{said}; build it with go_backwards=False")
    return {"ahead.": layer.ahead, "back.": layer.back}


def order_of(layer: Recurrent, orders: Orders) -> Sequence[str]:
    """Return a layer's gates in the order of a dialect."""
    for kind, order in orders.items():
        if isinstance(layer, kind):
            return order
    raise TypeError(f"{layer._label}: other libraries have no such layer, and no names for its weights")


def joined(layer: Layer, orders: Orders) -> dict[str, Array]:
    """Return the parameters of a layer, the gates of a recurrent one side by side in the order of a dialect.

    These are Wx (D, G·H), Wh (H, G·H) and the biases b and bh (G·H,), for two directions ``ahead.Wx`` and so
    on. nnfw has one bias per gate, b: bh is 0 except for the ``bh_c`` of a GRU with reset_after.
    """
    found: dict[str, Array] = {}
    for prefix, one in directions(layer).items():
        nothing = np.zeros(one.units, one.dtype)
        for block in BLOCKS if one.use_bias else BLOCKS[:2]:
            gates = [one.params.get(key(block, gate), nothing) for gate in order_of(one, orders)]
            found[prefix + block] = np.concatenate(gates, axis=-1)
    return found or dict(layer.params)


def parted(layer: Layer, arrays: Mapping[str, Array], orders: Orders) -> dict[str, Array]:
    """Return the parameters of a layer from the result of `joined`, with the two biases of a gate summed.

    If a dialect has only one bias too, bh is omitted. The vector of a mask is 0.
    """
    found: dict[str, Array] = {}
    for prefix, one in directions(layer).items():
        order = order_of(one, orders)
        for block in (block for block in BLOCKS if prefix + block in arrays):
            for gate, part in zip(order, np.split(arrays[prefix + block], len(order), axis=-1), strict=True):
                found[prefix + key(block, gate)] = part
        for gate in order if one.use_bias else ():
            if key("bh", gate) not in one.params:
                b, bh = prefix + key("b", gate), prefix + key("bh", gate)
                found[b] = found[b] + found.pop(bh, 0)
    if isinstance(layer, Embedding):
        return {"E": with_mask(layer, arrays["E"])}
    return found or dict(arrays)


def outputs_first(array: Array) -> Array:
    """Return weights (..., D, H) as PyTorch and ONNX have them, (H, D, ...)."""
    return array if array.ndim < 2 else np.moveaxis(array, (-1, -2), (0, 1))


def outputs_last(array: Array) -> Array:
    """Return weights (H, D, ...) of PyTorch or ONNX as (..., D, H)."""
    return array if array.ndim < 2 else np.moveaxis(array, (0, 1), (-1, -2))


def reordered(W: Array, sizes: tuple[int, int]) -> Array:
    """Return weights whose rows run over two axes of these `sizes`, with the second axis first."""
    return W.reshape(*sizes, *W.shape[1:]).swapaxes(0, 1).reshape(W.shape)


def one_or_all(numbers: Sequence[int]) -> Any:
    """Return a number per axis in the form of layers with windows: a single number if all are equal."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def with_mask(layer: Embedding, E: Array) -> Array:
    """Return vectors (V, H) with 0 for the mask, whose vector other libraries may train but not use."""
    return E if layer.mask is None else np.where(np.arange(len(E))[:, None] == layer.mask, 0, E)
