"""Whole trainings beside those recorded from PyTorch by recorded/make_training.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from nnfw import GRU, LSTM, RNN, Adam, Dense, Network
from nnfw.datasets import load_digits
from nnfw.exchange import load_torch

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "training.json").read_text())
LAYERS = {
    "RNN": lambda: RNN(16, name="recurrent"),
    "GRU": lambda: GRU(16, reset_after=True, name="recurrent"),
    "LSTM": lambda: LSTM(16, name="recurrent"),
}


def initial_weights(shapes):
    rng = np.random.default_rng(0)
    return {name: rng.normal(scale=0.3, size=shape) for name, shape in shapes.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4)])
@pytest.mark.parametrize("name", LAYERS)
def test_each_epoch_of_a_training_equals_that_of_pytorch(name, dtype, tolerance):
    curves = RECORDED[name]
    layers = [LAYERS[name](), Dense(10, "softmax", name="linear")]
    network = Network(layers, loss="cce", metrics=["accuracy"], optimizer=Adam(0.003), dtype=dtype)
    network.build((8, 8))
    load_torch(network, initial_weights(curves["shapes"]))
    (x, y), _ = load_digits()
    history = network.fit(x, y, epochs=30, batch_size=32, shuffle=False, verbose=0)
    np.testing.assert_allclose(history["loss"], curves["loss"], rtol=tolerance)
    if dtype == "float64":
        assert history["accuracy"] == pytest.approx(curves["accuracy"], abs=1e-12)
