"""The training loop: epochs, batches, and the step."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnfw import kernels
from nnfw.optimizers import Optimizer
from nnfw.training.batches import Batch, Data
from nnfw.training.evaluation import evaluated
from nnfw.training.guard import Guard
from nnfw.training.iterables import Batches
from nnfw.training.run import Run
from nnfw.training.threads import suitable_threads
from nnfw.training.tracker import MetricTracker


def fit(run: Run, train: Data | Batches, validation: Data | Batches | None, epochs: int) -> None:
    """Train the network of the run for `epochs` more epochs."""
    guard = Guard(run.network)
    if run.resumed and isinstance(train, Batches):
        train.pass_over(run.epoch - run.state.start)
    with in_training(run, train), shown(run, train, epochs), remembered(run):
        announce(run, epochs, validation is not None)
        for _ in range(epochs):
            if run.stopped:
                break
            run_epoch(run, guard, train, validation)
        if run.stopped:
            again = "; fit(..., resume=True) continues" if run.interrupt.asked else ""
            run.note(f"stopped in epoch {run.epoch}: {run.stopped}{again}")
        run.call("on_fit_end")


def run_epoch(run: Run, guard: Guard, train: Data | Batches, validation: Data | Batches | None) -> None:
    """Train for one epoch, validate, and add it to the history; an unfinished epoch is not added."""
    run.epoch, run.logs = len(run.history.epoch) + 1, {}
    run.show(run.progress.start_epoch, run.epoch)
    run.call("on_epoch_start")
    network, state, sampler = run.network, run.state, run.state.sampler
    stream = network._streams["shuffle"]
    tracker = state.begin_epoch(stream, MetricTracker(network.metrics, network.loss))
    order, count = sampler.order(train, stream), train.count(sampler.batch_size) or state.batches
    for number, part in enumerate(train.parts(sampler.batch_size, order, state.batch), state.batch + 1):
        run_batch(run, guard, number, part, count)
        run.interrupt.rest()
        if run.stopped and state.batch != count:
            return
    run.logs = tracker.result()
    if validation is not None:
        tracker = MetricTracker(network.metrics, network.loss)
        purpose = f"epoch {run.epoch}, validation"
        for _ in evaluated(network, validation, sampler.batch_size, tracker, purpose):
            run.interrupt.rest()
            if run.interrupt.asked:
                return
        run.logs |= {f"val_{name}": value for name, value in tracker.result().items()}
    run.logs["learning_rate"] = run.optimizer.rate(run.epoch - 1)  # the rate of the first step of the epoch
    with run.interrupt.updating:
        run.history.append(run.logs)
        state.end_epoch(train.count(sampler.batch_size))
    run.show(run.progress.end_epoch, run.epoch, run.logs)
    run.call("on_epoch_end")
    run.interrupt.rest()


def run_batch(run: Run, guard: Guard, number: int, part: Data, count: int | None) -> None:
    """Take the step of one batch or, with truncation, the step of each of its windows.

    The final state of a window is the initial state of the next, and no gradient flows between them
    (truncated backpropagation through time, Williams & Peng 1990).
    """
    run.batch = number
    width = run.state.sampler.truncate
    windows = [(part.batch(), None)] if width is None else part.windows(width)
    steps = 1 if width is None else math.ceil(part.longest / width)
    for step, (batch, going_on) in enumerate(windows):
        done = (number - 1 + step / steps) / count if count else 0.0
        run.epoch_fraction, run.window_start = run.epoch - 1 + done, step * (width or 0)
        if going_on is not None:  # the samples of the window before that have steps in this one
            batch = batch._replace(state=select(run.network.final_state, going_on))
        attempt(run, guard, batch, finishes=step + 1 == steps)
        run.show(run.progress.step, run.batch_loss)
    run.call("on_batch_end")


def attempt(run: Run, guard: Guard, batch: Batch, finishes: bool) -> None:
    """Take a step; if it fails before its update is counted, restore the weights and the noise generator."""
    network, updates = run.network, run.updates
    noise = network._streams["noise"].bit_generator
    before = network._noise_before = noise.state
    try:
        train_step(run, guard, batch, finishes)
    except BaseException:
        if run.updates == updates:
            noise.state = before
            guard.restore()
        raise
    finally:
        network._noise_before = None


def train_step(run: Run, guard: Guard, batch: Batch, finishes: bool) -> None:
    """Take one step: forward, loss, backward, gradients, update. The last of a batch `finishes` it."""
    network, loss = run.network, run.network.loss
    a = network.forward(batch.x, training=True, lengths=batch.lengths, initial_state=batch.state)
    value, dy, of_logits = loss.with_gradient(batch.y, a, batch.weight)
    network.backward(dy, of_logits)
    network.gradients()
    run.batch_data, run.outputs, run.batch_loss = batch, a, value + network._penalty()
    on_gradients(run, guard)
    with run.interrupt.updating:  # an update is completed and counted, or neither
        network.update(run.optimizer, run.epoch_fraction)
        on_update(run, guard, finishes)


def on_gradients(run: Run, guard: Guard) -> None:
    """Check the loss, compute the metrics, call the callbacks, and then check the gradients."""
    guard.check_loss(run)
    run.state.tracker.measure(run.batch_data, run.outputs)  # type: ignore[union-attr]
    run.call("on_gradients")
    guard.check_gradients(run)


def on_update(run: Run, guard: Guard, finishes: bool) -> None:
    """Check the update, and count it."""
    guard.check_update(run)
    run.state.tracker.add(run.batch_loss)  # type: ignore[union-attr]
    run.updates += 1
    run.state.batch += finishes


# ---- around the epochs ----------------------------------------------------------------------------------


@contextmanager
def in_training(run: Run, train: Data | Batches) -> Iterator[None]:
    """Listen to Ctrl-C, and disable what a fit does not need.

    These are NumPy's floating-point warnings, since the guard reports non-finite values, the dx of the first
    layer, and threads in small products.
    """
    first = run.network._first
    first._needs_dx = False
    threads = suitable_threads(run.network, train, run.state.sampler.batch_size)
    try:
        with run.interrupt.listen(), np.errstate(all="ignore"), threads:
            yield
    finally:
        first._needs_dx = True


@contextmanager
def shown(run: Run, train: Data | Batches, epochs: int) -> Iterator[None]:
    """Start the progress display, and end it, also after an error."""
    run.show(run.progress.start, epochs, run.epoch + 1, run.state.sampler.updates(train))
    try:
        yield
    finally:
        run.show(run.progress.close)


@contextmanager
def remembered(run: Run) -> Iterator[None]:
    """Start the callbacks, and keep the training state of the run in the network."""
    run.call("on_fit_start")
    if run.resumed:
        run.state.restore(run.callbacks)
        for callback in reversed(run.callbacks):  # each undoes what its on_fit_end did, the last first
            callback.on_resume(run)
    run.network._training_state = run.state
    run.state.follow(run.callbacks)
    try:
        yield
    finally:
        run.state.release()


def announce(run: Run, epochs: int, validated: bool) -> None:
    """Print useful information before the first epoch."""
    if kernels.are_new():
        run.note("the loops over time are being compiled; this takes some seconds, once, as they are cached")
    if validated:
        run.note(f"validation: {run.history.validation}")
    if not epochs and not run.stopped:
        done = len(run.history.epoch) - run.state.start
        said = f"nothing is left to do: the last fit completed its {done} epoch{'s' if done > 1 else ''}"
        run.note(f"{said}; omit resume to train further")
    elif is_zero(run.optimizer, run.epoch):
        said = f"the learning rate is 0 in epoch {run.epoch + 1}, so the weights do not change"
        run.note(f"{said}; to train on, assign network.optimizer")


def is_zero(optimizer: Optimizer, epoch: int) -> bool:
    """Whether the rate is 0 throughout an epoch, its end included: a warm-up may begin at 0."""
    return not any(optimizer.rate(epoch + share) for share in (0.0, 0.3, 0.7, 1.0))


def select(state: Any, samples: Any) -> Any:
    """Return the states of some samples; that of a network is a list with one entry per layer."""
    if isinstance(state, list):
        return [select(one, samples) for one in state]
    return None if state is None else state[samples]
