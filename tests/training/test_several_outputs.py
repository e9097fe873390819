"""Losses with several outputs for each target: what fit, evaluate, check and metrics make of them."""

import numpy as np
import pytest

from nnfw import GRU, Adam, Dense, Network, ShapeError
from nnfw.activations import LeakyReLU
from nnfw.losses import MSE, GaussianNLL, MixtureDensity, Quantile

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (400, 2))
NOISE = RNG.normal(size=400)
Y = np.sin(2 * X[:, 0]) + 0.2 * (1.5 + X[:, 1]) * NOISE  # of deviation 0.1 to 0.5
LOSSES = [(Quantile([0.1, 0.5, 0.9]), 3), (Quantile([0.3]), 1), (GaussianNLL(), 2), (MixtureDensity(2), 6)]
losses = pytest.mark.parametrize(("loss", "units"), LOSSES, ids=[repr(loss) for loss, _ in LOSSES])


def network_for(loss, units, **options):
    layers = [Dense(16, "tanh"), Dense(units)]
    return Network(
        layers, **({"loss": loss, "optimizer": Adam(5e-3), "metrics": ["mae"], "seed": 1} | options)
    )


@losses
@pytest.mark.slow
def test_targets_come_in_every_form_of_one_number(loss, units):
    found = [
        network_for(loss, units).fit(X, y, epochs=2, verbose=0)["loss"] for y in (Y, Y[:, None], list(Y))
    ]
    assert found[0] == found[1] == found[2]


@losses
def test_metrics_measure_what_the_outputs_predict(loss, units):
    network = network_for(loss, units)
    network.fit(X, Y, epochs=2, verbose=0)
    a = network.predict(X)
    assert a.shape == (400, units)
    predicted = {"Quantile": a[:, [units // 2]], "GaussianNLL": a[:, :1]}.get(type(loss).__name__)
    if predicted is None:  # a mixture
        weights = np.exp(a[:, :2]) / np.exp(a[:, :2]).sum(axis=1, keepdims=True)
        predicted = (weights * a[:, 2:4]).sum(axis=1, keepdims=True)
    measured = network.evaluate(X, Y)
    assert measured["mae"] == pytest.approx(np.abs(predicted - Y[:, None]).mean(), rel=1e-5)
    assert measured["loss"] == pytest.approx(loss(Y[:, None], a), rel=1e-5)


def test_metrics_measure_what_a_single_output_of_an_own_loss_stands_for():
    class Logarithm(MSE):
        def estimate(self, a):
            return np.exp(a)

    network = network_for(Logarithm(), 1)
    network.fit(X, Y, verbose=0)
    error = np.exp(network.predict(X)[:, 0]) - Y
    assert network.evaluate(X, Y)["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)


@losses
def test_each_step_of_sequences_has_its_target(loss, units):
    x, lengths = RNG.normal(size=(6, 4, 2)), np.array([4, 2, 3, 1, 4, 2])
    y = x.cumsum(axis=1)[..., 0]
    network = Network([GRU(5, return_sequences=True), Dense(units)], loss=loss, metrics=["mae"], seed=0)
    network.fit(x, y, lengths=lengths, epochs=2, batch_size=3, verbose=0)
    a, valid = network.predict(x, lengths=lengths), np.arange(4) < lengths[:, None]
    measured = network.evaluate(x, y, lengths=lengths, batch_size=6)
    assert measured["loss"] == pytest.approx(loss(y[valid][:, None], a[valid]), rel=1e-5)
    assert measured["mae"] == pytest.approx(np.abs(loss.estimate(a[valid])[:, 0] - y[valid]).mean(), rel=1e-5)


@pytest.mark.slow
def test_quantiles_cover_what_they_promise():
    network = network_for(Quantile([0.1, 0.5, 0.9]), 3)
    network.fit(X, Y, epochs=300, verbose=0)
    low, middle, high = network.predict(X).T
    assert np.mean(low > Y) == pytest.approx(0.1, abs=0.05)
    assert np.mean(middle > Y) == pytest.approx(0.5, abs=0.05)
    assert np.mean(high > Y) == pytest.approx(0.9, abs=0.05)
    assert np.corrcoef(high - low, 1.5 + X[:, 1])[0, 1] > 0.8  # wider where the noise is


@pytest.mark.slow
def test_a_normal_distribution_learns_mean_and_deviation():
    network = network_for(GaussianNLL(), 2)
    network.fit(X, Y, epochs=300, verbose=0)
    mean, s = network.predict(X).T
    assert np.sqrt(np.mean((mean - np.sin(2 * X[:, 0])) ** 2)) < 0.15
    assert np.exp(s).mean() == pytest.approx(0.2 * 1.5, rel=0.25)


@pytest.mark.slow
def test_a_mixture_learns_two_answers_to_one_question():
    side = RNG.choice([-1.0, 1.0], size=400)
    y = side * (1 + 0.5 * X[:, 0]) + 0.05 * NOISE
    network = network_for(MixtureDensity(2), 6)
    network.fit(X, y, epochs=200, verbose=0)
    means = np.sort(network.predict(X)[:, 2:4], axis=1)
    expected = 1 + 0.5 * X[:, 0]
    assert np.abs(means - np.stack([-expected, expected], axis=1)).mean() < 0.15


@losses
@pytest.mark.slow
def test_the_check_knows_the_baseline_and_perfect_outputs(loss, units):
    y = np.sin(2 * X[:, :1])
    report = network_for(loss, units).check(X, y, steps=300)
    assert report.chance == pytest.approx(loss(y, loss.as_outputs(np.full((400, 1), y.mean()))), rel=1e-6)
    assert report.lowest == pytest.approx(loss(y, loss.as_outputs(y)), abs=1e-6)
    assert report.ok, report.warnings


def test_a_logarithm_is_any_output_that_is_not_bounded_below():
    for slope in (0.01, 1e-5):
        Network([Dense(2, LeakyReLU(slope))], loss=GaussianNLL(), seed=0).fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="those of elu are bounded below"):
        Network([Dense(2, "elu")], loss=GaussianNLL(), seed=0).fit(X, Y, verbose=0)


def test_what_does_not_fit_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"layer 2, Dense\(4\): Quantile\(\) takes 3 outputs .* Dense\(3\)"):
        network_for("quantile", 4).fit(X, Y, verbose=0)
    with pytest.raises(
        ShapeError, match=r"y has shape \(400, 2\).*\(400, 1\) or \(400,\).* 3 times as many .* 6$"
    ):
        network_for("quantile", 3).fit(X, X, verbose=0)
    network = network_for("gaussian_nll", 2)
    network.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match=r"GaussianNLL on such outputs predicts numbers.*use predict$"):
        network.predict_classes(X)
    for levels, error in (([], "at least one"), ([0.0], r"levels\[0\]"), (0.5, "must be a list")):
        with pytest.raises((TypeError, ValueError), match=error):
            Quantile(levels)


def test_the_quantile_loss_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    for level in (0.1, 0.5, 0.95):
        a = RNG.normal(size=(400, 1))
        expected = metrics.mean_pinball_loss(Y, a[:, 0], alpha=level)
        assert Quantile([level])(Y[:, None], a) == pytest.approx(expected, rel=1e-12)


@losses
@pytest.mark.slow
def test_saved_and_loaded_they_are_the_same(loss, units, tmp_path):
    network = network_for(loss, units)
    network.fit(X, Y, verbose=0)
    network.save(tmp_path / "network")
    again = Network.load(tmp_path / "network")
    assert repr(again.loss) == repr(loss)
    assert again.evaluate(X, Y) == network.evaluate(X, Y)
