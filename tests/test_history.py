"""The history as it is shown; what is in it, the tests of training look at."""

import copy
import pickle

import numpy as np
import pytest
from alike import for_each

from nnfw import Dense, EarlyStopping, History, Network

NAN = float("nan")


def history_of(**values):
    history = History()
    for epoch in zip(*values.values(), strict=True):
        history.append(dict(zip(values, epoch, strict=True)))
    return history


@for_each(
    ("history", "shown"),
    [
        (History(), "<History, no epoch>"),
        (history_of(loss=[0.123456]), "<History, 1 epoch; last: loss 0.1235>"),
        (
            history_of(loss=[0.5, 0.25, 0.3], accuracy=[0.5, 0.75, 1.0], learning_rate=[0.001] * 3),
            "<History, 3 epochs; last: loss 0.3, accuracy 1, rate 0.001; "
            "lowest loss: epoch 2, loss 0.25, accuracy 0.75, rate 0.001>",
        ),
        (
            history_of(loss=[3.0, 2.0, 1.0], val_loss=[0.7, 0.71, 0.72]),
            "<History, 3 epochs; last: loss 1, val_loss 0.72; "
            "lowest val_loss: epoch 1, loss 3, val_loss 0.7>",
        ),
        (
            history_of(loss=[3.0, 2.0, 1.0, 0.5], val_loss=[NAN, 0.71, 0.7, NAN]),
            "<History, 4 epochs; last: loss 0.5; lowest val_loss: epoch 3, loss 1, val_loss 0.7>",
        ),
        (
            history_of(loss=[2.0, 1.0], val_loss=[NAN, 0.7]),
            "<History, 2 epochs; last: loss 1, val_loss 0.7; lowest loss: epoch 2>",
        ),
        (history_of(mae=[2.0, 1.0]), "<History, 2 epochs; last: mae 1>"),
    ],
)
def test_is_shown_in_a_line(history, shown):
    assert repr(history) == str(history) == shown


def test_is_a_dict_as_before():
    history = history_of(loss=[0.5, 0.25], mae=[1.0, 2.0])
    assert dict(history) == history == {"loss": [0.5, 0.25], "mae": [1.0, 2.0]}
    assert repr(dict(history)) == "{'loss': [0.5, 0.25], 'mae': [1.0, 2.0]}"


def noise():
    """Labels that nothing predicts, so that the best validation accuracy and loss are of other epochs."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)), rng.integers(2, size=60)


@pytest.mark.slow
def test_the_epoch_shown_is_the_one_whose_weights_were_kept(tmp_path):
    x, y = noise()
    stopping = EarlyStopping("val_accuracy", patience=25)
    network = Network([Dense(32, "tanh"), Dense(1, "sigmoid")], loss="bce", metrics=["accuracy"], seed=2)
    options = {"validation_data": (x[40:], y[40:]), "verbose": 0}
    history = network.fit(x[:40], y[:40], epochs=60, callbacks=[stopping], **options)
    kept = stopping.best_epoch
    accuracies, losses = history["val_accuracy"], history["val_loss"]
    assert kept == np.argmax(accuracies) + 1
    assert losses[kept - 1] != min(losses)
    assert network.evaluate(x[40:], y[40:])["accuracy"] == max(accuracies)
    assert history.restored == kept
    assert f"; restored: epoch {kept}, loss {history['loss'][kept - 1]:.4g}" in repr(history)
    marks = [
        line.get_label() for axes in history.plot().axes for line in axes.lines if "epoch" in line.get_label()
    ]
    assert set(marks) == {f"restored: epoch {kept}"}
    network.save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network").history
    for same in (copy.deepcopy(history), pickle.loads(pickle.dumps(history)), loaded):
        assert repr(same) == repr(history)
        assert same.restored == kept

    network.fit(x[:40], y[:40], epochs=2, **options)  # the weights are others now
    assert history.restored is None
    lowest = np.argmin(history["val_loss"]) + 1
    assert f"; lowest val_loss: epoch {lowest}" in repr(history)


def test_weights_that_are_not_restored_are_not_said_to_be():
    x, y = noise()
    network = Network([Dense(1, "sigmoid")], loss="bce", metrics=["accuracy"], seed=0)
    stopping = EarlyStopping("val_accuracy", patience=3, restore_best=False)
    history = network.fit(x, y, epochs=20, validation_split=0.3, callbacks=[stopping], verbose=0)
    assert history.restored is None
    assert "restored" not in repr(history)


def test_what_was_not_measured_is_not_shown():
    x, y = noise()
    network = Network([Dense(1, "sigmoid")], loss="bce", metrics=["accuracy"], seed=0)
    network.fit(x, y, epochs=3, validation_split=0.3, verbose=0)
    history = network.fit(x, y, epochs=2, verbose=0)
    assert np.isnan(history["val_loss"]).tolist() == [False] * 3 + [True] * 2
    assert "nan" not in repr(history)
    last, marked = repr(history).split("; lowest val_loss: ")
    assert "val_" not in last
    assert "val_accuracy" in marked
