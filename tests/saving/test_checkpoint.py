"""Training that goes on from a file is training that never stopped, bit for bit."""

import copy
import csv
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from overnight import BATCH_SIZE, BATCHES, LENGTHS, X, Y, new_network, standing_of, step_of, train
from saved import bits, state_of

from nnfw import Callback, Checkpoint, CSVLogger, Dense, EarlyStopping, LambdaCallback, Network

WHOLE = train(new_network())
STOPPED = "val_accuracy has not improved for 4 epochs"


def same_as(whole, network):
    return state_of(network) == state_of(whole) and standing_of(network) == standing_of(whole)


def in_the_midst(epoch, batch):
    """A callback that breaks a fit off after one of its batches."""

    def break_off(run):
        if (run.epoch, run.batch) == (epoch, batch):
            raise ZeroDivisionError

    return LambdaCallback(on_batch_end=break_off)


def loaded(network, folder):
    network.save(folder / "copy")
    return Network.load(folder / "copy")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.npz"


class TestResume:
    def test_the_task_has_everything(self):
        """Else the tests below would prove little."""
        assert len(set(WHOLE.history["learning_rate"])) > 2
        assert WHOLE.optimizer.learning_rate != new_network().optimizer.learning_rate  # it was reduced
        (_, stopper), (_, reducer) = WHOLE._training_state.memories.items()
        assert stopper["restored"]
        assert stopper["best_epoch"] < len(WHOLE.history.epoch)
        assert np.isfinite(reducer["_best"])

    @pytest.mark.slow
    @pytest.mark.parametrize("epochs", range(1, 6))
    def test_after_any_epoch(self, epochs, tmp_path):
        network = train(new_network(), epochs=epochs)
        assert network.history.epoch[-1] == epochs
        assert same_as(WHOLE, train(loaded(network, tmp_path)))
        assert same_as(WHOLE, train(network))

    @pytest.mark.parametrize(("epoch", "batch"), [(1, 1), (2, 3), (3, BATCHES), (5, 2)])
    @pytest.mark.slow
    def test_after_any_batch(self, epoch, batch, tmp_path):
        network = new_network()
        with pytest.raises(ZeroDivisionError):
            train(network, in_the_midst(epoch, batch))
        assert step_of(network) == (epoch - 1) * BATCHES + batch
        assert same_as(network, loaded(network, tmp_path))
        assert same_as(WHOLE, train(loaded(network, tmp_path)))
        assert same_as(WHOLE, train(network))

    @pytest.mark.parametrize("take", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n)), "file"])
    @pytest.mark.slow
    def test_in_the_midst_of_a_step(self, take, tmp_path):
        """Before its update the step has drawn its noise, and draws the same again."""
        taken = []

        def keep(run):
            if (run.epoch, run.batch) == (2, 3):
                taken.append(loaded(run.network, tmp_path) if take == "file" else take(run.network))

        noise = new_network()._streams["noise"].bit_generator.state
        assert same_as(WHOLE, train(new_network(), LambdaCallback(on_gradients=keep)))
        assert taken[0]._streams["noise"].bit_generator.state != noise
        assert step_of(taken[0]) == BATCHES + 2
        assert same_as(WHOLE, train(taken[0]))

    @pytest.mark.slow
    def test_before_the_samples_are_shuffled_too(self, tmp_path):
        options = {"epochs": 3, "batch_size": BATCH_SIZE, "shuffle": False, "verbose": 0}
        whole, network = new_network(), new_network()
        whole.fit(X, Y, **options)
        with pytest.raises(ZeroDivisionError):
            network.fit(X, Y, callbacks=[in_the_midst(2, 2)], **options)
        network = loaded(network, tmp_path)
        network.fit(X, Y, resume=True, **options)
        assert state_of(network) == state_of(whole)

    def test_of_what_has_ended_trains_no_more(self, tmp_path):
        assert same_as(WHOLE, train(loaded(WHOLE, tmp_path)))

    @pytest.mark.slow
    def test_of_what_was_stopped_trains_no_more(self, tmp_path):
        network = train(new_network(), epochs=50)
        assert len(network.history.epoch) < 50
        assert network._training_state.stopped == STOPPED
        assert same_as(network, train(loaded(network, tmp_path), epochs=50))

    def test_without_it_all_begins_anew(self, tmp_path):
        network, fresh = loaded(WHOLE, tmp_path), []
        train(network, LambdaCallback(on_fit_start=fresh.append), epochs=1, resume=False)
        assert len(network.history.epoch) == len(WHOLE.history.epoch) + 1
        assert not fresh[0].resumed
        assert network._training_state.start == len(WHOLE.history.epoch)
        assert (
            next(iter(network._training_state.memories.values()))["best_epoch"] == network.history.epoch[-1]
        )

    @pytest.mark.slow
    def test_callbacks_with_other_arguments_begin_anew(self):
        network = train(new_network(), epochs=3)
        stopper = EarlyStopping("val_accuracy", patience=5)
        options = {"epochs": 4, "batch_size": BATCH_SIZE, "lengths": LENGTHS, "validation_split": 0.25}
        network.fit(X, Y, callbacks=[stopper], resume=True, verbose=0, **options)
        assert stopper.best_epoch == 4

    @pytest.mark.parametrize("wrong", [[], [np.ones(1)]])
    @pytest.mark.slow
    def test_weights_of_another_network_are_refused(self, wrong):
        network = train(new_network(), epochs=4)
        memory = next(iter(network._training_state.memories.values()))
        memory.update(weights=wrong, restored=True)
        before = state_of(network)
        with pytest.raises(ValueError, match="EarlyStopping: it holds weights of another network"):
            train(network)
        assert state_of(network) == before

    @pytest.mark.slow
    def test_callbacks_of_your_own_say_what_they_remember(self, tmp_path):
        class Counter(Callback):
            remembers = ("batches", "seen")

            def on_fit_start(self, run):
                self.batches, self.seen = 0, {}

            def on_batch_end(self, run):
                self.batches += 1
                self.seen[run.epoch] = np.float32(run.batch_loss)

        whole, one, two = Counter(), Counter(), Counter()
        train(new_network(), whole)
        network = train(new_network(), one, epochs=2)
        train(loaded(network, tmp_path), two)
        assert one.batches == 2 * BATCHES
        assert (two.batches, two.seen) == (whole.batches, whole.seen) == (6 * BATCHES, whole.seen)

    def test_what_other_callbacks_remembered_is_forgotten(self):
        network = train(new_network(), epochs=2)
        options = {"epochs": 3, "batch_size": BATCH_SIZE, "validation_split": 0.25, "resume": True}
        network.fit(X, Y, lengths=LENGTHS, verbose=0, **options)
        assert network._training_state.memories == {}

    @pytest.mark.slow
    def test_two_callbacks_alike_are_told_apart(self, tmp_path):
        class Last(Callback):
            remembers = ("epoch",)

            def on_epoch_end(self, run):
                self.epoch = run.epoch * (2 if self is two else 1)

        one, two, first, second = Last(), Last(), Last(), Last()
        network = train(new_network(), one, two, Checkpoint(tmp_path / "begun"), epochs=2)
        train(loaded(network, tmp_path), first, second, epochs=2)
        assert (first.epoch, second.epoch) == (2, 4)

    def test_other_data_are_refused_and_nothing_changes(self):
        network = train(new_network(), epochs=2)
        before = state_of(network), standing_of(network)
        with pytest.raises(ValueError, match=r"a fit on 30 samples in batches of 8, shuffled, but this one"):
            network.fit(X, Y, batch_size=5, validation_split=0.25, resume=True, verbose=0)
        with pytest.raises(TypeError, match="resume must be True or False"):
            network.fit(X, Y, resume="yes")
        assert (state_of(network), standing_of(network)) == before

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
    @pytest.mark.slow
    def test_copies_go_on_too(self, duplicate):
        network = new_network()
        with pytest.raises(ZeroDivisionError):
            train(network, in_the_midst(3, 2))
        assert same_as(WHOLE, train(duplicate(network)))

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
    @pytest.mark.slow
    def test_what_was_loaded_can_be_copied(self, duplicate, tmp_path):
        network = loaded(train(new_network(), epochs=1), tmp_path)
        assert same_as(network, duplicate(network))

    @pytest.mark.slow
    def test_a_copy_within_a_fit_goes_on_too(self):
        copies = []
        copier = LambdaCallback(on_batch_end=lambda run: copies.append(copy.deepcopy(run.network)))
        train(new_network(), copier, epochs=2)
        assert all(same_as(WHOLE, train(one)) for one in copies[:-1])

    @pytest.mark.slow
    def test_log_goes_on(self, tmp_path):
        train(new_network(), CSVLogger(tmp_path / "whole.csv"))
        network = new_network()
        with pytest.raises(ZeroDivisionError):
            train(network, CSVLogger(tmp_path / "log.csv"), in_the_midst(4, 2))
        with open(tmp_path / "log.csv", "a") as file:
            file.write("4,0.5")  # a row that was begun, of an epoch that is not in the file of the network
        train(loaded(network, tmp_path), CSVLogger(tmp_path / "log.csv"))
        assert (tmp_path / "log.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()

    @pytest.mark.slow
    def test_log_that_is_gone_begins_with_a_header(self, tmp_path):
        train(train(new_network(), epochs=4), CSVLogger(tmp_path / "log.csv"))
        with open(tmp_path / "log.csv", newline="") as file:
            assert [row[0] for row in csv.reader(file)] == ["epoch", "5", "6"]


class TestCheckpoint:
    def files_of(self, checkpoint, *callbacks, **options):
        """Train with a checkpoint, and return the epoch and batch of each file that it wrote."""
        files = []
        save = checkpoint._save

        def noting(run):
            save(run)
            network = Network.load(checkpoint.path)
            files.append((len(network.history.epoch), network._training_state.batch))

        checkpoint._save = noting
        train(new_network(), checkpoint, *callbacks, **options)
        return files

    @pytest.mark.slow
    def test_every_epoch_from_the_start_and_at_the_end(self, path):
        expected = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 0)]
        assert self.files_of(Checkpoint(path), epochs=3) == expected

    @pytest.mark.slow
    def test_every_few_epochs(self, path):
        assert self.files_of(Checkpoint(path, every=2), epochs=5) == [(0, 0), (2, 0), (4, 0), (5, 0)]

    @pytest.mark.slow
    def test_every_few_seconds(self, path, monkeypatch):
        clock = iter(range(1000))  # a second a look
        monkeypatch.setattr("nnfw.saving.checkpoint.time.monotonic", lambda: next(clock))
        files = self.files_of(Checkpoint(path, seconds=2.5), epochs=2)
        assert files == [(0, 0), (0, 3), (1, 2), (2, 0)]

    @pytest.mark.slow
    def test_when_it_is_the_best(self, path):
        seen = []
        look = LambdaCallback(on_epoch_end=lambda run: seen.append(run.logs["val_loss"]))
        files = self.files_of(Checkpoint(path, monitor="val_loss"), look)
        best = [n for n in range(1, len(seen) + 1) if seen[n - 1] == min(seen[:n])]
        assert files == [(n, 0) for n in best]
        assert len(best) < len(seen)

    @pytest.mark.slow
    def test_best_stays_the_best_when_resumed(self, path):
        train(new_network(), Checkpoint(path, monitor="loss", mode="max"))
        before = path.read_bytes()
        train(Network.load(path), Checkpoint(path, monitor="loss", mode="max"))
        assert path.read_bytes() == before
        assert len(Network.load(path).history.epoch) == 1

    def test_an_earlier_fit_is_no_measure_of_the_best(self, path):
        network = new_network()
        for _ in range(2):
            network.fit(X, Y, verbose=0)
        network.history["loss"][:] = 5.0, 3.0  # of two fits
        network.save(path)
        better = LambdaCallback(on_epoch_end=lambda run: run.logs.update(loss=4.0))
        callbacks = [better, Checkpoint(path, monitor="loss", mode="max")]
        network.fit(X, Y, epochs=2, callbacks=callbacks, resume=True, verbose=0)
        assert len(Network.load(path).history.epoch) == 3

    @pytest.mark.parametrize(("mode", "then"), [("max", "max"), ("min", "min"), ("min", "auto")])
    @pytest.mark.parametrize("form", [str, Path, os.fsencode, os.path.relpath])
    @pytest.mark.slow
    def test_best_stays_the_best_whatever_form_the_path_has(self, form, mode, then, path, tmp_path):
        """A resumed fit, in which it only gets worse, does not touch the file of the best epoch."""
        network = train(new_network(), Checkpoint(path, monitor="loss", mode=mode), epochs=4)
        losses, before = network.history["loss"], path.read_bytes()
        best = {"max": max, "min": min}[mode](losses)
        assert Network.load(path).history["loss"][-1] == best
        worse = LambdaCallback(on_epoch_end=lambda run: run.logs.update(loss=np.mean(losses)))
        train(loaded(network, tmp_path), worse, Checkpoint(form(path), monitor="loss", mode=then))
        assert path.read_bytes() == before

    @pytest.mark.slow
    def test_a_number_that_is_not_in_the_history_is_remembered(self, path, tmp_path, monkeypatch):
        def logging(value):
            return LambdaCallback(on_epoch_end=lambda run: run.logs.update(own=value))

        network = new_network()
        train(network, logging(5.0), Checkpoint(path, monitor="own", mode="max"), epochs=2)
        before = path.read_bytes()
        monkeypatch.chdir(tmp_path)
        train(loaded(network, tmp_path), logging(4.0), Checkpoint(path.name, monitor="own", mode="max"))
        assert path.read_bytes() == before
        train(loaded(network, tmp_path), logging(6.0), Checkpoint(path.name, monitor="own", mode="max"))
        assert path.read_bytes() != before

    @pytest.mark.slow
    def test_another_file_begins_anew(self, path, tmp_path):
        network = train(new_network(), Checkpoint(path, monitor="loss", mode="max"), epochs=4)
        train(network, Checkpoint(tmp_path / "another", monitor="loss", mode="max"), epochs=5)
        assert Network.load(tmp_path / "another").history.epoch[-1] == 5

    @pytest.mark.parametrize("place", [0, 1])
    @pytest.mark.slow
    def test_holds_what_callbacks_did_wherever_it_stands(self, place, path):
        kept = []
        network = new_network()
        names = [Checkpoint(path), EarlyStopping("loss", patience=1)][:: 1 - 2 * place]
        keep = LambdaCallback(on_epoch_start=lambda run: kept.append(Network.load(path)))
        keep.comes_last = True
        network.fit(X, Y, epochs=3, callbacks=[*names, keep], verbose=0)
        waits = [next(iter(one._training_state.memories.values()))["best_epoch"] for one in kept[1:]]
        assert waits == [1, 2]

    @pytest.mark.slow
    @pytest.mark.parametrize("options", [{}, {"seconds": 1e-9}, {"every": 2}])
    def test_each_file_leads_to_the_same_end(self, options, path):
        files = []
        keep = LambdaCallback(on_batch_end=lambda run: files.append(path.read_bytes()))
        train(new_network(), Checkpoint(path, **options), keep)
        for content in dict.fromkeys(files):
            path.write_bytes(content)
            assert same_as(WHOLE, train(Network.load(path)))

    @pytest.mark.slow
    def test_of_an_error_is_the_last_before_it(self, path):
        with pytest.raises(ZeroDivisionError):
            train(new_network(), Checkpoint(path), in_the_midst(4, 2))
        assert step_of(Network.load(path)) == 3 * BATCHES
        assert same_as(WHOLE, train(Network.load(path), Checkpoint(path)))
        assert same_as(WHOLE, Network.load(path))

    def test_what_cannot_be_saved_is_known_before_training(self, path, tmp_path):
        network = Network([Dense(1)], metrics=[lambda y, a: 0.0])
        with pytest.raises(ValueError, match="a function is saved only by name, but this one has none"):
            network.fit(X[:, 0], Y, callbacks=[Checkpoint(path)], verbose=0)
        with pytest.raises(FileNotFoundError, match="no such folder"):
            train(new_network(), Checkpoint(tmp_path / "nowhere" / "network"))
        assert network.history.epoch == []

    def test_arguments(self, path):
        with pytest.raises(ValueError, match="one of every, seconds and monitor"):
            Checkpoint(path, every=2, monitor="loss")
        with pytest.raises(ValueError, match="every must be at least 1, got 0"):
            Checkpoint(path, every=0)
        with pytest.raises(ValueError, match=r"seconds must be a finite number in \(0, inf\), got -1"):
            Checkpoint(path, seconds=-1)
        with pytest.raises(TypeError, match=r"no argument 'second'\. Did you mean 'seconds'"):
            Checkpoint(path, second=3)
        with pytest.raises(ValueError, match=r"no 'val_los' to monitor\. Did you mean 'val_loss'"):
            train(new_network(), Checkpoint(path, monitor="val_los"))
        with pytest.raises(TypeError, match=r"'filepath'; nnfw calls it path\. It takes"):
            Checkpoint(filepath=path)
        with pytest.raises(
            TypeError, match=r"'save_best_only'; leave it out: monitor='val_loss' saves the best"
        ):
            Checkpoint(path, save_best_only=True)
        assert Checkpoint("{folder}/a.npz").path == "{folder}/a.npz"
        assert repr(Checkpoint("a.npz", seconds=60)) == "Checkpoint('a.npz', seconds=60.0)"


SCRIPT = """
import sys
from pathlib import Path
from overnight import new_network, train
from nnfw import Checkpoint, LambdaCallback, Network

path, death = Path(sys.argv[1]), int(sys.argv[2])
network = Network.load(path) if path.exists() else new_network()
die = LambdaCallback(on_epoch_start=lambda run: run.epoch == death and sys.exit(3))
train(network, Checkpoint(path), die)
"""


@pytest.mark.subprocess
@pytest.mark.slow
def test_three_epochs_and_three_in_a_new_process_are_six(path):
    for death, status in [(4, 3), (0, 0)]:
        command = [sys.executable, "-c", SCRIPT, str(path), str(death)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        assert len(Network.load(path).history.epoch) == (3 if death else 6)
    assert same_as(WHOLE, Network.load(path))
    assert bits(Network.load(path).predict(X)) == bits(WHOLE.predict(X))
