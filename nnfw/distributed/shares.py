"""A data set of which each rank has some samples.

Batches are taken from the samples of all ranks, in an order that is drawn for all; a rank computes the
samples of a batch that it has. If it has none, it computes another sample with weight 0, so that all ranks
take part in each step.
"""

import math
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.distributed.group import Group, rank, ranks
from nnfw.training.batches import Batch, Data
from nnfw.training.iterables import Batches, Samples


def shard(*arrays: Any) -> tuple[Any, ...]:
    """Return this rank's part of each array or list: every n-th sample, of n ranks.

    Parameters
    ----------
    *arrays : array_like, list or DataFrame (N, ...)
        x, y, and other data with them, such as lengths and weights; the same on all ranks. A part of a memory
        map is a memory map too.

    Raises
    ------
    ValueError
        If they differ in length, or there are fewer samples than ranks.

    Examples
    --------
    A single process, started without mpiexec, has all samples:

    >>> shard([[1.0], [2.0], [3.0]], [1, 0, 1])
    ([[1.0], [2.0], [3.0]], [1, 0, 1])
    """
    sizes = {len(array) for array in arrays}
    if len(sizes) != 1 or min(sizes) < ranks:
        raise ValueError(
            f"shard: x, y and the other arrays must have the same number of samples, at least that of "
            f"ranks, {ranks}; got {', '.join(map(str, sorted(sizes))) or 'nothing'}"
        )
    if ranks == 1:
        return arrays
    parts = [getattr(array, "iloc", array)[rank::ranks] for array in arrays]
    return tuple(part.copy() if type(part) is np.ndarray else part for part in parts)  # frees the whole


def share_of(data: Data | Batches, group: Group) -> Data | Batches:
    """Return a rank's data as its share of the data of all ranks; `places` has their order."""
    if isinstance(data, Batches):
        return SharedBatches(data, group)
    mine = np.full(len(data), data.x.shape[1]) if data.lengths is None else data.lengths
    found = group.exchange("the data", (mine, data.x.shape[1]))
    every = [steps for steps, _ in found]
    longest = max(T for _, T in found)
    steps = np.concatenate(every)[in_turn(every)]
    return share_at(data, group, places(every), None if np.all(steps == longest) else steps)


def in_turn(every: Sequence[Sized]) -> Array:
    """Return the order of all samples: the first of each rank, then the second of each, and so on.

    Examples
    --------
    >>> in_turn(["abc", "d", "ef"])  # a d e b f c
    array([0, 3, 4, 1, 5, 2])
    """
    return np.argsort(np.concatenate([np.arange(len(one)) for one in every]), kind="stable")


def places(every: Sequence[Sized]) -> Array:
    """Return for each sample of all ranks, in order, its row on this one, or -1."""
    rows = [np.where(owner == rank, np.arange(len(one)), -1) for owner, one in enumerate(every)]
    return np.concatenate(rows)[in_turn(every)]


def share_at(data: Data, group: Group, places: Array, steps: Array | None) -> "Share":
    """Return the share of `data` that holds the samples at these places."""
    known = {"group": group, "places": places, "rows": places[places >= 0], "all_steps": steps}
    return Share(**vars(data) | known)


@dataclass(kw_only=True)
class Share(Data):
    """Samples of all ranks; `rows` are those of this rank."""

    group: Group
    places: Array  # for each sample of all ranks, in order, its row here, or -1
    all_steps: Array | None  # the valid steps of each, or None if all have as many

    def __len__(self) -> int:
        return len(self.places)

    @property
    def steps_of_samples(self) -> Array | None:
        """The valid steps of each sample of all ranks, or None if all have the same number."""
        return self.all_steps

    def subset(self, index: Array | slice) -> "Share":
        """Return the samples at `index`, of all ranks."""
        steps = self.all_steps
        return share_at(self, self.group, self.places[index], None if steps is None else steps[index])

    def _gathered(self) -> "Share":
        """Return it as it is: not all of its samples are here."""
        return self

    def windows(self, width: int) -> Iterator[tuple[Batch, Array | None]]:
        """Yield as many windows as the other ranks; none continues one in which this rank had no sample."""
        for batch, going_on in super().windows(width):
            yield batch, going_on if going_on is not None and len(going_on) else None

    def of_all(self, values: Array | None) -> Array | None:
        """Return a value of each sample of all ranks, gathered from them; None if one does not know it."""
        mine = None if values is None else (np.flatnonzero(self.places >= 0), values[self.rows])
        found = self.group.exchange("the targets", mine)
        if any(one is None for one in found):
            return None
        places, parts = (np.concatenate(kind) for kind in zip(*found, strict=True))
        return np.asarray(parts[np.argsort(places)])

    def total(self, amounts: Any) -> Any:
        """Return the sum over all ranks."""
        return np.asarray(sum(self.group.exchange("the classes", amounts)))

    def _take(self, rows: Array | slice, start: int = 0, width: int | None = None) -> Batch:
        if len(rows):  # type: ignore[arg-type]  # an array
            return super()._take(rows, start, width)
        return super()._take(slice(0, 1), 0, width)._replace(valid=0, weight=np.zeros(1))


class SharedBatches(Batches):
    """Data that each rank reads, batch by batch or sample by sample, as its share of the data of all ranks.

    Batches with the same number form one batch; there are as many as on the rank that has the most.
    """

    def __init__(self, batches: Batches, group: Group) -> None:
        self.batches, self.group, self.first = batches, group, batches.first
        found = group.exchange("the batches", (batches.size, batches.count(1)))
        sizes, counts = zip(*found, strict=True)
        self.size = None if None in sizes else sum(sizes)
        self.known = None if None in counts else max(counts)
        self.places = None if self.size is None else places([range(size) for size in sizes])

    def count(self, batch_size: int) -> int | None:
        """Return the number of batches; None if it is unknown before the end of the first epoch."""
        return self.known if self.size is None else math.ceil(self.size / batch_size)

    def pass_over(self, epochs: int) -> None:
        """Skip the batches that these epochs have taken from the single iterator of all epochs."""
        self.batches.pass_over(epochs)

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator[Data]:
        """Yield the batches after the first `skip`, and empty parts if other ranks have more batches."""
        mine = islice(self._mine(batch_size, order), skip, None)
        for number in count(skip):
            data = next(mine, None)
            longest = max(self.group.exchange(f"batch {number + 1}", 0 if data is None else data.longest))
            if not longest:
                self.known = number
                return
            rows = np.full(1, -1) if data is None else np.arange(len(data))
            yield share_at(data or self.first, self.group, rows, np.array([longest]))

    def _mine(self, batch_size: int, order: Array | None) -> Iterator[Data | None]:
        """Yield this rank's part of each batch, None where it has no sample of it."""
        if self.places is None or not isinstance(self.batches, Samples):
            yield from self.batches.parts(batch_size)
        else:
            order = self.places if order is None else self.places[order]
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                yield self.batches._part(rows[rows >= 0].tolist()) if rows.max() >= 0 else None
