"""What the recurrent layers share: all but the mathematics of one step.

A recurrent layer reads a batch in four movements; a cell (`rnn`, `gru`) writes only the second and the
third, as a loop over time and its adjoint:

1. the input products of all steps at once, ``x Wx + b``, where b is the weight of one input more, always 1;
2. `forward_steps`, the loop forward: it completes the scores ``s``, which become gates, and the states;
3. `backward_steps`, the loop backward: ``ds``, the gradient with respect to each gate's score;
4. the gradients of all weights at once, from ``x``, ``h`` and ``ds``.

Rows are packed as `nnfw.layers.steps` describes. Two layouts were measured to be fastest together: the
gates one behind the other, ``s`` (G, P, H), so that what is done element by element runs over contiguous
memory; weights and gradients side by side, ``Wx`` (D, G·H), ``Wh`` (H, G·H), ``ds`` (P, G·H), so that
several gates are one matrix product.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypedDict

import numpy as np

from nnfw import activations, initializers
from nnfw.activation import Activation
from nnfw.checks import boolean, positive_integer
from nnfw.errors import ShapeError
from nnfw.joint import Array
from nnfw.layers.layer import NOTHING, Layer, Shape, with_samples
from nnfw.layers.steps import Steps, Unpacked

if TYPE_CHECKING:
    from nnfw.initializers import Initializer
    from nnfw.optimizer import Optimizer

Room = Callable[[str, tuple[int, ...]], Array]

INFERENCE_ROWS = 2048  # samples × steps that inference takes at a time, whatever T is


class Options(TypedDict, total=False):
    """The arguments that every recurrent layer has; `Recurrent` describes them."""

    return_sequences: bool
    go_backwards: bool
    use_bias: bool
    input_initializer: "str | Initializer"
    recurrent_initializer: "str | Initializer"
    bias_initializer: "str | Initializer"
    optimizer: "Optimizer | str | None"
    trainable: bool
    name: str | None


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
    input_initializer, recurrent_initializer, bias_initializer : str or Initializer
        Fill ``Wx``, ``Wh`` and ``b``, gate by gate.
    optimizer, trainable, name
        See `Layer`.
    """

    takes_lengths = True
    left_out = (
        *Layer.left_out,
        "Wx_b",
        "grad_Wx_b",
        "kept",
        "steps",
        "states",
        "x_1",
        "h_before",
        "initial_gradient",
    )
    gates: ClassVar[tuple[str, ...]] = ()  # as they lie in memory
    Wx_b: Array  # Wx (D, G·H), and b below it as one row more
    grad_Wx_b: Array

    # Of the last training pass:
    steps: Steps
    x_1: Array  # the packed inputs, and a column of ones (P, D + 1)
    states: Array  # (N + P, H)
    h_before: Array  # the state before each step (P, H)
    kept: dict[str, Array]  # packed rows by name
    initial_gradient: Array  # with respect to the initial state (N, H)

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        *,
        return_sequences: bool = False,
        go_backwards: bool = False,
        use_bias: bool = True,
        input_initializer: "str | Initializer" = "glorot_uniform",
        recurrent_initializer: "str | Initializer" = "orthogonal",
        bias_initializer: "str | Initializer" = "zeros",
        optimizer: "Optimizer | str | None" = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(optimizer=optimizer, trainable=trainable, name=name)
        owner = type(self).__name__
        self.units = positive_integer(owner, "units", units)
        self.activation = self._elementwise("activation", activation)
        self.return_sequences = boolean(owner, "return_sequences", return_sequences)
        self.go_backwards = boolean(owner, "go_backwards", go_backwards)
        self.use_bias = boolean(owner, "use_bias", use_bias)
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
            self.add_parameter(key("b", gate), (H,), self.bias_initializer, block="b")
        for gate in self.gates:
            self.add_parameter(key("Wh", gate), (H, H), self.recurrent_initializer, block="Wh")
        return (T, H) if self.return_sequences else (H,)

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
        """Return the states (N, T, H), or the last ones (N, H).

        Parameters
        ----------
        x : ndarray (N, T, D)
            The sequences.
        training : bool
            Keep what `backward` needs.
        lengths : ndarray of int (N,), optional
            Valid steps of each sequence; beyond them the output is 0 and the state is carried unchanged.
        initial_state : ndarray (N, H), optional
            The state before the first step, 0 by default.
        """
        x = np.asarray(x, self.dtype)
        self.check_input(x, (3,), "(samples, steps, features)")
        N, T, _ = x.shape
        state = None if initial_state is None else np.asarray(initial_state, self.dtype)
        if state is not None and state.shape != (N, self.units):
            raise ShapeError(
                f"{self.label}: initial_state must be (samples, units) = {(N, self.units)}, got {state.shape}"
            )
        steps = Steps(N, T, self._lengths(lengths, N, T), self.go_backwards)
        if training:
            return self._forward_training(x, steps, state)
        return self._forward_inference(x, steps, state)

    def _lengths(self, lengths: Array | None, N: int, T: int) -> Array | None:
        if lengths is None:
            return None
        lengths = np.asarray(lengths)
        if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
            raise ShapeError(
                f"{self.label}: lengths must be {N} whole numbers, one a sample, "
                f"got {lengths.dtype} of shape {lengths.shape}"
            )
        if np.any(lengths < 1) or np.any(lengths > T):
            raise ValueError(
                f"{self.label}: lengths must lie in 1 to {T}, the steps of x; "
                f"got {lengths.min()} to {lengths.max()}"
            )
        return lengths.astype(np.int64, copy=False)

    def _forward_training(self, x: Array, steps: Steps, initial_state: Array | None) -> Array:
        h = steps.states(initial_state, self.units, self.dtype)
        self.x_1 = self._with_ones(x, steps, self.buffer)
        self.kept = {"x": self.x_1[:, : x.shape[2]], "h": h[steps.N :]}
        self.steps, self.states = steps, h
        self.kept |= self._read(self.x_1, self.scaled_weights(self.buffer), h, steps, self.buffer)
        self.cache = Unpacked(steps, self.kept)
        return steps.unpack(h[steps.N :]) if self.return_sequences else steps.last(h)

    def _forward_inference(self, x: Array, steps: Steps, initial_state: Array | None) -> Array:
        """Read the steps in windows, so that the memory needed does not grow with T."""
        state, out = initial_state, None
        if self.return_sequences:
            out = np.zeros((steps.N, steps.T, self.units), self.dtype)
        weights = self.scaled_weights(self._room)
        for part in steps.windows(max(1, INFERENCE_ROWS // max(1, steps.N))):
            h = part.states(state, self.units, self.dtype)
            self._read(self._with_ones(x, part, self._room), weights, h, part, self._room)
            state = part.last(h)
            if out is not None:
                part.unpack(h[part.N :], out)
        return out if out is not None else np.array(state)

    def _room(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return fresh memory: what inference uses instead of `buffer`, as threads may share a layer."""
        return np.empty(shape, self.dtype)

    def _with_ones(self, x: Array, steps: Steps, room: Room) -> Array:
        """Return x packed (P, D), and a column of ones that the bias is the weight of, (P, D + 1)."""
        D = x.shape[2]
        x_1 = room("x_1", (steps.rows, D + self.use_bias))
        steps.pack(x, out=x_1[:, :D])
        x_1[:, D:] = 1
        return x_1

    def _read(
        self, x_1: Array, weights: tuple[Array, Array], h: Array, steps: Steps, room: Room
    ) -> dict[str, Array]:
        """Run the input products x Wx + b (G, P, H) of all steps, then the loop over time."""
        G, H = len(self.gates), self.units
        Wx_b, Wh = weights
        s = room("s", (G, len(x_1), H))
        np.matmul(x_1, Wx_b.reshape(-1, G, H).swapaxes(0, 1), out=s)
        return self.forward_steps(s, h, Wh, steps, room)

    def scaled_weights(self, room: Room) -> tuple[Array, Array]:
        """Return Wx over b (D + 1, G·H), and Wh, as the gates' activations want their scores scaled."""
        return self.Wx_b, self.blocks["Wh"]

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy of the output's shape; `initial_gradient` is left behind too."""
        self.require("x", "backward")
        steps, H = self.steps, self.units
        shape = (steps.N, steps.T, H) if self.return_sequences else (steps.N, H)
        dy = self.check_gradient(dy, shape)
        dh = np.empty_like(self.states)
        if self.return_sequences:
            dh[: steps.N] = 0
            steps.pack(dy, out=dh[steps.N :])
        else:
            dh[...] = 0
            steps.add_to_last(dh, dy)
        ds = self.buffer("ds", (steps.rows, len(self.gates) * H))
        WhT = self.buffer("WhT", self.blocks["Wh"].T.shape)
        WhT[...] = self.blocks["Wh"].T  # contiguous: the products of the loop run faster
        self.h_before = steps.before_all(self.states)
        self.kept |= self.backward_steps(dh, ds, WhT, steps)
        self.kept |= {key("ds", gate): self.columns(gate, ds) for gate in self.gates}
        self.kept |= {"ds": ds, "dh": dh[steps.N :]}
        self.initial_gradient = steps.initial(dh)
        return steps.unpack(ds @ self.blocks["Wx"].T) if self.needs_dx else NOTHING

    def gradients(self) -> None:
        """Fill the gradients of all weights from those of the scores: one matrix product a block."""
        self.require("ds", "gradients")
        ds = self.kept["ds"]
        np.matmul(self.x_1.T, ds, out=self.grad_Wx_b)  # of Wx, and of b in the row below
        self.recurrent_gradients(ds, self.h_before)

    # ---- what a cell writes -----------------------------------------------------------------------------

    def forward_steps(self, s: Array, h: Array, Wh: Array, steps: Steps, room: Room) -> dict[str, Array]:
        """Run the loop over time: complete the scores `s` (G, P, H), fill the states `h` (N + P, H).

        `Wh` (H, G·H) are the recurrent weights, scaled as the gates want it.
        Returns the rows (P, ...) that `backward_steps` needs, by name.
        """
        raise NotImplementedError

    def backward_steps(self, dh: Array, ds: Array, WhT: Array, steps: Steps) -> dict[str, Array]:
        """Run the adjoint loop: fill `ds` (P, G·H) from `dh` (N + P, H), the gradients of the outputs.

        On return `dh` holds the whole gradients. Returns further rows that `recurrent_gradients` needs.
        """
        raise NotImplementedError

    def recurrent_gradients(self, ds: Array, h_before: Array) -> None:
        """Fill the gradients of the recurrent weights from `ds` (P, G·H) and the states before (P, H)."""
        np.matmul(h_before.T, ds, out=self.grad_blocks["Wh"])

    def scores(self, gate: str, rows: slice) -> Array:
        """Return a gate's scores (m, H) at some rows of the last training pass, from what was kept."""
        x, h_before = self.kept["x"][rows], self.h_before[rows]
        s = x @ self.params[key("Wx", gate)] + h_before @ self.params[key("Wh", gate)]
        return s + self.params[key("b", gate)] if self.use_bias else s

    def slope(self, gate: str, activation: Activation, y: Array, rows: slice, out: Array) -> Array:
        """Return the derivative (m, H) of a gate's activation at some rows, from its outputs `y` there."""
        return activation.derivative(y, self.scores(gate, rows) if activation.needs_input else None, out)


def key(name: str, gate: str) -> str:
    """Return the parameter's name for a gate: ``Wx_z``; a layer with a single gate has plain names."""
    return f"{name}_{gate}" if gate else name
