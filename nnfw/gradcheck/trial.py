"""Trial: a layer under test, and the random weights and data that it is tested on."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from nnfw.checks import whole_number
from nnfw.gradcheck.differences import CheckError, compare, derivative
from nnfw.joint import Array
from nnfw.layers.layer import Layer, Shape

INPUT_SHAPES: tuple[Shape, ...] = ((5,), (4, 5), (4, 5, 3))  # tried in this order


class Trial:
    """A layer under test; its copies all start from the same weights and the same noise.

    Parameters
    ----------
    layer : Layer
        Left as it is: what is tested is built anew from its `config`.
    input_shape, x, samples, seed, tolerance, training_differs
        See `nnfw.gradcheck.check_layer`.

    Attributes
    ----------
    x : ndarray (N, ...)
        The input.
    dy : ndarray
        A gradient of the output's shape.
    errors : dict of str to float
        The largest relative error of each gradient so far.
    """

    def __init__(
        self,
        layer: Layer,
        input_shape: Shape | None = None,
        x: Array | None = None,
        samples: int = 3,
        seed: int = 0,
        tolerance: float = 1e-6,
        training_differs: bool = False,
    ) -> None:
        for argument in layer.arguments():
            if not hasattr(layer, argument):
                kind = type(layer).__name__
                raise CheckError(f"{kind}: __init__ must keep each argument: self.{argument} = {argument}")
        self.original, self.label, self.seed = layer, repr(layer), seed
        self.tolerance, self.training_differs = tolerance, training_differs
        self.rng = np.random.default_rng(seed)
        self.input_shape = input_shape or (self._accepted_shape() if x is None else x.shape[1:])
        samples = whole_number("check_layer", "samples", samples, low=2)
        self.x: Array = self.rng.normal(size=(samples, *self.input_shape)) if x is None else np.asarray(x)
        self.built = self.build("float64")
        y = self.copy().forward(self.x)
        self.dy: Array = self.rng.normal(size=np.shape(y))
        self.errors: dict[str, float] = {}

    def _accepted_shape(self) -> Shape:
        """Return the first of `INPUT_SHAPES` that the layer takes."""
        for shape in INPUT_SHAPES:
            try:
                renew(self.original).compute_shapes(shape)
            except ValueError:
                continue
            return shape
        raise CheckError(f"{self.label}: takes none of the input shapes {INPUT_SHAPES}; give input_shape")

    def expect(self, fact: bool, message: str) -> None:
        """Raise a CheckError with the message unless it is so."""
        if not fact:
            raise CheckError(f"{self.label}: {message}")

    def expect_close(self, found: Array, expected: Array, message: str) -> None:
        """Raise a CheckError unless two arrays are the same but for the order of their sums."""
        same = found.shape == expected.shape and np.allclose(found, expected, rtol=1e-9, atol=1e-12)
        self.expect(same, message)

    def build(self, dtype: str) -> Layer:
        """Return a new layer with the trial's weights."""
        layer: Layer = renew(self.original)
        layer.compute_shapes(self.input_shape)
        layer.initialize(np.random.default_rng(self.seed), dtype)
        rng = np.random.default_rng(self.seed)
        for p in layer.params.values():
            p[...] = rng.normal(size=p.shape) / max(2.0, len(p) ** 0.5)
        return layer

    def copy(self) -> Layer:
        """Return a copy of the layer that no pass has been run on."""
        return copy.deepcopy(self.built)

    def step(self, layer: Layer, x: Array, dy: Array, **options: Any) -> dict[str, Array]:
        """Run the three passes of a training step, and return a copy of all gradients."""
        layer.forward(x, training=True, **options)
        return self.way_back(layer, dy)

    def way_back(self, layer: Layer, dy: Array) -> dict[str, Array]:
        """Run the two passes after a forward in training, and return a copy of all gradients."""
        found = {"x": layer.backward(dy)}
        layer.gradients()
        if hasattr(layer, "initial_gradient"):
            found["initial_state"] = layer.initial_gradient
        return {name: np.array(gradient) for name, gradient in (found | layer.grads).items()}

    def compare_gradients(self, x: Array, dy: Array, **options: Any) -> None:
        """Compare all gradients, given `dy`, with the slopes of the sum over dy∘y (nan in dy counts as 0)."""
        found = self.step(self.copy(), x, dy, **options)
        inputs = {"x": x} | {name: options.pop(name) for name in ("initial_state",) if name in options}
        weights = np.nan_to_num(dy)

        def total(name: str, moved: Array) -> float:
            here = point | {name: moved}
            layer = self.copy()
            for parameter, p in layer.params.items():
                p[...] = here[parameter]
            y = layer.forward(training=True, **{given: here[given] for given in inputs}, **options)
            return float(np.sum(weights * y))

        point = inputs | self.built.params
        for name, array in point.items():
            if array.dtype.kind == "f":
                verb, gradient = "backward" if name in inputs else "gradients", derivative(name)
                said = f"{self.label}: {verb}: "
                error = compare(partial(total, name), array, found[name], gradient, self.tolerance, said)
                self.errors[gradient] = max(error, self.errors.get(gradient, 0.0))


def renew(value: Any) -> Any:
    """Return a layer built anew from its `config`, and the layers within it too; anything else is copied."""
    if isinstance(value, Layer):
        return type(value)(**{name: renew(argument) for name, argument in value.config.items()})
    if isinstance(value, (list, tuple)):
        return [renew(element) for element in value]
    return copy.deepcopy(value)


def parts(layer: Layer) -> list[Layer]:
    """Return the layers that hold the parameters: those of a chain, or the layer itself."""
    return list(layer.leaves()) if hasattr(layer, "leaves") else [layer]


def arrays_of(layer: Layer) -> dict[str, Array]:
    """Return all arrays that a layer holds as attributes, or in dicts that are attributes, by name."""
    arrays: dict[str, Array] = {}
    for name, value in vars(layer).items():
        entries = value.items() if isinstance(value, Mapping) else [("", value)]
        found = ((f"{name}[{key!r}]" if key else name, entry) for key, entry in entries)
        arrays |= {label: entry for label, entry in found if isinstance(entry, np.ndarray)}
    return arrays
