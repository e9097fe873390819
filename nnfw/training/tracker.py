"""The metric tracker: the loss and the metrics over the batches of an epoch."""

from collections.abc import Sequence

import numpy as np

from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.losses import Loss
from nnfw.metrics import Metric, Running
from nnfw.training.batches import Batch

Sums = tuple[float, float, dict[str, Array | None]]


class MetricTracker:
    """Accumulates loss and metrics; the loss of a batch is weighted by its divisor.

    The divisor is the number of valid samples or time steps, or the sum of their weights; see
    `nnfw.losses.Loss`. Metrics are given the targets that the outputs predict according to the loss.
    """

    def __init__(self, metrics: Sequence[Metric], loss: Loss) -> None:
        self.loss, self.total = loss, 0.0
        self.weight: float = 0
        self.metrics = {metric.name: Running(metric) for metric in metrics}
        self.batch_weight: float = 0  # of the last batch measured
        self.statistics: list[Array] = []  # of that batch

    @property
    def sums(self) -> Sums:
        """The sum of the losses, that of their weights, and the statistics of each metric."""
        return self.total, self.weight, {name: running.total for name, running in self.metrics.items()}

    @sums.setter
    def sums(self, sums: Sums) -> None:
        self.total, self.weight, totals = sums
        for name, running in self.metrics.items():
            running.total = totals.get(name)  # none of a metric that has been added since

    def measure(self, batch: Batch, a: Array) -> None:
        """Compute the weight of a batch and the statistics of its outputs `a`, which `add` adds.

        Samples and steps of weight 0 are excluded from the metrics.
        """
        self.batch_weight = batch.valid
        if self.loss.divide_by == "weights" and batch.weight is not None:
            self.batch_weight *= float(batch.weight.mean(dtype=np.float64))
        self.statistics = []
        y, weight = batch.y, batch.weight
        if weight is not None and not weight.all():  # as in the padding of targets for each step
            y, a = y[weight > 0], a[weight > 0]
        if not batch.valid or not len(y):
            return  # no sequence of the batch has a step, or nothing in it a weight
        if self.metrics and a.ndim > 2 and not self.loss.of_sequences:
            y, a = steps_as_samples(y, None), steps_as_samples(a, None)
        predicted = self.loss.estimate(a)
        for running in self.metrics.values():
            of = a if running.metric.of_outputs else predicted
            self.statistics.append(running.metric.statistics(y, of))

    def add(self, loss: float) -> None:
        """Add the measured batch, with its mean loss."""
        self.total += loss * self.batch_weight
        self.weight += self.batch_weight
        for running, s in zip(self.metrics.values(), self.statistics, strict=False):  # none without a step
            running.merge(s)

    def result(self) -> dict[str, float]:
        """Return the mean loss and the metrics by name."""
        if not self.weight:
            raise ValueError("no sequence in these batches has a step with a target and a weight: no loss")
        results = {name: float(running.result()) for name, running in self.metrics.items()}
        return {"loss": self.total / self.weight} | results
