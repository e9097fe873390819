"""Recurrent dropout: what the recurrent weights are shown of the state before a step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activations import Activation
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import FRACTION, boolean, positive_integer
from nnfw.layers.base import NOTHING, Layer, Options, Stepper, with_samples
from nnfw.layers.packing import Steps, Unpacked

if TYPE_CHECKING:
    from nnfw.initializers import Initializer
    from nnfw.layers.base import Stepper


Room = Callable[[str, tuple[int, ...]], Array]  # memory by name and shape


class Drop:
    """Recurrent dropout: the recurrent weights are shown h₋∘m; without a mask (N, H), h₋ as it is."""

    def __init__(self, mask: Array | None = None) -> None:
        self.mask = mask

    def views(self, h: Array, steps: Steps, room: Room) -> Sequence[Array]:
        """Return for each step the view (n, H) of what is shown, of states (N + P, H)."""
        return steps.before(h) if self.mask is None else steps.split(self.rows(h, steps, room))

    def rows(self, h_before: Array, steps: Steps, room: Room) -> Array:
        """Return what is shown at all steps (P, H), of the states before them (P, H)."""
        return h_before if self.mask is None else room("seen", (steps.rows, h_before.shape[1]))

    def __call__(self, h: Array, out: Array) -> None:
        """Write h∘m into `out`; without a mask nothing is to be done, as `out` is `h`."""
        if self.mask is not None:
            np.multiply(h, self.mask[: len(h)], out=out)


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

    takes_lengths = _takes_state = True
    _transient = (
        *Layer._transient,
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
        self._state_size = self.state_arrays * self.units
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
                f"{self._label}: expects (samples, steps, features), got {with_samples(input_shape)}"
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

    def _bind(self) -> None:
        """Make the views of `Layer`, and those of Wx with b as one row more below it, (D + 1, G·H)."""
        super()._bind()
        if self.size:
            width = self._blocks["Wx"].shape[1]
            rows = len(self._blocks["Wx"]) + self.use_bias
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
        self.x_1 = self._with_ones(x, steps, self._buffer)
        self.x_mask = self._draw_mask(self.dropout, (steps.N, x.shape[2]))
        if self.x_mask is not None:
            steps.scale(self.x_1[:, : x.shape[2]], self.x_mask)
        mask = self._draw_mask(self.recurrent_dropout, (steps.N, self.units))
        self.drop = Drop(None if mask is None else steps.sort(mask))
        self.kept = {"x": self.x_1[:, : x.shape[2]], "h": h[steps.N :]}
        self.steps, self.states = steps, states
        weights = self.scaled_weights(self._buffer)
        self.kept |= self._read(self.x_1, weights, states, steps, self._buffer, self.drop)
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
        self._recall("x", "final_state")
        return self._last(self.steps, self.states)

    def _last(self, steps: Steps, states: Sequence[Array]) -> Array:
        return np.concatenate([steps.last(h) for h in states], axis=1)

    def _open(self, x: Array, lengths: Array | None) -> tuple[Array, Steps]:
        """Return x as the kernel takes it, and the order in which it is read."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, len(self.params[key("Wx", self.gates[0])]), (3,))
        N, T, _ = x.shape
        lengths = None if lengths is None else check_lengths(self._label, lengths, N, T)
        return x, Steps(N, T, lengths, self.go_backwards)

    def _open_state(self, initial_state: Array | None, N: int) -> Array:
        """Return the state (N, S) before the first step."""
        if initial_state is None:
            return np.zeros((N, self._state_size), self.dtype)
        state = np.asarray(initial_state, self.dtype)
        if state.shape != (N, self._state_size):
            raise ShapeError(
                f"{self._label}: initial_state must be (samples, state) = {(N, self._state_size)}, "
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
        return ((self._random().random(shape) >= share) / (1 - share)).astype(self.dtype)

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
        return self.Wx_b, [self._blocks["Wh"]]

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy of the output's shape; `initial_gradient` is left behind too."""
        self._recall("x", "backward")
        steps, H = self.steps, self.units
        shape = (steps.N, steps.T, H) if self.return_sequences else (steps.N, H)
        dy = self._check_gradient(dy, shape)
        dh = np.empty_like(self.states[0])
        if self.return_sequences:
            dh[: steps.N] = 0
            steps.pack(dy, out=dh[steps.N :])
        else:
            dh[...] = 0
            steps.add_to_last(dh, dy)
        others = [np.zeros((steps.N, H), self.dtype) for _ in self.states[1:]]
        ds = self._buffer("ds", (steps.rows, len(self.gates) * H))
        WhT = self._buffer("WhT", self._blocks["Wh"].T.shape)
        WhT[...] = self._blocks["Wh"].T  # contiguous: the products of the loop run faster
        self.h_before = steps.before_all(self.states[0])
        self.seen = self.drop.rows(self.h_before, steps, self._buffer)
        self.kept |= self.backward_steps(ds, WhT, [dh, *others], steps, self.drop)
        self.kept |= {key("ds", gate): self.columns(gate, ds) for gate in self.gates}
        self.kept |= {"ds": ds, "dh": dh[steps.N :]}
        of_parts = [steps.unsort(part) for part in (dh[: steps.N], *others)]
        self.initial_gradient = np.concatenate(of_parts, axis=1)
        return self._input_gradient(ds) if self._needs_dx else NOTHING

    def _input_gradient(self, ds: Array) -> Array:
        dx = ds @ self._blocks["Wx"].T
        if self.x_mask is not None:
            self.steps.scale(dx, self.x_mask)
        return self.steps.unpack(dx)

    def gradients(self) -> None:
        """Fill the gradients of all weights from those of the scores: one matrix product a block."""
        self._recall("ds", "gradients")
        ds = self.kept["ds"]
        np.matmul(self.x_1.T, ds, out=self.grad_Wx_b)  # of Wx, and of b in the row below
        self.recurrent_gradients(ds, self.seen)

    # ---- one step at a time ------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no output depends on a later step."""
        return not self.go_backwards

    def _stepper(self, N: int) -> "Stepper":
        """Return what takes one time step of N samples after another."""
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
        np.matmul(seen.T, ds, out=self._grad_blocks["Wh"])

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


FACTORS = 1 << 15  # numbers of one factor that are made at a time: 128 KB in float32


class Gated(Recurrent):
    """A recurrent layer with gates: the base of GRU and LSTM.

    Parameters
    ----------
    units, activation
        See `Recurrent`.
    recurrent_activation : str, Activation or dict
        σ: one for all gates, or a dict by gate; gates that the dict leaves out keep the sigmoid.
    **options
        See `Recurrent`.
    """

    sigmoid_gates: ClassVar[tuple[str, ...]] = ()  # the gates that σ is for
    at_once: ClassVar[tuple[int, ...]] = ()  # how many gates' recurrent products are taken at once
    sigmas: dict[str, Activation]  # σ by gate

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: "str | Activation | Mapping[str, str | Activation]" = "sigmoid",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, **options)
        self.sigmas = self._by_gate(recurrent_activation)
        first, *others = self.sigmas.values()
        self.recurrent_activation = first if all(σ == first for σ in others) else self.sigmas

    def _by_gate(
        self, activation: "str | Activation | Mapping[str, str | Activation]"
    ) -> dict[str, Activation]:
        if not isinstance(activation, Mapping):
            activation = dict.fromkeys(self.sigmoid_gates, activation)
        for gate in activation:
            if gate not in self.sigmoid_gates:
                hint = nearest(str(gate), self.sigmoid_gates) if len(str(gate)) > 1 else ""
                raise ValueError(
                    f"{type(self).__name__}: recurrent_activation has no gate {gate!r}.{hint} Its gates are "
                    f"{', '.join(self.sigmoid_gates)}"
                )
        return {
            gate: self._elementwise("recurrent_activation", activation.get(gate, "sigmoid"))
            for gate in self.sigmoid_gates
        }

    def scaled_weights(self, room: Room) -> tuple[Array, list[Array]]:
        """Return Wx over b (D + 1, G·H), and Wh, each gate's columns times its σ's `gate_scale`.

        The sigmoid is σ(s) = ½ + ½ tanh(s/2). Its scale, the ½ within, is put into the weights once and not
        into every score, so that a gate is one tanh: see `Sigmoid.gate`.
        """
        scales = [self.sigmas[gate].gate_scale if gate in self.sigmas else 1.0 for gate in self.gates]
        scale = np.repeat(np.asarray(scales, self.dtype), self.units)
        Wx_b = np.multiply(self.Wx_b, scale, out=room("Wx_b", self.Wx_b.shape))
        Wh, start = [], 0
        for stop in self.units * np.cumsum(self.at_once):
            W = self._blocks["Wh"][:, start:stop]
            Wh.append(np.multiply(W, scale[start:stop], out=room(f"Wh[{start}:]", W.shape)))
            start = stop
        return Wx_b, Wh

    def open_gates(self, gates: Sequence[str]) -> Callable[[Array, Array], object]:
        """Return the function that writes these sigmoid gates (G, n, H), given their scores, into `out`."""
        σs = [self.sigmas[gate].gate for gate in gates]
        if isinstance(self.recurrent_activation, Activation):
            return σs[0]

        def one_by_one(s: Array, out: Array) -> None:
            for σ, s_gate, out_gate in zip(σs, s, out, strict=True):
                σ(s_gate, out_gate)

        return one_by_one

    def in_reverse(
        self, steps: Steps, views: Iterable[tuple[Array, ...]]
    ) -> Iterator[tuple[tuple[Array, ...], Array]]:
        """Yield for each step, the last one first, its views and its `factors`.

        They need no gradient, so they are made for several steps at once: as many as stay in the cache.
        """
        views = list(views)
        for span, rows in reversed(steps.groups(FACTORS // self.units)):
            factors = steps.split(self.factors(rows), span)
            yield from zip(reversed(views[span]), reversed(factors), strict=True)

    def factors(self, rows: slice) -> Array:
        """Return what the loop backward multiplies with, at R rows of the last training pass, each (R, H)."""
        raise NotImplementedError


def side_by_side(rows: Array, gates: int) -> Array:
    """Return the view (G, n, H) of gates that lie side by side, in rows (n, G·H)."""
    return rows.reshape(len(rows), gates, rows.shape[1] // gates).swapaxes(0, 1)


class RecurrentStepper(Stepper):
    """A recurrent layer that is given a sequence step by step.

    Attributes
    ----------
    state : ndarray (N, S)
        After the steps so far.
    """

    layer: Recurrent

    def __init__(self, layer: Recurrent, N: int) -> None:
        super().__init__(layer)
        self.steps, self.drop = Steps(N, 1), Drop()
        self.arrays: dict[str, Array] = {}
        self.weights = layer.scaled_weights(layer._room)
        self.states = self.steps.states(layer._open_state(None, N), layer.units)

    def __getstate__(self) -> dict[str, Any]:
        """Share the weights with a copy, and nothing that a step writes into."""
        return vars(self) | {"arrays": {}, "states": [h.copy() for h in self.states]}

    def room(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return memory that is kept from step to step."""
        if name not in self.arrays:
            self.arrays[name] = np.empty(shape, self.layer.dtype)
        return self.arrays[name]

    def __call__(self, x: Array) -> Array:
        """Return the new state h, (N, 1, H) or (N, H) as the layer's `forward` has it."""
        N = self.steps.N
        x_1 = self.layer._with_ones(x, self.steps, self.room)
        self.layer._read(x_1, self.weights, self.states, self.steps, self.room, self.drop)
        for h in self.states:
            h[:N] = h[N:]
        h = self.states[0][:N].copy()
        return h[:, None] if self.layer.return_sequences else h

    @property
    def state(self) -> Array:
        """The state (N, S)."""
        return np.concatenate([h[: self.steps.N] for h in self.states], axis=1)

    @state.setter
    def state(self, state: Array) -> None:
        for h, part in zip(self.states, np.split(state, len(self.states), axis=1), strict=True):
            h[: self.steps.N] = part
