"""What each sample counts: sample weights and class weights, brought to one factor a sample."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.checks import number
from nnfw.doors.arrays import check_finite, numeric
from nnfw.errors import ShapeError


def open_weight(
    sample_weight: ArrayLike | None, class_weight: Any, y: Array, K: int, steps: bool
) -> Array | None:
    """Return one weight a sample (N,), from sample weights and class weights together, or None."""
    if sample_weight is None and class_weight is None:
        return None
    weight = np.ones(len(y))
    if sample_weight is not None:
        weight *= sample_weights(sample_weight, len(y))
    if class_weight is not None:
        weight *= class_weights(class_weight, None if steps else class_labels(y), K)
    if not weight.any():
        given = "class_weight" if sample_weight is None else "sample_weight"
        raise ValueError(f"{given} leaves every sample a weight of 0, and nothing to learn from; raise some")
    return weight


def sample_weights(sample_weight: ArrayLike, N: int) -> Array:
    """Return the weights (N,), if that is what they are."""
    weight = numeric(sample_weight, "sample_weight")
    if weight.shape != (N,):
        raise ShapeError(f"sample_weight must have one weight a sample, shape {(N,)}, got {weight.shape}")
    check_finite(weight, "sample_weight")
    if weight.min() < 0:
        raise ValueError(f"sample_weight[{weight.argmin()}] is {weight.min():g}; weights must be at least 0")
    return weight


def class_weights(class_weight: Any, labels: Array | None, K: int) -> Array:
    """Return each sample's class's weight (N,); ``"balanced"`` gives every class the same total."""
    if labels is None:
        raise ValueError("class_weight needs one class a sample as target; weigh others by sample_weight")
    present, members = np.unique(labels, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        class_weight = dict(zip(present.tolist(), len(labels) / (len(present) * members), strict=True))
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight must be 'balanced' or a dict of weights by class, as {{0: 1.0, 1: 3.0}}, "
            f"got {type(class_weight).__name__}"
        )
    classes = range(max(K, 2))
    for key, weight in class_weight.items():
        if key not in classes:
            raise ValueError(f"class_weight has a weight for {key!r}; the classes are 0 to {classes[-1]}")
        number("fit", f"class_weight[{key!r}]", weight, low=0.0)
    for key in present.tolist():
        if key not in class_weight:
            raise ValueError(f"class_weight has no weight for class {key}; give one for every class in y")
    return np.array([class_weight[label] for label in labels.tolist()], np.float64)


def class_labels(y: Array) -> Array | None:
    """Return the class of each sample (N,) if the targets are classes, else None."""
    if y.ndim == 1:
        return y
    if y.ndim != 2 or not np.isin(y, (0, 1)).all():
        return None
    if y.shape[1] == 1:
        return y[:, 0].astype(np.int64)
    return y.argmax(axis=1) if np.all(y.sum(axis=1) == 1) else None
