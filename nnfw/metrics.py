"""The metrics, over targets ``y`` and outputs ``a`` in the forms that `nnfw.metrics` explains.

A ratio 0/0 (the precision of a class that was never decided) is 0.0, as in scikit-learn, without a warning.
The arguments `threshold` and `average` are explained once, on `ClassMetric` and `RatioMetric`.
``@nnfw.metrics.register("my_metric")`` above a class of your own makes it known by name.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.errors import ShapeError
from nnfw.core.registry import Part, Registry
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.validation import FINITE, positive_integer


class Metric(Part):
    """The base of the metrics: write `statistics` and `result`, and the rest follows.

    Attributes
    ----------
    higher_is_better : bool or None
        Which way is better, for callbacks that watch the metric; of None they must be told by ``mode``.

    Examples
    --------
    >>> class Bias(Metric):
    ...     higher_is_better = False
    ...     def statistics(self, y, a):
    ...         return np.array([np.sum(a - y), np.size(a)])
    ...     def result(self, s):
    ...         return abs(float(s[0] / s[1]))
    >>> bias = Bias()
    >>> bias(np.array([1.0, 2.0]), np.array([1.5, 2.5])), bias.name
    (0.5, 'bias')
    """

    higher_is_better: bool | None = None

    @property
    def name(self) -> str:
        """The key in the history: the registered name, or the class's, and all arguments but defaults."""
        snake_case = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()
        arguments = self._arguments()
        changed = [str(value) for key, value in self.config.items() if value != arguments[key].default]
        return "_".join([vars(type(self)).get("_known_as") or snake_case, *changed])

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the small array of sums that the result is computed from."""
        raise NotImplementedError

    def merge(self, s: Array, t: Array) -> Array:
        """Return the statistics of two batches together, from those of each."""
        return s + t

    def result(self, s: Array) -> Any:
        """Return the value (a float, for all but `ConfusionMatrix`) from the statistics of all batches."""
        raise NotImplementedError

    def __call__(self, y: ArrayLike, a: ArrayLike) -> Any:
        """Return the value for targets `y` and outputs `a`."""
        return self.result(self.statistics(y, a))


class MeanMetric(Metric):
    """The base of metrics that are a mean: their statistics are a sum, and the number of its terms."""

    def result(self, s: Array) -> float:
        """Return the mean."""
        return float(s[0] / s[1])


class Running:
    """The value of one metric over the batches added so far.

    Examples
    --------
    >>> from nnfw.metrics import Accuracy
    >>> running = Running(Accuracy())
    >>> running.add([1, 0, 1], [0.9, 0.1, 0.7])
    >>> running.add([1], [0.2])
    >>> running.result()
    0.75
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.total: Array | None = None

    def add(self, y: ArrayLike, a: ArrayLike) -> None:
        """Add a batch."""
        self.merge(self.metric.statistics(y, a))

    def merge(self, s: Array) -> None:
        """Add a batch by its statistics."""
        self.total = s if self.total is None else self.metric.merge(self.total, s)

    def result(self) -> Any:
        """Return the value over all batches added; a ValueError if there are none."""
        if self.total is None:
            raise ValueError(f"{self.metric.name} has no result before its first batch; call add(y, a) first")
        return self.metric.result(self.total)


# ---- Targets and outputs, brought to one form ----------------------------------------------------------


def layout(a: Array) -> tuple[tuple[int, ...], int]:
    """Return the shape of the samples of `a`, and the number K of outputs for each."""
    return (a.shape, 1) if a.ndim < 2 else (a.shape[:-1], a.shape[-1])


def _check_targets(y: Array, a: Array, shapes: list[tuple[int, ...]]) -> None:
    if y.shape not in shapes:
        expected = " or ".join(map(str, dict.fromkeys(shapes)))
        raise ShapeError(
            f"y of shape {y.shape} does not fit the outputs a of shape {a.shape}: "
            f"expected y of shape {expected} (y comes first, then a)"
        )
    if a.size == 0:
        raise ShapeError(f"a of shape {a.shape} is empty; a metric needs at least one sample")
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"y must hold numbers, got dtype {y.dtype}; "
            "number your classes: classes, y = np.unique(y, return_inverse=True)"
        )


def _check_classes(y: Array, k: int) -> None:
    lowest, count = (-1, 2) if k == 1 else (0, k)
    valid = (y >= lowest) & (y < count) & (y == np.floor(y))
    if not valid.all():
        expected = "0 or 1 (or -1 or +1)" if k == 1 else f"a whole number from 0 to {k - 1}"
        raise ValueError(
            f"y holds {y[~valid][0]}, but with K={k} outputs a sample each class is {expected}. Number the "
            "classes from 0, with an output for each; a must be outputs, not classes already decided"
        )


def _check_one_hot(y: Array) -> None:
    # Asked this way round, a nan fails too.
    if not np.abs(y.sum(axis=1) - 1).max() < 1e-2:
        raise ValueError(
            "each one-hot row of y must sum to 1. A row of several classes, or of none, has no single right "
            "answer: leave padded steps out, and measure independent labels by metrics.MultiLabel('accuracy')"
        )


def _check_undecided(a: Array) -> None:
    if a.dtype.kind in "iu" and not np.isin(a, (-1, 0, 1)).all():
        raise ValueError(
            f"a holds whole numbers up to {a.max()}, but a single output decides between 0 and 1; a must be "
            f"outputs, not classes already decided (outputs that are whole numbers: a.astype(float))"
        )


def open_classes(y: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Return the true classes (M,) and the outputs (M, K), of M samples (and steps)."""
    y, a = np.asarray(y), np.asarray(a)
    samples, k = layout(a)
    _check_targets(y, a, [samples, (*samples, 1), (*samples, k)])
    a = a.reshape(-1, k)
    if k > 1 and y.size == a.size:
        y = y.reshape(-1, k)
        _check_one_hot(y)
        return y.argmax(axis=1), a
    y = y.ravel()
    _check_classes(y, k)
    if k == 1:
        _check_undecided(a)
    return (y > 0 if k == 1 else y).astype(np.intp, copy=False), a


def open_pairs(y: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Return targets and outputs, both (M, K): a target for each output."""
    y, a = np.asarray(y), np.asarray(a)
    samples, k = layout(a)
    _check_targets(y, a, [(*samples, k)] + ([samples] if k == 1 else []))
    return y.reshape(-1, k), a.reshape(-1, k)


def open_values(y: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Return real targets and outputs, both (M, K) in float64."""
    y, a = open_pairs(y, a)
    return y.astype(np.float64), a.astype(np.float64)


def divide(top: Array, bottom: Array) -> Array:
    """Return ``top / bottom`` in float64, and 0 where `bottom` is 0."""
    return np.divide(top, bottom, out=np.zeros(np.shape(bottom)), where=bottom != 0)


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
    "multi_label_accuracy": "hamming_score multilabel_accuracy",
    "mae": "l1",
    "mse": "l2",
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
    >>> def quartic_error(y, a):
    ...     return np.mean((y - a) ** 4)
    >>> get(quartic_error).name
    'quartic_error'
    >>> get("mcc")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: unknown metric 'mcc'; nnfw calls it 'matthews_correlation'. Known: ...
    """
    if isinstance(metric, str | Metric | type) or not callable(metric):
        return metrics.get(metric)
    return FunctionMetric(metric)


class FunctionMetric(MeanMetric):
    """A plain function as a metric: its mean over the batches, weighted by their samples, or valid steps.

    For a mean over samples that is the mean over all of them, whatever the batches. A maximum, a root or a
    quotient of sums has another value for each size of batch: write a `Metric`, whose statistics merge.

    Parameters
    ----------
    function : callable
        ``function(y, a) -> float``; in training, of sequence outputs, `a` is (M, K), of all valid steps of
        the batch, and `y` alike. Its ``__name__`` is the metric's name.

    Raises
    ------
    TypeError
        When the function returns anything but one number.

    Examples
    --------
    >>> def quartic_error(y, a):
    ...     return np.mean((y - a) ** 4)
    >>> from nnfw.metrics import Running
    >>> running = Running(FunctionMetric(quartic_error))
    >>> running.add(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    >>> running.add(np.array([1.0]), np.array([3.0]))
    >>> running.metric.name, running.result()  # (3 * 1/3 + 1 * 16) / 4
    ('quartic_error', 4.25)
    """

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        self.function = function

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        value, samples = self.function(y, a), math.prod(layout(np.asarray(a))[0])
        if np.ndim(value) != 0:
            shape = np.shape(value)
            raise TypeError(f"the metric {self.name} must return one number, got shape {shape}; take a mean")
        return np.array([float(value) * samples, samples])


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


AVERAGES = ("auto", "binary", "macro", "micro", "weighted")


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

    higher_is_better = True

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

    higher_is_better = True

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

    higher_is_better = True

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

    higher_is_better = True

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

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return 2 * tp, 2 * tp + fp + fn


LABEL_AVERAGES = ("micro", "macro")


@metrics.register("multi_label_accuracy")
class MultiLabel(Metric):
    """A metric of classes for K independent labels a sample: `y` and `a` are (N, K), or (N, T, K).

    Each label is 0 or 1, and a decision of its own, by the `threshold` of the metric. The micro-averaged
    accuracy, the default, is the share of labels that are decided rightly.

    Parameters
    ----------
    metric : str, ClassMetric or its class
        What is measured: ``"accuracy"``, ``"f1"``, ``Recall(threshold=0.3)`` ...
    average : {"micro", "macro"}
        "micro": of all labels pooled, as if each were a sample. "macro": the mean of the K labels' own.

    Raises
    ------
    ValueError, TypeError
        For an unknown average, or a metric that is not one of classes or gives no single number.

    Examples
    --------
    >>> y, a = [[1, 1, 0], [1, 0, 0]], [[0.9, 0.8, 0.2], [0.3, 0.1, 0.7]]
    >>> MultiLabel()(y, a)
    0.6666666666666666
    >>> macro = MultiLabel("f1", "macro")
    >>> macro(y, a), macro.name  # the labels' own are 2/3, 1 and 0
    (0.5555555555555555, 'multi_label_macro_f1')
    """

    def __init__(self, metric: str | Metric | type[Metric] = "accuracy", average: str = "micro") -> None:
        if average not in LABEL_AVERAGES:
            hint = nearest(str(average), LABEL_AVERAGES)
            raise ValueError(f"MultiLabel: average must be 'micro' or 'macro', got {average!r}.{hint}")
        self.metric, self.average = get(metric), average
        if not isinstance(self.metric, ClassMetric) or isinstance(self.metric, ConfusionMatrix):
            raise TypeError(
                f"MultiLabel: metric must give one number for decisions between 0 and 1, as 'f1' does, "
                f"got {self.metric!r}; a label by itself is measured by metric(y[:, k], a[:, k])"
            )
        self.higher_is_better = self.metric.higher_is_better

    @property
    def name(self) -> str:
        """The key in the history: ``"multi_label_f1"``, ``"multi_label_macro_f1"``."""
        average = "macro_" if self.average == "macro" else ""
        return f"multi_label_{average}{self.metric.name}"

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return those of the metric, (K, ...) of each label, or (1, ...) of all of them pooled."""
        y, a = open_pairs(y, a)
        valid = (np.abs(y) == 1) | (y == 0)
        if not valid.all():
            raise ValueError(f"y holds {y[~valid][0]}, but each of the K={a.shape[1]} labels is 0 or 1")
        if self.average == "micro":
            y, a = y.reshape(-1, 1), a.reshape(-1, 1)
        return np.array([self.metric.statistics(*label) for label in zip(y.T, a.T, strict=True)])

    def merge(self, s: Array, t: Array) -> Array:
        return np.array([self.metric.merge(*label) for label in zip(s, t, strict=True)])

    def result(self, s: Array) -> float:
        return float(np.mean([self.metric.result(label) for label in s]))


def open_metrics(given: Iterable[Any]) -> tuple[Metric, ...]:
    """Return the metrics for a list of names, objects or functions."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"Network: metrics must be a list, [{given!r}], got {type(given).__name__} alone")
    found = tuple(get(metric) for metric in given)
    names = [metric.name for metric in found]
    for name in names:
        if name == "loss" or names.count(name) > 1:
            raise ValueError(f"Network: two metrics would be called {name!r} in the history; leave one out")
    return found


register = metrics.register

__all__ = [
    "F1",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "ClassMetric",
    "ConfusionMatrix",
    "CountMetric",
    "FunctionMetric",
    "MatthewsCorrelation",
    "MeanMetric",
    "Metric",
    "MultiLabel",
    "NegativePredictiveValue",
    "Precision",
    "RatioMetric",
    "Recall",
    "Specificity",
    "TopKAccuracy",
    "get",
    "metrics",
    "register",
]
