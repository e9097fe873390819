"""What the recurrent layers share: all but the mathematics of one step.

A recurrent layer reads a batch in four movements; a cell (`rnn`, `gru`, `lstm`) writes only the second and
the third, as a loop over time and its adjoint:

1. the input products of all steps at once, ``x Wx + b``, where b is the weight of one input more, always 1;
2. `forward_steps`, the loop forward: it completes the scores ``s``, which become gates, and the states;
3. `backward_steps`, the loop backward: ``ds``, the gradient with respect to each gate's score;
4. the gradients of all weights at once, from ``x``, ``h`` and ``ds``.

Rows are packed as `nnfw.layers.steps` describes. Two layouts were measured to be fastest together: the
gates one behind the other, ``s`` (G, P, H), so that what is done element by element runs over contiguous
memory; weights and gradients side by side, ``Wx`` (D, G·H), ``Wh`` (H, G·H), ``ds`` (P, G·H), so that
several gates are one matrix product.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activation import Activation
from nnfw.arrays import Array, Shape
from nnfw.checks import FRACTION, boolean, positive_integer
from nnfw.errors import ShapeError
from nnfw.layers.layer import NOTHING, Layer, Options, with_samples
from nnfw.layers.lengths import check_lengths
from nnfw.layers.recurrent_dropout import Drop, Room
from nnfw.layers.steps import Steps
from nnfw.layers.unpacked import Unpacked

if TYPE_CHECKING:
    from nnfw.initializer import Initializer
    from nnfw.layers.stepping import Stepper

INFERENCE_ROWS = 2048  # samples × steps that inference takes at a time, whatever T is


class RecurrentOptions(Options, total=False):
    """The arguments that every recurrent layer has; `Recurrent` describes them."""

    return_sequences: bool
    go_backwards: bool
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    input_initializer: "str | Initializer"
    recurrent_initializer: "str | Initializer"
    bias_initializer: "str | Initializer"


class Recurrent(Layer):
    """The base of the recurrent layers.

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ; any that works element by element.
    return_sequences : bool
        True: the output is (N, T, H), the state after each step. False: (N, H), the state after the last.
    go_backwards : bool
        Read each sequence from its last step to its first. With `return_sequences` the output at step t
        still belongs to input step t.
    use_bias : bool
        Whether b is added.
    dropout, recurrent_dropout : float
        The shares of the inputs x and of the state h₋ that the weights are not shown in training, in [0, 1).
        What is dropped is drawn anew for each sequence, and is the same at all of its steps and for all
        gates; what stays is divided by 1 − share (Gal & Ghahramani 2016, arXiv:1512.05287, section 4). Beside
        a weight, the x and h₋ of a layer's equations are what it is shown.
    input_initializer, recurrent_initializer, bias_initializer : str or Initializer
        Fill ``Wx``, ``Wh`` and ``b``, gate by gate.
    **options
        See `Layer`.
    """

    takes_lengths = takes_state = True
    left_out = (
        *Layer.left_out,
        "Wx_b",
        "grad_Wx_b",
        "kept",
        "steps",
        "states",
        "x_1",
        "x_mask",
        "drop",
        "h_before",
        "seen",
        "initial_gradient",
    )
    gates: ClassVar[tuple[str, ...]] = ()  # as they lie in memory
    state_arrays: ClassVar[int] = 1  # arrays (N, H) that the state is made of, the first of them h
    activation: Activation  # φ
    Wx_b: Array  # Wx (D, G·H), and b below it as one row more
    grad_Wx_b: Array

    # Of the last training pass:
    steps: Steps
    x_1: Array  # the packed inputs, and a column of ones (P, D + 1)
    states: list[Array]  # (N + P, H) each
    x_mask: Array | None  # what x is multiplied by (N, D), of `dropout`
    drop: Drop  # of `recurrent_dropout`
    h_before: Array  # the state before each step (P, H)
    seen: Array  # what the recurrent weights are shown of the state before each step (P, H)
    kept: dict[str, Array]  # packed rows by name
    initial_gradient: Array  # with respect to the initial state (N, S)

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        *,
        return_sequences: bool = False,
        go_backwards: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        input_initializer: "str | Initializer" = "glorot_uniform",
        recurrent_initializer: "str | Initializer" = "orthogonal",
        bias_initializer: "str | Initializer" = "zeros",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        owner = type(self).__name__
        self.units = positive_integer(owner, "units", units)
        self.state_size = self.state_arrays * self.units
        self.activation = self._elementwise("activation", activation)
        self.return_sequences = boolean(owner, "return_sequences", return_sequences)
        self.go_backwards = boolean(owner, "go_backwards", go_backwards)
        self.use_bias = boolean(owner, "use_bias", use_bias)
        self.dropout = FRACTION(owner, "dropout", dropout)
        self.recurrent_dropout = FRACTION(owner, "recurrent_dropout", recurrent_dropout)
        self.input_initializer = initializers.get(input_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def _elementwise(self, argument: str, activation: str | Activation) -> Activation:
        found = activations.get(activation)
        if not found.elementwise:
            raise ValueError(
                f"{type(self).__name__}: {argument} must work element by element, and {found.name} does not; "
                f"put it into the Dense layer after this one"
            )
        return found

    # ---- shapes and parameters ------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        if len(input_shape) != 2 or input_shape[-1] is None:
            raise ShapeError(
                f"{self.label}: expects (samples, steps, features), got {with_samples(input_shape)}"
            )
        T, D = input_shape
        H = self.units
        for gate in self.gates:
            self.add_parameter(key("Wx", gate), (D, H), self.input_initializer, block="Wx")
        for gate in self.gates if self.use_bias else ():
            self.add_parameter(key("b", gate), (H,), self.initial_bias(gate), block="b")
        for gate in self.gates:
            self.add_parameter(key("Wh", gate), (H, H), self.recurrent_initializer, block="Wh")
        return (T, H) if self.return_sequences else (H,)

    def initial_bias(self, gate: str) -> "Initializer":
        """Return what fills a gate's bias."""
        return self.bias_initializer

    def bind(self) -> None:
        """Make the views of `Layer`, and those of Wx with b as one row more below it, (D + 1, G·H)."""
        super().bind()
        if self.size:
            width = self.blocks["Wx"].shape[1]
            rows = len(self.blocks["Wx"]) + self.use_bias
            self.Wx_b = self.flat_params[: rows * width].reshape(rows, width)
            self.grad_Wx_b = self.flat_grads[: rows * width].reshape(rows, width)

    def columns(self, gate: str, block: Array) -> Array:
        """Return one gate's columns (..., H) of a block (..., G·H)."""
        g = self.gates.index(gate)
        return block[..., g * self.units : (g + 1) * self.units]

    # ---- the verbs --------------------------------------------------------------------------------------

    def forward(
        self,
        x: Array,
        training: bool = False,
        lengths: Array | None = None,
        initial_state: Array | None = None,
    ) -> Array:
        """Return the states h (N, T, H), or the last ones (N, H).

        Parameters
        ----------
        x : ndarray (N, T, D)
            The sequences.
        training : bool
            Keep what `backward` needs; `final_state` is left behind too.
        lengths : ndarray of int (N,), optional
            Valid steps of each sequence; beyond them the output is 0 and the state is carried unchanged.
        initial_state : ndarray (N, S), optional
            The state before the first step, 0 by default. S is H, or where a cell has more than h, all of it
            side by side.
        """
        if not training:
            return self.forward_with_state(x, lengths, initial_state)[0]
        x, steps = self._open(x, lengths)
        states = steps.states(self._open_state(initial_state, steps.N), self.units)
        h = states[0]
        self.x_1 = self._with_ones(x, steps, self.buffer)
        self.x_mask = self._draw_mask(self.dropout, (steps.N, x.shape[2]))
        if self.x_mask is not None:
            steps.scale(self.x_1[:, : x.shape[2]], self.x_mask)
        mask = self._draw_mask(self.recurrent_dropout, (steps.N, self.units))
        self.drop = Drop(None if mask is None else steps.sort(mask))
        self.kept = {"x": self.x_1[:, : x.shape[2]], "h": h[steps.N :]}
        self.steps, self.states = steps, states
        weights = self.scaled_weights(self.buffer)
        self.kept |= self._read(self.x_1, weights, states, steps, self.buffer, self.drop)
        self.cache = Unpacked(steps, self.kept)
        return steps.unpack(h[steps.N :]) if self.return_sequences else steps.last(h)

    def forward_with_state(
        self, x: Array, lengths: Array | None = None, initial_state: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the output of `forward` in inference, and the state (N, S) after each sequence's last step.

        The steps are read in windows, so that the memory needed does not grow with T.
        """
        x, steps = self._open(x, lengths)
        state = self._open_state(initial_state, steps.N)
        out = None
        if self.return_sequences:
            out = np.zeros((steps.N, steps.T, self.units), self.dtype)
        weights = self.scaled_weights(self._room)
        for part in steps.windows(max(1, INFERENCE_ROWS // max(1, steps.N))):
            states = part.states(state, self.units)
            self._read(self._with_ones(x, part, self._room), weights, states, part, self._room, Drop())
            state = self._last(part, states)
            if out is not None:
                part.unpack(states[0][part.N :], out)
        return (state[:, : self.units].copy() if out is None else out), state

    @property
    def final_state(self) -> Array:
        """The state (N, S) after each sequence's last step, of the last training pass."""
        self.require("x", "final_state")
        return self._last(self.steps, self.states)

    def _last(self, steps: Steps, states: Sequence[Array]) -> Array:
        return np.concatenate([steps.last(h) for h in states], axis=1)

    def _open(self, x: Array, lengths: Array | None) -> tuple[Array, Steps]:
        """Return x as the kernel takes it, and the order in which it is read."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, (3,), "(samples, steps, features)")
        N, T, _ = x.shape
        lengths = None if lengths is None else check_lengths(self.label, lengths, N, T)
        return x, Steps(N, T, lengths, self.go_backwards)

    def _open_state(self, initial_state: Array | None, N: int) -> Array:
        """Return the state (N, S) before the first step."""
        if initial_state is None:
            return np.zeros((N, self.state_size), self.dtype)
        state = np.asarray(initial_state, self.dtype)
        if state.shape != (N, self.state_size):
            raise ShapeError(
                f"{self.label}: initial_state must be (samples, state) = {(N, self.state_size)}, "
                f"got {state.shape}"
            )
        return state

    def _room(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return fresh memory: what inference uses instead of `buffer`, as threads may share a layer."""
        return np.empty(shape, self.dtype)

    def _draw_mask(self, share: float, shape: tuple[int, int]) -> Array | None:
        """Return what drops this `share` of an array: 0, or else 1 / (1 − share)."""
        if not share:
            return None
        return ((self.random().random(shape) >= share) / (1 - share)).astype(self.dtype)

    def _with_ones(self, x: Array, steps: Steps, room: Room) -> Array:
        """Return x packed (P, D), and a column of ones that the bias is the weight of, (P, D + 1)."""
        D = x.shape[2]
        x_1 = room("x_1", (steps.rows, D + self.use_bias))
        steps.pack(x, out=x_1[:, :D])
        x_1[:, D:] = 1
        return x_1

    def _read(
        self,
        x_1: Array,
        weights: tuple[Array, list[Array]],
        states: Sequence[Array],
        steps: Steps,
        room: Room,
        drop: Drop,
    ) -> dict[str, Array]:
        """Run the input products x Wx + b (G, P, H) of all steps, then the loop over time."""
        G, H = len(self.gates), self.units
        Wx_b, Wh = weights
        s = room("s", (G, len(x_1), H))
        np.matmul(x_1, Wx_b.reshape(-1, G, H).swapaxes(0, 1), out=s)
        return self.forward_steps(s, Wh, states, steps, room, drop)

    def scaled_weights(self, room: Room) -> tuple[Array, list[Array]]:
        """Return Wx over b (D + 1, G·H), and Wh, as the gates' activations want their scores scaled.

        Wh is a list of what is multiplied at once, each contiguous: these products are the faster for it.
        """
        return self.Wx_b, [self.blocks["Wh"]]

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy of the output's shape; `initial_gradient` is left behind too."""
        self.require("x", "backward")
        steps, H = self.steps, self.units
        shape = (steps.N, steps.T, H) if self.return_sequences else (steps.N, H)
        dy = self.check_gradient(dy, shape)
        dh = np.empty_like(self.states[0])
        if self.return_sequences:
            dh[: steps.N] = 0
            steps.pack(dy, out=dh[steps.N :])
        else:
            dh[...] = 0
            steps.add_to_last(dh, dy)
        others = [np.zeros((steps.N, H), self.dtype) for _ in self.states[1:]]
        ds = self.buffer("ds", (steps.rows, len(self.gates) * H))
        WhT = self.buffer("WhT", self.blocks["Wh"].T.shape)
        WhT[...] = self.blocks["Wh"].T  # contiguous: the products of the loop run faster
        self.h_before = steps.before_all(self.states[0])
        self.seen = self.drop.rows(self.h_before, steps, self.buffer)
        self.kept |= self.backward_steps(ds, WhT, [dh, *others], steps, self.drop)
        self.kept |= {key("ds", gate): self.columns(gate, ds) for gate in self.gates}
        self.kept |= {"ds": ds, "dh": dh[steps.N :]}
        of_parts = [steps.unsort(part) for part in (dh[: steps.N], *others)]
        self.initial_gradient = np.concatenate(of_parts, axis=1)
        return self._input_gradient(ds) if self.needs_dx else NOTHING

    def _input_gradient(self, ds: Array) -> Array:
        dx = ds @ self.blocks["Wx"].T
        if self.x_mask is not None:
            self.steps.scale(dx, self.x_mask)
        return self.steps.unpack(dx)

    def gradients(self) -> None:
        """Fill the gradients of all weights from those of the scores: one matrix product a block."""
        self.require("ds", "gradients")
        ds = self.kept["ds"]
        np.matmul(self.x_1.T, ds, out=self.grad_Wx_b)  # of Wx, and of b in the row below
        self.recurrent_gradients(ds, self.seen)

    # ---- one step at a time ------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no output depends on a later step."""
        return not self.go_backwards

    def stream(self, N: int) -> "Stepper":
        """Return what takes one time step of N samples after another."""
        from nnfw.layers.stepping import RecurrentStepper

        return RecurrentStepper(self, N)

    # ---- what a cell writes -----------------------------------------------------------------------------

    def forward_steps(
        self, s: Array, Wh: list[Array], states: Sequence[Array], steps: Steps, room: Room, drop: Drop
    ) -> dict[str, Array]:
        """Run the loop over time: complete the scores `s` (G, P, H), fill the `states` (N + P, H).

        `Wh` are the recurrent weights as `scaled_weights` has them; `drop` says what they are shown of h₋.
        Returns the rows (P, ...) that `backward_steps` needs, by name.
        """
        raise NotImplementedError

    def backward_steps(
        self, ds: Array, WhT: Array, dstates: Sequence[Array], steps: Steps, drop: Drop
    ) -> dict[str, Array]:
        """Run the adjoint loop: fill `ds` (P, G·H) from dh (N + P, H), the gradients of the outputs.

        `dstates` begins with dh, which on return holds the whole gradients; whatever else the state is made
        of has its gradient (N, H) behind it, 0 at first, in the end that of the initial state.
        Returns further rows that `recurrent_gradients` needs.
        """
        raise NotImplementedError

    def recurrent_gradients(self, ds: Array, seen: Array) -> None:
        """Fill the gradients of the recurrent weights from `ds` (P, G·H) and what they were shown (P, H)."""
        np.matmul(seen.T, ds, out=self.grad_blocks["Wh"])

    def scores(self, gate: str, rows: slice) -> Array:
        """Return a gate's scores (R, H) at some rows of the last training pass, from what was kept."""
        x, seen = self.kept["x"][rows], self.seen[rows]
        s = x @ self.params[key("Wx", gate)] + seen @ self.params[key("Wh", gate)]
        return s + self.params[key("b", gate)] if self.use_bias else s

    def slope(self, gate: str, activation: Activation, y: Array, rows: slice, out: Array) -> Array:
        """Return the derivative (R, H) of a gate's activation at some rows, from its outputs `y` there."""
        return activation.derivative(y, self.scores(gate, rows) if activation.needs_input else None, out)


def key(name: str, gate: str) -> str:
    """Return the parameter's name for a gate: ``Wx_z``; a layer with a single gate has plain names."""
    return f"{name}_{gate}" if gate else name
