"""Layers that are random in training: Dropout and GaussianNoise."""

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import AMOUNT, FRACTION, boolean
from nnfw.layers.base import Layer, with_samples


class Dropout(Layer):
    """Set inputs to 0 with probability p in training, and scale the others up to preserve the mean.

    ::

        (1)  m = 0 with probability p, else 1/(1 - p)
        (2)  y = x∘m          of the shape of x; in inference y = x

    and backward::

        (2)  dx = dy∘m

    Parameters
    ----------
    rate : float
        p, in [0, 1).
    same_at_each_step : bool
        For sequences (N, T, D): draw m once per sequence, (N, 1, D), so that a feature is dropped at all
        steps or at none (as in Gal & Ghahramani; Keras calls it SpatialDropout1D).
    name : str, optional
        See `Layer`.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).
    Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks"
    (arXiv:1512.05287).

    Examples
    --------
    >>> layer = Dropout(0.5)
    >>> layer.initialize(np.random.default_rng(0))
    >>> x = np.ones((1, 6))
    >>> layer.forward(x, training=True)
    array([[2., 2., 2., 0., 0., 0.]], dtype=float32)
    >>> layer.forward(x)
    array([[1., 1., 1., 1., 1., 1.]], dtype=float32)
    """

    causal = True
    _noisy = ("rate",)

    def __init__(self, rate: float, *, same_at_each_step: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = FRACTION("Dropout", "rate", rate)
        self.same_at_each_step = boolean("Dropout", "same_at_each_step", same_at_each_step)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        if self.same_at_each_step and len(input_shape) < 2:
            raise ShapeError(
                f"{self._label}: same_at_each_step expects (samples, steps, features), "
                f"got {with_samples(input_shape)}; leave it out if there are no steps"
            )
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x; in inference that is x."""
        x = np.asarray(x, self.dtype)
        if not training:
            return x
        shape = (len(x), 1, *x.shape[2:]) if self.same_at_each_step else x.shape
        kept = self.random().random(shape, np.float32) >= self.rate  # the same draw in a float64 network
        scale = self.dtype.type(1 / (1 - self.rate))
        m = np.multiply(kept, scale, out=self._scratch("m", shape))  # (1)
        y: Array = x * m  # (2)
        self.cache = {"m": m, "y": y}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of dy: (2)."""
        return self._check_gradient(dy) * self.cache["m"]  # (2)


class GaussianNoise(Layer):
    """Add Gaussian noise of mean 0 to the inputs in training.

    ::

        (1)  y = x + e,  e from N(0, std²)          of the shape of x; in inference y = x

    and backward::

        (1)  dx = dy

    Parameters
    ----------
    std : float
        The standard deviation of the noise, in the units of x; at least 0.
    name : str, optional
        See `Layer`.

    References
    ----------
    Bishop 1995, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7(1).

    Examples
    --------
    >>> layer = GaussianNoise(0.1)
    >>> layer.initialize(np.random.default_rng(0), "float64")
    >>> layer.forward(np.ones((1, 3)), training=True).round(2)
    array([[1.11, 0.86, 0.96]])
    """

    causal = True
    _noisy = ("std",)

    def __init__(self, std: float, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.std = AMOUNT("GaussianNoise", "std", std)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x; in inference that is x."""
        x = np.asarray(x, self.dtype)
        if not training:
            return x
        e = self.random().standard_normal(x.shape, np.float32)  # the same draw in a float64 network
        e *= self.std
        y: Array = x + e  # (1)
        self.cache = {"y": y}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, which is dy: (1)."""
        return self._check_gradient(dy)  # (1)
