"""Sliding windows over time steps, or over the rows and columns of images, for convolution and pooling."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths, cleared, valid_steps
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import positive_integer
from nnfw.layers.base import Layer, with_samples
from nnfw.layers.parameters import NOTHING


class Windows(NamedTuple):
    """Windows over the axes of an array (N, *sizes, D), with a size, stride ... for each of these axes.

    Examples
    --------
    >>> windows = Windows(size=(3,), stride=(2,), dilation=(1,), padding="valid")
    >>> windows.count(7), [tap.ravel().tolist() for tap in windows.taps(np.arange(7)[None, :, None])]
    (3, [[0, 2, 4], [1, 3, 5], [2, 4, 6]])
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str = "valid"

    def reach(self, axis: int = 0) -> int:
        """Return the number of positions that a window spans, from its first to its last."""
        return (self.size[axis] - 1) * self.dilation[axis] + 1

    def around(self, axis: int = 0) -> tuple[int, int]:
        """Return the number of zeros before and after the values."""
        more = self.reach(axis) - 1
        before = {"valid": 0, "same": more // 2, "causal": more}[self.padding]
        return before, more - before if self.padding == "same" else 0

    def count(self, n: Any, axis: int = 0) -> Any:
        """Return the number of windows over `n` values; `n` may be an array."""
        if n is None:
            return None
        count = (n + sum(self.around(axis)) - self.reach(axis)) // self.stride[axis] + 1
        return np.maximum(count, 0) if isinstance(n, np.ndarray) else max(count, 0)

    def padded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of an array after zero padding."""
        N, *sizes, D = shape
        return (N, *(n + sum(self.around(axis)) for axis, n in enumerate(sizes)), D)

    def within(self, padded: Array) -> Array:
        """Return a view of the values without the zeros around them."""
        around = (self.around(axis) for axis in range(len(self.size)))
        parts = (slice(a, n - b) for (a, b), n in zip(around, padded.shape[1:-1], strict=True))
        return padded[(slice(None), *parts)]

    def pad(self, x: Array) -> Array:
        """Return x with zero padding, or x itself if there is none."""
        if self.padding == "valid":
            return x
        padded = np.zeros(self.padded(x.shape), x.dtype)
        self.within(padded)[...] = x
        return padded

    def view(self, padded: Array) -> Array:
        """Return all windows of a padded array as a view (N, *counts, *size, D) into it."""
        strides, spatial = padded.strides, padded.strides[1:-1]
        steps = [a * b for a, b in zip(spatial, self.stride, strict=True)]
        within = [a * b for a, b in zip(spatial, self.dilation, strict=True)]
        shape = (len(padded), *self._counts(padded), *self.size, padded.shape[-1])
        return np.lib.stride_tricks.as_strided(
            padded, shape, (strides[0], *steps, *within, strides[-1]), writeable=False
        )

    def taps(self, padded: Array) -> Iterator[Array]:
        """Yield, for each position in a window, its values in all windows, as views (N, *counts, D)."""
        counts = self._counts(padded)
        for position in np.ndindex(*self.size):
            grid = zip(position, self.dilation, self.stride, counts, strict=True)
            parts = (slice(p * d, p * d + s * n, s) for p, d, s, n in grid)
            yield padded[(slice(None), *parts)]

    def _counts(self, padded: Array) -> list[int]:
        sizes = enumerate(padded.shape[1:-1])
        return [max((n - self.reach(axis)) // self.stride[axis] + 1, 0) for axis, n in sizes]


class Windowed(Layer):
    """The base of layers with windows over time steps, or over rows and columns: (N, ..., D) -> (N, ..., F).

    Subclasses set `_windows`, and define `slide` and its backward `spread`. Steps beyond the `lengths` of
    sequences are ignored, and each sequence gives the same outputs as it would alone.
    """

    _axes: ClassVar[int] = 1  # that windows slide over: 1 of time, or 2 of images
    _windows: Windows

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return y (N, ..., F), one row for each window, for x (N, ..., D)."""
        x, windows = np.asarray(x, self.dtype), self._windows
        self.check_input(x, None, axes=(self._axes + 2,))
        if lengths is not None:
            lengths = check_lengths(self._label, lengths, *x.shape[:2])
            x = cleared(x, lengths)
        y = self.slide(windows.pad(x), training)
        if lengths is not None:
            y[~valid_steps(windows.count(lengths), y.shape[1])] = 0
        if training:
            self.cache.update({"x": x, "y": y} if lengths is None else {"x": x, "y": y, "lengths": lengths})
        return y

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx, of the shape of x, given dy, of the shape of y; see `Dense.backward` for logits."""
        dy = self._check_gradient(dy)
        windows, lengths = self._windows, self.cache.get("lengths")
        if lengths is not None:
            dy = cleared(dy, windows.count(lengths))
        ds = self._before_activation(dy, of_logits)
        if not self._needs_dx:
            return NOTHING
        x = self.cache["x"]
        padded = np.zeros(windows.padded(x.shape), self.dtype)
        self.spread(ds, padded)
        dx = windows.within(padded)
        if lengths is not None:
            dx[~valid_steps(lengths, x.shape[1])] = 0
        return dx

    def slide(self, x: Array, training: bool) -> Array:
        """Return y (N, ..., F) for the padded x; in training, start a new cache."""
        raise NotImplementedError

    def spread(self, ds: Array, dx: Array) -> None:
        """Add the contribution of each window to the padded dx, which is 0."""
        raise NotImplementedError

    def _before_activation(self, dy: Array, of_logits: bool) -> Array:
        """Return the gradient before an activation, if there is one."""
        return dy

    def count_steps(self, n: Any) -> Any:
        """Return the number of output steps for `n` input steps."""
        return self._windows.count(n)

    def _counts(self, input_shape: Shape) -> Shape:
        """Return how many windows there are along each axis of an input, or raise a ShapeError."""
        self._features(input_shape, (self._axes + 2,))
        sizes, windows = input_shape[:-1], self._windows
        counts = tuple(windows.count(n, axis) for axis, n in enumerate(sizes))
        for axis, n in enumerate(sizes):
            if counts[axis] == 0:
                raise ShapeError(
                    f"{self._label}: a window spans {windows.reach(axis)}, more than the {n} of "
                    f"{with_samples(input_shape)}; use a smaller window, or pad the data"
                )
        return counts


def sizes(layer: Windowed, name: str, value: Any) -> Any:
    """Return an argument of a layer that is one integer for all axes, or for images a pair of integers."""
    owner = type(layer).__name__
    if layer._axes == 2 and isinstance(value, list | tuple) and len(value) == 2:
        return tuple(positive_integer(owner, f"{name}[{i}]", n) for i, n in enumerate(value))
    return positive_integer(owner, name, value)


def windows_over(axes: int, size: Any, stride: Any, dilation: Any = 1, padding: str = "valid") -> Windows:
    """Return the windows for these arguments."""
    given = (size, stride, dilation)
    size, stride, dilation = (n if isinstance(n, tuple) else (n,) * axes for n in given)
    return Windows(size, stride, dilation, padding)
