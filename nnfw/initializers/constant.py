"""One value everywhere."""

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import FINITE
from nnfw.initializer import Initializer, Shape
from nnfw.initializers.given import initializers


@initializers.register("constant")
class Constant(Initializer):
    """One value everywhere.

    Parameters
    ----------
    value : float, default 0.0
        The value.
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = FINITE(type(self).__name__, "value", value)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.full(shape, self.value)


@initializers.register("zeros")
class Zeros(Initializer):
    """Zeros everywhere."""

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.zeros(shape)


@initializers.register("ones")
class Ones(Initializer):
    """Ones everywhere."""

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.ones(shape)
