"""Random values, each drawn for itself, of a spread that does not depend on the parameter's shape."""

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import AMOUNT, FINITE
from nnfw.initializer import Initializer, Shape
from nnfw.initializers.given import initializers


@initializers.register("uniform")
class Uniform(Initializer):
    """Uniform values in [low, high).

    Parameters
    ----------
    low, high : float, default -0.05 and 0.05
        The bounds.
    """

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low, self.high = FINITE("Uniform", "low", low), FINITE("Uniform", "high", high)
        if not self.low < self.high:
            raise ValueError(f"Uniform: low must be below high, got low={low} and high={high}")

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return rng.uniform(self.low, self.high, shape)


@initializers.register("normal")
class Normal(Initializer):
    """Normally distributed values.

    Parameters
    ----------
    std : float, default 0.05
        Their standard deviation.
    mean : float, default 0.0
        Their mean.
    """

    def __init__(self, std: float = 0.05, *, mean: float = 0.0) -> None:
        self.std = AMOUNT(type(self).__name__, "std", std)
        self.mean = FINITE(type(self).__name__, "mean", mean)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return rng.normal(self.mean, self.std, shape)


@initializers.register("truncated_normal")
class TruncatedNormal(Normal):
    """Normally distributed values, those further than 2 std from the mean drawn again.

    `std` is meant before the cut, as in Keras; 0.8796 of it remain.
    """

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        values = rng.standard_normal(shape)
        while np.any(far := np.abs(values) > 2.0):
            values[far] = rng.standard_normal(np.count_nonzero(far))
        return self.mean + self.std * values
