"""Dense: the oracle's values and gradients (see `oracle`), flat and in time."""

import functools

import numpy as np
import oracle
import pytest
from built import randomized

from nnfw import Dense


def compare(seed):
    rng = np.random.default_rng(seed)
    N, T, D, H = (int(n) for n in rng.choice([1, 2, 3, 4], size=4))
    activation = str(rng.choice([*oracle.ACTIVATIONS, "softmax"]))
    shape = (T, D) if rng.random() < 0.4 else (D,)
    layer = randomized(Dense(H, activation, use_bias=bool(rng.random() < 0.8)), shape, rng)
    arrays = {"x": rng.normal(size=(N, *shape)), **layer.params}
    outputs = functools.partial(oracle.dense, activation=activation)
    oracle.compare(layer, arrays, outputs, rng, every_entry=seed % 10 == 0)


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_outputs_and_gradients_are_those_of_the_oracle(first):
    for seed in range(first, first + 20):
        compare(seed)


@pytest.mark.parametrize("shape", [(50, 3, 8), (7, 1, 64), (4, 5, 1), (0, 5, 2)])
def test_steps_are_rows_of_one_product(shape):
    rng = np.random.default_rng(0)
    layer = randomized(Dense(33), shape[1:], rng, "float32")
    x, dy = rng.normal(size=shape), rng.normal(size=(*shape[:2], 33))
    y, dx = layer.forward(x, training=True), layer.backward(dy)
    rows = x.reshape(-1, shape[2])
    assert np.array_equal(y.reshape(-1, 33), layer.forward(rows, training=True))  # to the last bit
    assert np.array_equal(dx.reshape(rows.shape), layer.backward(dy.reshape(-1, 33)))
