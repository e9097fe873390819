"""What the loops over time work on, and which of them run: the cell's own in NumPy, or the same compiled."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nnfw.activations import Activation, Sigmoid, Tanh
from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch
from nnfw.kernels import kernel
from nnfw.layers.packing import Steps, Walk

Weights = tuple[Array, list[Array]]  # Wx over b (D + 1, G·H), and Wh in the parts that are multiplied at once

BLOCK = 1 << 16  # numbers of one factor that the backward loop makes at a time: 256 KB in float32


class Compiled(NamedTuple):
    """The loops of a cell in `nnfw.kernels.cells`."""

    forward: Callable[..., None]
    backward: Callable[..., None]


class Loops(NamedTuple):
    """What the loops of one kind of cell take and leave."""

    name: str
    at_once: tuple[int, ...] = (1,)  # of how many gates the recurrent products are taken at once
    kept: tuple[str, ...] = ()  # rows (P, H) that the forward loop keeps besides gates and states
    made: tuple[str, ...] = ()  # rows (P, H) that the backward loop makes besides the gradients of the scores

    def compiled(self, φ: Activation, σs: Iterable[Activation]) -> Compiled | None:
        """Return the compiled loops, or None where those in NumPy are to run, as for unusual activations."""
        if type(φ) is not Tanh or not {*map(type, σs)} <= {Sigmoid}:
            return None
        forward, backward = kernel(f"{self.name}_forward"), kernel(f"{self.name}_backward")
        return Compiled(forward, backward) if forward and backward else None


@dataclass
class Pass:
    """What the loops over the time steps of one batch work on, in packed rows."""

    steps: Steps
    scratch: Scratch
    x: Array  # the inputs, and a column of ones whose weight is the bias, (P, D + 1)
    s: Array  # the scores (G, P, H): the input products, which the forward loop completes
    a: Array  # the gates (G, P, H), in the memory of `s` unless a derivative needs the scores
    states: list[Array]  # (N + P, H) each, the first of them h
    seen: Array  # h as the recurrent weights see it: h itself, or h∘m with recurrent dropout
    kept: list[Array]  # the rows of `Loops.kept`
    Wh: list[Array]  # recurrent weights, in the parts that are multiplied at once
    m: Array | None  # the mask of recurrent dropout (N, H), in the order of the rows
    x_mask: Array | None  # that of dropout (N, D), in the caller's order
    compiled: Compiled | None  # the loops that run in place of the cell's own
    rows: dict[str, Array] = field(default_factory=dict)  # what the layer's cache shows, by name

    @functools.cached_property
    def h_before(self) -> Array:
        """The state before each row (P, H)."""
        return self.states[0][self.steps.previous]

    @functools.cached_property
    def seen_before(self) -> Array:
        """What the recurrent weights see of it (P, H)."""
        return self.h_before if self.m is None else self.seen[self.steps.previous]

    def see(self) -> Iterable[Array]:
        """Return what the recurrent weights see at each step, masked when the loop comes to it."""
        h, m, steps = self.states[0], self.m, self.steps
        if m is None:
            return steps.before(h)
        masked = zip(steps.before(h), steps.first(m), steps.before(self.seen), strict=False)
        return (np.multiply(h_, m_t, out=seen_) for h_, m_t, seen_ in masked)

    def carried(self, block: Walk, dh: Array, add: bool) -> tuple[Iterable[Array], ...]:
        """Return dh, where dh₋ is computed, and dh₋ itself, of each step.

        It is computed aside if it is to be added, since dh₋ begins as the gradient of an output.
        """
        d = block.first(self.scratch("d", (self.steps.N, dh.shape[1]))) if add else block.before(dh)
        return block.after(dh), d, block.before(dh)

    def blocks(self) -> Iterator[Walk]:
        """Yield the steps in reverse, in blocks that are small enough to stay in the cache."""
        return self.steps.blocks(BLOCK // self.states[0].shape[1])

    def arrays(self) -> list[Array]:
        """Return what the compiled loops take first; the gates of a row side by side, (P, G·H)."""
        G, P, H = self.s.shape
        s, m = self.s.swapaxes(0, 1).reshape(P, G * H), self.s[0, :0] if self.m is None else self.m
        return [self.steps.table, s, *self.states, self.seen, m, *self.kept]

    def last(self) -> Array:
        """Return the state (N, S) after the last step of each sequence."""
        return np.concatenate([self.steps.last(h) for h in self.states], axis=1)


def input_scores(x: Array, Wx: Array, steps: Steps, G: int, scratch: Scratch, as_rows: bool = False) -> Array:
    """Return x Wx (G, P, H), or (G, T, N, H): the gates as they lie in memory best.

    They lie side by side in each row if these are to be `as_rows`, or if a step is one row. Else they lie
    gate by gate, and within each step if all steps have as many rows: one call then works on several gates.
    """
    (P, F), H = x.shape, Wx.shape[1] // G
    if as_rows or steps.n == 1:
        return by_gate(np.matmul(x, Wx, out=scratch("s", (P, G * H))), G)
    if steps.n and G > 1:
        s = scratch("s", (len(steps.slices), G, steps.n, H))
        return np.matmul(x.reshape(-1, 1, steps.n, F), by_gate(Wx, G), out=s).swapaxes(0, 1)
    return np.matmul(x, by_gate(Wx, G), out=scratch("s", (G, P, H)))


def by_gate(rows: Array, G: int) -> Array:
    """Return the view (G, R, H) of rows (R, G·H)."""
    return rows.reshape(len(rows), G, rows.shape[1] // G).swapaxes(0, 1)


def named(names: Iterable[str], arrays: Iterable[Array]) -> dict[str, Array]:
    """Return the arrays that have a name, by name."""
    return {name: array for name, array in zip(names, arrays, strict=True) if name}
