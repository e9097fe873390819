"""The contract of a layer: one check for each promise of its six verbs; `check_layer` runs them all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array
from nnfw.gradcheck.differences import derivative
from nnfw.gradcheck.trial import Trial, renew
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.optimizers import SGD

Promise = Callable[[Trial], None]


def promises(layer: Layer) -> Iterator[Promise]:
    """Yield the checks that apply to a layer; each raises a CheckError if the promise is not kept."""
    yield from (shapes, initialization, inference, training, gradients, repetition, precision, order, update)
    if layer.takes_lengths:
        yield lengths
    if layer._state_size:
        yield initial_state


def shapes(trial: Trial) -> None:
    """Check that compute_shapes only computes shapes, and that forward returns them."""
    layer = renew(trial.original)
    shape, again = (layer.compute_shapes(trial.input_shape) for _ in range(2))
    trial.expect(isinstance(shape, tuple), f"compute_shapes returns {shape!r}, expected a tuple")
    trial.expect(again == shape, f"compute_shapes returns {shape}, and {again} when called again")
    trial.expect(not layer.params, "compute_shapes allocates parameters; it should only add_parameter")
    expected = (len(trial.x), *shape)
    for training in (False, True):
        found = trial.copy().forward(trial.x, training).shape
        trial.expect(found == expected, f"forward returns shape {found}, compute_shapes says {expected}")
    if len(trial.input_shape) == 2:
        T, D = trial.input_shape
        with suppress(ShapeError):  # a layer may refuse T = None
            found = renew(trial.original).compute_shapes((None, D))
            fits = len(found) == len(shape) and all(n in (None, m) for n, m in zip(found, shape, strict=True))
            trial.expect(fits, f"compute_shapes returns {found} for T=None, but {shape} for T={T}")


def initialization(trial: Trial) -> None:
    """Check that initialize draws from the seed, and makes params and grads views into flat vectors."""
    layer, other = renew(trial.original), renew(trial.original)
    for each in (layer, other):
        each.compute_shapes(trial.input_shape)
        each.initialize(np.random.default_rng(trial.seed), "float64")
    shapes, of_grads = ({name: a.shape for name, a in d.items()} for d in (layer.params, layer.grads))
    trial.expect(shapes == of_grads, f"initialize: params have shapes {shapes}, but grads {of_grads}")
    for name, p in layer.params.items():
        trial.expect(np.isfinite(p).all(), f"initialize: {name} is not finite")
        same = np.array_equal(p, other.params[name])
        trial.expect(same, f"initialize: one seed gives two different {name}; draw from rng alone")
    for part in parts(layer):
        for kind in ("params", "grads"):
            views, flat = getattr(part, kind).values(), getattr(part, f"flat_{kind}")
            fill = flat.size == sum(view.size for view in views if np.shares_memory(view, flat))
            trial.expect(fill, f"initialize: {kind} must be views that fill flat_{kind}")


def inference(trial: Trial) -> None:
    """Check that forward keeps nothing, changes nothing, and computes each sample independently."""
    layer, x = trial.copy(), trial.x.copy()
    before = [arrays_of(part) for part in parts(layer)]
    y = layer.forward(x)
    for held, part in zip(before, parts(layer), strict=True):
        kept = sorted(name for name, array in arrays_of(part).items() if held.get(name) is not array)
        trial.expect(not kept, f"forward keeps {', '.join(kept)} in inference; do so only if training")
    trial.expect(np.array_equal(x, trial.x), "forward changes its input x; write elsewhere")
    first = np.array(y)
    layer.forward(trial.x[::-1])
    same = np.array_equal(y, first)
    trial.expect(same, "forward writes into the output of its last call; return a new array")
    for n in range(len(x)):
        alone = layer.forward(trial.x[n : n + 1])
        said = f"forward of sample {n} alone (N=1) differs from that in a batch"
        trial.expect_close(alone, first[n : n + 1], said)


def training(trial: Trial) -> None:
    """Check that training gives the outputs of inference, and that inference does not disturb it."""
    layer, dy = trial.copy(), trial.dy.copy()
    y = np.array(layer.forward(trial.x, training=True))
    if not trial.training_differs:
        said = "forward differs between training and inference; if it is meant to, give training_differs=True"
        trial.expect_close(y, trial.copy().forward(trial.x), said)
    layer.forward(trial.x[:1])
    found = trial.run_backward(layer, dy)
    trial.expect(np.array_equal(dy, trial.dy), "backward changes its argument dy; write elsewhere")
    said = "is disturbed by a forward in inference since the last in training"
    trial.expect_gradients(found, trial.step(trial.copy(), trial.x, dy), said)


def gradients(trial: Trial) -> None:
    """Check all gradients by finite differences."""
    trial.compare_gradients(trial.x, trial.dy)


def repetition(trial: Trial) -> None:
    """Check that training steps are independent of those before them."""
    layer = trial.copy()
    y, dx = layer.forward(trial.x, training=True), layer.backward(trial.dy)
    first = np.array(y), np.array(dx)
    trial.step(layer, 2 * trial.x if trial.x.dtype.kind == "f" else trial.x[::-1], -trial.dy)
    same = np.array_equal(y, first[0]) and np.array_equal(dx, first[1])
    trial.expect(same, "a step in training writes into what the last one returned; return new arrays")
    if trial.training_differs:
        return
    for x, dy in ((trial.x, trial.dy), (trial.x[:1], trial.dy[:1]), (trial.x, trial.dy)):
        found, expected = (trial.step(one, x, dy) for one in (layer, trial.copy()))
        said = "depends on the steps before; gradients must fill grads, not add to them"
        trial.expect_gradients(found, expected, said)


def precision(trial: Trial) -> None:
    """Check that float32 stays float32, and agrees with float64."""
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
    """Check that a verb called too early raises a RuntimeError, or a KeyError as dicts do while empty."""
    for call, verb in early_calls(trial).items():
        raised = exception_of(verb)
        harmless = raised is None and (call.startswith("backward") or not trial._built.params)
        said = f"{call} should raise a RuntimeError; it raises {raised!r}"
        trial.expect(harmless or isinstance(raised, (RuntimeError, KeyError)), said)


def early_calls(trial: Trial) -> dict[str, Callable[[], Any]]:
    """Return calls of verbs that come too early, each with its description."""
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
    """Return the exception that `call` raises, if any."""
    try:
        call()
    except Exception as error:
        return error
    return None


def update(trial: Trial) -> None:
    """Check that update takes the optimizer's step, and does not change frozen parameters."""
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
    """Check that padding is not read, that outputs in it are 0, and all gradients with lengths.

    A layer may also refuse sequences of unequal length with a ShapeError.
    """
    if trial.x.ndim < 3:
        return  # without steps there is no padding
    T = trial.x.shape[1]
    for longest in (T, max(1, T - 1)):
        counts, padding, x = shortened(trial, longest)
        layer: Any = trial.copy()
        if isinstance(exception_of(partial(layer.forward, x, lengths=counts)), ShapeError):
            continue
        for training in (False, True):
            y = layer.forward(x, training, lengths=counts)
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


def shortened(trial: Trial, longest: int) -> tuple[Array, Array, Array]:
    """Return lengths (N,), the mask (N, T) of the padding that they leave, and x with nan there."""
    N, T = trial.x.shape[:2]
    # Rolled, so that sorting them is a cycle: a permutation that is taken for its inverse shows.
    counts = np.roll(np.linspace(longest, 1, N).astype(int), 1)
    padding = np.arange(T) >= counts[:, None]
    x = trial.x.copy()
    x[padding] = np.nan
    return counts, padding, x


def parts(layer: Layer) -> list[Layer]:
    """Return the layers that hold the parameters: those of a chain, or the layer itself."""
    return list(layer._leaves()) if isinstance(layer, Sequential) else [layer]


def arrays_of(layer: Layer) -> dict[str, Array]:
    """Return the arrays in a layer's attributes, and in dicts among them, by name."""
    arrays: dict[str, Array] = {}
    for name, value in vars(layer).items():
        found = value.items() if isinstance(value, Mapping) else [("", value)]
        arrays |= {f"{name}[{key!r}]" if key else name: a for key, a in found if isinstance(a, np.ndarray)}
    return arrays
