"""What a network is judged by: each metric is an additive statistic, and a result computed from it.

The mean of the batches' F1 scores is not the F1 score of the epoch, and a last batch that is smaller must
not count as much as a full one. So a metric never averages results. `Metric.statistics` condenses a batch
into a few sums, `Metric.merge` joins those of two batches, and `Metric.result` is taken once at the end:
any split of an epoch into batches gives the same value.

A function ``f(y, a)`` is the exception: its value is taken for each batch, and averaged. That is right for
what is itself a mean over samples; a maximum, a root or a quotient of sums needs a `Metric`.

Shapes: outputs `a` are (N, K), or (N, T, K) and then read as N*T samples; (N,) is the same as (N, 1). In
training and evaluation the valid steps of all sequences come as samples, (M, K), padding left out.
Classes `y` are integers (N,) or (N, 1), or one-hot rows (N, K), of which the largest entry counts; with a
time axis alike. A single output (K = 1) decides between the classes 0 and 1: its `y` is 0 or 1 (or -1 or
+1), and class 1 is decided where ``a > threshold``, strictly, as in Keras and scikit-learn. Several
outputs decide by the largest, the first among equals: an undecided network says class 0 either way. Outputs
that decide K labels independently of each other are for `nnfw.metrics.MultiLabel`.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.errors import ShapeError
from nnfw.parts import Part


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
        arguments = self.arguments()
        changed = [str(value) for key, value in self.config.items() if value != arguments[key].default]
        return "_".join([vars(type(self)).get("known_as") or snake_case, *changed])

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
