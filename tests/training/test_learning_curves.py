"""Whole trainings beside those recorded from PyTorch by recorded/make_training.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from nnfw import GRU, LSTM, RNN, Adam, Bidirectional, Dense, Network
from nnfw.datasets import load_digits, load_japanese_vowels
from nnfw.exchange import load_torch

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "training.json").read_text())
LAYERS = {
    "RNN": lambda: RNN(16),
    "GRU": lambda: GRU(16, reset_after=True),
    "LSTM": lambda: LSTM(16),
    "GRU, lengths": lambda: GRU(16, reset_after=True),
    "Bidirectional LSTM, lengths": lambda: Bidirectional(LSTM(16)),
}


def initial_weights(shapes):
    rng = np.random.default_rng(0)
    return {name: rng.normal(scale=0.3, size=shape) for name, shape in shapes.items()}


def samples(name):
    if "lengths" not in name:
        return load_digits()[0]
    x, y = load_japanese_vowels()[0]
    order = np.random.default_rng(0).permutation(len(x))
    return [x[i] for i in order], y[order]


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4)])
@pytest.mark.parametrize("name", LAYERS)
def test_each_epoch_of_a_training_equals_that_of_pytorch(name, dtype, tolerance):
    (x, y), curves = samples(name), RECORDED[name]
    layers = [LAYERS[name](), Dense(y.max() + 1, "softmax")]
    network = Network(layers, loss="cce", metrics=["accuracy"], optimizer=Adam(0.002), dtype=dtype)
    network.build((None, x[0].shape[1]))
    load_torch(network, initial_weights(curves["shapes"]))
    history = network.fit(x, y, epochs=30, batch_size=32, shuffle=False, verbose=0)
    np.testing.assert_allclose(history["loss"], curves["loss"], rtol=tolerance)
    if dtype == "float64":
        assert history["accuracy"] == pytest.approx(curves["accuracy"], abs=1e-12)
