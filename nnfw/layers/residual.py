"""Residual: layers whose outputs are added to their input."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array, Shape
from nnfw.layers.base import Layer, with_samples
from nnfw.layers.parameters import NOTHING
from nnfw.layers.sequential import Sequential
from nnfw.layers.stepping import Step, start, step_of, step_through
from nnfw.optimizers import Optimizer

MANY = 1 << 10  # the number of steps to check if the input has any number of them


class Residual(Sequential):
    """A chain of layers f whose output is added to its input.

    ::

        (1)  y = x + f(x)          of the shape of x

    and backward, with the backward pass of f::

        (1)  dx = dy + (∂f/∂x)ᵀ dy

    Parameters
    ----------
    layers : sequence of Layer
        f, from first to last; its output has the shape of its input.
    optimizer, name
        See `Layer`.

    References
    ----------
    He, Zhang, Ren & Sun 2015, "Deep residual learning for image recognition" (arXiv:1512.03385).

    Examples
    --------
    >>> from nnfw import Conv1D, Dense, MaxPooling, Network, Residual
    >>> block = Residual([Conv1D(8, 3, "relu", padding="same"), Conv1D(8, 3, padding="same")])
    >>> network = Network([Dense(8), block, MaxPooling(), Dense(1)])
    >>> network.compute_shapes((20, 3)), block.shapes
    ((1,), [(20, 8), (20, 8), (20, 8)])
    """

    _is_chain = False
    _last = property(lambda self: self)  # the layer that computes the output: none of those within

    def __init__(
        self, layers: Sequence[Layer], *, optimizer: str | Optimizer | None = None, name: str | None = None
    ) -> None:
        super().__init__(layers, optimizer=optimizer, name=name)
        self._adopt()

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no output depends on a later step of the input."""
        return all(layer.causal for layer in self._units())

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the shape of the input, which must also be that of the outputs."""
        shape = super().compute_shapes(input_shape)
        steps = (input_shape[0] or MANY) if len(input_shape) == 2 else 1
        if shape != tuple(input_shape) or self.count_steps(steps) != steps:
            raise ShapeError(
                f"{self._label}: its outputs {with_samples(shape)} cannot be added to its input "
                f"{with_samples(input_shape)}; both must have the same number of features and steps"
            )
        return shape

    def forward(
        self,
        x: Array,
        training: bool = False,
        lengths: Array | None = None,
        initial_state: Sequence[Any] | None = None,
    ) -> Array:
        """Return y, of the shape of x; see `Network` for the arguments."""
        y = super().forward(x, training, lengths, initial_state)
        y = y + np.asarray(x, y.dtype)  # (1)
        if lengths is not None:
            y[~valid_steps(np.asarray(lengths), y.shape[1])] = 0
        return y

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx, given dy, of the shape of x."""
        dx = super().backward(dy)
        if not self._first._needs_dx:
            return NOTHING
        dx = dx + np.asarray(dy, dx.dtype)  # (1)
        if self._padding is not None:
            dx[self._padding] = 0
        return dx

    def start_stream(self, N: int) -> list[Any]:
        """Return the state of each inner layer for N sequences before their first step."""
        return [start(layer, N) for layer in self._units()]

    @property
    def step_stream(self) -> Step:
        """The function that passes the next step to the inner layers."""
        return partial(step_residual, [step_of(layer) for layer in self._units()])


def step_residual(steps: Sequence[Step], x: Array, states: list[Any]) -> tuple[Array, list[Any]]:
    """Return y for the next step of x, given the step functions of the inner layers."""
    return x + step_through(steps, x, states), states
