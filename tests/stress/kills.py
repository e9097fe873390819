"""Processes that are killed while they save or train, and fits that are interrupted: nothing must be lost.

``python tests/stress/kills.py`` stops 1,000 processes with SIGKILL while they save over a
file, 40 while they train with checkpoints, and 200 fits with Ctrl-C, each at a random instant; the tests do a
few of each (`test_interrupt.py`). Needs a system that can fork.
"""

import paths  # isort: skip  # noqa: F401 (first, so that the others are found)

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import conftest  # noqa: F401 (one BLAS thread, whose bits are always the same)
import numpy as np
from overnight import X, new_network, standing_of, step_of, train, weights_and_slots
from saved import state_of
from tqdm.auto import tqdm
from untrained import untrained

from nnfw import Checkpoint, Dense, LambdaCallback, Network

SECONDS_TO_STOP = 1.0


def is_killed(work, seconds):
    """Do `work` in a process that is killed after a while; return whether it had not ended before."""
    ready, is_ready = os.pipe()
    child = os.fork()
    if not child:
        os.write(is_ready, b"x")
        try:
            work()
        finally:
            os._exit(bool(sys.exception()))
    os.read(ready, 1)
    os.close(ready)
    os.close(is_ready)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if status not in (0, signal.SIGKILL):
        raise RuntimeError(f"the process ended by itself with status {status}")
    return status == signal.SIGKILL


def kill_saves(count, folder):
    """Kill processes that save; return how many kills broke the file, and how many cut a save short."""
    path, broken, cut = folder / "network", 0, 0
    network = Network([Dense(300), Dense(3)], seed=0)
    untrained(network, 200)
    network.save(path)

    def save_on_and_on():
        while True:
            network.params["dense_1.b"][...] += 1
            network.save(path)

    for _ in range(count):
        assert is_killed(save_on_and_on, random.uniform(0, 0.03))
        before = network.params["dense_1.b"]
        try:
            network = Network.load(path)
        except ValueError:
            broken += 1
        after = network.params["dense_1.b"]
        broken += bool(np.ptp(after) or after[0] < before[0])
        for left in folder.glob(".nnfw-*"):
            left.unlink()
            cut += 1
    return broken, cut


def kill_fits(count, folder):
    """Kill processes that train, start each again until it ends; return kills, trainings, and wrong ends."""
    start = time.perf_counter()
    whole = train(new_network())
    duration = time.perf_counter() - start
    kills = trainings = wrong = 0
    while kills < count:
        path = folder / f"{trainings}"
        checkpoint = {} if trainings % 2 else {"seconds": 1e-9}  # after each batch, or each epoch

        def work(path=path, checkpoint=checkpoint):
            network = Network.load(path) if path.exists() else new_network()
            train(network, Checkpoint(path, **checkpoint))

        while is_killed(work, random.uniform(0, 5 * duration)):
            kills += 1
        ended = Network.load(path)
        trainings += 1
        wrong += state_of(ended) != state_of(whole) or standing_of(ended) != standing_of(whole)
    return kills, trainings, wrong


def recorded_steps():
    """Return what each step of an undisturbed training leaves, the trained network, and how long it took."""
    steps = []
    note = LambdaCallback(
        on_fit_start=lambda run: steps.append(weights_and_slots(run.network)),
        on_batch_end=lambda run: steps.append(weights_and_slots(run.network)),
    )
    start = time.perf_counter()
    return steps, train(new_network(), note, restore_best=False), time.perf_counter() - start


def interrupt(network, delays):
    """Train, send as many SIGINTs with these delays between, and return the seconds until the fit ended."""
    sent = []

    def send():
        for delay in delays:
            time.sleep(delay)
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            thread.start()
            train(network, restore_best=False, verbose=1)
            ended = time.perf_counter()
            thread.join()
            time.sleep(0.01)
        except KeyboardInterrupt:
            ended = time.perf_counter()
    with contextlib.suppress(KeyboardInterrupt):
        thread.join()
        time.sleep(0.01)
    return ended - sent[0]


def interrupt_fits(count, folder):
    """Interrupt fits, every second one twice, and return how many of those that were running took harm."""
    steps, whole, duration = recorded_steps()
    within = harmed = 0
    while within < count:
        network = new_network()
        delays = [random.uniform(0, duration), random.uniform(0, 0.001)][: 1 + within % 2]
        seconds = interrupt(network, delays)
        within += seconds > 0
        sound = seconds < SECONDS_TO_STOP and not tqdm._instances
        if not network._built:  # it was interrupted before that
            untrained(network, *X.shape[1:])
        sound &= weights_and_slots(network) == steps[step_of(network)]
        network.save(folder / "network")
        loaded = train(Network.load(folder / "network"), restore_best=False)
        sound &= state_of(loaded) == state_of(train(network, restore_best=False)) == state_of(whole)
        harmed += not sound
    return harmed


def main():
    """Run what is asked for, and return how often something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=1000, help="kills of processes that save")
    parser.add_argument("--fits", type=int, default=40, help="kills of processes that train")
    parser.add_argument("--interrupts", type=int, default=200, help="fits that get Ctrl-C")
    parser.add_argument("--seed", type=int, default=None, help="of the instants")
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        broken, cut = kill_saves(options.saves, Path(folder))
        print(
            f"{options.saves} kills while saving: {broken} files broken ({cut} saves were cut short)",
            flush=True,
        )
        kills, trainings, wrong = kill_fits(options.fits, Path(folder))
        print(
            f"{kills} kills while training: {wrong} of {trainings} trainings ended with other bits",
            flush=True,
        )
        harmed = interrupt_fits(options.interrupts, Path(folder))
        print(f"{options.interrupts} interrupts of a running fit: {harmed} did harm")
    return broken + wrong + harmed


if __name__ == "__main__":
    sys.exit(main())
