"""How a layer's parameters lie in memory: in one flat vector, with views into it by name.

The optimizer works on the flat vector, the layer on the views. Parameters of one *block* lie side by side
along their last axis, so that one matrix product can serve them all: the ``Wx_z``, ``Wx_r`` and ``Wx_c`` of a
GRU are columns of one ``Wx`` (D, 3H).
"""

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from nnfw.core.suggest import nearest
from nnfw.core.typing import Array

if TYPE_CHECKING:
    from nnfw.initializers import Initializer


class Spec(NamedTuple):
    """A declared parameter."""

    shape: tuple[int, ...]
    initializer: "Initializer"
    block: str


class Views(dict[str, Array]):
    """Named views into flat vectors: written into, but never replaced. A copy is a plain dict of arrays.

    Examples
    --------
    >>> params = Views(W=np.zeros(2))
    >>> params["W"] += 0.5
    >>> params
    {'W': array([0.5, 0.5])}
    >>> params["W"] = np.ones(2)
    Traceback (most recent call last):
    TypeError: 'W' is a view into the layer's memory and cannot be replaced; write into it: ['W'][...] = value
    """

    def __missing__(self, name: str) -> Array:
        if self:
            names = textwrap.shorten(", ".join(self), 250, placeholder=" ...")
            raise KeyError(f"no parameter {name!r:.80}.{nearest(str(name), self)} There are {names}")
        raise RuntimeError(
            f"there is no parameter {name!r} yet: compute_shapes(input_shape) and initialize(rng) come "
            f"first; a Network calls both at its first fit"
        )

    def __setitem__(self, name: str, value: Any) -> None:
        if value is not self[name]:  # as it is after params[name] += 1, which has written into it
            raise TypeError(
                f"{name!r} is a view into the layer's memory and cannot be replaced; "
                f"write into it: [{name!r}][...] = value"
            )

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Assign each item, which raises unless it is the view itself."""
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc, override]
        self.update(other)
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def count(specs: Mapping[str, Spec]) -> int:
    """Return how many numbers the parameters are."""
    return sum(math.prod(spec.shape) for spec in specs.values())


def lay_out(flat: Array, specs: Mapping[str, Spec]) -> tuple[dict[str, Array], Views]:
    """Return the blocks of a flat vector, and the parameters within them, by name; none before allocation.

    Examples
    --------
    >>> from nnfw.initializers import Zeros
    >>> specs = {"Wx_z": Spec((2, 1), Zeros(), "Wx"), "Wx_r": Spec((2, 1), Zeros(), "Wx")}
    >>> blocks, params = lay_out(np.arange(4.0), specs)
    >>> blocks["Wx"].tolist(), params["Wx_r"].tolist()
    ([[0.0, 1.0], [2.0, 3.0]], [[1.0], [3.0]])
    """
    if flat.size != count(specs):
        return {}, Views()
    blocks: dict[str, Array] = {}
    views: dict[str, Array] = {}
    start = 0
    for block in dict.fromkeys(spec.block for spec in specs.values()):
        members = {name: spec.shape for name, spec in specs.items() if spec.block == block}
        widths = [shape[-1] for shape in members.values()]
        rows = next(iter(members.values()))[:-1]
        stop = start + math.prod(rows) * sum(widths)
        blocks[block] = flat[start:stop].reshape(*rows, sum(widths))
        views.update(zip(members, np.split(blocks[block], np.cumsum(widths)[:-1], axis=-1), strict=True))
        start = stop
    return blocks, Views({name: views[name] for name in specs})
