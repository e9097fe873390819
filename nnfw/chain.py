"""Chain: layers one after another. It is itself a Layer: its six verbs are loops over the layers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnfw import doors
from nnfw.arrays import Array, Shape
from nnfw.clipping import clip_to_norm
from nnfw.doors.batch import without
from nnfw.errors import ShapeError
from nnfw.layers.layer import Layer
from nnfw.layers.lengths import valid_steps
from nnfw.layers.parameters import Views
from nnfw.optimizer import Optimizer


def is_sequence(y: Array, steps: tuple[int, ...]) -> bool:
    """Whether outputs still have the time steps (N, T) of the inputs."""
    return y.ndim > 2 and y.shape[:2] == steps


def keeps_steps(layer: Layer, y: Array, steps: tuple[int, ...]) -> bool:
    """Whether a layer, and each within it, keeps the time steps (N, T) of the inputs in its outputs `y`."""
    (T, *_), *shapes = layer.shapes if isinstance(layer, Chain) else [(None,)]
    return is_sequence(y, steps) and all(len(shape) > 1 and shape[0] == T for shape in shapes)


def check_takes_lengths(layer: Layer, padding: Array) -> None:
    """Raise a ShapeError if a layer has brought time steps together, and padding with them."""
    if padding.any() and not layer.takes_lengths:
        raise ShapeError(
            f"{layer.label}: the time steps of sequences of unequal length end here, and their padding is "
            f"read as values; set takes_lengths = True in the class, and have forward(x, training, lengths) "
            f"leave out what lies beyond them"
        )


class Chain(Layer):
    """Layers one after another: the base of `Network`, which can be trained.

    Parameters
    ----------
    layers : sequence of Layer
        First to last.
    optimizer, name
        See `Layer`.

    Attributes
    ----------
    shapes : list of tuple
        The input's shape and that of each layer's output, without the batch axis.
    """

    takes_lengths = takes_state = True
    padding: Array | None = None  # of the last training pass's outputs
    left_out = (*Layer.left_out, "padding")

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        optimizer: str | Optimizer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(optimizer=optimizer, name=name)
        self.layers = doors.check_layers(layers)
        doors.check_names(self.names)
        self.shapes: list[Shape] = []

    # ---- the six verbs ------------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output's shape for an input's, both without the batch axis: (D,) or (T, D)."""
        shapes = [tuple(input_shape)]
        for place, layer in enumerate(self.layers, 1):
            layer.place = place
            try:
                shapes.append(layer.compute_shapes(shapes[-1]))
            except ShapeError as error:
                said = str(error)
                hint = self._hint(place, shapes, said)
                raise ShapeError(said if hint in said else f"{said}. {hint}") from None
        self.shapes = shapes
        return shapes[-1]

    def initialize(self, rng: np.random.Generator, dtype: str = "float32") -> None:
        """Allocate and fill the parameters of all layers."""
        for layer in self.layers:
            layer.initialize(rng, dtype)

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
            Valid steps of each sequence. What stands beyond them is not read, and the output is 0 there.
        initial_state : sequence, optional
            The states to begin with, one for each layer, as `final_state` has them.
        """
        x = np.asarray(x)
        padding = self._padding(x, lengths)
        x = without(padding, x)
        for place, layer in enumerate(self.layers):
            options: dict[str, Any] = {"lengths": lengths} if layer.takes_lengths else {}
            if initial_state is not None and layer.takes_state:
                options["initial_state"] = initial_state[place]
            x = layer.forward(x, training, **options)
            if padding is not None and not keeps_steps(layer, x, padding.shape):
                check_takes_lengths(layer, padding)
                lengths = padding = None  # the time steps are gone
        if padding is not None:
            x[padding] = 0
        if training:
            self.padding = padding
        return x

    def backward(self, dy: Array) -> Array:
        """Return dx, given the gradient with respect to the output: the chain in reverse."""
        dy = without(self.padding, dy)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def _padding(self, x: Array, lengths: Array | None) -> Array | None:
        """Return which steps are beyond the end of their sequence, bool (N, T), if there are any."""
        if lengths is None or x.ndim != (2 if self.first.takes_indices else 3):
            return None
        return ~valid_steps(np.asarray(lengths), x.shape[1])

    def gradients(self) -> None:
        """Fill the gradients of all layers."""
        for layer in self.layers:
            layer.gradients()
            layer.add_penalty_gradients()

    def update(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step in every layer, after clipping the gradient of all together if asked for."""
        if not self.trainable:
            return
        if optimizer.clip_global_norm is not None:
            shared = [leaf.flat_grads for leaf, rule in self.rules(optimizer) if rule is optimizer]
            clip_to_norm(shared, optimizer.clip_global_norm)
        for layer in self.layers:
            layer.update(layer.own_optimizer or optimizer, epoch)

    def rules(self, optimizer: Optimizer) -> Iterator[tuple[Layer, Optimizer]]:
        """Yield each layer that `update` changes, inner chains' ones too, and what optimizer it goes by."""
        for layer in self.layers if self.trainable else ():
            rule = layer.own_optimizer or optimizer
            if isinstance(layer, Chain):
                yield from layer.rules(rule)
            elif layer.trainable:
                yield layer, rule

    # ---- the chain ----------------------------------------------------------------------------------

    @property
    def final_state(self) -> list[Any]:
        """The states that the last training pass ended with, one for each layer; None where there is none."""
        return [layer.final_state if layer.takes_state else None for layer in self.layers]

    @property
    def first(self) -> Layer:
        """The layer that is given the network's input."""
        return next(self.leaves())

    @property
    def last(self) -> Layer:
        """The layer that gives the network's output."""
        *_, last = self.leaves()
        return last

    @property
    def takes_indices(self) -> bool:  # type: ignore[override]
        """Whether the input holds whole numbers."""
        return self.first.takes_indices

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers, those of inner networks one by one."""
        for layer in self.layers:
            if isinstance(layer, Chain):
                yield from layer.leaves()
            else:
                yield layer

    def _hint(self, place: int, shapes: Sequence[Shape], said: str) -> str:
        """Return the remedy for a layer that cannot take the last of these shapes, as it has `said`."""
        before, shape = self.layers[place - 2] if place > 1 else None, shapes[-1]
        if self.shapes and shapes[0] == self.shapes[0][1:]:
            return "One sample alone is x[None]"
        if len(shape) == 1 and getattr(before, "return_sequences", None) is False:
            return (
                f"The {type(before).__name__} before it returns only its last state; "
                f"build it with return_sequences=True"
            )
        if before is None and len(shape) == 1 and "expects (samples, steps" in said and not self.size:
            return f"One feature a step is x[..., None], {(*shape, 1)} a sample"
        return ""

    @property
    def names(self) -> list[str]:
        """The layers' names; one that was given none is called after its class and place."""
        return [layer.name or f"{type(layer).__name__.lower()}_{i}" for i, layer in enumerate(self.layers, 1)]

    def bind(self) -> None:
        """Nothing: the layers hold the parameters."""

    @property
    def params(self) -> Views:  # type: ignore[override]
        """The parameters of all layers by name."""
        return self._collect("params")

    @property
    def grads(self) -> Views:  # type: ignore[override]
        """The gradients of all layers by name."""
        return self._collect("grads")

    def penalty(self) -> float:
        """Return what the parameters of all layers add to the loss; see `nnfw.regularizers`."""
        return sum(layer.penalty() for layer in self.layers)

    def _collect(self, kind: str) -> Views:
        named = zip(self.names, self.layers, strict=True)
        return Views({f"{name}.{key}": a for name, layer in named for key, a in getattr(layer, kind).items()})

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(leaf.size for leaf in self.leaves())
