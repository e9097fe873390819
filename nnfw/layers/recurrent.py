"""What RNN, GRU and LSTM share: all but the mathematics of one step.

A recurrent layer reads a batch in four movements; a cell (`rnn`, `gru`, `lstm`) writes only the second
and the third, as a loop over time and its adjoint:

1. the input products of all steps at once, ``x Wx + b``;
2. `forward_steps`, the loop forward: it completes the scores ``s``, which become gates, and the states;
3. `backward_steps`, the loop backward: ``ds``, the gradient with respect to each gate's score;
4. the gradients of all weights at once, from ``x``, ``h`` and ``ds``.

Rows are packed as `nnfw.layers.steps` describes. Two layouts were measured to be fastest together: the
gates one behind the other, ``s`` (G, P, H), so that what is done element by element runs over contiguous
memory; weights and gradients side by side, ``Wx`` (D, G·H), ``Wh`` (H, G·H), ``ds`` (P, G·H), so that
several gates are one matrix product.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypedDict, Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activation import Activation
from nnfw.checks import boolean, positive_integer
from nnfw.errors import ShapeError
from nnfw.joint import Array
from nnfw.layers.layer import Layer, Shape
from nnfw.layers.steps import Steps, Unpacked
from nnfw.names import nearest

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
    gates: ClassVar[tuple[str, ...]] = ()  # as they lie in memory
    Wx: Array
    Wh: Array
    b: Array
    kept: dict[str, Array]  # packed rows of the last training pass

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
                f"{self.label}: expects (samples, steps, features), got {('samples', *input_shape)}"
            )
        T, D = input_shape
        H = self.units
        for gate in self.gates:
            self.add_parameter(key("Wx", gate), (D, H), self.input_initializer, block="Wx")
            self.add_parameter(key("Wh", gate), (H, H), self.recurrent_initializer, block="Wh")
            if self.use_bias:
                self.add_parameter(key("b", gate), (H,), self.bias_initializer, block="b")
        return (T, H) if self.return_sequences else (H,)

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
        if initial_state is not None and np.shape(initial_state) != (N, self.units):
            raise ShapeError(
                f"{self.label}: initial_state must be (samples, units) = {(N, self.units)}, "
                f"got {np.shape(initial_state)}"
            )
        steps = Steps(N, T, self._lengths(lengths, N, T), self.go_backwards)
        if training:
            return self._forward_training(x, steps, initial_state)
        return self._forward_inference(x, steps, initial_state)

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
        return lengths

    def _forward_training(self, x: Array, steps: Steps, initial_state: Array | None) -> Array:
        rows = steps.pack(x)
        h = steps.states(initial_state, self.units, self.dtype)
        s = self._input_products(rows, self.buffer)
        self.kept = {"x": rows, "h": h[steps.N :]}
        self.steps, self.states = steps, h
        self.kept |= self.forward_steps(s, h, steps, self.buffer)
        self.cache = Unpacked(steps, self.kept)
        return steps.unpack(h[steps.N :]) if self.return_sequences else steps.last(h)

    def _forward_inference(self, x: Array, steps: Steps, initial_state: Array | None) -> Array:
        """Read the steps in windows, so that the memory needed does not grow with T."""
        state, out = initial_state, None
        if self.return_sequences:
            out = np.zeros((steps.N, steps.T, self.units), self.dtype)
        for part in steps.windows(max(1, INFERENCE_ROWS // steps.N)):
            h = part.states(state, self.units, self.dtype)
            self.forward_steps(self._input_products(part.pack(x), self._room), h, part, self._room)
            state = part.last(h)
            if out is not None:
                part.unpack(h[part.N :], out)
        return out if out is not None else np.array(state)

    def _room(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return fresh memory: what inference uses instead of `buffer`, as threads may share a layer."""
        return np.empty(shape, self.dtype)

    def _input_products(self, rows: Array, room: Room) -> Array:
        """Return x Wx + b (G, P, H), the part of every score that does not depend on the state."""
        G, H = len(self.gates), self.units
        s = room("s", (G, len(rows), H))
        np.matmul(rows, self.blocks["Wx"].reshape(-1, G, H).swapaxes(0, 1), out=s)
        if self.use_bias:
            s += self.blocks["b"].reshape(G, 1, H)
        return s

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy of the output's shape; `initial_gradient` is left behind too."""
        self.recall("x", "backward")
        steps, dy = self.steps, np.asarray(dy, self.dtype)
        dh = np.zeros_like(self.states)
        if self.return_sequences:
            dh[steps.N :] = steps.pack(dy)
        else:
            steps.add_to_last(dh, dy)
        ds = self.buffer("ds", (steps.rows, len(self.gates) * self.units))
        self.kept |= self.backward_steps(dh, ds, steps)
        self.kept |= {key("ds", gate): self.columns(gate, ds) for gate in self.gates}
        self.kept |= {"ds": ds, "dh": dh[steps.N :]}
        self.initial_gradient = steps.initial(dh)
        return steps.unpack(ds @ self.blocks["Wx"].T)

    def gradients(self) -> None:
        """Fill the gradients of all weights from those of the scores: one matrix product a block."""
        self.recall("ds", "gradients")
        ds = self.kept["ds"]
        np.matmul(self.kept["x"].T, ds, out=self.grad_blocks["Wx"])
        if self.use_bias:
            np.sum(ds, axis=0, out=self.grad_blocks["b"])
        self.recurrent_gradients(ds, self.steps.before_all(self.states))

    # ---- what a cell writes -----------------------------------------------------------------------------

    def forward_steps(self, s: Array, h: Array, steps: Steps, room: Room) -> dict[str, Array]:
        """Run the loop over time: complete the scores `s` (G, P, H), fill the states `h` (N + P, H).

        Returns the rows (P, ...) that `backward_steps` needs, by name.
        """
        raise NotImplementedError

    def backward_steps(self, dh: Array, ds: Array, steps: Steps) -> dict[str, Array]:
        """Run the adjoint loop: fill `ds` (P, G·H) from `dh` (N + P, H), the gradients of the outputs.

        On return `dh` holds the whole gradients. Returns further rows that `recurrent_gradients` needs.
        """
        raise NotImplementedError

    def recurrent_gradients(self, ds: Array, h_before: Array) -> None:
        """Fill the gradients of the recurrent weights from `ds` (P, G·H) and the states before (P, H)."""
        np.matmul(h_before.T, ds, out=self.grad_blocks["Wh"])

    def scores(self, gate: str) -> Array:
        """Return a gate's scores (P, H) of the last training pass, computed again from what was kept."""
        h_before = self.steps.before_all(self.states)
        s = self.kept["x"] @ self.params[key("Wx", gate)] + h_before @ self.params[key("Wh", gate)]
        return s + self.params[key("b", gate)] if self.use_bias else s

    def slope(self, gate: str, activation: Activation, y: Array) -> Array:
        """Return the derivative (P, H) of a gate's activation at all steps, from its outputs `y` (P, H)."""
        return activation.derivative(y, self.scores(gate) if activation.needs_input else None)


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
    sigmas: dict[str, Activation]  # σ by gate

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: "str | Activation | Mapping[str, str | Activation]" = "sigmoid",
        **options: Unpack[Options],
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
                raise ValueError(
                    f"{type(self).__name__}: recurrent_activation has no gate {gate!r}."
                    f"{nearest(str(gate), self.sigmoid_gates)} Its gates are {', '.join(self.sigmoid_gates)}"
                )
        return {
            gate: self._elementwise("recurrent_activation", activation.get(gate, "sigmoid"))
            for gate in self.sigmoid_gates
        }

    def open_gates(self) -> Callable[[Array], object]:
        """Return the function that turns the scores (G, n, H) of all sigmoid gates into gates, in place."""
        if isinstance(self.recurrent_activation, Activation):
            σ = self.recurrent_activation.gate
            return lambda s: σ(s, s)

        def one_by_one(s: Array) -> None:
            for σ, s_gate in zip(self.sigmas.values(), s, strict=True):
                σ.gate(s_gate, s_gate)

        return one_by_one


def key(name: str, gate: str) -> str:
    """Return the parameter's name for a gate: ``Wx_z``; a layer with a single gate has plain names."""
    return f"{name}_{gate}" if gate else name
