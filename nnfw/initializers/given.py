"""What stands for an initializer: its name, an object or its class, an array, and any function."""

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.initializer import Draw, Initializer, Shape
from nnfw.parts import Registry


class _Initializers(Registry[Initializer]):
    def get(self, part: "str | Initializer | type[Initializer] | Draw | Array") -> Initializer:
        """Return the initializer for a name, a class, a function, an array, or the object itself."""
        if isinstance(part, np.ndarray):
            return Given(part)
        if callable(part) and not isinstance(part, type | Initializer):
            return FromFunction(part)
        return super().get(part)


initializers = _Initializers(
    "initializer",
    Initializer,
    synonyms={
        "eye": "identity",
        "gaussian": "normal",
        "glorot": "glorot_uniform",
        "he": "he_normal",
        "kaiming_normal": "he_normal",
        "kaiming_uniform": "he_uniform",
        "lecun": "lecun_normal",
        "random_normal": "normal",
        "random_uniform": "uniform",
        "trunc_normal": "truncated_normal",
        "xavier": "glorot_uniform",
        "xavier_normal": "glorot_normal",
        "xavier_uniform": "glorot_uniform",
    },
)


def get(initializer: "str | Initializer | type[Initializer] | Draw | Array") -> Initializer:
    """Return the initializer for a name, a class, a function, an array, or the object itself.

    Examples
    --------
    >>> get("zeros")
    Zeros()
    >>> get(np.eye(3))
    Given(array of shape (3, 3))
    """
    return initializers.get(initializer)


class Given(Initializer):
    """The values of an array, such as vectors trained elsewhere.

    Parameters
    ----------
    array : array_like
        The values, in the shape of the parameter; they are copied.
    """

    def __init__(self, array: ArrayLike) -> None:
        self.array = np.array(array, np.float64)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return self.array

    def __repr__(self) -> str:
        return f"Given(array of shape {self.array.shape})"


class FromFunction(Initializer):
    """The values of a function ``f(rng, shape, dtype)``, which is asked for float64.

    Parameters
    ----------
    function : callable
        The function.
    """

    def __init__(self, function: Draw) -> None:
        self.function = function

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.asarray(self.function(rng, shape, np.float64))
