"""Layers that are given a sequence one time step after another: what `nnfw.streaming` chains."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnfw.arrays import Array
from nnfw.initializer import Initializer
from nnfw.layers.layer import Layer
from nnfw.layers.recurrent import Recurrent
from nnfw.layers.recurrent_dropout import Drop
from nnfw.layers.steps import Steps

TRAINING = ("specs", "flat_grads", "state", "optimizer", "regularizer", "noise")  # what no step reads


def snapshots(layers: Iterable[Layer]) -> list[Layer]:
    """Return copies of layers that keep the weights of now; what only training needs is not copied."""
    layers = list(layers)
    shared = {
        id(part): part
        for layer in layers
        for name, part in vars(layer).items()
        if name in TRAINING or isinstance(part, Initializer)
    }
    return copy.deepcopy(layers, shared)


class Stepper:
    """A layer that is given a sequence step by step; `state` is what it remembers, None if nothing.

    A shallow copy that is given a state of its own goes its own way.

    Examples
    --------
    See `nnfw.streaming.Stream`, which chains them.
    """

    state: Array | None = None

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(self, x: Array) -> Array:
        """Return the output for the next step, (N, ...) or (N, 1, ...) as the layer's `forward` has it."""
        return self.layer.forward(x)


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
