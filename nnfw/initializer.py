"""What every initializer shares: a draw in float64, rounded to the network's dtype."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nnfw.arrays import Array
from nnfw.checks import generator
from nnfw.errors import ShapeError
from nnfw.parts import Part

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape, DTypeLike], ArrayLike]


class Initializer(Part):
    """The base of initializers; one of your own writes `draw`, or is a function ``f(rng, shape, dtype)``.

    Examples
    --------
    >>> class Coins(Initializer):
    ...     def draw(self, rng, shape):
    ...         return rng.choice([-1.0, 1.0], shape)
    >>> Coins()(np.random.default_rng(0), (2, 3))
    array([[ 1.,  1.,  1.],
           [-1., -1., -1.]], dtype=float32)
    """

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Return float64 values of the given shape."""
        raise NotImplementedError

    def __call__(self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike = "float32") -> Array:
        """Return the first values of a parameter.

        Parameters
        ----------
        rng : numpy.random.Generator
            The source of randomness; from the same state come the same values.
        shape : tuple of int
            The parameter's shape: (D, H) for a weight, (H,) for a bias.
        dtype : dtype_like, default "float32"
            What the float64 draw is rounded to.

        Raises
        ------
        TypeError
            If `rng` is not a Generator.
        ShapeError
            If the initializer has no values of this shape.
        """
        values = self.draw(generator(type(self).__name__, "rng", rng), shape)
        if values.shape != tuple(shape):
            raise ShapeError(
                f"{type(self).__name__} has values of shape {values.shape}, but the parameter is {shape}; "
                f"give values of the parameter's shape"
            )
        return np.array(values, dtype, order="C")


def two_axes(initializer: Initializer, shape: Shape) -> tuple[int, int]:
    """Return the fan-in and fan-out of a weight (D, H); raise a ShapeError for any other shape."""
    if len(shape) != 2:
        raise ShapeError(
            f"{type(initializer).__name__} is for weights of shape (inputs, units), got the shape {shape}; "
            f"for such a parameter choose zeros, constant, normal or uniform"
        )
    return shape
