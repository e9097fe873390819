"""Metrics of targets ``y`` and outputs ``a``.

A metric reduces each batch to its `statistics`, a few sums; those of several batches are merged, and the
`result` is computed once at the end, so that any split of the samples into batches gives the same value.

Outputs are (N, K), or (N, T, K), where each time step counts as a sample; (N,) is the same as (N, 1).
Classes are integers (N,) or (N, 1), or one-hot rows (N, K), with a time axis if the outputs have one. The
largest of several outputs is the predicted class, the first in case of ties. A single output decides between
0 and 1 (or -1 and +1): class 1 is predicted where ``a > threshold``. A ratio 0/0, such as the precision of a
class that is never predicted, is 0.0, and `ROCAUC` of one class nan with a warning, both as in scikit-learn.

Called directly, metrics take the same forms of data as `fit`: ``metric(y, a, lengths=lengths)`` counts the
steps within the lengths (N,); lists of sequences, (T_i,) or (T_i, K), have their own. Targets and outputs
that are not finite are refused, as in `fit`, `evaluate` and `predict`: NaN is neither right nor wrong.

``@nnfw.metrics.register("my_metric")`` above your own class makes it available by name.
"""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from nnfw.core.alignments import edit_distance, read_labels
from nnfw.core.arguments import LIST, explain_keywords
from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths, steps_as_samples
from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import (
    FINITE,
    INSIDE,
    POSITIVE,
    boolean,
    each,
    function_of,
    one_of,
    optional,
    positive_integer,
    shown,
)


class Metric(Part):
    """Base class of metrics. A subclass defines `statistics` and `result`.

    Attributes
    ----------
    higher_is_better : bool or None
        The direction for callbacks that monitor the metric; if None, they need ``mode``.
    of_outputs : bool
        Whether it takes all outputs of a loss with several outputs per target, not the targets that they
        predict: see `nnfw.losses.Loss.estimate`.
    collects : bool
        Whether the statistics of batches are concatenated, not added up.

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
    of_outputs: ClassVar[bool] = False
    collects: ClassVar[bool] = False

    _checks: ClassVar = {"higher_is_better": optional(boolean)}
    _homes: ClassVar = {}  # weights given to `fit` have no effect on metrics
    _use: ClassVar = "call an object of it, {}()(y, a)"

    @property
    def name(self) -> str:
        """The key in the history: the registered name, or the class name, with distinguishing arguments."""
        snake_case = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()
        defaults = self._arguments()
        changed = [
            str(value) for key, value in self.config.items() if value not in (defaults[key].default, "auto")
        ]
        return "_".join([self._known_as or snake_case, *changed])

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the sums of a batch from which `result` is computed, as a small array.

        For classes, `as_classes` accepts any form of `y` that `fit` takes.
        """
        raise NotImplementedError(f"{type(self).__name__} must define statistics(y, a)")

    def merge(self, s: Array, t: Array) -> Array:
        """Return the combined statistics of two batches."""
        return np.concatenate([s, t]) if self.collects else s + t

    def result(self, s: Array) -> Any:
        """Return the value, a float except for `ConfusionMatrix`, from the statistics of all batches."""
        raise NotImplementedError(f"{type(self).__name__} must define result(s)")

    @explain_keywords
    def __call__(self, y: Any, a: Any, *, lengths: ArrayLike | None = None) -> Any:
        """Return the value for targets `y` and outputs `a`; for sequences, within their `lengths`."""
        return self.result(self.statistics(*_valid(y, a, lengths)))


class MeanMetric(Metric):
    """Base class of metrics that are means; their statistics are a sum and the number of its terms."""

    def result(self, s: Array) -> float:
        return float(s[0] / s[1])


class Running:
    """The value of one metric over the batches added so far.

    Examples
    --------
    >>> running = Running(Accuracy())
    >>> running.add([1, 0, 1], [0.9, 0.1, 0.7])
    >>> running.add([1], [0.2])
    >>> running.result()
    0.75
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._parts: list[Array] = []  # one; several if the metric collects, joined when needed

    @property
    def total(self) -> Array | None:
        """The statistics of all batches; None before the first."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0] if self._parts else None

    @total.setter
    def total(self, total: Array | None) -> None:
        self._parts = [] if total is None else [total]

    def add(self, y: Any, a: Any, *, lengths: ArrayLike | None = None) -> None:
        """Add a batch, in any form that the metric takes."""
        self.merge(self.metric.statistics(*_valid(y, a, lengths)))

    def merge(self, s: Array) -> None:
        """Add the statistics of a batch."""
        s = np.asarray(s)  # the sum of two tuples would be a longer one
        if self._parts and not self.metric.collects:
            s = self.metric.merge(self._parts.pop(), s)
        self._parts.append(s)

    def result(self) -> Any:
        """Return the value over all batches added; raise a ValueError if there are none."""
        if (total := self.total) is None:
            raise ValueError(f"{self.metric.name} has no result before its first batch; call add(y, a) first")
        return self.metric.result(total)


# ---- Targets and outputs, brought to one form ----------------------------------------------------------


def _valid(y: Any, a: Any, lengths: Any) -> tuple[Array, Array]:
    """Return targets and outputs as arrays that are finite; of sequences, their valid steps (M, ...)."""
    lengths = _lengths_of(y, a, lengths)
    return _steps(y, "y", lengths), _steps(a, "a", lengths)


def _lengths_of(y: Any, a: Any, lengths: Any) -> Any:
    """Return the lengths (N,) that are given, or those of lists of sequences; None if there are none."""
    if lengths is not None:
        return lengths
    return next(([len(one) for one in part] for part in (y, a) if _is_ragged(part)), None)


def _is_ragged(part: Any) -> bool:
    """Return whether `part` is a list of sequences of unequal length."""
    return isinstance(part, list | tuple) and all(map(np.iterable, part)) and len(set(map(len, part))) > 1


def _steps(part: Any, name: str, lengths: Any) -> Array:
    """Return `part` as a finite array: with lengths, the valid steps of (N, T, ...) or a list (T_i, ...)."""
    if lengths is None:
        array = numeric(part, name)
    elif _is_ragged(part):
        steps, expected = list(map(len, part)), np.ravel(lengths).tolist()
        if steps != expected:
            raise ShapeError(f"{name} holds {shown(steps)} steps, but the lengths are {shown(expected)}")
        parts = [numeric(one, f"{name}[{i}]") for i, one in enumerate(part)]
        array = np.concatenate([one for one in parts if one.size] or parts)
    else:
        array = numeric(part, name)
        if array.ndim < (3 if name == "a" else 2):
            raise ShapeError(f"{name} of shape {array.shape} has no time steps to which lengths could apply")
        array = steps_as_samples(array, check_lengths(name, lengths, *array.shape[:2]))
    check_finite(array, name)
    return array


def _weights(weight: Any, a: Any, lengths: Any, M: int) -> Array:
    """Return the weights of M samples, or valid steps (M,); that of a sequence (N,) is that of its steps."""
    if lengths is None and np.ndim(a) == 3:
        lengths = np.full(*np.shape(a)[:2])
    if lengths is not None and not _is_ragged(weight) and np.shape(weight) == np.shape(lengths):
        weight = np.repeat(_steps(weight, "weight", None), lengths)
    else:
        weight = _steps(weight, "weight", lengths)
    if weight.shape != (M,) or weight.min() < 0 or not weight.any():
        got = f"shape {weight.shape}" if weight.shape != (M,) else f"{weight.min():g} to {weight.max():g}"
        raise ValueError(f"weight must be {M} numbers of at least 0, not all 0, got {got}")
    return weight / float(weight.max())


def _aligned(y: ArrayLike, a: ArrayLike, classes: bool = False) -> tuple[Array, Array]:
    """Return targets (M, K), or (M,) if they are `classes`, and outputs (M, K) of M samples (and steps)."""
    y, a = np.asarray(y), np.asarray(a)
    samples, k = (a.shape[:-1], a.shape[-1]) if a.ndim > 1 else (a.shape, 1)
    forms = ((*samples, k), samples, (*samples, 1))[: 3 if classes or k == 1 else 1]
    if y.shape not in forms or not a.size:
        raise ShapeError(
            f"y of shape {y.shape} does not fit the outputs a of shape {a.shape}: expected y of shape "
            f"{' or '.join(map(str, dict.fromkeys(forms)))} and not empty (y comes first, then a)"
        )
    return y.ravel() if classes and (k == 1 or y.size < a.size) else y.reshape(-1, k), a.reshape(-1, k)


def as_classes(y: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Return the true classes (M,) and the outputs (M, K) of M samples (and steps), for a metric of classes.

    Examples
    --------
    >>> as_classes([[0, 1], [1, 0]], [[0.3, 0.7], [0.4, 0.6]])[0]
    array([1, 0])
    """
    y, a = _aligned(y, a, classes=True)
    k = a.shape[1]
    if y.ndim == 2:
        sums = y.sum(axis=1)
        if not (sums[sums.argmin()] > 0.99 and sums[sums.argmax()] < 1.01):  # False for nan
            said = "each one-hot row of y must sum to 1; leave padded steps out"
            raise ValueError(f"{said}, and for independent labels use metrics.MultiLabel(metric)")
        return y.argmax(axis=1), a
    least, most = y[y.argmin()], y[y.argmax()]  # twice as fast as min()
    low = -1 if k == 1 and y.all() else 0
    high = max(k - 1, 1)
    whole = y.dtype.kind in "biu" or not np.count_nonzero(y != np.floor(y))  # nan is not
    decided = k == 1 and a.dtype.kind in "iu" and not np.isin(a, (-1, 0, 1)).all()
    if decided or not whole or least < low or most > high:
        odd = y[((y != np.floor(y)) | ~(y >= low) | (y > high)).argmax()]
        expected = "0 or 1 (or all -1 or +1)" if k == 1 else f"a whole number from 0 to {k - 1}"
        raise ValueError(
            f"y holds {odd:g}: with K={k} outputs per sample, each class must be {expected}; number classes "
            f"from 0, use 'mae', 'rmse' or 'r2' for regression, and pass outputs as a, not predicted classes"
        )
    return (y > 0 if k == 1 else y).astype(np.intp, copy=False), a


def _by_target(y: ArrayLike, a: ArrayLike, P: int = 0) -> tuple[Array, Array]:
    """Return targets (M, m, 1) and outputs (M, m, P) of M samples (and steps), P outputs for each target."""
    y, a = np.asarray(y), np.asarray(a)
    if a.ndim > 1 and y.shape == a.shape[:-1]:
        y = y[..., None]
    fits = a.size and y.shape[:-1] == a.shape[:-1] and a.shape[-1] % y.shape[-1] == 0
    if not fits or (P and y.shape[-1] * P != a.shape[-1]):
        said = f"y of shape {y.shape} does not fit the outputs a of shape {a.shape}"
        raise ShapeError(f"{said}: expected {P or 'as many'} outputs for each target")
    return y.reshape(-1, y.shape[-1], 1), a.reshape(-1, y.shape[-1], a.shape[-1] // y.shape[-1])


def _divide(top: Array, bottom: Array) -> Array:
    """Return ``top / bottom`` in float64, and 0 where `bottom` is 0."""
    return np.divide(top, bottom, out=np.zeros(np.shape(bottom)), where=bottom != 0)


OTHER_NAMES = {
    "balanced_accuracy": "metrics.Recall('macro')",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "sensitivity": "recall",
    "f1_score": "f1",
    "mcc": "matthews_correlation",
    "root_mean_squared_error": "rmse",
    "r2_score": "r2",
}
OTHER_NAMES |= {
    f"{name.lower()}_{average}": f"metrics.{name}('{average}')"
    for name in ("F1", "Precision", "Recall")
    for average in ("macro", "micro", "weighted")
}
registry = Registry("metric", Metric, OTHER_NAMES)

# ---- Regression ----------------------------------------------------------------------------------------


class FunctionMetric(MeanMetric):
    """A plain function as a metric: the mean over batches, weighted by their samples (or valid steps).

    If the function is not a mean over samples, but for example a maximum or a ratio of sums, the result
    depends on the batches; write a `Metric` instead.

    Parameters
    ----------
    function : callable
        ``function(y, a) -> float``; its ``__name__`` is the name of the metric. For sequences in training,
        `y` and `a` (M, K) hold all valid steps of the batch.
    """

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        self.function = function_of("y", "a")("FunctionMetric", "function", function)

    @property
    def name(self) -> str:
        """The name of the function, or of the class of a callable object."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        value, shape = self.function(np.array(y), np.array(a)), np.shape(a)  # it may change its own copies
        if np.ndim(value) or np.asarray(value).dtype.kind not in "fiub":
            got = f"shape {np.shape(value)}; take a mean" if np.ndim(value) else shown(value)
            raise TypeError(f"the metric {self.name} must return one number, got {got}")
        samples = math.prod(shape[:-1] if len(shape) > 1 else shape)
        return np.array([float(value) * samples, samples])


@registry.register("mae", "mean_absolute_error")
class MAE(MeanMetric):
    """Mean absolute error over all samples and outputs, ``mean |y - a|``.

    Examples
    --------
    >>> y, a = [1.0, 2.0], [4.0, -1.0]
    >>> MAE()(y, a), MSE()(y, a), RMSE()(y, a)
    (3.0, 9.0, 3.0)
    """

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        error = np.subtract(*_aligned(y, a), dtype=np.float64)
        return np.array([np.abs(error).sum(), error.size])


@registry.register("mse", "mean_squared_error")
class MSE(MeanMetric):
    """Mean squared error over all samples and outputs, mean (y - a)²."""

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        error = np.subtract(*_aligned(y, a), dtype=np.float64)
        return np.array([np.square(error).sum(), error.size])


@registry.register("rmse")
class RMSE(MSE):
    """Root mean squared error: the root of `MSE` over all samples and outputs."""

    def result(self, s: Array) -> float:
        return math.sqrt(super().result(s))


@registry.register("r2")
class R2(Metric):
    """Coefficient of determination, R² = 1 - Σ(y - a)² / Σ(y - ȳ)², averaged over the outputs.

    An output whose targets are all equal scores 1.0 if it equals them exactly, else 0.0. Statistics are
    merged without Σy², which would cause cancellation for a large mean (Chan, Golub & LeVeque 1979).
    """

    higher_is_better = True

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return (5, K), for each output: count, first and mean of `y`, Σ(y - ȳ)² and Σ(y - a)²."""
        y, a = (part.astype(np.float64) for part in _aligned(y, a))
        offset = y - y[0]  # keeps the digits beside a large mean; equal targets have exactly 0 spread
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
        return float(np.where(error == 0, 1.0, _divide(spread - error, spread)).mean())


@registry.register("mape")
class MAPE(MeanMetric):
    """Mean absolute error relative to the targets, mean ``|y - a| / |y|``, 0.1 for 10 %; as in scikit-learn.

    Targets of 0 are refused.
    """

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = (part.astype(np.float64) for part in _aligned(y, a))
        if not y.all():
            raise ValueError("y holds 0, for which relative errors are undefined; choose smape, mase or mae")
        return np.array([np.abs((y - a) / y).sum(), y.size])


@registry.register("smape")
class SMAPE(MeanMetric):
    """Symmetric relative error, mean ``2 |y - a| / (|y| + |a|)``, from 0 to 2, with 0 where both are 0.

    As in the M4 competition (Makridakis, Spiliotis & Assimakopoulos, Int. J. Forecast. 36 (2020) 54).
    """

    higher_is_better = False

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = (part.astype(np.float64) for part in _aligned(y, a))
        return np.array([_divide(2.0 * np.abs(y - a), np.abs(y) + np.abs(a)).sum(), y.size])


@registry.register("mase")
class MASE(MAE):
    """Mean absolute scaled error, mean ``|y - a| / scale`` (Hyndman & Koehler, Int. J. Forecast. 22 (2006)).

    `scale` is the mean absolute error of a naive forecast of the training series,
    ``np.abs(series[m:] - series[:-m]).mean()`` with its season m, or 1: a value below 1.0 is better than it.

    Examples
    --------
    >>> series = np.array([3.0, 5.0, 4.0, 6.0])
    >>> MASE(scale=np.abs(series[1:] - series[:-1]).mean())([7.0, 5.0], [6.0, 6.0])
    0.6
    """

    name = "mase"  # without the scale

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = POSITIVE("MASE", "scale", scale)

    def result(self, s: Array) -> float:
        return super().result(s) / self.scale


@registry.register("pinball")
class Pinball(MeanMetric):
    """Quantile (pinball) loss of the outputs at the `levels`; see `nnfw.losses.Quantile`.

    Examples
    --------
    >>> Pinball([0.25, 0.5, 0.75])([[2.0]], [[1.0, 2.0, 4.0]])
    0.25
    """

    name = "pinball"  # without the levels
    higher_is_better = False
    of_outputs = True
    _use = LIST

    def __init__(self, levels: Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        self.levels = each(INSIDE)("Pinball", "levels", levels)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        error = np.subtract(*_by_target(y, a, len(self.levels)), dtype=np.float64)
        q = np.array(self.levels)
        return np.array([np.maximum(q * error, (q - 1.0) * error).sum(), error.size])


@registry.register("coverage")
class Coverage(MeanMetric):
    """Fraction of the targets that lie between the lowest and the highest of their outputs.

    After ``loss=Quantile([0.1, 0.5, 0.9])`` it should be 0.8.

    Examples
    --------
    >>> Coverage()([[2.0], [5.0]], [[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    0.5
    """

    of_outputs = True

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = _by_target(y, a)
        within = (a.min(axis=-1, keepdims=True) <= y) & (y <= a.max(axis=-1, keepdims=True))
        return np.array([np.count_nonzero(within), within.size])


# ---- Classification ------------------------------------------------------------------------------------


class RankMetric(Metric):
    """Base class of metrics of the order of the outputs, over all thresholds. A subclass defines `area`.

    The value is exact over all batches, whose outputs are kept for it. For two classes, it is that of class
    1; for more, the mean over the classes that occur, each against all others.

    When called directly, it also takes a `weight` for each sample (N,) or step (N, T), like ``sample_weight``
    in scikit-learn. In training and `evaluate`, all samples except those of weight 0 count equally.
    """

    higher_is_better = True
    collects = True

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the outputs and, in the last column, the classes: (M, K + 1)."""
        truth, a = as_classes(y, a)
        a = a if a.dtype.kind == "f" else a.astype(np.float64)  # the negative of uint8 wraps around
        return np.column_stack([a, truth.astype(a.dtype)])

    def result(self, s: Array, weight: Array | None = None, where: str = "the data") -> float:
        if weight is None:
            weight = np.ones(len(s))
        a, truth = s[:, :-1], s[:, -1]
        K = a.shape[1]
        classes = [k for k in range(K) if (truth == k).any()] if K > 2 else [1]
        each = [self.area(*_above(a[:, min(k, K - 1)], truth == k, weight)) for k in classes]
        if np.isnan(each).any() and np.ptp(truth) == 0:
            warnings.warn(
                f"{self.name} is undefined (nan) because only class {truth[0]:g} occurs in {where}; use data "
                f"with another, or monitor the loss",
                RuntimeWarning,
                stacklevel=2,
            )
        return float(np.mean(each))

    def area(self, tp: Array, fp: Array) -> float:
        """Return the value from the true and false positives above each threshold, in descending order."""
        raise NotImplementedError

    @explain_keywords
    def __call__(self, y: Any, a: Any, *, lengths: ArrayLike | None = None, weight: Any = None) -> float:
        """Return the value, with samples (or steps) weighted by `weight`; see `Metric`."""
        s = self.statistics(*_valid(y, a, lengths))
        if weight is None:
            return self.result(s)
        weight = _weights(weight, a, _lengths_of(y, a, lengths), len(s))
        return self.result(s[weight > 0], weight[weight > 0])


def _above(score: Array, positive: Array, weight: Array) -> tuple[Array, Array]:
    """Return the weights of true and false positives above each threshold, in descending order."""
    score = np.ascontiguousarray(score)  # gathered faster than from a column
    order = np.argsort(-score)  # in any order among equal scores, of which only the sum is used
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of equal scores
    positive, weight = positive[order], weight[order]
    tp = np.cumsum(np.where(positive, weight, 0.0))[ends]
    return tp, np.cumsum(np.where(positive, 0.0, weight))[ends]


@registry.register("roc_auc")
class ROCAUC(RankMetric):
    """Area under the ROC curve: the probability that a sample of a class scores above one of another class.

    0.5 is chance; equal scores count one half. As scikit-learn's ``roc_auc_score``, for more than two classes
    with ``multi_class="ovr"``. If only one class occurs, it is undefined: nan, with a warning. The history
    shows such an epoch as one without a value, and callbacks that monitor it count it as no improvement.

    Examples
    --------
    >>> ROCAUC()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """

    def area(self, tp: Array, fp: Array) -> float:
        under = np.diff(fp, prepend=0) @ (tp + np.append(0, tp[:-1])) / 2.0
        pairs = float(tp[-1]) * float(fp[-1])
        return float(under) / pairs if pairs else math.nan


@registry.register("average_precision")
class AveragePrecision(RankMetric):
    """Area under the precision-recall curve, Σ (R_n - R_{n-1}) P_n; as in scikit-learn.

    For a rare class, it is more informative than `ROCAUC`: chance is the prevalence of the class. It is 0
    if the class does not occur.

    Examples
    --------
    >>> round(AveragePrecision()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """

    def area(self, tp: Array, fp: Array) -> float:
        return float(np.diff(tp, prepend=0) @ (tp / (tp + fp)) / tp[-1]) if tp[-1] else 0.0


@registry.register("calibration_error")
class CalibrationError(Metric):
    """Expected calibration error: the gap between the probability of a class and its frequency.

    The class is the predicted one (Guo et al., arXiv:1706.04599, equation 3); of two classes it is class 1,
    because the gaps of the two can cancel. The samples are grouped by the probability into `bins` of equal
    width; the error is the mean gap over the samples.

    Examples
    --------
    >>> CalibrationError()([1, 1, 0, 1], [0.75, 0.75, 0.75, 0.75])
    0.0
    """

    higher_is_better = False

    def __init__(self, bins: int = 15) -> None:
        self.bins = positive_integer("CalibrationError", "bins", bins)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return (3, bins): the sum of the probabilities, of the right classes and of the samples of each."""
        truth, a = as_classes(y, a)
        if a.min() < 0 or a.max() > 1:
            raise ValueError(f"a holds {a.min():g} to {a.max():g}, but probabilities lie between 0 and 1")
        p, right = a[:, -1], truth == 1
        if a.shape[1] > 2:
            p, right = a.max(axis=1), a.argmax(axis=1) == truth
        place = np.minimum((p.astype(np.float64) * self.bins).astype(np.intp), self.bins - 1)
        return np.array([np.bincount(place, w, self.bins) for w in (p, right, np.ones(len(p)))])

    def result(self, s: Array) -> float:
        return float(np.abs(s[0] - s[1]).sum() / s[2].sum())


@registry.register("top_k_accuracy")
class TopKAccuracy(MeanMetric):
    """Fraction of samples whose class is among the `k` largest outputs; the first ones in case of ties.

    Parameters
    ----------
    k : int
        The number of top outputs to consider, from 1 to K.

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
        truth, a = as_classes(y, a)
        if a.shape[1] < max(self.k, 2):
            said = f"k={self.k} needs at least {max(self.k, 2)} outputs, got K={a.shape[1]}"
            raise ValueError(f"{said}; choose a smaller k, or accuracy for a single output")
        truth = truth[:, None]
        own = a[np.arange(len(a))[:, None], truth]
        ahead = (a > own) | ((a == own) & (np.arange(a.shape[1]) < truth))
        return np.array([np.count_nonzero(ahead.sum(axis=1) < self.k), len(a)])


class ClassMetric(Metric):
    """Base class of metrics of the true and the predicted classes. A subclass defines `count` and `result`.

    Parameters
    ----------
    threshold : float
        A single output above it is class 1. Use 0 for outputs from -1 to +1.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = FINITE(type(self).__name__, "threshold", threshold)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        truth, a = as_classes(y, a)
        decided = a.argmax(axis=1) if a.shape[1] > 1 else (a[:, 0] > self.threshold).astype(np.intp)
        return self.count(truth, decided, max(a.shape[1], 2))

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        """Return the statistics of the true and the predicted classes (M,), of `k` classes."""
        raise NotImplementedError


@registry.register("accuracy")
class Accuracy(ClassMetric, MeanMetric):
    """Fraction of samples whose class is predicted correctly, for binary, integer and one-hot targets.

    Examples
    --------
    >>> Accuracy()([2, 0], [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    0.5
    """

    higher_is_better = True

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        return np.array([np.count_nonzero(truth == decided), len(truth)])


@registry.register("confusion_matrix")
class ConfusionMatrix(ClassMetric):
    """Counts of samples by true class (row) and predicted class (column): (K, K), or (2, 2) for one output.

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
    """Base class of metrics of four counts for each class, TP, FP, FN and TN: (4, K)."""

    def count(self, truth: Array, decided: Array, k: int) -> Array:
        tp = np.bincount(truth[truth == decided], minlength=k)
        fp = np.bincount(decided, minlength=k) - tp
        fn = np.bincount(truth, minlength=k) - tp
        return np.array([tp, fp, fn, len(truth) - tp - fp - fn])


@registry.register("matthews_correlation")
class MatthewsCorrelation(CountMetric):
    """Correlation of true and predicted classes, from -1 to 1 (0 is chance), for any K (Gorodkin 2004)."""

    higher_is_better = True

    def result(self, s: Array) -> float:
        tp, fp, fn, _ = s.astype(np.float64)
        truth, decided = tp + fn, tp + fp
        n = truth.sum()
        covariance = n * tp.sum() - truth @ decided
        variances = (n * n - truth @ truth) * (n * n - decided @ decided)
        return float(_divide(covariance, np.sqrt(variances)))


Average = Literal["auto", "binary", "macro", "micro", "weighted"]


class RatioMetric(CountMetric):
    """Base class of ratios of the counts of `CountMetric`. A subclass defines `ratio`.

    Parameters
    ----------
    average : {"binary", "macro", "micro", "weighted", "auto"}, optional
        "binary", the default: class 1 of two; for more classes choose another. "macro": the mean over the
        classes. "weighted": the mean, weighted by how often each class occurs. "micro": the ratio of the
        sums. "auto", the default of version 0.1: "binary" for two classes, else "macro".
        Classes that neither occur nor are predicted are ignored.
    threshold : float
        See `ClassMetric`.

    Examples
    --------
    >>> class Jaccard(RatioMetric):
    ...     def ratio(self, tp, fp, fn, tn):
    ...         return tp, tp + fp + fn
    >>> y, a = [1, 1, 0, 0, 0], [0.9, 0.2, 0.8, 0.1, 0.3]
    >>> Jaccard()(y, a), Jaccard("macro").name
    (0.3333333333333333, 'jaccard_macro')
    >>> Precision()(y, a), Recall()(y, a), F1()(y, a)
    (0.5, 0.5, 0.5)
    """

    def __init__(self, average: Average | None = None, threshold: float = 0.5) -> None:
        super().__init__(threshold)
        self.average = optional(one_of(*get_args(Average)))(type(self).__name__, "average", average)

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        """Return numerators and denominators, from the counts of the classes."""
        raise NotImplementedError

    def result(self, s: Array) -> float:
        k, own = s.shape[1], type(self).__name__
        if self.average in (None, "binary") and k > 2:
            said = f"average={self.average!r} is for two classes, got K={k}; choose {own}('macro')"
            raise ValueError(f"{said}, the mean over the classes, {own}('weighted') or {own}('micro')")
        binary = self.average in (None, "binary", "auto") and k == 2
        tp, fp, fn, tn = s[:, 1:] if binary else s[:, s[:3].any(axis=0)]
        top, bottom = self.ratio(tp, fp, fn, tn)
        if self.average == "micro":
            return float(_divide(top.sum(), bottom.sum()))
        weights = tp + fn if self.average == "weighted" else None
        return float(np.average(_divide(top, bottom), weights=weights))


@registry.register("precision")
class Precision(RatioMetric):
    """Fraction of the samples predicted as a class that belong to it: TP / (TP + FP)."""

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tp, tp + fp


@registry.register("recall")
class Recall(RatioMetric):
    """Fraction of the samples of a class that are predicted as it, the sensitivity: TP / (TP + FN)."""

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tp, tp + fn


@registry.register("specificity")
class Specificity(RatioMetric):
    """Fraction of the samples of other classes that are not predicted as the class: TN / (TN + FP)."""

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tn, tn + fp


@registry.register("negative_predictive_value")
class NegativePredictiveValue(RatioMetric):
    """Fraction of the samples not predicted as a class that do not belong to it: TN / (TN + FN)."""

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return tn, tn + fn


@registry.register("f1")
class F1(RatioMetric):
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""

    higher_is_better = True

    def ratio(self, tp: Array, fp: Array, fn: Array, tn: Array) -> tuple[Array, Array]:
        return 2 * tp, 2 * tp + fp + fn


@registry.register("label_error_rate")
class LabelErrorRate(MeanMetric):
    """Label error rate after decoding, for ``loss="ctc"``: insertions, deletions and substitutions.

    It is the edit distance between the labels returned by `nnfw.losses.CTC.decode` and the true ones, summed
    over all sequences, divided by the number of true labels; `y` (N, 1 + L) is as for `nnfw.losses.CTC`.

    Examples
    --------
    >>> a = np.eye(3)[[[1, 1, 0, 2]]]  # reads 1, 2
    >>> LabelErrorRate()([[4, 1, 1, 2]], a)
    0.3333333333333333
    """

    higher_is_better = False
    of_outputs = True

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a = np.asarray(y), np.asarray(a)
        if a.ndim != 3 or y.ndim != 2 or len(y) != len(a):
            raise ShapeError(f"label_error_rate is for loss='ctc', with outputs (N, T, K); got a {a.shape}")
        truth = [row[row > 0] for row in y[:, 1:]]
        read = read_labels(a, y[:, 0])
        errors = [edit_distance(one, other) for one, other in zip(read, truth, strict=True)]
        return np.array([sum(errors), sum(map(len, truth))])

    def result(self, s: Array) -> float:
        return float(s[0] / max(s[1], 1))


@registry.register("multi_label_accuracy")
class MultiLabel(Metric):
    """A binary metric for K independent labels of each sample, each 0 or 1.

    Parameters
    ----------
    metric : str, ClassMetric, RankMetric or its class
        The metric for each label: ``"accuracy"``, ``"f1"``, ``Recall(threshold=0.3)``, ``"roc_auc"`` ...
    average : {"micro", "macro"}
        "micro": over all labels, as if each were a sample. "macro": the mean of the values of the K labels.

    Examples
    --------
    >>> y, a = [[1, 1, 0], [1, 0, 0]], [[0.9, 0.8, 0.2], [0.3, 0.1, 0.7]]
    >>> MultiLabel()(y, a)
    0.6666666666666666
    >>> macro = MultiLabel("f1", "macro")
    >>> macro(y, a), macro.name  # the labels' values are 2/3, 1 and 0
    (0.5555555555555555, 'multi_label_macro_f1')
    """

    def __init__(
        self, metric: str | Metric | type[Metric] = "accuracy", average: Literal["micro", "macro"] = "micro"
    ) -> None:
        self.average = one_of("macro", "micro")("MultiLabel", "average", average)
        self.metric: Any = get(metric)
        if not isinstance(self.metric, ClassMetric | RankMetric) or isinstance(self.metric, ConfusionMatrix):
            said = "MultiLabel: metric must give one number for two classes, like 'f1' and 'roc_auc'"
            raise TypeError(f"{said}, got {self.metric!r}")
        self.higher_is_better = self.metric.higher_is_better

    @property
    def name(self) -> str:
        """The key in the history: ``"multi_label_f1"``, ``"multi_label_macro_f1"``."""
        return "multi_label_" + "macro_" * (self.average == "macro") + self.metric.name

    @property
    def collects(self) -> bool:  # type: ignore[override]
        """Whether the metric for each label collects."""
        return bool(self.metric.collects)

    def statistics(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the statistics of each label (K, ...), or (M, K, 2) of ranks; K = 1 for "micro"."""
        y, a = _aligned(y, a)
        valid = (y == 1) | (y == (-1 if y.all() else 0))
        if not valid.all():
            raise ValueError(f"y holds {y[~valid][0]}, but each of the K={a.shape[1]} labels must be 0 or 1")
        if self.average == "micro":
            y, a = y.reshape(-1, 1), a.reshape(-1, 1)
        (M, K), own = y.shape, type(self.metric)
        counts = own.statistics is ClassMetric.statistics and own.count is CountMetric.count
        if counts and a.dtype.kind == "f":  # all labels at once, as 2K classes
            truth, decided = (part + 2 * np.arange(K) for part in (y > 0, a > self.metric.threshold))
            s = self.metric.count(truth.ravel(), decided.ravel(), 2 * K).reshape(4, K, 2)
            s[3] -= M * (K - 1)  # those of other labels
            return s.swapaxes(0, 1)
        each = [self.metric.statistics(*label) for label in zip(y.T, a.T, strict=True)]
        return np.stack(each, axis=1 if self.collects else 0)

    def merge(self, s: Array, t: Array) -> Array:
        if type(self.metric).merge is Metric.merge:
            return super().merge(s, t)
        return np.array([self.metric.merge(*label) for label in zip(s, t, strict=True)])

    def result(self, s: Array) -> float:
        labels = s.swapaxes(0, 1) if self.collects else s
        plain = type(self.metric).result is RankMetric.result  # not one's own, which has no `where`
        if plain and isinstance(self.metric, RankMetric) and self.average == "macro":
            each = [self.metric.result(label, where=f"label {k}") for k, label in enumerate(labels)]
        else:
            each = [self.metric.result(label) for label in labels]
        return float(np.mean(each))


def get(metric: str | Metric | type[Metric] | Callable[[Any, Any], float]) -> Metric:
    """Return the metric for a name, an object, a class, or a plain function ``f(y, a) -> float``.

    Examples
    --------
    >>> get(lambda y, a: np.mean((y - a) ** 4))([1.0, 2.0], [1.0, 4.0])
    8.0
    """
    if callable(metric) and not isinstance(metric, Metric | type):
        return FunctionMetric(metric)
    return registry.get(metric)


def from_list(metrics: Iterable[Any]) -> tuple[Metric, ...]:
    """Return the metrics for a list of names, objects or functions; their names must be distinct."""
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise TypeError(f"Network: metrics must be a list, [{metrics!r}], got {type(metrics).__name__} alone")
    found = tuple(get(metric) for metric in metrics)
    names = [metric.name for metric in found]
    for name in names:
        if name == "loss" or names.count(name) > 1:
            raise ValueError(f"Network: two metrics would be named {name!r} in the history; leave one out")
    return found


register = registry.register

__all__ = [
    "F1", "MAE", "MAPE", "MASE", "MSE", "R2", "RMSE", "ROCAUC", "SMAPE", "Accuracy", "AveragePrecision",
    "CalibrationError", "ClassMetric", "ConfusionMatrix", "CountMetric", "Coverage", "FunctionMetric",
    "LabelErrorRate", "MatthewsCorrelation", "MeanMetric", "Metric", "MultiLabel",
    "NegativePredictiveValue", "Pinball", "Precision", "RankMetric", "RatioMetric", "Recall", "Running",
    "Specificity", "TopKAccuracy", "as_classes", "from_list", "get", "register", "registry",
]  # fmt: skip
