"""Search for the first NaN or infinity, by repeating the step or prediction part by part on a copy."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from nnfw.core.lengths import cleared, is_sequence
from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.model import Model
from nnfw.training.batches import Batch


def search(network: Model, batch: Batch, training: bool = True) -> str:
    """Return a message that names the first array with a non-finite value, its layer and its time step.

    It is empty if all values are finite on the copy. The forward pass draws the same noise as the step, the
    backward pass different noise.
    """
    with suppress(Exception), np.errstate(all="ignore"):  # a search that fails must not hide the error
        network = copy.deepcopy(network)
        backward = walk_backward(network, batch) if training else ()
        return next(filter(None, chain(walk_forward(network, batch, training), backward)), "")
    return ""


def walk_forward(network: Model, batch: Batch, training: bool) -> Iterator[str]:
    """Yield a message after each part of the forward pass if it is not finite, else an empty string."""
    a, lengths = cleared(batch.x, batch.lengths), batch.lengths
    yield in_array("the input x", a)
    for leaf, state in zip(network._units(), states(network, batch.state), strict=True):
        yield from of_layer(leaf, "parameter", leaf.params)
        options: dict[str, Any] = {"lengths": lengths} if leaf.takes_lengths else {}
        options |= {"initial_state": state} if leaf._takes_state else {}
        y = leaf.forward(a, training, **options)
        seen = y if training or np.isfinite(y).all() else leaf.forward(a, training=True, **options)
        if np.array_equal(np.isfinite(seen), np.isfinite(y)):  # else the noise in training changes too much
            yield in_cache(leaf)
        if lengths is not None:
            follows = is_sequence(y, (len(a), leaf.count_steps(a.shape[1])))
            lengths = leaf.count_steps(lengths) if follows else None
        yield in_array(f"the output of {leaf._label}", cleared(y, lengths))
        a = y
    yield in_array("the loss", np.asarray(network.loss(batch.y, a, batch.weight)))
    yield in_array("the penalty of the regularizers", np.asarray(network._penalty()))


def walk_backward(network: Model, batch: Batch) -> Iterator[str]:
    """Yield the same for each part of the backward pass."""
    a = network.forward(batch.x, training=True, lengths=batch.lengths, initial_state=batch.state)
    _, dy, of_logits = network.loss.with_gradient(batch.y, a, batch.weight)
    yield in_array("the gradient of the loss", dy)
    for leaf in reversed(list(network._units())):
        dy = leaf.backward(dy, of_logits=True) if of_logits else leaf.backward(dy)  # type: ignore[call-arg]
        of_logits = False
        yield in_cache(leaf, backward=True)
        leaf.gradients()
        if not isinstance(leaf, Sequential):  # a chain has added its own
            leaf._add_penalty_gradients()
        yield from of_layer(leaf, "the gradient of", leaf.grads)
        yield in_array(f"the input gradient of {leaf._label}", dy)


def states(network: Sequential, state: Any) -> Iterator[Any]:
    """Yield the initial state of each layer, those of inner chains one by one."""
    for layer, one in zip(network.layers, state or [None] * len(network.layers), strict=True):
        if isinstance(layer, Sequential) and layer._is_chain:
            yield from states(layer, one)
        else:
            yield one


def in_cache(leaf: Layer, backward: bool = False, label: str = "") -> str:
    """Return the message for the first sequence over time in a layer's cache that is not finite."""
    label = label or leaf._label
    for inner in vars(leaf).values():  # its inner layers come before its own results
        if isinstance(inner, Layer) and (found := in_cache(inner, backward, f"{inner._label} in {label}")):
            return found
    kept: Mapping[str, Array] = leaf.cache
    names = [n for n in kept if n != "x" and np.ndim(kept[n]) == 3 and n.startswith("d") == backward]
    if backward:
        names.reverse()  # from the state to the gates, the last gate first
    names.sort(key=lambda name: name in ("h", "y", "ds"))  # forward the gates come before the state
    reverse = backward != getattr(leaf, "go_backwards", False)
    steps = {name: step for name in names if (step := first_step(kept[name], reverse)) is not None}
    if not steps:
        return ""
    name = (max if reverse else min)(steps, key=lambda name: steps[name])
    return f"{name} of {label} holds {first_value(kept[name][:, steps[name]])} at time step {steps[name]}"


def first_step(a: Array, reverse: bool) -> int | None:
    """Return the first time step of `a` (N, T, ...) that is not finite, in reading order, or None."""
    bad = np.flatnonzero(~np.isfinite(a).all(axis=(0, 2)))
    return int(bad[-1 if reverse else 0]) if bad.size else None


def first_value(a: Array) -> float:
    """Return the first value that is not finite."""
    return float(a[~np.isfinite(a)][0])


def in_array(what: str, a: Array, steps: bool = True) -> str:
    """Return the message for an array or a number, or an empty string if it is finite."""
    if np.isfinite(a).all():
        return ""
    if not steps or a.ndim != 3:
        return f"{what} {'holds' if a.ndim else 'is'} {first_value(a)}"
    step = first_step(a, reverse=False)
    return f"{what} holds {first_value(a[:, step])} at time step {step}"


def of_layer(leaf: Layer, what: str, arrays: Mapping[str, Array]) -> Iterator[str]:
    """Yield the same for each of a layer's arrays by name, which have no time steps."""
    return (in_array(f"{what} {name} of {leaf._label}", a, steps=False) for name, a in arrays.items())


def in_update(leaf: Layer) -> str:
    """Return the message for the parameters of a layer and its optimizer state, after an update."""
    slots = leaf._state.slots if leaf._state else {}
    parameters = of_layer(leaf, "after the update, parameter", leaf.params)
    remembered = of_layer(leaf, "after the update, the optimizer's", slots)
    return next(filter(None, chain(parameters, remembered)), "")
