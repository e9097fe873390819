"""What stands for a metric: its name, an object or its class, and any function of targets and outputs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.metric import MeanMetric, Metric, layout
from nnfw.parts import Registry

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
    >>> from nnfw.metric import Running
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
