"""The memory layout of a layer's parameters: one flat vector, with views into it by name.

The optimizer works on the flat vector, the layer on the views. Parameters of one *block* lie side by side
along their last axis, so that one matrix product can serve them all: the ``Wx_z``, ``Wx_r`` and ``Wx_c`` of a
GRU are columns of one ``Wx`` (D, 3H).
"""

import math
import textwrap
from collections.abc import Collection, Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from nnfw import initializers
from nnfw.core.errors import ShapeError
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array, Shape
from nnfw.core.vectors import Scratch
from nnfw.initializers import Initializer, InitializerLike

NOTHING = np.empty(0, np.float32)  # the parameters of a layer that has none; a dx that is not needed


class Spec(NamedTuple):
    """A declared parameter."""

    shape: tuple[int, ...]
    initializer: Initializer
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
            f"no parameter {name!r} yet: call compute_shapes(input_shape), where add_parameter declares it, "
            f"and initialize(rng) first; a Network calls both in build(input_shape), or in fit"
        )

    def __setitem__(self, name: str, value: Any) -> None:
        if value is not self[name]:  # as it is after params[name] += 1, which works in place
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


class Cache(dict[str, Array]):
    """The intermediates of a training pass, by name."""

    def __missing__(self, name: str) -> Array:
        names = f"has {', '.join(self)}" if self else "is empty"
        filled = "forward(x, training=True) and backward(dy) fill that of each layer"
        raise KeyError(f"no {name!r:.80} in the cache, which {names}; {filled}")


def key(name: str, gate: str) -> str:
    """Return the parameter's name for a gate: ``Wx_z``; a layer with a single gate has plain names."""
    return f"{name}_{gate}" if gate else name


def size_of(specs: Mapping[str, Spec]) -> int:
    """Return the total number of elements of the parameters."""
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
    if flat.size != size_of(specs):
        return {}, Views()
    blocks: dict[str, Array] = {}
    views: dict[str, Array] = {}
    start = 0
    for block in dict.fromkeys(spec.block for spec in specs.values()):
        members = {name: spec.shape for name, spec in specs.items() if spec.block == block}
        widths = [math.prod(shape[-1:]) for shape in members.values()]  # 1 of a single number, ()
        rows = next(iter(members.values()))[:-1]
        stop = start + math.prod(rows) * sum(widths)
        blocks[block] = flat[start:stop].reshape(*rows, sum(widths))
        for (name, shape), width, end in zip(members.items(), widths, accumulate(widths), strict=True):
            views[name] = blocks[block][..., end - width : end].reshape(shape)
        start = stop
    return blocks, Views({name: views[name] for name in specs})


def start_of(part: Array, flat: Array) -> int:
    """Return the index at which a part of a flat vector begins."""
    begin, origin = (a.__array_interface__["data"][0] for a in (part, flat))
    return int(begin - origin) // flat.itemsize


def rows_from(block: Array, flat: Array, rows: int) -> Array:
    """Return `rows` rows of a flat vector that start with a block (R, W) in it and continue into the next."""
    start, width = start_of(block, flat), block.shape[1]
    return flat[start : start + rows * width].reshape(rows, width)


class Parametrized:
    """Named parameters and their memory: the part of a layer besides its verbs."""

    # The defaults are immutable, so that a subclass need not call ``super().__init__``.
    params: Views = Views()
    grads: Views = Views()
    flat_params: Array = NOTHING
    flat_grads: Array = NOTHING
    _specs: Mapping[str, Spec] = MappingProxyType({})  # the parameters that were declared
    _blocks: Mapping[str, Array] = MappingProxyType({})  # parameters that lie side by side, as one array
    _grad_blocks: Mapping[str, Array] = MappingProxyType({})
    _statistics: Collection[str] = ()  # parameters that are statistics: no optimizer updates them
    _scratch: Scratch  # memory kept from one training step to the next

    # Attributes that copies omit:
    _transient: ClassVar[tuple[str, ...]] = ("params", "grads", "_blocks", "_grad_blocks", "_scratch")

    @property
    def _label(self) -> str:
        """What messages call it."""
        return type(self).__name__

    def add_parameter(
        self, name: str, shape: Shape | int, initializer: InitializerLike, block: str | None = None
    ) -> None:
        """Declare a parameter, which `initialize` allocates and fills as ``self.params[name]``.

        The shape of a vector may be given as its length; that of a scalar is (). Parameters of one `block`
        lie side by side along their last axis, so that one matrix product can serve them all.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        if None in shape:
            raise ShapeError(f"{self._label}: parameter {name!r} cannot have an open axis, got shape {shape}")
        fixed = tuple(int(n) for n in shape if n is not None)
        if name in self.params and self.params[name].shape != fixed:
            raise ShapeError(
                f"{self._label}: parameter {name!r} was built with shape {self.params[name].shape}, but this "
                f"input requires {fixed}; use data with the features it was built for, or create a new layer"
            )
        self._specs = {**self._specs, name: Spec(fixed, initializers.get(initializer), block or name)}

    def _bind(self) -> None:
        """Make `params`, `grads` and their blocks views into the flat vectors, with new scratch memory."""
        self._blocks, params = lay_out(self.flat_params, self._specs)
        self._grad_blocks, grads = lay_out(self.flat_grads, self._specs)
        vars(self).update(params=params, grads=grads)  # assignment is refused
        self._scratch = Scratch(self.dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of the parameters and outputs."""
        return self.flat_params.dtype

    @property
    def size(self) -> int:
        """The number of parameters."""
        return int(self.flat_params.size)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out views, buffers and the last batch; the flat vectors hold all parameters."""
        return {key: value for key, value in vars(self).items() if key not in self._transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, cache=Cache())
        self._bind()
