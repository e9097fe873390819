"""Packed rows: the memory layout of a batch of sequences while a recurrent layer reads it.

The rows of all samples at the first step read come first, then those at the second, and so on. Sequences are
sorted by decreasing length, so that the n samples still being read at a step are its first n rows, and no
row is spent on padding::

    lengths 3 1 2  ->  sorted 3 2 1  ->  step 0: 3 rows | step 1: 2 rows | step 2: 1 row     P = 6 rows

An array of states has N more rows in front, the initial states. The states before and after each step are
then plain slices, and a loop over time needs no special case for its first step::

    states (N + P, H):   initial (N rows) | after step 0 | after step 1 | ...
"""

import functools
from collections import UserDict
from collections.abc import Iterator

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.parameters import Cache

MASKS = ("x_mask", "h_mask")  # in a cache, (N, D) and (N, H)


class Span:
    """Consecutive steps, and methods that split arrays into the parts of the single steps.

    If every step reads all samples, rows are (..., T, N, H). Otherwise they are (..., P, H). An axis of gates
    may come first.

    Parameters
    ----------
    table : ndarray of int (steps, 4)
        ``before, after, now, n`` of each step: where its n rows begin in the states (N + P, H) before it, in
        those after it, and in the rows (P, H).
    n : int, optional
        The number of samples read at each step, if it is the same at all steps.
    start : int
        The index of the first of these steps among all steps.
    """

    def __init__(self, table: Array, n: int | None, start: int = 0) -> None:
        self.table, self.n, self.indices = table, n, slice(start, start + len(table))
        self.rows = slice(table[0, 2], table[-1, 2] + table[-1, 3]) if len(table) else slice(0)

    def __len__(self) -> int:
        return len(self.table)

    def shaped(self, rows: Array) -> Array:
        """Return rows (..., P, H) of these steps in the form that the other methods take."""
        if self.n is None:
            return rows
        return rows.reshape(*rows.shape[:-2], len(self), self.n, rows.shape[-1])

    def part(self, rows: Array) -> Array:
        """Return the rows of these steps from all rows."""
        return rows[..., self.rows, :] if self.n is None else rows[..., self.indices, :, :]

    def cut(self, *parts: Array) -> list[list[Array]]:
        """Return, for each array of the rows of these steps, the list of its parts by step."""
        if self.n is not None:
            return [list(part.swapaxes(0, -3)) for part in parts]
        places = [slice(now, now + n) for now, n in (self.table[:, 2:] - (self.rows.start, 0)).tolist()]
        return [[part[..., place, :] for place in places] for part in parts]

    def around(self, states: Array) -> tuple[list[Array], list[Array]]:
        """Return the states before each step and those after it, from all states (N + P, H)."""
        if self.n is None:
            steps = self.table.tolist()
            before = [states[before : before + n] for before, _, _, n in steps]
            return before, [states[after : after + n] for _, after, _, n in steps]
        rows = states[self.table[0, 0] : self.table[-1, 1] + self.n]
        both = list(rows.reshape(len(self) + 1, self.n, rows.shape[1]))
        return both[:-1], both[1:]

    def first(self, *scratch: Array) -> list[list[Array]]:
        """Return, for each array (..., N, H), the list of its first rows, as many as each step reads."""
        if self.n is not None:
            return [[rows] * len(self) for rows in scratch]
        return [[rows[..., :n, :] for n in self.table[:, 3].tolist()] for rows in scratch]


class Steps(Span):
    """The order in which one batch is read.

    Parameters
    ----------
    N, T : int
        Samples and time steps.
    lengths : ndarray of int (N,), optional
        Valid steps of each sequence, if they are not all T; see `steps_of`.
    backwards : bool
        Read each sequence from its last valid step to its first.
    window : (int, int), optional
        The first step read and the one after the last, counted in reading order; all by default.

    Attributes
    ----------
    P : int
        The number of rows.
    order : index (N,)
        The samples in the order of the rows: ``state[order]`` is the initial part of the states.
    previous : index (P,)
        For each row, the row of the state before it.
    final : index (N,)
        The row of each sample's last state, for the samples in sorted order.

    Examples
    --------
    >>> steps = steps_of(3, 3, np.array([3, 1, 2]))
    >>> steps.table[:, 2:].tolist()
    [[0, 3], [3, 2], [5, 1]]
    >>> x = np.array([[1, 2, 3], [4, 0, 0], [5, 6, 0]])[:, :, None]
    >>> steps.pack(x, np.empty((steps.P, 1), int))[:, 0]
    array([1, 5, 4, 2, 6, 3])
    """

    order: slice | Array
    previous: slice | Array
    final: slice | Array

    def __init__(
        self, N: int, T: int, lengths: Array | None, backwards: bool, window: tuple[int, int] | None
    ) -> None:
        self.N, self.T, self.lengths, self.backwards = N, T, lengths, backwards
        self.start, self.stop = window or (0, T)
        sizes = np.full(self.stop - self.start, N) if lengths is None else self._sort(lengths)
        self.P = int(sizes.sum())
        now = np.cumsum(sizes) - sizes
        begin = np.append(0, N + now)  # of the states before each step, and after the last
        table = np.stack([begin[:-1], begin[1:], now, sizes], axis=1)
        super().__init__(table, N if lengths is None else None)
        if lengths is None:
            self.order, self.previous, self.final = slice(None), slice(self.P), slice(self.P, self.P + N)
        else:
            self._locate(lengths, begin)

    def _sort(self, lengths: Array) -> Array:
        """Find the order of the samples; return how many are read at each step."""
        self.order = np.argsort(-lengths, kind="stable")
        falling = lengths[self.order]
        self.stop = min(self.stop, int(falling[0]))  # steps beyond the longest sequence are not read
        reading = np.arange(self.start, self.stop)
        return np.searchsorted(-falling, -reading)  # those that are longer than the step's index

    def _locate(self, lengths: Array, begin: Array) -> None:
        """Find the sample and the time step of each row, the row before it, and the last of each sample.

        Lengths 3 1 2, read forwards, give::

            order     0 2 1                   sizes     3 2 1
            sample    0 2 1 | 0 2 | 0         time      0 0 0 | 1 1 | 2
            begin     0 3 6 8                 previous  0 1 2 | 3 4 | 6
            final     8 7 5
        """
        step = np.repeat(np.arange(len(self)), self.table[:, 3])
        rank = np.arange(self.P) - self.table[step, 2]
        self.sample, reading = np.arange(self.N)[self.order][rank], self.start + step
        self.time = lengths[self.sample] - 1 - reading if self.backwards else reading
        self.previous = begin[step] + rank
        read = np.clip(lengths[self.order] - self.start, 0, len(self))
        self.final = begin[read] + np.arange(self.N)

    def windows(self, size: int) -> Iterator["Steps"]:
        """Yield the batch in windows of at most `size` rows, or of one step."""
        if size >= self.P:
            yield self
            return
        read, start = np.cumsum(self.table[:, 3]), 0
        while start < len(self):
            stop = int(np.searchsorted(read, self.table[start, 2] + size, "right"))
            window = start, max(stop, start + 1)
            yield steps_of(self.N, self.T, self.lengths, self.backwards, window)
            start = window[1]

    def blocks(self, size: int) -> Iterator[Span]:
        """Yield the steps in blocks of `size` rows or slightly more, the last first."""
        now, stop = [*self.table[:, 2].tolist(), self.P], len(self)
        for start in reversed(range(stop)):
            if start == 0 or now[stop] - now[start] >= size:
                yield Span(self.table[start:stop], self.n, start)
                stop = start

    def pack(self, x: Array, out: Array) -> Array:
        """Write x (N, T, D) into the rows `out` (P, D), without its padding, and return them."""
        if self.lengths is None:
            self.shaped(out)[...] = self._turned(x)
        else:
            out[...] = x[self.sample, self.time]
        return out

    def unpack(self, rows: Array, out: Array | None = None) -> Array:
        """Return rows as (N, T, H), 0 beyond the end of each sequence, or write them into `out`."""
        rows = rows_of(rows)
        if self.lengths is None and out is None:
            return self.shaped(rows)[:: -1 if self.backwards else 1].swapaxes(0, 1)
        if out is None:
            out = np.zeros((self.N, self.T, rows.shape[1]), rows.dtype)
        if self.lengths is None:
            self._turned(out)[...] = self.shaped(rows)
        else:
            out[self.sample, self.time] = rows
        return out

    def scale(self, rows: Array, factors: Array) -> None:
        """Multiply the rows (P, D) of each sample by its `factors` (N, D), in place."""
        if self.lengths is None:
            by_step = self.shaped(rows)
            by_step *= factors
        else:
            rows *= factors[self.sample]

    def _turned(self, x: Array) -> Array:
        """Return the view (steps read, N, D) of x (N, T, D)."""
        return x.swapaxes(0, 1)[:: -1 if self.backwards else 1][self.start : self.stop]

    def unsort(self, state: Array) -> Array:
        """Return a copy (N, H) of an array in the order of the rows, in the caller's order."""
        unsorted = np.empty_like(state)
        unsorted[self.order] = state
        return unsorted

    def last(self, h: Array) -> Array:
        """Return the state (N, H) after the last step read of each sample, from all states h (N + P, H)."""
        return self.unsort(h[self.final])


def steps_of(
    N: int,
    T: int,
    lengths: Array | None = None,
    backwards: bool = False,
    window: tuple[int, int] | None = None,
) -> Steps:
    """Return `Steps` for these arguments; those for equal lengths are immutable and cached."""
    if lengths is None or np.all(lengths == T):
        return equal_steps(N, T, None, backwards, window)
    return Steps(N, T, lengths, backwards, window)


equal_steps = functools.lru_cache(maxsize=32)(Steps)


def rows_of(rows: Array) -> Array:
    """Return rows (T, N, H) as (P, H)."""
    return rows.reshape(-1, rows.shape[-1])


class Unpacked(UserDict[str, Array]):
    """Packed rows by name, read as (N, T, H), and masks (N, H): the cache of a recurrent layer."""

    def __init__(self, steps: Steps, rows: dict[str, Array]) -> None:
        self.steps, self.data = steps, Cache(rows)

    copy = UserDict.__copy__  # as UserDict.copy would unpack the rows twice

    def __getitem__(self, name: str) -> Array:
        array = self.data[name]
        return array if name in MASKS else self.steps.unpack(array)

    def __repr__(self) -> str:
        """Show the names and shapes; all numbers would fill pages."""
        return f"<cache: {', '.join(f'{name} {array.shape}' for name, array in self.items())}>"
