"""Activation functions: the output ``y`` of a layer for its logits ``x``, and the derivative for `backward`.

Where possible, the derivative is computed from the output ``y`` alone, so that a layer keeps one array.
Values are accurate to a few units in the last place at any finite x, far tails included, without overflow or
cancellation. nan stays nan.

``@nnfw.activations.register("sine")`` above your own class makes it available by name.
"""

import functools
import math
from typing import Any, ClassVar

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.registry import Part, Registry, is_own
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.validation import POSITIVE, Range


class Activation(Part):
    """Base class of activations, which are equal if they have the same class and arguments.

    A subclass defines ``__call__`` and `derivative`.

    Attributes
    ----------
    elementwise : bool
        Whether each output depends only on its own logit (False for softmax).
    needs_input : bool
        Whether `derivative` needs ``x`` besides ``y``.

    Examples
    --------
    >>> class Sine(Activation):
    ...     needs_input = True
    ...     def __call__(self, x, out=None):
    ...         return np.sin(x, out=out)
    ...     def derivative(self, y, x=None, out=None):
    ...         return np.cos(x, out=out)
    >>> sine, x = Sine(), np.array([0.0, np.pi / 2])
    >>> y = sine(x)
    >>> y, sine.backward(np.array([2.0, 2.0]), y, x).round(3)
    (array([0., 1.]), array([2., 0.]))
    """

    elementwise: ClassVar[bool] = True
    needs_input: ClassVar[bool] = False
    gate_scale: ClassVar[float] = 1.0  # `gate` is called with logits times gate_scale

    def __init_subclass__(cls) -> None:
        """Reset what a subclass that overrides ``__call__`` or `derivative` has faster forms of."""
        super().__init_subclass__()
        if "derivative" in vars(cls) and "backward" not in vars(cls):
            cls.backward = Activation.backward  # type: ignore[method-assign]
        if "__call__" in vars(cls) and "gate" not in vars(cls):
            cls.gate, cls.gate_scale = Activation.gate, Activation.gate_scale  # type: ignore[method-assign]

    @property
    def name(self) -> str:
        """The registered name, or else the name of the class."""
        return self._known_as or type(self).__name__

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        """Return the value at `x`, of the same shape and dtype; `out` may be `x` itself."""
        raise NotImplementedError(f"{self.name}: define __call__(self, x, out=None)")

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        """Return dy/dx elementwise, from the output `y` (and `x` if `needs_input`); `out` must not be `y`."""
        raise NotImplementedError(f"{self.name} has no elementwise derivative(self, y, x=None, out=None)")

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx, the gradient with respect to the logits, from the gradient `dy` of the output `y`."""
        return dy * self.derivative(y, x)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return the value for a recurrent gate, by a faster formula if there is one.

        With `out`, `x` may be overwritten, unless `derivative` needs it.
        """
        return self(x, out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and type(other) is type(self) and other.config == self.config

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.config.items())))

    def _required(self, x: Array | None) -> Array:
        if x is None:
            raise TypeError(f"{self.name}: the derivative needs the input; call derivative(y, x)")
        return x


def destination(x: Array, out: Array | None) -> Array:
    """Return `out`, or a new array of the shape and (floating) dtype of `x`."""
    return np.empty_like(x, dtype=np.result_type(x, 0.0), subok=False) if out is None else out


# Exact in any floating dtype; converting Python's numbers takes longer.
ZERO, HALF, ONE, INFINITY = (np.array(number, np.float32) for number in (0, 0.5, 1, np.inf))


def rectified(x: Array, out: Array | None = None) -> Array:
    """Return max(x, 0); for arrays, three times as fast as NumPy's maximum with a scalar."""
    return x.clip(ZERO, INFINITY, out) if isinstance(x, np.ndarray) else np.maximum(x, 0, out=out)


def decay(x: Array, out: Array | None = None) -> Array:
    """Return exp(-abs(x)), which never overflows; `out` may be `x`."""
    return np.exp(np.negative(np.abs(x, out=out), out=out), out=out)


def expm1_below(x: Array) -> Array:
    """Return exp(x) - 1 for x <= 0, faster than NumPy's expm1."""
    t = np.tanh(x * HALF)
    return (t + t) / (ONE - t)


def sigmoids(x: Array) -> tuple[Array, Array]:
    """Return the sigmoid of x and that of -x, each accurate where it is small."""
    e, negative = decay(x), np.signbit(x)
    total, positive = e + ONE, ~negative
    return (e * negative + positive) / total, (e * positive + negative) / total


registry = Registry("activation", Activation, {"identity": "linear", "logistic": "sigmoid", "swish": "silu"})


@registry.register("linear")
class Linear(Activation):
    """Identity, y = x."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.positive(x, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        dydx = destination(y, out)
        dydx.fill(1)
        return dydx


@registry.register("relu")
class ReLU(Activation):
    """Rectified linear unit, y = max(x, 0) (Nair & Hinton 2010); the derivative at 0 is 0."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return rectified(x, out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.sign(y, out=out)  # y is never negative; unlike y > 0, the sign keeps nan

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        return dy * (y > 0)  # multiplying by booleans is faster than by signs


@registry.register("leaky_relu")
class LeakyReLU(Activation):
    """Leaky rectifier, y = max(x, slope x), with a `slope` in (0, 1] (Maas et al. 2013)."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = Range(0.0, 1.0, open_low=True)("LeakyReLU", "slope", slope)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.maximum(x, np.multiply(x, self.slope), out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.maximum(np.sign(y), self.slope, out=out)


@registry.register("elu")
class ELU(Activation):
    """Exponential linear unit, y = x above 0 and `alpha` (exp(x) - 1) below (Clevert et al. 2016)."""

    scale: ClassVar[float] = 1.0

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = POSITIVE("ELU", "alpha", alpha)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        negative: Array = self.scale * self.alpha * expm1_below(np.minimum(x, ZERO))
        positive: Array = np.multiply(rectified(x, out), self.scale, out=out)
        return np.add(positive, negative, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        low, high = self.scale * self.alpha, self.scale
        dydx: Array = np.add(np.minimum(y, 0), low, out=destination(y, out))
        dydx += np.multiply(y > 0, high - low, dtype=dydx.dtype)
        return dydx


@registry.register("selu")
class SELU(ELU):
    """Scaled ELU, whose constants keep activations near mean 0 and variance 1 (Klambauer et al. 2017)."""

    alpha: float = 1.6732632423543772848
    scale: ClassVar[float] = 1.0507009873554804934

    def __init__(self) -> None:
        """Take no argument."""


@registry.register("softplus")
class Softplus(Activation):
    """Smooth rectifier, ``y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))`` (Dugas et al. 2001)."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        e = decay(x)
        above = e + ONE
        excess: Array = np.log(above) + (e - (above - ONE)) / above  # log(1 + e), faster than NumPy's log1p
        return np.add(rectified(x, out), excess, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.negative(expm1_below(-y), out=out)


@registry.register("sigmoid")
class Sigmoid(Activation):
    """Logistic function, ``y = 1 / (1 + exp(-x)) = exp(min(x, 0)) / (1 + exp(-|x|))``.

    The value is accurate in the left tail too, as needed for the logarithm of a probability. `gate` uses one
    exponential, which may overflow: 1 / (1 + inf) is 0, as intended.

    Examples
    --------
    >>> x = np.array([-50.0, 0.0])
    >>> Sigmoid()(x)
    array([1.92874985e-22, 5.00000000e-01])
    >>> Sigmoid().gate(-x)
    array([1.92874985e-22, 5.00000000e-01])
    """

    gate_scale = -1.0

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        numerator = np.exp(np.minimum(x, ZERO))
        denominator = np.add(ONE, decay(x, out), out=out)
        return np.divide(numerator, denominator, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.multiply(y, np.subtract(ONE, y, out=out), out=out)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return 1 / (1 + exp(x)), where `x` is minus the logit."""
        e = np.exp(x, out=None if out is None else x)
        return np.divide(ONE, np.add(e, ONE, out=e), out=out)


@registry.register("hard_sigmoid")
class HardSigmoid(Activation):
    """Piecewise linear sigmoid, y = max(0, min(1, x/6 + 1/2)); the derivative at the kinks is 0.

    As in Keras 3 and PyTorch; older Keras and ONNX use x/5 + 1/2.
    """

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y = np.add(x, 3, out=out)  # (x + 3)/6, because x/6 + 1/2 cancels near x = -3
        y = np.minimum(np.maximum(y, 0, out=out), 6, out=out)
        return np.divide(y, 6, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        inside = np.sign(np.multiply(y, np.subtract(1, y), out=out), out=out)  # 1 if 0 < y < 1; nan is kept
        return np.divide(inside, 6, out=out)


@registry.register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent."""

    __call__ = np.tanh  # type: ignore[assignment]  # the ufunc itself: recurrent layers call it each step

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.subtract(1, np.square(y, out=out), out=out)


@registry.register("softsign")
class Softsign(Activation):
    """Softsign, ``y = x / (1 + |x|)``, which saturates like ``1/|x|``, not ``exp(-|x|)`` (Bergstra 2009)."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.divide(x, np.add(1, np.abs(x)), out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.square(np.subtract(1, np.abs(y, out=out), out=out), out=out)


@registry.register("silu")
class SiLU(Activation):
    """Sigmoid linear unit, also called swish, y = x sigmoid(x) (Elfwing et al. 2018, arXiv:1702.03118)."""

    needs_input: ClassVar[bool] = True

    def _score(self, x: Array) -> Array:
        """Return s, the argument of the sigmoid."""
        return x

    def _score_derivative(self, x: Array) -> Array | float:
        """Return ds/dx."""
        return 1.0

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        s = self._score(x)
        root = np.exp(HALF * np.minimum(s, ZERO))  # multiplied by twice: only y itself can be subnormal
        rest: Array = root / (ONE + decay(s))
        return np.multiply(np.multiply(x, root, out=out), rest, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        x = self._required(x)
        left, right = sigmoids(self._score(x))
        return np.add(left, y * right * self._score_derivative(x), out=out)


@registry.register("gelu_tanh")
class GELUTanh(SiLU):
    """Approximate `GELU`, y = x/2 (1 + tanh u) = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x³).

    It differs from `GELU` by at most 5e-4 (Hendrycks & Gimpel 2016, arXiv:1606.08415, sec. 2). In the far
    left tail, rounding of the exponent magnifies the relative error by 2|u|.
    """

    _linear: ClassVar[float] = math.sqrt(8 / math.pi)
    _cubic: ClassVar[float] = 0.044715 * _linear

    def _score(self, x: Array) -> Array:
        x = np.clip(x, -30, 30)  # beyond these, the sigmoid is 0 or 1, and the cube might overflow
        return x * (self._linear + self._cubic * np.square(x))

    def _score_derivative(self, x: Array) -> Array | float:
        return self._linear + 3 * self._cubic * np.square(np.clip(x, -30, 30))


@registry.register("gelu")
class GELU(Activation):
    """Gaussian error linear unit, ``y = x Phi(x) = max(x, 0) - |x| Phi(-|x|)``, with Phi the normal CDF.

    Hendrycks & Gimpel 2016 (arXiv:1606.08415).

    Examples
    --------
    >>> GELU()(np.array([-30.0, -1.0, 1.0]))
    array([-1.47201418e-196, -1.58655254e-001,  8.41344746e-001])
    """

    needs_input: ClassVar[bool] = True

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        a = magnitude(x)
        lost = normal_density(a, a * mills_ratio(a))
        return np.subtract(rectified(x, out), lost, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        """Return Phi(x) + x phi(x), whose value at -x is 1 minus that at x."""
        x = self._required(x)
        a = magnitude(x)
        left = normal_density(a, mills_ratio(a) - a)
        return np.subtract(~np.signbit(x), np.copysign(ONE, x) * left, out=destination(x, out))


def magnitude(x: Array) -> Array:
    """Return abs(x), at most 40, beyond which Phi(-abs(x)) is 0."""
    return np.minimum(np.abs(x), 40, dtype=np.result_type(x, np.float32))


def normal_density(a: Array, factor: Array) -> Array:
    """Return phi(a) times a factor, in the memory of the factor, for 0 <= a <= 40."""
    head = np.floor(32 * a) / 32  # whose square is not rounded
    factor *= math.sqrt(0.5 / math.pi) * np.exp((head - a) * (head + a) / 2)
    factor *= np.exp(head * head / -2)
    return factor


def mills_ratio(a: Array) -> Array:
    """Return Phi(-a) / phi(a) for a >= 0, as a polynomial in t = (a - 4) / (a + 4), divided by a + 4.

    Shepherd & Laframboise 1981, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < inf",
    Mathematics of Computation 36.
    """
    end = a + 4
    t = (a - 4) / end
    highest, *coefficients = mills_coefficients(a.dtype)
    ratio = np.full_like(t, highest)
    for coefficient in coefficients:
        ratio *= t
        ratio += coefficient
    ratio /= end
    return ratio


@functools.cache  # not computed when nnfw is imported, since NumPy's polynomials take 3 ms to import
def mills_coefficients(dtype: np.dtype[Any]) -> list[float]:
    """Return the coefficients of the powers of t, highest first, as many as the dtype's precision needs."""
    series = CHEBYSHEV[:11] if dtype == np.float32 else CHEBYSHEV
    return [float(coefficient) for coefficient in np.polynomial.chebyshev.cheb2poly(series)[::-1]]


CHEBYSHEV = (
    2.4325604285150404, -1.8842545745794834, 0.5569566490963817, -0.12161597214420457, 0.017360708143727772,
    -0.0008036212007299657, -0.0002520349348054353, 4.7383719270581175e-05, 2.5325891365988257e-06,
    -1.5404069839913e-06, -8.474960630061696e-09, 5.185338601094672e-08, -2.8281293276602497e-10,
    -1.9486566378891076e-09, -2.491945496827567e-11, 7.957248719448846e-11, 4.618414179155219e-12,
    -3.290856124224385e-12, -4.36538404380973e-13, 1.2300711839232774e-13, 3.2414173582086784e-14,
    -3.0532395587325663e-15, -2.0183740275707353e-15, -7.170195501422588e-17,
)  # fmt: skip


@registry.register("softmax")
class Softmax(Activation):
    """Probabilities along the last axis, y = exp(x) / Σ exp(x), for x (..., K).

    In a far tail, rounding of the exponent magnifies the relative error by max x - x.

    Examples
    --------
    >>> Softmax()(np.array([[1000.0, 1000.0, -1000.0]]))
    array([[0.5, 0.5, 0. ]])
    """

    elementwise: ClassVar[bool] = False

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        top = np.maximum.reduce(x, axis=-1, keepdims=True)
        with np.errstate(over="ignore"):  # a difference that overflows is -inf, whose exponential is 0
            y: Array = np.exp(np.subtract(x, top, out=out), out=out)
        y /= np.add.reduce(y, axis=-1, keepdims=True)
        return y

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx = y (dy - sum dy y), the product of `dy` and the Jacobian."""
        dx: Array = dy - np.vecdot(dy, y)[..., None]
        dx *= y
        return dx


def check_own(activation: Activation) -> None:
    """Raise an error if value or `backward` has a shape other than that of x, or fails without x."""
    x, found = np.ones((2, 3), np.float32), dict[str, Array]()
    try:
        with np.errstate(all="ignore"):
            found["value"] = activation(x.copy())
            found["backward"] = activation.backward(x, found["value"], x if activation.needs_input else None)
    except Exception as error:  # it may require another width, or have no derivative
        if not found and isinstance(error, NotImplementedError):
            raise
        if found and not activation.needs_input and isinstance(error, TypeError):
            said = f"{activation.name}: the derivative fails if x is None ({error})"
            raise TypeError(f"{said}; if it needs x, set needs_input = True in the class") from error
    for what, array in found.items():
        if np.shape(array) != x.shape:
            raise ShapeError(
                f"{activation.name}: its {what} must have the shape of x, but has {np.shape(array)} for x "
                f"{x.shape}; to change the shape, write a layer"
            )


def fills_out(activation: Activation, units: int) -> bool:
    """Whether value and derivative are written into `out`, as the loops of recurrent layers require."""
    if is_own(type(activation)):
        return True
    x, out = np.ones((2, 1, units), np.float32)
    with np.errstate(all="ignore"):
        return activation(x, out) is out and activation.derivative(x, x, out) is out


def get(activation: str | Activation | type[Activation] | None) -> Activation:
    """Return the activation for a name, a class, or the object itself; None is linear.

    Examples
    --------
    >>> get("elu"), get(ELU(alpha=2.0))
    (ELU(), ELU(alpha=2.0))
    """
    if isinstance(activation, int):
        raise TypeError(
            f"activation must be a name or an object of Activation, got {activation} (int); the number of "
            f"inputs is inferred from the data: pass only the units"
        )
    if callable(activation) and not isinstance(activation, type | Activation):
        name = getattr(activation, "__name__", "")
        raise TypeError(
            f"activation must be a name or an object of Activation, got {name!r}, which has no derivative."
            f"{nearest(name, registry.names())} To write your own, define __call__ and derivative in a class."
        )
    found = registry.get("linear" if activation is None else activation)
    if not is_own(type(found)):
        check_own(found)
    return found


register = registry.register

__all__ = [
    "ELU", "GELU", "SELU", "Activation", "GELUTanh", "HardSigmoid", "LeakyReLU", "Linear", "ReLU", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh", "get", "register", "registry",
]  # fmt: skip
