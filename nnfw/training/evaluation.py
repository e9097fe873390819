"""Inference: the outputs, loss and metrics of a network, batch by batch."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import cleared
from nnfw.core.typing import Array
from nnfw.model import Model
from nnfw.training.adapters import as_inputs
from nnfw.training.batches import Data
from nnfw.training.compatibility import check_steps, least_steps, output_shape
from nnfw.training.guard import check_outputs
from nnfw.training.iterables import Batches
from nnfw.training.threads import suitable_threads
from nnfw.training.tracker import MetricTracker


def evaluate(network: Model, data: Data | Batches, batch_size: int) -> dict[str, float]:
    """Return the mean loss and the metrics over all of `data`."""
    tracker = MetricTracker(network.metrics, network.loss)
    with suitable_threads(network, data, batch_size):
        for _ in evaluated(network, data, batch_size, tracker, "evaluate"):
            pass
    return tracker.result()


def evaluated(
    network: Model, data: Data | Batches, batch_size: int, tracker: MetricTracker, purpose: str
) -> Iterator[None]:
    """Add all of `data` to the tracker, yielding after each batch; errors begin with the `purpose`."""
    penalty = network._penalty()
    for number, batch in enumerate((part.batch() for part in data.parts(batch_size)), 1):
        with np.errstate(all="ignore"):  # non-finite values are reported instead
            a = network.forward(batch.x, lengths=batch.lengths)
            loss = network.loss(batch.y, a, batch.weight) + penalty
        check_outputs(network, f"{purpose}, batch {number}", batch, a, loss)
        tracker.measure(batch, a)
        tracker.add(loss)
        yield
    if data.group:
        data.group.merge(tracker)


def predict(
    network: Model,
    verb: str,
    x: Any,
    lengths: Any,
    batch_size: int,
    decide: Callable[[Array], Array],
    check: Callable[[Model], None] = lambda network: None,
) -> Array:
    """Return the decisions from the outputs (N, ...), batch by batch, for inputs that fit the network.

    The network passes the `check` first. Beyond the end of a sequence, the decision is 0.
    """
    x, lengths = as_inputs(network._first, x, lengths, network._input_dtype)
    with network._unchanged_if_refused():
        *axes, _ = output_shape(network, x, lengths)
        network._ready(verb)
        check(network)
    least = None if lengths is None else least_steps(network, x.shape[1])
    data = Data(x, np.empty((len(x), 0)), lengths, None, network._input_dtype, steps=False, least=least)
    by_step = False
    if lengths is not None:
        with suppress(ShapeError):  # else the outputs have no time steps, or not those of x
            check_steps(network, x.shape[1])
            by_step = True
    results = np.empty(0)
    with np.errstate(all="ignore"), suitable_threads(network, data, batch_size):
        for number, batch in enumerate((part.batch() for part in data.parts(batch_size)), 1):
            rows = slice((number - 1) * batch_size, number * batch_size)
            a = network.forward(batch.x, lengths=batch.lengths)
            check_outputs(network, f"predict, batch {number}", batch, a)
            decided = cleared(decide(a), batch.lengths if by_step else None)
            if not results.size:
                whole = [] if lengths is None else axes  # a batch may have fewer steps
                results = np.zeros((len(x), *whole, *decided.shape[1 + len(whole) :]), decided.dtype)
            results[(rows, *map(slice, decided.shape[1:]))] = decided
    return results
