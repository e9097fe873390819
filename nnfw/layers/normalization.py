"""LayerNorm: the features of each sample, or step, normalized to mean 0 and variance 1."""

from typing import Unpack

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import POSITIVE
from nnfw.layers.base import Layer, Options, with_samples
from nnfw.layers.parameters import NOTHING


class LayerNorm(Layer):
    """Normalize over the last axis, then scale and shift each feature by parameters.

    ::

        (1)  centred = x - mean(x)
        (2)  scale = 1 / √(mean(centred²) + ε)          (N, 1), or (N, T, 1)
        (3)  normalized = centred scale
        (4)  y = normalized∘gain + shift          (N, D) -> (N, D), or (N, T, D) -> (N, T, D)

    and backward::

        (4)      dnormalized = dy∘gain
        (3 to 1) dx = (dnormalized - mean(dnormalized) - normalized mean(dnormalized∘normalized)) scale

    Each sample and step is normalized by itself, so that training and inference are the same.

    Parameters
    ----------
    epsilon : float
        ε > 0.
    **options
        See `Layer`.

    References
    ----------
    Ba, Kiros & Hinton 2016, "Layer normalization" (arXiv:1607.06450).

    Examples
    --------
    >>> layer = LayerNorm()
    >>> _ = layer.compute_shapes((4,))
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0, 4.0]])).round(2)
    array([[-1.34, -0.45,  0.45,  1.34]], dtype=float32)
    """

    causal = True
    _adjustable = ("epsilon",)

    def __init__(self, *, epsilon: float = 1e-5, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.epsilon = POSITIVE("LayerNorm", "epsilon", epsilon)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape, (D,) or (T, D)."""
        if len(input_shape) not in (1, 2) or input_shape[-1] is None:
            raise ShapeError(
                f"{self._label}: expects (samples, features) or (samples, steps, features), "
                f"got {with_samples(input_shape)}; Reshape makes one axis of several"
            )
        self.add_parameter("gain", input_shape[-1:], "ones")
        self.add_parameter("shift", input_shape[-1:], "zeros")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x."""
        x = np.asarray(x, self.dtype)
        gain = self.params["gain"]
        self.check_input(x, len(gain))
        ones = np.ones_like(gain)
        centred = self._scratch("normalized", x.shape) if training else np.empty_like(x)
        np.subtract(x, means(x, ones), out=centred)  # (1)
        centred -= means(centred, ones)  # (1) again: the mean of features far from 0 was rounded
        y = centred * centred
        scale = 1 / np.sqrt(means(y, ones) + self.epsilon)  # (2)
        normalized = np.multiply(centred, scale, out=centred)  # (3)
        np.multiply(normalized, gain, out=y)  # (4)
        y += self.params["shift"]  # (4)
        if training:
            self.cache = {"normalized": normalized, "scale": scale}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of x."""
        normalized, gain = self._recall("normalized", "backward"), self.params["gain"]
        dy = self._check_gradient(dy, normalized.shape)
        product = np.multiply(dy, normalized, out=self._scratch("product", normalized.shape))
        self.cache = {**self.cache, "dy": dy, "product": product}
        if not self._needs_dx:
            return NOTHING
        dx: Array = dy * gain  # (4)
        dx -= np.multiply(
            normalized, means(product, gain), out=self._scratch("term", normalized.shape)
        )  # (2)
        dx -= means(dy, gain)  # (1)
        dx *= self.cache["scale"]  # (3)
        return dx

    def gradients(self) -> None:
        """Fill the gradients of gain and shift: (4), over all samples and steps at once."""
        D = len(self.params["gain"])
        dy = self._recall("dy", "gradients").reshape(-1, D)
        ones = np.ones(len(dy), self.dtype)
        np.matmul(ones, self.cache["product"].reshape(-1, D), out=self.grads["gain"])  # (4)
        np.matmul(ones, dy, out=self.grads["shift"])  # (4)


def means(x: Array, weights: Array) -> Array:
    """Return the mean of x∘weights over the last axis, (..., 1), without a pass over x for the product."""
    return (x @ (weights / len(weights)))[..., None]
