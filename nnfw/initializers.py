"""Initializers: the initial values of parameters.

Values are drawn in float64 and then rounded to the network's dtype, so that float32 and float64 networks with
the same seed start alike. A weight (D, H) has fan-in D, the inputs, and fan-out H, the units; for that of a
convolution, (K, D, H) or (K, K, D, H), both are multiplied by the size of the window.

``@nnfw.initializers.register("coins")`` above your own class makes it available by name.
"""

import math
from collections.abc import Callable

import numpy as np

from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array, ArrayLike, DTypeLike, Sizes
from nnfw.core.validation import AMOUNT, FINITE, function_of, generator

Draw = Callable[..., ArrayLike]  # f(rng, shape, dtype)


class Initializer(Part):
    """Base class of initializers. A subclass defines `draw`; a function ``f(rng, shape, dtype)`` works too.

    Examples
    --------
    >>> class Coins(Initializer):
    ...     def draw(self, rng, shape):
    ...         return rng.choice([-1.0, 1.0], shape)
    >>> Coins()(np.random.default_rng(0), (2, 3))
    array([[ 1.,  1.,  1.],
           [-1., -1., -1.]], dtype=float32)
    """

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        """Return float64 values of the given shape."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(rng, shape)")

    def __call__(self, rng: np.random.Generator, shape: Sizes, dtype: DTypeLike = "float32") -> Array:
        """Return the values of a parameter: (D, H) for a weight, (H,) for a bias, rounded to `dtype`."""
        values = self.draw(generator(type(self).__name__, "rng", rng), shape)
        if values.shape != tuple(shape):
            raise ShapeError(
                f"{type(self).__name__} has values of shape {values.shape}, but the parameter is {shape}; "
                "give values of the parameter's shape"
            )
        check_finite(
            values, f"{type(self).__name__}: values", dtype=np.dtype(dtype), remedy="use finite ones"
        )
        return np.array(values, dtype, order="C")


InitializerLike = str | Initializer | Array | Draw


def two_axes(initializer: Initializer, shape: Sizes) -> tuple[int, int]:
    """Return the sizes of a matrix (D, H)."""
    if len(shape) != 2:
        raise ShapeError(
            f"{type(initializer).__name__} is for weights of shape (inputs, units), got shape {shape}; "
            "choose zeros, constant, normal or uniform"
        )
    return shape


OTHER_NAMES = {
    "glorot": "glorot_uniform",
    "he": "he_normal",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "random_normal": "normal",
    "xavier": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
}
registry = Registry("initializer", Initializer, OTHER_NAMES)


class Given(Initializer):
    """A copy of the values of `array`, which has the parameter's shape, such as pretrained vectors."""

    def __init__(self, array: ArrayLike) -> None:
        self.array = numeric(array, "Given: array").astype(np.float64)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return self.array

    def __repr__(self) -> str:
        return f"Given(array of shape {self.array.shape})"


class FromFunction(Initializer):
    """The values returned by a function ``f(rng, shape, dtype)``, which is called with float64."""

    def __init__(self, function: Draw) -> None:
        self.function = function_of("rng", "shape", "dtype")("FromFunction", "function", function)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return np.asarray(self.function(rng, shape, np.float64))


@registry.register("constant")
class Constant(Initializer):
    """The same `value` everywhere."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = FINITE(type(self).__name__, "value", value)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return np.full(shape, self.value)


@registry.register("zeros")
class Zeros(Initializer):
    """Zeros everywhere."""

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return np.zeros(shape)


@registry.register("ones")
class Ones(Initializer):
    """Ones everywhere."""

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return np.ones(shape)


@registry.register("uniform")
class Uniform(Initializer):
    """Uniform values in [low, high)."""

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low, self.high = FINITE("Uniform", "low", low), FINITE("Uniform", "high", high)
        if not self.low < self.high:
            raise ValueError(f"Uniform: low must be below high, got low={low} and high={high}")

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return rng.uniform(self.low, self.high, shape)


@registry.register("normal")
class Normal(Initializer):
    """Normally distributed values with the given `mean` and standard deviation `std`."""

    def __init__(self, std: float = 0.05, *, mean: float = 0.0) -> None:
        self.std = AMOUNT(type(self).__name__, "std", std)
        self.mean = FINITE(type(self).__name__, "mean", mean)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return rng.normal(self.mean, self.std, shape)


@registry.register("truncated_normal")
class TruncatedNormal(Normal):
    """`Normal` values, redrawn if further than 2 `std` from the mean; their deviation is 0.8796 `std`."""

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        values = rng.standard_normal(shape)
        while np.any(far := np.abs(values) > 2.0):
            values[far] = rng.standard_normal(np.count_nonzero(far))
        return self.mean + self.std * values


class VarianceScaling(Initializer):
    """Base class for mean 0 and a variance that depends on the fans. A subclass defines `variance`.

    The values are uniform, or normal as in the papers and PyTorch (Keras truncates normal ones at 2 std).

    Examples
    --------
    >>> class FanOut(VarianceScaling):
    ...     def variance(self, D, H):
    ...         return 1 / H
    >>> weight = FanOut()(np.random.default_rng(0), (1000, 50))
    >>> round(float(weight.var()), 3)
    0.02
    """

    def variance(self, D: int, H: int) -> float:
        """Return the variance of a weight with fan-in D and fan-out H."""
        raise NotImplementedError

    def spread(self, rng: np.random.Generator, std: float, shape: Sizes) -> Array:
        """Return values of mean 0 and standard deviation `std`."""
        return rng.uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std, shape)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        *window, D, H = shape if len(shape) > 1 else two_axes(self, shape)  # it refuses a vector
        places = math.prod(window)
        return self.spread(rng, math.sqrt(self.variance(places * D, places * H)), shape)


class _Normally(VarianceScaling):
    def spread(self, rng: np.random.Generator, std: float, shape: Sizes) -> Array:
        return rng.normal(0.0, std, shape)


@registry.register("glorot_uniform")
class GlorotUniform(VarianceScaling):
    """Uniform, of variance 2 / (D + H), for tanh and sigmoid (Glorot & Bengio 2010, equation 16)."""

    def variance(self, D: int, H: int) -> float:
        return 2 / (D + H)


@registry.register("glorot_normal")
class GlorotNormal(_Normally, GlorotUniform):
    """`GlorotUniform`, but normal."""


@registry.register("he_uniform")
class HeUniform(VarianceScaling):
    """Uniform, of variance 2 / D, for relu (He et al. 2015, arXiv:1502.01852, equation 10)."""

    def variance(self, D: int, H: int) -> float:
        return 2 / D


@registry.register("he_normal")
class HeNormal(_Normally, HeUniform):
    """`HeUniform`, but normal."""


@registry.register("lecun_uniform")
class LecunUniform(VarianceScaling):
    """Uniform, of variance 1 / D, for selu and tanh (LeCun et al. 1998, "Efficient BackProp", 4.6)."""

    def variance(self, D: int, H: int) -> float:
        return 1 / D


@registry.register("lecun_normal")
class LecunNormal(_Normally, LecunUniform):
    """`LecunUniform`, but normal."""


@registry.register("orthogonal")
class Orthogonal(Initializer):
    """A uniformly distributed orthogonal matrix times `gain`: rows are orthonormal if D < H, else columns.

    It is Q of the QR decomposition of a normal matrix, with signs from the diagonal of R to make it uniform.
    Saxe, McClelland & Ganguli 2013 (arXiv:1312.6120); Mezzadri 2007, Notices of the AMS 54, 592.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = FINITE(type(self).__name__, "gain", gain)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        D, H = two_axes(self, shape)
        Q, R = np.linalg.qr(rng.standard_normal((max(D, H), min(D, H))))
        Q *= self.gain * np.copysign(1.0, np.diagonal(R))
        return Q if D >= H else Q.T


@registry.register("identity")
class Identity(Initializer):
    """The identity matrix times `gain`, truncated or zero-padded if not square (arXiv:1504.00941)."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = FINITE("Identity", "gain", gain)

    def draw(self, rng: np.random.Generator, shape: Sizes) -> Array:
        return self.gain * np.eye(*two_axes(self, shape))


def get(initializer: InitializerLike | type[Initializer]) -> Initializer:
    """Return the initializer for a name, a class, a function, an array, or the object itself.

    Examples
    --------
    >>> get("zeros"), get(np.eye(3))
    (Zeros(), Given(array of shape (3, 3)))
    """
    if isinstance(initializer, np.ndarray):
        return Given(initializer)
    if callable(initializer) and not isinstance(initializer, type | Initializer):
        return FromFunction(initializer)
    return registry.get(initializer)


register = registry.register

__all__ = [
    "Constant", "FromFunction", "Given", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "Initializer", "LecunNormal", "LecunUniform", "Normal", "Ones", "Orthogonal", "TruncatedNormal",
    "Uniform", "VarianceScaling", "Zeros", "get", "register", "registry",
]  # fmt: skip
