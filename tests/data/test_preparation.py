"""Preparing data, held against hand-worked cases, naive loops, exact rational arithmetic and scikit-learn."""

import copy
import json
import pickle
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from alike import for_each
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from memory import peak

from nnfw.data import (
    Impute,
    LabelEncoder,
    MinMaxScaler,
    StandardScaler,
    batches,
    one_hot,
    pad_sequences,
    samples,
    sliding_windows,
    split_indices,
    train_test_split,
)

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "digits.json").read_text())


def generator(seed=0):
    return np.random.default_rng(seed)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def non_contiguous(array):
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim > 1 else np.repeat(array, 2)[::2]


def mapped(array, folder):
    path = folder / "values.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def variants(array, folder):
    """Return the same values in memory that is read-only, non-contiguous, and on disk."""
    return [read_only(array), non_contiguous(array), np.asfortranarray(array), mapped(array, folder)]


# Labels -------------------------------------------------------------------------------------------------


def test_one_hot_by_hand():
    expected = [[[0, 1, 0, 0], [1, 0, 0, 0]], [[0, 0, 1, 0], [0, 1, 0, 0]], [[0, 0, 1, 0], [0, 0, 1, 0]]]
    rows = one_hot([[1, 0], [2, 1], [2, 2]], classes=4)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected)


@for_each("dtype", ["int8", "uint8", "int64", "uint64"])
def test_one_hot_rows_are_those_of_the_identity(dtype):
    labels = generator().integers(0, 7, 50).astype(dtype)
    rows = one_hot(labels, 9, dtype="float64")
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, np.eye(9)[labels.astype(int)])


def test_one_hot_infers_one_class_more_than_the_largest_label():
    assert one_hot([0, 4, 1]).shape == (3, 5)
    assert one_hot([0, 0]).shape == (2, 1)
    assert one_hot(np.zeros(0, dtype=int), classes=3).shape == (0, 3)


@for_each(
    ("labels", "classes", "error", "words"),
    [
        ([0, 1, -1], None, ValueError, r"labels\[2\] is -1"),
        ([-2, -1], None, ValueError, r"labels\[0\] is -2"),
        ([[0, 1], [3, 1]], 3, ValueError, r"labels\[1, 0\] is 3.*from 0 to 2"),
        ([0.0, 1.0], None, TypeError, r"float64.*astype\(int\)"),
        (["a", "b"], None, TypeError, "LabelEncoder"),
        ([True, False], None, TypeError, "bool"),
        (3, None, ValueError, r"\(samples,\)"),
        (np.zeros((1, 1, 1), dtype=int), None, ValueError, r"\(1, 1, 1\)"),
        (np.zeros(0, dtype=int), None, ValueError, "classes="),
        ([0, 1], 0, ValueError, "classes"),
        ([0, 1], 2.0, TypeError, "classes"),
    ],
)
def test_one_hot_refuses(labels, classes, error, words):
    with pytest.raises(error, match=words) as caught:
        one_hot(labels, classes)
    assert len(str(caught.value)) < 500


def test_label_encoder_by_hand():
    encoder = LabelEncoder().fit(["setosa", "virginica", "setosa", "versicolor"])
    assert encoder.classes.tolist() == ["setosa", "versicolor", "virginica"]
    codes = encoder.transform([["virginica", "setosa"], ["setosa", "versicolor"]])
    assert codes.dtype == np.int64
    assert codes.tolist() == [[2, 0], [0, 1]]
    assert encoder.inverse_transform([[1], [2]]).tolist() == [["versicolor"], ["virginica"]]


@pytest.mark.slow
@given(st.one_of(st.lists(st.text(), min_size=1), st.lists(st.integers(), min_size=1)))
@example(["a\0", "a"])
@example([2**63 + 1, 2**63, -1])
def test_label_encoder_round_trip(labels):
    encoder = LabelEncoder()
    codes = encoder.fit_transform(labels)
    assert encoder.inverse_transform(codes).tolist() == labels
    assert encoder.classes.tolist() == sorted(set(labels))
    assert set(codes.tolist()) == set(range(len(set(labels))))


@for_each(
    "labels",
    [
        np.array([3, 1, 3, 2], dtype=np.int16),
        np.array([0.5, -1.5], dtype=np.float32),
        np.array([True, False, True]),
        np.array(["2024-02-01", "2023-02-01"], dtype="datetime64[D]"),
        np.array(["2024-02-01", "2023-02-01"], dtype="datetime64[ns]"),
        np.array([["b", "a"], ["c", "a"]]),
    ],
)
def test_label_encoder_keeps_dtype_and_shape(labels):
    encoder = LabelEncoder()
    back = encoder.inverse_transform(encoder.fit_transform(labels))
    assert back.dtype == labels.dtype
    np.testing.assert_array_equal(back, labels)
    np.testing.assert_array_equal(encoder.classes, np.unique(labels))


def test_label_encoder_takes_pairs_as_labels():
    pairs = np.empty(3, object)
    pairs[:] = [("b", 1), ("a", 2), ("b", 1)]
    encoder = LabelEncoder()
    assert encoder.fit_transform(pairs).tolist() == [1, 0, 1]
    assert encoder.inverse_transform([0, 1]).tolist() == [("a", 2), ("b", 1)]


def test_label_encoder_names_the_unknown_label_and_the_nearest():
    encoder = LabelEncoder().fit(["walk", "sit", "stand"])
    with pytest.raises(ValueError, match=r"'wolk'\. Did you mean 'walk'\?.*'sit', 'stand', 'walk'"):
        encoder.transform(["sit", "wolk"])
    with pytest.raises(ValueError, match="unknown label 1"):
        LabelEncoder().fit(["1", "2"]).transform([1])
    many = LabelEncoder().fit([f"class number {i} of a great many" for i in range(1000)])
    with pytest.raises(ValueError, match="unknown label") as caught:
        many.transform(["x" * 1000])
    assert len(str(caught.value)) < 500


@for_each(
    ("labels", "error", "words"),
    [
        ([], ValueError, "empty"),
        ([1.0, float("nan")], ValueError, "nan"),
        (np.array([1.0, np.nan, 1.0]), ValueError, "nan"),
        (["a", None], ValueError, "labels hold None or nan; replace it by a label, or drop its samples"),
        (["a", float("nan"), "b"], ValueError, "labels hold None or nan; replace it by a label"),
        (np.array(["a", None, "b"], object), ValueError, "labels hold None or nan"),
        (np.array(["a", None], np.dtypes.StringDType(na_object=None)), ValueError, "hold None or nan"),
        ([None, None], ValueError, "labels hold None or nan"),
        ([["a", "b"], ["a", np.nan]], ValueError, "labels hold None or nan"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"), ValueError, "labels hold None or nan"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[ns]"), ValueError, "labels hold None or nan"),
        (np.array([1, "NaT"], dtype="timedelta64[s]"), ValueError, "labels hold None or nan"),
        (["a", 1], TypeError, "int, str"),
        ([[1], [1, 2]], TypeError, "list"),
        ("cat", TypeError, "str"),
    ],
)
def test_label_encoder_refuses(labels, error, words):
    with pytest.raises(error, match=words):
        LabelEncoder().fit(labels)


def test_label_encoder_refuses_numbers_of_no_class():
    encoder = LabelEncoder().fit(["a", "b"])
    with pytest.raises(ValueError, match=r"codes\[1\] is 2"):
        encoder.inverse_transform([0, 2])
    with pytest.raises(ValueError, match=r"codes\[0\] is -1"):
        encoder.inverse_transform([-1])
    with pytest.raises(TypeError, match=r"float64; network.predict_classes\(x\) returns class numbers"):
        encoder.inverse_transform([0.0])


@for_each(
    "use",
    [
        lambda: LabelEncoder().classes,
        lambda: LabelEncoder().transform(["a"]),
        lambda: LabelEncoder().inverse_transform([0]),
        lambda: StandardScaler().transform([[1.0]]),
        lambda: MinMaxScaler().inverse_transform([[1.0]]),
        lambda: MinMaxScaler().scale,
    ],
)
def test_use_before_fit(use):
    with pytest.raises(RuntimeError, match=r"call fit\(\.\.\.\) first"):
        use()


def test_other_missing_attributes_are_attribute_errors():
    with pytest.raises(AttributeError, match="'LabelEncoder' object has no attribute 'clases'; it learns cl"):
        LabelEncoder().clases  # noqa: B018
    said = r"no attribute 'mean_'; it learns offset and scale: help\(StandardScaler\)$"
    for scaler in (StandardScaler(), StandardScaler().fit(np.eye(3))):
        with pytest.raises(AttributeError, match=said):
            scaler.mean_  # noqa: B018


# Splits -------------------------------------------------------------------------------------------------


@given(st.integers(2, 200), st.floats(0.001, 0.999), st.integers(0, 99))
@example(10, 0.96, 0)
@pytest.mark.slow
def test_split_is_a_partition_of_the_right_size(n, fraction, seed):
    train, held = split_indices(n, fraction, generator(seed))
    assert sorted([*train, *held]) == list(range(n))
    assert len(held) == min(max(round(n * fraction), 1), n - 1)
    assert (np.diff(train) > 0).all()
    assert (np.diff(held) > 0).all()


@given(st.lists(st.integers(0, 5), min_size=4, max_size=80), st.floats(0.01, 0.6), st.integers(0, 99))
@pytest.mark.slow
def test_stratified_split_keeps_the_shares(labels, fraction, seed):
    labels = np.array(labels)
    n, counts = len(labels), np.bincount(labels, minlength=6)
    size = min(max(round(n * fraction), 1), n - 1)
    most = np.where(counts > 1, counts - 1, counts)
    if size > most.sum():
        with pytest.raises(ValueError, match="no training sample"):
            split_indices(n, fraction, generator(seed), labels)
        return
    train, held = split_indices(n, fraction, generator(seed), labels)
    given_away = np.bincount(labels[held], minlength=6)
    assert sorted([*train, *held]) == list(range(n))
    assert len(held) == size
    assert (given_away <= most).all()
    exact = [Fraction(int(count) * size, n) for count in counts]
    if all(-(-share // 1) <= limit for share, limit in zip(exact, most, strict=True)):
        assert all(abs(share - int(got)) < 1 for share, got in zip(exact, given_away, strict=True))


@for_each(
    ("counts", "fraction", "expected"),
    [
        ([7, 2, 1], 0.4, [3, 1, 0]),  # shares 2.8, 0.8, 0.4
        ([50, 30, 20], 0.1, [5, 3, 2]),
        ([6, 3], 1 / 3, [2, 1]),
        ([2, 2], 0.5, [1, 1]),
        ([2] * 9 + [82], 0.9, [1] * 9 + [81]),  # the pairs cannot give 1.8
        ([3, 1], 0.75, [2, 1]),
    ],
)
def test_largest_remainder_by_hand(counts, fraction, expected):
    labels = np.repeat(np.arange(len(counts)), counts)
    for seed in range(5):
        _, held = split_indices(len(labels), fraction, generator(seed), labels)
        assert np.bincount(labels[held], minlength=len(counts)).tolist() == expected


def test_ties_of_remainders_are_drawn_by_lot():
    held = [split_indices(10, 0.2, generator(seed), np.arange(10))[1] for seed in range(200)]
    assert set(np.concatenate(held)) == set(range(10))


@pytest.mark.parametrize("labels", [None, [0] * 12 + [1] * 8])
@pytest.mark.slow
def test_every_sample_is_held_out_equally_often(labels):
    rng = generator()
    trials = 2000
    times = sum(np.bincount(split_indices(20, 0.25, rng, labels)[1], minlength=20) for _ in range(trials))
    deviation = np.sqrt(trials * 0.25 * 0.75)
    assert np.abs(times - trials * 0.25).max() < 4 * deviation


def test_split_depends_on_the_generator_alone():
    labels = generator(5).integers(0, 3, 40)
    for given_labels in (None, labels):
        once, again = (split_indices(40, 0.3, generator(1), given_labels) for _ in range(2))
        other = split_indices(40, 0.3, generator(2), given_labels)
        np.testing.assert_array_equal(once[1], again[1])
        assert not np.array_equal(once[1], other[1])


def test_labels_may_be_numbers_names_or_one_hot_rows():
    labels = generator(3).integers(0, 4, 60)
    names = np.array(["ant", "bee", "cat", "dog"])[labels]
    reference = split_indices(60, 0.2, generator(), labels)[1]
    objects = names.astype(object)  # as the columns of a DataFrame
    for same in (labels.astype(float), labels[:, None], names, list(names), objects, objects[:, None]):
        np.testing.assert_array_equal(split_indices(60, 0.2, generator(), same)[1], reference)
    rows = one_hot(labels, 4)
    reference = split_indices(60, 0.2, generator(), 3 - labels)[1]  # the class of the last row comes first
    negative = np.where(np.arange(60)[:, None] % 2, rows, rows - 0.0 * (1 - rows))
    for same in (
        rows,
        rows.astype(bool),
        np.asfortranarray(rows),
        rows[:, None],
        np.copysign(rows, -rows),
        negative,
    ):
        np.testing.assert_array_equal(split_indices(60, 0.2, generator(), same)[1], reference)
    held = reference
    share = np.bincount(labels, minlength=4) * 12 / 60
    assert np.abs(np.bincount(labels[held], minlength=4) - share).max() < 1


@for_each(
    ("n", "fraction", "labels", "error", "words"),
    [
        (1, 0.5, None, ValueError, "at least 2 samples, got 1"),
        (10, 0.0, None, ValueError, r"fraction.*\(0, 1\), got 0.0"),
        (10, 1.0, None, ValueError, "fraction"),
        (10, 3, None, ValueError, "fraction"),
        (10, float("nan"), None, ValueError, "fraction"),
        (10, "0.2", None, TypeError, "fraction"),
        (10, 0.2, [0, 1], ValueError, r"10 samples, got shape \(2,\)"),
        (4, 0.5, [0.1, 0.2, 0.3, 0.4], ValueError, "continuous"),
        (4, 0.5, [0.0, np.nan, 0.0, 0.0], ValueError, "labels hold fractions or nan"),
        (4, 0.5, ["a", None, "b", "a"], TypeError, "labels must be of one kind .* none of them missing"),
        (4, 0.75, [0, 0, 1, 1], ValueError, "at most 2"),
    ],
)
def test_split_refuses(n, fraction, labels, error, words):
    with pytest.raises(error, match=words) as caught:
        split_indices(n, fraction, generator(), labels)
    assert len(str(caught.value)) < 500


def test_train_test_split_keeps_what_belongs_together(tmp_path):
    x = generator().normal(size=(30, 4, 2))
    y = np.arange(30)
    sequences = [np.full((1 + i % 3, 2), i) for i in range(30)]
    for same in variants(x, tmp_path):
        parts = train_test_split(same, y, sequences, test_fraction=0.3)
        x_train, x_test, y_train, y_test, s_train, s_test = parts
        assert (len(x_train), len(x_test)) == (21, 9)
        assert isinstance(s_train, list)
        assert sorted([*y_train, *y_test]) == list(range(30))
        np.testing.assert_array_equal(x_train, x[y_train])
        np.testing.assert_array_equal(x_test, x[y_test])
        assert [s[0, 0] for s in s_train] == y_train.tolist()
        assert [s[0, 0] for s in s_test] == y_test.tolist()


def test_train_test_split_shuffles_by_seed():
    y = np.arange(50)
    _, _, first, first_test = train_test_split(y, y, seed=1)
    _, _, again, again_test = train_test_split(y, y, seed=1)
    _, _, _, other_test = train_test_split(y, y, seed=2)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first_test, again_test)
    assert set(first_test) != set(other_test)
    assert first.tolist() != sorted(first)
    assert first_test.tolist() != sorted(first_test)


def test_train_test_split_stratifies_by_y_or_by_given_labels():
    y = np.repeat([0, 1], [40, 10])
    other = np.tile([0, 1, 2, 3, 4], 10)
    for seed in range(5):
        _, _, _, y_test = train_test_split(y, y, seed=seed, stratify=True)
        assert np.bincount(y_test).tolist() == [8, 2]
        _, _, _, other_test = train_test_split(y, other, seed=seed, stratify=other)
        assert np.bincount(other_test).tolist() == [2] * 5
    without = [train_test_split(y, other, stratify=stratify)[3] for stratify in (False, None)]
    np.testing.assert_array_equal(*without)


def test_train_test_split_refuses():
    with pytest.raises(ValueError, match=r"the same number of samples, got \[3, 4\]"):
        train_test_split(np.zeros(3), np.zeros(4))
    with pytest.raises(TypeError, match="nnfw calls it seed"):
        train_test_split(np.zeros(3), np.zeros(3), random_state=1)


# Scales -------------------------------------------------------------------------------------------------


def exact_moments(column):
    """Return mean and variance of a column in rational arithmetic, rounded once at the end."""
    values = [Fraction(float(value)) for value in column]
    mean = sum(values) / len(values)
    return float(mean), float(sum((value - mean) ** 2 for value in values) / len(values))


@for_each("dtype", ["float32", "float64"])
@for_each("offset", [0.0, 1e6, -1e12])
def test_standard_scaler_measures_exactly(dtype, offset):
    x = (generator().normal(size=(40, 3)) * [1, 100, 1e5] + offset).astype(dtype)
    scaler = StandardScaler().fit(x)
    for feature in range(3):
        mean, variance = exact_moments(x[:, feature])
        assert scaler.offset[feature] == pytest.approx(mean, rel=1e-15)
        assert scaler.scale[feature] == pytest.approx(np.sqrt(variance) or 1.0, rel=1e-7 if offset else 1e-13)


def test_standard_scaler_by_hand():
    scaler = StandardScaler()
    scaled = scaler.fit_transform([[2.0, -1.0], [4.0, -1.0], [4.0, -1.0], [6.0, -1.0]])
    np.testing.assert_array_equal(scaler.offset, [4, -1])
    np.testing.assert_allclose(scaler.scale, [np.sqrt(2), 1])
    np.testing.assert_allclose(scaled, [[-np.sqrt(2), 0], [0, 0], [0, 0], [np.sqrt(2), 0]])


def test_min_max_scaler_by_hand():
    scaler = MinMaxScaler(-2, 6).fit([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    np.testing.assert_array_equal(
        scaler.transform([[1.0, 5.0], [3.0, 6.0], [5.0, 4.0]]), [[-2, -2], [6, 6], [14, -10]]
    )
    np.testing.assert_array_equal(scaler.inverse_transform([[2.0, -2.0]]), [[2, 5]])
    assert MinMaxScaler(high=2).config == {"low": 0.0, "high": 2.0}


def test_scalers_agree_with_scikit_learn_on_the_digits():
    with np.load(files("nnfw.datasets") / "digits.npz") as stored:
        pixels = stored["images"].reshape(-1, 64)
    standard, minmax = StandardScaler().fit(pixels), MinMaxScaler().fit(pixels)
    np.testing.assert_allclose(standard.offset, RECORDED["mean"], rtol=1e-13)
    np.testing.assert_allclose(standard.scale, RECORDED["standard_deviation"], rtol=1e-13)
    np.testing.assert_allclose(standard.transform(pixels)[0], RECORDED["standardized_first"], rtol=1e-12)
    np.testing.assert_array_equal(minmax.offset, RECORDED["minimum"])
    np.testing.assert_array_equal(minmax.scale, np.where(RECORDED["range"], RECORDED["range"], 1))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(-1, 1)])
def test_constant_features_stay_finite(scaler):
    x = np.full((1000, 2), 0.1)
    lowest = getattr(scaler, "low", 0)
    np.testing.assert_array_equal(scaler.fit_transform(x), np.full((1000, 2), lowest))
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(x)), x)
    np.testing.assert_array_equal(scaler.fit_transform(np.array([[5e-324], [0.0]])).shape, (2, 1))


@for_each("features", [1, 3, 400, 2000])
def test_the_range_is_that_of_all_rows(features):
    for rows in (1, 2, 340, 341, 342, 343, 1025, 1030):
        x = np.random.default_rng(rows).normal(size=(rows, features))
        scaler = MinMaxScaler().fit(x)
        np.testing.assert_array_equal(scaler.offset, x.min(axis=0))
        np.testing.assert_array_equal(scaler.scale, np.where(np.ptp(x, axis=0) > 0, np.ptp(x, axis=0), 1))


@pytest.mark.parametrize("make", [StandardScaler, MinMaxScaler])
def test_all_leading_axes_count_alike(make, tmp_path, monkeypatch):
    x = generator().normal(size=(6, 5, 3)).astype(np.float32)
    flat = make().fit(x.reshape(30, 3))
    cut = np.split(x.reshape(30, 3), [4, 5, 19])
    forms = [x, cut, tuple(cut), x.tolist(), *variants(x, tmp_path)]
    for same, block in [*((form, 12) for form in forms), (x, 2)]:  # four rows a block, or less than one
        monkeypatch.setattr(samples, "BLOCK", block)
        scaler = make().fit(same)
        np.testing.assert_allclose(scaler.offset, flat.offset, rtol=1e-14)
        np.testing.assert_allclose(scaler.scale, flat.scale, rtol=1e-14)
    back = make().fit(x).transform(cut)
    assert [part.shape for part in back] == [part.shape for part in cut]
    np.testing.assert_allclose(np.concatenate(back), flat.transform(x).reshape(30, 3), rtol=1e-6)


@for_each("make", [StandardScaler, MinMaxScaler, Impute])
def test_no_form_of_large_data_is_copied_to_fit(make, monkeypatch):
    monkeypatch.setattr(samples, "BLOCK", 1000)
    x = generator().normal(size=(50_000, 4))
    windows = sliding_windows(x, 20)[0]
    for data, size in [(x, x.nbytes), ([x], x.nbytes), (np.split(x, 5), x.nbytes), (windows, windows.nbytes)]:
        assert peak(make().fit, data) < size / 2
    calls = Mock(side_effect=samples.batches)
    monkeypatch.setattr(samples, "batches", calls)
    short, whole = make().fit(np.split(x, 5000)), make().fit(x)
    assert calls.call_count < 5000  # short sequences are taken together
    for name in whole.learned:
        np.testing.assert_allclose(getattr(short, name), getattr(whole, name), rtol=1e-12)


@pytest.mark.slow
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 12), st.integers(1, 3)),
        elements=st.floats(-(2.0**40), 2.0**40, width=32),
    ),
    st.sampled_from([StandardScaler(), MinMaxScaler(), MinMaxScaler(-3, 5)]),
)
def test_scaling_round_trip(x, scaler):
    before = x.copy()
    scaled = scaler.fit_transform(x)
    back = scaler.inverse_transform(scaled)
    assert scaled.dtype == back.dtype == x.dtype
    np.testing.assert_array_equal(x, before)
    assert (np.abs(back - x) <= 16 * np.finfo(x.dtype).eps * np.abs(x).max(axis=0)).all()
    if isinstance(scaler, MinMaxScaler):
        slack = 8 * np.finfo(x.dtype).eps
        assert (scaled >= scaler.low - slack).all()
        assert (scaled <= scaler.high + slack).all()


def test_scalers_compute_in_float64_and_return_what_came():
    x = (1e6 + generator().random((50, 2))).astype(np.float32)
    exact = StandardScaler().fit_transform(x.astype(np.float64))
    np.testing.assert_allclose(StandardScaler().fit_transform(x), exact, rtol=1e-6)
    assert StandardScaler().fit_transform(x.astype(int)).dtype == np.float64
    assert MinMaxScaler().fit_transform(np.array([[0], [255]], dtype=np.uint8)).tolist() == [[0.0], [1.0]]


def test_fitted_scalers_can_be_copied():
    x = generator().normal(size=(9, 2))
    scaler = MinMaxScaler(high=3).fit(x)
    for twin in (copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))):
        np.testing.assert_array_equal(twin.transform(x), scaler.transform(x))


@pytest.mark.parametrize("make", [StandardScaler, MinMaxScaler])
def test_scalers_are_called_as_a_pipeline_of_scikit_learn_does(make):
    x, y = generator().normal(size=(9, 2)), [*"abcdefghi"]
    expected = make().fit_transform(x)
    for scaled in (
        make().fit_transform(x, y),
        make().fit_transform(x, y=None),
        make().fit(x, y).transform(x),
        make().fit(x, y=y).transform(x),
    ):
        np.testing.assert_array_equal(scaled, expected)


@for_each(
    ("values", "error", "words"),
    [
        ([1.0, 2.0], ValueError, r"\(2,\).*x\)\[:, None\]"),
        (np.zeros((2, 2, 2, 2)), ValueError, r"\(2, 2, 2, 2\)"),
        (np.zeros((0, 3)), ValueError, "empty"),
        (np.zeros((3, 0)), ValueError, "empty"),
        ([], ValueError, r"\(0,\)"),
        ([[1.0, 2.0], [3.0, np.nan]], ValueError, "feature 1 holds nan, .* by nnfw.data.Impute"),
        ([[np.inf, 2.0]], ValueError, "feature 0 holds inf to inf, .* drop infinite samples"),
        ([["a"]], TypeError, "real numbers"),
        ([[1j]], TypeError, "complex128"),
        ([np.zeros((4, 2)), np.zeros((4, 3))], ValueError, r"sequence 1 has shape \(4, 3\).*\(steps, 2\)"),
        ([np.zeros((4, 2)), np.zeros(2)], ValueError, r"sequence 1 has shape \(2,\)"),
    ],
)
def test_scalers_refuse(values, error, words):
    with pytest.raises(error, match=words):
        StandardScaler().fit(values)


@for_each("power", [-1000, -540, 0, 500, 520, 1020])
@for_each("make", [StandardScaler, MinMaxScaler, lambda: MinMaxScaler(-3, 5)])
def test_the_unit_of_the_data_does_not_matter(make, power):
    x = generator().normal(size=(50, 3))
    x[:, 2] = 0.7
    x /= 4  # in (-1, 1), so that the range is a float at any power
    scaler, unit = make().fit(np.ldexp(x, power)), make().fit(x)
    np.testing.assert_array_equal(scaler.offset, np.ldexp(unit.offset, power))
    np.testing.assert_array_equal(scaler.scale[:2], np.ldexp(unit.scale[:2], power))
    np.testing.assert_array_equal(scaler.transform(np.ldexp(x, power)), unit.transform(x))
    assert scaler.scale[2] == 1
    np.testing.assert_allclose(scaler.inverse_transform(unit.transform(x)), np.ldexp(x, power), rtol=1e-12)


@pytest.mark.parametrize("make", [StandardScaler, MinMaxScaler])
def test_the_order_of_the_data_in_memory_does_not_matter(make):
    x = generator().normal(size=(5000, 3))
    one, other = make().fit(x), make().fit(np.asfortranarray(x))
    np.testing.assert_array_equal(one.offset, other.offset)
    np.testing.assert_array_equal(one.scale, other.scale)


def test_scalers_at_the_edge_of_the_floats():
    x = np.array([[-8e307], [8e307], [0.0]])
    assert StandardScaler().fit_transform(x).ravel() == pytest.approx([-(1.5**0.5), 1.5**0.5, 0], rel=1e-15)
    assert MinMaxScaler().fit_transform(x).ravel().tolist() == [0, 1, 0.5]
    for make in (StandardScaler, MinMaxScaler):
        with pytest.raises(
            ValueError,
            match=r"feature 1 holds -1.7e\+308 to 1.7e\+308, not a finite range; .* divide the data",
        ):
            make().fit([[0.0, -1.7e308], [1.0, 1.7e308]])
        with pytest.raises(
            ValueError, match=r"feature 1 holds nan, .* fill missing values by nnfw.data.Impute"
        ):
            make().fit([[0.0, -1.7e308], [1.0, np.nan]])
    with pytest.raises(ValueError, match="high - low must be a finite number"):
        MinMaxScaler(-1e308, 1e308)


def test_what_is_scaled_beyond_the_floats_is_refused():
    fine = MinMaxScaler().fit(np.array([[0.0], [1e-30]]))
    with pytest.raises(
        ValueError, match="exceeds the largest number of float32; pass it as float64, or divide"
    ):
        fine.transform(np.array([[1e9]], np.float32))
    assert fine.transform([[1e9]]) == pytest.approx(1e39)
    with pytest.raises(ValueError, match="exceeds the largest number of float64"):
        fine.transform([[1e300]])
    with pytest.raises(ValueError, match="exceeds the largest number of float32"):
        StandardScaler().fit([[1e38], [-1e38]]).inverse_transform(np.array([[4.0]], np.float32))
    assert np.isnan(fine.transform([[np.nan]])).all()  # as it came


def test_scalers_check_features_and_range():
    scaler = StandardScaler().fit(np.eye(3))
    with pytest.raises(ValueError, match=r"fitted to 3 features, got 2 in the last axis of \(2, 2\)"):
        scaler.transform(np.eye(2))
    said = r"sequence 1 has shape \(3, 2\), expected \(steps, 4\) like the first, steps before features"
    with pytest.raises(ValueError, match=said):
        scaler.fit([np.ones((3, 4)), np.ones((3, 2))])
    with pytest.raises(ValueError, match="fitted to 3 features, got 1"):
        scaler.inverse_transform(np.ones((3, 1)))
    with pytest.raises(ValueError, match="low=1, high=1"):
        MinMaxScaler(1, 1)
    with pytest.raises(ValueError, match="high"):
        MinMaxScaler(high=np.inf)
    with pytest.raises(TypeError, match="low"):
        MinMaxScaler(low="0")
    with pytest.raises(TypeError, match="feature_range"):
        MinMaxScaler(feature_range=(0, 1))


# Sequences and batches ----------------------------------------------------------------------------------


def test_padding_by_hand():
    x, lengths = pad_sequences([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], value=-1.0, length=3)
    assert x.tolist() == [[[1, 2], [-1, -1], [-1, -1]], [[3, 4], [5, 6], [-1, -1]]]
    assert lengths.tolist() == [1, 2]
    assert lengths.dtype == np.int64


@pytest.mark.slow
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.sampled_from([(), (1,), (3,)]),
    st.sampled_from(["float32", "float64", "int32"]),
    st.integers(0, 3),
)
def test_padding_round_trip(steps, features, dtype, more):
    rng = generator(sum(steps))
    sequences = [rng.normal(0, 9, (length, *features)).astype(dtype) for length in steps]
    x, lengths = pad_sequences(sequences, value=7, length=max(steps) + more)
    assert x.dtype == dtype
    assert x.shape == (len(steps), max(steps) + more, *features)
    assert lengths.tolist() == steps
    for row, sequence, length in zip(x, sequences, lengths, strict=True):
        np.testing.assert_array_equal(row[:length], sequence)
        assert (row[length:] == 7).all()


def test_padding_takes_many_kinds_of_sequences(tmp_path):
    sequence = generator().normal(size=(5, 2)).astype(np.float32)
    x, _ = pad_sequences(iter([sequence, *variants(sequence, tmp_path)]))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.stack([sequence] * 5))
    assert pad_sequences([[1, 2], [0.5]])[0].dtype == np.float64
    assert pad_sequences([[1, 2]] * 1000)[0].shape == (1000, 2)
    assert pad_sequences([[1, 2], [3]], dtype="float32")[0].dtype == np.float32
    assert np.isnan(pad_sequences([[1.0, 2.0], [3.0]], value=np.nan)[0][1, 1])
    for value in (0, 255):  # the least and the greatest of uint8
        assert pad_sequences([np.uint8([1, 2]), np.uint8([3])], value)[0].tolist() == [[1, 2], [3, value]]


@for_each(
    ("sequences", "options", "error", "words"),
    [
        ([], {}, ValueError, "at least one"),
        ([[1], [2], 3], {}, ValueError, r"sequences\[2\] has shape \(\)"),
        (
            [[[1, 2]], [[1, 2, 3]]],
            {},
            ValueError,
            r"sequences\[1\] has shape \(1, 3\), sequences\[0\].*\(1, 2\).* features-first by one\.T$",
        ),
        ([[1], [[1]]], {}, ValueError, r"sequences\[1\]"),
        ([[[1, 2], [3]]], {}, ValueError, r"sequences\[0\].*unequal"),
        ([[1], ["a"]], {}, TypeError, r"sequences\[1\]"),
        ([[1], [1, 2, 3]], {"length": 2}, ValueError, r"sequences\[1\] has 3 steps, more than length=2"),
        ([[1]], {"length": 0}, ValueError, "length"),
        ([[1], [1, 2]], {"value": 0.5}, ValueError, "value=0.5 does not fit"),
        ([[1], [1, 2]], {"value": np.nan}, ValueError, "value=nan does not fit"),
        (
            np.ones((1, 1), dtype="uint8"),
            {"value": -1},
            ValueError,
            "value=-1 does not fit dtype uint8; pass",
        ),
        (
            [[1.5]],
            {"dtype": "int64"},
            TypeError,
            "Cannot cast array data from dtype..float64.. to dtype..int64",
        ),
    ],
)
def test_padding_refuses(sequences, options, error, words):
    with pytest.raises(error, match=words) as caught:
        pad_sequences(sequences, **options)
    assert len(str(caught.value)) < 500


@given(
    st.integers(1, 30),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from([(), (1,), (3,), (2, 3)]),
    st.sampled_from([None, (), (2,), (2, 2)]),
)
@pytest.mark.slow
def test_windows_match_a_naive_loop(length, window, horizon, step, features, target_features):
    rng = generator(length)
    series = rng.normal(size=(length, *features))
    targets = None if target_features is None else rng.normal(size=(length, *target_features))
    answers = series if targets is None else targets
    starts = [s for s in range(0, length, step) if s + window + horizon <= length]
    if not starts:
        with pytest.raises(ValueError, match=f"{length} steps.*need {window + horizon}"):
            sliding_windows(series, window, horizon, step, targets)
        return
    x, y = sliding_windows(series, window, horizon, step, targets)
    columns = series[:, None] if series.ndim == 1 else series
    assert x.shape == (len(starts), window, *columns.shape[1:])
    assert y.shape == (len(starts), horizon, *answers.shape[1:])
    for i, start in enumerate(starts):
        for t in range(window):
            np.testing.assert_array_equal(x[i, t], columns[start + t])
        for t in range(horizon):
            np.testing.assert_array_equal(y[i, t], answers[start + window + t])


def test_windows_are_read_only_views(tmp_path):
    series = generator().normal(size=(50, 2)).astype(np.float32)
    reference, _ = sliding_windows(series, 5)
    assert np.shares_memory(reference, series)
    assert not reference.flags.writeable
    for same in variants(series, tmp_path):
        x, y = sliding_windows(same, 5)
        assert x.dtype == y.dtype == np.float32
        assert np.shares_memory(x, same)
        np.testing.assert_array_equal(x, reference)


@for_each(
    ("series", "options", "error", "words"),
    [
        (np.zeros(9), {"window": 0}, ValueError, "window"),
        (np.zeros(9), {"window": 2, "horizon": 0}, ValueError, "horizon"),
        (np.zeros(9), {"window": 2, "step": 1.0}, TypeError, "step"),
        (np.float64(1.0), {"window": 2}, ValueError, "series has 1 steps"),
        (np.zeros(9), {"window": 2, "targets": np.zeros(8)}, ValueError, r"9 steps, got \(8,\)"),
        (np.zeros(9), {"window": 2, "targets": 1.0}, ValueError, r"got \(1,\)"),
    ],
)
def test_windows_refuse(series, options, error, words):
    with pytest.raises(error, match=words):
        sliding_windows(series, **options)


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 9))
@pytest.mark.slow
def test_batches_visit_every_sample_once(n, batch_size, seed):
    order = np.arange(n)
    slices = list(batches(n, batch_size))
    shuffled = list(batches(n, batch_size, generator(seed)))
    assert [i for part in slices for i in order[part]] == list(range(n))
    assert sorted(i for part in shuffled for i in part) == list(range(n))
    sizes = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    assert [part.stop - part.start for part in slices] == sizes
    assert [len(part) for part in shuffled] == sizes


def test_batches_shuffle_by_the_generator():
    rng = generator(4)
    first, second = (np.concatenate(list(batches(50, 8, rng))).tolist() for _ in range(2))
    again = np.concatenate(list(batches(50, 8, generator(4)))).tolist()
    assert first == again
    assert first != second
    assert first != list(range(50))


@pytest.mark.parametrize(("batch_size", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_batches_refuse_at_the_call(batch_size, error):
    with pytest.raises(error, match="batch_size"):
        batches(10, batch_size)
