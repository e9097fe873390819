"""The metrics, over targets ``y`` and outputs ``a`` in the forms that `nnfw.metric` explains.

A ratio 0/0 (the precision of a class that was never decided) is 0.0, as in scikit-learn, without a warning.
The arguments `threshold` and `average` are explained once, on `ClassMetric` and `RatioMetric`.
"""
# ruff: noqa: D102 (statistics, merge and result are documented on Metric; so too their refinements)

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.checks import number, positive_integer
from nnfw.joint import Array
from nnfw.metric import Metric as Metric
from nnfw.metric import divide, open_classes, open_values
from nnfw.names import nearest
from nnfw.parts import Registry

AVERAGES = ("auto", "binary", "macro", "micro", "weighted")

# nnfw's name -> what other libraries call it.
OTHER_NAMES = {
    "accuracy": "acc accuracy_score binary_accuracy categorical_accuracy sparse_categorical_accuracy",
    "top_k_accuracy": "top_k_accuracy_score top_k_categorical_accuracy sparse_top_k_categorical_accuracy",
    "precision": "ppv precision_score",
    "recall": "sensitivity tpr recall_score",
    "specificity": "tnr selectivity",
    "negative_predictive_value": "npv",
    "f1": "f1_score f1score",
    "matthews_correlation": "mcc matthews_corrcoef",
    "mae": "mean_absolute_error l1",
    "mse": "mean_squared_error l2",
    "rmse": "root_mean_squared_error",
    "r2": "r2_score r2score",
}
SYNONYMS = {other: name for name, others in OTHER_NAMES.items() for other in others.split()}
metrics = Registry("metric", Metric, SYNONYMS)


def get(metric: str | Metric | type[Metric] | Callable[[Any, Any], float]) -> Metric:
    """Return the metric for a name, an object, a class, or a plain function ``f(y, a) -> float``.

    Raises
    ------
    ValueError
        For a name that is not known, with the nearest one.
    TypeError
        For anything else.

    Examples
    --------
    >>> get("f1")
    F1()
    >>> def largest_error(y, a):
    ...     return abs(y - a).max()
    >>> get(largest_error).name
    'largest_error'
    >>> get("mcc")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: unknown metric 'mcc'; nnfw calls it 'matthews_correlation'. Known: ...
    """
    if isinstance(metric, str | Metric | type) or not callable(metric):
        return metrics.get(metric)
    return FunctionMetric(metric)


# ---- Means over the samples ----------------------------------------------------------------------------


class MeanMetric(Metric):
    """The base of metrics that are a mean: their statistics are a sum, and the number of its terms."""

    def result(self, s: Array) -> float:
        return float(s[0] / s[1])


class FunctionMetric(MeanMetric):
    """A plain function as a metric: its mean over the batches, weighted by their samples.

    Parameters
    ----------
    function : callable
        ``function(y, a) -> float``. Its ``__name__`` is the metric's name.

    Raises
    ------
    TypeError
        When the function returns anything but one number.

    Examples
    --------
    >>> def largest_error(y, a):
    ...     return np.abs(y - a).max()
    >>> from nnfw.metric import Running
    >>> running = Running(FunctionMetric(largest_error))
    >>> running.add(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    >>> running.add(np.array([1.0]), np.array([6.0]))
    >>> running.metric.name, running.result()  # (3 * 1.0 + 1 * 5.0) / 4
    ('largest_error', 2.0)
    """

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        self.function = function

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        value, samples = self.function(y, a), len(np.atleast_1d(a))
        if np.ndim(value) != 0:
            shape = np.shape(value)
            raise TypeError(f"the metric {self.name} must return one number, got shape {shape}; take a mean")
        return np.array([float(value) * samples, samples])


@metrics.register("mae")
class MAE(MeanMetric):
    """The mean absolute error over all samples and outputs: mean |y - a|.

    Examples
    --------
    >>> MAE()([1.0, 2.0], [1.5, 1.0])
    0.75
    """

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = open_values(y, a)
        return np.array([np.abs(y - a).sum(), a.size])


@metrics.register("mse")
class MSE(MeanMetric):
    """The mean squared error over all samples and outputs: mean (y - a)².

    Examples
    --------
    >>> MSE()([1.0, 2.0], [1.5, 1.0])
    0.625
    """

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


# ---- Decisions between classes -------------------------------------------------------------------------


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
        self.threshold = number(type(self).__name__, "threshold", threshold)

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

    def result(self, s: Array) -> float:
        tp, fp, fn, _ = s.astype(np.float64)
        truth, decided = tp + fn, tp + fp
        n = truth.sum()
        covariance = n * tp.sum() - truth @ decided
        variances = (n * n - truth @ truth) * (n * n - decided @ decided)
        return float(divide(covariance, np.sqrt(variances)))


class RatioMetric(CountMetric):
    """The base of ratios of the four counts: a new one is one line, `ratio`.

    Parameters
    ----------
    average : str
        "binary": of class 1 alone. "macro": the mean over the classes. "weighted": their mean, weighted
        by how often each is true. "micro": the ratio of the sums. "auto": "binary" for K of 1 or 2, else
        "macro". Classes that no sample has, neither truly nor by decision, are left out.
    threshold : float
        Of a single output: class 1 is decided above it. Use 0 for outputs from -1 to +1.

    Raises
    ------
    ValueError
        For an unknown average, or "binary" with more than two classes.

    Examples
    --------
    >>> class Jaccard(RatioMetric):
    ...     def ratio(self, tp, fp, fn, tn):
    ...         return tp, tp + fp + fn
    >>> Jaccard()([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1])
    0.3333333333333333
    >>> Jaccard("macro").name
    'jaccard_macro'
    """

    def __init__(self, average: str = "auto", threshold: float = 0.5) -> None:
        if average not in AVERAGES:
            hint = nearest(str(average), AVERAGES)
            raise ValueError(f"average must be one of {', '.join(AVERAGES)}; got {average!r}.{hint}")
        super().__init__(threshold)
        self.average = average

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        """Return numerators and denominators, from the counts of the classes."""
        raise NotImplementedError

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        if self.average == "binary" and k > 2:
            raise ValueError(f"average='binary' is of two classes, got K={k}; use 'macro' or 'weighted'")
        return super().count(truth, decided, k)

    def result(self, s: Array) -> float:
        binary = self.average == "binary" or (self.average == "auto" and s.shape[1] == 2)
        tp, fp, fn, tn = s[:, 1:] if binary else s[:, s[:3].any(axis=0)]
        top, bottom = self.ratio(tp, fp, fn, tn)
        if self.average == "micro":
            return float(divide(top.sum(), bottom.sum()))
        weights = tp + fn if self.average == "weighted" else None
        return float(np.average(divide(top, bottom), weights=weights))


@metrics.register("precision")
class Precision(RatioMetric):
    """Of the samples decided to be of a class, the share that is: TP / (TP + FP).

    Examples
    --------
    >>> Precision()([1, 1, 1, 0], [0.9, 0.8, 0.2, 0.1])
    1.0
    """

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tp, tp + fp


@metrics.register("recall")
class Recall(RatioMetric):
    """Of the samples that are of a class, the share that is found: TP / (TP + FN); the sensitivity.

    Examples
    --------
    >>> Recall()([1, 1, 1, 1], [0.9, 0.8, 0.7, 0.1])
    0.75
    """

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tp, tp + fn


@metrics.register("specificity")
class Specificity(RatioMetric):
    """Of the samples that are not of a class, the share that is not taken for it: TN / (TN + FP).

    Examples
    --------
    >>> Specificity()([1, 0, 0, 0, 0], [0.2, 0.3, 0.2, 0.1, 0.8])
    0.75
    """

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tn, tn + fp


@metrics.register("negative_predictive_value")
class NegativePredictiveValue(RatioMetric):
    """Of the samples decided not to be of a class, the share that is not: TN / (TN + FN).

    Examples
    --------
    >>> NegativePredictiveValue()([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1])
    0.5
    """

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tn, tn + fn


@metrics.register("f1")
class F1(RatioMetric):
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Examples
    --------
    >>> F1()([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1]), F1("macro").name
    (0.5, 'f1_macro')
    """

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return 2 * tp, 2 * tp + fp + fn
