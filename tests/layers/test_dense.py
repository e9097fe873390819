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
