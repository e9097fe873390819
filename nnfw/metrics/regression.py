"""How far the outputs are from targets that are real numbers."""

import math

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.metric import MeanMetric, Metric, divide, open_values
from nnfw.metrics.given import metrics


@metrics.register("mae", "mean_absolute_error")
class MAE(MeanMetric):
    """The mean absolute error over all samples and outputs: mean |y - a|.

    Examples
    --------
    >>> MAE()([1.0, 2.0], [1.5, 1.0])
    0.75
    """

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = open_values(y, a)
        return np.array([np.abs(y - a).sum(), a.size])


@metrics.register("mse", "mean_squared_error")
class MSE(MeanMetric):
    """The mean squared error over all samples and outputs: mean (y - a)².

    Examples
    --------
    >>> MSE()([1.0, 2.0], [1.5, 1.0])
    0.625
    """

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = open_values(y, a)
        return np.array([np.square(y - a).sum(), a.size])


@metrics.register("rmse")
class RMSE(MSE):
    """The root of the mean squared error, taken once, after the mean over all samples and outputs.

    Examples
    --------
    >>> RMSE()([1.0, 2.0], [4.0, -1.0])
    3.0
    """

    def result(self, s: Array) -> float:
        return math.sqrt(super().result(s))


@metrics.register("r2")
class R2(Metric):
    """The coefficient of determination, R² = 1 - Σ(y - a)² / Σ(y - ȳ)², averaged over the outputs.

    An output whose targets are all equal counts 1.0 when it meets them exactly, else 0.0.

    References
    ----------
    Chan, Golub & LeVeque (1979), Updating formulae and a pairwise algorithm for computing sample
    variances: spreads are merged without ever forming Σy², in which a large mean would drown them.

    Examples
    --------
    >>> R2()([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """

    higher_is_better = True

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return for each output (5, K): count, first and mean of `y`, Σ(y - ȳ)² and Σ(y - a)².

        The mean is counted from the first target. So no digit is lost to a large offset, and targets that
        are all equal have a spread of exactly 0.
        """
        y, a = open_values(y, a)
        offset = y - y[0]
        mean = offset.mean(axis=0)
        spread, error = np.square(offset - mean).sum(axis=0), np.square(y - a).sum(axis=0)
        return np.array([np.full_like(mean, len(y)), y[0], mean, spread, error])

    def merge(self, s: Array, t: Array) -> Array:
        (n, first, mean, *_), (m, other_first, other_mean, *_) = s, t
        apart = (other_first - first) + (other_mean - mean)
        both = s + t
        both[1:3] = first, mean + apart * m / (n + m)
        both[3] += apart**2 * n * m / (n + m)
        return both

    def result(self, s: Array) -> float:
        spread, error = s[3:]
        return float(np.where(error == 0, 1.0, divide(spread - error, spread)).mean())
