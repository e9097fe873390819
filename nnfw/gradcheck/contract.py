"""The contract of a layer: one check for each promise of its verbs, on random weights and data."""

import copy
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array, Sizes
from nnfw.core.validation import boolean, each, instance_of, whole_number
from nnfw.gradcheck.differences import CheckError, Report, compare, gradient_name
from nnfw.layers.base import Layer, with_samples
from nnfw.layers.stepping import DISAGREES, steps_agree
from nnfw.layers.validation import check_forward

INPUT_SHAPES: tuple[Sizes, ...] = ((5,), (4, 5), (4, 6), (4, 5, 3))  # the last two if it takes no other


def check_layer(
    layer: Layer,
    input_shape: Sizes | None = None,
    *,
    x: Array | None = None,
    samples: int = 3,
    seed: int = 0,
    tolerance: float = 1e-6,
    training_differs: bool = False,
) -> Report:
    """Check that a layer keeps the contract of the six verbs, with random weights and data.

    It checks shapes, memory, dtypes, lengths and initial states, and all gradients by finite differences in
    float64. The layer is not changed: a new one is built from its `config`.

    Parameters
    ----------
    layer : Layer
        Built or not.
    input_shape : tuple of int, optional
        Of one sample, (D,) or (T, D); by default those of both that the layer takes.
    x : ndarray (N, ...), optional
        The input, instead of random numbers; integers have no gradient.
    samples, seed : int
        N, at least 2, and the seed of the weights and data.
    tolerance : float
        The largest relative error that a gradient may have.
    training_differs : bool
        Whether the layer is meant to compute something else in training, as dropout does.

    Raises
    ------
    CheckError
        At the first part of the contract that is not kept; it is an AssertionError.

    Examples
    --------
    >>> from nnfw import Dense
    >>> class Wrong(Dense):
    ...     def gradients(self):
    ...         super().gradients()
    ...         self.grads["b"][...] /= 3
    >>> check_layer(Wrong(2))
    Traceback (most recent call last):
    nnfw.gradcheck.differences.CheckError: Wrong(2): gradients: input (samples, 5): db disagrees with finite
    differences, relative error 2.8 (tolerance 1e-06): db[1] is -0.0870544, expected -0.261163; everywhere it
    is 0.333 times what is expected
    """
    instance_of(Layer, "a Layer")("check_layer", "layer", layer)
    check_forward(layer)
    boolean("check_layer", "training_differs", training_differs)
    samples = whole_number("check_layer", "samples", samples, low=2)
    x = None if x is None else np.asarray(x)
    errors: dict[str, float] = {}
    promises = [shapes, initialization, inference, training, gradients, precision]
    promises += [lengths] * layer.takes_lengths + [initial_state] * bool(layer._state_size)
    for shape in input_shapes(layer, input_shape, x):
        trial = Trial(layer, shape, x, samples, seed, tolerance, training_differs, errors)
        for promise in promises:
            promise(trial)
    return Report(repr(layer), errors, tuple(promise.__name__.replace("_", " ") for promise in promises))


def input_shapes(layer: Layer, input_shape: Sizes | None = None, x: Any = None) -> list[Sizes]:
    """Return the given shape to test a layer with, or those of the usual ones that it takes."""
    if input_shape or x is not None:
        return [each(whole_number)("check_layer", "input_shape", input_shape or x.shape[1:])]
    taken = []
    for shape in INPUT_SHAPES:
        with suppress(ValueError):  # a ShapeError, or another
            renew(layer).compute_shapes(shape)
            taken.append(shape)
    if not taken:
        raise CheckError(f"{layer!r}: takes none of the input shapes {INPUT_SHAPES}; give input_shape=")
    return [shape for shape in taken if shape in INPUT_SHAPES[:2]] or taken


def renew(value: Any) -> Any:
    """Return a layer built again from its `config`, with the layers within it; anything else is copied."""
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
    x: Any = None  # random if it is not given
    samples: int = 3
    seed: int = 0
    tolerance: float = 1e-6
    training_differs: bool = False
    errors: dict[str, float] = field(default_factory=dict)  # the largest so far, relative, of each gradient

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
        self.expect(found.shape == expected.shape and np.allclose(found, expected, 1e-9, 1e-12), message)

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
            if name not in getattr(layer, "_followed", ()):  # else it is a statistic, and no weight
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
            if array.dtype.kind == "f":
                verb = "backward" if name in inputs else "gradients"
                context = f"{self.original!r}: {verb}: input {with_samples(self.input_shape)}: "
                gradient = gradient_name(name)
                error = compare(partial(total, name), array, found[name], gradient, self.tolerance, context)
                self.errors[gradient] = max(error, self.errors.get(gradient, 0.0))


def shapes(trial: Trial) -> None:
    """Check that forward returns the shape that compute_shapes says."""
    said: Any = renew(trial.original).compute_shapes(trial.input_shape)
    trial.expect(isinstance(said, tuple | list), f"compute_shapes must return the output's shape, got {said}")
    expected = (len(trial.x), *said)
    for training in (False, True):
        found = trial.copy().forward(trial.x, training).shape
        trial.expect(found == expected, f"forward returns shape {found}, compute_shapes says {expected}")


def initialization(trial: Trial) -> None:
    """Check that initialize draws from its generator, and makes params and grads views into flat vectors."""
    layer, other = trial.initialized("float64"), trial.initialized("float64")
    for name, p in layer.params.items():
        trial.expect(bool(np.isfinite(p).all()), f"initialize: {name} is not finite")
        same = np.array_equal(p, other.params[name])
        trial.expect(same, f"initialize: one seed gives two different {name}; draw from rng alone")
    for kind in ("params", "grads"):
        views, flat = getattr(layer, kind).values(), getattr(layer, f"flat_{kind}")
        fill = flat.size == sum(view.size for view in views if np.shares_memory(view, flat))
        trial.expect(fill, f"initialize: {kind} must be views that fill flat_{kind}")


def inference(trial: Trial) -> None:
    """Check that forward computes each sample independently, step by step too, and leaves its input alone."""
    x = trial.x.copy()
    y = np.array(trial.copy().forward(x))
    trial.expect(np.array_equal(x, trial.x), "forward changes its input x; write elsewhere")
    for n in range(len(x)):
        alone = trial.copy().forward(x[n : n + 1])
        trial.expect_close(alone, y[n : n + 1], f"forward of sample {n} alone (N=1) differs from the batch")
    trial.expect(steps_agree(trial.built, x), DISAGREES)


def training(trial: Trial) -> None:
    """Check that training gives the outputs of inference, and that a step is independent of earlier ones."""
    layer, dy = trial.copy(), trial.dy.copy()
    if not trial.training_differs:
        said = "forward differs between training and inference; if it is meant to, give training_differs=True"
        trial.step(layer, trial.x[::-1], -trial.dy)
        trial.expect_close(layer.forward(trial.x, training=True), trial.copy().forward(trial.x), said)
    expected = trial.step(trial.copy(), trial.x, dy)
    trial.expect(np.array_equal(dy, trial.dy), "backward changes its argument dy; write elsewhere")
    said = "depends on earlier passes: keep arrays only if training, and fill grads without adding to them"
    for other in (trial.x[::-1], trial.x[:1]):  # first one of the same shape, which NumPy does not refuse
        again = copy.deepcopy(layer)  # whose random numbers are the same
        again.forward(trial.x, training=True)
        again.forward(other)
        for name, found in trial.run_backward(again, dy).items():
            trial.expect_close(found, expected[name], f"{gradient_name(name)} {said}")


def gradients(trial: Trial) -> None:
    """Check all gradients by finite differences."""
    trial.compare_gradients(trial.dy, x=trial.x)


def precision(trial: Trial) -> None:
    """Check that float32 stays float32."""
    layer = trial.build("float32")
    x = trial.x.astype(np.float32) if trial.x.dtype.kind == "f" else trial.x
    found = {"y": layer.forward(x)}
    found |= {gradient_name(name): d for name, d in trial.step(layer, x, trial.dy.astype(np.float32)).items()}
    for name, array in found.items():
        trial.expect(array.dtype == np.float32, f"{name} is {array.dtype} in a float32 layer")


def lengths(trial: Trial) -> None:
    """Check that padding is not read, that outputs in it are 0, and all gradients with lengths.

    A layer may also refuse sequences of unequal length with a ShapeError.
    """
    if trial.x.ndim != 3:
        return  # without steps there is no padding
    for shorter in (0, 1):
        counts, x = shortened(trial, max(1, trial.x.shape[1] - shorter))
        after = trial.built.count_steps(counts)
        beyond = ~valid_steps(after, trial.dy.shape[1])
        for training in (False, True)[: 2 - trial.training_differs]:
            try:
                y = trial.copy().forward(x, training, lengths=counts)
            except ShapeError:
                return
            said = f"forward(training={training}, lengths={counts.tolist()})"
            for n, length in enumerate(counts):
                alone = trial.copy().forward(trial.x[n : n + 1, :length])[0]
                read = y[n, : after[n]] if y.ndim == 3 else y[n]
                trial.expect_close(read, alone, f"{said} differs at sample {n} from that sequence alone")
            trial.expect(y.ndim < 3 or not np.any(y[beyond]), f"{said} is not 0 in the padding")
        dy = np.where(beyond[..., None], np.nan, trial.dy) if trial.dy.ndim == 3 else trial.dy
        trial.compare_gradients(dy, x=x, lengths=counts)


def initial_state(trial: Trial) -> None:
    """Check all gradients from a random initial state, its own included, without and with lengths."""
    layer, said = trial.copy(), "forward with initial_state differs between training and inference"
    start = trial.rng.normal(size=(len(trial.x), layer._state_size))
    y = layer.forward(trial.x, training=True, initial_state=start)
    trial.expect_close(layer.forward(trial.x, initial_state=start), y, said)
    trial.compare_gradients(trial.dy, x=trial.x, initial_state=start)
    counts, x = shortened(trial, trial.x.shape[1])
    trial.compare_gradients(trial.dy, x=x, initial_state=start, lengths=counts)


def shortened(trial: Trial, longest: int) -> tuple[Array, Array]:
    """Return lengths (N,), and x with nan in the padding that they leave."""
    # Rolled, so that sorting them is a cycle: a permutation that is taken for its inverse shows.
    counts = np.roll(np.linspace(longest, 1, len(trial.x)).astype(int), 1)
    return counts, np.where(valid_steps(counts, trial.x.shape[1])[..., None], trial.x, np.nan)
