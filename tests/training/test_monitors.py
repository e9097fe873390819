"""Monitors: when they act, beside Keras's and PyTorch's callbacks on the same numbers, whole and resumed."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from nnfw import SGD, Checkpoint, Dense, EarlyStopping, LambdaCallback, Network, ReduceOnPlateau

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "callbacks.json").read_text())
X = np.random.default_rng(0).normal(size=(4, 2))


def each(kind):
    rows = RECORDED[kind]
    others = [row for number, row in enumerate(rows) if number % 3]
    parts = [pytest.param(rows[::3], id="a third"), pytest.param(others, id="others", marks=pytest.mark.slow)]
    return pytest.mark.parametrize("rows", parts)


def train(values, callback, epochs, network=None):
    """Train to that epoch, with these values to monitor; return the network, and its weights by epoch."""
    weights = {}

    def put(run):
        run.logs["value"] = values[run.epoch - 1]
        weights[run.epoch] = run.network.flat_params.copy()

    resume, network = network is not None, network or Network([Dense(1)], optimizer=SGD(1.0), seed=0)
    callbacks = [LambdaCallback(on_epoch_end=put), callback]
    network.fit(X, X[:, :1], epochs=epochs, callbacks=callbacks, resume=resume, verbose=0)
    return network, weights


@pytest.mark.parametrize("pause", [None, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 6))])
class TestBesideThePeers:
    """A pause ends the fit after that epoch; a new callback resumes it."""

    def run(self, row, make, pause):
        """Return the network, its weights by epoch, and the last callback."""
        network, weights = None, {}
        for epochs in [pause] * (pause is not None) + [len(row["values"])]:
            callback = make()
            network, more = train(row["values"], callback, epochs, network)
            weights |= more
        return network, weights, callback

    @each("early_stopping")
    def test_early_stopping(self, rows, pause):
        for row in rows:
            settings = {name: row[name] for name in ("mode", "patience", "min_delta")}
            make = functools.partial(EarlyStopping, "value", **settings)
            network, weights, stopper = self.run(row, make, pause)
            assert (len(network.history.epoch), stopper.best_epoch) == (row["last"], row["kept"])
            np.testing.assert_array_equal(network.flat_params, weights[row["kept"]])

    def plateau(self, row, pause, patience, cooldown):
        settings = {"mode": row["mode"], "min_delta": row["min_delta"], "min_rate": row["min_lr"]}
        settings |= {"factor": 0.5, "patience": patience, "cooldown": cooldown}
        make = functools.partial(ReduceOnPlateau, "value", **settings)
        network, _, _ = self.run(row, make, pause)
        rates = [*network.history["learning_rate"][1:], network.optimizer.rate(0.0)]
        np.testing.assert_allclose(rates, row["rates"], rtol=1e-6)

    @each("keras_plateau")
    def test_plateau_of_keras_whose_cooldown_is_one_longer(self, rows, pause):
        for row in rows:
            self.plateau(row, pause, row["patience"], max(row["cooldown"] - 1, 0))

    @each("torch_plateau")
    def test_plateau_of_pytorch_whose_patience_is_one_less(self, rows, pause):
        for row in rows:
            self.plateau(row, pause, row["patience"] + 1, row["cooldown"])

    @each("checkpoint")
    def test_checkpoint(self, rows, pause, tmp_path, monkeypatch):
        saved = []
        monkeypatch.setattr(
            "nnfw.saving.checkpoint.save", lambda network, path: saved.append(len(network.history.epoch))
        )
        for row in rows:
            saved.clear()
            make = functools.partial(Checkpoint, tmp_path / "best", monitor="value", mode=row["mode"])
            self.run(row, make, pause)
            assert saved == row["saved"]


def test_two_early_stoppings_resume_from_the_last_weights():
    def train(*epochs):
        network = Network([Dense(1)], optimizer=SGD(0.1), seed=0)
        for end in epochs:
            stoppers = [EarlyStopping("loss", mode=mode) for mode in ("min", "max")]
            network.fit(X, X[:, :1], epochs=end, callbacks=stoppers, resume=True, verbose=0)
        return network, [stopper.weights for stopper in stoppers]

    (whole, kept), (resumed, also_kept) = train(5), train(2, 4, 5)
    np.testing.assert_array_equal(resumed.flat_params, whole.flat_params)
    np.testing.assert_array_equal(also_kept, kept)
    assert resumed.history == whole.history


@pytest.mark.parametrize("make", [EarlyStopping, ReduceOnPlateau])
def test_any_improvement_counts_and_what_is_not_known_is_none(make):
    network, _ = train([3.0, 2.5, 2.2, 2.1], make("value", mode="min", patience=1), 4)
    assert network.history["learning_rate"] == [1.0] * 4
    network, _ = train([np.nan] * 4, make("value", mode="min", patience=2), 4)
    rates = network.history["learning_rate"]
    assert rates == ([1.0, 1.0] if make is EarlyStopping else [1.0, 1.0, 0.5, 0.5])
