"""Scores that open a gate for themselves: x times a share between 0 and 1 that grows with x."""

import math
from typing import ClassVar

import numpy as np

from nnfw.activation import Activation, decay, destination
from nnfw.activations.given import activations
from nnfw.activations.squashing import Sigmoid
from nnfw.arrays import Array


@activations.register("silu")
class SiLU(Activation):
    """The self-gated unit, also named swish, y = x sigmoid(x) (Elfwing et al. 2018, arXiv:1702.03118)."""

    needs_input: ClassVar[bool] = True

    def _score(self, x: Array) -> Array:
        """Return s, of which the gate is the sigmoid: x itself, but for `GELUTanh`."""
        return x

    def _score_derivative(self, x: Array) -> Array | float:
        """Return ds/dx."""
        return 1.0

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        s = self._score(x)
        root = np.exp(0.5 * np.minimum(s, 0))  # taken twice, so that nothing but y itself gets subnormal
        rest: Array = root / (1 + decay(s))
        return np.multiply(np.multiply(x, root, out=out), rest, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        x = self._given(x)
        s, sigmoid = self._score(x), Sigmoid()
        return np.add(sigmoid(s), y * sigmoid(-s) * self._score_derivative(x), out=out)


@activations.register("gelu_tanh")
class GELUTanh(SiLU):
    """The fast form of `GELU`, y = x/2 (1 + tanh u) = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x³).

    It differs from the exact one by at most 5e-4 (Hendrycks & Gimpel 2016, arXiv:1606.08415, sec. 2). Its
    far left tail carries the rounding of its exponent: the relative error is 2|u| times that of 1.
    """

    _linear: ClassVar[float] = math.sqrt(8 / math.pi)
    _cubic: ClassVar[float] = 0.044715 * _linear

    def _score(self, x: Array) -> Array:
        x = np.clip(x, -30, 30)  # beyond, the sigmoid is 0 or 1, and the cube might overflow
        s: Array = x * (self._linear + self._cubic * np.square(x))
        return s

    def _score_derivative(self, x: Array) -> Array:
        slope: Array = self._linear + 3 * self._cubic * np.square(np.clip(x, -30, 30))
        return slope


@activations.register("gelu")
class GELU(Activation):
    """The Gaussian error linear unit, y = x Phi(x) = max(x, 0) - |x| Phi(-|x|), Phi the normal distribution.

    NumPy has no erfc, so this takes the standard library's, number by number: right to the last bits, and
    tens of times slower than `GELUTanh`, the fast one (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    Examples
    --------
    >>> GELU()(np.array([-30.0, -1.0, 1.0]))
    array([-1.47201418e-196, -1.58655254e-001,  8.41344746e-001])
    """

    needs_input: ClassVar[bool] = True

    @staticmethod
    def _magnitude(x: Array) -> Array:
        """Return abs(x), up to where Phi(-abs(x)) is 0 in float64."""
        return np.minimum(np.abs(x), 40, dtype=np.float64)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        a = self._magnitude(x)
        lost: Array = a * _normal_tail(a)
        y = np.maximum(x, 0, out=destination(x, out))
        return np.subtract(y, lost, out=y)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        """Return Phi(x) + x phi(x), which at -x is 1 minus its value at x."""
        x = self._given(x)
        a = self._magnitude(x)
        left = _normal_tail(a) - a * _normal_density(a)
        dydx: Array = np.subtract(1, left, out=destination(x, out))
        np.copyto(dydx, left, where=x < 0)
        return dydx


def _half_square(x: Array) -> tuple[Array, Array]:
    """Return x²/2 as a sum without rounding: the upper half of the digits squared, and the small rest."""
    head = x.astype(np.float32).astype(np.float64)
    return head * head / 2, (x - head) * (x + head) / 2


def _normal_density(a: Array) -> Array:
    """Return phi(a) = exp(-a²/2) / sqrt(2 pi)."""
    large, small = _half_square(a)
    phi: Array = np.exp(-large) * np.exp(-small) / math.sqrt(2 * math.pi)
    return phi


def _normal_tail(a: Array) -> Array:
    """Return Phi(-a) = erfc(a/sqrt 2) / 2 for a >= 0, in float64."""
    z = a * math.sqrt(0.5)
    erfc = np.fromiter(map(math.erfc, z.ravel().tolist()), np.float64, z.size).reshape(z.shape)
    # erfc falls like exp(-z²), which magnifies the rounding of z: exp(z² - a²/2) puts it right.
    (z_large, z_small), (a_large, a_small) = _half_square(z), _half_square(a)
    tail: Array = erfc / 2 * np.exp((2 * z_large - a_large) + (2 * z_small - a_small))
    return tail
