"""One vector for several layers: their own vectors become views into it.

A norm, an all-reduce or an optimizer for all layers then handles one array in one call. The state of the
optimizer has the same layout: the `State` of each layer holds views into that of all.
"""

from collections.abc import Sequence

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.parameters import NOTHING, start_of
from nnfw.optimizers import Optimizer, State


def flatten(layers: Sequence[Layer]) -> None:
    """Move the parameters and gradients of layers into one vector each."""
    for kind in ("flat_params", "flat_grads"):
        for layer, part in zip(layers, parts_of_one([getattr(layer, kind) for layer in layers]), strict=True):
            vars(layer)[kind] = part
    for layer in layers:
        layer._bind()


def vector(layers: Sequence[Layer], kind: str) -> Array:
    """Return the ``flat_params`` or ``flat_grads`` of layers as one vector."""
    if not layers:
        return NOTHING
    parts = [getattr(layer, kind) for layer in layers]
    whole = parts[0].base
    if whole is None or any(part.base is not whole for part in parts):
        flatten(layers)  # one of them has been initialized separately
        return vector(layers, kind)
    start = start_of(parts[0], whole)
    return np.asarray(whole[start : start + sum(part.size for part in parts)])


class SharedUpdate:
    """One optimizer step for several layers: `state` is the optimizer's state for all of them."""

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


def parts_of_one(parts: Sequence[Array]) -> list[Array]:
    """Return views into one new vector that holds all parts, each of the length of its part."""
    return np.split(np.concatenate(parts), np.cumsum([part.size for part in parts])[:-1]) if parts else []
