"""The contract of a layer: one function for each promise that its six verbs make.

Each raises a CheckError if the promise is not kept; `nnfw.gradcheck.check_layer` calls them all.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array
from nnfw.gradcheck.differences import derivative
from nnfw.gradcheck.trial import Trial, arrays_of, parts, renew
from nnfw.layers.base import Layer
from nnfw.optimizers import SGD

Promise = Callable[[Trial], None]


def promises(layer: Layer) -> Iterator[Promise]:
    """Yield the promises that a layer of this kind makes."""
    yield from (shapes, initialization, inference, training, gradients, repetition, precision, order, update)
    if layer.takes_lengths:
        yield lengths
    if layer._state_size:
        yield initial_state


def shapes(trial: Trial) -> None:
    """Check that compute_shapes only computes shapes, and those that forward returns."""
    layer = renew(trial.original)
    shape = layer.compute_shapes(trial.input_shape)
    again = layer.compute_shapes(trial.input_shape)
    trial.expect(isinstance(shape, tuple), f"compute_shapes returns {shape!r}, expected a tuple")
    trial.expect(again == shape, f"compute_shapes returns {shape}, and {again} when called again")
    trial.expect(not layer.params, "compute_shapes allocates parameters; it should only add_parameter")
    expected = (len(trial.x), *shape)
    for training in (False, True):
        found = trial.copy().forward(trial.x, training).shape
        trial.expect(found == expected, f"forward returns shape {found}, compute_shapes says {expected}")
    if len(trial.input_shape) == 2:
        any_steps(trial, shape)


def any_steps(trial: Trial, shape: tuple[int, ...]) -> None:
    """Check that compute_shapes takes T = None, or refuses it with a ShapeError."""
    try:
        found = renew(trial.original).compute_shapes((None, trial.input_shape[-1]))
    except ShapeError:
        return
    fits = len(found) == len(shape) and all(n in (None, m) for n, m in zip(found, shape, strict=True))
    T = trial.input_shape[0]
    trial.expect(fits, f"compute_shapes returns {found} for T=None, but {shape} for T={T}")


def initialization(trial: Trial) -> None:
    """Check that initialize draws from the seed, and makes params and grads views into flat vectors."""
    layer, other = renew(trial.original), renew(trial.original)
    for each in (layer, other):
        each.compute_shapes(trial.input_shape)
        each.initialize(np.random.default_rng(trial.seed), "float64")
    shapes = {name: p.shape for name, p in layer.params.items()}
    of_grads = {name: g.shape for name, g in layer.grads.items()}
    trial.expect(shapes == of_grads, f"initialize: params have shapes {shapes}, but grads {of_grads}")
    for name, p in layer.params.items():
        trial.expect(np.isfinite(p).all(), f"initialize: {name} is not finite")
        same = np.array_equal(p, other.params[name])
        trial.expect(same, f"initialize: one seed gives two different {name}; draw from rng alone")
    for part in parts(layer):
        for kind in ("params", "grads"):
            views, flat = getattr(part, kind).values(), getattr(part, f"flat_{kind}")
            inside = all(np.shares_memory(view, flat) for view in views)
            whole = sum(view.size for view in views) == flat.size
            trial.expect(inside and whole, f"initialize: {kind} must be views that fill flat_{kind}")


def inference(trial: Trial) -> None:
    """Check that forward keeps nothing, changes nothing, and treats each sample by itself."""
    layer, x = trial.copy(), trial.x.copy()
    before = [arrays_of(part) for part in parts(layer)]
    y = layer.forward(x)
    after = [arrays_of(part) for part in parts(layer)]
    for held, holds in zip(before, after, strict=True):
        kept = sorted(name for name, array in holds.items() if held.get(name) is not array)
        trial.expect(not kept, f"forward keeps {', '.join(kept)} in inference; do so only if training")
    trial.expect(np.array_equal(x, trial.x), "forward changes its input x; write elsewhere")
    first = np.array(y)
    layer.forward(trial.x[::-1])
    trial.expect(
        np.array_equal(y, first), "forward writes into the output of its last call; return a new array"
    )
    for n in range(len(x)):
        alone = layer.forward(trial.x[n : n + 1])
        trial.expect_close(
            alone, first[n : n + 1], f"forward of sample {n} alone (N=1) differs from that in a batch"
        )


def training(trial: Trial) -> None:
    """Check that training gives the outputs of inference, and that inference does not disturb it."""
    layer, dy = trial.copy(), trial.dy.copy()
    y = np.array(layer.forward(trial.x, training=True))
    if not trial.training_differs:
        trial.expect_close(
            *(y, trial.copy().forward(trial.x)),
            "forward differs between training and inference; if it is meant to, give training_differs=True",
        )
    layer.forward(trial.x[:1])
    found = trial.way_back(layer, dy)
    trial.expect(np.array_equal(dy, trial.dy), "backward changes its argument dy; write elsewhere")
    for name, expected in trial.step(trial.copy(), trial.x, dy).items():
        said = f"{derivative(name)} is disturbed by a forward in inference since the last in training"
        trial.expect_close(found[name], expected, said)


def gradients(trial: Trial) -> None:
    """Check all gradients by finite differences."""
    trial.compare_gradients(trial.x, trial.dy)


def repetition(trial: Trial) -> None:
    """Check that training steps leave each other alone."""
    layer = trial.copy()
    y, dx = layer.forward(trial.x, training=True), layer.backward(trial.dy)
    first = np.array(y), np.array(dx)
    trial.step(layer, 2 * trial.x if trial.x.dtype.kind == "f" else trial.x[::-1], -trial.dy)
    same = np.array_equal(y, first[0]) and np.array_equal(dx, first[1])
    trial.expect(same, "a step in training writes into what the last one returned; return new arrays")
    if trial.training_differs:
        return
    for x, dy in ((trial.x, trial.dy), (trial.x[:1], trial.dy[:1]), (trial.x, trial.dy)):
        expected = trial.step(trial.copy(), x, dy)
        for name, gradient in trial.step(layer, x, dy).items():
            said = (
                f"{derivative(name)} depends on the steps before; gradients must fill grads, not add to them"
            )
            trial.expect_close(gradient, expected[name], said)


def precision(trial: Trial) -> None:
    """Check that float32 stays float32, and gives what float64 gives."""
    single = trial.build("float32")
    x = trial.x.astype(np.float32) if trial.x.dtype.kind == "f" else trial.x
    found = {"y": single.forward(x)} | trial.step(single, x, trial.dy.astype(np.float32))
    exact = {"y": trial.copy().forward(trial.x)} | trial.step(trial.copy(), trial.x, trial.dy)
    for name, array in found.items():
        label = name if name == "y" else derivative(name)
        trial.expect(array.dtype == np.float32, f"{label} is {array.dtype} in a float32 layer")
        close = np.allclose(array, exact[name], rtol=1e-3, atol=1e-3)
        trial.expect(trial.training_differs or close, f"{label} differs between float32 and float64")


def order(trial: Trial) -> None:
    """Check that no verb goes through too early: it should raise a RuntimeError, as `recall` does.

    A KeyError will do too: a simple layer raises it by itself, for what its dicts do not hold yet.
    """
    for call, verb in early_calls(trial).items():
        raised = exception_of(verb)
        harmless = raised is None and (call.startswith("backward") or not trial._built.params)
        trial.expect(
            harmless or isinstance(raised, (RuntimeError, KeyError)),
            f"{call} should raise a RuntimeError, as check_input and recall do; it raises {raised!r}",
        )


def early_calls(trial: Trial) -> dict[str, Callable[[], Any]]:
    """Return calls of verbs that come too early, by what they are."""
    unbuilt, fresh, forwarded, stepped = renew(trial.original), *(trial.copy() for _ in range(3))
    unbuilt.compute_shapes(trial.input_shape)
    forwarded.forward(trial.x, training=True)
    trial.step(stepped, trial.x, trial.dy)
    stepped.forward(trial.x, training=True)
    return {
        "forward before initialize": lambda: unbuilt.forward(trial.x),
        "backward before forward": lambda: fresh.backward(trial.dy),
        "gradients before forward": trial.copy().gradients,
        "gradients before backward": forwarded.gradients,
        "gradients before the second step's backward": stepped.gradients,
    }


def exception_of(call: Callable[[], Any]) -> Exception | None:
    """Return what `call` raises."""
    try:
        call()
    except Exception as error:
        return error
    return None


def update(trial: Trial) -> None:
    """Check that update takes the optimizer's step, and leaves frozen parameters as they are."""
    layer = trial.copy()
    trial.step(layer, trial.x, trial.dy)
    for trainable in (False, True):
        for part in (layer, *parts(layer)):
            part.optimizer, part.trainable = None, trainable
        before = {name: p.copy() for name, p in layer.params.items()}
        layer.update(SGD(0.1), 0.0)
        for name, p in layer.params.items():
            expected = before[name] - 0.1 * trainable * layer.grads[name]
            trial.expect_close(p, expected, f"update: {name} is wrong after a step, trainable={trainable}")


def lengths(trial: Trial) -> None:
    """Check that padding is never read, that outputs in it are 0, and all gradients with lengths.

    A layer may also refuse sequences of unequal length with a ShapeError.
    """
    if trial.x.ndim < 3:
        return  # without steps there is no padding
    T = trial.x.shape[1]
    for longest in (T, max(1, T - 1)):
        counts, padding, x = shortened(trial, longest)
        if refuses_lengths(trial.copy(), x, counts):
            continue
        for training in (False, True):
            y = trial.copy().forward(x, training, lengths=counts)  # type: ignore[call-arg]
            said = f"forward(training={training}, lengths={counts.tolist()})"
            for n, length in enumerate(counts):
                alone = trial.copy().forward(trial.x[n : n + 1, :length])[0]
                read = y[n, :length] if y.ndim == 3 else y[n]
                trial.expect_close(read, alone, f"{said} differs at sample {n} from that sequence alone")
            trial.expect(y.ndim < 3 or not np.any(y[padding]), f"{said} is not 0 in the padding")
        dy = np.where(padding[..., None], np.nan, trial.dy) if trial.dy.ndim == 3 else trial.dy
        trial.compare_gradients(x, dy, lengths=counts)


def initial_state(trial: Trial) -> None:
    """Check all gradients from a random initial state, its own included, without and with lengths."""
    layer: Any = trial.copy()
    start = trial.rng.normal(size=(len(trial.x), layer._state_size))
    y = layer.forward(trial.x, training=True, initial_state=start)
    said = "forward with initial_state differs between training and inference"
    trial.expect_close(layer.forward(trial.x, initial_state=start), y, said)
    trial.compare_gradients(trial.x, trial.dy, initial_state=start)
    counts, _, x = shortened(trial, trial.x.shape[1])
    trial.compare_gradients(x, trial.dy, initial_state=start, lengths=counts)


def refuses_lengths(layer: Any, x: Array, counts: Array) -> bool:
    """Whether a layer has no output for sequences of these lengths, as it says with a ShapeError."""
    return isinstance(exception_of(lambda: layer.forward(x, lengths=counts)), ShapeError)


def shortened(trial: Trial, longest: int) -> tuple[Array, Array, Array]:
    """Return lengths (N,), the mask (N, T) of the padding that they leave, and x with nan there."""
    N, T = trial.x.shape[:2]
    # Rolled, so that sorting them is a cycle: a permutation that is taken for its inverse shows.
    counts = np.roll(np.linspace(longest, 1, N).astype(int), 1)
    padding = np.arange(T) >= counts[:, None]
    x = trial.x.copy()
    x[padding] = np.nan
    return counts, padding, x
