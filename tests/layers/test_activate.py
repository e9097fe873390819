"""Activate: an activation as a layer is what it is as an argument, fused with the loss too."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import Activate, BatchNorm, Dense, Network
from nnfw.gradcheck import check_network

RNG = np.random.default_rng(71)
X = 3 * RNG.normal(size=(6, 4))
CASES = {"softmax": ("cce", RNG.integers(0, 3, 6)), "sigmoid": ("bce", RNG.integers(0, 2, (6, 3)))}
CASES["relu"] = "mse", RNG.normal(size=(6, 3))


@pytest.mark.parametrize("activation", CASES)
def test_as_the_last_layer_it_is_that_of_a_dense_layer(activation):
    loss, y = CASES[activation]
    one = Network([Dense(3, activation)], loss=loss, optimizer="sgd", dtype="float64", seed=0)
    two = Network([Dense(3), Activate(activation)], loss=loss, optimizer="sgd", dtype="float64", seed=0)
    histories = [network.fit(1e3 * X, y, epochs=3, verbose=0) for network in (one, two)]
    assert histories[0]["loss"] == histories[1]["loss"]  # also where probabilities round to 0
    assert_array_equal(one.predict(X), two.predict(X))


def test_after_batch_norm():
    network = Network([Dense(5, use_bias=False), BatchNorm(), Activate("gelu"), Dense(2)], seed=0)
    assert check_network(network, X, RNG.normal(size=(6, 2))).worst < 1e-6


def test_its_input_is_kept_where_the_derivative_needs_it_alone():
    for activation, kept in (("relu", {"y"}), ("silu", {"y", "s"})):
        layer = Activate(activation)
        layer.forward(X, training=True)
        assert set(layer.cache) == kept


def test_its_input_is_left_alone():
    layer, x = Activate("relu"), X.copy()
    untrained(Network([layer], dtype="float64"), 4)
    y = layer.forward(x, training=True)
    assert_allclose(y, np.maximum(X, 0))
    assert_array_equal(x, X)
