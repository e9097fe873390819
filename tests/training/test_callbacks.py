"""Callbacks: which way is better, who is told, what is logged, and whose rate is reduced."""

import csv
import os

import numpy as np
import pytest
from alike import for_each

from nnfw import (
    GRU,
    SGD,
    Adam,
    Callback,
    Checkpoint,
    CSVLogger,
    Dense,
    EarlyStopping,
    LambdaCallback,
    Network,
    NonFiniteError,
    ReduceOnPlateau,
)
from nnfw.metrics import F1, MAE, FunctionMetric, Metric, MultiLabel, RatioMetric
from nnfw.schedules import Cosine

RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 3))
Y = (X[:, :1] + RNG.normal(size=(24, 1)) > 0).astype(float)


class Jaccard(RatioMetric):
    """Says nothing of what is better."""

    def ratio(self, tp, fp, fn, tn):
        return tp, tp + fp + fn


class Overlap(Jaccard):
    higher_is_better = True


class Distance(Jaccard):
    higher_is_better = False


def error2(y, a):
    return np.mean((y - a) ** 2)


def network_of(*metrics, optimizer=None):
    return Network(
        [Dense(4, "tanh"), Dense(1, "sigmoid")],
        loss="bce",
        metrics=metrics,
        optimizer=optimizer or SGD(0.1),
        seed=0,
    )


def script(**values):
    """Return a callback that puts the next value of each list into the logs, in place of what is there."""
    numbers = {name: iter(some) for name, some in values.items()}
    return LambdaCallback(
        on_epoch_end=lambda run: run.logs.update({name: next(some) for name, some in numbers.items()})
    )


def best_epoch(network, monitor, mode="auto", values=(2.0, 3.0, 1.0, 2.5)):
    """Return which epoch is taken for the best, of one with these values."""
    stopper = EarlyStopping(monitor, mode=mode)
    callbacks = [script(**{monitor: values}), stopper]
    network.fit(X, Y, epochs=4, validation_split=0.25, callbacks=callbacks, verbose=0)
    return stopper.best_epoch


class TestWhichWayIsBetter:
    @for_each("of", ["", "val_"])
    @for_each(
        ("metric", "best"),
        [
            ("accuracy", 2),
            ("f1", 2),
            ("specificity", 2),
            ("matthews_correlation", 2),
            ("r2", 2),
            (F1("macro"), 2),
            (MultiLabel("f1"), 2),
            (Overlap(), 2),
            (Distance(), 3),
            (MultiLabel(Distance()), 3),
            ("mae", 3),
            ("rmse", 3),
            (MAE(), 3),
        ],
    )
    def test_metrics_say_it(self, metric, best, of):
        network = network_of(metric)
        assert best_epoch(network, f"{of}{network.metrics[0].name}") == best

    @pytest.mark.parametrize("monitor", ["loss", "val_loss"])
    def test_of_the_loss_lower_is(self, monitor):
        assert best_epoch(network_of("accuracy"), monitor) == 3

    @for_each("monitor", ["accuracy", "val_loss", "jaccard", "val_error2", "other", "learning_rate"])
    def test_mode_overrules(self, monitor):
        for mode, best in (("max", 2), ("min", 3)):
            assert best_epoch(network_of("accuracy", Jaccard(), error2), monitor, mode) == best

    @pytest.mark.parametrize(
        "make", [EarlyStopping, ReduceOnPlateau, lambda name: Checkpoint("no", monitor=name)]
    )
    @pytest.mark.parametrize("monitor", ["jaccard", "val_jaccard", "error2", "val_error2", "learning_rate"])
    def test_what_nobody_says_is_asked_for_before_anything_changes(
        self, monitor, make, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        network = network_of(Jaccard(), error2)
        for before in ([], [LambdaCallback()]):
            with pytest.raises(
                ValueError, match=f"it is not known whether a higher or a lower '{monitor}' is better"
            ) as caught:
                network.fit(X, Y, validation_split=0.25, callbacks=[*before, make(monitor)], verbose=0)
            message = str(caught.value)
            assert (
                "pass mode='max' or mode='min', or set higher_is_better in the class of the metric" in message
            )
            assert len(message) < 500
        assert not network._built
        assert not network.history.epoch
        assert not list(tmp_path.iterdir())

    def test_nor_is_it_guessed_of_numbers_that_callbacks_add(self):
        for monitor in ("own_accuracy", "f1"):
            with pytest.raises(ValueError, match=f"a lower '{monitor}' is better"):
                best_epoch(network_of(), monitor)
        with pytest.raises(ValueError, match=r"a lower 'acuracy'.* Did you mean 'accuracy'\?"):
            best_epoch(network_of("accuracy"), "acuracy")

    def test_metrics_assigned_meanwhile_are_asked_too(self):
        network = network_of(Overlap())
        network.fit(X, Y, callbacks=[EarlyStopping("overlap")], verbose=0)
        network.metrics = [Jaccard()]
        with pytest.raises(ValueError, match="no 'overlap' to monitor"):
            network.fit(X, Y, callbacks=[EarlyStopping("overlap")], verbose=0)

    def test_what_a_checkpoint_watches_may_come_from_any_callback(self, tmp_path):
        """It is told last, wherever it stands."""
        network, path = network_of(), tmp_path / "best.npz"
        checkpoint = Checkpoint(path, monitor="own", mode="max")
        network.fit(X, Y, epochs=3, callbacks=[checkpoint, script(own=[1.0, 2.0, 0.0])], verbose=0)
        assert len(Network.load(path).history.epoch) == 2

    def test_names_of_no_kind_are_refused(self):
        for make in (EarlyStopping, ReduceOnPlateau):
            with pytest.raises(
                TypeError, match=r"monitor must be a name in the history, e.g. 'val_loss', got None"
            ):
                make(None)


class TestMemory:
    @pytest.mark.parametrize(
        ("make", "names"),
        [
            (lambda: EarlyStopping("loss"), ["_best", "wait", "best_epoch", "weights", "restored"]),
            (lambda: ReduceOnPlateau("loss"), ["_best", "wait", "resting"]),
        ],
    )
    def test_is_what_files_hold(self, make, names):
        network = network_of()
        network.fit(X, Y, epochs=2, callbacks=[make()], verbose=0)
        (memory,) = network._training_state.memories.values()
        assert list(memory) == names

    def test_of_a_checkpoint_in_an_older_file_is_taken_up(self, tmp_path):
        network, path = network_of(), tmp_path / "best.npz"
        checkpoint = Checkpoint(path, monitor="loss")
        network.fit(X, Y, epochs=2, callbacks=[checkpoint], verbose=0)
        label = f"1. {checkpoint!r}"
        network._training_state.memories = {label: {"best": -1.0, "wait": 1}}
        path.unlink()
        network.fit(X, Y, epochs=3, callbacks=[checkpoint], resume=True, verbose=0)
        assert checkpoint.best == -1.0
        assert not path.exists()

    def test_of_the_highest_value_is_the_value_also_from_an_older_file(self):
        network, stopping = network_of(), EarlyStopping("value", mode="max")
        callbacks = [LambdaCallback(on_epoch_end=lambda run: run.logs.update(value=1 / run.epoch)), stopping]
        network.fit(X, Y, epochs=2, callbacks=callbacks, verbose=0)
        assert (stopping.best, stopping.wait) == (1.0, 1)
        (label,) = network._training_state.memories
        network._training_state.memories = {label: {"best": -2.0, "wait": 3}}
        network.fit(X, Y, epochs=3, callbacks=callbacks, resume=True, verbose=0)
        assert (stopping.best, stopping.wait) == (2.0, 4)


class TestLambdaCallback:
    def test_takes_a_function_for_every_hook(self):
        hooks = [name for name in vars(Callback) if name.startswith("on_")]
        told = []

        def note(name):
            return lambda run: told.append(name)

        callback = LambdaCallback(**{name: note(name) for name in hooks})
        network = network_of()
        network.fit(X, Y, epochs=1, batch_size=12, callbacks=[callback], verbose=0)
        once = [
            "on_fit_start",
            "on_epoch_start",
            *["on_gradients", "on_batch_end"] * 2,
            "on_epoch_end",
            "on_fit_end",
        ]
        assert told == once
        network.fit(X, Y, epochs=2, batch_size=12, callbacks=[callback], resume=True, verbose=0)
        assert told == [*once, "on_fit_start", "on_resume", *once[1:]]
        assert set(told) == set(hooks)

    def test_a_callback_that_assigns_stop_is_told_to_call_it(self):
        def stop(run):
            run.stop = True

        with pytest.raises(TypeError, match=r"on_epoch_end: a callback has assigned run\.stop; call it"):
            network_of().fit(X, Y, epochs=3, callbacks=[LambdaCallback(on_epoch_end=stop)], verbose=0)


class TestCSVLogger:
    def logged(self, path):
        with open(path, newline="") as file:
            return list(csv.reader(file))

    def test_a_new_number_gets_a_column(self, tmp_path):
        path, network = tmp_path / "log.csv", network_of("accuracy")
        network.fit(X, Y, epochs=2, callbacks=[CSVLogger(path)], verbose=0)
        options = {"validation_data": (X, Y), "callbacks": [CSVLogger(path)], "resume": True, "verbose": 0}
        network.fit(X, Y, epochs=3, **options)
        header, *rows = self.logged(path)
        assert header == ["epoch", "loss", "accuracy", "learning_rate", "val_loss", "val_accuracy"]
        assert [row[4:] for row in rows[:2]] == [["nan", "nan"]] * 2
        for row in rows:
            epoch = int(row[0]) - 1
            expected = [network.history[name][epoch] for name in header[1:]]
            np.testing.assert_array_equal([float(value) for value in row[1:]], expected)
        network.history.to_csv(tmp_path / "history.csv")
        assert path.read_text() == (tmp_path / "history.csv").read_text()
        assert sorted(one.name for one in tmp_path.iterdir()) == ["history.csv", "log.csv"]

    def test_a_number_that_is_gone_leaves_its_column(self, tmp_path):
        path, network = tmp_path / "log.csv", network_of()
        network.fit(X, Y, validation_data=(X, Y), callbacks=[CSVLogger(path)], verbose=0)
        network.fit(X, Y, epochs=2, callbacks=[CSVLogger(path)], resume=True, verbose=0)
        header, _, last = self.logged(path)
        assert header == ["epoch", "loss", "val_loss", "learning_rate"]
        assert last == ["2", str(network.history["loss"][1]), "nan", "0.1"]

    def test_numbers_of_other_callbacks_may_come_and_go(self, tmp_path):
        path, network = tmp_path / "log.csv", network_of()

        def add(run):
            run.logs[f"epoch_{run.epoch}"] = float(run.epoch)

        callbacks = [LambdaCallback(on_epoch_end=add), CSVLogger(path)]
        network.fit(X, Y, epochs=3, callbacks=callbacks, verbose=0)
        header, *rows = self.logged(path)
        assert header == ["epoch", "loss", "learning_rate", "epoch_1", "epoch_2", "epoch_3"]
        assert [row[3:] for row in rows] == [
            ["1.0", "nan", "nan"],
            ["nan", "2.0", "nan"],
            ["nan", "nan", "3.0"],
        ]

    def test_a_path_may_begin_in_the_home_directory(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        network = network_of()
        network.fit(X, Y, callbacks=[CSVLogger("~/log.csv")], verbose=0)
        network.fit(X, Y, epochs=2, callbacks=[CSVLogger("~/log.csv")], resume=True, verbose=0)
        assert [row[0] for row in self.logged(tmp_path / "log.csv")] == ["epoch", "1", "2"]

    def test_the_old_file_stays_until_the_new_one_is_whole(self, tmp_path, monkeypatch):
        path, network = tmp_path / "log.csv", network_of()
        network.fit(X, Y, callbacks=[CSVLogger(path)], verbose=0)
        before = path.read_bytes()

        def full(descriptor):
            raise OSError("No space left")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            network.fit(
                X, Y, epochs=2, validation_data=(X, Y), callbacks=[CSVLogger(path)], resume=True, verbose=0
            )
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    def test_a_disk_without_room_ends_the_fit_and_spoils_nothing(self):
        network, other = network_of(), network_of()
        with pytest.raises(OSError, match="No space left"):
            network.fit(X, Y, callbacks=[CSVLogger("/dev/full")], verbose=0)
        assert not network._fitting
        other.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(network.flat_params, other.flat_params)
        assert network.history.epoch == [1]


class TestReduceOnPlateau:
    def test_leaves_the_optimizer_that_it_was_given(self):
        shared = Adam(Cosine(0.1, epochs=20), clip_norm=3.0)
        one, other = network_of(optimizer=shared), network_of(optimizer=shared)
        reduce = ReduceOnPlateau("loss", patience=1, factor=0.5, min_delta=10.0)
        one.fit(X, Y, epochs=4, callbacks=[reduce], verbose=0)
        schedule = Cosine(0.1, epochs=20)
        expected = [schedule(0), schedule(1), schedule(2) / 2, schedule(3) / 4]
        np.testing.assert_allclose(one.history["learning_rate"], expected)
        assert repr(shared) == "Adam(learning_rate=Cosine(0.1, 20), clip_norm=3.0)"
        assert other.optimizer is shared
        assert one.optimizer is not shared
        assert (type(one.optimizer), one.optimizer.clip_norm) == (Adam, 3.0)

    def test_goes_on_with_what_the_optimizer_remembers(self):
        """The same rates as of a schedule lead to the same weights, bit for bit."""
        network, other = (network_of(optimizer=Adam(0.1)) for _ in range(2))
        reduce = ReduceOnPlateau("loss", patience=1, min_delta=10.0)
        network.fit(X, Y, epochs=4, callbacks=[reduce], verbose=0)
        assert network.history["learning_rate"] == [0.1, 0.1, 0.05, 0.025]
        other.optimizer.learning_rate = lambda epoch: 0.1 * 0.5 ** max(0, int(epoch) - 1)
        other.fit(X, Y, epochs=4, verbose=0)
        for name, value in network.params.items():
            np.testing.assert_array_equal(value, other.params[name])

    def test_of_a_network_that_was_given_none(self):
        network = Network([Dense(1)], seed=0)
        network.fit(
            X, Y, epochs=4, callbacks=[ReduceOnPlateau("loss", patience=1, min_delta=10.0)], verbose=0
        )
        assert network.history["learning_rate"] == [0.001, 0.001, 0.0005, 0.00025]

    def test_of_a_layer_with_the_same_optimizer_keeps_the_rate(self):
        shared = SGD(0.1)
        network = Network([Dense(4, optimizer=shared), Dense(1)], optimizer=shared, seed=0)
        network.fit(
            X, Y, epochs=3, callbacks=[ReduceOnPlateau("loss", patience=1, min_delta=10.0)], verbose=0
        )
        assert network.layers[0].optimizer is shared
        assert shared.learning_rate == 0.1


def test_bases_of_metrics_say_nothing_of_what_is_better():
    assert Metric.higher_is_better is RatioMetric.higher_is_better is FunctionMetric.higher_is_better is None


class TestGradients:
    """`on_gradients` is the hook between `gradients` and `update`."""

    def test_what_it_changes_is_what_the_update_takes(self):
        halved, slower = network_of(optimizer=SGD(0.1)), network_of(optimizer=SGD(0.05))

        def halve(run):
            run.network.flat_grads[...] *= 0.5

        halved.fit(X, Y, epochs=2, callbacks=[LambdaCallback(on_gradients=halve)], verbose=0)
        slower.fit(X, Y, epochs=2, verbose=0)
        np.testing.assert_array_equal(halved.flat_params, slower.flat_params)

    def test_it_is_called_for_each_window_of_a_truncated_batch(self):
        x = np.random.default_rng(0).normal(size=(4, 7, 2))
        network, fractions = Network([GRU(3, return_sequences=True), Dense(1)], seed=0), []
        note = LambdaCallback(on_gradients=lambda run: fractions.append(run.epoch_fraction))
        network.fit(x, x[..., :1], batch_size=2, truncate=3, callbacks=[note], verbose=0)
        np.testing.assert_allclose(fractions, np.arange(6) / 6)

    def test_the_guard_sees_what_it_changes(self):
        def spoil(run):
            run.network.flat_grads[0] = np.nan

        network = network_of()
        network.fit(X, Y, verbose=0)
        before = network.flat_params.copy()
        with pytest.raises(NonFiniteError, match="a gradient of layer 1"):
            network.fit(X, Y, callbacks=[LambdaCallback(on_gradients=spoil)], verbose=0)
        np.testing.assert_array_equal(network.flat_params, before)


def test_a_callback_with_a_memory_serves_one_fit_at_a_time():
    x = np.random.default_rng(0).normal(size=(6, 2))
    stopping, other = EarlyStopping("loss", patience=2), Network([Dense(1)], seed=1)

    def fit_another(run):
        other.fit(x, x[:, 0], callbacks=[stopping], verbose=0)

    network = Network([Dense(1)], seed=0)
    with pytest.raises(RuntimeError, match=r"EarlyStopping\(.*\) is in use by a running fit"):
        network.fit(x, x[:, 0], callbacks=[stopping, LambdaCallback(on_epoch_end=fit_another)], verbose=0)
    with pytest.raises(ValueError, match=r"callbacks\[1\] is the same EarlyStopping"):
        network.fit(x, x[:, 0], callbacks=[stopping, stopping], verbose=0)
    other.fit(x, x[:, 0], callbacks=[stopping], verbose=0)  # it is free again
