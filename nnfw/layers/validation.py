"""Input validation of a network: its layers, and their names."""

import inspect
from collections import Counter
from collections.abc import Iterable, Sequence

from nnfw.layers.base import Layer


def check_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers as a tuple, if they are distinct layers that belong to no other network."""
    if isinstance(layers, Layer) or not isinstance(layers, Iterable):
        raise TypeError(f"Network: layers must be a list of layers, got {type(layers).__name__}")
    layers = tuple(layers)
    if not layers:
        raise ValueError("Network: layers must hold at least one layer, got none")
    seen: set[int] = set()
    for place, layer in enumerate(layers, 1):
        if not isinstance(layer, Layer):
            made = f"; did you mean {layer.__name__}(...)?" if isinstance(layer, type) else ""
            raise TypeError(f"Network: layer {place} must be a Layer, got {layer!r}{made}")
        check_forward(layer)
        if id(layer) in seen:
            raise ValueError(
                f"Network: layer {place} is the same object as one before it; build a second layer"
            )
        if layer._owned:
            raise ValueError(
                f"Network: layer {place}, {layer!r}, is part of another network already; "
                f"copy.deepcopy(layer) gives this one its own, weights and all"
            )
        seen.add(id(layer))
    return layers


def check_forward(layer: Layer) -> None:
    """Raise a TypeError if the `forward` of a layer cannot be called as a network calls it."""
    takes = inspect.signature(type(layer).forward).parameters
    wanted = ["training", *(["lengths"] if layer.takes_lengths else [])]
    missing = [name for name in wanted if name not in takes]
    if missing and not any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in takes.values()):
        raise TypeError(
            f"{type(layer).__name__}.forward does not take {' and '.join(missing)}; write "
            f"forward(self, x, training=False{', lengths=None' if layer.takes_lengths else ''})"
        )


def check_names(names: Sequence[str]) -> None:
    """Raise a ValueError if two layers have one name, or a name has a dot."""
    for name, times in Counter(names).items():
        if "." in name:
            raise ValueError(
                f"Network: the layer name {name!r} has a dot, which separates it from the names of its "
                f"parameters; take another, as {name.replace('.', '_')!r}"
            )
        if times > 1:
            raise ValueError(f"Network: two layers have the name {name!r}; give each its own by name=")
