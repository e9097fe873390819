"""The straight line, and the rectifiers: what is above 0 passes, of what is below 0 little or nothing."""

from typing import ClassVar

import numpy as np

from nnfw.activation import Activation, decay, destination
from nnfw.activations.given import activations
from nnfw.arrays import Array
from nnfw.checks import POSITIVE, Range


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
