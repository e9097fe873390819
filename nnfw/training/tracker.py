"""The metric tracker: the loss and the metrics over the batches of an epoch."""

from collections.abc import Sequence

from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.losses import Loss
from nnfw.metrics import Metric, Running
from nnfw.training.batches import Batch

Sums = tuple[float, int, dict[str, Array | None]]


class MetricTracker:
    """Accumulates loss and metrics; each batch counts by its valid samples or time steps.

    Parameters
    ----------
    metrics : sequence of Metric
        What is measured beside the loss.
    loss : Loss
        Knows what its outputs predict.
    """

    def __init__(self, metrics: Sequence[Metric], loss: Loss) -> None:
        self.total, self.valid, self.loss = 0.0, 0, loss
        self.metrics = {metric.name: Running(metric) for metric in metrics}
        self.statistics: list[Array] = []  # of the batch that was measured last

    @property
    def sums(self) -> Sums:
        """The sum of the losses, the number of terms, and the statistics of each metric."""
        return self.total, self.valid, {name: running.total for name, running in self.metrics.items()}

    @sums.setter
    def sums(self, sums: Sums) -> None:
        self.total, self.valid, totals = sums
        for name, running in self.metrics.items():
            running.total = totals.get(name)  # none of a metric that has been added since

    def measure(self, batch: Batch, a: Array) -> None:
        """Compute the statistics of each metric for a batch and its outputs `a`; `add` adds them."""
        self.statistics = []
        if not batch.valid:
            return  # no sequence of the batch has a step
        if self.metrics and a.ndim > 2 and not self.loss.of_sequences:
            a, y = steps_as_samples(a, batch.lengths), steps_as_samples(batch.y, batch.lengths)
        else:
            y = batch.y
        predicted = a if self.loss.outputs_per_target == 1 else self.loss.estimate(a)
        for running in self.metrics.values():
            of = a if running.metric.of_outputs else predicted
            self.statistics.append(running.metric.statistics(y, of))

    def add(self, batch: Batch, loss: float) -> None:
        """Add a batch that was measured, with its mean loss."""
        if not batch.valid:
            return
        self.total += loss * batch.valid
        self.valid += batch.valid
        for running, s in zip(self.metrics.values(), self.statistics, strict=True):
            running.merge(s)

    def result(self) -> dict[str, float]:
        """Return the mean loss and the metrics by name."""
        if not self.valid:
            raise ValueError("no sequence of these batches has a step, and each step has a target: no loss")
        results = {name: running.result() for name, running in self.metrics.items()}
        return {"loss": self.total / self.valid} | results
