"""Reshape, Flatten and RepeatVector: the values of a sample in another shape, or at each of several steps."""

import math
from collections.abc import Iterable

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import positive_integer
from nnfw.layers.base import Layer, with_samples

REMEDY = "pool over time first (LastStep, MeanPooling or MaxPooling), or set return_sequences=False before it"


class Reshape(Layer):
    """Reshape each sample, with its values in the same order.

    Parameters
    ----------
    shape : int or tuple of int
        The output shape of a sample, without the batch axis; one axis may be -1, for whatever is left.
    name : str, optional
        See `Layer`.

    Examples
    --------
    >>> layer = Reshape((2, -1))
    >>> layer.compute_shapes((6,))
    (2, 3)
    >>> layer.forward(np.arange(6.0)[None])
    array([[[0., 1., 2.],
            [3., 4., 5.]]], dtype=float32)
    """

    takes_lengths = True

    def __init__(self, shape: int | Iterable[int], *, name: str | None = None) -> None:
        super().__init__(name=name)
        sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
        self.shape = tuple(-1 if n == -1 else positive_integer("Reshape", "shape", n) for n in sizes)
        if self.shape.count(-1) > 1:
            raise ValueError(f"Reshape: only one axis of shape can be -1, got {self.shape}; give the others")

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output shape of a sample."""
        sizes = [n for n in input_shape if n is not None]
        if len(sizes) < len(input_shape):
            raise ShapeError(
                f"{self._label}: a sample {input_shape} of any number of steps has no fixed size; {REMEDY}"
            )
        size, fixed = math.prod(sizes), math.prod(n for n in self.shape if n != -1)
        shape = tuple(size // fixed if n == -1 else n for n in self.shape)
        if math.prod(shape) != size:
            raise ShapeError(
                f"{self._label}: {with_samples(input_shape)} has {size} values per sample, which cannot be "
                f"reshaped to {self.shape}; the product of the shape must be the same"
            )
        return shape

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return x as ``(N, *shape)``; sequences of unequal `lengths` are refused: padding would count."""
        x = np.asarray(x, self.dtype)
        if lengths is not None and x.ndim > 2:
            lengths = check_lengths(self._label, lengths, *x.shape[:2])
            if np.any(lengths < x.shape[1]):
                raise ShapeError(
                    f"{self._label}: sequences of {lengths.min()} to {lengths.max()} steps, padded to "
                    f"{x.shape[1]}, have no common size; {REMEDY}"
                )
        y = x.reshape(len(x), *self.compute_shapes(x.shape[1:]))
        if training:
            self.cache = {"x": x, "y": y}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of x."""
        return self._check_gradient(dy).reshape(self.cache["x"].shape)


class Flatten(Reshape):
    """Flatten each sample to one axis of features: (N, ...) -> (N, D); same as ``Reshape(-1)``.

    Examples
    --------
    >>> Flatten().forward(np.array([[[0.0, 1.0], [2.0, 3.0]]]))
    array([[0., 1., 2., 3.]], dtype=float32)
    """

    shape = (-1,)

    def __init__(self, *, name: str | None = None) -> None:
        Layer.__init__(self, name=name)


class RepeatVector(Layer):
    """Repeat the features of each sample at T steps: (N, D) -> (N, T, D).

    ::

        (1)  yₜ = x          and backward  dx = Σₜ dyₜ

    Between two recurrent layers, it forms an encoder-decoder: the first layer encodes a sequence as its last
    state, from which the second computes T steps.

    Parameters
    ----------
    steps : int
        T.
    name : str, optional
        See `Layer`.

    References
    ----------
    Sutskever, Vinyals & Le 2014, "Sequence to sequence learning with neural networks" (arXiv:1409.3215); Cho
    et al. 2014 (arXiv:1406.1078), whose decoder is also given the same vector at each step.

    Examples
    --------
    >>> RepeatVector(3).forward(np.array([[1.0, 2.0]]))
    array([[[1., 2.],
            [1., 2.],
            [1., 2.]]], dtype=float32)
    """

    def __init__(self, steps: int, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.steps = positive_integer("RepeatVector", "steps", steps)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, D) for (D,)."""
        remedy = "a recurrent layer before it returns only its last state with return_sequences=False"
        self._features(input_shape, (2,), remedy)
        return (self.steps, *input_shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y (N, T, D) for x (N, D)."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, None, axes=(2,))
        y = np.repeat(x[:, None], self.steps, axis=1)  # (1)
        if training:
            self.cache = {"y": y}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx (N, D), given dy (N, T, D): (1)."""
        return self._check_gradient(dy).sum(axis=1)
