"""The contract of a layer: one check for each requirement of its verbs, with random weights and data."""

import copy
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array, Sizes
from nnfw.core.validation import POSITIVE, boolean, instance_of, whole_number
from nnfw.gradcheck.differences import Report, gradient_name
from nnfw.gradcheck.trial import Trial, input_shapes, renew
from nnfw.layers.base import Layer
from nnfw.layers.stepping import DISAGREES, steps_agree
from nnfw.layers.validation import check_forward


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
        The layer, built or not.
    input_shape : tuple of int, optional
        The shape of a sample, (D,) or (T, D); by default, those of the two that the layer takes.
    x : ndarray (N, ...), optional
        The input, in place of random numbers; integers have no gradient.
    samples, seed : int
        N, at least 2, and the seed of the weights and data.
    tolerance : float
        The maximum relative error of a gradient.
    training_differs : bool
        Whether the layer is supposed to compute something else in training, like dropout.

    Raises
    ------
    CheckError
        At the first violation of the contract; it is an AssertionError.

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
    is 0.333 times the expected value
    """
    instance_of(Layer, "a Layer")("check_layer", "layer", layer)
    check_forward(layer)
    boolean("check_layer", "training_differs", training_differs)
    samples = whole_number("check_layer", "samples", samples, low=2)
    seed = whole_number("check_layer", "seed", seed)
    tolerance = POSITIVE("check_layer", "tolerance", tolerance)
    x = None if x is None else np.asarray(x)
    errors: dict[str, float] = {}
    promises = [shapes, initialization, inference, training, gradients, precision]
    promises += [lengths] if layer.takes_lengths else []
    promises += [initial_state] if layer._state_size else []
    for shape in input_shapes(layer, input_shape, x):
        trial = Trial(layer, shape, x, samples, seed, tolerance, training_differs, errors)
        for promise in promises:
            promise(trial)
    return Report(repr(layer), errors, tuple(promise.__name__.replace("_", " ") for promise in promises))


def shapes(trial: Trial) -> None:
    """Check that forward returns the shape that compute_shapes returns."""
    said: Any = renew(trial.original).compute_shapes(trial.input_shape)
    trial.expect(isinstance(said, tuple | list), f"compute_shapes must return the output's shape, got {said}")
    expected = (len(trial.x), *said)
    for training in (False, True):
        found = np.shape(trial.copy().forward(trial.x, training))
        trial.expect(found == expected, f"forward returns shape {found}, but compute_shapes {expected}")


def initialization(trial: Trial) -> None:
    """Check that initialize draws from its generator, and makes params and grads views into flat vectors."""
    layer, other = trial.initialized("float64"), trial.initialized("float64")
    for name, p in layer.params.items():
        trial.expect(bool(np.isfinite(p).all()), f"initialize: {name} is not finite")
        same = np.array_equal(p, other.params[name])
        trial.expect(same, f"initialize: one seed gives two different {name}; draw only from rng")
    for kind in ("params", "grads"):
        views, flat = getattr(layer, kind).values(), getattr(layer, f"flat_{kind}")
        fill = flat.size == sum(view.size for view in views if np.shares_memory(view, flat))
        trial.expect(fill, f"initialize: {kind} must be views that fill flat_{kind}")


def inference(trial: Trial) -> None:
    """Check that forward treats samples independently, also step by step, and does not modify its input."""
    x = trial.x.copy()
    y = np.array(trial.copy().forward(x))
    trial.expect(np.array_equal(x, trial.x), "forward changes its input x; write to another array")
    for n in range(len(x)):
        alone = trial.copy().forward(x[n : n + 1])
        trial.expect_close(alone, y[n : n + 1], f"forward of sample {n} alone (N=1) differs from the batch")
    trial.expect(steps_agree(trial.built, x), DISAGREES)


def training(trial: Trial) -> None:
    """Check that training gives the outputs of inference, and that a step is independent of earlier ones."""
    layer, dy = trial.copy(), trial.dy.copy()
    if not trial.training_differs:
        said = "forward differs between training and inference; if intended, pass training_differs=True"
        trial.step(layer, trial.x[::-1], -trial.dy)
        trial.expect_close(layer.forward(trial.x, training=True), trial.copy().forward(trial.x), said)
    expected = trial.step(trial.copy(), trial.x, dy)
    trial.expect(np.array_equal(dy, trial.dy), "backward changes its argument dy; write to another array")
    said = "depends on earlier passes: keep arrays only in training, and fill grads instead of adding to them"
    for other in (trial.x[::-1], trial.x[:1]):  # first one of the same shape, which NumPy accepts
        again = copy.deepcopy(layer)  # which draws the same random numbers
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
    """Check that padding is ignored and its outputs are 0, and all gradients with lengths.

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
    """Check all gradients from a random initial state, including its own, with and without lengths."""
    layer, said = trial.copy(), "forward with initial_state differs between training and inference"
    start = trial.rng.normal(size=(len(trial.x), layer._state_size))
    y = layer.forward(trial.x, training=True, initial_state=start)
    if not trial.training_differs:
        trial.expect_close(layer.forward(trial.x, initial_state=start), y, said)
    trial.compare_gradients(trial.dy, x=trial.x, initial_state=start)
    counts, x = shortened(trial, trial.x.shape[1])
    trial.compare_gradients(trial.dy, x=x, initial_state=start, lengths=counts)


def shortened(trial: Trial, longest: int) -> tuple[Array, Array]:
    """Return lengths (N,), and x with nan in the resulting padding."""
    # Rolled, so that sorting them is a cycle, which reveals a permutation mistaken for its inverse.
    counts = np.roll(np.linspace(longest, 1, len(trial.x)).astype(int), 1)
    return counts, np.where(valid_steps(counts, trial.x.shape[1])[..., None], trial.x, np.nan)
