"""Pooling over time: one vector per sequence, the last step, or the mean or maximum over all steps."""

import numpy as np

from nnfw.core.lengths import check_lengths, valid_steps
from nnfw.core.typing import Array, Shape
from nnfw.layers.base import Layer
from nnfw.layers.parameters import NOTHING


class Pooling(Layer):
    """The base of pooling layers, which define `pool` and its backward `spread`: (N, T, D) -> (N, D).

    The output for a sequence of length 0 is 0. The only argument is `name`: see `Layer`.
    """

    takes_lengths = True

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (D,) for (T, D)."""
        return (self._features(input_shape, (3,)),)

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return y (N, D) for x (N, T, D); steps beyond the `lengths` (N,) are padding and ignored."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, None, axes=(3,))
        N, T, _ = x.shape
        counts = check_lengths(self._label, lengths, N, T)
        y = self.pool(x, counts, True if lengths is None else valid_steps(counts, T)[..., None])
        y[counts == 0] = 0
        if training:
            self.cache = {"x": x, "y": y, "lengths": counts}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy (N, D)."""
        dy = self._check_gradient(dy)
        if not self._needs_dx:
            return NOTHING
        lengths = self.cache["lengths"]
        dx = self.spread(dy, self.cache["x"], self.cache["y"], lengths)
        dx[lengths == 0] = 0
        return dx

    def pool(self, x: Array, lengths: Array, valid: "Array | bool") -> Array:
        """Return y (N, D) from the `valid` (N, T, 1) steps of x (N, T, D)."""
        raise NotImplementedError

    def spread(self, dy: Array, x: Array, y: Array, lengths: Array) -> Array:
        """Return dx (N, T, D) for dy (N, D)."""
        raise NotImplementedError


class LastStep(Pooling):
    """The last valid step of each sequence: (N, T, D) -> (N, D); see `Pooling`.

    Examples
    --------
    >>> x = np.array([[[1.0], [5.0], [3.0]]])
    >>> LastStep().forward(x), LastStep().forward(x, lengths=[2])
    (array([[3.]], dtype=float32), array([[5.]], dtype=float32))
    """

    causal = True

    def pool(self, x: Array, lengths: Array, valid: "Array | bool") -> Array:
        """Return each sequence's x at its last step."""
        return x[np.arange(len(x)), lengths - 1]

    def spread(self, dy: Array, x: Array, y: Array, lengths: Array) -> Array:
        """Return dx, which is dy at the last step and 0 elsewhere."""
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), lengths - 1] = dy
        return dx


class MeanPooling(Pooling):
    """The mean over the valid steps of each sequence: (N, T, D) -> (N, D); see `Pooling`.

    Examples
    --------
    >>> x = np.array([[[1.0], [5.0], [3.0]]])
    >>> MeanPooling().forward(x), MeanPooling().forward(x, lengths=[2])
    (array([[3.]], dtype=float32), array([[3.]], dtype=float32))
    """

    def pool(self, x: Array, lengths: Array, valid: "Array | bool") -> Array:
        """Return the sum over valid steps, divided by their number."""
        total: Array = x.sum(axis=1, where=valid)
        total /= np.maximum(lengths, 1)[:, None]
        return total

    def spread(self, dy: Array, x: Array, y: Array, lengths: Array) -> Array:
        """Return dx, an equal share of dy at each valid step."""
        share = valid_steps(lengths, x.shape[1]) / np.maximum(lengths, 1)[:, None]
        return share.astype(self.dtype)[..., None] * dy[:, None]


class MaxPooling(Pooling):
    """The largest value of each feature over the valid steps: (N, T, D) -> (N, D); see `Pooling`.

    Examples
    --------
    >>> x = np.array([[[1.0], [5.0], [3.0]]])
    >>> MaxPooling().forward(x), MaxPooling().forward(x, lengths=[1])
    (array([[5.]], dtype=float32), array([[1.]], dtype=float32))
    """

    def pool(self, x: Array, lengths: Array, valid: "Array | bool") -> Array:
        """Return the largest values."""
        largest: Array = x.max(axis=1, where=valid, initial=-np.inf)
        return largest

    def spread(self, dy: Array, x: Array, y: Array, lengths: Array) -> Array:
        """Return dx, which is dy at the first step with the largest value and 0 elsewhere."""
        first = (x == y[:, None]).argmax(axis=1)  # a valid one: padding comes after
        dx = np.zeros_like(x)
        np.put_along_axis(dx, first[:, None], dy[:, None], axis=1)
        return dx
