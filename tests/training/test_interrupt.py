"""However a fit is interrupted, the network is whole, can be used, and resumes exactly."""

import copy
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import kills
import numpy as np
import pytest
from kills import recorded_steps
from overnight import BATCH_SIZE, EPOCHS, LENGTHS, X, Y, new_network, step_of, train, weights_and_slots
from saved import state_of
from tqdm.auto import tqdm
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    Bidirectional,
    Checkpoint,
    Dense,
    Dropout,
    Initializer,
    LambdaCallback,
    Nadam,
    Network,
    metrics,
)
from nnfw.training import batches, loop

pytestmark = pytest.mark.slow

STEPS, WHOLE, _ = recorded_steps()
MOMENTS = ["on_fit_start", "on_epoch_start", "on_batch_end", "on_epoch_end", "on_fit_end"]


class Trouble(Exception):
    """What goes wrong in these tests."""


def break_off(network, error, *callbacks):
    """Train until the error, and check that the network is whole and goes on to where it would have come."""
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(error):
        train(network, *callbacks, restore_best=False, verbose=1)
    assert signal.getsignal(signal.SIGINT) is handler
    check_whole(network)


def check_whole(network):
    assert not tqdm._instances  # no bar is left open
    assert np.isfinite(network.predict(X)).all()
    assert weights_and_slots(network) == STEPS[step_of(network)]
    assert state_of(train(network, restore_best=False)) == state_of(WHOLE)


def raising(error, at):
    """A function that raises the error when it is called for the time number `at`, from 1."""
    calls = iter(range(1, 10**6))

    def function(*_):
        if next(calls) == at:
            raise error

    return function


def raising_signal(at):
    """A function that sends what Ctrl-C sends when it is called for the time number `at`, from 1."""
    calls = iter(range(1, 10**6))
    return lambda: next(calls) == at and signal.raise_signal(signal.SIGINT)


class InterruptedAt(Initializer):
    """Random values, of which those drawn for the time number `at` are interrupted."""

    def __init__(self, at):
        self.at, self.interrupt = at, raising(KeyboardInterrupt, at)

    def draw(self, rng, shape):
        self.interrupt()
        return rng.normal(size=shape)


def before(owner, method, function):
    """Have an object call a function before one of its methods."""
    original = getattr(owner, method)

    def changed(*args, **kwargs):
        function()
        return original(*args, **kwargs)

    setattr(owner, method, changed)


class TestErrors:
    @pytest.mark.parametrize("seed", range(12))
    def test_in_a_callback(self, seed):
        rng = np.random.default_rng(seed)
        moment = MOMENTS[rng.integers(len(MOMENTS))]
        at = 1 if "fit" in moment else rng.integers(1, EPOCHS + 1)
        break_off(new_network(), Trouble, LambdaCallback(**{moment: raising(Trouble, at)}))

    @pytest.mark.parametrize("at", [1, 7, 24])
    @pytest.mark.parametrize("error", [Trouble, KeyboardInterrupt, MemoryError])
    @pytest.mark.parametrize("verb", ["forward", "backward", "gradients"])
    def test_within_a_step(self, verb, error, at):
        network = new_network()
        before(network.layers[0], verb, raising(error, at))
        with pytest.raises(error):
            train(network, restore_best=False)
        vars(network.layers[0]).pop(verb)
        check_whole(network)

    @pytest.mark.parametrize("at", [1, 4, 17])
    def test_in_the_data(self, at, tmp_path, monkeypatch):
        monkeypatch.setattr(batches, "GATHERED", 0)  # each batch reads the data
        fail = raising(OSError("the disk is gone"), at)

        class Failing(np.memmap):
            def __getitem__(self, index):
                fail()
                return super().__getitem__(index)

        np.save(tmp_path / "x.npy", X)
        x = np.load(tmp_path / "x.npy", mmap_mode="r").view(Failing)
        network, whole = new_network(), new_network()
        options = {
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "lengths": LENGTHS,
            "resume": True,
            "verbose": 0,
        }
        whole.fit(X, Y, **options)
        with pytest.raises(OSError, match="the disk is gone"):
            network.fit(x, Y, **options)
        network.fit(X, Y, **options)
        assert state_of(network) == state_of(whole)

    @pytest.mark.parametrize(
        "layers",
        [
            lambda it: [Dense(4), Network([Dense(4), Dense(3, initializer=it)], seed=1)],
            lambda it: [Network([Dense(4), Dense(4)], seed=1), Dense(3, initializer=it)],
        ],
        ids=["in an inner network", "after it"],
    )
    @pytest.mark.parametrize(
        "begin",
        [lambda network, x, y: network.fit(x, y), lambda network, x, y: untrained(network, x.shape[1])],
        ids=["by fit", "by hand"],
    )
    def test_while_the_network_is_built(self, begin, layers):
        x, y, initializer = X[:, 0], X[:, 1], InterruptedAt(1)
        network, fresh = (Network(layers(initializer), seed=0) for _ in range(2))
        with pytest.raises(KeyboardInterrupt):
            begin(network, x, y)
        assert not network._built
        with pytest.raises(RuntimeError, match=r"no weights yet in layer 1, Dense\(4\)"):
            network.predict(x)
        for each in (network, fresh):
            each.fit(x, y, verbose=0)
        assert state_of(network) == state_of(fresh)

    @pytest.mark.parametrize("seed", [None, 8])
    def test_while_all_weights_are_drawn_again(self, seed):
        layers = [Bidirectional(GRU(4)), Network([Dense(4)]), Dense(3, initializer=InterruptedAt(2))]
        network = Network(layers, seed=0)
        network.fit(X, X[:, 1], verbose=0)
        a, before, source = network.predict(X), state_of(network), seed and np.random.default_rng(seed)
        with pytest.raises(KeyboardInterrupt):
            network.initialize(source, "float64")
        assert state_of(network) == before
        np.testing.assert_array_equal(network.predict(X), a)
        assert source is None or source.normal() == np.random.default_rng(seed).normal()

    def test_while_it_is_built_leaves_it_free_to_take_other_features(self):
        network = Network([Bidirectional(GRU(4)), Dense(3, initializer=InterruptedAt(1))], seed=0)
        with pytest.raises(KeyboardInterrupt):
            network.fit(X, X[:, 1])
        network.fit(X[..., :2], X[:, 1], verbose=0)
        assert network.predict(X[..., :2]).shape == (40, 3)

    @pytest.mark.parametrize("updated", [False, True])
    def test_only_before_its_update_brings_the_noise_back(self, updated, monkeypatch):
        noise = np.random.default_rng(3)
        run = SimpleNamespace(network=SimpleNamespace(_streams={"noise": noise}), updates=4)
        expected = np.random.default_rng(3).random(2)

        def step(run, guard, batch, finishes):
            noise.random()
            run.updates += updated
            raise Trouble

        monkeypatch.setattr(loop, "train_step", step)
        with pytest.raises(Trouble):
            loop.attempt(run, SimpleNamespace(restore=int), None, finishes=True)
        assert noise.random() == expected[int(updated)]


class TestCtrlC:
    def test_twice_within_an_update_lets_it_be_whole(self):
        class Interrupted(Nadam):
            def apply(self, *args):
                if args[2].steps == 5:
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGINT)
                super().apply(*args)

        network = new_network()
        rate = network.optimizer.learning_rate
        network.optimizer = Interrupted(rate, clip_global_norm=1.0)
        train(network, restore_best=False)
        assert step_of(network) == 5
        for leaf in network._leaves():
            assert leaf._state is None or leaf._state.steps == 5

    def test_twice_elsewhere_interrupts_at_once(self):
        def interrupt(run):
            if (run.epoch, run.batch) == (2, 2):
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                pytest.fail("went on")

        break_off(new_network(), KeyboardInterrupt, LambdaCallback(on_batch_end=interrupt))

    def test_while_validating_leaves_the_epoch_to_be_finished(self):
        network = new_network()
        calls = []

        def interrupt():
            calls.append(len(network.history.epoch))
            if calls.count(2) == 5:  # the fifth forward pass of the third epoch
                signal.raise_signal(signal.SIGINT)

        before(network.layers[0], "forward", interrupt)
        train(network, restore_best=False)
        vars(network.layers[0]).pop("forward")
        assert network.history.epoch == [1, 2]
        assert step_of(network) == 12
        check_whole(network)

    def test_is_ignored_where_it_was(self):
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            press = LambdaCallback(on_batch_end=lambda run: signal.raise_signal(signal.SIGINT))
            assert state_of(train(new_network(), press, restore_best=False)) == state_of(WHOLE)
        finally:
            signal.signal(signal.SIGINT, handler)

    def test_is_left_to_a_program_that_python_is_embedded_in(self, monkeypatch):
        original, handlers = signal.getsignal(signal.SIGINT), []
        with monkeypatch.context() as embedded:
            embedded.setattr(signal, "getsignal", lambda number: None)
            embedded.setattr(signal, "signal", lambda number, handler: handlers.append(handler))
            assert state_of(train(new_network(), restore_best=False)) == state_of(WHOLE)
        assert handlers == []
        assert signal.getsignal(signal.SIGINT) is original


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kills_and_interrupts_at_random_instants():
    """A few of those that the command does many of."""
    command = [sys.executable, kills.__file__, "--saves", "10", "--fits", "2", "--interrupts", "5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    saves, fits, interrupts = done.stdout.splitlines()
    assert saves.startswith("10 kills while saving: 0 files broken")
    assert re.match(r"\d+ kills while training: 0 of \d+ trainings ended with other bits", fits)
    assert interrupts == "5 interrupts of a running fit: 0 did harm"


class TestTruncation:
    """With truncation a batch has several updates; a fit is interrupted and resumes between two batches."""

    LENGTHS = np.random.default_rng(5).integers(1, 10, 12)
    X, Y = np.random.default_rng(6).normal(size=(2, 12, 9, 3))
    UPDATES = (4, 8, 12, 15)  # after each batch of the two epochs: a batch has those of its longest sequence

    def new(self):
        layers = [
            LSTM(3, return_sequences=True, recurrent_dropout=0.2),
            Dropout(0.3),
            Network([GRU(4, return_sequences=True)], seed=1),
            Dense(3),
        ]
        return Network(layers, optimizer=Nadam(0.02), metrics=["mae"], seed=2)

    def train(self, network, *callbacks):
        network.fit(
            self.X,
            self.Y,
            callbacks=callbacks,
            epochs=2,
            batch_size=7,
            truncate=2,
            lengths=self.LENGTHS,
            validation_split=0.2,
            resume=True,
            verbose=0,
        )
        return network

    def updates(self, network):
        return network.layers[-1]._state.steps if network.layers[-1]._state else 0

    @pytest.mark.parametrize("at", range(1, 16, 2))
    def test_ctrl_c_ends_the_fit_after_the_batch(self, at, tmp_path):
        network, whole = self.new(), self.train(self.new())
        before(network, "backward", raising_signal(at))
        self.train(network)
        del network.backward
        assert self.updates(whole) == self.UPDATES[-1]
        assert self.updates(network) == next(count for count in self.UPDATES if count >= at)
        network.save(tmp_path / "network.npz")
        loaded = Network.load(tmp_path / "network.npz")
        assert state_of(self.train(network)) == state_of(whole) == state_of(self.train(loaded))

    @pytest.mark.parametrize("at", [2, 7, 13])
    def test_a_checkpoint_is_written_after_each_batch(self, at, tmp_path):
        network, path = self.new(), tmp_path / "checkpoint.npz"
        before(network, "gradients", raising(Trouble, at))
        with pytest.raises(Trouble):
            self.train(network, Checkpoint(path, seconds=1e-9))
        loaded = Network.load(path)
        assert self.updates(loaded) in (0, *self.UPDATES)
        assert self.updates(loaded) < at
        assert state_of(self.train(loaded)) == state_of(self.train(self.new()))

    def test_an_error_in_a_metric_takes_no_step(self):
        fail = raising(Trouble, 4)

        def metric(y, a):
            fail()
            return 0.0

        network = self.new()
        network.metrics = (*network.metrics, metrics.get(metric))
        with pytest.raises(Trouble):
            self.train(network)
        assert self.updates(network) == 3

    def test_new_weights_start_a_new_fit(self):
        network = self.new()
        before(network, "gradients", raising(Trouble, 4))
        with pytest.raises(Trouble):
            self.train(network)
        network.initialize()
        assert network._training_state is None


class Stream:
    """Batches that nobody has counted."""

    def __iter__(self):
        return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, len(X), 8))


@pytest.mark.parametrize("at", range(1, 15, 3))
def test_batches_that_are_counted_once_are_counted_when_a_fit_is_resumed(at):
    def new():
        return Network(
            [GRU(3), Dense(3, "softmax")], loss="cce", optimizer=Nadam(lambda e: 0.1 / (1 + e)), seed=0
        )

    def train(network):
        network.fit(Stream(), epochs=3, resume=True, verbose=0)
        return state_of(network)[0]

    whole, network = train(new()), new()
    before(network, "gradients", raising(Trouble, at))
    with pytest.raises(Trouble):
        train(network)
    del network.gradients
    again = copy.deepcopy(network)
    assert train(network) == train(again) == whole
