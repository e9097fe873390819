"""Metrics against recorded scikit-learn values, and against their definitions, one sample at a time."""

import functools
import json
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from alike import for_each
from hypothesis import given
from hypothesis import strategies as st

from nnfw import GRU, Dense, Network, metrics
from nnfw.core.registry import Registry
from nnfw.metrics import (
    F1,
    MAE,
    MSE,
    R2,
    RMSE,
    Accuracy,
    ConfusionMatrix,
    FunctionMetric,
    MatthewsCorrelation,
    Metric,
    MultiLabel,
    NegativePredictiveValue,
    Precision,
    RatioMetric,
    Recall,
    Running,
    Specificity,
    TopKAccuracy,
)

RECORDED = json.loads((Path(__file__).parent / "recorded" / "metrics.json").read_text())
RATIOS = (Precision, Recall, Specificity, NegativePredictiveValue, F1)
AVERAGES = ("auto", "macro", "micro", "weighted")
CLASSIFIERS = [
    Accuracy(),
    ConfusionMatrix(),
    MatthewsCorrelation(),
    *(ratio(average) for ratio in RATIOS for average in AVERAGES),
]
REGRESSORS = [MAE(), MSE(), RMSE(), R2()]
OF_LABELS = [
    MultiLabel(metric, average)
    for metric in (Accuracy, Precision, Recall, F1, MatthewsCorrelation)
    for average in ("micro", "macro")
]
NAMED = {
    metric.name: metric
    for metric in (
        *CLASSIFIERS,
        *REGRESSORS,
        *OF_LABELS,
        *(ratio("binary") for ratio in RATIOS),
        *(TopKAccuracy(k) for k in range(1, 10)),
    )
}


# ---- The definitions, one sample at a time --------------------------------------------------------------


def naive_decision(row, threshold=0.5):
    if len(row) == 1:
        return 1 if row[0] > threshold else 0
    best = 0
    for k in range(len(row)):
        if row[k] > row[best]:
            best = k
    return best


def naive_ratio(kind, y, decided, k):
    """The ratio for class k: the samples asked about, and the share of them that is right."""
    top = bottom = 0
    for t, d in zip(y, decided, strict=True):
        if kind is Precision and d == k:
            top, bottom = top + (t == k), bottom + 1
        if kind is Recall and t == k:
            top, bottom = top + (d == k), bottom + 1
        if kind is Specificity and t != k:
            top, bottom = top + (d != k), bottom + 1
        if kind is NegativePredictiveValue and d != k:
            top, bottom = top + (t != k), bottom + 1
        if kind is F1:
            top, bottom = top + 2 * (t == k and d == k), bottom + (t == k) + (d == k)
    return top, bottom


def naive_average(kind, average, y, decided, classes):
    if average == "auto":
        average = "binary" if classes == 2 else "macro"
    seen = [1] if average == "binary" else sorted({*y, *decided})
    ratios = [naive_ratio(kind, y, decided, k) for k in seen]
    if average == "micro":
        ratios = [(sum(top for top, _ in ratios), sum(bottom for _, bottom in ratios))]
    values = [top / bottom if bottom else 0.0 for top, bottom in ratios]
    weights = [list(y).count(k) for k in seen] if average == "weighted" else [1] * len(values)
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def naive_matthews(y, decided, classes):
    """Pearson's correlation of the two tables of indicators, each class centred (Gorodkin 2004)."""

    def covariance(u, v):
        total = Fraction(0)
        for k in range(classes):
            mean_u = Fraction(sum(c == k for c in u), len(u))
            mean_v = Fraction(sum(c == k for c in v), len(v))
            for c, d in zip(u, v, strict=True):
                total += ((c == k) - mean_u) * ((d == k) - mean_v)
        return total

    variances = covariance(y, y) * covariance(decided, decided)
    return float(covariance(y, decided)) / math.sqrt(variances) if variances else 0.0


def naive_r2(y, a):
    """R2 in exact rational arithmetic."""
    scores = []
    for k in range(y.shape[1]):
        truth, said = [Fraction(v) for v in y[:, k]], [Fraction(v) for v in a[:, k]]
        mean = sum(truth) / len(truth)
        error = sum((t - s) ** 2 for t, s in zip(truth, said, strict=True))
        spread = sum((t - mean) ** 2 for t in truth)
        scores.append(1 - error / spread if spread else Fraction(error == 0))
    return float(sum(scores) / len(scores))


@st.composite
def classifications(draw, fewest=1):
    """Classes (N,) and outputs (N, K), coarse enough that ties and outputs of exactly 0.5 are common."""
    n, k = draw(st.integers(1, 24)), draw(st.integers(fewest, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, max(k, 2), n), rng.integers(0, 9, (n, k)) / 8


# ---- Values ---------------------------------------------------------------------------------------------


@for_each("case", RECORDED)
def test_agrees_with_scikit_learn(case):
    y, a, expected = (RECORDED[case][name] for name in ("y", "a", "expected"))
    for name, value in expected.items():
        found = NAMED[name](np.array(y), np.array(a))
        np.testing.assert_allclose(found, value, rtol=1e-13, atol=1e-15, err_msg=name)


def test_every_registered_metric_is_recorded():
    recorded = {name for content in RECORDED.values() for name in content["expected"]}
    elsewhere = {"roc_auc", "average_precision", "calibration_error"}  # in test_rank_and_band_metrics
    elsewhere |= {"mape", "smape", "mase", "pinball", "coverage", "label_error_rate"}
    assert {metrics.get(name).name for name in metrics.registry.names()} == recorded & set(
        metrics.registry.names()
    ) | elsewhere | {"top_5_accuracy"}


@pytest.mark.slow
@given(classifications())
def test_classification_is_its_definition(case):
    y, a = case
    classes = max(a.shape[1], 2)
    decided = [naive_decision(row) for row in a]
    right = sum(t == d for t, d in zip(y, decided, strict=True))
    matrix = np.zeros((classes, classes), int)
    for t, d in zip(y, decided, strict=True):
        matrix[t, d] += 1
    assert Accuracy()(y, a) == pytest.approx(right / len(y), rel=1e-15)
    np.testing.assert_array_equal(ConfusionMatrix()(y, a), matrix)
    assert MatthewsCorrelation()(y, a) == pytest.approx(naive_matthews(y, decided, classes), rel=1e-12)
    for ratio in RATIOS:
        for average in AVERAGES:
            expected = naive_average(ratio, average, y, decided, classes)
            assert ratio(average)(y, a) == pytest.approx(expected, rel=1e-13), (ratio, average)


@given(classifications(fewest=2), st.integers(1, 5))
@pytest.mark.slow
def test_top_k_is_its_definition(case, k):
    y, a = case
    k = min(k, a.shape[1])
    guesses = [sorted(range(a.shape[1]), key=lambda c, row=row: (-row[c], c))[:k] for row in a]
    hits = sum(t in guess for t, guess in zip(y, guesses, strict=True))
    assert TopKAccuracy(k)(y, a) == pytest.approx(hits / len(y), rel=1e-15)


@given(classifications(fewest=2))
@pytest.mark.slow
def test_top_1_accuracy_is_accuracy(case):
    assert TopKAccuracy(1)(*case) == Accuracy()(*case)


@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 2**32))
@pytest.mark.slow
def test_regression_is_its_definition(n, k, seed):
    rng = np.random.default_rng(seed)
    y, a = rng.normal(size=(n, k)), rng.normal(size=(n, k))
    errors = [y[i, j] - a[i, j] for i in range(n) for j in range(k)]
    assert MAE()(y, a) == pytest.approx(sum(abs(e) for e in errors) / len(errors), rel=1e-13)
    assert MSE()(y, a) == pytest.approx(sum(e * e for e in errors) / len(errors), rel=1e-13)
    assert RMSE()(y, a) == pytest.approx(math.sqrt(sum(e * e for e in errors) / len(errors)), rel=1e-13)
    assert R2()(y, a) == pytest.approx(naive_r2(y, a), rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8, 1e12])
@pytest.mark.slow
def test_r2_is_right_on_a_large_offset_however_it_is_split(rng, offset):
    y = offset + rng.normal(size=(200, 2))
    a = y + 0.5 * rng.normal(size=y.shape)
    expected = naive_r2(y, a)
    assert 0.5 < expected < 0.9
    for cuts in ([], [1], [7, 50, 51, 199], range(1, 200)):
        assert in_batches(R2(), y, a, cuts) == pytest.approx(expected, rel=1e-11)


def test_r2_of_equal_targets_has_a_spread_of_exactly_zero():
    y, a = np.full(7, 0.1), np.full(7, 0.2)
    assert np.square(y - y.mean()).sum() > 0  # what the plain formula would divide by
    for cuts in ([], [1, 3]):
        assert in_batches(R2(), y, a, cuts) == 0.0
        assert in_batches(R2(), y, y, cuts) == 1.0


# ---- Batches --------------------------------------------------------------------------------------------


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def in_batches(metric, y, a, cuts):
    running = Running(metric)
    for batch in zip(np.split(y, list(cuts)), np.split(a, list(cuts)), strict=True):
        running.add(*batch)
    return running.result()


@pytest.mark.slow
@given(classifications(), st.data())
def test_any_split_into_batches_gives_the_same_class_metrics(case, data):
    y, a = case
    cuts = sorted(data.draw(st.sets(st.integers(1, len(y) - 1)))) if len(y) > 1 else []
    for metric in CLASSIFIERS + ([TopKAccuracy(2)] if a.shape[1] > 1 else []):
        np.testing.assert_array_equal(in_batches(metric, y, a, cuts), metric(y, a), err_msg=metric.name)


@given(st.integers(2, 30), st.sampled_from([0.0, 1e4]), st.integers(0, 2**32), st.data())
@pytest.mark.slow
def test_any_split_into_batches_gives_the_same_regression_metrics(n, offset, seed, data):
    rng = np.random.default_rng(seed)
    y, a = offset + rng.normal(size=(n, 3)), offset + rng.normal(size=(n, 3))
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1))))
    for metric in REGRESSORS:
        assert in_batches(metric, y, a, cuts) == pytest.approx(metric(y, a), rel=1e-11), metric.name


def test_the_order_of_merging_does_not_matter(rng):
    y, a = rng.normal(1e6, 2.0, (30, 2)), rng.normal(1e6, 2.0, (30, 2))
    first, second, third = (R2().statistics(y[part], a[part]) for part in np.split(np.arange(30), [3, 17]))
    r2 = R2()
    orders = (r2.merge(first, r2.merge(second, third)), r2.merge(r2.merge(third, first), second))
    for s in orders:
        assert r2.result(s) == pytest.approx(r2(y, a), rel=1e-13)


def test_merging_changes_neither_statistic(rng):
    s, t = (R2().statistics(rng.normal(size=(4, 2)), rng.normal(size=(4, 2))) for _ in range(2))
    kept = s.copy(), t.copy()
    R2().merge(s, t)
    np.testing.assert_array_equal((s, t), kept)


def test_the_mean_of_batch_results_is_another_number():
    """The reason for statistics: unequal batches, averaged, give a wrong epoch."""
    y, a = np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.8, 0.9, 0.1, 0.2])
    whole = in_batches(F1(), y, a, [4])
    assert whole == pytest.approx(2 / 3)
    assert whole != pytest.approx((F1()(y[:4], a[:4]) + F1()(y[4:], a[4:])) / 2)


# ---- Forms of targets and outputs -----------------------------------------------------------------------


@pytest.mark.slow
def test_all_forms_of_classes_are_one(rng):
    y, a = rng.integers(0, 4, 23), rng.random((23, 4))
    one_hot = np.eye(4)[y]
    smooth = (0.9 * one_hot + 0.025).astype(np.float16)
    forms = [y, y[:, None], y.tolist(), y.astype(np.uint8), y.astype(np.float32), one_hot, smooth]
    for metric in [*CLASSIFIERS, TopKAccuracy(2)]:
        for form in [*forms, one_hot.astype(bool), one_hot.astype(np.uint8)]:
            np.testing.assert_array_equal(metric(form, a), metric(y, a), err_msg=metric.name)


@pytest.mark.slow
def test_all_forms_of_binary_targets_are_one(rng):
    y, a = rng.integers(0, 2, 23), rng.random(23)
    signs = 2 * y - 1
    for metric in CLASSIFIERS:
        expected = metric(y, a)
        for form in (y, y == 1, y.astype(np.float32), signs, signs.astype(np.float32), y.astype(np.uint8)):
            for shaped in (form, form[:, None]):
                np.testing.assert_array_equal(metric(shaped, a), expected, err_msg=metric.name)
                np.testing.assert_array_equal(metric(shaped, a[:, None]), expected, err_msg=metric.name)


def test_two_outputs_are_binary_with_class_1_positive(rng):
    y, p = rng.integers(0, 2, 40), rng.random(40)
    for metric in CLASSIFIERS:
        two = metric(y, np.stack([1 - p, p], axis=1))
        np.testing.assert_array_equal(two, metric(y, p), err_msg=metric.name)


def test_steps_are_samples(rng):
    y, a = rng.integers(0, 3, (5, 7)), rng.random((5, 7, 3))
    for metric in [*CLASSIFIERS, TopKAccuracy(2)]:
        expected = metric(y.ravel(), a.reshape(-1, 3))
        for form in (y, y[..., None], np.eye(3)[y]):
            np.testing.assert_array_equal(metric(form, a), expected, err_msg=metric.name)
    real = rng.normal(size=a.shape)
    for metric in REGRESSORS:
        assert metric(real, a) == metric(real.reshape(-1, 3), a.reshape(-1, 3))
        assert metric(real[..., 0], a[..., :1]) == metric(real[..., 0].ravel(), a[..., 0].ravel())


LENGTHS = [3, 5, 1, 4]


def ragged(whole):
    return [one[:length] for one, length in zip(whole, LENGTHS, strict=True)]


def forms_of_sequences(y, a):
    """The same targets (N, T, ...) and outputs (N, T, K) in all forms with lengths, the padding filled."""
    yield ragged(y), ragged(a), {}
    yield ragged(y), a, {}
    yield y, ragged(a), {}
    yield tuple(ragged(y)), tuple(ragged(a)), {"lengths": LENGTHS}
    yield y, a, {"lengths": LENGTHS}
    yield y.tolist(), a, {"lengths": np.array(LENGTHS, np.uint8)}
    yield [one.tolist() for one in ragged(y)], [one.tolist() for one in ragged(a)], {"lengths": LENGTHS}
    wide = np.pad(a, ((0, 0), (0, 2), (0, 0)), constant_values=np.nan)
    yield ragged(y), wide, {}
    yield y, wide, {"lengths": LENGTHS}


@pytest.mark.slow
def test_beyond_the_lengths_nothing_is_counted(rng):
    classes, a = rng.integers(0, 3, (4, 6)), rng.random((4, 6, 3))
    valid = np.arange(6) < np.array(LENGTHS)[:, None]
    a[~valid] = np.nan
    labels, numbers = rng.integers(0, 2, (4, 6, 3)), rng.normal(size=(4, 6, 3))
    cases = [(metric, classes) for metric in (*CLASSIFIERS, TopKAccuracy(2), metrics.get(wrong))]
    cases += [(metric, np.eye(3)[classes]) for metric in (*CLASSIFIERS, TopKAccuracy(2))]
    cases += [(metric, classes[..., None]) for metric in (*CLASSIFIERS, TopKAccuracy(2))]
    cases += [(metric, labels) for metric in OF_LABELS]
    cases += [(metric, numbers) for metric in (*REGRESSORS, Errors(), metrics.get(squared))]
    for metric, y in cases:
        expected = metric(y[valid], a[valid])
        for given_y, given_a, options in forms_of_sequences(y, a):
            np.testing.assert_array_equal(metric(given_y, given_a, **options), expected, err_msg=metric.name)
            running = Running(metric)
            running.add(given_y, given_a, **options)
            np.testing.assert_array_equal(running.result(), expected)


def test_single_outputs_of_sequences_may_be_lists_of_numbers(rng):
    y, a = rng.integers(0, 2, (4, 6)), rng.random((4, 6, 1))
    expected = F1()(y, a, lengths=LENGTHS)
    assert 0 < expected < 1
    assert F1()(ragged(y), ragged(a[..., 0])) == F1()(ragged(y), a) == expected


@for_each(
    ("y", "a", "options", "words"),
    [
        ([[0, 1], [1]], np.zeros((2, 3)), {}, r"a of shape \(2, 3\) has no time steps"),
        ([0, 1], np.zeros((2, 3)), {"lengths": [1, 1]}, r"y of shape \(2,\) has no time steps"),
        ([[0, 1], [1]], np.zeros((2, 1, 3)), {}, "a: lengths must lie in 0 to 1"),
        (np.zeros((2, 4)), np.zeros((2, 4, 3)), {"lengths": [1, 2, 3]}, "y: lengths must be 2 whole numbers"),
        (
            np.zeros((2, 4)),
            np.zeros((2, 4, 3)),
            {"lengths": [1.0, 2.0]},
            "y: lengths must be 2 whole numbers",
        ),
        (np.zeros((2, 4)), np.zeros((2, 4, 3)), {"lengths": [-1, 2]}, "y: lengths must lie in 0 to 4"),
        (
            [[0, 1], [1]],
            [np.zeros((1, 3)), np.zeros((2, 3))],
            {},
            r"a holds \[1, 2\].* steps, but the lengths are \[2, 1\]",
        ),
        (
            [[0, 1], [1]],
            np.zeros((2, 2, 3)),
            {"lengths": [2, 2]},
            r"y holds \[2, 1\].* steps, but the lengths are \[2, 2\]",
        ),
        ([[0, 1], [1]], [np.zeros((2, 3)), np.zeros((1, 2))], {}, "all the input array dimensions"),
        ([[0, 1], [1]], np.zeros((3, 2, 3)), {}, "a: lengths must be 3 whole numbers"),
        ([[0, 1], 1], np.zeros((2, 2, 3)), {}, "y is a list of unequal parts"),
        ([[0, 1], [np.nan]], np.zeros((2, 2, 3)), {}, r"y\[2\] is nan"),
        ([[0, 7], [1]], np.zeros((2, 2, 3)), {}, "y holds 7"),
    ],
)
def test_sequences_that_do_not_go_together_are_refused(y, a, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        Accuracy()(y, a, **options)
    assert len(str(caught.value)) < 500


def test_metrics_take_what_fit_takes():
    x, y = sequences(5, 1, 7, 2)
    classes = [one.argmax(axis=1) for one in y]
    network = Network(
        [GRU(3, return_sequences=True), Dense(2, "softmax")], loss="cce", metrics=["accuracy", "f1"], seed=0
    )
    network.fit(x, classes, verbose=0)
    a, found = network.predict(x), network.evaluate(x, classes)
    assert a.shape == (4, 7, 2)
    assert Accuracy()(classes, a) == found["accuracy"]
    assert F1()(classes, a) == found["f1"]
    matrix = ConfusionMatrix()(classes, a)
    assert matrix.sum() == 5 + 1 + 7 + 2
    assert np.trace(matrix) / matrix.sum() == pytest.approx(found["accuracy"])


def test_arrays_may_be_read_only_and_strided(rng):
    wide, y = rng.random((30, 8)).astype(np.float32), rng.integers(0, 4, 60)[::2]
    a = wide[:, ::2]
    a.flags.writeable = y.flags.writeable = False
    for metric in [*CLASSIFIERS, TopKAccuracy(2)]:
        expected = metric(y.copy(), a.copy())
        np.testing.assert_array_equal(metric(y, a), expected)
        assert type(metric.statistics(y, a)) is np.ndarray


def test_regression_takes_integers_and_float32_without_loss():
    y, a = np.array([0, 255], np.uint8), np.array([255, 0], np.uint8)
    assert MAE()(y, a) == 255.0
    assert MSE()(np.array([1e30], np.float32), np.array([-1e30], np.float32)) == pytest.approx(4e60)
    assert MAE()(np.array([1, 2]), np.array([[1.5], [2.5]], np.float32)) == 0.5


# ---- Decisions, ties and divisions by zero --------------------------------------------------------------


def test_ties_say_the_first_class_and_the_threshold_itself_says_0():
    assert Accuracy()([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5
    assert Accuracy()([0, 1], [0.5, 0.5]) == 0.5
    assert Precision()([0, 1, 1], [0.5, 0.5, np.nextafter(0.5, 1)]) == 1.0
    assert ConfusionMatrix()([2, 2], [[0.3, 0.3, 0.3], [0.1, 0.4, 0.4]]).tolist()[2] == [1, 1, 0]


def test_a_network_that_says_nothing_is_in_the_top_k_by_chance_only():
    y, a = np.arange(10), np.zeros((10, 10))
    assert TopKAccuracy(3)(y, a) == 0.3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_every_metric(rng, bad):
    y, a = rng.integers(0, 3, 6), rng.random((6, 3))
    a[4, y[4]] = bad  # NaN and infinity would win the argmax, and be right
    one_hot = np.eye(3)[y]
    cases = [(metric, y) for metric in (*CLASSIFIERS, TopKAccuracy(2))]
    cases += [(metric, one_hot) for metric in (*REGRESSORS, *OF_LABELS, metrics.get(squared))]
    for metric, target in cases:
        named = re.escape(f"a[4, {y[4]}] is {bad}: every value must be finite")
        with pytest.raises(ValueError, match=named):
            metric(target, a)
        with pytest.raises(ValueError, match=named):
            Running(metric).add(target, a)
        with pytest.raises(ValueError, match=r"a\[1\] is"):
            metric(np.array([0.0, 1.0]), np.array([0.5, bad]))
        with pytest.raises(ValueError, match=r"y\[1\] is"):
            metric(np.array([0.0, bad]), np.array([0.5, 0.5]))


def test_threshold_moves_the_decision_of_a_single_output():
    y, scores = [-1, -1, 1, 1], [-0.9, 0.1, 0.2, 0.8]
    assert Accuracy()(y, scores) == 0.75
    assert Accuracy(threshold=0.0)(y, scores) == 0.75
    assert Accuracy(threshold=0.15)(y, scores) == 1.0
    assert Recall(threshold=0.9)(y, scores) == 0.0
    assert ConfusionMatrix(threshold=0.0)(y, scores).tolist() == [[1, 1], [0, 2]]
    assert MatthewsCorrelation(threshold=0.15)(y, scores) == 1.0


def test_zero_over_zero_is_zero():
    assert Precision()([0, 1], [0.1, 0.2]) == 0.0  # class 1 is never decided
    assert Recall()([0, 0], [0.1, 0.9]) == 0.0  # class 1 never occurs
    assert F1()([0, 0], [0.1, 0.2]) == 0.0
    assert Specificity()([1, 1], [0.1, 0.9]) == 0.0  # nothing is negative
    assert NegativePredictiveValue()([0, 1], [0.8, 0.9]) == 0.0
    assert MatthewsCorrelation()([1, 1], [0.1, 0.9]) == 0.0


@given(classifications())
@pytest.mark.slow
def test_ratios_of_two_classes_need_no_average_and_those_of_more_ask_for_it(case):
    y, a = case
    for ratio in RATIOS:
        if a.shape[1] <= 2:
            assert ratio()(y, a) == ratio("binary")(y, a) == ratio("auto")(y, a)
            continue
        name = ratio.__name__
        for average in (None, "binary"):
            wanted = rf"average={average!r} is for two classes, got K={a.shape[1]}; choose {name}\('macro'\)"
            with pytest.raises(ValueError, match=wanted):
                ratio(average)(y, a)
        assert ratio("auto")(y, a) == ratio("macro")(y, a)


@for_each("ratio", RATIOS)
def test_a_network_of_three_classes_asks_before_it_trains(ratio):
    x, y = np.eye(6)[:, :4], np.arange(6) % 3
    layers = [Dense(3, "softmax")]
    network = Network(layers, loss="cce", metrics=[ratio()], seed=0)
    with pytest.raises(
        ValueError, match=rf"metric '\w+': average=None is for two.*{ratio.__name__}\('macro'\)"
    ):
        network.fit(x, y, verbose=0)
    network.metrics = [ratio("macro"), ratio("weighted"), ratio("micro")]
    names = [metric.name for metric in network.metrics]
    assert [name.rsplit("_", 1)[1] for name in names] == ["macro", "weighted", "micro"]
    assert set(names) <= set(network.fit(x, y, verbose=0))


def test_a_class_that_is_nowhere_takes_nothing_from_the_mean():
    a = np.eye(5)[[0, 3, 3]]
    for ratio in RATIOS:
        for average in AVERAGES:
            assert ratio(average)([0, 3, 3], a) == 1.0


def test_counts_stay_small_for_many_classes(rng):
    y, a = rng.integers(0, 5000, 8), rng.random((8, 5000))
    assert F1().statistics(y, a).shape == (4, 5000)
    assert Accuracy().statistics(y, a).shape == (2,)


# ---- Names, parts and the registry ----------------------------------------------------------------------


def test_the_registered_names_are_the_keys_in_the_history():
    names = metrics.registry.names()
    assert sorted(names) == [
        "accuracy", "average_precision", "calibration_error", "confusion_matrix", "coverage", "f1",
        "label_error_rate", "mae", "mape", "mase", "matthews_correlation", "mean_absolute_error",
        "mean_squared_error", "mse", "multi_label_accuracy", "negative_predictive_value", "pinball",
        "precision", "r2", "recall", "rmse", "roc_auc", "smape", "specificity", "top_k_accuracy",
    ]  # fmt: skip
    others = {"top_k_accuracy": "top_5_accuracy", "mean_absolute_error": "mae", "mean_squared_error": "mse"}
    for name in names:
        assert metrics.get(name).name == others.get(name, name)


def test_names_differ_where_arguments_do():
    assert TopKAccuracy(k=3).name == "top_3_accuracy"
    assert F1("macro").name == "f1_macro"
    assert F1("binary").name == "f1_binary"
    assert F1().name == F1("auto").name == "f1"  # as files of version 0.1.0 have it
    assert F1("weighted", threshold=0.3).name == "f1_weighted_0.3"
    assert Accuracy(threshold=0).name == "accuracy_0.0"
    assert MultiLabel(F1("macro", threshold=0.3)).name == "multi_label_f1_macro_0.3"
    assert MultiLabel(F1(threshold=0.3), "macro").name == "multi_label_macro_f1_0.3"
    assert len(NAMED) == len(CLASSIFIERS) + len(REGRESSORS) + len(OF_LABELS) + len(RATIOS) + 9


def test_a_subclass_is_named_by_its_registration_or_else_by_its_class():
    class OtherScore(F1):
        pass

    assert OtherScore("macro").name == "other_score_macro"
    Registry("metric", Metric).register("other_f1")(OtherScore)
    assert OtherScore("macro").name == "other_f1_macro"


def test_get_takes_a_name_an_object_a_class_and_a_function():
    f1 = F1("macro")
    assert metrics.get(f1) is f1
    assert isinstance(metrics.get(F1), F1)
    assert isinstance(metrics.get("f1"), F1)
    assert isinstance(metrics.get(lambda y, a: 0.0), FunctionMetric)
    passes_one_more = functools.wraps(lambda y, a, more: more)(lambda y, a: 0.0)
    assert isinstance(metrics.get(passes_one_more), FunctionMetric)


def test_the_config_builds_the_metric_again():
    for metric in NAMED.values():
        again = type(metric)(**metric.config)
        assert (again.name, again.config) == (metric.name, metric.config)


@for_each(
    ("word", "name"),
    [
        ("acc", "accuracy"),
        ("f1_score", "f1"),
        ("MCC", "matthews_correlation"),
        ("sensitivity", "recall"),
        ("root_mean_squared_error", "rmse"),
        ("multilabel_accuracy", "multi_label_accuracy"),
        ("recal", "recall"),
        ("matthews", "matthews_correlation"),
        ("negative", "negative_predictive_value"),
        ("Confusion", "confusion_matrix"),
    ],
)
def test_words_of_others_lead_to_the_name(word, name):
    with pytest.raises(ValueError, match=f"'{word}'.*'{name}'"):
        metrics.get(word)


def test_every_synonym_leads_to_a_registered_name():
    registry = metrics.registry
    calls = {name for name in registry.synonyms.values() if name.startswith("metrics.")}
    assert set(registry.synonyms.values()) - calls <= set(registry.names())
    for name in ("f1_macro", "precision_micro", "recall_weighted"):  # of scikit-learn, and as printed here
        assert eval(registry.synonyms[name]).name == name
    assert not set(registry.synonyms) & set(registry.names())


def test_statistics_of_ones_own_are_added_as_a_tuple_too():
    class Bias(metrics.Metric):
        def statistics(self, y, a):
            return np.sum(a - y), np.size(a)

        def result(self, s):
            return s[0] / s[1]

    network = Network([Dense(1)], metrics=[Bias()], seed=0)
    x, y = np.random.default_rng(0).normal(size=(2, 50, 1))
    network.build((1,))
    found = network.evaluate(x, y, batch_size=7)["bias"]
    np.testing.assert_allclose(found, np.mean(network.predict(x) - y), rtol=1e-5)


def test_a_function_is_averaged_by_samples():
    def largest(y, a):
        return np.abs(y - a).max()

    y, a = np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [7.0]])
    metric = metrics.get(largest)
    assert metric.name == "largest"
    assert in_batches(metric, y, a, [3]) == (3 * 3.0 + 7.0) / 4
    assert metrics.get(F1().result.__func__).name == "result"


def test_a_function_is_averaged_by_steps(rng):
    def squared(y, a):
        return np.mean((y - a) ** 2)

    for batches in ([(4, 7, 2), (3, 2, 2)], [(1, 9, 1), (6, 1)], [(5,), (2, 1, 1), (8, 3, 1)]):
        function, whole = Running(metrics.get(squared)), Running(MSE())
        for shape in batches:
            y, a = rng.normal(size=(2, *shape))
            function.add(y, a)
            whole.add(y, a)
        assert function.result() == pytest.approx(whole.result(), rel=1e-13)


def test_a_function_may_clip_in_place_what_it_is_given(rng):
    def of_positive(y, a):
        y[y < 0] = a[a < 0] = 0
        return np.mean((y - a) ** 2)

    x, y = rng.normal(size=(2, 20, 3))
    network = Network([Dense(3)], metrics=[of_positive, "mae"], seed=0)
    before, history = y.copy(), network.fit(x, y, shuffle=False, verbose=0)
    found, a = network.evaluate(x, y), network.predict(x)
    np.testing.assert_array_equal(y, before)
    assert found["mae"] == pytest.approx(np.abs(y - a).mean(), rel=1e-6)
    assert found["of_positive"] == pytest.approx(np.mean((y.clip(0) - a.clip(0)) ** 2), rel=1e-6)
    assert (
        history["mae"]
        == Network([Dense(3)], metrics=["mae"], seed=0).fit(x, y, shuffle=False, verbose=0)["mae"]
    )


def test_an_object_that_can_be_called_is_named_by_its_class():
    class Largest:
        def __call__(self, y, a):
            return np.max(np.subtract(a, y))

    metric = metrics.get(Largest())
    assert (metric.name, metric([1.0], [3.0])) == ("Largest", 2.0)


def test_a_ratio_of_your_own_is_one_line():
    class JaccardIndex(RatioMetric):
        def ratio(self, tp, fp, fn, tn):
            return tp, tp + fp + fn

    assert JaccardIndex("macro").name == "jaccard_index_macro"
    assert JaccardIndex()([1, 1, 1, 0], [0.9, 0.8, 0.1, 0.6]) == 0.5


# ---- Several labels a sample ----------------------------------------------------------------------------


def naive_binary(y, decided):
    """Ratios of class 1, and the accuracy, from pairs of one label's 0 and 1."""
    pairs = list(zip(y, decided, strict=True))
    both, neither, said, true = pairs.count((1, 1)), pairs.count((0, 0)), sum(decided), sum(y)
    ratios = {"precision": (both, said), "recall": (both, true), "f1": (2 * both, said + true)}
    ratios |= {"specificity": (neither, len(pairs) - true), "accuracy": (both + neither, len(pairs))}
    return {name: top / bottom if bottom else 0.0 for name, (top, bottom) in ratios.items()}


@pytest.mark.slow
@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 2**32), st.data())
def test_labels_are_decisions_of_their_own(n, k, seed, data):
    rng = np.random.default_rng(seed)
    y, a = rng.integers(0, 2, (n, k)), rng.integers(0, 9, (n, k)) / 8
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1)))) if n > 1 else []
    decided = [[int(value > 0.5) for value in row] for row in a.tolist()]
    pooled = naive_binary(y.ravel().tolist(), [d for row in decided for d in row])
    each = [
        naive_binary(list(t), list(d)) for t, d in zip(y.T.tolist(), zip(*decided, strict=True), strict=True)
    ]
    for name, expected in pooled.items():
        mean = sum(label[name] for label in each) / k
        for average, value in (("micro", expected), ("macro", mean)):
            metric = MultiLabel(name, average)
            assert metric(y, a) == pytest.approx(value, rel=1e-13), metric
            assert in_batches(metric, y, a, cuts) == pytest.approx(value, rel=1e-13), metric


def test_labels_of_steps_and_of_signs_are_labels(rng):
    y, a = rng.integers(0, 2, (5, 7, 3)), rng.normal(size=(5, 7, 3))
    for average in ("micro", "macro"):
        metric = MultiLabel(F1(threshold=0), average)
        expected = metric(y.reshape(-1, 3), a.reshape(-1, 3))
        assert 0.2 < expected < 0.8
        for form in (y, y == 1, y.astype(np.float32), 2 * y - 1):
            assert metric(form, a.astype(np.float32)) == pytest.approx(expected, rel=1e-13)


def test_a_metric_of_labels_merges_as_its_metric_does():
    class Largest(Accuracy):
        """The most right decisions of a batch."""

        def count(self, truth, decided, k):
            return np.array([np.count_nonzero(truth == decided), 1])

        def merge(self, s, t):
            return np.maximum(s, t)

    y, a = np.array([[1, 0], [1, 0], [0, 0]]), np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert in_batches(MultiLabel(Largest(), "macro"), y, a, [2]) == (2 + 1) / 2
    assert in_batches(MultiLabel(Largest()), y, a, [2]) == 3


def test_a_metric_of_labels_counts_as_its_metric_does():
    class Careless(F1):
        """F1, if the first class were always decided."""

        def count(self, truth, decided, k):
            return super().count(truth, 0 * decided, k)

    class Certain(F1):
        """F1 of the outputs that are 1."""

        def statistics(self, y, a):
            return super().statistics(y, np.floor(a))

    y, a = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[1.0, 0.9], [0.9, 1.0], [0.1, 0.1]])
    for average in ("micro", "macro"):
        assert MultiLabel(Careless(), average)(y, a) == 0.0
        assert MultiLabel(Certain(), average)(y, a) == pytest.approx({"micro": 0.8, "macro": 5 / 6}[average])


def test_a_metric_of_labels_is_shown_by_its_arguments():
    assert repr(MultiLabel()) == "MultiLabel()"
    assert repr(MultiLabel("f1", "macro")) == "MultiLabel(metric='f1', average='macro')"
    assert repr(MultiLabel(F1(threshold=0.3))) == "MultiLabel(metric=F1(threshold=0.3))"


@for_each(
    ("y", "a", "words"),
    [
        ([[0, 2]], np.zeros((1, 2)), "y holds 2, but each of the K=2 labels must be 0 or 1"),
        ([[0, 0.5]], np.zeros((1, 2)), "y holds 0.5"),
        ([[0, 1], [-1, 1]], np.zeros((2, 2)), "y holds -1, but each"),  # an unknown label is none of the two
        ([[0, np.nan]], np.zeros((1, 2)), r"y\[0, 1\] is nan: every value must be finite"),
        ([0, 1], np.zeros((2, 2)), r"y of shape \(2,\).*expected y of shape \(2, 2\)"),
        ([[0, 1]], [[0, 3]], "outputs as a, not predicted classes"),
    ],
)
def test_wrong_labels_are_named(y, a, words):
    for average in ("micro", "macro"):
        with pytest.raises(ValueError, match=words):
            MultiLabel("f1", average)(y, a)


@for_each("metric", ["mse", TopKAccuracy(2), ConfusionMatrix, lambda y, a: 0.0, MultiLabel()])
def test_labels_are_measured_by_metrics_of_classes(metric):
    with pytest.raises(TypeError, match="MultiLabel: metric must give one number for two classes") as caught:
        MultiLabel(metric)
    assert len(str(caught.value)) < 500


def test_several_labels_lead_to_the_metric_for_them():
    with pytest.raises(ValueError, match=r"for independent labels use metrics\.MultiLabel\(metric\)"):
        Accuracy()([[1, 1, 0], [0, 0, 1]], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="MultiLabel: average must be one of 'macro', 'micro', got 'marco'"):
        MultiLabel(average="marco")


# ---- In a network ---------------------------------------------------------------------------------------


def squared(y, a):
    """The mean over samples that `MSE` is."""
    assert (a.ndim, y.shape) == (2, a.shape)
    return np.mean((y - a) ** 2)


def wrong(y, a):
    """The share of steps whose class is not decided."""
    assert (a.ndim, y.shape) == (2, a.shape[:1])
    return np.mean(a.argmax(axis=1) != y)


def sequences(*lengths):
    """Inputs (T_i, 2) and targets (T_i, 2) of each length."""
    rng = np.random.default_rng(len(lengths))
    return [rng.normal(size=(t, 2)) for t in lengths], [rng.normal(size=(t, 2)) for t in lengths]


def stack(*lengths):
    x, y = sequences(*lengths)
    return np.stack(x), np.stack(y)


EPOCHS = [
    ("batches alike", (*stack(*[5] * 11),), {}),
    ("padded batches", (*sequences(5, 1, 7, 2, 6, 3, 1),), {}),
    ("windows", (*stack(*[7] * 6),), {"truncate": 3}),
    ("windows of padded batches", (*sequences(5, 1, 7, 2, 6, 3, 1),), {"truncate": 2}),
    ("batches of other lengths", ([stack(5, 5, 5), stack(2), stack(9, 9)],), {}),
    ("mixed batches", ([stack(5, 5, 5), sequences(1, 4), (*stack(8, 8), [8, 3])],), {}),
]


@pytest.mark.parametrize(("data", "options"), [case[1:] for case in EPOCHS], ids=[case[0] for case in EPOCHS])
@pytest.mark.slow
def test_a_mean_over_steps_is_that_of_the_epoch(data, options):
    network = Network(
        [GRU(3, return_sequences=True), Dense(2)], metrics=["mse", squared], dtype="float64", seed=0
    )
    history = network.fit(*data, epochs=2, batch_size=4, verbose=0, **options)
    np.testing.assert_allclose(history["squared"], history["mse"], rtol=1e-12)
    for batch_size in (2, 256):
        found = network.evaluate(*data, batch_size=batch_size)
        assert found["squared"] == pytest.approx(found["mse"], rel=1e-12)


def test_padded_and_unpadded_sequences_have_one_value():
    x, y = sequences(3, 3, 3, 3, 3)
    y = [np.argmax(one, axis=1) for one in y]
    wide = np.full((5, 6, 2), 9.0)
    wide[:, :3] = x
    classes = np.pad(y, ((0, 0), (0, 3)), constant_values=1)
    network = Network(
        [GRU(3, return_sequences=True), Dense(2, "softmax")], loss="cce", metrics=["accuracy", wrong], seed=0
    )
    network.fit(x, y, verbose=0)
    found = [network.evaluate(np.stack(x), np.stack(y)), network.evaluate(wide, classes, lengths=[3] * 5)]
    for one in found:
        assert one["wrong"] == pytest.approx(1 - one["accuracy"], rel=1e-12)
        assert one["wrong"] == pytest.approx(found[0]["wrong"], rel=1e-12)


class Errors(Metric):
    """Takes each step as a row; of axes of its own it knows nothing."""

    def statistics(self, y, a):
        n, k = a.shape
        return np.array([np.abs(y - a).sum(), n * k])

    def result(self, s):
        return s[0] / s[1]


@pytest.mark.parametrize("lengths", [None, [2, 4, 3]])
def test_metrics_of_your_own_get_steps_as_samples(lengths):
    network = Network([GRU(3, return_sequences=True), Dense(2)], metrics=["mae", Errors()], seed=0)
    history = network.fit(*stack(4, 4, 4), lengths=lengths, verbose=0)
    assert history["errors"] == pytest.approx(history["mae"], rel=1e-6)


class Hits(metrics.MeanMetric):
    def statistics(self, y, a):
        truth, a = metrics.as_classes(y, a)
        return np.array([(a.argmax(axis=1) == truth).sum(), len(a)])


@for_each("form", [lambda y: y, lambda y: y[:, None], lambda y: np.eye(3)[y]])
def test_a_metric_of_your_own_takes_any_form_of_classes(rng, form):
    x, y = rng.normal(size=(20, 4)), rng.integers(0, 3, size=20)
    network = Network([Dense(3, "softmax")], loss="cce", metrics=["accuracy", Hits()], seed=0)
    history = network.fit(x, form(y), batch_size=7, verbose=0)
    assert history["hits"] == history["accuracy"]


def test_a_metric_that_names_itself_need_not_keep_its_arguments():
    class Named(Errors):
        name = "mine"

        def __init__(self, scale):
            self.factor = scale

    x, y = stack(4, 4)
    network = Network([Dense(2)], metrics=[Named(3.0)], seed=0)
    assert "mine" in network.fit(x[0], y[0], verbose=0)


def test_long_names_are_short_in_the_history():
    network = Network([Dense(1)], metrics=["mean_squared_error", "mean_absolute_error"], seed=0)
    assert list(network.fit(np.ones((4, 2)), np.ones(4), verbose=0)) == [
        "loss",
        "mse",
        "mae",
        "learning_rate",
    ]


def labelled(n=40, steps=()):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, *steps, 3))
    return x, (x + rng.normal(size=x.shape) > 0.4).astype(int)


def test_labels_are_measured_while_training(tmp_path):
    x, y = labelled()
    own = [MultiLabel(), MultiLabel("f1"), MultiLabel(Recall(threshold=0.3), "macro")]
    network = Network([Dense(3, "sigmoid")], loss="bce", metrics=own, seed=0)
    history = network.fit(x, y, epochs=3, batch_size=7, validation_split=0.2, verbose=0)
    names = ["multi_label_accuracy", "multi_label_f1", "multi_label_macro_recall_0.3"]
    assert [name for name in history if "multi" in name] == names + [f"val_{name}" for name in names]
    found, a = network.evaluate(x, y, batch_size=9), network.predict(x)
    for metric in own:
        assert 0.3 < found[metric.name] == pytest.approx(metric(y, a), rel=1e-12)
    network.save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network")
    assert repr(loaded.metrics) == repr(network.metrics)
    assert loaded.evaluate(x, y) == network.evaluate(x, y)
    more = {"batch_size": 7, "validation_split": 0.2, "verbose": 0}
    assert loaded.fit(x, y, **more) == network.fit(x, y, **more)


def test_labels_of_each_step_are_measured_too():
    x, y = labelled(10, (6,))
    lengths = [6, 1, 4, 2, 6, 3, 5, 1, 2, 6]
    network = Network([Dense(3, "sigmoid")], loss="bce", metrics=[MultiLabel("f1", "macro")], seed=0)
    network.fit(x, y, lengths=lengths, verbose=0)
    valid = np.arange(6) < np.array(lengths)[:, None]
    expected = MultiLabel("f1", "macro")(y[valid], network.predict(x)[valid])
    assert network.evaluate(x, y, lengths=lengths)["multi_label_macro_f1"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "given"),
    [
        (MultiLabel(), "use MultiLabel(Accuracy(threshold=0.0))"),
        (MultiLabel("f1", "macro"), "use MultiLabel(F1(threshold=0.0))"),
    ],
)
def test_labels_are_decided_where_the_loss_decides(metric, given):
    x, y = labelled()
    network = Network([Dense(3, "tanh")], loss="hinge", metrics=[metric], seed=0)
    with pytest.raises(ValueError, match="threshold for outputs of Hinge is 0") as caught:
        network.fit(x, 2 * y - 1, verbose=0)
    assert given in str(caught.value)
    assert metric.metric.threshold == 0.5
    network.metrics = [MultiLabel(F1(threshold=0))]
    network.fit(x, 2 * y - 1, verbose=0)


# ---- Which way is better --------------------------------------------------------------------------------


def test_each_metric_says_whether_higher_is_better():
    lower, neither = {"mae", "mse", "rmse", "mape", "smape", "mase"}, {"confusion_matrix", "coverage"}
    lower |= {"pinball", "label_error_rate", "calibration_error"}
    for metric in (*NAMED.values(), *map(metrics.get, metrics.registry.names())):
        name = metric.name
        expected = None if name in neither else name not in lower
        assert metric.higher_is_better is expected, name


def test_what_does_not_say_is_not_guessed():
    class Accurate(RatioMetric):
        def ratio(self, tp, fp, fn, tn):
            return fp, tp + fp

    class F1AndMore(F1):
        pass

    assert Accurate().higher_is_better is None
    assert MultiLabel(Accurate()).higher_is_better is None
    assert metrics.get(lambda y, a: 0.0).higher_is_better is None
    assert F1AndMore().higher_is_better is True


# ---- Errors ---------------------------------------------------------------------------------------------

WRONG_SHAPES = [
    (Accuracy(), (3,), (4, 3)),
    (Accuracy(), (4, 2), (4, 3)),
    (Accuracy(), (1, 4), (4, 3)),
    (Accuracy(), (4, 2), (4, 1)),
    (Accuracy(), (1,), (4,)),
    (Accuracy(), (), (4,)),
    (Accuracy(), (12,), (4, 3, 2)),
    (Accuracy(), (4, 1), (4, 3, 2)),
    (F1(), (4, 3, 1), (4, 3)),
    (TopKAccuracy(1), (5,), (4, 3)),
    (MSE(), (4,), (4, 3)),
    (MSE(), (4, 1), (4, 3)),
    (MAE(), (1,), (4,)),
    (R2(), (4, 3), (4, 1)),
    (R2(), (4, 3), (4,)),
]


@for_each(("metric", "y_shape", "a_shape"), WRONG_SHAPES)
def test_shapes_must_fit_exactly(metric, y_shape, a_shape):
    with pytest.raises(ValueError, match="y comes first") as caught:
        metric(np.zeros(y_shape), np.zeros(a_shape))
    message = str(caught.value)
    assert str(y_shape) in message
    assert str(a_shape) in message
    assert len(message) < 500


@for_each(
    ("y", "a", "words"),
    [
        ([0, 3], np.zeros((2, 3)), "y holds 3.*K=3.*0 to 2"),
        ([0, -1], np.zeros((2, 3)), "y holds -1.*0 to 2"),
        ([0.0, 1.5], np.zeros((2, 3)), "y holds 1.5.*whole number"),
        ([0.0, np.nan], np.zeros((2, 3)), r"y\[1\] is nan: every value must be finite"),
        ([0.0, np.inf], np.zeros((2, 3)), r"y\[1\] is inf"),
        ([0, 2], np.zeros((2, 1)), r"y holds 2.*K=1.*0 or 1.*not predicted classes"),
        ([0, -2], np.zeros(2), r"y holds -2.*-1 or \+1"),
        ([1, 0, -1], np.zeros(3), r"y holds -1.*0 or 1 \(or all -1 or \+1\)"),
        ([0.2, 1.0], np.zeros(2), r"y holds 0.2"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "must sum to 1"),
        ([[1, 1, 0], [0, 0, 1]], np.zeros((2, 3)), "must sum to 1"),
        ([[np.nan, 1, 0], [0, 0, 1]], np.zeros((2, 3)), r"y\[0, 0\] is nan"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "empty"),
        (np.zeros((2, 0)), np.zeros((2, 0)), "empty"),
        (np.zeros(0), np.zeros(0), "empty"),
    ],
)
def test_wrong_classes_are_named(y, a, words):
    for metric in (Accuracy(), F1(), ConfusionMatrix(), TopKAccuracy(1)):
        with pytest.raises(ValueError, match=words) as caught:
            metric(y, a)
        assert len(str(caught.value)) < 500


def test_a_regression_needs_a_sample():
    for metric in REGRESSORS:
        with pytest.raises(ValueError, match="empty"):
            metric(np.zeros((0, 2)), np.zeros((0, 2)))


@for_each("a", [[2, 2, 1, 0], [[3], [0], [1], [1]], np.array([0, 1, 255, 1], np.uint8), [-2, 0, 1, 1]])
def test_classes_already_decided_are_no_outputs(a):
    for metric in (Accuracy(), F1(), ConfusionMatrix(), MatthewsCorrelation()):
        with pytest.raises(ValueError, match=r"outputs as a, not predicted classes") as caught:
            metric([0, 1, 1, 0], a)
        assert len(str(caught.value)) < 500
        metric([0, 1, 1, 0], np.asarray(a).astype(float))


def test_decisions_between_two_classes_may_be_whole_numbers():
    assert Accuracy()([0, 1, 1, 0], [0, 1, 0, 0]) == 0.75
    assert Accuracy()([0, 1, 1, 0], [False, True, False, False]) == 0.75
    assert Accuracy(threshold=0)([-1, 1, 1, -1], [-1, 1, -1, -1]) == 0.75
    assert Accuracy()([0, 1, 2], [[5, 1, 2], [0, 3, 0], [9, 9, 8]]) == 2 / 3  # scores of several


def test_classes_that_are_words_are_refused():
    for words in (["cat", "dog"], ["cat", "horse"], np.array(["cat", "dog"], object)):
        with pytest.raises(TypeError, match=r"y.* must be real numbers.*LabelEncoder"):
            Accuracy()(words, [0.1, 0.9])


def test_masked_values_are_not_read_under_their_mask():
    masked = np.ma.array([0.0, 1.0], mask=[False, True])
    for metric in (Accuracy(), MSE(), metrics.get(squared)):
        with pytest.raises(ValueError, match="y has masked values; fill them"):
            metric(masked, np.array([0.2, 0.8]))
        with pytest.raises(ValueError, match="a has masked values; fill them"):
            metric(np.array([0.2, 0.8]), masked)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"F1: average must be one of 'auto'.*'macro'.*got 'marco'"):
        F1("marco")
    with pytest.raises(ValueError, match="average must be one of"):
        Precision(0.3)
    with pytest.raises(ValueError, match=r"average='binary'.*K=3"):
        Recall("binary")([0, 1, 2], np.eye(3))
    with pytest.raises(ValueError, match="k must be at least 1"):
        TopKAccuracy(0)
    with pytest.raises(TypeError, match="k must be a whole number"):
        TopKAccuracy(2.0)
    with pytest.raises(ValueError, match=r"k=5.*K=3.*smaller k"):
        TopKAccuracy()([0, 1, 2], np.eye(3))
    with pytest.raises(ValueError, match=r"k=1.*K=1.*accuracy for a single output"):
        TopKAccuracy(1)([0, 1, 1], np.ones(3))
    with pytest.raises(TypeError, match="threshold must be a number"):
        Accuracy("0.5")
    with pytest.raises(TypeError, match="Did you mean 'threshold'"):
        Accuracy(treshold=0.3)


def test_a_function_must_return_one_number():
    with pytest.raises(TypeError, match=r"metric <lambda>.*\(2,\)"):
        metrics.get(lambda y, a: np.abs(y - a))(np.zeros(2), np.ones(2))
    with pytest.raises(TypeError, match="metric <lambda> must return one number, got None"):
        metrics.get(lambda y, a: None)(np.zeros(2), np.ones(2))


def test_what_is_no_metric_is_refused():
    with pytest.raises(TypeError, match=r"metric must be a name .*got \d+ \(int\)"):
        metrics.get(3)
    with pytest.raises(TypeError, match="metric must be a name"):
        metrics.get(dict)


def test_nothing_added_has_no_result():
    with pytest.raises(ValueError, match="f1_macro has no result before its first batch"):
        Running(F1("macro")).result()


def test_a_metric_says_what_it_leaves_open():
    with pytest.raises(NotImplementedError):
        Metric()([1.0], [1.0])
