"""Random weights, of a variance that the fan-in and the fan-out decide."""

import math

import numpy as np

from nnfw.arrays import Array
from nnfw.initializer import Initializer, Shape, two_axes
from nnfw.initializers.given import initializers


class VarianceScaling(Initializer):
    """Weights (D, H) of mean 0 and of a variance that keeps signals at their size from layer to layer.

    A subclass gives the `variance`; `spread` is uniform, or plainly normal as in the papers and PyTorch
    (Keras cuts its normal ones at 2 std).

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

    def spread(self, rng: np.random.Generator, std: float, shape: Shape) -> Array:
        """Return values of mean 0 and standard deviation `std`."""
        return rng.uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std, shape)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return self.spread(rng, math.sqrt(self.variance(*two_axes(self, shape))), shape)


class _Normally(VarianceScaling):
    def spread(self, rng: np.random.Generator, std: float, shape: Shape) -> Array:
        return rng.normal(0.0, std, shape)


@initializers.register("glorot_uniform")
class GlorotUniform(VarianceScaling):
    """Uniform, of variance 2 / (D + H): for tanh and sigmoid.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16.
    """

    def variance(self, D: int, H: int) -> float:
        return 2 / (D + H)


@initializers.register("glorot_normal")
class GlorotNormal(_Normally, GlorotUniform):
    """Normal, of the variance of `GlorotUniform`."""


@initializers.register("he_uniform")
class HeUniform(VarianceScaling):
    """Uniform, of variance 2 / D: for relu, which silences half of its inputs.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", arXiv:1502.01852, equation 10.
    """

    def variance(self, D: int, H: int) -> float:
        return 2 / D


@initializers.register("he_normal")
class HeNormal(_Normally, HeUniform):
    """Normal, of the variance of `HeUniform`."""


@initializers.register("lecun_uniform")
class LecunUniform(VarianceScaling):
    """Uniform, of variance 1 / D: for selu and tanh.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, section 4.6.
    """

    def variance(self, D: int, H: int) -> float:
        return 1 / D


@initializers.register("lecun_normal")
class LecunNormal(_Normally, LecunUniform):
    """Normal, of the variance of `LecunUniform`."""
