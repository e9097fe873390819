"""The training loop: epochs, batches, evaluation, prediction."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.callbacks import Callback
from nnfw.data import batches
from nnfw.doors import Batch, Batches, Data
from nnfw.interruption import INTERRUPTED, Attempt, Undisturbed, stop_on_interrupt
from nnfw.joint import Array
from nnfw.layers.lengths import valid_steps
from nnfw.metric import Running
from nnfw.nonfinite import Guard
from nnfw.optimizer import Optimizer
from nnfw.progress import Progress
from nnfw.resuming import Standing

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
        The number of the current batch of the epoch, from 1.
    batch_loss : float
        The loss of the last one.
    logs : dict of str to float
        The epoch's numbers, filled at its end.
    stopped : str
        Why the run ends early, or an empty string.
    resumed : bool
        Whether it goes on with an earlier fit.
    standing : Standing
        How far it has come.
    """

    def __init__(
        self,
        network: "Network",
        optimizer: Optimizer,
        callbacks: Sequence[Callback],
        progress: Progress,
        standing: Standing,
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self.progress, self.history = progress, network.history
        self.standing, self.resumed = standing, standing is network.standing
        self.epoch, self.batch, self.batch_loss = len(self.history.epoch), 0, math.nan
        self.logs: dict[str, float] = {}
        self.stopped = standing.stopped
        self.undisturbed, self.attempt = Undisturbed(), Attempt(self)
        self.guard = Guard(self)

    def stop(self, reason: str) -> None:
        """End the run after the current batch, or after the epoch if called at its end."""
        self.stopped = self.standing.stopped = reason

    def note(self, text: str) -> None:
        """Say something about the run, in the way that it shows its progress."""
        self.progress.note(text)

    def tell(self, moment: str) -> None:
        """Call one method of every callback."""
        for callback in self.callbacks:
            getattr(callback, moment)(self)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Tell the callbacks of the start, and have the network keep how far the run comes."""
        self.tell("on_fit_start")
        if self.resumed:
            self.standing.remind(self.callbacks)
            self.tell("on_resume")
        self.network.standing = self.standing
        self.standing.ask(self.callbacks)
        try:
            yield
        finally:
            self.standing.dismiss()


def fit(run: Run, train: Data | Batches, held: Data | Batches | None, epochs: int) -> None:
    """Train the run's network for `epochs` more epochs; the arguments have passed the door."""
    with stop_on_interrupt(run), no_input_gradient(run.network):
        run.progress.start(epochs, run.epoch + 1, train.count(run.standing.plan.batch_size))
        with closing(run.progress), run.kept():
            if held is not None:
                run.note(f"validation: {run.history.validation}")
            for _ in range(epochs):
                if run.stopped:
                    break
                run_epoch(run, train, held)
            if run.stopped:
                run.note(f"stopped in epoch {run.epoch}: {run.stopped}")
            run.tell("on_fit_end")


def run_epoch(run: Run, train: Data | Batches, held: Data | Batches | None) -> None:
    """Train for one epoch, validate, and add it to the history; an unfinished epoch is not added."""
    run.epoch, run.logs = len(run.history.epoch) + 1, {}
    run.progress.start_epoch(run.epoch)
    run.tell("on_epoch_start")
    stream, standing, plan = run.network.streams["shuffle"], run.standing, run.standing.plan
    means = standing.begin_epoch(stream, Means(run.network))
    order, count = plan.order(train, stream), train.count(plan.batch_size)
    for number, part in enumerate(train.parts(plan.batch_size, order, standing.batch), standing.batch):
        run.batch = number + 1
        with run.attempt:
            run.batch_loss = train_batch(run, part, means, 1 / count if count else 0.0)
        run.progress.step(run.batch_loss)
        run.tell("on_batch_end")
        if run.stopped and run.batch != count:
            return
    run.logs = means.result()
    if held is not None:
        means = Means(run.network)
        for _ in measure(run.network, held, plan.batch_size, means):
            if run.stopped == INTERRUPTED:
                return
        run.logs |= {f"val_{name}": value for name, value in means.result().items()}
    run.logs["learning_rate"] = run.optimizer.rate(run.epoch - 1)  # that of the epoch's first step
    with run.undisturbed:
        run.history.append(run.logs)
        standing.end_epoch()
    run.progress.end_epoch(run.epoch, run.logs)
    run.tell("on_epoch_end")


def train_batch(run: Run, part: Data, means: "Means", share: float) -> float:
    """Take the step of one batch, which is a `share` of the epoch. Return its loss.

    Truncated, it is one step for each window of time steps; the state that one window ends with begins the
    next, and no gradient passes between them (Williams & Peng 1990).
    """
    epoch, width = run.epoch - 1 + (run.batch - 1) * share, run.standing.plan.truncate
    if width is None:
        return train_step(run, part.batch(), means, epoch)
    count, loss = math.ceil(part.longest / width), math.nan
    for number, (batch, going_on) in enumerate(part.windows(width)):
        state = None if going_on is None else carried(run.network.final_state, going_on)
        last = number + 1 == count
        loss = train_step(run, batch, means, epoch + share * number / count, state, last)
    return loss


def carried(state: Any, samples: Array) -> Any:
    """Return the states of some samples; those of a network are a list, one for each layer."""
    if isinstance(state, list):
        return [carried(part, samples) for part in state]
    return None if state is None else state[samples]


def train_step(
    run: Run, batch: Batch, means: "Means", epoch: float, state: Any = None, last: bool = True
) -> float:
    """Take one step: the verbs in their three passes, then the update. Return the loss.

    `state` is what the layers begin with; the `last` step of a batch is the one that finishes it.
    """
    network, loss = run.network, run.network.loss
    a = network.forward(batch.x, training=True, lengths=batch.lengths, initial_state=state)
    value = loss(batch.y, a, batch.weight) + network.penalty()
    run.guard.check_loss(batch, value)
    network.backward(loss.gradient(batch.y, a, batch.weight))
    network.gradients()
    with run.undisturbed:
        run.guard.step(batch, epoch)
        if last:
            run.standing.batch = run.batch
        means.add(batch, a, value)
    return value


def evaluate(network: "Network", data: Data | Batches, batch_size: int) -> dict[str, float]:
    """Return the mean loss and the metrics over all of `data`."""
    means = Means(network)
    for _ in measure(network, data, batch_size, means):
        pass
    return means.result()


def measure(network: "Network", data: Data | Batches, batch_size: int, means: "Means") -> Iterator[None]:
    """Take all of `data` into the means; the caller has a say after each batch."""
    penalty = network.penalty()
    for batch in data.batches(batch_size):
        a = network.forward(batch.x, lengths=batch.lengths)
        means.add(batch, a, network.loss(batch.y, a, batch.weight) + penalty)
        yield


def predict(network: "Network", x: Array, lengths: Array | None, batch_size: int) -> Array:
    """Return the outputs (N, ...) for all of `x`, batch by batch."""
    outputs: Array | None = None
    for part in batches(len(x), batch_size):
        some = None if lengths is None else lengths[part]
        a = network.forward(np.asarray(x[part], network.input_dtype), lengths=some)
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

    @property
    def sums(self) -> tuple[float, int, dict[str, Array | None]]:
        """All that has been taken in: the loss, what it is the mean over, and each metric's statistics."""
        return self.total, self.valid, {name: running.total for name, running in self.metrics.items()}

    @sums.setter
    def sums(self, known: tuple[float, int, dict[str, Array | None]]) -> None:
        self.total, self.valid, totals = known
        for name, running in self.metrics.items():
            running.total = totals[name]

    def add(self, batch: Batch, a: Array, loss: float) -> None:
        """Take one batch in."""
        self.total += loss * batch.valid
        self.valid += batch.valid
        if not self.metrics:
            return
        y = batch.y
        if batch.lengths is not None and a.ndim == 3:
            valid = valid_steps(batch.lengths, a.shape[1])
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
