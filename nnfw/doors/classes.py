"""Classes as targets: which they are, and what each of them counts."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import AMOUNT
from nnfw.doors.batch import Data
from nnfw.doors.given import WITH_WHOLE_DATA, Batches
from nnfw.layers.lengths import valid_steps

if TYPE_CHECKING:
    from nnfw.network import Network


def weigh_classes(network: "Network", data: Data | Batches, class_weight: Any) -> Data:
    """Return the data, each sample or step weighed by its class too; see `class_factors`."""
    if isinstance(data, Batches):
        raise ValueError(f"class_weight {WITH_WHOLE_DATA}")
    *_, K = network.shapes[-1]
    rows = slice(None) if data.rows is None else data.rows
    y = data.y[rows]
    valid = np.ones(y.shape[: 1 + data.steps], bool)
    if data.steps and data.lengths is not None:
        valid = valid_steps(data.lengths[rows], y.shape[1])
    factor = np.zeros(valid.shape)
    factor[valid] = class_factors(class_weight, class_labels(y[valid]), K or 0)
    if data.weight is not None:
        factor = (factor.T * data.weight[rows].T).T  # (n, T) times (n, T), or times (n,)
    if not factor.any():
        raise ValueError("class_weight leaves everything a weight of 0, and nothing to learn; raise some")
    weight = np.ones((len(data.x), *factor.shape[1:]))
    weight[rows] = factor
    return replace(data, weight=weight)


def class_factors(class_weight: Any, labels: Array | None, K: int) -> Array:
    """Return the weight of each label's class (M,); ``"balanced"`` gives every class the same total."""
    if labels is None:
        raise ValueError(
            "class_weight needs one class a sample, or step, as target; weigh others by sample_weight"
        )
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
        AMOUNT("fit", f"class_weight[{key!r}]", weight)
    for key in present.tolist():
        if key not in class_weight:
            raise ValueError(f"class_weight has no weight for class {key}; give one for every class in y")
    return np.array([class_weight[label] for label in present.tolist()])[np.searchsorted(present, labels)]


def class_labels(y: Array) -> Array | None:
    """Return the class of each sample (N,) if the targets are classes, else None."""
    if y.ndim == 1:
        return y
    if y.ndim != 2 or not np.isin(y, (0, 1)).all():
        return None
    if y.shape[1] == 1:
        return y[:, 0].astype(np.int64)
    return y.argmax(axis=1) if np.all(y.sum(axis=1) == 1) else None
