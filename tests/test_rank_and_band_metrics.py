"""Metrics of ranks, probabilities and forecasts: scikit-learn's values, definitions, batches, networks."""

import json
from pathlib import Path

import numpy as np
import pytest
from alike import for_each

from nnfw import Adam, CSVLogger, Dense, EarlyStopping, Network, ReduceOnPlateau, metrics
from nnfw.losses import MSE, GaussianNLL, MixtureDensity, Quantile
from nnfw.metrics import (
    MAPE,
    MASE,
    ROCAUC,
    SMAPE,
    AveragePrecision,
    CalibrationError,
    Coverage,
    Metric,
    MultiLabel,
    Pinball,
    Running,
)

RANKS = json.loads((Path(__file__).parent / "recorded" / "ranks.json").read_text())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def scores(rng, n, k):
    """Return classes, and outputs with many ties that lean towards them."""
    y = rng.integers(0, max(k, 2), n)
    a = rng.random((n, k)) + 0.5 * (y[:, None] == (np.arange(k) if k > 1 else 1))
    return y, (a / a.sum(axis=1, keepdims=True) if k > 1 else a / 2).round(1).astype("float32")


def one_by_one(y, score):
    """Return the share of pairs of a positive and a negative that are in order, ties counting half."""
    pairs = [(p > q) + (p == q) / 2 for p in score[y == 1] for q in score[y == 0]]
    return np.mean(pairs)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_areas_are_those_of_scikit_learn_with_ties(rng, k):
    sk = pytest.importorskip("sklearn.metrics")
    for n in (7, 60, 301):
        y, a = scores(rng, n, k)
        if len(set(y)) < max(k, 2):
            continue
        columns = a if k > 2 else a[:, -1:]
        truth = (y[:, None] == np.arange(k)) if k > 2 else y[:, None]
        auc = np.mean([sk.roc_auc_score(t, s) for t, s in zip(truth.T, columns.T, strict=True)])
        precision = np.mean(
            [sk.average_precision_score(t, s) for t, s in zip(truth.T, columns.T, strict=True)]
        )
        assert ROCAUC()(y, a) == pytest.approx(auc, rel=1e-12)
        assert AveragePrecision()(y, a) == pytest.approx(precision, rel=1e-12)


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_areas_of_independent_labels_are_those_of_scikit_learn(rng, average):
    sk = pytest.importorskip("sklearn.metrics")
    y = rng.integers(0, 2, (61, 4))
    a = (rng.random((61, 4)) / 2 + y * [0.5, 0.3, 0.1, 0.0]).round(1).astype("float32")
    for name, function in (("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
        metric, value = MultiLabel(name, average), function(y, a, average=average)
        running = Running(metric)
        for rows in (slice(0, 1), slice(1, 30), slice(30, None)):  # a batch alone may lack a class
            running.add(y[rows], a[rows])
        assert metric(y, a) == running.result() == pytest.approx(value, rel=1e-12)


def test_areas_of_labels_of_each_step_are_measured_while_training(rng, tmp_path):
    x, lengths = rng.normal(size=(30, 6, 3)), rng.integers(1, 7, 30)
    y = (x + rng.normal(size=x.shape) > 0.5).astype(int)
    labels = MultiLabel("roc_auc", "macro")
    network = Network([Dense(3, "sigmoid")], loss="bce", metrics=[labels, MultiLabel(ROCAUC)], seed=0)
    history = network.fit(x, y, lengths=lengths, batch_size=7, verbose=0)
    assert set(history) >= {"multi_label_macro_roc_auc", "multi_label_roc_auc"}
    network.save(tmp_path / "network")
    found = Network.load(tmp_path / "network").evaluate(x, y, lengths=lengths, batch_size=11)
    valid = np.arange(6) < lengths[:, None]
    each = [one_by_one(t, s) for t, s in zip(y[valid].T, network.predict(x)[valid].T, strict=True)]
    assert found["multi_label_macro_roc_auc"] == pytest.approx(np.mean(each), rel=1e-12)
    assert labels.higher_is_better


@for_each("case", RANKS)
@for_each("metric", [ROCAUC(), AveragePrecision()])
def test_areas_are_those_of_scikit_learn_with_weights(metric, case):
    y, a, (alone, weighted) = case["y"], case["a"], case["expected"][metric.name]
    assert metric(y, a) == pytest.approx(alone, rel=1e-12)
    for scale in (1.0, 1e300, 1e-300):
        assert metric(y, a, weight=scale * np.array(case["weight"])) == pytest.approx(weighted, rel=1e-12)
    assert metric(y, a, weight=np.full(len(y), 3)) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("metric", [ROCAUC(), AveragePrecision()], ids=lambda metric: metric.name)
def test_a_whole_weight_is_a_sample_several_times(metric, rng):
    y, a = scores(rng, 60, 3)
    weight = rng.integers(0, 3, 60)
    assert metric(y, a, weight=weight) == pytest.approx(
        metric(np.repeat(y, weight), np.repeat(a, weight, axis=0)), rel=1e-12
    )


def test_weights_of_sequences_and_of_their_steps(rng):
    lengths, metric = [3, 1, 4], ROCAUC()
    y, a, of_each = rng.integers(0, 2, (3, 4)), rng.random((3, 4, 1)), np.array([0.5, 2.0, 1.0])
    steps, valid = rng.random((3, 4)), np.arange(4) < np.array(lengths)[:, None]
    cut = [[one[:n] for one, n in zip(part, lengths, strict=True)] for part in (y, a, steps)]
    for given, weight, each in (
        ((y, a), of_each, np.outer(of_each, np.ones(4)).ravel()),
        ((y, a), steps, steps.ravel()),
    ):
        assert metric(*given, weight=weight) == metric(y.ravel(), a.reshape(-1, 1), weight=each)
        expected = metric(y[valid], a[valid], weight=each.reshape(3, 4)[valid])
        assert metric(y, a, weight=weight, lengths=lengths) == expected
    assert metric(cut[0], cut[1], weight=cut[2]) == expected
    assert metric(cut[0], cut[1], weight=of_each) == metric(y, a, lengths=lengths, weight=of_each)


@for_each(
    ("weight", "message"),
    [
        (np.ones(4), r"weight must be 5 numbers of at least 0, not all 0, got shape \(4,\)"),
        (np.ones((5, 2)), r"got shape \(5, 2\)"),
        (-np.ones(5), "got -1 to -1"),
        (np.zeros(5), "got 0 to 0"),
        ([1, 1, np.nan, 1, 1], r"weight\[2\] is nan"),
        (["a"] * 5, "weight must be real numbers"),
    ],
)
def test_wrong_weights_are_refused(weight, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ROCAUC()([0, 1, 0, 1, 1], np.linspace(0, 1, 5), weight=weight)


def test_the_area_is_the_share_of_pairs_in_order(rng):
    for _ in range(5):
        y, a = scores(rng, 40, 1)
        assert ROCAUC()(y, a) == pytest.approx(one_by_one(y, a[:, 0]), rel=1e-12)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int64", "float32"])
def test_scores_of_any_type_are_in_one_order(rng, kind):
    low, high = (0, 2) if kind == "bool" else (-128, 128) if kind == "int8" else (0, 128)
    y, a = rng.integers(0, 3, size=40), rng.integers(low, high, size=(40, 3))
    for metric in (ROCAUC(), AveragePrecision()):
        assert metric(y, a.astype(kind)) == metric(y, a.astype(float))


@for_each("cuts", [[90], [3, 50, 51, 130]])
def test_areas_are_exact_over_batches_and_those_of_one_batch_are_not_averaged(rng, cuts):
    y, a = scores(rng, 200, 3)
    for metric in (ROCAUC(), AveragePrecision()):
        running, again = Running(metric), Running(metric)
        for part in np.split(np.arange(200), cuts):
            running.add(y[part], a[part])
        again.total = running.total  # as a fit that is resumed has it
        assert running.result() == again.result() == metric(y, a)
        assert len(running._parts) == 1
        merged = metric.merge(metric.statistics(y[:90], a[:90]), metric.statistics(y[90:], a[90:]))
        assert metric.result(merged) == metric(y, a)
        halves = np.mean([metric(y[:100], a[:100]), metric(y[100:], a[100:])])
        assert abs(halves - metric(y, a)) > 1e-6


ONE_CLASS = r"roc_auc is undefined \(nan\) because only class 0 occurs in the data"


@pytest.mark.parametrize("k", [1, 2, 3])
def test_where_only_one_class_occurs(rng, k):
    y, a = np.zeros(5, int), rng.random((5, k))
    with pytest.warns(RuntimeWarning, match=ONE_CLASS):
        assert np.isnan(ROCAUC()(y, a))
    with pytest.warns(RuntimeWarning, match=ONE_CLASS):
        assert np.isnan(ROCAUC()([0, 0, 1], a[:3], weight=[1, 1, 0]))
    assert AveragePrecision()(y, a) == (k > 2)  # without a positive 0/0, as for all metrics


def test_the_class_and_the_label_of_an_undefined_value_are_named(rng):
    with pytest.warns(RuntimeWarning, match="only class 2 occurs in the data"):
        assert np.isnan(ROCAUC()([2, 2], rng.random((2, 3))))
    y, a = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]]), rng.random((3, 3))
    with pytest.warns(RuntimeWarning) as caught:
        assert np.isnan(MultiLabel("roc_auc", "macro")(y, a))
    said = [str(one.message).split(";")[0].partition("because ")[2] for one in caught]
    assert said == ["only class 0 occurs in label 1", "only class 1 occurs in label 2"]
    with pytest.warns(RuntimeWarning, match="only class 1 occurs in the data"):
        assert np.isnan(MultiLabel("roc_auc")(np.ones_like(y), a))


def test_a_rank_metric_with_a_result_of_its_own_serves_for_each_label(rng):
    class Gini(ROCAUC):
        def result(self, s, weight=None):
            return 2 * super().result(s, weight) - 1

    y, a = rng.integers(0, 2, (40, 3)), rng.random((40, 3))
    assert MultiLabel(Gini(), "macro")(y, a) == pytest.approx(2 * MultiLabel("roc_auc", "macro")(y, a) - 1)
    Gini.area = lambda self, tp, fp: np.nan  # for another reason than one class alone: no warning
    assert np.isnan(Gini()(y[:, 0], a[:, 0]))


@pytest.mark.slow
def test_a_fit_where_only_one_class_occurs(rng, tmp_path):
    x, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    network = Network([Dense(1, "sigmoid")], loss="bce", metrics=["roc_auc"], seed=0)
    stopping, log = EarlyStopping("val_roc_auc", patience=3), CSVLogger(tmp_path / "log.csv")
    options = {"callbacks": [stopping, ReduceOnPlateau("val_roc_auc", patience=2), log], "verbose": 0}
    with pytest.warns(RuntimeWarning, match=ONE_CLASS):
        history = network.fit(x, y, epochs=9, validation_data=(x[:4], np.zeros(4)), **options)
    assert history.epoch == [1, 2, 3]  # nan is no improvement
    assert np.isnan(history["val_roc_auc"]).all()
    assert np.isfinite(history["roc_auc"]).all()
    assert "nan" not in repr(history)
    assert history.restored is None
    assert stopping.best == -np.inf
    assert (tmp_path / "log.csv").read_text().count("nan") == 3
    history.plot()
    network.save(tmp_path / "network.npz")
    np.testing.assert_equal(dict(Network.load(tmp_path / "network.npz").history), dict(history))
    with pytest.warns(RuntimeWarning, match=ONE_CLASS):
        history = network.fit(x, y, epochs=2, validation_data=(x[:4], np.zeros(4)), verbose=0)
    network.fit(x, y, epochs=3, validation_data=(x[:4], y[:4]), **options)
    assert stopping.best_epoch > 5  # the first with a value


def test_a_rare_class_is_no_matter_before_the_training(rng):
    y = np.zeros(640, int)
    y[1] = 1  # not among the samples that metrics are tried on
    network = Network([Dense(1, "sigmoid")], loss="bce", metrics=["roc_auc"], seed=0)
    assert network.fit(rng.normal(size=(640, 2)), y, verbose=0)["roc_auc"][0] <= 1.0


def test_where_a_class_is_missing(rng):
    for metric in (ROCAUC(), AveragePrecision()):
        y, a = scores(rng, 50, 4)
        y[y == 2] = 0
        kept = [metric((y == k).astype(int), a[:, k : k + 1]) for k in (0, 1, 3)]
        assert metric(y, a) == pytest.approx(np.mean(kept), rel=1e-12)


def test_calibration_by_its_definition(rng):
    y, a = scores(rng, 500, 3)
    a = np.exp(3 * a) / np.exp(3 * a).sum(axis=1, keepdims=True)
    error = 0.0
    for low in np.arange(10) / 10:
        best = a.max(axis=1)
        inside = (best >= low) & (best < low + 0.1)
        if inside.any():
            right = (a.argmax(axis=1) == y)[inside].mean()
            error += inside.mean() * abs(right - best[inside].mean())
    assert CalibrationError(10)(y, a) == pytest.approx(error, rel=1e-6)
    assert CalibrationError(2)([0, 1], [1.0, 0.6]) == pytest.approx(0.3)  # 1 is in the last bin
    with pytest.raises(ValueError, match="probabilities lie between 0 and 1"):
        CalibrationError()([0, 1], [0.2, 1.5])


def test_calibration_of_two_classes_is_that_of_the_second(rng):
    p = rng.random(5000)
    y = rng.random(5000) < p**3  # probabilities too high throughout, as with balanced weights of a rare class
    place = (15 * p).astype(int)
    error = sum(abs((p - y)[place == k].sum()) for k in range(15)) / 5000
    assert error > 0.2
    assert CalibrationError()(y, p[:, None]) == pytest.approx(error, rel=1e-12)
    assert CalibrationError()(y, np.column_stack([1 - p, p])) == pytest.approx(error, rel=1e-12)


def test_relative_errors(rng):
    sk = pytest.importorskip("sklearn.metrics")
    y, a = rng.normal(5, 1, (30, 2)), rng.normal(5, 1, (30, 2))
    assert MAPE()(y, a) == pytest.approx(sk.mean_absolute_percentage_error(y, a), rel=1e-12)
    by_hand = [2 * abs(p - q) / (abs(p) + abs(q)) for p, q in zip(y.flat, a.flat, strict=True)]
    assert SMAPE()(y, a) == pytest.approx(np.mean(by_hand), rel=1e-12)
    assert SMAPE()([0.0, 1.0], [0.0, 1.0]) == 0.0
    with pytest.raises(ValueError, match=r"y holds 0.*smape"):
        MAPE()([0.0, 1.0], [1.0, 1.0])
    assert MASE(2.0)(y, a) == pytest.approx(np.abs(y - a).mean() / 2, rel=1e-12)
    assert MASE(2.0).name == "mase"


def test_bands(rng):
    sk = pytest.importorskip("sklearn.metrics")
    levels, y = [0.1, 0.4, 0.8], rng.normal(size=(50, 2))
    a = rng.normal(size=(50, 6))
    each = [
        sk.mean_pinball_loss(y[:, m], a[:, 3 * m + i], alpha=q) for m in (0, 1) for i, q in enumerate(levels)
    ]
    assert Pinball(levels)(y, a) == pytest.approx(np.mean(each), rel=1e-12)
    assert Pinball(levels)(y, a) == pytest.approx(Quantile(levels)(y, a), rel=1e-12)
    low, high = a.reshape(50, 2, 3).min(axis=2), a.reshape(50, 2, 3).max(axis=2)
    y[0], y[1] = low[0], high[1]
    assert Coverage()(y, a) == np.mean((low <= y) & (y <= high))
    for metric in (Pinball(levels), Coverage()):
        assert metric(y.reshape(10, 5, 2), a.reshape(10, 5, 6)) == metric(y, a)
        assert metric(y[:, 0], a[:, :3]) == metric(y[:, :1], a[:, :3])
    with pytest.raises(
        ValueError, match=r"y of shape \(50, 2\) .* outputs a of shape \(50, 5\).*for each target"
    ):
        Coverage()(y, a[:, :5])
    with pytest.raises(ValueError, match=r"expected 2 outputs for each target"):
        Pinball([0.1, 0.9])(y, a)


@pytest.mark.slow
def test_a_network_measures_its_band_and_its_median_as_it_trains(rng):
    x = rng.uniform(-1, 1, (300, 1))
    y = x[:, 0] + 0.3 * rng.normal(size=300)
    levels = [0.1, 0.5, 0.9]
    measures = ["mae", Pinball(levels), "coverage", "smape"]
    network = Network(
        [Dense(8, "tanh"), Dense(3)], loss=Quantile(levels), optimizer=Adam(0.01), metrics=measures
    )
    history = network.fit(x, y, epochs=30, validation_split=0.2, verbose=0)
    assert set(history) >= {"mae", "pinball", "coverage", "smape", "val_coverage"}
    found, a = network.evaluate(x, y), network.predict(x)
    assert found["pinball"] == pytest.approx(found["loss"], rel=1e-5)
    assert found["coverage"] == Coverage()(y, a)
    assert found["mae"] == pytest.approx(np.abs(a[:, 1] - y).mean(), rel=1e-5)
    assert 0.6 < found["coverage"] < 0.95


@for_each(
    ("metric", "loss", "words"),
    [
        (
            "pinball",
            Quantile([0.05, 0.5, 0.95]),
            r"'pinball': its levels .*; use Pinball\(\[0.05, 0.5, 0.95\]\)",
        ),
        (
            "pinball",
            MixtureDensity(1),
            "'pinball': it needs quantiles, but outputs for MixtureDensity are par",
        ),
        ("coverage", MSE(), r"'coverage': it needs an interval, but outputs for MSE\(\) are one number"),
        ("coverage", Quantile([0.5]), r": it needs an interval, .*; loss=Quantile\(\[0.1, 0.5, 0.9\]"),
        ("coverage", GaussianNLL(), "'coverage': it needs quantiles, but outputs for GaussianNLL are par"),
    ],
)
def test_outputs_that_are_no_quantiles_of_these_levels_are_refused(metric, loss, words):
    network = Network([Dense(loss.outputs_per_target)], loss=loss, metrics=[metric])
    with pytest.raises(ValueError, match=words):
        network.fit(np.ones((4, 2)), np.ones(4), verbose=0)


class Spread(Metric):
    """The mean of the logarithms of the standard deviations, which GaussianNLL has as its second outputs."""

    of_outputs = True

    def statistics(self, y, a):
        return np.array([np.sum(a[..., 1]), len(a)], np.float64)

    def result(self, s):
        return float(s[0] / s[1])


def test_metrics_of_ones_own_take_the_parameters_of_a_distribution(rng):
    x = rng.normal(size=(12, 2))
    network = Network([Dense(2)], loss=GaussianNLL(), metrics=[Spread()], seed=0)
    network.fit(x, x[:, 0], verbose=0)
    found = network.evaluate(x, x[:, 0], batch_size=5)["spread"]
    assert found == pytest.approx(network.predict(x)[:, 1].mean(), rel=1e-5)


@pytest.mark.slow
def test_a_rare_class_is_watched_by_its_area(rng):
    x = rng.normal(size=(600, 2))
    y = (x[:, 0] + 0.5 * rng.normal(size=600) > 1.6).astype(int)
    network = Network([Dense(1, "sigmoid")], loss="bce", metrics=["roc_auc", "average_precision"], seed=0)
    history = network.fit(x, y, epochs=3, batch_size=16, validation_split=0.3, verbose=0)
    a = network.predict(x)
    found = network.evaluate(x, y, batch_size=7)
    assert found["roc_auc"] == ROCAUC()(y, a)
    assert found["average_precision"] == AveragePrecision()(y, a)
    assert metrics.get("roc_auc").higher_is_better
    assert len(history["val_roc_auc"]) == 3
