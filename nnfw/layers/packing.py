"""Packed rows: how a batch of sequences lies in memory while a recurrent layer reads it.

All samples of the first step read stand first, then all of the second, and so on. Sequences are sorted by
falling length, so that the n samples which are still being read at a step are its first n rows, and no row
is spent on padding::

    lengths 3 1 2  ->  sorted 3 2 1  ->  step 0: 3 rows | step 1: 2 rows | step 2: 1 row     P = 6 rows

An array of states has N more rows in front, the initial states. The states before and after each step are
then plain slices, and a loop over time needs no special case for its first step::

    states (N + P, H):   initial (N rows) | after step 0 | after step 1 | ...
"""

import functools
import itertools
from collections import UserDict
from collections.abc import Iterable, Iterator

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch

Step = tuple[slice, slice, slice]  # before, after, now


class Walk:
    """Some steps, in the order in which a loop over time takes them.

    Its methods cut arrays into what belongs to each step, one after another. Rows are the second last axis,
    and gates may stand before it: (P, H) or (G, P, H).

    Parameters
    ----------
    slices : list of (slice, slice, slice)
        ``before, after, now`` of each step, the first two of states and the last of rows.
    n : int, optional
        The number of samples that are read at each step, if that is the same at all of them.
    direction : {1, -1}
        Whether the steps are taken forwards or in reverse.
    """

    def __init__(self, slices: list[Step], n: int | None, direction: int = 1) -> None:
        self.slices, self.n, self.direction = slices, n, direction

    def before(self, states: Array) -> Iterable[Array]:
        """Return the states before each step, of all states (N + P, H)."""
        return self._cut(states, 0)

    def after(self, states: Array) -> Iterable[Array]:
        """Return the states after each step, of all states (N + P, H)."""
        return self._cut(states, 1)

    def now(self, rows: Array) -> Iterable[Array]:
        """Return the rows of each step, of all rows."""
        return self.each(self.part(rows))

    def part(self, rows: Array) -> Array:
        """Return the rows of all these steps, of all rows; (..., steps, n, H) if n is known."""
        if rows.ndim == 4:  # (G, T, N, H)
            span = self._span(2)
            return rows[:, span.start // rows.shape[2] : span.stop // rows.shape[2]]
        return self._by_step(rows[..., self._span(2), :])

    def each(self, part: Array) -> Iterable[Array]:
        """Return the rows of each step, of a `part`."""
        if self.n is not None:
            return part.swapaxes(0, -3)[:: self.direction]
        start = self._span(2).start
        return cut(part, [slice(now.start - start, now.stop - start) for _, _, now in self.slices])

    def first(self, scratch: Array) -> Iterable[Array]:
        """Return as many rows of `scratch` (..., N, H) as each step reads, from the first one on."""
        if self.n is not None:
            return itertools.repeat(scratch, len(self.slices))
        return cut(scratch, [slice(now.stop - now.start) for _, _, now in self.slices])

    def _cut(self, states: Array, place: int) -> Iterable[Array]:
        if self.n is not None:
            return self.each(self._by_step(states[self._span(place)]))
        return cut(states, [step[place] for step in self.slices])

    def _by_step(self, rows: Array) -> Array:
        if self.n is None:
            return rows
        return rows.reshape(*rows.shape[:-2], len(self.slices), self.n, rows.shape[-1])

    def _span(self, place: int) -> slice:
        """Return the slice of all these steps."""
        if not self.slices:
            return slice(0, 0)
        ends = [self.slices[0][place], self.slices[-1][place]][:: self.direction]
        return slice(ends[0].start, ends[1].stop)


def cut(array: Array, slices: list[slice]) -> Iterable[Array]:
    """Return these slices of an array of rows (R, H) or (G, R, H)."""
    return map(array.__getitem__, slices) if array.ndim == 2 else (array[:, part] for part in slices)


class Steps(Walk):
    """The order in which one batch is read.

    Parameters
    ----------
    N, T : int
        Samples and time steps.
    lengths : ndarray of int (N,), optional
        Valid steps of each sequence, all T by default.
    backwards : bool
        Read each sequence from its last valid step to its first.
    window : (int, int), optional
        The first step read and the one after the last, counted in reading order; all by default.

    Attributes
    ----------
    P : int
        The number of rows.
    order : index (N,)
        The samples in the order of the rows: ``state[order]`` is what stands in front of the states.
    previous : index (P,)
        For each row, the row of the state before it.
    final : index (N,)
        The row of each sample's last state, for the samples in their sorted order.

    Examples
    --------
    >>> steps = Steps(3, 3, np.array([3, 1, 2]))
    >>> [now for before, after, now in steps.slices]
    [slice(0, 3, None), slice(3, 5, None), slice(5, 6, None)]
    >>> x = np.array([[1, 2, 3], [4, 0, 0], [5, 6, 0]])[:, :, None]
    >>> steps.pack(x, np.empty((steps.P, 1), int))[:, 0]
    array([1, 5, 4, 2, 6, 3])
    """

    order: slice | Array
    previous: slice | Array
    final: slice | Array

    def __init__(
        self,
        N: int,
        T: int,
        lengths: Array | None = None,
        backwards: bool = False,
        window: tuple[int, int] | None = None,
    ) -> None:
        self.N, self.T, self.backwards = N, T, backwards
        self.lengths = None if lengths is None or np.all(lengths == T) else lengths
        self.start, self.stop = window or (0, T)
        sizes = [N] * (self.stop - self.start) if self.lengths is None else self._sort(self.lengths)
        self.P = sum(sizes)
        if self.lengths is None:
            self.order, self.previous, self.final = slice(None), slice(self.P), slice(self.P, self.P + N)
        slices: list[Step] = []
        before = now = 0
        for n in sizes:
            after = N + now
            slices.append((slice(before, before + n), slice(after, after + n), slice(now, now + n)))
            before, now = after, now + n
        super().__init__(slices, N if self.lengths is None else None)

    def _sort(self, lengths: Array) -> list[int]:
        """Find the sample and the time step of each row; return how many samples are read at each step.

        Lengths 3 1 2, read forwards, give::

            order     0 2 1                   sizes     3 2 1
            sample    0 2 1 | 0 2 | 0         time      0 0 0 | 1 1 | 2
            begin     0 3 6 8 9               previous  0 1 2 | 3 4 | 6
            final     8 7 5
        """
        self.order = np.argsort(-lengths, kind="stable")
        falling = lengths[self.order]
        self.stop = min(self.stop, int(falling[0]))  # steps beyond the longest sequence are not read
        reading = np.arange(self.start, self.stop)
        active = falling > reading[:, None]  # (T, N): a triangle, thanks to the sorting
        step, rank = np.nonzero(active)
        self.sample = np.arange(self.N)[self.order][rank]
        self.time = lengths[self.sample] - 1 - reading[step] if self.backwards else reading[step]
        sizes: list[int] = active.sum(axis=1).tolist()
        begin = np.cumsum([0, self.N, *sizes])  # of each step's states before it
        self.previous = begin[step] + rank
        read = np.clip(falling - self.start, 0, self.stop - self.start)
        self.final = begin[read] + np.arange(self.N)
        return sizes

    @functools.cached_property
    def table(self) -> Array:
        """The same as numbers (steps, 4), for the compiled loops: before, after, now, and how many rows."""
        steps = [(*(part.start for part in step), step[2].stop - step[2].start) for step in self.slices]
        return np.array(steps, np.int64).reshape(-1, 4)

    def windows(self, size: int) -> Iterator["Steps"]:
        """Yield the same batch in windows of `size` steps."""
        longest = self.T if self.lengths is None else int(self.lengths.max())
        for start in range(0, longest, size):
            yield steps_of(self.N, self.T, self.lengths, self.backwards, (start, min(start + size, longest)))

    def blocks(self, size: int) -> Iterator[Walk]:
        """Yield the steps in reverse, in blocks of `size` rows or just above."""
        steps: list[Step] = []
        for step in reversed(self.slices):
            steps.append(step)
            start, stop = step[2].start, steps[0][2].stop
            if stop - start >= size or start == 0:
                yield Walk(steps, self.n, direction=-1)
                steps = []

    def pack(self, x: Array, out: Array) -> Array:
        """Write x (N, T, D) into the rows `out` (P, D), without its padding, and return them."""
        if self.lengths is None:
            self._by_step(out)[...] = self._turned(x)
        else:
            out[...] = x[self.sample, self.time]
        return out

    def unpack(self, rows: Array, out: Array | None = None) -> Array:
        """Return rows (P, H) as (N, T, H), 0 beyond each sequence's end; or write them into `out`."""
        if self.lengths is None and out is None:
            return self._by_step(rows)[:: -1 if self.backwards else 1].swapaxes(0, 1)
        if out is None:
            out = np.zeros((self.N, self.T, rows.shape[1]), rows.dtype)
        if self.lengths is None:
            self._turned(out)[...] = self._by_step(rows)
        else:
            out[self.sample, self.time] = rows
        return out

    def scale(self, rows: Array, factors: Array) -> None:
        """Multiply the rows (P, D) of each sample by its `factors` (N, D), in place."""
        if self.lengths is None:
            by_step = self._by_step(rows)
            by_step *= factors
        else:
            rows *= factors[self.sample]

    def _turned(self, x: Array) -> Array:
        """Return the view (steps read, N, D) of x (N, T, D)."""
        return x.swapaxes(0, 1)[:: -1 if self.backwards else 1][self.start : self.stop]

    def states(self, initial: Array, H: int, scratch: Scratch | None = None) -> list[Array]:
        """Return the arrays (N + P, H) for all states, of the parts of an `initial` one (N, S)."""
        states = []
        parts = initial[self.order].reshape(self.N, initial.shape[1] // H, H).swapaxes(0, 1)
        for k, part in enumerate(parts):
            shape = self.N + self.P, H
            states.append(np.empty(shape, initial.dtype) if scratch is None else scratch(f"h{k}", shape))
            states[-1][: self.N] = part
        return states

    def unsort(self, state: Array) -> Array:
        """Return a copy (N, H) of what stands in the order of the rows, in the caller's order."""
        unsorted = np.empty_like(state)
        unsorted[self.order] = state
        return unsorted

    def last(self, h: Array) -> Array:
        """Return the state (N, H) after the last step read of each sample, of all states h (N + P, H)."""
        return self.unsort(h[self.final])


def steps_of(
    N: int,
    T: int,
    lengths: Array | None = None,
    backwards: bool = False,
    window: tuple[int, int] | None = None,
) -> Steps:
    """Return `Steps` of these arguments; those without unequal lengths are kept, as nothing changes them."""
    if lengths is None or np.all(lengths == T):
        return equal_steps(N, T, None, backwards, window)
    return Steps(N, T, lengths, backwards, window)


equal_steps = functools.lru_cache(maxsize=32)(Steps)


class Unpacked(UserDict[str, Array]):
    """Packed rows by name, read as (N, T, H): the cache of a recurrent layer."""

    def __init__(self, steps: Steps, rows: dict[str, Array]) -> None:
        self.steps, self.data = steps, rows

    def __getitem__(self, name: str) -> Array:
        return self.steps.unpack(self.data[name])
