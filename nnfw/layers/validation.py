"""Input validation for a network: its layers, their names, and the memory that they need."""

import inspect
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nnfw import activations
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import is_sequence
from nnfw.core.typing import Array, Shape
from nnfw.layers.base import Layer
from nnfw.layers.parameters import size_of


def check_layers(layers: Sequence[Layer], owner: str) -> tuple[Layer, ...]:
    """Return the layers as a tuple, if they are distinct layers that belong to no other network."""
    if not isinstance(layers, Iterable):
        raise TypeError(f"{owner}: layers must be a list of layers, got {type(layers).__name__}")
    layers = tuple(layers)
    if not layers:
        raise ValueError(f"{owner}: layers must hold at least one layer, got none")
    seen: set[int] = set()
    for place, layer in enumerate(layers, 1):
        if not isinstance(layer, Layer):
            raise TypeError(f"{owner}: layer {place} must be a Layer, got {layer!r}{meant(layer)}")
        check_forward(layer)
        if id(layer) in seen:
            raise ValueError(
                f"{owner}: layer {place} is the same object as an earlier layer; create a second one"
            )
        if layer._owned:
            raise ValueError(
                f"{owner}: layer {place}, {layer!r}, is already part of another network; "
                f"use copy.deepcopy(layer), which includes its weights"
            )
        seen.add(id(layer))
    return layers


def meant(layer: Any) -> str:
    """Return a hint at the layer that was probably meant by a class, a number of units or a name."""
    match layer:
        case type():
            return f"; did you mean {layer.__name__}(...)?"
        case int():
            return f"; did you mean Dense({layer})?"
        case str() if layer in activations.registry.names():
            return f"; did you mean Activate({layer!r})?"
    return "; a layer is an object, such as GRU(64), and data are prepared before fit"


def check_forward(layer: Layer) -> None:
    """Raise a TypeError if the `forward` of a layer cannot be called as a network calls it."""
    takes = inspect.signature(type(layer).forward).parameters
    wanted = ["training", *(["lengths"] if layer.takes_lengths else [])]
    missing = [name for name in wanted if name not in takes]
    if missing and not any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in takes.values()):
        raise TypeError(
            f"{type(layer).__name__}.forward does not take {' and '.join(missing)}; define "
            f"forward(self, x, training=False{', lengths=None' if layer.takes_lengths else ''})"
        )


def check_names(names: Sequence[str], owner: str) -> None:
    """Raise a ValueError if two layers have the same name, or a name contains a dot."""
    for name, times in Counter(names).items():
        if "." in name:
            raise ValueError(
                f"{owner}: the layer name {name!r} contains a dot, which separates it from the names of its "
                f"parameters; use another, such as {name.replace('.', '_')!r}"
            )
        if times > 1:
            raise ValueError(f"{owner}: two layers have the name {name!r}; give each its own name=...")


def shape_hint(chain: Any, place: int, shapes: Sequence[Shape], message: str) -> str:
    """Return the remedy if the layer at a place has refused the last of these shapes with this message."""
    before, shape = chain.layers[place - 2] if place > 1 else None, shapes[-1]
    if chain.shapes and shapes[0] == chain.shapes[0][1:]:
        return "For a single sample, use x[None]"
    inner = getattr(before, "ahead", before)  # of a Bidirectional
    if len(shape) == 1 and getattr(inner, "return_sequences", None) is False:
        said = f"The {type(inner).__name__} before it returns only its last state"
        return f"{said}; build it with return_sequences=True"
    if before is None and len(shape) == 1 and "expects (samples, steps" in message and not chain.size:
        return f"For one feature per step, use x[..., None], {(*shape, 1)} per sample"
    if before is None and len(shape) == 3 and shape[0] is None:
        return f"Leave out the batch axis: {shape[1:]}"
    return ""


def check_takes_lengths(layer: Layer, padding: Array, shapes: Sequence[Shape]) -> None:
    """Raise a ShapeError if a layer has merged time steps, and padding with them; see `keeps_steps`."""
    if padding.any() and shapes and shapes[1][:1] == (None,):
        raise ShapeError(
            f"{layer._label}: its outputs have other time steps than its inputs, but their number for each "
            f"sequence is not known; define count_steps(n) in the class, which returns it for n input steps"
        )
    if padding.any() and not layer.takes_lengths:
        raise ShapeError(
            f"{layer._label}: it merges the time steps of variable-length sequences, and would read their "
            f"padding as values; set takes_lengths = True in the class, and ignore the steps beyond the "
            f"lengths in its forward(x, training, lengths)"
        )


def keeps_steps(layer: Any, y: Array, steps: tuple[int, ...], shapes: Sequence[Shape]) -> bool:
    """Whether a layer, and each inner layer, has outputs `y` for the time steps (N, T) of its inputs.

    `shapes` are those of a sample of its input and output, if known: rows whose number is the same for any
    number of steps are not time steps.
    """
    N, T = steps
    if shapes and shapes[0][0] is None and shapes[1][:1] != (None,):
        return False
    chain = zip(layer.layers, pairwise(layer.shapes), strict=True) if hasattr(layer, "shapes") else ()
    kept = all(len(b) > 1 and b[0] == (a[0] and one.count_steps(a[0])) for one, (a, b) in chain)
    return kept and is_sequence(y, (N, layer.count_steps(T)))


def check_memory(leaves: Iterable[Layer], dtype: np.dtype[Any]) -> None:
    """Raise a ValueError if the parameters and their gradients do not fit into the memory of the machine."""
    sizes = {leaf._label: size_of(leaf._specs) for leaf in leaves}
    needed, memory = 2 * dtype.itemsize * sum(sizes.values()), physical_memory()
    if needed > memory:
        largest = max(sizes, key=lambda label: sizes[label])
        raise ValueError(
            f"{largest} has {sizes[largest]:.3g} parameters; all parameters with their gradients take "
            f"{needed / 1e9:.3g} GB, and this machine has {memory / 1e9:.3g} GB; use fewer units"
        )


def physical_memory() -> float:
    """Return the memory of the machine in bytes, or infinity if the system does not report it (Windows)."""
    tells = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ())
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) if tells else math.inf
