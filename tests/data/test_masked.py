"""Masked arrays: wherever data comes in, values under a mask are refused, and not read."""

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, Dense, Embedding, Network
from nnfw.data import (
    LabelEncoder,
    MinMaxScaler,
    StandardScaler,
    Vocabulary,
    one_hot,
    pad_sequences,
    sliding_windows,
    split_indices,
    train_test_split,
)
from nnfw.generation import generate
from nnfw.losses import MSE, CategoricalCrossentropy
from nnfw.metrics import MAE, Accuracy, ConfusionMatrix, Running

WHOLE = np.arange(24.0).reshape(4, 3, 2)
HALF = np.ma.masked_equal(WHOLE, 5.0)
ROWS, WHOLE_ROWS = HALF[:, 0], WHOLE[:, 0]
ROWS[0, 0] = np.ma.masked
CLASSES, WHOLE_CLASSES = np.ma.masked_equal([0, 1, 2, 1], 2), np.array([0, 1, 2, 1])
WORDS = np.ma.masked_equal(["a", "b", "b", "c"], "c")


def network():
    return Network([GRU(2, return_sequences=True), Dense(2)], seed=0)


def fitted():
    model = network()
    model.fit(WHOLE, WHOLE, verbose=0)
    return model


def of_symbols():
    model = Network([Embedding(3, 3), Dense(3, "softmax")], loss="cce", seed=0)
    model.fit(np.array([[0, 1, 2]]), np.array([[1, 2, 0]]), verbose=0)
    return model


def rng():
    return np.random.default_rng(0)


@for_each(
    "use",
    [
        lambda: pad_sequences([np.ones((2, 2)), HALF[0]]),
        lambda: pad_sequences([[1, 2], CLASSES]),
        lambda: StandardScaler().fit(HALF),
        lambda: StandardScaler().fit([np.ones((2, 2)), HALF[0]]),
        lambda: MinMaxScaler().fit(WHOLE).transform([HALF[0]]),
        lambda: MinMaxScaler().fit(WHOLE).inverse_transform(ROWS),
        lambda: one_hot(CLASSES),
        lambda: one_hot([CLASSES, CLASSES]),
        lambda: LabelEncoder().fit(WORDS),
        lambda: LabelEncoder().fit([WORDS, WORDS]),
        lambda: LabelEncoder().fit([*"abc"]).transform(WORDS),
        lambda: LabelEncoder().fit([*"abc"]).inverse_transform(CLASSES),
        lambda: split_indices(4, 0.5, rng(), CLASSES),
        lambda: split_indices(4, 0.5, rng(), WORDS),
        lambda: train_test_split(HALF, np.arange(4)),
        lambda: train_test_split(np.arange(4), CLASSES),
        lambda: train_test_split(np.arange(4), np.arange(4), HALF),
        lambda: train_test_split(np.arange(4), np.arange(4), stratify=CLASSES),
        lambda: sliding_windows(ROWS, 2),
        lambda: sliding_windows(list(ROWS), 2),
        lambda: sliding_windows(np.arange(4.0), 2, targets=ROWS),
        lambda: Vocabulary([*"abc"]).decode(CLASSES),
        lambda: Vocabulary([*"abc"]).decode([CLASSES, [0, 1]]),
        lambda: MSE()(ROWS, WHOLE_ROWS),
        lambda: MSE().gradient(WHOLE_ROWS, ROWS),
        lambda: MSE().per_sample(list(ROWS), WHOLE_ROWS),
        lambda: MSE()(WHOLE_ROWS, WHOLE_ROWS, weight=CLASSES),
        lambda: CategoricalCrossentropy()(CLASSES, np.full((4, 3), 1 / 3)),
        lambda: MAE()(ROWS, WHOLE_ROWS),
        lambda: Accuracy()(WHOLE_CLASSES, np.ma.masked_less(np.eye(4, 3), 1)),
        lambda: ConfusionMatrix()(list(CLASSES), np.eye(4, 3)),
        lambda: Running(MAE()).add(WHOLE_ROWS, ROWS),
        lambda: network().fit(HALF, WHOLE, verbose=0),
        lambda: network().fit(list(HALF), WHOLE, verbose=0),
        lambda: network().fit(WHOLE, HALF, verbose=0),
        lambda: network().fit(list(WHOLE), list(HALF), verbose=0),
        lambda: network().fit(WHOLE, WHOLE, lengths=CLASSES + 1, verbose=0),
        lambda: network().fit(WHOLE, WHOLE, sample_weight=CLASSES, verbose=0),
        lambda: network().fit(list(WHOLE), list(WHOLE), sample_weight=[*HALF[..., 0]], verbose=0),
        lambda: network().fit(WHOLE, WHOLE, validation_data=(HALF, WHOLE), verbose=0),
        lambda: network().fit([(WHOLE, WHOLE), (WHOLE, HALF)], verbose=0),
        lambda: fitted().evaluate(HALF, WHOLE),
        lambda: fitted().predict(HALF),
        lambda: fitted().predict([WHOLE[0], HALF[0]]),
        lambda: fitted().predict_classes(HALF),
        lambda: fitted().forward(HALF),
        lambda: fitted().stream().step(ROWS[0]),
        lambda: fitted().stream(samples=4).step(list(ROWS)),
        lambda: of_symbols().stream().step(np.ma.masked),
        lambda: generate(of_symbols(), CLASSES, 3),
        lambda: generate(of_symbols(), [0, np.ma.masked], 3),
    ],
)
def test_masked_values_are_refused(use):
    with pytest.raises(ValueError, match=r"has masked values; fill them, .*\.filled\(\.\.\.\), or drop"):
        use()


def test_a_mask_that_hides_nothing_changes_nothing():
    shown = np.ma.masked_equal(WHOLE, 99.0)
    model = fitted()
    expected = model.predict(WHOLE)
    for x in (shown, list(shown)):
        np.testing.assert_array_equal(model.predict(x), expected)
    np.testing.assert_array_equal(StandardScaler().fit(shown).scale, StandardScaler().fit(WHOLE).scale)
    assert MSE()(shown, WHOLE) == 0.0
