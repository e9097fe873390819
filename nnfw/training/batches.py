"""A data set as arrays in one form, and its division into batches and windows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nnfw.core.lengths import valid_steps, without
from nnfw.core.typing import Array

GATHERED = 1 << 18  # bytes of x that are gathered at once if a batch is smaller


class Batch(NamedTuple):
    """The arrays of one training step."""

    x: Array
    y: Array
    lengths: Array | None
    weight: Array | None  # of each sample (N,) or step (N, T) in the loss
    valid: int  # number of samples, or of valid steps, over which the loss is averaged
    state: Any = None  # initial state of the layers, if a window continues another


@dataclass
class Data:
    """A data set or a subset of it: subsets share the arrays and differ in `rows`."""

    x: Array  # inputs (N, ...)
    y: Array  # targets (N, ...) as the loss takes them
    lengths: Array | None  # valid steps of each sample (N,)
    weight: Array | None  # a factor for the loss of each sample (N,), or of each of its steps (N, T)
    dtype: np.dtype[Any]  # what batches of x are converted to
    steps: bool  # whether targets have a time axis
    least: int | None = None  # minimum steps of a batch, for sequences with `lengths`; by default all
    rows: Any = None  # the samples of the subset, an index array or a slice; by default all
    group: Any = None  # the processes that share the samples, if there are several: see `nnfw.distributed`

    def __post_init__(self) -> None:
        if self.rows is None:
            self.rows = slice(0, len(self.x))

    @property
    def first(self) -> "Data":
        """The part that is known before training, here the whole data set; see `Batches.first`."""
        return self

    @property
    def size(self) -> int | None:
        """The number of samples; see `Batches.size`."""
        return len(self)

    def __len__(self) -> int:
        rows = self.rows
        return rows.stop - rows.start if isinstance(rows, slice) else len(rows)

    def subset(self, index: Array | slice) -> "Data":
        """Return the samples at `index`, an array or a slice with start and stop; nothing is copied."""
        rows = self.rows
        if not isinstance(rows, slice):
            rows = rows[index]
        elif isinstance(index, slice):
            rows = slice(rows.start + index.start, rows.start + index.stop)
        else:
            rows = rows.start + index
        part = object.__new__(type(self))  # faster than a constructor, for each batch
        vars(part).update(vars(self), rows=rows)
        return part

    def count(self, batch_size: int) -> int:
        """Return the number of batches."""
        return math.ceil(len(self) / batch_size)

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator["Data"]:
        """Yield the samples of each batch after the first `skip`, in an `order`; the last may be smaller.

        Small samples are gathered for several batches at once.
        """
        row = np.inf if isinstance(self.x, np.memmap) else self.x.nbytes // len(self.x)
        at_once = max(1, int(GATHERED / (1 + batch_size * row)))
        for start in range(skip * batch_size, len(self), batch_size * at_once):
            some = slice(start, min(start + batch_size * at_once, len(self)))
            data = self.subset(some if order is None else order[some])
            if at_once > 1:
                data = data._gathered()
            for first in range(0, len(data), batch_size):
                yield data.subset(slice(first, min(first + batch_size, len(data))))

    def _gathered(self) -> "Data":
        """Return the data in arrays that hold its samples alone, in their order."""
        x = np.asarray(self.x[self.rows], self.dtype, order="C")
        y = np.asarray(self.y[self.rows], order="C")
        weight = None if self.weight is None else np.asarray(self.weight[self.rows], order="C")
        lengths = None if self.lengths is None else self.lengths[self.rows]
        return Data(x, y, lengths, weight, self.dtype, self.steps, self.least)

    def batch(self) -> Batch:
        """Return all samples as one batch, with the padding of their targets set to 0 and given weight 0.

        The batch is cut to its longest sequence, if the network accepts that.
        """
        return self._take(self.rows, width=None if self.least is None else max(self.longest, self.least))

    @property
    def steps_of_samples(self) -> Array | None:
        """The valid steps of each sample (N,), or None if all have the same number."""
        return None if self.lengths is None else self.lengths[self.rows]

    @property
    def longest(self) -> int:
        """The number of steps of the longest sequence."""
        counts = self.steps_of_samples
        return int(self.x.shape[1] if counts is None else max(counts.max(), 1))

    def windows(self, width: int) -> Iterator[tuple[Batch, Array | None]]:
        """Yield a batch for each window of `width` time steps, with the samples that have steps in it.

        Each comes with the index of its samples in the previous window; None for the first.
        """
        rows = self.rows
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        last = self.x.shape[1] if self.lengths is None else np.maximum(self.lengths[rows], 1)
        lasts = np.broadcast_to(last, len(rows))  # the first window holds the sequences without a step too
        longest = self.longest
        for start in range(0, longest, width):
            index = np.flatnonzero(lasts > start)
            rows, lasts = rows[index], lasts[index]
            yield self._take(rows, start, min(width, longest - start)), index if start else None

    def of_all(self, values: Array | None) -> Array | None:
        """Return a value of each sample here for the samples of all processes; None if it is not known."""
        return values

    def total(self, amounts: Any) -> Any:
        """Return the sum over all processes of amounts counted here."""
        return amounts

    def _take(self, rows: Array | slice, start: int = 0, width: int | None = None) -> Batch:
        """Return some samples as a batch, of sequences `width` steps from `start`."""
        index = (rows,) if width is None else (rows, slice(start, start + width))
        # One memory order, whatever that of the data: it determines the last bits of products and sums.
        x = np.asarray(self.x[index], self.dtype, order="C")
        y = np.asarray(self.y[index[: 1 + self.steps]], order="C")
        weight = (
            None if self.weight is None else np.asarray(self.weight[index[: self.weight.ndim]], order="C")
        )
        lengths = None if self.lengths is None else np.minimum(self.lengths[rows] - start, x.shape[1])
        if lengths is None or not self.steps or lengths.min() == x.shape[1]:
            return Batch(x, y, lengths, weight, math.prod(y.shape[: 1 + self.steps]))
        padding, valid = ~valid_steps(lengths, x.shape[1]), int(lengths.sum())
        # The loss divides by all N·T steps; with this factor, it is the mean over the valid ones.
        mask = ~padding * (padding.size / max(valid, 1))
        if weight is not None:
            mask = (mask.T * weight.T).T  # (N, T) times (N, T), or times (N,)
        return Batch(x, without(padding, y), lengths, mask, valid)
