"""Memory of the loops over time, and the choice between a cell's own loops in NumPy and compiled ones."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfw.activations import Sigmoid, Tanh
from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch
from nnfw.kernels import kernel
from nnfw.layers.packing import Span, Steps, rows_of
from nnfw.layers.parameters import NOTHING, key

BLOCK = 1 << 16  # numbers of one factor that the backward loop makes at a time: 256 KB in float32


class Compiled(NamedTuple):
    """The loops of a cell in `nnfw.kernels.cells`."""

    forward: Callable[..., None]
    backward: Callable[..., None]


class Loops(NamedTuple):
    """The arrays that the loops of one kind of cell read and write."""

    name: str  # of the module of the cell, and of its form if there are several: "gru_after"
    states: tuple[str, ...] = ("h",)  # the arrays (N, H) that the state is made of
    splits: tuple[int, ...] = ()  # the gates before which the recurrent product of a step is cut in two
    kept: tuple[str, ...] = ()  # rows (P, H) that the forward loop keeps besides gates and states
    made: tuple[str, ...] = ()  # rows (P, H) that the backward loop makes besides the gradients of the scores
    factors: int = 0  # arrays of a gate's size that it fills for a block of steps before it reads them

    def compiled(self, layer: Any) -> Compiled | None:
        """Return the compiled loops of a layer, or None if it has its own, or unusual activations."""
        usual = type(layer.activation) is Tanh and {*map(type, layer._σ.values())} <= {Sigmoid}
        if not usual or replaced(type(layer), self.name):  # type: ignore[arg-type]  # a class is hashable
            return None
        forward, backward = kernel(f"{self.name}_forward"), kernel(f"{self.name}_backward")
        return Compiled(forward, backward) if forward and backward else None


@functools.cache
def replaced(kind: Any, name: str) -> bool:
    """Whether a class of layers has its own loops, in place of those of the module of this name."""
    module = f"{__package__}.{name.partition('_')[0]}"
    return {kind._forward_steps.__module__, kind._backward_steps.__module__} != {module}


class Weights(NamedTuple):
    """The weights in the form that the forward loop takes, and the loops that take them."""

    Wx_b: Array  # Wx over b (D + 1, G·H)
    Wh: list[Array]  # in the parts that are multiplied at once, and the bias that is added to a product
    compiled: Compiled | None  # the loops that run in place of the cell's own


class Layout(NamedTuple):
    """The properties of a layer that determine the memory of a pass, besides the batch."""

    loops: Loops
    gates: Sequence[str]
    units: int
    columns: int  # of x and the ones
    needs_scores: bool  # whether a derivative needs the scores, so that the gates need memory of their own
    sequences: bool  # whether the outputs of all steps have gradients
    compiled: Compiled | None  # the loops that run in place of the cell's own


class Pass:
    """The memory of a recurrent layer for a batch, in packed rows; batches of the same shape share it.

    Attributes
    ----------
    x : ndarray (P, D + 1)
        The inputs, and a column of ones whose weight is the bias.
    s, a : ndarray (G, P, H) or (G, T, N, H)
        The scores of the gates, which start as the input products, and the gates.
    states : list of ndarray (N + P, H)
        The states; the first is h.
    seen : ndarray (N + P, H)
        h as the recurrent weights see it: h itself, or h∘m with recurrent dropout.
    kept : list of ndarray
        The rows of `Loops.kept`.
    m, x_mask : ndarray or None
        The masks of recurrent dropout (N, H), in the order of the rows, and of dropout (N, D).
    ds : ndarray (P, G·H)
        The gradients of the scores.
    dh : ndarray (N + P, H)
        The gradients of the states, which start as those of the outputs.
    others : ndarray (S - 1, N, H)
        The gradients of the S arrays of the state except h, such as dc, at the current backward step.
    made : list of ndarray (P, H)
        The rows of `Loops.made`.
    blocks : list of (Span, ndarray)
        The steps in blocks small enough to stay in the cache, the last first, each with memory for
        the `Loops.factors`.
    w, d, e : ndarray (G, N, H), (N, H) and (N, H)
        Memory for the recurrent products of a step, for its dh₋ and for intermediates.
    WhT : ndarray (G·H, H)
        The transposed recurrent weights, contiguous to speed up the products of the backward loop.
    inputs, forward_rows, backward_rows : dict
        The entries of the layer's cache for the inputs and for each pass, by name.
    """

    m: Array | None = None
    x_mask: Array | None = None
    seen: Array
    inputs: dict[str, Array]
    forward_rows: dict[str, Array]
    backward_rows: dict[str, Array]

    def __init__(self, scratch: Scratch, steps: Steps, layout: Layout, training: bool) -> None:
        self.steps, self.compiled, self.sequences = steps, layout.compiled, layout.sequences
        G, H, P, apart = len(layout.gates), layout.units, steps.P, layout.needs_scores
        self.x = self._x = scratch("x", (P, layout.columns))
        self.as_rows = layout.compiled is not None or steps.n == 1  # the order in memory: see `multiply`
        if self.as_rows:
            self._products = scratch("s", (P, G * H))
            self.s = steps.shaped(by_gate(self._products, G))
        elif steps.n and G > 1:
            self._x = self.x.reshape(len(steps), 1, steps.n, layout.columns)
            self._products = scratch("s", (len(steps), G, steps.n, H))
            self.s = self._products.swapaxes(0, 1)
            apart = True
        else:
            self._products = scratch("s", (G, P, H))
            self.s = steps.shaped(self._products)
        self.a = steps.shaped(scratch("a", (G, P, H))) if apart else self.s
        self.states = [scratch(f"states {name}", (steps.N + P, H)) for name in layout.loops.states]
        self.kept = [steps.shaped(scratch(name, (P, H))) for name in layout.loops.kept]
        self.w = scratch("w", (G, steps.N, H))
        self.d, self.e = scratch("d", (steps.N, H)), scratch("e", (steps.N, H))
        self._views: dict[str, Any] = {}
        if training:
            self._prepare_backward(scratch, layout)

    def _prepare_backward(self, scratch: Scratch, layout: Layout) -> None:
        """Take the memory of the backward pass, and name what the layer's cache shows, x and h excepted."""
        G, H, (_, *others) = len(layout.gates), layout.units, layout.loops.states
        N, P = self.steps.N, self.steps.P
        self.ds, self.WhT = scratch("ds", (P, G * H)), scratch("WhT", (G * H, H))
        self.dh, self.others = scratch("dh", (N + P, H)), scratch("others", (len(others), N, H))
        self.made = [scratch(name, (P, H)) for name in layout.loops.made]
        if not layout.compiled:
            blocks, n = self.steps.blocks(BLOCK // H), layout.loops.factors
            self.blocks = [(block, scratch("F", (n, *block.part(self.a[0]).shape))) for block in blocks]
        self.forward_rows = by_name(layout.gates, self.a) | by_name(layout.loops.kept, self.kept)
        self.forward_rows |= by_name(others, (state[N:] for state in self.states[1:]))
        self.backward_rows = by_name(layout.loops.made, self.made)  # in the order in which they are computed
        self.backward_rows |= by_name((key("ds", gate) for gate in layout.gates), by_gate(self.ds, G))
        self.backward_rows |= {"ds": self.ds, "dh": self.dh[N:]}

    def multiply(self, Wx_b: Array) -> None:
        """Compute the input products x Wx + b of all steps.

        The scores of all gates lie side by side in each row for the compiled loops, or if a step is
        one row. Else they lie gate by gate, and within each step if all steps have the same number of rows:
        one call then works on several gates.
        """
        np.matmul(self._x, Wx_b if self.as_rows else by_gate(Wx_b, len(self.w)), out=self._products)

    def once(self, views: Callable[["Pass"], Any]) -> Any:
        """Return the `views` of this memory, which are created only once."""
        name = views.__name__
        if name not in self._views:
            self._views[name] = views(self)
        return self._views[name]

    def before(self, states: Array) -> Array:
        """Return the state before each row, of all states."""
        return self.steps.shaped(states[self.steps.previous])

    def around(self) -> tuple[list[Array], list[Array], list[Array], list[Array]]:
        """Return, for each step, h₋, h, h₋ as the recurrent weights see it, and its mask if there is one."""
        before, after = self.steps.around(self.states[0])
        if self.m is None:
            return before, after, before, []
        return before, after, self.steps.around(self.seen)[0], self.masks(self.steps)

    def masks(self, span: Span) -> list[Array]:
        """Return the mask of recurrent dropout at each step; nothing if there is none."""
        return [] if self.m is None else span.first(self.m)[0]

    def carried(self, block: Span) -> list[list[Array]]:
        """Return, for each step, dh, the memory in which dh₋ is computed, and dh₋ itself.

        The memory is separate if the result must be added, since dh₋ starts as the gradient of an output.
        """
        dh_, dh = block.around(self.dh)
        d = block.first(self.d)[0] if self.sequences else dh_
        return [dh, d, dh_]

    def arrays(self) -> list[Array]:
        """Return the first arguments of the compiled loops."""
        m = self.seen[:0] if self.m is None else self.m
        return [self.steps.table, self._products, *self.states, self.seen, m, *map(rows_of, self.kept)]

    def release(self) -> None:
        """Release what belongs to one batch: states whose memory is that of an output, and masks."""
        if self.sequences:
            self.states[0] = self.seen = NOTHING
        self.m, self.x_mask, self.inputs = None, None, {}

    def last(self) -> Array:
        """Return the state (N, S) after the last step of each sequence."""
        return np.concatenate([self.steps.last(h) for h in self.states], axis=1)


def by_gate(rows: Array, G: int) -> Array:
    """Return the view (G, R, H) of rows (R, G·H)."""
    return rows.reshape(len(rows), G, rows.shape[1] // G).swapaxes(0, 1)


def by_name(names: Iterable[str], arrays: Iterable[Array]) -> dict[str, Array]:
    """Return the arrays that have a name, by name."""
    return {name: array for name, array in zip(names, arrays, strict=True) if name}
