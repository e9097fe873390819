"""LayerNorm: the features of each sample, or step, brought to mean 0 and variance 1."""

from typing import Unpack

import numpy as np

from nnfw.arrays import Array, Shape
from nnfw.checks import number
from nnfw.errors import ShapeError
from nnfw.layers.layer import NOTHING, Layer, Options, with_samples


class LayerNorm(Layer):
    """Normalizes over the last axis, and scales and shifts each feature as it learns to.

    ::

        (1)  u = x - mean(x)
        (2)  r = 1 / √(mean(u²) + ε)          (N, 1), or (N, T, 1)
        (3)  v = u r
        (4)  y = v∘gain + shift          (N, D) -> (N, D), or (N, T, D) -> (N, T, D)

    Each sample and step stands alone: it is the same in training and inference, at any batch size.

    Parameters
    ----------
    epsilon : float
        ε, above 0: what is added to the variance.
    **options
        See `Layer`.

    References
    ----------
    Ba, Kiros & Hinton 2016, "Layer normalization" (arXiv:1607.06450).

    Examples
    --------
    >>> layer = LayerNorm()
    >>> layer.compute_shapes((4,))
    (4,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0, 4.0]])).round(2)
    array([[-1.34, -0.45,  0.45,  1.34]], dtype=float32)
    """

    causal = True

    def __init__(self, *, epsilon: float = 1e-5, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.epsilon = number("LayerNorm", "epsilon", epsilon, low=0.0, open_low=True)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape, (D,) or (T, D)."""
        if len(input_shape) not in (1, 2) or input_shape[-1] is None:
            raise ShapeError(
                f"{self.label}: expects (samples, features) or (samples, steps, features), "
                f"got {with_samples(input_shape)}; Reshape makes one axis of several"
            )
        self.add_parameter("gain", input_shape[-1:], "ones")
        self.add_parameter("shift", input_shape[-1:], "zeros")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, (2, 3), "(samples, features) or (samples, steps, features)")
        u = self.buffer("v", x.shape) if training else np.empty_like(x)
        np.subtract(x, means(x, np.ones_like(self.params["gain"])), out=u)  # (1)
        r = 1 / np.sqrt(means(u * u, np.ones_like(self.params["gain"])) + self.epsilon)  # (2)
        v = np.multiply(u, r, out=u)  # (3)
        y = np.multiply(v, self.params["gain"], out=None if training else v)  # (4)
        y += self.params["shift"]
        if training:
            self.cache = {"v": v, "r": r}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of x: dx = (dv - mean(dv) - v mean(dv∘v)) r, where dv = dy∘gain."""
        v, r, gain = self.recall("v", "backward"), self.cache["r"], self.params["gain"]
        dy = self.check_gradient(dy, v.shape)
        p = np.multiply(dy, v, out=self.buffer("p", v.shape))
        self.cache = {"v": v, "r": r, "dy": dy, "p": p}
        if not self.needs_dx:
            return NOTHING
        dx: Array = dy * gain  # (4)
        dx -= np.multiply(v, means(p, gain), out=self.buffer("product", v.shape))  # (2)
        dx -= means(dy, gain)  # (1)
        dx *= r  # (3)
        return dx

    def gradients(self) -> None:
        """Fill the gradients of gain and shift: (4), over all samples and steps at once."""
        D = len(self.params["gain"])
        dy = self.recall("dy", "gradients").reshape(-1, D)
        ones = np.ones(len(dy), self.dtype)
        np.matmul(ones, self.cache["p"].reshape(-1, D), out=self.grads["gain"])
        np.matmul(ones, dy, out=self.grads["shift"])


def means(x: Array, weights: Array) -> Array:
    """Return the mean of x∘weights over the last axis, (..., 1), without a pass over x for the product."""
    return (x @ (weights / len(weights)))[..., None]
