"""How a layer's parameters lie in memory: in one flat vector, with views into it by name.

The optimizer works on the flat vector, the layer's mathematics on the views. Parameters of one *block* lie
side by side along their last axis, so that one matrix product can serve them all: the ``Wx_z``, ``Wx_r`` and
``Wx_c`` of a GRU are columns of one ``Wx`` (D, 3H).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfw.joint import Array

if TYPE_CHECKING:
    from nnfw.initializer import Initializer


class Spec(NamedTuple):
    """What is declared of a parameter."""

    shape: tuple[int, ...]
    initializer: "Initializer"
    block: str


class Views(dict[str, Array]):
    """Named views into one flat vector: write into them, never over them."""

    def __missing__(self, name: str) -> Array:
        if self:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self)}")
        raise RuntimeError(
            f"there is no parameter {name!r} yet: compute_shapes(input_shape) and initialize(rng) come "
            f"first; a Network calls both at its first fit"
        )

    def __setitem__(self, name: str, value: Any) -> None:
        raise TypeError(
            f"params[{name!r}] is a view into the layer; write into it: params[{name!r}][...] = value"
        )


def count(specs: Mapping[str, Spec]) -> int:
    """Return how many numbers the parameters are."""
    return sum(math.prod(spec.shape) for spec in specs.values())


def lay_out(flat: Array, specs: Mapping[str, Spec]) -> tuple[dict[str, Array], Views]:
    """Return the blocks of a flat vector, one after another, and the parameters within them, by name.

    There are none as long as the vector has not been allocated.

    Examples
    --------
    >>> from nnfw.initializers import Zeros
    >>> specs = {"Wx_z": Spec((2, 1), Zeros(), "Wx"), "Wx_r": Spec((2, 1), Zeros(), "Wx")}
    >>> blocks, params = lay_out(np.arange(4.0), specs)
    >>> blocks["Wx"], params["Wx_r"]
    (array([[0., 1.],
           [2., 3.]]), array([[1.],
           [3.]]))
    """
    if flat.size != count(specs):
        return {}, Views()
    members: dict[str, list[str]] = {}
    for name, spec in specs.items():
        members.setdefault(spec.block, []).append(name)
    blocks: dict[str, Array] = {}
    views: dict[str, Array] = {}
    start = 0
    for block, names in members.items():
        widths = [specs[name].shape[-1] for name in names]
        shape = (*specs[names[0]].shape[:-1], sum(widths))
        stop = start + math.prod(shape)
        blocks[block] = flat[start:stop].reshape(shape)
        parts = np.split(blocks[block], np.cumsum(widths)[:-1], axis=-1)
        views.update(zip(names, parts, strict=True))
        start = stop
    return blocks, Views({name: views[name] for name in specs})
