"""Use of a network without training: its outputs, its loss and its metrics, batch by batch."""

from collections.abc import Iterator

import numpy as np

from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.data import batches
from nnfw.metrics import Running
from nnfw.model import Model
from nnfw.training.batches import Batch, Data, Place
from nnfw.training.guard import check_answer, check_measured
from nnfw.training.sources import Batches


class Means:
    """The loss and the metrics over the batches of an epoch, each batch weighing what it should."""

    def __init__(self, network: Model) -> None:
        self.total, self.valid = 0.0, 0
        self.metrics = {metric.name: Running(metric) for metric in network.metrics}

    @property
    def sums(self) -> tuple[float, int, dict[str, Array | None]]:
        """All that has been taken in: the loss, what it is the mean over, and each metric's statistics."""
        return self.total, self.valid, {name: running.total for name, running in self.metrics.items()}

    @sums.setter
    def sums(self, known: tuple[float, int, dict[str, Array | None]]) -> None:
        self.total, self.valid, totals = known
        for name, running in self.metrics.items():
            running.total = totals[name]

    def statistics(self, batch: Batch, a: Array) -> list[Array]:
        """Return the statistics of one batch, for each metric: what may fail, and changes nothing."""
        if not self.metrics:
            return []
        y = batch.y
        if a.ndim > 2:
            y, a = steps_as_samples(y, batch.lengths), steps_as_samples(a, batch.lengths)
        return [running.metric.statistics(y, a) for running in self.metrics.values()]

    def add(self, batch: Batch, loss: float, statistics: list[Array]) -> None:
        """Take one batch in."""
        self.total += loss * batch.valid
        self.valid += batch.valid
        for running, s in zip(self.metrics.values(), statistics, strict=True):
            running.merge(s)

    def result(self) -> dict[str, float]:
        """Return the numbers by name."""
        results = {name: running.result() for name, running in self.metrics.items()}
        return {"loss": self.total / self.valid} | results


def evaluate(network: Model, data: Data | Batches, batch_size: int) -> dict[str, float]:
    """Return the mean loss and the metrics over all of `data`."""
    means = Means(network)
    for _ in measure(network, data, batch_size, means, "evaluate"):
        pass
    return means.result()


def measure(
    network: Model, data: Data | Batches, batch_size: int, means: Means, asked: str
) -> Iterator[None]:
    """Take all of `data` into the means; the caller has a say after each batch. `asked` is what it is for."""
    penalty = network._penalty()
    for number, batch in enumerate(data.batches(batch_size), 1):
        where = f"{asked}, batch {number}"
        a = network.forward(batch.x, lengths=batch.lengths)
        check_answer(network, where, a, batch.x, batch.lengths, batch.place)
        loss = network.loss(batch.y, a, batch.weight) + penalty
        check_measured(network, where, loss, a, batch)
        means.add(batch, loss, means.statistics(batch, a))
        yield


def predict(network: Model, x: Array, lengths: Array | None, batch_size: int) -> Array:
    """Return the outputs (N, ...) for all of `x`, batch by batch."""
    outputs: Array | None = None
    for part in batches(len(x), batch_size):
        some = None if lengths is None else lengths[part]
        x_part = np.asarray(x[part], network._input_dtype)
        a = network.forward(x_part, lengths=some)
        if outputs is None:
            outputs = np.empty((len(x), *a.shape[1:]), a.dtype)
        outputs[part] = a
        check_answer(network, "predict", outputs[part], x_part, some, Place(part))
    assert outputs is not None  # the door lets no empty x in
    return outputs
