"""The code shared by RNN, GRU and LSTM: arguments, shapes, dropout, and all except the loop over time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activations import Activation
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths
from nnfw.core.typing import Array, Converted, Shape
from nnfw.core.validation import FRACTION, boolean, positive_integer
from nnfw.core.vectors import Scratch, lent
from nnfw.initializers import Initializer, InitializerLike
from nnfw.layers.base import Layer, Options
from nnfw.layers.loops import Layout, Loops, Pass, Weights
from nnfw.layers.packing import Steps, Unpacked, steps_of
from nnfw.layers.parameters import NOTHING, key, rows_from

INFERENCE_ROWS = 2048  # samples × steps that inference processes at a time, for any T
DROPOUTS = ("dropout", "recurrent_dropout")


class Recurrent(Layer):
    """The base of the recurrent layers.

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ; any elementwise activation.
    return_sequences : bool
        True: the output is (N, T, H), the state after each step. False: (N, H), the state after the last.
    go_backwards : bool
        Read each sequence from its last step to its first; the output at step t belongs to input step t.
    use_bias : bool
        Whether b is added.
    dropout, recurrent_dropout : float
        Fractions of x and of h₋ that are dropped in training, in [0, 1), with one mask per sequence, shared
        by all steps and gates: `x_mask` and `h_mask` in the cache (Gal & Ghahramani 2016, arXiv:1512.05287).
    input_initializer, recurrent_initializer, bias_initializer : str or Initializer
        Fill ``Wx``, ``Wh`` and ``b``, gate by gate.
    **options
        See `Layer`.
    """

    takes_lengths = _takes_state = True
    _noisy = DROPOUTS
    _transient = (*Layer._transient, "_Wx_b", "_grad_Wx_b", "_Wh", "_pass")
    gates: ClassVar[tuple[str, ...]] = ()  # in the order of their columns in Wx, Wh and b
    _loops: Loops = Loops("")  # the inputs and results of the loops over time
    _σ: Mapping[str, Activation] = MappingProxyType({})  # the activations of the gates that do not have φ
    _needs_scores: bool = False  # whether a gate's derivative needs its scores
    _adjustable: tuple[str, ...] = ("activation", "return_sequences", "go_backwards", *DROPOUTS)
    activation: Converted[Activation, str | Activation]  # φ
    _Wx_b: Array  # Wx (D, G·H) and b below it as one row more
    _Wh: list[Array]  # Wh (H, G·H) in the parts that are multiplied at once
    _grad_Wx_b: Array
    _pass: Pass  # the last one in training

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
        input_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        owner = type(self).__name__
        self.units = positive_integer(owner, "units", units)
        self._state_size = len(self._loops.states) * self.units
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
            said = f"{type(self).__name__}: {argument} must be elementwise, and {found.name} is not"
            raise ValueError(f"{said}; use it in the Dense layer after this one")
        if not activations.fills_out(found, self.units):
            raise TypeError(
                f"{type(self).__name__}: {argument} must write into `out` and return it, like NumPy's "
                f"ufuncs, but the __call__ or derivative of {found.name} does not"
            )
        return found

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no output depends on a later step."""
        return not self.go_backwards

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        D, T, H = self._features(input_shape, (3,)), input_shape[0], self.units
        for gate in self.gates:
            self.add_parameter(key("Wx", gate), (D, H), self.input_initializer, block="Wx")
        for gate in self.gates if self.use_bias else ():  # right behind Wx: see `_bind`
            self.add_parameter(key("b", gate), (H,), self._bias_initializer(gate), block="b")
        for gate in self.gates:
            self.add_parameter(key("Wh", gate), (H, H), self.recurrent_initializer, block="Wh")
        return (T, H) if self.return_sequences else (H,)

    def _bias_initializer(self, gate: str) -> Initializer:
        return self.bias_initializer

    def _bind(self) -> None:
        """Make the views of `Layer`, those of Wx and b as one matrix, and of Wh in parts."""
        super()._bind()
        if self.size:
            rows = len(self._blocks["Wx"]) + self.use_bias
            self._Wx_b = rows_from(self._blocks["Wx"], self.flat_params, rows)
            self._grad_Wx_b = rows_from(self._grad_blocks["Wx"], self.flat_grads, rows)
            places = [self.units * gate for gate in self._loops.splits]
            self._Wh = np.split(self._blocks["Wh"], places, axis=1)

    def _weights(self, scratch: Scratch) -> Weights:
        """Return the weights as the forward loop takes them, and the loops that are to run."""
        return Weights(self._Wx_b, list(self._Wh), self._loops.compiled(self))

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
            Keep what `backward` and `final_state` need.
        lengths : ndarray of int (N,), optional
            Valid steps of each sequence; beyond them the output is 0 and the state is carried unchanged.
        initial_state : ndarray (N, S), optional
            The state before the first step, 0 by default. S is H, or 2H for an LSTM: h and c side by side.
        """
        if not training:
            return self.forward_with_state(x, lengths, initial_state)[0]
        x, steps, state = self._enter(x, lengths, initial_state)
        self.cache = {}  # the memory of the previous pass is overwritten
        if "_pass" in vars(self):
            self._pass.release()
        weights = self._weights(self._scratch)
        p = self._pass = self._run(x, steps, state, weights, self._scratch, training=True)
        h = p.states[0][steps.N :]
        self.cache = Unpacked(steps, {**p.inputs, **p.forward_rows, "h": h})
        return steps.unpack(h) if self.return_sequences else steps.last(p.states[0])

    def forward_with_state(
        self, x: Array, lengths: Array | None = None, initial_state: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the output of `forward` in inference, and the state (N, S) after each sequence's last step.

        The steps are read in windows, so that the memory needed does not grow with T.
        """
        x, steps, state = self._enter(x, lengths, initial_state)
        out = np.zeros((steps.N, steps.T, self.units), self.dtype) if self.return_sequences else None
        with lent(self.dtype) as scratch:  # not the layer's own memory: threads may share the layer
            weights = self._weights(scratch)
            for window in steps.windows(INFERENCE_ROWS):
                p = self._run(x, window, state, weights, scratch)
                state = p.last()
                if out is not None:
                    window.unpack(p.states[0][steps.N :], out)
        return (state[:, : self.units].copy() if out is None else out), state

    def _enter(self, x: Array, lengths: Array | None, state: Array | None) -> tuple[Array, Steps, Array]:
        """Return x in the layer's dtype, the order in which it is read, and the state (N, S) before it."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, len(self.params[key("Wx", self.gates[0])]), (3,))
        N, T, _ = x.shape
        lengths = None if lengths is None else check_lengths(self._label, lengths, N, T)
        shape = (N, self._state_size)
        state = np.zeros(shape, self.dtype) if state is None else np.asarray(state, self.dtype)
        if state.shape != shape:
            said = f"initial_state must be (samples, state) = {shape}, got {state.shape}"
            raise ShapeError(f"{self._label}: {said}")
        return x, steps_of(N, T, lengths, self.go_backwards), state

    def _run(
        self, x: Array, steps: Steps, state: Array, weights: Weights, scratch: Scratch, training: bool = False
    ) -> Pass:
        """Run the input products x Wx + b of all steps, then the forward loop."""
        N, D, H, sequences = len(x), len(self._blocks["Wx"]), self.units, self.return_sequences
        columns = D + self.use_bias
        layout = Layout(self._loops, self.gates, H, columns, self._needs_scores, sequences, weights.compiled)
        # Batches of one shape share their memory, unless their lengths differ.
        p = scratch.once(Pass, steps, layout, training) if steps.n else Pass(scratch, steps, layout, training)
        p.x_mask = self._draw_mask(self.dropout, (N, D)) if training and self.dropout else None
        p.m = self._draw_mask(self.recurrent_dropout, (N, H)) if training and self.recurrent_dropout else None
        p.x[:, D:] = 1  # what b is multiplied by
        p.inputs = self._forward_inputs(x, p.x[:, :D], steps)
        if p.x_mask is not None:
            steps.scale(p.x[:, :D], p.x_mask)
            p.inputs["x_mask"] = p.x_mask
        p.multiply(weights.Wx_b)
        if training and sequences:
            p.states[0] = np.empty(p.dh.shape, self.dtype)  # new: the output is a view of it
        p.seen = p.states[0]
        for k, h in enumerate(p.states):
            h[:N] = state[steps.order, k * H : (k + 1) * H]
        if p.m is not None:
            p.inputs["h_mask"] = p.m
            p.m, p.seen = p.m[steps.order], scratch("seen", p.seen.shape)
            np.multiply(p.states[0][:N], p.m, out=p.seen[:N])
        if p.compiled and steps.P:
            p.compiled.forward(*p.arrays(), *weights.Wh)
        elif steps.P:
            with np.errstate(over="ignore"):  # see `Sigmoid.gate`
                self._forward_steps(p, weights.Wh)
        return p

    def _forward_inputs(self, x: Array, out: Array, steps: Steps) -> dict[str, Array]:
        """Write what the input weights see of x into the packed rows `out`; return what the cache shows."""
        return {"x": steps.pack(x, out)}

    def _draw_mask(self, share: float, shape: tuple[int, int]) -> Array:
        """Return the factors that drop this `share` of an array: 0, or else 1 / (1 − share)."""
        return ((self.random().random(shape) >= share) / (1 - share)).astype(self.dtype)

    @property
    def final_state(self) -> Array:
        """The state (N, S) after each sequence's last step, from the last training pass."""
        self._require("x", "final_state")
        return self._pass.last()

    @property
    def initial_gradient(self) -> Array:
        """The gradient with respect to the initial state (N, S), from the last `backward`."""
        self._require("ds", "initial_gradient")
        p = self._pass
        return p.steps.unsort(np.concatenate([p.dh[: p.steps.N], *p.others], axis=1))

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy of the output's shape; also set `initial_gradient`."""
        self._require("x", "backward")
        p, steps, N, H = self._pass, self._pass.steps, self._pass.steps.N, self.units
        dy = self._check_gradient(dy, (N, steps.T, H) if p.sequences else (N, H))
        if p.sequences:
            p.dh[:N] = 0
            steps.pack(dy, p.dh[N:])
        else:
            p.dh[...] = 0
            p.dh[steps.final] = dy[steps.order]
        p.WhT[...] = self._blocks["Wh"].T
        p.others[...] = 0
        if p.compiled and steps.P:
            p.compiled.backward(*p.arrays(), *p.made, p.ds, p.dh, *p.others, p.WhT)
        elif steps.P:
            self._backward_steps(p)
        self.cache.update(p.backward_rows)
        return steps.unpack(self._backward_inputs(p)) if self._needs_dx else NOTHING

    def _backward_inputs(self, p: Pass) -> Array:
        """Return the gradient of the packed inputs, given that of the scores."""
        dx = np.dot(p.ds, self._blocks["Wx"].T)
        if p.x_mask is not None:
            p.steps.scale(dx, p.x_mask)
        return dx

    def gradients(self) -> None:
        """Fill the gradients of all weights from those of the scores: one matrix product per block."""
        self._require("ds", "gradients")
        p = self._pass
        np.matmul(p.x.T, p.ds, out=self._grad_Wx_b)  # for Wx, and for b in the last row
        self._recurrent_gradients(p)

    def _forward_steps(self, p: Pass, Wh: list[Array]) -> None:
        """Run the loop over time: complete the scores ``p.s``, fill ``p.a``, ``p.states`` and ``p.kept``."""
        raise NotImplementedError

    def _backward_steps(self, p: Pass) -> None:
        """Run the loop in reverse: fill ``p.ds`` and ``p.made``, and complete ``p.dh`` and ``p.others``."""
        raise NotImplementedError

    def _recurrent_gradients(self, p: Pass) -> None:
        """Fill the gradients of the recurrent weights."""
        np.matmul(p.seen[p.steps.previous].T, p.ds, out=self._grad_blocks["Wh"])
