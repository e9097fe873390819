"""The training loop: epochs, batches, and the step, which is three passes and an update."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from nnfw.core.typing import Array
from nnfw.model import Model
from nnfw.optimizers import Optimizer
from nnfw.training.batches import Batch, Data
from nnfw.training.callbacks import Callback
from nnfw.training.evaluation import Means, measure
from nnfw.training.guard import Guard
from nnfw.training.interrupt import INTERRUPTED, Attempt, Undisturbed, stop_on_interrupt
from nnfw.training.progress import Progress
from nnfw.training.sources import Batches
from nnfw.training.state import Standing, over_layers


class Run:
    """One call of `fit` while it lasts: what callbacks are given.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
        The network's, which can be assigned anew meanwhile.
    history : History
        With all finished epochs.
    epoch : int
        The number of the current epoch, from 1, counted over all calls of `fit`.
    batch : int
        The number of the current batch of the epoch, from 1.
    batch_loss : float
        The loss of the last update: of the batch, or of the last window of it that was taken.
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
        network: Model,
        callbacks: Sequence[Callback],
        progress: Progress,
        standing: Standing,
    ) -> None:
        self.network = network
        self.callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self.progress, self.history = progress, network.history
        self.standing, self.resumed = standing, standing is network._training_state
        self.epoch, self.batch, self.batch_loss = len(self.history.epoch), 0, math.nan
        self.logs: dict[str, float] = {}
        self.stopped = standing.stopped
        self.undisturbed, self.attempt = Undisturbed(), Attempt(self)
        self.guard = Guard(self)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the network."""
        assert self.network.optimizer is not None  # `fit` has seen to it
        return self.network.optimizer

    def stop(self, reason: str) -> None:
        """End the run after the current update, or after the epoch if called at its end."""
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
        self.network._training_state = self.standing
        self.standing.ask(self.callbacks)
        try:
            yield
        finally:
            self.standing.dismiss()


def fit(run: Run, train: Data | Batches, held: Data | Batches | None, epochs: int) -> None:
    """Train the run's network for `epochs` more epochs; the arguments have passed the door."""
    with stop_on_interrupt(run), no_input_gradient(run.network):
        run.progress.start(epochs, run.epoch + 1, run.standing.plan.updates(train))
        with closing(run.progress), run.kept():
            if held is not None:
                run.note(f"validation: {run.history.validation}")
            if not epochs and not run.stopped:
                run.note(nothing_left(run))
            elif rests(run.optimizer, run.epoch):
                run.note(
                    f"the learning rate is 0 in epoch {run.epoch + 1}, and nothing is learnt; to train on, "
                    f"assign network.optimizer anew"
                )
            for _ in range(epochs):
                if run.stopped:
                    break
                run_epoch(run, train, held)
            if run.stopped:
                run.note(f"stopped in epoch {run.epoch}: {run.stopped}")
            run.tell("on_fit_end")


def nothing_left(run: Run) -> str:
    """Return the note for a fit that resumes one that has had its epochs."""
    had = len(run.history.epoch) - run.standing.start
    return (
        f"nothing is left to do: the last fit has had its {had} epoch{'s' if had > 1 else ''}; leave resume "
        f"out to train on"
    )


def rests(optimizer: Optimizer, epoch: int) -> bool:
    """Whether the rate is 0 throughout an epoch, its end included: a warm-up may begin at 0."""
    return not any(optimizer.rate(epoch + share) for share in (0.0, 0.3, 0.7, 1.0))


def run_epoch(run: Run, train: Data | Batches, held: Data | Batches | None) -> None:
    """Train for one epoch, validate, and add it to the history; an unfinished epoch is not added."""
    run.epoch, run.logs = len(run.history.epoch) + 1, {}
    run.progress.start_epoch(run.epoch)
    run.tell("on_epoch_start")
    stream, standing, plan = run.network._streams["shuffle"], run.standing, run.standing.plan
    means = standing.begin_epoch(stream, Means(run.network))
    order, count = plan.order(train, stream), train.count(plan.batch_size)
    count = standing.batches if count is None else count
    for number, part in enumerate(train.parts(plan.batch_size, order, standing.batch), standing.batch):
        run.batch = number + 1
        train_batch(run, part, means, count)
        if run.stopped and standing.batch != count:
            return
    run.logs = means.result()
    if held is not None:
        means = Means(run.network)
        for _ in measure(run.network, held, plan.batch_size, means, f"epoch {run.epoch}, validation"):
            if run.stopped == INTERRUPTED:
                return
        run.logs |= {f"val_{name}": value for name, value in means.result().items()}
    run.logs["learning_rate"] = run.optimizer.rate(run.epoch - 1)  # that of the epoch's first step
    with run.undisturbed:
        run.history.append(run.logs)
        standing.end_epoch(train.count(plan.batch_size))
    run.progress.end_epoch(run.epoch, run.logs)
    run.tell("on_epoch_end")


def train_batch(run: Run, part: Data, means: Means, count: int | None) -> None:
    """Take the step of one batch, of which the epoch has so many, if their number is known.

    Truncated, it is one step for each window of time steps; the state that one window ends with begins the
    next, and no gradient passes between them (Williams & Peng 1990).

    """
    standing = run.standing
    width = standing.plan.truncate
    if width is None:
        train_step(run, part.batch(), means, moment(run, count))
        return
    windows = math.ceil(part.longest / width)
    if standing.window >= windows:
        raise ValueError(
            f"fit: resume=True goes on after window {standing.window} of batch {run.batch}, which has "
            f"{windows} windows; give the data of the fit that was interrupted"
        )
    for number, (batch, going_on) in enumerate(part.windows(width, standing.window), standing.window):
        state = None if going_on is None else carried(standing.state, going_on)
        epoch = moment(run, count, number / windows)
        train_step(run, batch._replace(state=state), means, epoch, last=number + 1 == windows)
        if run.stopped:
            return


def moment(run: Run, count: int | None, share: float = 0.0) -> float:
    """Return the epoch, for the schedules: fractional, if the number of its batches is known.

    It is that at the start of the current batch, or when a `share` of it is done.
    """
    return run.epoch - 1 + ((run.batch - 1 + share) / count if count else 0.0)


def carried(state: Any, samples: Array) -> Any:
    """Return the states of some samples."""
    return over_layers(state, lambda one: one[samples])


def train_step(run: Run, batch: Batch, means: Means, epoch: float, last: bool = True) -> None:
    """Take one step: the verbs in their three passes, then the update.

    ``run.guard.step`` is ``network.update(optimizer, epoch)``, if all gradients, and what they lead to, are
    finite. The `last` step of a batch is the one that finishes it.
    """
    network, loss = run.network, run.network.loss
    with run.attempt:
        a = network.forward(batch.x, training=True, lengths=batch.lengths, initial_state=batch.state)
        value = loss(batch.y, a, batch.weight) + network._penalty()
        run.guard.check_loss(batch, value)
        network.backward(loss.gradient(batch.y, a, batch.weight))
        network.gradients()
        statistics = means.statistics(batch, a)
        with run.undisturbed:
            run.guard.step(batch, epoch)
            run.standing.advance(None if last else network.final_state)
            means.add(batch, value, statistics)
    run.batch_loss = value
    run.progress.step(value)
    run.tell("on_batch_end")


@contextmanager
def no_input_gradient(network: Model) -> Iterator[None]:
    """Spare the first layer its dx: nothing stands before it that could learn from it."""
    first = next(network._leaves())
    first._needs_dx = False
    try:
        yield
    finally:
        first._needs_dx = True
