"""Decisions between classes: how many are right, and which class is taken for which."""

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.checks import FINITE, positive_integer
from nnfw.metric import MeanMetric, Metric, divide, open_classes
from nnfw.metrics.given import metrics


@metrics.register("top_k_accuracy")
class TopKAccuracy(MeanMetric):
    """The share of samples whose class is among the `k` largest outputs; first among equals.

    Parameters
    ----------
    k : int
        How many guesses a sample has, from 1 to K.

    Raises
    ------
    ValueError
        When `k` is below 1 or above the number of outputs, or there is but one output.

    Examples
    --------
    >>> top = TopKAccuracy(k=2)
    >>> top([2, 0], [[0.1, 0.2, 0.7], [0.1, 0.5, 0.4]]), top.name
    (0.5, 'top_2_accuracy')
    """

    higher_is_better = True

    def __init__(self, k: int = 5) -> None:
        self.k = positive_integer("TopKAccuracy", "k", k)

    @property
    def name(self) -> str:
        """The key in the history: ``"top_5_accuracy"``."""
        return f"top_{self.k}_accuracy"

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        truth, a = open_classes(y, a)
        if a.shape[1] < max(self.k, 2):
            raise ValueError(
                f"k={self.k} guesses need at least {max(self.k, 2)} outputs, got K={a.shape[1]}; "
                "choose a smaller k, or accuracy for a single output"
            )
        truth = truth[:, None]
        own = np.take_along_axis(a, truth, axis=1)
        # Not (a <= own), instead of (a > own), puts a nan ahead: a network that diverged is not right.
        ahead = ~(a <= own) | ((a == own) & (np.arange(a.shape[1]) < truth))
        return np.array([np.count_nonzero(ahead.sum(axis=1) < self.k), len(a)])


class ClassMetric(Metric):
    """The base of metrics of the true and the decided classes: write `count` and `result`.

    Parameters
    ----------
    threshold : float
        Of a single output: class 1 is decided above it. Use 0 for outputs from -1 to +1.

    Raises
    ------
    ValueError
        When shapes do not fit, or `y` holds a class that `a` has no output for.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = FINITE(type(self).__name__, "threshold", threshold)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        truth, a = open_classes(y, a)
        decided = a.argmax(axis=1) if a.shape[1] > 1 else (a[:, 0] > self.threshold).astype(np.intp)
        return self.count(truth, decided, max(a.shape[1], 2))

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        """Return the statistics of the true and the decided classes (M,), of `k` classes."""
        raise NotImplementedError


@metrics.register("accuracy")
class Accuracy(ClassMetric, MeanMetric):
    """The share of samples whose class is decided rightly; binary, integer and one-hot targets alike.

    Examples
    --------
    >>> Accuracy()([2, 0], [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    0.5
    """

    higher_is_better = True

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        return np.array([np.count_nonzero(truth == decided), len(truth)])


@metrics.register("confusion_matrix")
class ConfusionMatrix(ClassMetric):
    """How often each class (row) is decided to be each class (column): (K, K), and (2, 2) for one output.

    Examples
    --------
    >>> ConfusionMatrix()([0, 0, 1, 1], [0.1, 0.7, 0.8, 0.9])
    array([[1, 1],
           [0, 2]])
    """

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        return np.bincount(truth * k + decided, minlength=k * k).reshape(k, k)

    def result(self, s: Array) -> Array:
        return s


class CountMetric(ClassMetric):
    """The base of metrics that need, of the confusion matrix, only four counts of each class."""

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        """Return TP, FP, FN and TN of each class against all others: (4, K), small for any K."""
        tp = np.bincount(truth[truth == decided], minlength=k)
        fp = np.bincount(decided, minlength=k) - tp
        fn = np.bincount(truth, minlength=k) - tp
        return np.array([tp, fp, fn, len(truth) - tp - fp - fn])


@metrics.register("matthews_correlation")
class MatthewsCorrelation(CountMetric):
    """The correlation of true and decided classes, from -1 over 0 (chance) to 1, for any K.

    References
    ----------
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient.

    Examples
    --------
    >>> MatthewsCorrelation()([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8])
    0.5773502691896258
    """

    higher_is_better = True

    def result(self, s: Array) -> float:
        tp, fp, fn, _ = s.astype(np.float64)
        truth, decided = tp + fn, tp + fp
        n = truth.sum()
        covariance = n * tp.sum() - truth @ decided
        variances = (n * n - truth @ truth) * (n * n - decided @ decided)
        return float(divide(covariance, np.sqrt(variances)))
