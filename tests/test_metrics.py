"""Metrics against recorded scikit-learn values, and against their definitions, one sample at a time."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnfw import metrics
from nnfw.joint import Output
from nnfw.metric import Metric, Running
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
    NegativePredictiveValue,
    Precision,
    RatioMetric,
    Recall,
    Specificity,
    TopKAccuracy,
)
from nnfw.metrics.given import OTHER_NAMES, SYNONYMS
from nnfw.parts import Registry

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
NAMED = {
    metric.name: metric
    for metric in (
        *CLASSIFIERS,
        *REGRESSORS,
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


@pytest.mark.parametrize(
    ("case", "name"), [(case, name) for case, content in RECORDED.items() for name in content["expected"]]
)
def test_agrees_with_scikit_learn(case, name):
    content = RECORDED[case]
    value = NAMED[name](np.array(content["y"]), np.array(content["a"]))
    np.testing.assert_allclose(value, content["expected"][name], rtol=1e-13, atol=1e-15)


def test_every_registered_metric_is_recorded():
    recorded = {name for content in RECORDED.values() for name in content["expected"]}
    assert {metrics.get(name).name for name in metrics.metrics.names()} <= recorded


@given(classifications())
@settings(deadline=None)
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
@settings(deadline=None)
def test_top_k_is_its_definition(case, k):
    y, a = case
    k = min(k, a.shape[1])
    guesses = [sorted(range(a.shape[1]), key=lambda c, row=row: (-row[c], c))[:k] for row in a]
    hits = sum(t in guess for t, guess in zip(y, guesses, strict=True))
    assert TopKAccuracy(k)(y, a) == pytest.approx(hits / len(y), rel=1e-15)


@given(classifications(fewest=2))
@settings(deadline=None)
def test_top_1_accuracy_is_accuracy(case):
    assert TopKAccuracy(1)(*case) == Accuracy()(*case)


@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 2**32))
@settings(deadline=None)
def test_regression_is_its_definition(n, k, seed):
    rng = np.random.default_rng(seed)
    y, a = rng.normal(size=(n, k)), rng.normal(size=(n, k))
    errors = [y[i, j] - a[i, j] for i in range(n) for j in range(k)]
    assert MAE()(y, a) == pytest.approx(sum(abs(e) for e in errors) / len(errors), rel=1e-13)
    assert MSE()(y, a) == pytest.approx(sum(e * e for e in errors) / len(errors), rel=1e-13)
    assert RMSE()(y, a) == pytest.approx(math.sqrt(sum(e * e for e in errors) / len(errors)), rel=1e-13)
    assert R2()(y, a) == pytest.approx(naive_r2(y, a), rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8, 1e12])
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


@given(classifications(), st.data())
@settings(deadline=None)
def test_any_split_into_batches_gives_the_same_class_metrics(case, data):
    y, a = case
    cuts = sorted(data.draw(st.sets(st.integers(1, len(y) - 1)))) if len(y) > 1 else []
    for metric in CLASSIFIERS + ([TopKAccuracy(2)] if a.shape[1] > 1 else []):
        np.testing.assert_array_equal(in_batches(metric, y, a, cuts), metric(y, a), err_msg=metric.name)


@given(st.integers(2, 30), st.sampled_from([0.0, 1e4]), st.integers(0, 2**32), st.data())
@settings(deadline=None)
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


def test_all_forms_of_classes_are_one(rng):
    y, a = rng.integers(0, 4, 23), rng.random((23, 4))
    one_hot = np.eye(4)[y]
    smooth = (0.9 * one_hot + 0.025).astype(np.float16)
    forms = [y, y[:, None], y.tolist(), y.astype(np.uint8), y.astype(np.float32), one_hot, smooth]
    for metric in [*CLASSIFIERS, TopKAccuracy(2)]:
        for form in [*forms, one_hot.astype(bool), one_hot.astype(np.uint8)]:
            np.testing.assert_array_equal(metric(form, a), metric(y, a), err_msg=metric.name)


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


def test_arrays_may_be_read_only_strided_and_marked(rng):
    wide, y = rng.random((30, 8)).astype(np.float32), rng.integers(0, 4, 60)[::2]
    a = wide[:, ::2]
    a.flags.writeable = y.flags.writeable = False
    for metric in [*CLASSIFIERS, TopKAccuracy(2)]:
        expected = metric(y.copy(), a.copy())
        np.testing.assert_array_equal(metric(y, a), expected)
        marked = metric.statistics(y, Output(a, a, "softmax"))
        assert type(marked) is np.ndarray


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


def test_a_network_that_diverged_is_never_in_the_top_k():
    assert TopKAccuracy(2)([0, 1, 2], np.full((3, 4), np.nan)) == 0.0


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
    names = metrics.metrics.names()
    assert sorted(names) == [
        "accuracy", "confusion_matrix", "f1", "mae", "matthews_correlation", "mse",
        "negative_predictive_value", "precision", "r2", "recall", "rmse", "specificity", "top_k_accuracy",
    ]  # fmt: skip
    for name in names:
        assert metrics.get(name).name == ("top_5_accuracy" if name == "top_k_accuracy" else name)


def test_names_differ_where_arguments_do():
    assert TopKAccuracy(k=3).name == "top_3_accuracy"
    assert F1("macro").name == "f1_macro"
    assert F1("weighted", threshold=0.3).name == "f1_weighted_0.3"
    assert Accuracy(threshold=0).name == "accuracy_0.0"
    assert len(NAMED) == len(CLASSIFIERS) + len(REGRESSORS) + len(RATIOS) + 9


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


def test_the_config_builds_the_metric_again():
    for metric in NAMED.values():
        again = type(metric)(**metric.config)
        assert (again.name, again.config) == (metric.name, metric.config)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("acc", "accuracy"),
        ("f1_score", "f1"),
        ("MCC", "matthews_correlation"),
        ("npv", "negative_predictive_value"),
        ("sensitivity", "recall"),
        ("tnr", "specificity"),
        ("ppv", "precision"),
        ("mean_squared_error", "mse"),
        ("sparse_top_k_categorical_accuracy", "top_k_accuracy"),
        ("recal", "recall"),
    ],
)
def test_words_of_others_lead_to_the_name(word, name):
    with pytest.raises(ValueError, match=f"'{word}'.*'{name}'"):
        metrics.get(word)


def test_every_synonym_leads_to_a_registered_name():
    assert set(OTHER_NAMES) <= set(metrics.metrics.names())
    assert not set(SYNONYMS) & set(metrics.metrics.names())


def test_a_function_is_averaged_by_samples():
    def largest(y, a):
        return np.abs(y - a).max()

    y, a = np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [7.0]])
    metric = metrics.get(largest)
    assert metric.name == "largest"
    assert in_batches(metric, y, a, [3]) == (3 * 3.0 + 7.0) / 4
    assert metrics.get(F1().result.__func__).name == "result"


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


@pytest.mark.parametrize(("metric", "y_shape", "a_shape"), WRONG_SHAPES)
def test_shapes_must_fit_exactly(metric, y_shape, a_shape):
    with pytest.raises(ValueError, match="y comes first") as caught:
        metric(np.zeros(y_shape), np.zeros(a_shape))
    message = str(caught.value)
    assert str(y_shape) in message
    assert str(a_shape) in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("y", "a", "words"),
    [
        ([0, 3], np.zeros((2, 3)), "y holds 3.*K=3.*0 to 2"),
        ([0, -1], np.zeros((2, 3)), "y holds -1.*0 to 2"),
        ([0.0, 1.5], np.zeros((2, 3)), "y holds 1.5.*whole number"),
        ([0.0, np.nan], np.zeros((2, 3)), "y holds nan"),
        ([0.0, np.inf], np.zeros((2, 3)), "y holds inf"),
        ([0, 2], np.zeros((2, 1)), r"y holds 2.*K=1.*0 or 1.*not classes already decided"),
        ([0, -2], np.zeros(2), r"y holds -2.*-1 or \+1"),
        ([0.2, 1.0], np.zeros(2), r"y holds 0.2"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "must sum to 1"),
        ([[1, 1, 0], [0, 0, 1]], np.zeros((2, 3)), "must sum to 1"),
        ([[np.nan, 1, 0], [0, 0, 1]], np.zeros((2, 3)), "must sum to 1"),
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


def test_classes_that_are_words_are_refused():
    with pytest.raises(TypeError, match=r"y must hold numbers.*np\.unique"):
        Accuracy()(["cat", "dog"], [0.1, 0.9])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"average must be one of auto.*'marco'.*'macro'"):
        F1("marco")
    with pytest.raises(ValueError, match="average must be one of"):
        Precision(0.3)
    with pytest.raises(ValueError, match=r"average='binary'.*K=3"):
        Recall("binary").statistics([0, 1, 2], np.eye(3))
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


def test_what_is_no_metric_is_refused():
    with pytest.raises(TypeError, match=r"expected metric.*got int"):
        metrics.get(3)
    with pytest.raises(TypeError, match="expected metric"):
        metrics.get(dict)


def test_nothing_added_has_no_result():
    with pytest.raises(ValueError, match="f1_macro has no result before its first batch"):
        Running(F1("macro")).result()


def test_a_metric_says_what_it_leaves_open():
    with pytest.raises(NotImplementedError):
        Metric()([1.0], [1.0])
