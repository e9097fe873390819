"""The metrics, over targets ``y`` and outputs ``a`` in the forms that `nnfw.metric` explains.

A ratio 0/0 (the precision of a class that was never decided) is 0.0, as in scikit-learn, without a warning.
The arguments `threshold` and `average` are explained once, on `ClassMetric` and `RatioMetric`.
``@nnfw.metrics.register("my_metric")`` above a class of your own makes it known by name.
"""

from nnfw.metric import MeanMetric, Metric
from nnfw.metrics.classes import (
    Accuracy,
    ClassMetric,
    ConfusionMatrix,
    CountMetric,
    MatthewsCorrelation,
    TopKAccuracy,
)
from nnfw.metrics.given import FunctionMetric, get, metrics
from nnfw.metrics.labels import MultiLabel
from nnfw.metrics.ratios import (
    F1,
    NegativePredictiveValue,
    Precision,
    RatioMetric,
    Recall,
    Specificity,
)
from nnfw.metrics.regression import MAE, MSE, R2, RMSE

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
