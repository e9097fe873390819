"""The data that a network works on, once past the door: whole, and batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from nnfw.data import batches
from nnfw.joint import Array


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
    steps : bool
        Whether targets have a time axis.
    rows : ndarray of int or None
        The samples that are meant, if not all: a part of the data is never a copy of it.
    """

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None
    dtype: np.dtype[Any]
    steps: bool
    rows: Array | None = None

    def __len__(self) -> int:
        return len(self.x if self.rows is None else self.rows)

    def subset(self, index: Array) -> "Data":
        """Return the samples at `index`."""
        return replace(self, rows=index if self.rows is None else self.rows[index])

    def take(self, index: Array | slice) -> Batch:
        """Return the batch of the samples at `index`, its padding set to 0 and weighed 0."""
        index = index if self.rows is None else self.rows[index]
        x, y = np.asarray(self.x[index], self.dtype), self.y[index]
        weight = None if self.weight is None else self.weight[index]
        if self.lengths is None:
            return Batch(x, y, None, weight, y.shape[0] * (y.shape[1] if self.steps else 1))
        lengths = self.lengths[index]
        padding = ~valid_steps(lengths, x.shape[1])
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
        for part in batches(len(self), batch_size):
            yield self.take(part if order is None else order[part])


def valid_steps(lengths: Array, T: int) -> Array:
    """Return which steps are no padding, bool (N, T)."""
    return np.arange(T) < lengths[:, None]
