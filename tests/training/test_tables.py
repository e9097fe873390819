"""DataFrames and Series of pandas: each type of column that holds numbers, and what is said of others."""

import re

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, Dense, Embedding, Network
from nnfw.core.arrays import numeric
from nnfw.data import (
    Impute,
    LabelEncoder,
    StandardScaler,
    pad_sequences,
    sliding_windows,
    train_test_split,
)

pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
N = 9
COLUMNS = {"a": rng.normal(size=N), "b": rng.integers(9, size=N), "c": rng.integers(2, size=N) == 1}
X = np.stack([column.astype(float) for column in COLUMNS.values()], axis=1)
Y = rng.normal(size=N)
FRAMES = {
    "of NumPy's types": pandas.DataFrame(COLUMNS),
    "nullable": pandas.DataFrame(COLUMNS).astype({"a": "Float64", "b": "Int64", "c": "boolean"}),
    "narrow": pandas.DataFrame(COLUMNS).astype({"a": "Float64", "b": "UInt8", "c": "bool"}),
    "of one type": pandas.DataFrame(COLUMNS).astype("Float64"),
    "named twice": pandas.DataFrame(COLUMNS).astype({"b": "Int64"}).set_axis(["a", "a", "c"], axis=1),
    "sparse": pandas.DataFrame(COLUMNS).astype({"a": pandas.SparseDtype(float), "b": "Int64"}),
}


def regression():
    return Network([Dense(4, "tanh"), Dense(1)], seed=0)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_table_is_what_its_numbers_are(kind):
    frame = FRAMES[kind]
    np.testing.assert_array_equal(numeric(frame, "x"), X)
    given, whole = regression(), regression()
    given.fit(
        frame, pandas.Series(Y).convert_dtypes(), epochs=3, batch_size=4, validation_split=0.3, verbose=0
    )
    whole.fit(X, Y, epochs=3, batch_size=4, validation_split=0.3, verbose=0)
    assert given.history == whole.history
    np.testing.assert_array_equal(given.predict(frame), whole.predict(X))
    assert given.evaluate(frame, Y) == whole.evaluate(X, Y)
    np.testing.assert_array_equal(StandardScaler().fit_transform(frame), StandardScaler().fit_transform(X))


def test_the_remedy_for_a_column_without_features_takes_a_series():
    with pytest.raises(ValueError, match=r"; (.*) turns \(samples,\) into one feature") as caught:
        StandardScaler().fit(column := pandas.Series(Y))
    remedy = str(caught.value).split("; ")[1].split(" turns")[0]
    assert StandardScaler().fit(eval(remedy, {"np": np, "x": column})).offset == pytest.approx([Y.mean()])


@for_each(
    ("kinds", "expected"),
    [
        (["Int64", "Int64"], "i8"),
        (["Int32", "int16"], "i4"),
        (["boolean", "bool"], "?"),
        (["Float32", "bool"], "f4"),
        (["Float32", "Int64"], "f8"),
    ],
)
def test_whole_numbers_stay_whole(kinds, expected):
    ones = pandas.DataFrame({str(i): pandas.Series([1, 0, 1], dtype=kind) for i, kind in enumerate(kinds)})
    found = numeric(ones, "x")
    assert found.dtype == expected
    assert found.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_classes_symbols_lengths_and_weights():
    symbols = pandas.DataFrame(rng.integers(5, size=(N, 4))).astype({0: "Int64", 2: "Int8"})
    classes, lengths = pandas.Series(rng.integers(3, size=N)).astype("Int64"), pandas.Series([1, 2, 4] * 3)
    weights = pandas.Series(rng.random(N)).convert_dtypes()
    given, whole = (Network([Embedding(5, 2), GRU(3), Dense(3, "softmax")], loss="cce", seed=0) for _ in "12")
    given.fit(symbols, classes, lengths=lengths.astype("Int64"), sample_weight=weights, verbose=0)
    arrays = {"lengths": lengths.to_numpy(), "sample_weight": weights.to_numpy(float)}
    whole.fit(symbols.to_numpy(int), classes.to_numpy(int), **arrays, verbose=0)
    np.testing.assert_array_equal(given.flat_params, whole.flat_params)


def test_a_list_of_tables_is_a_batch_of_sequences():
    frames = [FRAMES["nullable"][:n] for n in (2, 5, 3)]
    given, whole = (Network([GRU(3), Dense(1)], seed=0) for _ in "12")
    given.fit(frames, Y[:3], verbose=0)
    whole.fit([X[:n] for n in (2, 5, 3)], Y[:3], verbose=0)
    np.testing.assert_array_equal(given.flat_params, whole.flat_params)


FRAME = FRAMES["nullable"]
WORDS = ["yes", "no", "yes"] * 3
REFUSED = [
    (
        FRAME.assign(s=WORDS),
        TypeError,
        "x, column 's', must be real numbers, got .*; nnfw.data has LabelEncoder.*; pandas has get_dummies",
    ),
    (
        FRAME.assign(s=pandas.Series(WORDS, dtype=object)),
        TypeError,
        "x, column 's', must be .* got object; nnfw",
    ),
    (FRAME.assign(s=pandas.Categorical(WORDS)), TypeError, "x, column 's', must be real numbers"),
    (
        FRAME.assign(t=pandas.Timestamp("2020")),
        TypeError,
        r"x, column 't', .* datetime64.*; convert times to hours by",
    ),
    (
        FRAME.assign(b=FRAME["b"].where(FRAME["b"] != FRAME["b"][4])),
        ValueError,
        "x, column 'b', has missing values; ",
    ),
    (FRAME.assign(a=[np.nan, *COLUMNS["a"][1:]]), ValueError, r"x\[0, 0\] is nan"),
    (FRAME[[]], ValueError, "x must be .samples, features."),
]


@for_each(("frame", "kind", "words"), REFUSED)
def test_a_column_that_is_refused_is_named(frame, kind, words):
    network = regression()
    with pytest.raises(kind, match=f"^{words}"):
        network.fit(frame, Y, verbose=0)
    with pytest.raises(kind, match=f"^batch 1: {words}"):
        network.fit([(frame, Y)], verbose=0)
    assert not network._built


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_labels_that_are_words_are_told_of_the_encoder(dtype):
    labels = pandas.Series(WORDS, dtype=dtype)
    network = Network([Dense(1, "sigmoid")], loss="bce", seed=0)
    for y, name in ((labels, "y"), (labels.to_frame("k"), "y, column 'k',")):
        said = f"^{re.escape(name)} must be real numbers, got .*; nnfw.data has LabelEncoder for labels"
        with pytest.raises(TypeError, match=said):
            network.fit(FRAME, y, verbose=0)
    network.fit(FRAME, LabelEncoder().fit_transform(labels), verbose=0)


def test_missing_values_of_nullable_columns_are_filled_as_the_message_says():
    table = pandas.DataFrame({"a": [1, None, 3], "b": [True, False, None]}).convert_dtypes()
    with pytest.raises(ValueError, match=r"column 'a', has missing values; .*Impute after \.astype\(float\)"):
        Impute("mean").fit(table)
    filled = Impute("mean", indicators=False).fit_transform(table.astype(float))
    np.testing.assert_array_equal(filled, [[1, 1], [2, 0], [3, 0.5]])


@pytest.mark.parametrize("convert", [lambda table: table, lambda table: table.convert_dtypes()])
def test_a_table_of_several_types_is_numbers_when_it_is_split(convert):
    table = pandas.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": [1, 2, 3, 4], "c": [True, False, True, False]})
    labels = pandas.DataFrame({"k": list("uvuv"), "n": range(4)})
    x, x_test, y, y_test = train_test_split(convert(table), labels, test_fraction=0.5)
    assert (x.dtype, y.dtype) == (np.float64, object)
    np.testing.assert_array_equal(np.sort(np.concatenate([x, x_test])[:, 1]), [1, 2, 3, 4])
    np.testing.assert_array_equal(x[:, 1], [n + 1 for _, n in y])
    assert len(y_test) == 2
    windows, following = sliding_windows(convert(table), window=2, targets=labels)
    assert (windows.dtype, windows.shape, following[0, 0].tolist()) == (np.float64, (2, 2, 3), ["u", 2])


def test_missing_labels_are_named():
    labels = pandas.Series([1, 0, None] * 3, dtype="Int64")
    with pytest.raises(ValueError, match=r"^y has missing values; use fillna\(...\)"):
        Network([Dense(1, "sigmoid")], loss="bce", seed=0).fit(FRAME, labels, verbose=0)
    with pytest.raises(ValueError, match="labels hold None or nan; replace it by a label"):
        LabelEncoder().fit(labels)


@pytest.mark.parametrize("columns", [["b", "a"], ["a", "c"], ["a"]])
def test_tables_of_other_columns_are_refused(columns):
    first = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    other = first.assign(c=0.0)[columns]
    said = r"sequence 1 has columns .*, the first \['a', 'b'\]; table\[names\]"
    for call in (StandardScaler().fit, Impute().fit, pad_sequences):
        with pytest.raises(ValueError, match=said):
            call([first, other])
    with pytest.raises(ValueError, match=f"x: {said}"):
        Network([GRU(2), Dense(1)], seed=0).fit([first, other], [0.0, 1.0], verbose=0)
    x, lengths = pad_sequences(iter([first, first[:1], first.to_numpy()]))
    assert (x.shape, lengths.tolist()) == ((3, 2, 2), [2, 1, 2])


def test_missing_values_of_an_array_of_pandas_are_filled_as_the_message_says():
    values = pandas.array([1, None, 3], dtype="Int64")
    with pytest.raises(ValueError, match=r"x has masked values; fill them, x\.fillna\(\.\.\.\)"):
        numeric(values, "x")
    assert numeric(values.fillna(0), "x").tolist() == [1, 0, 3]
