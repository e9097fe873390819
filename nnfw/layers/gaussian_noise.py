"""GaussianNoise: in training, the inputs are blurred."""

import numpy as np

from nnfw.arrays import Array, Shape
from nnfw.checks import AMOUNT
from nnfw.layers.layer import Layer


class GaussianNoise(Layer):
    """Adds normal noise of mean 0 to the inputs in training, so that the network learns not to mind it.

    ::

        (1)  y = x + e,  e from N(0, std²)          of the shape of x

    In inference, y is x.

    Parameters
    ----------
    std : float
        The noise's standard deviation, in the units of x; at least 0.
    name : str, optional
        See `Layer`.

    References
    ----------
    Bishop 1995, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7(1).

    Examples
    --------
    >>> layer = GaussianNoise(0.1)
    >>> layer.compute_shapes((3,))
    (3,)
    >>> layer.initialize(np.random.default_rng(0), "float64")
    >>> layer.forward(np.ones((1, 3)), training=True).round(2)
    array([[1.11, 0.86, 0.96]])
    >>> layer.forward(np.ones((1, 3)))
    array([[1., 1., 1.]])
    """

    causal = True

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
        return self.check_gradient(dy, self.recall("y", "backward").shape)
