"""What the dialects share: gates in another order, the two biases of a gate, the loss of outputs."""

from collections.abc import Mapping, Sequence

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.bidirectional import Bidirectional
from nnfw.layers.embedding import Embedding
from nnfw.layers.parameters import key
from nnfw.layers.recurrent import Recurrent

Orders = Mapping[type[Recurrent], Sequence[str]]  # the gates of each kind of layer, in the order of a dialect
ONE_GATE = ("",)


def loss_of(layers: Sequence[Layer]) -> str:
    """Return the loss that fits the activation of the last layer."""
    activation = getattr(layers[-1] if layers else None, "activation", None)
    return {"softmax": "cce", "sigmoid": "bce"}.get(getattr(activation, "name", ""), "mse")


def directions(layer: Layer) -> dict[str, Recurrent]:
    """Return the recurrent layers of a layer by the prefix of their parameters, that ahead first."""
    if isinstance(layer, Recurrent):
        return {"": layer}
    if not isinstance(layer, Bidirectional):
        return {}
    if layer.ahead.go_backwards:
        said = f"{layer._label}: its first half reads backwards, where other libraries read ahead"
        raise ValueError(f"{said}; build it with go_backwards=False")
    return {"ahead.": layer.ahead, "back.": layer.back}


def order_of(layer: Recurrent, orders: Orders) -> Sequence[str]:
    """Return a layer's gates in the order of a dialect."""
    for kind, order in orders.items():
        if isinstance(layer, kind):
            return order
    raise TypeError(f"{layer._label}: other libraries have no such layer, and no names for its weights")


def joined(layer: Recurrent, orders: Orders) -> dict[str, Array]:
    """Return Wx (D, G·H), Wh (H, G·H) and the biases b and bh (G·H,) with the gates in another order.

    nnfw has one bias a gate, b: bh is 0 but for the ``bh_c`` of a GRU with reset_after.
    """
    order = order_of(layer, orders)
    blocks = ("Wx", "Wh", "b") if layer.use_bias else ("Wx", "Wh")
    found = {
        block: np.concatenate([layer.params[key(block, gate)] for gate in order], axis=-1) for block in blocks
    }
    if layer.use_bias:
        nothing = np.zeros(layer.units, layer.dtype)
        found["bh"] = np.concatenate([layer.params.get(key("bh", gate), nothing) for gate in order])
    return found


def parted(layer: Recurrent, arrays: Mapping[str, Array], orders: Orders) -> dict[str, Array]:
    """Return the parameters of a layer from what `joined` returns, the two biases of a gate as their sum.

    Where a dialect has one bias too, bh is left out.
    """
    order, found = order_of(layer, orders), {}
    for block, array in arrays.items():
        for gate, part in zip(order, np.split(array, len(order), axis=-1), strict=True):
            found[key(block, gate)] = part
    for gate in order if layer.use_bias else ():
        if key("bh", gate) not in layer.params:
            found[key("b", gate)] = found[key("b", gate)] + found.pop(key("bh", gate), 0)
    return found


def with_mask(layer: Embedding, E: Array) -> Array:
    """Return vectors (V, H) with 0 for the mask, which other libraries may train and then leave out."""
    return E if layer.mask is None else np.where(np.arange(len(E))[:, None] == layer.mask, 0, E)
