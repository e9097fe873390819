"""Mistakes with the tools that prepare data: each is refused by name and teaches."""

import numpy as np
from refusals import FLAT, X, Y, mistakes

from nnfw.data import (
    LabelEncoder,
    MinMaxScaler,
    StandardScaler,
    Vocabulary,
    batches,
    one_hot,
    pad_sequences,
    sliding_windows,
    split_indices,
    train_test_split,
)

# fmt: off
MISTAKES = [
    ("labels out of range", lambda s: one_hot([0, 3], 3), ValueError, "labels", "3"),
    ("labels of halves", lambda s: one_hot([0.5]), TypeError, "labels", "LabelEncoder"),
    ("labels of three axes", lambda s: one_hot(np.zeros((1, 1, 1), int)),
     ValueError, "labels must have shape", "(1, 1, 1)"),
    ("no labels", lambda s: one_hot(np.zeros(0, int)), ValueError, "labels are empty", "classes="),
    ("no classes", lambda s: one_hot([0], 0), ValueError, "classes", "at least 1"),
    ("an encoder that has seen none", lambda s: LabelEncoder().transform(["a"]),
     RuntimeError, "is not fitted yet", "call fit"),
    ("an encoder of nothing", lambda s: LabelEncoder().fit([]),
     ValueError, "labels are empty", "training labels"),
    ("a label that is new", lambda s: LabelEncoder().fit(["a", "b"]).transform(["c"]),
     ValueError, "unknown label 'c'", "['a', 'b']"),
    ("labels of two kinds", lambda s: LabelEncoder().fit([1, "a"]),
     TypeError, "labels must be of one kind", "sorted"),
    ("labels of steps", lambda s: LabelEncoder().fit([["a", "b"], ["a"]]),
     TypeError, "labels of each step", "fit(np.concatenate(labels))"),
    ("labels of steps to encode", lambda s: LabelEncoder().fit(["a"]).transform([np.array(["a"]), []]),
     TypeError, "labels of each step", "[encoder.transform(one) for one in labels]"),
    ("one label", lambda s: LabelEncoder().fit("spam"), TypeError, "labels must be a list", "str"),
    ("labels of NaN", lambda s: LabelEncoder().fit([0.0, np.nan]), ValueError, "nan", "drop"),
    ("a scaler that has seen none", lambda s: StandardScaler().transform(FLAT),
     RuntimeError, "is not fitted yet", "call fit"),
    ("a scaler of nothing", lambda s: StandardScaler().fit(FLAT[:0]),
     ValueError, "empty", "at least one sample"),
    ("a scaler of NaN", lambda s: StandardScaler().fit(FLAT * np.nan),
     ValueError, "feature 0 holds nan, not a finite", "nnfw.data.Impute"),
    ("a scaler of words", lambda s: StandardScaler().fit(FLAT.astype(str)),
     TypeError, "data must be real numbers, got <U32", ".astype(float)"),
    ("other features for a scaler", lambda s: s.scaler.transform(FLAT[:, :3]),
     ValueError, "fitted to 4 features", "got 3"),
    ("a list of features for a scaler", lambda s: StandardScaler().fit([np.arange(3.0), np.arange(4.0)]),
     ValueError, "a list of unequal parts", "a list of arrays (T_i, D)"),
    ("unequal rows for a scaler", lambda s: s.scaler.transform([[[1.0, 2.0], [3.0]]]),
     ValueError, "a list of unequal parts", "(T_i, D)"),
    ("a text as symbols", lambda s: Vocabulary("world"),
     TypeError, "Vocabulary: symbols", "'world'", "Vocabulary.of_characters(text)"),
    ("a text as words", lambda s: Vocabulary("a rose is a rose", of="words"),
     TypeError, "Vocabulary: symbols", "Vocabulary.of_words(text)"),
    ("a range upside down", lambda s: MinMaxScaler(1.0, 0.0), ValueError, "MinMaxScaler: low", "high=0.0"),
    ("the range of scikit-learn", lambda s: MinMaxScaler(feature_range=(0, 1)),
     TypeError, "'feature_range'", "low and high"),
    ("a split of one", lambda s: split_indices(1, 0.5, np.random.default_rng(0)),
     ValueError, "at least 2 samples", "got 1"),
    ("a split of all", lambda s: train_test_split(FLAT, Y, test_fraction=1.0),
     ValueError, "fraction to hold out", "(0, 1)"),
    ("a split of unequal arrays", lambda s: train_test_split(FLAT, Y[1:]),
     ValueError, "the same number of samples", "11"),
    ("a test size", lambda s: train_test_split(FLAT, test_size=0.2),
     TypeError, "'test_size'", "nnfw calls it test_fraction"),
    ("no sequences", lambda s: pad_sequences([]), ValueError, "sequences are empty", "at least one"),
    ("sequences of other features", lambda s: pad_sequences([X[0], X[1, :, :1]]),
     ValueError, "sequences[1]", "features"),
    ("sequences of words", lambda s: pad_sequences([["a"], ["b", "c"]]),
     TypeError, "sequences[0]", "real numbers"),
    ("sequences too long", lambda s: pad_sequences([X[0]], length=3), ValueError, "length", "5"),
    ("windows longer than the series", lambda s: sliding_windows(np.arange(5.0), 9), ValueError, "9", "5"),
    ("windows of nothing", lambda s: sliding_windows(np.arange(5.0), 0),
     ValueError, "sliding_windows: window", "at least 1"),
    ("batches of nothing", lambda s: list(batches(12, 0)), ValueError, "batch_size", "at least 1"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
