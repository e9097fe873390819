"""The training loop: epochs, batches, evaluation, prediction."""

import math
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.callbacks import Callback
from nnfw.data import batches
from nnfw.doors import Batch, Data
from nnfw.errors import NonFiniteError
from nnfw.joint import Array
from nnfw.metric import Running
from nnfw.optimizer import Optimizer
from nnfw.progress import Progress

if TYPE_CHECKING:
    from nnfw.network import Network


class Run:
    """One call of `fit` while it lasts: what callbacks are given.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
        The network's.
    history : History
        With all finished epochs.
    epoch : int
        The number of the current epoch, from 1, counted over all calls of `fit`.
    batch : int
        The number of the last batch of the epoch, from 1.
    batch_loss : float
        Its loss.
    logs : dict of str to float
        The epoch's numbers, filled at its end.
    stopped : str
        Why the run ends early, or an empty string.
    """

    def __init__(
        self, network: "Network", optimizer: Optimizer, callbacks: Sequence[Callback], progress: Progress
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.callbacks, self.progress, self.history = callbacks, progress, network.history
        self.epoch, self.batch, self.batch_loss = len(self.history.epoch), 0, math.nan
        self.logs: dict[str, float] = {}
        self.stopped = ""

    def stop(self, reason: str) -> None:
        """End the run after the current batch, or after the epoch if called at its end."""
        self.stopped = reason

    def note(self, text: str) -> None:
        """Say something about the run, in the way that it shows its progress."""
        self.progress.note(text)

    def tell(self, moment: str) -> None:
        """Call one method of every callback."""
        for callback in self.callbacks:
            getattr(callback, moment)(self)


def fit(run: Run, train: Data, held: Data | None, *, epochs: int, batch_size: int, shuffle: bool) -> None:
    """Train the run's network for `epochs` more epochs; the arguments have passed the door."""
    run.progress.start(epochs, run.epoch + 1, math.ceil(len(train) / batch_size))
    try:
        if held is not None:
            run.note(f"validation: {run.history.validation}")
        with stop_on_interrupt(run), no_input_gradient(run.network):
            run.tell("on_fit_start")
            for _ in range(epochs):
                run_epoch(run, train, held, batch_size, shuffle)
                if run.stopped:
                    run.note(f"stopped in epoch {run.epoch}: {run.stopped}")
                    break
            run.tell("on_fit_end")
    finally:
        run.progress.close()


def run_epoch(run: Run, train: Data, held: Data | None, batch_size: int, shuffle: bool) -> None:
    """Train for one epoch, validate, and add it to the history; an unfinished epoch is not added."""
    run.epoch, run.logs = len(run.history.epoch) + 1, {}
    run.progress.start_epoch(run.epoch)
    run.tell("on_epoch_start")
    means = Means(run.network)
    order = run.network.streams["shuffle"].permutation(len(train)) if shuffle else None
    batches = math.ceil(len(train) / batch_size)
    for number, batch in enumerate(train.batches(batch_size, order)):
        epoch = run.epoch - 1 + number / batches
        run.batch_loss = train_step(run, batch, means, epoch)
        run.batch = number + 1
        run.progress.step(run.batch_loss)
        run.tell("on_batch_end")
        if run.stopped and run.batch < batches:
            return
    run.logs = means.result()
    if held is not None:
        run.logs |= {f"val_{name}": value for name, value in evaluate(run.network, held, batch_size).items()}
    run.logs["learning_rate"] = run.optimizer.rate(run.epoch - 1)  # that of the epoch's first step
    run.history.append(run.logs)
    run.progress.end_epoch(run.epoch, run.logs)
    run.tell("on_epoch_end")


def train_step(run: Run, batch: Batch, means: "Means", epoch: float) -> float:
    """Take one step: the verbs in their three passes, then the update. Return the batch's loss."""
    network, loss = run.network, run.network.loss
    a = network.forward(batch.x, training=True, lengths=batch.lengths)
    value = loss(batch.y, a, batch.weight)
    if not math.isfinite(value):
        raise NonFiniteError(
            f"the loss is {value} at epoch {epoch:.3f}; the weights are those of the step before. "
            f"Likely causes: a learning rate that is too high, inputs that are not scaled, "
            f"an exploding gradient (cured by the optimizer's clip_global_norm=1.0)"
        )
    network.backward(loss.gradient(batch.y, a, batch.weight))
    network.gradients()
    network.update(run.optimizer, epoch)
    means.add(batch, a, value)
    return value


def evaluate(network: "Network", data: Data, batch_size: int) -> dict[str, float]:
    """Return the mean loss and the metrics over all of `data`."""
    means = Means(network)
    for batch in data.batches(batch_size):
        a = network.forward(batch.x, lengths=batch.lengths)
        means.add(batch, a, network.loss(batch.y, a, batch.weight))
    return means.result()


def predict(network: "Network", x: Array, lengths: Array | None, batch_size: int) -> Array:
    """Return the outputs (N, ...) for all of `x`, batch by batch."""
    outputs: Array | None = None
    for part in batches(len(x), batch_size):
        some = None if lengths is None else lengths[part]
        a = network.forward(np.asarray(x[part], network.dtype), lengths=some)
        if outputs is None:
            outputs = np.empty((len(x), *a.shape[1:]), a.dtype)
        outputs[part] = a
    assert outputs is not None  # the door lets no empty x in
    return outputs


class Means:
    """The loss and the metrics over the batches of an epoch, each batch weighing what it should."""

    def __init__(self, network: "Network") -> None:
        self.total, self.valid = 0.0, 0
        self.metrics = {metric.name: Running(metric) for metric in network.metrics}

    def add(self, batch: Batch, a: Array, loss: float) -> None:
        """Take one batch in."""
        self.total += loss * batch.valid
        self.valid += batch.valid
        if not self.metrics:
            return
        y = batch.y
        if batch.lengths is not None and a.ndim == 3:
            valid = np.arange(a.shape[1]) < batch.lengths[:, None]
            y, a = y[valid], a[valid]
        for running in self.metrics.values():
            running.add(y, a)

    def result(self) -> dict[str, float]:
        """Return the numbers by name."""
        results = {name: running.result() for name, running in self.metrics.items()}
        return {"loss": self.total / self.valid} | results


@contextmanager
def no_input_gradient(network: "Network") -> Iterator[None]:
    """Spare the first layer its dx: nothing stands before it that could learn from it."""
    first = next(network.leaves())
    first.needs_dx = False
    try:
        yield
    finally:
        first.needs_dx = True


@contextmanager
def stop_on_interrupt(run: Run) -> Iterator[None]:
    """Let Ctrl-C end the run after the current batch; a second one interrupts at once, as usual.

    Signals reach the main thread only: elsewhere, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> Any:
        signal.signal(signal.SIGINT, before)
        run.stop("interrupted")

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
