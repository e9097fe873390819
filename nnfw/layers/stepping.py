"""Layers that are given a sequence one time step after another: what `nnfw.streaming` chains."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch, lent
from nnfw.layers.base import Layer
from nnfw.layers.packing import steps_of
from nnfw.layers.recurrent import Recurrent


class Stepper:
    """A layer that is given a sequence step by step; `state` is what it remembers, None if nothing.

    A shallow copy that is given a state of its own goes its own way. `nnfw.streaming.Stream` chains them.
    """

    state: Any = None  # an array (N, ...), or a list of states

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(self, x: Array) -> Array:
        """Return the output for the next step, (N, ...) or (N, 1, ...) as the layer's `forward` has it."""
        return self.layer.forward(x)

    def leaves(self) -> Iterator["Stepper"]:
        """Yield itself, or those that it is made of."""
        yield self

    def fits(self, state: Any) -> bool:
        """Whether it has the shape of the state."""
        return bool(shapes_of(state) == shapes_of(self.state))


class RecurrentStepper(Stepper):
    """A recurrent layer that is given a sequence step by step; its state is (N, S)."""

    layer: Recurrent

    def __init__(self, layer: Recurrent, N: int) -> None:
        super().__init__(layer)
        self.steps, self.weights = steps_of(N, 1), layer._weights(Scratch(layer.dtype))
        self.state = np.zeros((N, layer._state_size), layer.dtype)

    def __call__(self, x: Array) -> Array:
        """Return the new state h, (N, 1, H) or (N, H) as the layer's `forward` has it."""
        layer, state = self.layer, np.asarray(self.state, self.layer.dtype)
        with lent(layer.dtype) as scratch:
            self.state = layer._read(x, self.steps, state, self.weights, scratch).last()
        h = self.state[:, : layer.units].copy()
        return h[:, None] if layer.return_sequences else h


def stepper_of(layer: Layer, N: int) -> Stepper:
    """Return an object that gives N sequences to a causal layer step by step.

    An own layer with a state defines ``_stepper(N)``, which returns one.
    """
    if hasattr(layer, "_stepper"):
        own: Stepper = layer._stepper(N)
        return own
    return RecurrentStepper(layer, N) if isinstance(layer, Recurrent) else Stepper(layer)


def check_step(layer: Layer) -> None:
    """Raise a ValueError if the class of a layer replaces `forward`, but not what a single step runs."""
    step = next((name for name in ("_stepper", "_read", "_units") if hasattr(layer, name)), "forward")
    for base in type(layer).__mro__:
        if step in vars(base):
            return
        if "forward" in vars(base):
            raise ValueError(
                f"{layer._label} computes by a forward of {base.__name__}, which reads sequences whole, and "
                f"cannot go step by step; predict(x) takes them so"
            )


def all_fit(steppers: Sequence[Stepper], state: Sequence[Any]) -> bool:
    """Return whether there is a state for each of these, in the shape of its own."""
    pairs = zip(steppers, state, strict=False)
    return len(state) == len(steppers) and all(stepper.fits(part) for stepper, part in pairs)


def shapes_of(state: Any) -> Any:
    """Return the shape of a state, or of each in a list of them; None if there is none."""
    if isinstance(state, list):
        return [shapes_of(part) for part in state]
    return None if state is None else np.shape(state)
