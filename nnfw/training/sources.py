"""The data sets of a call: given whole or batch by batch, split for validation, weighted by class."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from nnfw.core.arrays import check_finite
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, named, one_of
from nnfw.data import split_indices
from nnfw.model import Model
from nnfw.training.adapters import as_data
from nnfw.training.batches import Data
from nnfw.training.compatibility import check_alike
from nnfw.training.iterables import Batches, read

Source = TypeVar("Source", Data, Data | Batches)
Split = Literal["auto", "stratified", "random", "tail"]
WITH_ARRAYS = "requires whole x and y; batches have no weights, but can hold a sample several times"


def as_source(
    network: Model,
    x: Any,
    y: Any = None,
    lengths: Any = None,
    sample_weight: Any = None,
    steps: int | None = None,
) -> Data | Batches:
    """Return the data set, checked against the network as far as it is known."""
    if y is not None:
        if steps is not None:
            raise ValueError("steps_per_epoch is for batches; whole x and y are split by batch_size")
        return as_data(network, x, y, lengths, sample_weight)
    batches = read(network, x, steps)
    if lengths is not None:
        raise ValueError("lengths are for whole x and y; batches have their own, as (x, y, lengths)")
    if sample_weight is not None:
        raise ValueError(f"sample_weight {WITH_ARRAYS}")
    return batches


def with_validation(
    network: Model,
    train: Data | Batches,
    validation_data: Any,
    fraction: float,
    split: str,
    part: Callable[[Data | Batches], Data | Batches],
) -> tuple[Data | Batches, Data | Batches | None, str]:
    """Return the training data, the validation data, and a description of how these were chosen.

    This process takes its `part` of given validation data, as of the training data.
    """
    one_of(*get_args(Split))("fit", "split", split)
    if validation_data is not None:
        with named("validation_data"):
            validation = as_source(network, *unpacked(validation_data))
            check_alike(network, train.first, validation.first)
            return train, with_steps(part(validation)), "the data given"
    if not fraction:
        return train, None, "none"
    if isinstance(train, Batches):
        raise ValueError("fit: validation_split requires whole x and y; for batches use validation_data")
    return split_off(train, fraction, split, network._streams["split"])


def split_off(data: Data, fraction: float, split: str, rng: np.random.Generator) -> tuple[Data, Data, str]:
    """Return training samples, validation samples, and a description of how these were chosen.

    `rng` is not advanced, so that every fit on the same data chooses the same samples.
    """
    N = len(data)
    if N < 2:
        raise ValueError("fit: validation_split needs at least 2 samples, got 1; pass validation_data")
    labels = data.of_all(None if data.steps else class_labels(data.y))
    if split == "auto":
        split = "random" if labels is None else "stratified"
    if split == "stratified" and labels is None:
        raise ValueError("fit: split='stratified' needs one class per sample; use 'random' or 'tail'")
    if split == "tail":
        count = min(max(round(N * fraction), 1), N - 1)
        train, validation = np.split(np.arange(N), [N - count])
    else:
        by = labels if split == "stratified" else None
        train, validation = split_indices(N, fraction, copy.deepcopy(rng), by)
    parts = [with_steps(data.subset(part)) for part in (train, validation)]
    return parts[0], parts[1], f"{split}, {len(validation)} of {N} samples"


def with_steps(data: Source) -> Source:
    """Return the data; raise an error if targets by step have no step, or if all weights are 0.

    The data of several processes count together, so this is called after each has its part.
    """
    if isinstance(data, Batches):
        return data
    if data.steps and (counts := data.steps_of_samples) is not None and not counts.any():
        said = "all lengths are 0, but y has a target for each step"
        raise ValueError(f"{said}; at least one step is needed for training, and one for validation")
    weight = np.ones(1) if data.weight is None else data.weight[data.rows]
    if not data.total(weight.sum()):
        raise ValueError("sample_weight is 0 for all training or all validation samples; raise some")
    return data


def unpacked(data: Any) -> tuple[Any, ...]:
    """Return validation data as a tuple of x, y, lengths and weights, or of an iterable of batches alone."""
    of_batches = isinstance(data, list) and all(isinstance(batch, tuple) for batch in data)
    if of_batches or not isinstance(data, (tuple, list)):
        return (data,)
    if len(data) not in (2, 3, 4):
        forms = "(x, y), (x, y, lengths) or (x, y, lengths or None, sample_weight)"
        raise TypeError(f"must be {forms}, got a {type(data).__name__} of {len(data)}")
    return tuple(data)


def weigh_classes(network: Model, data: Data | Batches, class_weight: Any) -> Data:
    """Return the data, with each sample or step also weighted by its class; see `class_factors`."""
    if isinstance(data, Batches):
        raise ValueError(f"class_weight {WITH_ARRAYS}")
    rows, y = data.rows, data.y[data.rows]
    valid = np.ones(y.shape[: 1 + data.steps], bool)
    if data.steps and data.lengths is not None:
        valid = valid_steps(data.lengths[rows], y.shape[1])
    given = 1.0 if data.weight is None else data.weight[rows].T.astype(np.float64)
    factor = (valid.T * given).T  # (N, T) times (N, T), or times (N,)
    counted = factor > 0  # samples of weight 0 count for no class
    labels, K = class_labels(y[counted]), network.shapes[-1][-1] or 0
    factor[counted] *= class_factors(class_weight, labels, K, data.total)
    check_finite(factor, "class_weight for y", dtype=network.dtype)
    if not data.total(factor.sum()):
        raise ValueError("class_weight gives all samples weight 0, so there is nothing to learn; raise some")
    weight = np.ones((len(data.x), *factor.shape[1:]))
    weight[rows] = factor
    return replace(data, weight=weight)


def class_factors(class_weight: Any, labels: Array | None, K: int, total: Callable[[Array], Array]) -> Array:
    """Return the weight of each label's class (M,); ``"balanced"`` gives every class the same total."""
    if labels is None:
        raise ValueError("class_weight needs one class per sample or step; otherwise use sample_weight")
    counts = total(np.bincount(labels, minlength=max(K, 2)))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return (counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)))[labels]
    if not isinstance(class_weight, dict):
        said = "class_weight must be 'balanced' or a dict of weights by class"
        raise TypeError(f"{said}, e.g. {{0: 1.0, 1: 3.0}}, got {type(class_weight).__name__}")
    weights = np.full(len(counts), np.nan)
    for key, weight in class_weight.items():
        if key not in range(len(counts)):
            said = f"class_weight has a weight for {key!r}, but its keys must be class numbers"
            raise ValueError(f"{said}, 0 to {len(counts) - 1}")
        weights[int(key)] = AMOUNT("fit", f"class_weight[{key!r}]", weight)
    missing = np.flatnonzero((counts > 0) & np.isnan(weights))
    if missing.size:
        raise ValueError(f"class_weight has no weight for class {missing[0]}; give one for each class in y")
    return weights[labels]


def class_labels(y: Array) -> Array | None:
    """Return the class of each sample (N,) if the targets are classes, else None."""
    if y.ndim == 1:
        return y.astype(np.int64)
    if y.shape[1:] == (1,) and (np.isin(y, (0, 1)).all() or np.isin(y, (-1, 1)).all()):
        return (y[:, 0] > 0).astype(np.int64)
    if y.ndim != 2 or not np.isin(y, (0, 1)).all():
        return None
    return y.argmax(axis=1) if np.all(y.sum(axis=1) == 1) else None
