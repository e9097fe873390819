"""Ratios of how often each class is decided rightly and wrongly: precision, recall, and their like."""

import numpy as np

from nnfw.arrays import Array
from nnfw.metric import divide
from nnfw.metrics.classes import CountMetric
from nnfw.metrics.given import metrics
from nnfw.names import nearest

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
