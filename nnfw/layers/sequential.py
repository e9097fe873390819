"""Sequential: a chain of layers that is itself a Layer, whose six verbs are loops over the layers."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from nnfw.core.arrays import numeric
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps, without
from nnfw.core.logits import LOGIT_GRADIENTS
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import sample_shape
from nnfw.core.vectors import clip_to_norm
from nnfw.layers import validation
from nnfw.layers.base import Layer
from nnfw.layers.composite import Composite, parts_of_one, vector
from nnfw.optimizers import Optimizer, State


class Sequential(Composite):
    """A chain of layers: the base of `Network`, which can be trained.

    Parameters
    ----------
    layers : sequence of Layer
        The layers, from first to last.
    optimizer, name
        See `Layer`. A `regularizer` for the parameters of all layers can be assigned too.

    Attributes
    ----------
    shapes : list of tuple
        The shapes of the input and of each layer's output, without the batch axis.
    """

    takes_lengths = _takes_state = True
    _is_chain: ClassVar[bool] = True  # whether its outputs are those of its last layer
    _padding: Array | None = None  # of the outputs of the last training pass
    _shared: "SharedUpdate | None" = None  # the last step that updated all layers at once
    _transient = (*Layer._transient, "_padding", "_shared")

    # ---- the six verbs ------------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output shape for an input shape, both without the batch axis: (D,) or (T, D)."""
        shapes = [sample_shape("compute_shapes", "input_shape", input_shape)]
        for place, layer in enumerate(self.layers, 1):
            layer._place = place
            try:
                shape = layer.compute_shapes(shapes[-1])
                shapes.append(sample_shape(layer._label, "the result of compute_shapes", shape))
            except ShapeError as error:
                message = str(error)
                hint = validation.shape_hint(self, place, shapes, message)
                raise ShapeError(message if hint in message else f"{message}. {hint}") from None
        vars(self)["shapes"] = shapes  # assignment is refused
        return shapes[-1]

    def initialize(self, rng: np.random.Generator, dtype: str = "float32") -> None:
        """Allocate the parameters of all layers and fill them from `rng`."""
        for leaf in self._leaves():
            leaf.initialize(rng, dtype)
            if not self._owned:  # otherwise the network provides the generator for noise
                leaf._noise = rng
        self._flatten()

    def forward(
        self,
        x: Array,
        training: bool = False,
        lengths: Array | None = None,
        initial_state: Sequence[Any] | None = None,
    ) -> Array:
        """Return the outputs (N, ...) for the inputs (N, ...).

        Parameters
        ----------
        x : ndarray (N, D), (N, T, D), or (N, T) of indices
            Inputs.
        training : bool
            Keep what `backward` needs.
        lengths : ndarray of int (N,), optional
            Valid steps of each sequence. The input beyond them is not read, and the output there is 0.
        initial_state : sequence, optional
            The initial states, one for each layer, in the form of `final_state`.
        """
        x, padding = numeric(x, "x"), None
        if lengths is not None and x.ndim == (2 if self._takes_indices else 3):
            padding = ~valid_steps(np.asarray(lengths), x.shape[1])  # beyond the lengths, bool (N, T)
            x = without(padding, x)
        for place, layer in enumerate(self.layers):
            options: dict[str, Any] = {"lengths": lengths} if layer.takes_lengths else {}
            if initial_state is not None and layer._takes_state:
                options["initial_state"] = initial_state[place]
            x = layer.forward(x, training, **options)
            if padding is None or lengths is None:
                continue
            shapes = self.shapes[place : place + 2]
            if not validation.keeps_steps(layer, x, padding.shape, shapes):
                validation.check_takes_lengths(layer, padding, shapes)
                lengths = padding = None  # the outputs no longer have time steps
            elif x.shape[1] != padding.shape[1]:
                lengths = layer.count_steps(lengths)
                padding = ~valid_steps(lengths, x.shape[1])
        if padding is not None:
            x[padding] = 0
        if training and padding is not self._padding:
            self._padding = padding
        return x

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx, given the gradient with respect to the output.

        Parameters
        ----------
        dy : ndarray (N, ...)
            The gradient with respect to the output of the last training `forward`.
        of_logits : bool
            Whether `dy` is the gradient with respect to the logits of the last layer; see
            `nnfw.core.logits`.
        """
        if not of_logits and (fused := LOGIT_GRADIENTS.of(dy)) is not None:
            dy, of_logits = fused, True
        if self._padding is not None:
            dy = without(self._padding, dy)
        *inner, last = self.layers
        dy = last.backward(dy, of_logits=True) if of_logits else last.backward(dy)  # type: ignore[call-arg]
        for layer in reversed(inner):
            dy = layer.backward(dy)
        return dy

    def gradients(self) -> None:
        """Fill the gradients of all layers."""
        for layer in self.layers:
            layer.gradients()
            if layer.regularizer is not None and not isinstance(layer, Composite):
                layer._add_penalty_gradients()
        if self.regularizer is not None:
            self._add_penalty_gradients()

    def update(self, optimizer: Optimizer, epoch: float) -> None:
        """Update every layer by one step, after clipping the global gradient norm if the optimizer does."""
        if not self.trainable:
            return
        if optimizer.clip_global_norm is not None:
            shared = [leaf.flat_grads for leaf, rule in self._rules(optimizer) if rule is optimizer]
            clip_to_norm(shared, optimizer.clip_global_norm)
        if self._shared is None or not self._shared.fits(optimizer):
            self._shared = shared_update(self.layers, optimizer)
        if self._shared is not None:
            self._shared.step(optimizer, epoch)
        else:
            for layer in self.layers:
                layer.update(layer._own_optimizer or optimizer, epoch)
        for p, _, regularizer in () if self.regularizer is None else self._regularized():
            if any(np.may_share_memory(p, leaf.flat_params) for leaf, _ in self._rules(optimizer)):
                regularizer.constrain(p)

    # ---- the parts of the verbs ---------------------------------------------------------------------

    def count_steps(self, n: Any) -> Any:
        """Return the number of output steps for `n` input steps."""
        for layer in self.layers:
            n = layer.count_steps(n)
        return n

    @property
    def final_state(self) -> list[Any]:
        """The state of each layer after the last training pass; None for a layer without one."""
        return [layer.final_state if layer._takes_state else None for layer in self.layers]

    def _penalty(self) -> float:
        """Return what the regularizers of all layers add to the loss, and that of the chain itself."""
        total = 0.0 if self.regularizer is None else super()._penalty()
        for layer in self.layers:
            if layer.regularizer is not None or isinstance(layer, Composite):
                total += layer._penalty()
        return total

    def _units(self) -> Iterator[Layer]:
        """Yield the layers of which each reads the outputs of the last: of inner chains one by one."""
        for layer in self.layers:
            if isinstance(layer, Sequential) and layer._is_chain:
                yield from layer._units()
            else:
                yield layer


class SharedUpdate:
    """One optimizer step for several layers: `state` is the optimizer's state for all of them.

    It has the layout of their one vector: the `State` of each layer holds views into it.
    """

    def __init__(self, layers: Sequence[Layer], states: Sequence[State], state: State) -> None:
        self.layers, self.states, self.state = layers, states, state
        self.params, self.grads = vector(layers, "flat_params"), vector(layers, "flat_grads")
        self.memory = [layer.flat_params for layer in layers]

    def fits(self, optimizer: Optimizer) -> bool:
        """Whether it still matches the layers, their memory and the optimizer."""
        for layer, state, p in zip(self.layers, self.states, self.memory, strict=True):
            if layer._state is not state or layer.flat_params is not p or not takes_part(layer):
                return False
            if state.steps != self.state.steps:  # it was updated separately
                return False
        same_rule = self.state.rule == type(optimizer).__name__
        return same_rule and optimizer.separable and optimizer.clip_norm is None

    def step(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step of the optimizer."""
        optimizer.step(self.params, self.grads, self.state, epoch)
        for state in self.states:
            state.steps = self.state.steps
            state.scalars.update(self.state.scalars)  # a copy: it may be updated separately later


def takes_part(layer: Layer) -> bool:
    """Whether a layer is updated by the optimizer of its network and by nothing else."""
    return layer.trainable and layer.optimizer is None and layer.regularizer is None


def shared_update(layers: Sequence[Layer], optimizer: Optimizer) -> SharedUpdate | None:
    """Return the single step that updates all layers; None if each needs its own."""
    alike = all(takes_part(layer) and type(layer).update is Layer.update for layer in layers)
    if not alike or not optimizer.separable or optimizer.clip_norm is not None:
        return None
    layers = [layer for layer in layers if layer.flat_params.size]
    states = [layer._check_state(optimizer) for layer in layers]
    state = join(states)
    return SharedUpdate(layers, states, state) if state else None


def join(states: Sequence[State]) -> State | None:
    """Join the states of layers into one, of which theirs become views; None if that is not possible."""
    if not states:
        return None
    first, *others = states
    if any((one.rule, one.steps, one.scalars) != (first.rule, first.steps, first.scalars) for one in others):
        return None
    slots: dict[str, Array] = {}
    for name in first.slots:
        parts = parts_of_one([state.slots[name] for state in states])
        for state, part in zip(states, parts, strict=True):
            state.slots[name] = part
        slots[name] = np.asarray(parts[0].base)
    return State(first.rule, first.steps, slots, dict(first.scalars))
