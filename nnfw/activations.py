"""Activations: what a layer does to its scores ``x``, and the derivative that the way back needs.

Wherever the mathematics allows, the derivative is had from the output ``y`` alone, so that a layer keeps
one array and not two.

============  ========================  ===================================
name          y                         dy/dx
============  ========================  ===================================
linear        x                         1
relu          max(x, 0)                 1 if y > 0, else 0
leaky_relu    max(x, slope x)           1 if y > 0, else slope
elu           x, or alpha (exp x - 1)   1 if y > 0, else y + alpha
selu          scale elu(x)              scale if y > 0, else y + scale alpha
softplus      log(1 + exp x)            1 - exp(-y)
sigmoid       1 / (1 + exp(-x))         y (1 - y)
hard_sigmoid  x/6 + 1/2, within [0, 1]  1/6 if 0 < y < 1, else 0
tanh          tanh x                    1 - y²
softsign      x / (1 + |x|)             (1 - |y|)²
silu          x sigmoid(x)              needs x
gelu_tanh     x sigmoid(s(x))           needs x
gelu          x Phi(x)                  needs x
softmax       exp x / sum exp x         not elementwise, see `Softmax`
============  ========================  ===================================

Values are right to a few units in the last place at any finite x, far tails included, without a warning:
each is written so that no exponential overflows and nothing cancels. nan stays nan.

``@nnfw.activations.register("sine")`` above a class of your own makes it known by name.

Examples
--------
>>> import numpy as np
>>> get("leaky_relu")(np.array([-2.0, 3.0]))
array([-0.02,  3.  ])
>>> get("sigmoid")(np.array([-700.0, 0.0]))
array([9.85967654e-305, 5.00000000e-001])
"""

import math
from typing import ClassVar, NoReturn

import numpy as np

from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array
from nnfw.core.validation import POSITIVE, Range


class Activation(Part):
    """The base of all activations; one of your own needs ``__call__`` and `derivative`, and nothing else.

    Pass the object itself to a layer, or make it known by name too, with
    ``@nnfw.activations.register("sine")`` above the class.
    Activations of one class with equal arguments are equal.

    Attributes
    ----------
    elementwise : bool
        Whether each output depends on its own score only (False for softmax).
    needs_input : bool
        Whether `derivative` needs ``x`` besides ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> class Sine(Activation):
    ...     needs_input = True
    ...
    ...     def __call__(self, x, out=None):
    ...         return np.sin(x, out=out)
    ...
    ...     def derivative(self, y, x=None, out=None):
    ...         return np.cos(x, out=out)
    >>> sine, x = Sine(), np.array([0.0, np.pi / 2])
    >>> y = sine(x)
    >>> y
    array([0., 1.])
    >>> sine.backward(np.array([2.0, 2.0]), y, x).round(3)
    array([2., 0.])
    """

    elementwise: ClassVar[bool] = True
    needs_input: ClassVar[bool] = False
    gate_scale: ClassVar[float] = 1.0  # what scores are multiplied with before `gate`

    def __init_subclass__(cls) -> None:
        """Have a class that computes another value not inherit the gate of the old one."""
        super().__init_subclass__()
        if "__call__" in vars(cls) and "gate" not in vars(cls):
            cls.gate, cls.gate_scale = Activation.gate, Activation.gate_scale  # type: ignore[method-assign]

    @property
    def name(self) -> str:
        """The registered name; the name of the class where there is none."""
        return vars(type(self)).get("_known_as") or type(self).__name__

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        """Return the value at `x`, of the same shape and dtype; `out` may be `x` itself."""
        raise NotImplementedError(f"{self.name}: define __call__(self, x, out=None)")

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        """Return dy/dx elementwise, from the output `y` (and `x` if `needs_input`); `out` must not be `y`."""
        raise NotImplementedError(f"{self.name}: define derivative(self, y, x=None, out=None)")

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx, the gradient with respect to the scores, from the gradient `dy` of the output `y`."""
        return dy * self.derivative(y, x)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return the value as a recurrent gate needs it: the same, unless a faster form is close enough."""
        return self(x, out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and type(other) is type(self) and other.config == self.config

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.config.items())))

    def _given(self, x: Array | None) -> Array:
        if x is None:
            raise TypeError(f"{self.name}: the derivative needs the input; call derivative(y, x), got x=None")
        return x


def destination(x: Array, out: Array | None = None) -> Array:
    """Return where to write a result: `out`, or a new array of the shape and (floating) dtype of `x`."""
    return np.empty_like(x, dtype=np.result_type(x, 0.0), subok=False) if out is None else out


def decay(x: Array, out: Array | None = None) -> Array:
    """Return exp(-abs(x)), which never overflows; `out` may be `x`."""
    return np.exp(np.negative(np.abs(x, out=out), out=out), out=out)


REMEDIES = {
    int: "; the number of inputs is found from the data: give the units alone",
    type(None): "; no activation is 'linear'",
}

activations = Registry(
    "activation",
    Activation,
    synonyms={
        "expit": "sigmoid",
        "gelu_new": "gelu_tanh",
        "identity": "linear",
        "logistic": "sigmoid",
        "lrelu": "leaky_relu",
        "swish": "silu",
    },
)


def get(name_or_object: str | Activation | type[Activation]) -> Activation:
    """Return the activation for a name, a class, or the object itself.

    Examples
    --------
    >>> from nnfw.activations import ELU
    >>> get("elu"), get(ELU(alpha=2.0))
    (ELU(), ELU(alpha=2.0))
    >>> get("swish")
    Traceback (most recent call last):
    ValueError: unknown activation 'swish'; nnfw calls it 'silu'. Known: linear, relu, leaky_relu,
    elu, selu, softplus, sigmoid, hard_sigmoid, tanh, softsign, silu, gelu_tanh, gelu, softmax.
    """
    try:
        return activations.get(name_or_object)
    except TypeError as error:
        remedy = REMEDIES.get(type(name_or_object), "")
        error.args = (f"{error}{remedy}",)
        raise


@activations.register("linear")
class Linear(Activation):
    """The identity, y = x."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.positive(x, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        dydx = destination(y, out)
        dydx.fill(1)
        return dydx


@activations.register("relu")
class ReLU(Activation):
    """The rectifier, y = max(x, 0) (Nair & Hinton 2010); its derivative at 0 is 0."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.maximum(x, 0, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.sign(y, out=out)  # y is never negative; unlike y > 0, the sign keeps nan

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        return dy * (y > 0)  # a product with booleans is faster than one with signs


@activations.register("leaky_relu")
class LeakyReLU(Activation):
    """The rectifier that lets a little of the negative side pass, y = max(x, slope x) (Maas et al. 2013).

    Parameters
    ----------
    slope : float
        The derivative at x <= 0, in (0, 1]. At 0 it would be `ReLU`.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = Range(0.0, 1.0, open_low=True)("LeakyReLU", "slope", slope)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.maximum(x, np.multiply(x, self.slope), out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.maximum(np.sign(y), self.slope, out=out)


@activations.register("elu")
class ELU(Activation):
    """The exponential linear unit, y = x above 0 and alpha (exp(x) - 1) below (Clevert et al. 2016).

    Parameters
    ----------
    alpha : float
        How far y goes below 0; above 0. It is also the derivative at x = 0.
    """

    scale: ClassVar[float] = 1.0

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = POSITIVE("ELU", "alpha", alpha)

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        negative: Array = self.scale * self.alpha * np.expm1(np.minimum(x, 0))
        positive: Array = np.multiply(np.maximum(x, 0, out=out), self.scale, out=out)
        return np.add(positive, negative, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        dydx: Array = np.add(np.minimum(y, 0), self.scale * self.alpha, out=destination(y, out))
        np.copyto(dydx, self.scale, where=y > 0)
        return dydx


@activations.register("selu")
class SELU(ELU):
    """ELU with the alpha and scale that draw activations to mean 0 and variance 1 (Klambauer et al. 2017)."""

    scale: ClassVar[float] = 1.0507009873554804934

    def __init__(self) -> None:
        super().__init__(alpha=1.6732632423543772848)


@activations.register("softplus")
class Softplus(Activation):
    """The smooth rectifier, y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)) (Dugas et al. 2001)."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        excess: Array = np.log1p(decay(x))
        return np.add(np.maximum(x, 0, out=out), excess, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.negative(np.expm1(np.negative(y, out=out), out=out), out=out)


HALF = np.array(0.5, np.float32)  # exact in every type; at a recurrent layer's sizes a float costs as much


@activations.register("sigmoid")
class Sigmoid(Activation):
    """The logistic function, y = 1 / (1 + exp(-x)) = exp(min(x, 0)) / (1 + exp(-|x|)).

    A probability must be right in its left tail too: sigmoid(-700) is 1e-304 and its logarithm -700. This
    takes two exponentials. A gate only multiplies by its value, so that an error of one unit in the last
    place of 1 is lost in what it lets through: `gate` is one tanh, and its left tail ends in 0.

    Examples
    --------
    >>> x = np.array([-50.0, 0.0])
    >>> Sigmoid()(x)
    array([1.92874985e-22, 5.00000000e-01])
    >>> Sigmoid().gate(x)
    array([0. , 0.5])
    """

    gate_scale = 0.5

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        numerator = np.exp(np.minimum(x, 0))
        denominator = np.add(1, decay(x, out), out=out)
        return np.divide(numerator, denominator, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.multiply(y, np.subtract(1, y, out=out), out=out)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return 1/2 + 1/2 tanh(x), the fast form for half a score, right to one ulp of 1."""
        t = np.tanh(x, out=out)
        return np.add(np.multiply(t, HALF, out=out), HALF, out=out)


@activations.register("hard_sigmoid")
class HardSigmoid(Activation):
    """Three straight lines near the sigmoid, y = max(0, min(1, x/6 + 1/2)); the derivative at the kinks is 0.

    This is the form of Keras 3 and PyTorch; older Keras and ONNX have x/5 + 1/2.
    """

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y = np.add(x, 3, out=out)  # (x + 3)/6, because x/6 + 1/2 cancels near x = -3
        y = np.minimum(np.maximum(y, 0, out=out), 6, out=out)
        return np.divide(y, 6, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        inside = np.sign(np.multiply(y, np.subtract(1, y), out=out), out=out)  # 1 if 0 < y < 1; nan is kept
        return np.divide(inside, 6, out=out)


@activations.register("tanh")
class Tanh(Activation):
    """The hyperbolic tangent."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.subtract(1, np.square(y, out=out), out=out)


@activations.register("softsign")
class Softsign(Activation):
    """The slow sign, y = x / (1 + |x|): it saturates like 1/|x| and not like exp(-|x|) (Bergstra 2009)."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.divide(x, np.add(1, np.abs(x)), out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.square(np.subtract(1, np.abs(y, out=out), out=out), out=out)


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


@activations.register("softmax")
class Softmax(Activation):
    """Probabilities along the last axis, y = exp(x) / Σ exp(x), for x (..., K).

    Notes
    -----
    A far tail carries the rounding of its exponent: its relative error is max x - x times that of 1.

    Examples
    --------
    >>> Softmax()(np.array([[1000.0, 1000.0, -1000.0]]))
    array([[0.5, 0.5, 0. ]])
    """

    elementwise: ClassVar[bool] = False

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y = destination(x, out)
        top = np.maximum.reduce(x, axis=-1, keepdims=True)
        with np.errstate(over="ignore"):  # a difference that overflows is -inf, whose weight is 0
            np.exp(np.subtract(x, top, out=y), out=y)
        y /= y.sum(axis=-1, keepdims=True)
        return y

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> NoReturn:
        """Raise a TypeError: there is no elementwise derivative."""
        raise TypeError(
            "softmax: each output depends on all K scores, so there is no elementwise derivative; "
            "call backward(dy, y), which multiplies by the whole Jacobian"
        )

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx = y (dy - sum dy y), the product of `dy` and the Jacobian."""
        dx: Array = dy - np.sum(dy * y, axis=-1, keepdims=True)
        dx *= y
        return dx


register = activations.register

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "GELUTanh",
    "HardSigmoid",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "activations",
    "get",
    "register",
]
