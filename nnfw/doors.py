"""The door: whatever arrays the caller has are checked once, and brought to one form.

Inputs become (N, ...) arrays, lists of sequences of unequal length a padded array with its lengths, targets
the one shape that the loss takes. Nothing is copied or converted that need not be: a batch is converted when
it is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nnfw.data import pad_sequences
from nnfw.errors import ShapeError
from nnfw.joint import Array
from nnfw.layers.layer import Shape
from nnfw.loss import Loss


class Batch(NamedTuple):
    """What one training step works on; `weight` weighs each sample or step in the loss."""

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None
    valid: int  # samples, or valid steps of all samples, that the loss is the mean over


@dataclass
class Data:
    """One data set in one form.

    Attributes
    ----------
    x : ndarray (N, ...)
        Inputs.
    y : ndarray (N, ...)
        Targets as the loss takes them.
    lengths : ndarray of int (N,) or None
        Valid steps of each sample.
    weight : ndarray (N,) or None
        A factor for each sample's loss.
    dtype : dtype
        What batches are converted to.
    """

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None
    dtype: np.dtype[Any]
    steps: bool  # whether targets have a time axis

    def __len__(self) -> int:
        return len(self.x)

    def subset(self, index: Array) -> "Data":
        """Return the samples at `index`."""
        lengths, weight = (None if a is None else a[index] for a in (self.lengths, self.weight))
        return Data(self.x[index], self.y[index], lengths, weight, self.dtype, self.steps)

    def take(self, index: Array | slice) -> Batch:
        """Return the batch of the samples at `index`, its padding set to 0 and weighed 0."""
        x, y = np.asarray(self.x[index], self.dtype), self.y[index]
        weight = None if self.weight is None else self.weight[index]
        if self.lengths is None:
            return Batch(x, y, None, weight, y.shape[0] * (y.shape[1] if self.steps else 1))
        lengths = self.lengths[index]
        padding = np.arange(x.shape[1]) >= lengths[:, None]
        x = np.where(padding[..., None], 0, x)
        if not self.steps:
            return Batch(x, y, lengths, weight, len(y))
        y = np.where(padding[..., None] if y.ndim == 3 else padding, 0, y)
        valid = int(lengths.sum())
        # The loss divides by all N·T steps; scaled so, that is the mean over the valid ones.
        mask = (~padding * (padding.size / valid)).astype(self.dtype)
        return Batch(x, y, lengths, mask if weight is None else mask * weight[:, None], valid)

    def batches(self, batch_size: int, order: Array | None = None) -> Iterator[Batch]:
        """Yield all batches, the last one may be smaller; without an `order`, in that of the data."""
        for start in range(0, len(self), batch_size):
            part = slice(start, start + batch_size)
            yield self.take(part if order is None else order[part])


def is_ragged(x: Any) -> bool:
    """Whether `x` is a list of sequences (T_i, D)."""
    return isinstance(x, (list, tuple)) and len(x) > 0 and np.ndim(x[0]) == 2 and hasattr(x[0], "shape")


def open_inputs(x: Any, lengths: ArrayLike | None, name: str = "x") -> tuple[Array, Array | None]:
    """Return inputs (N, ...) and lengths (N,) or None.

    Raises
    ------
    TypeError, ValueError
        If `x` is not numeric, empty, or not finite; if `lengths` do not fit.
    """
    if is_ragged(x):
        if lengths is not None:
            raise ValueError(
                f"{name} is a list of sequences, which have their own lengths: leave lengths out"
            )
        return pad_sequences(x)
    x = numeric(x, name)
    if x.ndim < 2 or x.size == 0:
        raise ShapeError(
            f"{name} must be (samples, features) or (samples, steps, features) and not empty, got {x.shape}; "
            f"one sample alone is {name}[None], one feature alone {name}[..., None]"
        )
    if lengths is None:
        check_finite(x, name)
        return x, None
    return x, open_lengths(lengths, x, name)


def open_lengths(lengths: ArrayLike, x: Array, name: str) -> Array:
    """Return lengths as integers (N,) that fit x (N, T, D)."""
    if x.ndim != 3:
        raise ShapeError(f"lengths go with {name} of (samples, steps, features), got {x.shape}")
    lengths = np.asarray(lengths)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths must be whole numbers, got {lengths.dtype}")
    if lengths.shape != (len(x),):
        raise ShapeError(f"lengths must be one for each of the {len(x)} samples, got {lengths.shape}")
    wrong = np.flatnonzero((lengths < 1) | (lengths > x.shape[1]))
    if wrong.size:
        raise ValueError(
            f"lengths must lie in 1 to {x.shape[1]}, the steps of {name}; "
            f"lengths[{wrong[0]}] is {lengths[wrong[0]]}"
        )
    return lengths.astype(np.int64)


def numeric(values: Any, name: str) -> Array:
    """Return `values` as an array of real numbers, without a copy where it is one."""
    try:
        array = np.asanyarray(values)
    except ValueError:
        raise ValueError(
            f"{name} is a list of unequal parts; sequences of unequal length are a list of arrays (T_i, D)"
        ) from None
    if array.dtype.kind not in "fiub":
        remedy = "; LabelEncoder makes numbers of labels" if array.dtype.kind in "OUS" else ""
        raise TypeError(f"{name} must be real numbers, got {array.dtype}{remedy}")
    return array


def check_finite(array: Array, name: str) -> None:
    """Raise a ValueError at the first NaN or infinity; a memory map is left unread."""
    if array.dtype.kind == "f" and not isinstance(array, np.memmap) and not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0]
        index = ", ".join(map(str, first))
        raise ValueError(
            f"{name}[{index}] is {array[tuple(first)]}: every value must be finite; "
            f"drop or fill such samples first"
        )


def open_targets(y: Any, x: Array, lengths: Array | None, output_shape: Shape, loss: Loss) -> Array:
    """Return targets in the one form that the loss takes.

    Classes for categorical cross-entropy become integers (N,) or (N, T); all else takes the shape of the
    outputs, (N, K) or (N, T, K).
    """
    steps = x.shape[1:2] if len(output_shape) == 2 else ()
    if steps and isinstance(y, (list, tuple)) and lengths is not None:
        y = pad_sequences([numeric(one, "y") for one in y])[0]
    y = numeric(y, "y")
    lead, K = (len(x), *steps), output_shape[-1]
    if len(y) != len(x):
        raise ShapeError(f"x has {len(x)} samples and y has {len(y)}; they must have the same number")
    if y.shape == (*lead, K):
        form = y
    elif loss.takes_classes and y.shape in (lead, (*lead, 1)):
        form = whole_numbers(y.reshape(lead))
    elif K == 1 and y.shape == lead:
        form = y[..., None]
    else:
        raise ShapeError(targets_message(y.shape, lead, K, loss))
    valid = form if lengths is None or not steps else form[np.arange(*steps) < lengths[:, None]]
    check_finite(valid, "y")
    check_range(valid, loss, K)
    return form


def whole_numbers(y: Array) -> Array:
    """Return classes as integers, if they are whole numbers."""
    if y.dtype.kind == "f" and not np.array_equal(y, np.round(y), equal_nan=True):
        odd = y[y != np.round(y)][0]
        raise ValueError(f"y holds {odd}, which is no class; classes are whole numbers from 0")
    return y if y.dtype.kind in "iu" else np.nan_to_num(y).astype(np.int64)


def check_range(y: Array, loss: Loss, K: int | None) -> None:
    """Raise a ValueError for targets that the loss has no meaning for."""
    name = type(loss).__name__
    least, most = y.min(), y.max()
    if loss.takes_classes and y.dtype.kind in "iu" and (y.ndim < 2 or y.shape[-1] != K):
        if least < 0 or most >= (K or 0):
            raise ValueError(
                f"y holds classes {least} to {most}, but the network's {K} outputs stand for classes 0 to "
                f"{(K or 0) - 1}; LabelEncoder numbers labels from 0"
            )
        return
    low, high = loss.target_range
    if least < low or most > high:
        raise ValueError(
            f"{name} takes targets from {low:g} to {high:g}, y holds {least:g} to {most:g}; "
            f"LabelEncoder numbers labels from 0, MinMaxScaler scales numbers, or choose another loss"
        )
    if loss.takes_classes and not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
        raise ValueError(f"{name} takes classes, or rows of {K} that sum to 1; scale the rows of y")


def targets_message(shape: tuple[int, ...], lead: tuple[int, ...], K: int | None, loss: Loss) -> str:
    """Return the message for targets that fit neither form."""
    classes = f" or classes {lead}" if loss.takes_classes else f" or {lead}" if K == 1 else ""
    hint = ""
    if shape == lead and K != 1:
        hint = "; for integer classes use a softmax output and loss='cce'"
    elif len(shape) < len(lead):
        hint = "; for one target a sequence build the last recurrent layer with return_sequences=False"
    return f"y has shape {shape}, but the network's outputs ask for {(*lead, K)}{classes}{hint}"


def open_weight(sample_weight: ArrayLike | None, class_weight: Any, y: Array, K: int | None) -> Array | None:
    """Return one weight a sample (N,), from sample weights and class weights together, or None."""
    if sample_weight is None and class_weight is None:
        return None
    weight = np.ones(len(y))
    if sample_weight is not None:
        given = numeric(sample_weight, "sample_weight")
        if given.shape != (len(y),):
            raise ShapeError(f"sample_weight must be one for each of the {len(y)} samples, got {given.shape}")
        weight *= given
    if class_weight is not None:
        weight *= class_weights(class_weight, y, K)
    check_finite(weight, "sample_weight × class_weight")
    if np.any(weight < 0) or not np.any(weight > 0):
        raise ValueError("weights must be at least 0, and not all of them 0")
    return weight


def class_weights(class_weight: Any, y: Array, K: int | None) -> Array:
    """Return each sample's class's weight (N,); ``"balanced"`` gives every class the same total."""
    labels = class_labels(y, K)
    if labels is None:
        raise ValueError("class_weight needs one class a sample as target; weigh others by sample_weight")
    classes, members = np.unique(labels, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        class_weight = dict(zip(classes.tolist(), len(labels) / (len(classes) * members), strict=True))
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight must be 'balanced' or a dict of weights by class, got {class_weight!r}"
        )
    missing = sorted(set(classes.tolist()) - set(class_weight))
    if missing:
        raise ValueError(f"class_weight has no weight for class {missing[0]}; give one for every class in y")
    return np.array([class_weight[label] for label in labels.tolist()], np.float64)


def class_labels(y: Array, K: int | None) -> Array | None:
    """Return the class of each sample (N,) if the targets are classes, else None."""
    if y.ndim == 1:
        return y
    if y.ndim != 2 or not np.isin(y, (0, 1)).all():
        return None
    if K == 1:
        return y[:, 0].astype(np.int64)
    return y.argmax(axis=1) if np.all(y.sum(axis=1) == 1) else None
