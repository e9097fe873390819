"""One vector for several layers: their own vectors become views into it.

A norm, an all-reduce or an optimizer that serves all layers then handles one array, and takes one call. What
the optimizer remembers is laid out alike: the `State` of each layer holds views into that of all.
"""

from collections.abc import Sequence

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.parameters import NOTHING
from nnfw.optimizers import Optimizer, State


def flatten(layers: Sequence[Layer]) -> None:
    """Move the parameters and gradients of layers into one vector each."""
    for kind in ("flat_params", "flat_grads"):
        for layer, part in zip(layers, parts_of_one([getattr(layer, kind) for layer in layers]), strict=True):
            setattr(layer, kind, part)
    for layer in layers:
        layer._bind()


def vector(layers: Sequence[Layer], kind: str) -> Array:
    """Return the ``flat_params`` or ``flat_grads`` of layers as one vector."""
    if not layers:
        return NOTHING
    parts = [getattr(layer, kind) for layer in layers]
    whole = parts[0].base
    if whole is None or any(part.base is not whole for part in parts):
        flatten(layers)  # one of them has been initialized by itself
        return vector(layers, kind)
    start = (address(parts[0]) - address(whole)) // whole.itemsize
    return np.asarray(whole[start : start + sum(part.size for part in parts)])


def served_layers(layers: Sequence[Layer], optimizer: Optimizer) -> list[Layer]:
    """Return the layers with parameters if one step of the optimizer can update them all, else none."""
    if not optimizer.separable or optimizer.clip_norm is not None:
        return []
    served = []
    for layer in layers:
        if type(layer).update is not Layer.update or not layer.trainable:
            return []
        if layer.optimizer is not None or layer.regularizer is not None:
            return []
        if layer.flat_params.size:
            served.append(layer)
    return served


class SharedUpdate:
    """One optimizer step for several layers.

    Parameters
    ----------
    layers : sequence of Layer
        With parameters.
    optimizer : Optimizer
        Its rule treats each parameter by itself.

    Attributes
    ----------
    state : State or None
        What the optimizer remembers of all layers; None if it remembers different numbers of steps of them.
    """

    def __init__(self, layers: Sequence[Layer], optimizer: Optimizer) -> None:
        self.params, self.grads = vector(layers, "flat_params"), vector(layers, "flat_grads")
        self.states = [layer._check_state(optimizer) for layer in layers]
        self.vectors = [layer.flat_params for layer in layers]
        self.state = self._join()

    def _join(self) -> State | None:
        first, *others = self.states
        if any(
            (one.rule, one.steps, one.scalars) != (first.rule, first.steps, first.scalars) for one in others
        ):
            return None
        slots: dict[str, Array] = {}
        for name in first.slots:
            parts = parts_of_one([state.slots[name] for state in self.states])
            for state, part in zip(self.states, parts, strict=True):
                state.slots[name], state.scalars = part, first.scalars
            slots[name] = np.asarray(parts[0].base)
        return State(first.rule, first.steps, slots, first.scalars)

    def fits(self, layers: Sequence[Layer], optimizer: Optimizer) -> bool:
        """Whether it is still that of these layers, their memory and their optimizer."""
        rule, steps = type(optimizer).__name__, self.state.steps if self.state else -1
        if len(layers) != len(self.states):
            return False
        for layer, state, p in zip(layers, self.states, self.vectors, strict=True):
            if layer._state is not state or layer.flat_params is not p:
                return False
            if state.rule != rule or state.steps != steps:
                return False
        return True

    def step(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step of the optimizer."""
        assert self.state is not None
        optimizer.step(self.params, self.grads, self.state, epoch)
        for state in self.states:
            state.steps = self.state.steps


def parts_of_one(parts: Sequence[Array]) -> list[Array]:
    """Return views of the lengths of the parts into one new vector that holds them all."""
    return np.split(np.concatenate(parts), np.cumsum([part.size for part in parts])[:-1]) if parts else []


def address(a: Array) -> int:
    """Return where the memory of an array begins."""
    return int(a.__array_interface__["data"][0])
