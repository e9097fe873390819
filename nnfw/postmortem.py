"""Where the first NaN or infinity of a training step came from: the step is taken once more, part by part."""

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnfw.doors.batch import without
from nnfw.joint import Array
from nnfw.layers.layer import Layer
from nnfw.layers.lengths import valid_steps

if TYPE_CHECKING:
    from nnfw.doors import Batch
    from nnfw.network import Network
    from nnfw.training import Run

WORDS = {
    "h": "the state h",
    "c": "the cell state c",
    "y": "the output y",
    "s": "the score s",
    "dh": "the gradient dh of the state",
}


def explain(run: "Run", batch: "Batch", found: str) -> str:
    """Return the message for what was `found` in a run's current batch."""
    rate, largest = run.optimizer.rate(run.epoch - 1), float(np.abs(without_padding(batch)).max())
    if not np.isfinite(largest):
        causes = "fill or drop such samples"
    else:
        causes = (
            f"likely causes: a learning rate that is too high (it is {rate:.3g}), "
            f"inputs that are not scaled (their largest is {largest:.3g}; StandardScaler), "
            f"an exploding gradient (cured by the optimizer's clip_global_norm=1.0)"
        )
    return f"epoch {run.epoch}, batch {run.batch}: {found}. The weights are those before this batch; {causes}"


def search(network: "Network", batch: "Batch") -> str:
    """Return what is not finite first in a training step on `batch`, in the order in which it is computed.

    It is empty if the step on a copy of the network is finite, as other noise may make it.
    """
    with np.errstate(all="ignore"):  # what is searched for would warn once more
        return next((found for found in walk(copy.deepcopy(network), batch) if found), "")


def walk(network: "Network", batch: "Batch") -> Iterator[str]:
    """Take a training step, and yield after each part of it what is not finite there, or nothing."""
    leaves, a = list(network.leaves()), without_padding(batch)
    yield in_batch("the input x", a)
    for leaf in leaves:
        yield from (in_weights(f"parameter {name}", p, leaf) for name, p in leaf.params.items())
        a = leaf.forward(a, training=True, **({"lengths": batch.lengths} if leaf.takes_lengths else {}))
        yield within(leaf)
        yield in_batch(f"the output of {leaf.label}", a)
    yield in_batch("the loss", np.asarray(network.loss(batch.y, a, batch.weight)))
    yield in_batch("the penalty of the regularizers", np.asarray(network.penalty()))
    dy = network.loss.gradient(batch.y, a, batch.weight)
    yield in_batch("the gradient of the loss", dy)
    for leaf in reversed(leaves):
        dy = leaf.backward(dy)
        yield within(leaf, backward=True)
        leaf.gradients()
        leaf.add_penalty_gradients()
        yield from (in_weights(f"the gradient of {name}", dp, leaf) for name, dp in leaf.grads.items())
        yield in_batch(f"the gradient that {leaf.label} hands on", dy)


def without_padding(batch: "Batch") -> Array:
    """Return the inputs, 0 beyond the end of each sequence: what stands there is not read."""
    if batch.lengths is None:
        return batch.x
    return without(~valid_steps(batch.lengths, batch.x.shape[1]), batch.x)


def within(leaf: Layer, backward: bool = False, label: str = "") -> str:
    """Return what is not finite first, in time, of what a layer has kept of a pass: a gate, a state ..."""
    label = label or leaf.label
    for part in vars(leaf).values():  # the layers that it is made of come before its own results
        if isinstance(part, Layer):
            way = "backwards" if getattr(part, "go_backwards", False) else "forwards"
            if found := within(part, backward, f"the {type(part).__name__} going {way} in {label}"):
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
    return in_batch(f"{word(name, getattr(leaf, 'gates', ()))} of {label}", kept[name], reverse)


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


def in_batch(what: str, a: Array, reverse: bool = False) -> str:
    """Return the message for an array (N, K) or (N, T, K), or for a number; nothing if it is finite."""
    a = np.asarray(a)
    if np.isfinite(a).all():
        return ""
    if a.ndim < 2:
        return f"{what} is {a[~np.isfinite(a)][0]}"
    when = ""
    if a.ndim == 3 and (read := first_step(a, reverse)) is not None:
        step = a.shape[1] - 1 - read if reverse else read
        a, when = a[:, step], f"time step {step} of "
    sample, column = np.argwhere(~np.isfinite(a))[0]
    return f"{what} is {a[sample, column]} at {when}sample {sample} of the batch, column {column}"


def in_weights(what: str, a: Array, leaf: Layer) -> str:
    """Return the message for parameters or their gradients, or nothing if they are finite."""
    bad = np.argwhere(~np.isfinite(a))
    if not len(bad):
        return ""
    index = tuple(bad[0].tolist())
    return f"{what} of {leaf.label} is {a[index]} at {list(index)}"
