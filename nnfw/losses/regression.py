"""How far the outputs are from targets that are real numbers."""

import math

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import POSITIVE
from nnfw.loss import Loss, above_zero, below_one
from nnfw.losses.given import losses

LOG_2 = math.log(2.0)


@losses.register("mse", "mean_squared_error")
class MSE(Loss):
    """Mean squared error, mean_K (a - y)²; as Keras and PyTorch ``MSELoss``."""

    def value(self, y: Array, a: Array) -> Array:
        return ((a - y) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return 2.0 * (a - y) / a.shape[-1]


@losses.register("mae", "mean_absolute_error")
class MAE(Loss):
    """Mean absolute error, mean_K |a - y|, with slope 0 at a = y; as Keras and PyTorch ``L1Loss``."""

    def value(self, y: Array, a: Array) -> Array:
        return np.abs(a - y).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.sign(a - y) / a.shape[-1]


@losses.register("msle", "mean_squared_logarithmic_error")
class MSLE(Loss):
    """Mean squared logarithmic error, mean_K (log(1 + a) - log(1 + y))².

    As scikit-learn; as Keras for a >= 0, which takes lower outputs for 0. Here those below -1 count as
    the float above -1; let the last layer end in relu, softplus or the like.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return ((np.log1p(-below_one(-a)) - np.log1p(y)) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        a = -below_one(-a)
        return 2.0 * (np.log1p(a) - np.log1p(y)) / ((1.0 + a) * a.shape[-1])


@losses.register("huber")
class Huber(Loss):
    """Huber's loss, the mean over K of d²/2 where |d| <= δ and δ (|d| - δ/2) beyond, d = a - y.

    As Keras and PyTorch ``HuberLoss``.

    Parameters
    ----------
    delta : float, default 1.0
        The error δ from which on the loss is linear, in units of `y`.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Stat. 35 (1964) 73.

    Examples
    --------
    >>> huber = Huber(delta=2.0)
    >>> huber([[0.0, 0.0]], [[1.0, 5.0]])
    4.25
    >>> huber.gradient([[0.0, 0.0]], [[1.0, 5.0]])
    array([[0.5, 1. ]])
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = POSITIVE("Huber", "delta", delta)

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.minimum(error, self.delta)
        return (near * (error - 0.5 * near)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.clip(a - y, -self.delta, self.delta) / a.shape[-1]


@losses.register("log_cosh")
class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine, mean_K log cosh(a - y); as Keras.

    It never overflows, and is right to a few units in the last place also near 0, where it is d²/2.
    """

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.log1p(2.0 * np.sinh(0.5 * np.minimum(error, 1.0)) ** 2)
        far = error + np.log1p(np.exp(-2.0 * error)) - LOG_2
        return np.where(error < 1.0, near, far).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.tanh(a - y) / a.shape[-1]


@losses.register("poisson")
class Poisson(Loss):
    """Poisson's negative log likelihood without its constant, mean_K (a - y log a), for rates a > 0.

    As PyTorch ``PoissonNLLLoss(log_input=False, eps=0)``; Keras adds 1e-7 to a within the logarithm.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return (a - y * np.log(above_zero(a))).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return (1.0 - y / above_zero(a)) / a.shape[-1]
