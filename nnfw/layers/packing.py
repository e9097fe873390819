"""How a batch of sequences lies in memory while a recurrent layer reads it.

Inside a kernel the rows are *packed*: all samples of the first step read, then all of the second, and so
on. Sequences are sorted by falling length, so that the ``n`` samples still being read at a step are the
first ``n`` rows of it, and no row is spent on padding::

    lengths 3 1 2  ->  sorted 3 2 1  ->  step 0: 3 rows | step 1: 2 rows | step 2: 1 row     P = 6 rows

An array of states has N rows more than that, in front: the initial states. Then the state before and the
state after each step are both plain slices, and the loop needs no special case for the first step::

    states:   initial (N rows) | after step 0 | after step 1 | ...
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from nnfw.core.typing import Array


class Steps:
    """The order in which one batch is read.

    Parameters
    ----------
    N, T : int
        Samples and time steps.
    lengths : ndarray of int (N,), optional
        Steps of each sequence, all T by default.
    backwards : bool
        Read each sequence from its last valid step to its first.
    window : (int, int), optional
        The first step read and the one after the last, counted in reading order; all by default.

    Attributes
    ----------
    sizes : list of int
        Samples read at each step.
    rows : int
        P, their sum.

    Examples
    --------
    >>> steps = Steps(3, 3, np.array([3, 1, 2]))
    >>> steps.sizes, steps.rows
    ([3, 2, 1], 6)
    >>> x = np.array([[1, 2, 3], [4, 0, 0], [5, 6, 0]])[:, :, None]
    >>> steps.pack(x)[:, 0]
    array([1, 5, 4, 2, 6, 3])
    """

    def __init__(
        self,
        N: int,
        T: int,
        lengths: Array | None = None,
        backwards: bool = False,
        window: tuple[int, int] | None = None,
    ) -> None:
        self.N, self.T, self.backwards = N, T, backwards
        self.start, self.stop = window or (0, T)
        self.lengths = None if lengths is None or np.all(lengths == T) else lengths
        if self.lengths is None:
            self.sizes = [N] * (self.stop - self.start)
        else:
            self._sort(self.lengths)
        self.rows = sum(self.sizes)

    def _sort(self, lengths: Array) -> None:
        """Find for each packed row its sample and its time step.

        Lengths 3 1 2, read forwards, give::

            order     0 2 1                   sizes     3 2 1
            sample    0 2 1 | 0 2 | 0         time      0 0 0 | 1 1 | 2
            begin     0 3 6 8 9               previous  0 1 2 | 3 4 | 6
            final     8 7 5                   for the samples in their sorted order
        """
        self.order = np.argsort(-lengths, kind="stable")
        falling = lengths[self.order]
        self.stop = min(self.stop, int(falling[0]))  # no step is read by nobody
        reading = np.arange(self.start, self.stop)
        active = falling > reading[:, None]  # (T, N): a triangle, thanks to the sorting
        self.sizes = active.sum(axis=1).tolist()
        step, rank = np.nonzero(active)
        self.sample = self.order[rank]
        self.time = lengths[self.sample] - 1 - reading[step] if self.backwards else reading[step]
        self.begin = np.concatenate([[0, self.N], self.N + np.cumsum(self.sizes)]).tolist()
        # In an array of states: the rows before each step, and each sample's last row.
        self.previous = np.asarray(self.begin)[step] + rank
        read = np.clip(falling - self.start, 0, self.stop - self.start)
        self.final = np.asarray(self.begin)[read] + np.arange(self.N)

    def windows(self, size: int) -> Iterator["Steps"]:
        """Yield the same batch in windows of `size` steps."""
        longest = self.T if self.lengths is None else int(self.lengths.max())
        for start in range(0, longest, size):
            yield Steps(self.N, self.T, self.lengths, self.backwards, (start, min(start + size, longest)))

    # ---- between the caller's arrays (N, T, ...) and packed rows (P, ...) -----------------------------

    def pack(self, x: Array, out: Array | None = None) -> Array:
        """Return the rows (P, D) of x (N, T, D), or write them into `out`; padding is left behind."""
        if out is None:
            out = np.empty((self.rows, x.shape[2]), x.dtype)
        if self.lengths is not None:
            out[...] = x[self.sample, self.time]
        else:
            self._by_step(out)[...] = self._turn(x)
        return out

    def unpack(self, rows: Array, out: Array | None = None) -> Array:
        """Return (N, T, H) of rows (P, H), 0 beyond each sequence's end; or write into `out`."""
        if self.lengths is None and out is None:
            whole = self._by_step(rows)
            return (whole[::-1] if self.backwards else whole).transpose(1, 0, 2)
        if out is None:
            out = np.zeros((self.N, self.T, rows.shape[1]), rows.dtype)
        if self.lengths is None:
            self._turn(out)[...] = self._by_step(rows)
        else:
            out[self.sample, self.time] = rows
        return out

    def _by_step(self, rows: Array) -> Array:
        """Return the view (steps read, N, D) of rows (P, D), whose columns may be part of wider ones."""
        return rows.reshape(len(self.sizes), self.N, rows.shape[1])

    def _turn(self, x: Array) -> Array:
        """Return the view (steps read, N, ...) of x (N, T, ...)."""
        x = x.swapaxes(0, 1)
        return x[::-1][self.start : self.stop] if self.backwards else x[self.start : self.stop]

    def scale(self, rows: Array, factors: Array) -> None:
        """Multiply all rows (P, D) of a sample by its `factors` (N, D), the same at each step, in place."""
        if self.lengths is None:
            by_step = self._by_step(rows)
            by_step *= factors
        else:
            rows *= factors[self.sample]

    # ---- states (N + P, H) ----------------------------------------------------------------------------

    def states(self, state: Array, H: int) -> list[Array]:
        """Return room for all states, an array for each H columns of the initial `state` (N, S), in place."""
        states = [np.empty((self.N + self.rows, H), state.dtype) for _ in range(state.shape[1] // H)]
        for h, initial in zip(states, np.split(self.sort(state), len(states), axis=1), strict=True):
            h[: self.N] = initial
        return states

    def sort(self, state: Array) -> Array:
        """Return (N, H) in the order of the rows."""
        return state if self.lengths is None else state[self.order]

    def last(self, h: Array) -> Array:
        """Return each sample's state after the last step that it has read, (N, H), in the caller's order."""
        return h[self.rows :] if self.lengths is None else self.unsort(h[self.final])

    def unsort(self, rows: Array) -> Array:
        """Return (N, H), which stands in the order of the rows, in the caller's order: undo `sort`."""
        if self.lengths is None:
            return rows
        unsorted = np.empty_like(rows)
        unsorted[self.order] = rows
        return unsorted

    def add_to_last(self, dh: Array, dy: Array) -> None:
        """Add dy (N, H) to the rows of each sample's last state: the adjoint of `last`."""
        if self.lengths is None:
            dh[self.rows :] += dy
        else:
            dh[self.final] += dy[self.order]

    def before_all(self, h: Array) -> Array:
        """Return for each packed row the state before it, (P, H)."""
        return h[: self.rows] if self.lengths is None else h[self.previous]

    # ---- views of each step -----------------------------------------------------------------------------

    def split(self, rows: Array, span: slice = slice(None)) -> list[Array]:
        """Return the view (n, H) of each step, of rows (P, H); or (G, n, H), of rows (G, P, H).

        With a `span` of steps, `rows` are those of these steps only.
        """
        sizes = self.sizes[span]
        if len(sizes) == 1:
            return [rows]
        if self.lengths is None:
            by_step = rows.reshape(*rows.shape[:-2], len(sizes), self.N, rows.shape[-1])
            return list(by_step.swapaxes(0, -3))
        stops = itertools.accumulate(sizes)
        return [rows[..., stop - n : stop, :] for stop, n in zip(stops, sizes, strict=True)]

    def before(self, h: Array) -> Sequence[Array]:
        """Return the view (n, H) of the state before each step, of states (N + P, H)."""
        if self.lengths is None:
            return self.split(h[: self.rows])
        return [h[s : s + n] for s, n in zip(self.begin[:-2], self.sizes, strict=True)]

    def after(self, h: Array) -> Sequence[Array]:
        """Return the view (n, H) of the state after each step, of states (N + P, H)."""
        return self.split(h[self.N :])

    def walk(
        self, states: Iterable[Array], rows: Iterable[Array] = (), room: Iterable[Array] = ()
    ) -> Iterator[tuple[Array, ...]]:
        """Yield for each step the views of all states before and after it, of all `rows` and all `room`.

        Parameters
        ----------
        states : sequence of ndarray (N + P, H)
            See `before` and `after`.
        rows : sequence of ndarray (P, H) or (G, P, H)
            See `split`.
        room : sequence of ndarray (N, H) or (G, N, H)
            Scratch that is the same at each step, of which the step gets as many rows as it has.
        """
        of_states = [views for h in states for views in (self.before(h), self.after(h))]
        return zip(*of_states, *map(self.split, rows), *map(self._room, room), strict=True)

    def groups(self, rows: int) -> list[tuple[slice, slice]]:
        """Return the steps in groups of about `rows` rows, each as its span of steps and its rows."""
        groups, first, start, stop = [], 0, 0, 0
        for step, n in enumerate(self.sizes, 1):
            stop += n
            if stop - start >= rows or step == len(self.sizes):
                groups.append((slice(first, step), slice(start, stop)))
                first, start = step, stop
        return groups

    def _room(self, d: Array) -> Iterable[Array]:
        return (
            itertools.repeat(d, len(self.sizes))
            if self.lengths is None
            else [d[..., :n, :] for n in self.sizes]
        )


class Unpacked(Mapping[str, Array]):
    """Packed rows by name, read as (N, T, H): what a recurrent layer's training pass leaves to be seen."""

    def __init__(self, steps: Steps, rows: dict[str, Array]) -> None:
        self.steps, self.rows = steps, rows

    def __getitem__(self, name: str) -> Array:
        return self.steps.unpack(self.rows[name])

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
