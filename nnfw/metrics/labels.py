"""Several labels a sample, each there or not: what a metric of classes says of them, one by one or pooled."""

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.metric import Metric, open_pairs
from nnfw.metrics.classes import ClassMetric, ConfusionMatrix
from nnfw.metrics.given import get, metrics
from nnfw.names import nearest

AVERAGES = ("micro", "macro")


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
        if average not in AVERAGES:
            hint = nearest(str(average), AVERAGES)
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
