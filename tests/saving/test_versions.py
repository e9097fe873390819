"""A file that was ever saved loads for ever, answers as it did, and trains on as it would have."""

from pathlib import Path

import numpy as np
import pytest

from nnfw import Network

FOLDER = Path(__file__).parent / "versions"
FILES = sorted(path for path in FOLDER.glob("*.npz") if not path.stem.endswith("_answers"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_there_are_some():
    assert "0.1.0" in [path.stem for path in FILES]


@pytest.mark.slow
def test_loads_and_goes_on(path):
    network = Network.load(path)
    with np.load(path.with_name(f"{path.stem}_answers.npz")) as file:
        known = dict(file)
    x, y, lengths = known["x"], known["y"], known["lengths"]
    np.testing.assert_allclose(network.predict(x, lengths=lengths), known["now"], rtol=1e-12)
    history = network.fit(x, y, lengths=lengths, batch_size=5, verbose=0)
    np.testing.assert_allclose(history["loss"], known["losses"], rtol=1e-9)
    np.testing.assert_allclose(network.predict(x, lengths=lengths), known["later"], rtol=1e-7)
    assert history.epoch == [1, 2, 3]


def test_is_as_it_was_made():
    network = Network.load(FOLDER / "0.1.0.npz")
    assert [type(layer).__name__ for layer in network.layers] == ["GRU", "Network", "Dense", "Dense"]
    assert network.layers[1].name == "inner"
    assert not network.layers[2].trainable
    assert network.layers[0].optimizer.learning_rate == 0.01
    assert network.optimizer.rate(0) < network.optimizer.rate(1) > network.optimizer.rate(5)
    assert [metric.name for metric in network.metrics] == ["accuracy", "f1"]


def test_a_residual_that_was_a_network_of_its_own():
    """It had a loss, metrics, a seed and a dtype, which did nothing within a network."""
    network = Network.load(FOLDER / "residual_as_network.npz")
    inner, *_, last = network.layers
    assert repr(inner).startswith("Residual([Dense(3, activation='tanh'), Dropout(0.2), Network([Dense(2)], ")
    assert last.optimizer is inner.optimizer is inner.layers[-1].optimizer is not None
    assert not hasattr(inner, "history")
