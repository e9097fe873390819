"""Scores of several classes as probabilities, which depend on one another."""

from typing import ClassVar, NoReturn

import numpy as np

from nnfw.activation import Activation, destination
from nnfw.activations.given import activations
from nnfw.arrays import Array
from nnfw.checks import POSITIVE


def _below_maximum(x: Array, temperature: float, out: Array) -> Array:
    """Return (x - max x) / temperature along the last axis; a difference that overflows is -inf."""
    top: Array = np.maximum.reduce(x, axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # as intended: the weight of such a score, exp(-inf), is 0
        if temperature == 1:
            return np.subtract(x, top, out=out)
        # In float64, because float32 has no room for a very small or large temperature.
        return np.divide(np.subtract(x, top, dtype=np.float64), temperature)


@activations.register("softmax")
class Softmax(Activation):
    """Probabilities along the last axis, y = exp(x/τ) / sum exp(x/τ), for x (..., K).

    Parameters
    ----------
    temperature : float
        τ, above 0: a high one makes the K probabilities even, a low one makes the largest win
        (Hinton et al. 2015, arXiv:1503.02531, eq. 1).

    Notes
    -----
    A far tail carries the rounding of its exponent: its relative error is (max x - x)/τ times that of 1.

    Examples
    --------
    >>> Softmax()(np.array([[1000.0, 1000.0, -1000.0]]))
    array([[0.5, 0.5, 0. ]])
    """

    elementwise: ClassVar[bool] = False

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = POSITIVE("Softmax", "temperature", temperature)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y = destination(x, out)
        np.exp(_below_maximum(x, self.temperature, out=y), out=y)
        y /= y.sum(axis=-1, keepdims=True)
        return y

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> NoReturn:
        """Raise a TypeError: there is no elementwise derivative."""
        raise TypeError(
            "softmax: each output depends on all K scores, so there is no elementwise derivative; "
            "call backward(dy, y), which multiplies by the whole Jacobian"
        )

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx = y (dy - sum dy y) / τ, the product of `dy` and the Jacobian."""
        dx: Array = dy - np.sum(dy * y, axis=-1, keepdims=True)
        dx *= y
        dx /= np.float64(self.temperature)  # in float64, as in `_below_maximum`
        return dx
