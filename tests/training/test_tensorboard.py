"""What TensorBoard shows of a fit, as its own reader finds it in the files."""

import copy
import pickle
import sys

import numpy as np
import pytest

from nnfw import GRU, Dense, EarlyStopping, LambdaCallback, Network, TensorBoard, schedules
from nnfw.optimizers import SGD

pytest.importorskip("tensorboardX")
accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

X = np.random.default_rng(0).normal(size=(20, 5, 2))
Y = X.sum(axis=(1, 2))


def network():
    rate = SGD(schedules.Linear(0.1, epochs=5))
    return Network([GRU(3), Dense(1)], optimizer=rate, metrics=["mae"], seed=0)


def fit(model, folder, epochs=4, histograms=None, **options):
    board = TensorBoard(folder, histograms)
    model.fit(X, Y, epochs=epochs, batch_size=8, callbacks=[board], verbose=0, **options)
    return model


def read(folder, part="train"):
    found = accumulator.EventAccumulator(
        str(folder / part), {"scalars": 0, "histograms": 0, "distributions": 0}
    )
    return found.Reload()


def scalars(folder, part="train"):
    found = read(folder, part)
    return {name: {one.step: one.value for one in found.Scalars(name)} for name in found.Tags()["scalars"]}


def fail_in_3(run):
    return 1 / (run.epoch - 3)


def as_written(values, first=1):
    return {first + n: pytest.approx(value, rel=1e-6) for n, value in enumerate(values)}


def test_the_numbers_of_each_epoch(tmp_path):
    history = fit(network(), tmp_path, validation_split=0.25).history
    train = {name: as_written(history[name]) for name in ("loss", "mae", "learning_rate")}
    assert scalars(tmp_path) == train
    assert scalars(tmp_path, "validation") == {
        name: as_written(history[f"val_{name}"]) for name in ("loss", "mae")
    }
    assert len(set(history["learning_rate"])) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]


def test_no_validation_no_folder(tmp_path):
    fit(network(), tmp_path / "new" / "folder")
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["train"]
    assert not read(tmp_path / "new" / "folder").Tags()["histograms"]


def test_histograms_of_weights_and_gradients(tmp_path):
    seen = {}

    def keep(run):
        arrays = {"weights": run.network.params, "gradients": run.network.grads}
        seen[run.epoch] = {f"{kind}/{name}": p.copy() for kind in arrays for name, p in arrays[kind].items()}

    model = network()
    callbacks = [TensorBoard(tmp_path, histograms=2), LambdaCallback(on_epoch_end=keep)]
    model.fit(X, Y, epochs=5, batch_size=8, callbacks=callbacks, verbose=0)
    found = read(tmp_path)
    names = set(found.Tags()["histograms"])
    assert names == {f"{kind}/{name}" for kind in ("weights", "gradients") for name in model.params}
    for name in names:
        events = found.Histograms(name)
        assert [event.step for event in events] == [2, 4]
        for event in events:
            array, value = seen[event.step][name].astype(float), event.histogram_value
            assert value.num == array.size == sum(value.bucket)
            assert (value.min, value.max) == (array.min(), array.max())
            assert value.sum == pytest.approx(array.sum(), rel=1e-6, abs=1e-9)
            assert value.sum_squares == pytest.approx((array**2).sum(), rel=1e-6)


def test_a_second_fit_goes_on(tmp_path):
    model = fit(fit(network(), tmp_path, 2), tmp_path, 3)
    assert scalars(tmp_path)["loss"] == as_written(model.history["loss"])
    assert len(model.history["loss"]) == 5


def test_another_network_in_the_same_folder_replaces_the_first(tmp_path):
    fit(network(), tmp_path, 4)
    other = fit(Network([GRU(2), Dense(1)], seed=1), tmp_path, 2)
    assert scalars(tmp_path)["loss"] == as_written(other.history["loss"])


def test_a_resumed_fit_replaces_the_epochs_that_were_lost(tmp_path):
    saved = tmp_path / "network.npz"
    keep = LambdaCallback(on_epoch_end=lambda run: run.network.save(saved) if run.epoch == 2 else None)
    network().fit(
        X, Y, epochs=4, batch_size=8, callbacks=[TensorBoard(tmp_path), keep], verbose=0
    )  # then killed
    again = fit(Network.load(saved), tmp_path, 3, resume=True)
    assert scalars(tmp_path)["loss"] == as_written(again.history["loss"])
    assert len(again.history["loss"]) == 3


def test_what_was_written_is_there_after_an_error(tmp_path):
    board, model = TensorBoard(tmp_path), network()
    with pytest.raises(ZeroDivisionError):
        model.fit(X, Y, epochs=4, callbacks=[board, LambdaCallback(on_epoch_start=fail_in_3)], verbose=0)
    assert list(scalars(tmp_path)["loss"]) == [1, 2]
    model.fit(X, Y, epochs=2, callbacks=[board], verbose=0)
    assert scalars(tmp_path)["loss"] == as_written(model.history["loss"])
    assert len(model.history["loss"]) == 4


def test_it_is_copied_and_shown():
    board = TensorBoard("logs", histograms=3)
    for one in (board, copy.deepcopy(board), pickle.loads(pickle.dumps(board))):
        assert repr(one) == "TensorBoard('logs', histograms=3)"


def test_a_monitor_after_it_is_checked_before_the_fit(tmp_path):
    with pytest.raises(ValueError, match="EarlyStopping: no 'val_loss' to monitor"):
        network().fit(X, Y, callbacks=[TensorBoard(tmp_path), EarlyStopping()], verbose=0)
    assert not list(tmp_path.iterdir())


def test_the_package_is_named_if_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX.summary", None)
    with pytest.raises(ImportError, match=r"pip install 'nnfw\[tensorboard\]'"):
        fit(network(), tmp_path)
    assert not list(tmp_path.iterdir())
