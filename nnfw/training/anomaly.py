"""Where the first NaN or infinity came from: a training step, or an answer, is taken anew, part by part."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.core.lengths import valid_steps, without
from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential, is_sequence
from nnfw.model import Model
from nnfw.training.batches import Place

if TYPE_CHECKING:
    from nnfw.layers.base import Stepper
    from nnfw.training.batches import Batch
    from nnfw.training.loop import Run


FILL = "fill, scale or drop such samples"
WORDS = {
    "h": "the state h",
    "c": "the cell state c",
    "y": "the output y",
    "s": "the score s",
    "dh": "the gradient dh of the state",
    "normalized": "the normalized input",
}


def explain(run: "Run", batch: "Batch", found: str) -> str:
    """Return the message for what was `found` in a run's current batch."""
    rate, largest = run.optimizer.rate(run.epoch - 1), largest_of(without_padding(batch.x, batch.lengths))
    if not np.isfinite(largest):
        causes = FILL
    else:
        causes = (
            f"likely causes: a learning rate that is too high (it is {rate:.3g}), "
            f"inputs that are not scaled (their largest is {largest:.3g}; StandardScaler), "
            f"an exploding gradient (cured by the optimizer's clip_global_norm=1.0)"
        )
    return (
        f"epoch {run.epoch}, batch {run.batch}: {found}. The weights are those before this update; {causes}"
    )


def explain_answer(network: Model, x: Array, lengths: Array | None, found: str) -> str:
    """Return the message for what was `found` where a network only answers."""
    largest = largest_of(without_padding(x, lengths))
    heaviest = largest_of(np.array([largest_of(leaf.flat_params) for leaf in network._leaves()]))
    if not np.isfinite(largest):
        causes = FILL
    elif not np.isfinite(heaviest):
        causes = "such weights were assigned by hand; give the network finite ones, load it, or fit it anew"
    else:
        causes = (
            f"likely causes: inputs that are not scaled as those of training (their largest is "
            f"{largest:.3g}), or weights that have grown too large (their largest is {heaviest:.3g})"
        )
    return f"{found}; {causes}"


def search(network: Model, batch: "Batch") -> str:
    """Return what is not finite first in a training step on `batch`, in the order in which it is computed.

    It is empty if the step on a copy of the network is finite, as other noise may make it.
    """
    return first_of(walk(network, batch))


def search_answer(network: Model, x: Array, lengths: Array | None, place: Place) -> str:
    """Return what is not finite first in the answer to `x`, or nothing."""
    return first_of(walk_answer(network, x, lengths, place))


def first_of(found: Iterator[str]) -> str:
    """Return the first that is found; a search that fails must not hide what it was begun for."""
    with suppress(Exception), np.errstate(all="ignore"):  # what is searched for would warn once more
        return next(filter(None, found), "")
    return ""


def walk(network: Model, batch: "Batch") -> Iterator[str]:
    """Take a training step, and yield after each part of it what is not finite there, or nothing."""
    network = copy.deepcopy(network)
    leaves, lengths, place = list(network._leaves()), batch.lengths, batch.place
    a = without_padding(batch.x, lengths)
    yield in_inputs(a, place)
    for leaf, state in zip(leaves, states_of(network.layers, batch.state), strict=True):
        yield from in_parameters(leaf)
        a = leaf.forward(a, training=True, **options(leaf, lengths, state))
        lengths = still_counting(lengths, a, batch.x)
        yield within(leaf, place)
        yield in_batch(f"the output of {leaf._label}", without_padding(a, lengths), place)
    yield in_number("the loss", network.loss(batch.y, a, batch.weight))
    yield in_number("the penalty of the regularizers", network._penalty())
    dy = network.loss.gradient(batch.y, a, batch.weight)
    yield in_batch("the gradient of the loss", dy, place)
    for leaf in reversed(leaves):
        dy = leaf.backward(dy)
        yield within(leaf, place, backward=True)
        leaf.gradients()
        leaf._add_penalty_gradients()
        yield from (in_weights(f"the gradient of {name}", dp, leaf) for name, dp in leaf.grads.items())
        yield in_batch(f"the gradient that {leaf._label} hands on", dy, place)


def walk_answer(network: Model, x: Array, lengths: Array | None, place: Place) -> Iterator[str]:
    """Compute the outputs, and yield after each part of that what is not finite there, or nothing."""
    a = without_padding(x, lengths)
    yield in_inputs(a, place)
    for leaf in copy.deepcopy(network)._leaves():
        yield from in_parameters(leaf)
        y, given = leaf.forward(a, **options(leaf, lengths)), options(leaf, lengths)
        lengths = still_counting(lengths, y, x)
        found = in_batch(f"the output of {leaf._label}", without_padding(y, lengths), place)
        if found:
            # A training pass keeps what can be looked at; with noise of its own it may be another one.
            seen = leaf.forward(a, training=True, **given)
            yield within(leaf, place) if np.array_equal(np.isfinite(seen), np.isfinite(y)) else ""
        yield found
        a = y


def search_stream(steppers: Iterable["Stepper"]) -> str:
    """Return what is not finite first in what a stream works with, or nothing."""
    for stepper in steppers:
        for found in in_parameters(stepper.layer):
            if found:
                return found
        if stepper.state is not None and not np.isfinite(stepper.state).all():
            return f"the state of {stepper.layer._label} is no longer finite"
    return ""


def still_counting(lengths: Array | None, y: Array, x: Array) -> Array | None:
    """Return the lengths if outputs `y` still have the time steps of the inputs `x` that they count."""
    return lengths if is_sequence(y, x.shape[:2]) else None


def options(leaf: Layer, lengths: Array | None, state: Any = None) -> dict[str, Any]:
    """Return what the forward pass of a layer takes beside its inputs."""
    taken: dict[str, Any] = {"lengths": lengths} if leaf.takes_lengths else {}
    return taken | ({"initial_state": state} if leaf._takes_state else {})


def states_of(layers: Sequence[Layer], state: Sequence[Any] | None) -> Iterator[Any]:
    """Yield what each layer begins with, those of inner networks one by one."""
    for layer, one in zip(layers, state or [None] * len(layers), strict=True):
        yield from states_of(layer.layers, one) if isinstance(layer, Sequential) else [one]


def largest_of(a: Array) -> float:
    """Return the largest magnitude; that of an array with a NaN is NaN."""
    return float(np.abs(a).max(initial=0.0))


def without_padding(x: Array, lengths: Array | None) -> Array:
    """Return the inputs, 0 beyond the end of each sequence: what stands there is not read."""
    return x if lengths is None else without(~valid_steps(lengths, x.shape[1]), x)


def within(leaf: Layer, place: Place, backward: bool = False, label: str = "") -> str:
    """Return what is not finite first, in time, of what a layer has kept of a pass: a gate, a state ..."""
    label = label or leaf._label
    for part in vars(leaf).values():  # the layers that it is made of come before its own results
        if isinstance(part, Layer):
            way = "backwards" if getattr(part, "go_backwards", False) else "forwards"
            if found := within(part, place, backward, f"the {type(part).__name__} going {way} in {label}"):
                return found
    kept: dict[str, Array] = {name: a for name, a in leaf.cache.items() if name != "x" and np.ndim(a) == 3}
    names = [name for name in kept if name.startswith("d") == backward]
    if backward:
        names.reverse()  # from the state to the gates, the last gate first
    names.sort(key=lambda name: name in ("h", "y", "ds"))  # forward the gates come first; ds holds all gates'
    reverse = backward != getattr(leaf, "go_backwards", False)
    read = {name: step for name in names if (step := first_step(kept[name], reverse)) is not None}
    if not read:
        return ""
    name = min(read, key=lambda name: read[name])  # of several the one that comes first
    return in_batch(f"{word(name, getattr(leaf, 'gates', ()))} of {label}", kept[name], place, reverse)


def word(name: str, gates: Sequence[str]) -> str:
    """Return what a kept array is called in messages.

    Examples
    --------
    >>> word("z", ("z", "r", "c")), word("ds_z", ("z", "r", "c")), word("h", ())
    ('gate z', 'the gradient ds_z of gate z', 'the state h')
    """
    gate = name.removeprefix("ds_")
    if gate in gates:
        return f"gate {name}" if gate == name else f"the gradient {name} of gate {gate}"
    return WORDS.get(name, name)


def first_step(a: Array, reverse: bool) -> int | None:
    """Return how many time steps of `a` (N, T, ...) are read before the first that is not finite, or None."""
    bad = np.flatnonzero(np.any(~np.isfinite(a), axis=(0, 2)))
    if not bad.size:
        return None
    return a.shape[1] - 1 - int(bad[-1]) if reverse else int(bad[0])


def in_batch(what: str, a: Array, place: Place, reverse: bool = False) -> str:
    """Return the message for an array (N, ...) or (N, T, K) of a batch, or nothing if it is finite."""
    if np.isfinite(a).all():
        return ""
    when = ""
    if a.ndim == 3 and (read := first_step(a, reverse)) is not None:
        step = a.shape[1] - 1 - read if reverse else read
        a, when = a[:, step], f"time step {place.start + step} of "
    first = tuple(np.argwhere(~np.isfinite(a))[0].tolist())
    column = ", ".join(map(str, first[1:]))
    return f"{what} is {a[first]} at {when}sample {place.sample(first[0])} of x, column {column}"


def in_inputs(x: Array, place: Place) -> str:
    """Return the message for inputs (N, ...), or nothing if they are finite."""
    bad = np.argwhere(~np.isfinite(x))
    if not len(bad):
        return ""
    first = tuple(bad[0].tolist())
    index = [place.sample(first[0]), *first[1:]]
    index[1] += place.start if x.ndim == 3 else 0
    return f"the input x{index} is {x[first]}"


def in_number(what: str, value: float) -> str:
    """Return the message for a number, or nothing if it is finite."""
    return "" if np.isfinite(value) else f"{what} is {value}"


def in_losses(losses: Array, place: Place) -> str:
    """Return the message for the loss of each sample (N,), or nothing if all are finite."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return f"the loss of sample {place.sample(bad[0])} of x is {losses[bad[0]]}" if bad.size else ""


def in_parameters(leaf: Layer) -> Iterator[str]:
    """Yield the message for each parameter of a layer, or nothing if it is finite."""
    return (in_weights(f"parameter {name}", p, leaf) for name, p in leaf.params.items())


def in_weights(what: str, a: Array, leaf: Layer) -> str:
    """Return the message for parameters or their gradients, or nothing if they are finite."""
    bad = np.argwhere(~np.isfinite(a))
    if not len(bad):
        return ""
    index = tuple(bad[0].tolist())
    return f"{what} of {leaf._label} is {a[index]} at {list(index)}"
