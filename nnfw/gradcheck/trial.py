"""A layer under test: rebuilt from its `config`, with random weights and data, and all its gradients."""

import copy
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.typing import Array, Sizes
from nnfw.core.validation import each, whole_number
from nnfw.gradcheck.differences import CheckError, compare, gradient_name
from nnfw.layers.base import Layer, with_samples

INPUT_SHAPES: tuple[Sizes, ...] = ((5,), (4, 5), (4, 6), (4, 5, 3))  # the last two if it takes no others


def input_shapes(layer: Layer, input_shape: Sizes | None = None, x: Any = None) -> list[Sizes]:
    """Return the given shape for testing a layer, or those of the usual ones that it takes."""
    if input_shape or x is not None:
        return [each(whole_number)("check_layer", "input_shape", input_shape or x.shape[1:])]
    taken = []
    for shape in INPUT_SHAPES:
        with suppress(ValueError):  # a ShapeError, or another
            renew(layer).compute_shapes(shape)
            taken.append(shape)
    if not taken:
        raise CheckError(f"{layer!r}: takes none of the input shapes {INPUT_SHAPES}; pass input_shape=")
    return [shape for shape in taken if shape in INPUT_SHAPES[:2]] or taken


def renew(value: Any) -> Any:
    """Return a layer rebuilt from its `config`, together with its inner layers; anything else is copied."""
    if isinstance(value, Layer):
        return type(value)(**{name: renew(argument) for name, argument in value.config.items()})
    if isinstance(value, (list, tuple)):
        return [renew(element) for element in value]
    return copy.deepcopy(value)


@dataclass
class Trial:
    """A layer under test, with the options of `check_layer`; its copies all start from the same weights."""

    original: Layer
    input_shape: Sizes
    x: Any = None  # random if not given
    samples: int = 3
    seed: int = 0
    tolerance: float = 1e-6
    training_differs: bool = False
    errors: dict[str, float] = field(default_factory=dict)  # the largest so far of each gradient, relative

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        if self.x is None:
            self.x = self.rng.normal(size=(self.samples, *self.input_shape))
        self.built = self.build("float64")
        self.dy: Array = self.rng.normal(size=np.shape(self.copy().forward(self.x)))

    def expect(self, fact: bool, message: str) -> None:
        """Raise a CheckError with the message if the fact is false."""
        if not fact:
            raise CheckError(f"{self.original!r}: {message} (input {with_samples(self.input_shape)})")

    def expect_close(self, found: Array, expected: Array, message: str) -> None:
        """Raise a CheckError unless two arrays are equal up to rounding."""
        same = found.shape == expected.shape and np.allclose(found, expected, rtol=1e-9, atol=1e-12)
        self.expect(same, message)

    def initialized(self, dtype: str) -> Layer:
        """Return a new layer, initialized from the seed."""
        layer: Layer = renew(self.original)
        layer.compute_shapes(self.input_shape)
        layer.initialize(np.random.default_rng(self.seed), dtype)
        return layer

    def build(self, dtype: str) -> Layer:
        """Return a new layer with the weights of the trial."""
        layer, rng = self.initialized(dtype), np.random.default_rng(self.seed)
        for name, p in layer.params.items():
            if name not in layer._statistics:  # else it is a statistic, not a weight
                p[...] = rng.normal(size=p.shape) / max(2.0, len(np.atleast_1d(p)) ** 0.5)
        return layer

    def copy(self) -> Any:
        """Return a copy of the layer on which no pass has been run."""
        return copy.deepcopy(self.built)

    def step(self, layer: Layer, x: Array, dy: Array, **options: Array) -> dict[str, Array]:
        """Run the three passes of a training step, and return a copy of all gradients."""
        layer.forward(x, training=True, **options)
        return self.run_backward(layer, dy)

    def run_backward(self, layer: Layer, dy: Array) -> dict[str, Array]:
        """Run the passes after a forward in training, and return a copy of all gradients."""
        found = {"x": layer.backward(dy)}
        said = f"backward must return dx, an array, got {found['x']}"
        self.expect(isinstance(found["x"], np.ndarray), said)
        layer.gradients()
        if hasattr(layer, "initial_gradient"):
            found["initial_state"] = layer.initial_gradient
        return {name: np.array(gradient) for name, gradient in (found | layer.grads).items()}

    def compare_gradients(self, dy: Array, **inputs: Array) -> None:
        """Compare all gradients, given `dy`, with the slopes of the sum over dy∘y (nan in dy counts as 0)."""
        found = self.step(self.copy(), dy=dy, **inputs)
        point, kept = inputs | self.built.params, self.copy()
        weights = np.nan_to_num(dy)

        def total(name: str, moved: Array) -> float:
            here, layer = point | {name: moved}, self.copy() if self.training_differs else kept
            for parameter, p in layer.params.items():
                p[...] = here[parameter]
            y = layer.forward(training=True, **{given: here[given] for given in inputs})
            return float(np.sum(weights * y))

        for name, array in point.items():
            if array.dtype.kind == "f" and name not in self.built._statistics:
                verb = "backward" if name in inputs else "gradients"
                context = f"{self.original!r}: {verb}: input {with_samples(self.input_shape)}: "
                gradient = gradient_name(name)
                error = compare(partial(total, name), array, found[name], gradient, self.tolerance, context)
                self.errors[gradient] = max(error, self.errors.get(gradient, 0.0))
