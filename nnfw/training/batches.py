"""The data that a network works on, once past the door: whole, and batch by batch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from nnfw.core.lengths import valid_steps, without
from nnfw.core.typing import Array


class Batch(NamedTuple):
    """What one training step works on; `weight` weighs each sample or step in the loss."""

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None
    valid: int  # samples, or valid steps of all samples, that the loss is the mean over
    state: Any = None  # what the layers begin with, where it goes on from another


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
    weight : ndarray (N,) or (N, T), or None
        A factor for the loss of each sample, or of each of its steps.
    dtype : dtype
        What batches of x are converted to.
    steps : bool
        Whether targets have a time axis.
    rows : ndarray of int, slice or None
        The samples that are meant, if not all: a part of the data is never a copy of it.
    """

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None
    dtype: np.dtype[Any]
    steps: bool
    rows: Array | slice | None = None

    @property
    def first(self) -> "Data":
        """What is known of the data before they are all seen: all of them."""
        return self

    @property
    def size(self) -> int | None:
        """The number of samples N."""
        return len(self)

    def __len__(self) -> int:
        if isinstance(self.rows, slice):
            return len(range(*self.rows.indices(len(self.x))))
        return len(self.x if self.rows is None else self.rows)

    def subset(self, index: Array | slice) -> "Data":
        """Return the samples at `index`."""
        if self.rows is None:
            return replace(self, rows=index)
        rows = np.arange(len(self.x))[self.rows] if isinstance(self.rows, slice) else self.rows
        return replace(self, rows=rows[index])

    def count(self, batch_size: int) -> int:
        """Return the number of batches."""
        return math.ceil(len(self) / batch_size)

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator["Data"]:
        """Yield the samples of each batch after the first few; the last may have fewer.

        They come in an `order`, by default that of the data.
        """
        for start in range(skip * batch_size, len(self), batch_size):
            part = slice(start, min(start + batch_size, len(self)))
            yield self.subset(part if order is None else order[part])

    def batches(self, batch_size: int, order: Array | None = None) -> Iterator[Batch]:
        """Yield all batches; see `parts`."""
        return (part.batch() for part in self.parts(batch_size, order))

    def batch(self) -> Batch:
        """Return all samples as one batch, the padding of their targets set to 0 and weighed 0."""
        return self._take(slice(None) if self.rows is None else self.rows, slice(None))

    @property
    def longest(self) -> int:
        """The time steps of the longest sequence."""
        if self.lengths is None:
            return int(self.x.shape[1])
        return int(self.lengths[slice(None) if self.rows is None else self.rows].max())

    def windows(self, width: int, skip: int = 0) -> Iterator[tuple[Batch, Array | None]]:
        """Yield one batch for each window of `width` time steps after the first few.

        It has the samples that last as long. Beside each stands which samples of the window before it go on
        in it; None for the first window.
        """
        rows = self.rows
        if rows is None or isinstance(rows, slice):
            rows = np.arange(*(rows or slice(None)).indices(len(self.x)))
        lengths = np.full(len(rows), self.x.shape[1]) if self.lengths is None else self.lengths[rows]
        for start in range(0, self.longest, width):
            on = np.flatnonzero(lengths > start)
            rows, lengths = rows[on], lengths[on]
            if start >= skip * width:
                yield self._take(rows, slice(start, start + width)), on if start else None

    def _take(self, rows: Array | slice, steps: slice) -> Batch:
        """Return one batch, of some samples, and of sequences some steps."""
        x = self.x[rows] if steps == slice(None) else self.x[rows, steps]
        y = self.y[rows, steps] if self.steps else self.y[rows]
        x = np.asarray(x, self.dtype)
        weight = self.weight
        if weight is not None:
            weight = weight[rows] if weight.ndim == 1 else weight[rows, steps]
        if self.lengths is None:
            return Batch(x, y, None, weight, y.shape[0] * (y.shape[1] if self.steps else 1))
        lengths = np.minimum(self.lengths[rows] - (steps.start or 0), x.shape[1])
        if not self.steps:
            return Batch(x, y, lengths, weight, len(y))
        padding = ~valid_steps(lengths, x.shape[1])
        y = without(padding, y)
        valid = int(lengths.sum())
        # The loss divides by all N·T steps; scaled so, that is the mean over the valid ones.
        mask = ~padding * (padding.size / valid)
        if weight is not None:
            mask = (mask.T * weight.T).T  # (N, T) times (N, T), or times (N,)
        return Batch(x, y, lengths, mask, valid)
