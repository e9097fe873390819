"""Pooling over windows of a few steps or pixels; see `nnfw.layers.pooling` for pooling over all steps."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from nnfw.core.typing import Array, Shape
from nnfw.layers.windows import Windowed, sizes, windows_over


class WindowPooling(Windowed):
    """The base of pooling over windows: (N, T, D) -> (N, T', D), or (N, H, W, D) -> (N, H', W', D).

    With xₖ the values at position k of each window, k = 0, 1, ...::

        (1)  y = maxₖ xₖ, or Σₖ xₖ / K

    and backward::

        (1)  dxₖ = dy at the first k where xₖ = y, else 0;  or dy / K
             dx = Σₖ dxₖ, each at the place of xₖ

    Windows lie within the data: T' = ⌊(T - K) / stride⌋ + 1; values after the last window are ignored.

    Parameters
    ----------
    pool_size : int, or for images a pair
        K, the number of values in a window along each axis.
    stride : int, or for images a pair, optional
        The steps from one window to the next; by default K, so that windows do not overlap.
    name : str, optional
        See `Layer`.
    """

    _merge: ClassVar[np.ufunc]  # takes one more value of each window into y
    _extent = property(lambda self: str(self.pool_size))

    def __init__(
        self,
        pool_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.pool_size = sizes(self, "pool_size", pool_size)
        self.stride = None if stride is None else sizes(self, "stride", stride)
        self._windows = windows_over(self._axes, self.pool_size, self.stride or self.pool_size)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T', D) for (T, D), or for images (H', W', D) for (H, W, D)."""
        return (*self._counts(input_shape), input_shape[-1])

    def slide(self, x: Array, training: bool) -> Array:
        """Return y (N, ..., D): (1)."""
        if training:
            self.cache = {}
        first, *others = self._windows.taps(x)
        y = first.copy()
        for x_k in others:
            self._merge(y, x_k, out=y)
        return y


class WindowMaximum(WindowPooling):
    """The base of `MaxPooling1D` and `MaxPooling2D`."""

    _merge = np.maximum

    def spread(self, ds: Array, dx: Array) -> None:
        """Add the contribution of each window to dx, which is 0: (1)."""
        y, left, found = self.cache["y"], ds.copy(), np.empty_like(ds)
        apart = np.all(np.array(self._windows.stride) >= self._windows.size)
        taps = self._windows.taps
        for x_k, dx_k in zip(taps(self.cache["x"]), taps(dx), strict=True):
            np.multiply(left, x_k == y, out=found)
            left -= found  # the gradients whose largest value is not found yet
            if apart:  # no place is in two windows: dx is still 0 there
                dx_k[...] = found
            else:
                dx_k += found


class WindowMean(WindowPooling):
    """The base of `AveragePooling1D` and `AveragePooling2D`."""

    _merge = np.add

    def slide(self, x: Array, training: bool) -> Array:
        """Return y (N, ..., D): (1)."""
        y = super().slide(x, training)
        y /= np.prod(self._windows.size)
        return y

    def spread(self, ds: Array, dx: Array) -> None:
        """Add the contribution of each window to dx, which is 0: (1)."""
        share = ds / self.dtype.type(np.prod(self._windows.size))
        for dx_k in self._windows.taps(dx):
            dx_k += share


class MaxPooling1D(WindowMaximum):
    """The largest value of each feature in windows of steps: (N, T, D) -> (N, T', D); see `WindowPooling`.

    `MaxPooling` takes the largest value over all steps.

    Examples
    --------
    >>> x = np.array([[[1.0], [5.0], [3.0], [2.0], [9.0]]])
    >>> MaxPooling1D(2).forward(x).ravel(), MaxPooling1D(3, stride=1).forward(x).ravel()
    (array([5., 3.], dtype=float32), array([5., 5., 9.], dtype=float32))
    """

    takes_lengths = True


class AveragePooling1D(WindowMean):
    """The mean of each feature in windows of steps: (N, T, D) -> (N, T', D); see `WindowPooling`.

    `MeanPooling` takes the mean over all steps.

    Examples
    --------
    >>> AveragePooling1D(2).forward(np.array([[[1.0], [5.0], [3.0], [2.0], [9.0]]])).ravel()
    array([3. , 2.5], dtype=float32)
    """

    takes_lengths = True


class MaxPooling2D(WindowMaximum):
    """The largest value of each channel in windows of pixels; see `WindowPooling`.

    For pooling over whole images, use ``Reshape((H * W, D))`` and `MaxPooling`.

    Examples
    --------
    >>> MaxPooling2D(2).forward(np.arange(16.0).reshape(1, 4, 4, 1))[0, ..., 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    _axes = 2


class AveragePooling2D(WindowMean):
    """The mean of each channel in windows of pixels; see `WindowPooling`.

    For pooling over whole images, use ``Reshape((H * W, D))`` and `MeanPooling`.

    Examples
    --------
    >>> AveragePooling2D((2, 4)).forward(np.arange(16.0).reshape(1, 4, 4, 1))[0, ..., 0]
    array([[ 3.5],
           [11.5]], dtype=float32)
    """

    _axes = 2
