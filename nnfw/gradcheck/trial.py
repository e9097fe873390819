"""Trial: a layer under test, and the random weights and data that it is tested on."""

import copy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.registry import not_kept
from nnfw.core.typing import Array
from nnfw.gradcheck.differences import CheckError, compare, derivative
from nnfw.layers.base import Layer, with_samples

Sizes = tuple[int, ...]  # the shape of a sample, without open axes

INPUT_SHAPES: tuple[Sizes, ...] = ((5,), (4, 5))  # a vector and a sequence, the inputs of a network
OTHER_SHAPES: tuple[Sizes, ...] = ((4, 5, 3),)  # for layers that take neither
VERBS = ("compute_shapes", "initialize", "forward", "backward", "gradients", "update")


class Trial:
    """A layer under test, with the options of `check_layer`; its copies all start from the same weights.

    It has an input `x`, a random output gradient `dy`, and the largest relative `errors` found so far.
    """

    def __init__(
        self,
        layer: Layer,
        input_shape: Sizes | None = None,
        x: Array | None = None,
        samples: int = 3,
        seed: int = 0,
        tolerance: float = 1e-6,
        training_differs: bool = False,
    ) -> None:
        self.original, self.input_shape = layer, input_shape or input_shapes(layer, x=x)[0]
        self.seed, self.tolerance, self.training_differs = seed, tolerance, training_differs
        self.rng = np.random.default_rng(seed)
        self.x: Array = self.rng.normal(size=(samples, *self.input_shape)) if x is None else np.asarray(x)
        self._built = self.build("float64")
        self.dy: Array = self.rng.normal(size=np.shape(self.copy().forward(self.x)))
        self.errors: dict[str, float] = {}

    def expect(self, fact: bool, message: str) -> None:
        """Raise a CheckError with the message if the fact is false."""
        if not fact:
            raise CheckError(f"{self.original!r}: {message}")

    def expect_gradients(self, found: dict[str, Array], expected: dict[str, Array], message: str) -> None:
        """Raise a CheckError unless all gradients are equal up to rounding."""
        for name in found:
            self.expect_close(found[name], expected[name], f"{derivative(name)} {message}")

    def expect_close(self, found: Array, expected: Array, message: str) -> None:
        """Raise a CheckError unless two arrays are equal up to rounding."""
        same = found.shape == expected.shape and np.allclose(found, expected, rtol=1e-9, atol=1e-12)
        self.expect(same, message)

    def build(self, dtype: str) -> Layer:
        """Return a new layer with the weights of the trial."""
        layer: Layer = renew(self.original)
        layer.compute_shapes(self.input_shape)
        layer.initialize(np.random.default_rng(self.seed), dtype)
        rng = np.random.default_rng(self.seed)
        for p in layer.params.values():
            p[...] = rng.normal(size=p.shape) / max(2.0, len(p) ** 0.5)
        return layer

    def copy(self) -> Layer:
        """Return a copy of the layer on which no pass has been run."""
        return copy.deepcopy(self._built)

    def step(self, layer: Layer, x: Array, dy: Array, **options: Any) -> dict[str, Array]:
        """Run the three passes of a training step, and return a copy of all gradients."""
        layer.forward(x, training=True, **options)
        return self.run_backward(layer, dy)

    def run_backward(self, layer: Layer, dy: Array) -> dict[str, Array]:
        """Run the passes after a forward in training, and return a copy of all gradients."""
        found = {"x": layer.backward(dy)}
        layer.gradients()
        if hasattr(layer, "initial_gradient"):
            found["initial_state"] = layer.initial_gradient
        return {name: np.array(gradient) for name, gradient in (found | layer.grads).items()}

    def compare_gradients(self, x: Array, dy: Array, **options: Any) -> None:
        """Compare all gradients, given `dy`, with the slopes of the sum over dy∘y (nan in dy counts as 0)."""
        found = self.step(self.copy(), x, dy, **options)
        inputs = {"x": x} | {name: options.pop(name) for name in ("initial_state",) if name in options}
        point, weights = inputs | self._built.params, np.nan_to_num(dy)

        def total(name: str, moved: Array) -> float:
            here = point | {name: moved}
            layer = self.copy()
            for parameter, p in layer.params.items():
                p[...] = here[parameter]
            y = layer.forward(training=True, **{given: here[given] for given in inputs}, **options)
            return float(np.sum(weights * y))

        for name, array in point.items():
            if array.dtype.kind == "f":
                gradient = derivative(name)
                context = f"{self.original!r}: {'backward' if name in inputs else 'gradients'}: "
                error = compare(partial(total, name), array, found[name], gradient, self.tolerance, context)
                self.errors[gradient] = max(error, self.errors.get(gradient, 0.0))


def input_shapes(layer: Layer, input_shape: Sizes | None = None, x: Array | None = None) -> list[Sizes]:
    """Return the given shape to test a layer with, or those of the usual ones that it takes."""
    for argument in layer._arguments():
        if not hasattr(layer, argument):
            raise CheckError(not_kept(layer, argument))
    if input_shape or x is not None:
        return [input_shape or np.asarray(x).shape[1:]]
    for shapes in (INPUT_SHAPES, OTHER_SHAPES):
        if taken := [shape for shape in shapes if takes(layer, shape)]:
            return taken
    tried = INPUT_SHAPES + OTHER_SHAPES
    raise CheckError(f"{layer!r}: takes none of the input shapes {tried}; give input_shape")


def takes(layer: Layer, shape: Sizes) -> bool:
    """Whether compute_shapes takes an input shape; it refuses one with a ShapeError or other ValueError."""
    with verbs_named(layer, shape):
        try:
            renew(layer).compute_shapes(shape)
        except ValueError:
            return False
    return True


@contextmanager
def verbs_named(layer: Layer, shape: Sizes) -> Iterator[None]:
    """Add the input shape to a CheckError, and turn into one what a verb raises, but for a refused shape."""
    try:
        yield
    except CheckError as error:
        error.args = (f"{error} (input {with_samples(shape)})",)
        raise
    except Exception as error:
        verb = verb_of(error)
        if verb == "compute_shapes" and isinstance(error, ShapeError):
            raise
        raise CheckError(
            f"{layer!r}: {verb} raises {type(error).__name__} for an input {with_samples(shape)}: "
            f"{error!s:.180}; compute_shapes should refuse what cannot be taken with a ShapeError, and "
            f"input_shape or x give what can"
        ) from error


def verb_of(error: Exception) -> str:
    """Return the outermost verb of a layer in an exception's traceback."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name in VERBS and isinstance(frame.f_locals.get("self"), Layer):
            return frame.f_code.co_name
    return "a verb"


def renew(value: Any) -> Any:
    """Return a layer built again from its `config`, with the layers within it; anything else is copied."""
    if isinstance(value, Layer):
        return type(value)(**{name: renew(argument) for name, argument in value.config.items()})
    if isinstance(value, (list, tuple)):
        return [renew(element) for element in value]
    return copy.deepcopy(value)
