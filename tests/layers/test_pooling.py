"""LastStep, MeanPooling and MaxPooling: each sequence as if it were alone."""

import numpy as np
import pytest
from built import build, step
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import Dense, LastStep, MaxPooling, MeanPooling, Network, ShapeError

POOLINGS = [LastStep, MeanPooling, MaxPooling]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_of_a_batch_is_that_of_each_sequence_alone(pooling):
    rng = np.random.default_rng(19)
    x, lengths = rng.normal(size=(7, 9, 4)), np.array([0, *rng.integers(1, 10, size=6)])
    x[np.arange(9) >= lengths[:, None]] = np.nan
    dy = rng.normal(size=(7, 4))
    layer = pooling()
    dx = step(build(layer, (None, 4)), x, dy, lengths=lengths)
    assert_array_equal(dx[np.arange(9) >= lengths[:, None]], 0)
    assert_array_equal(layer.forward(x, lengths=lengths)[0], 0)
    for n, length in enumerate(lengths[1:], 1):
        alone = x[n : n + 1, :length]
        assert_allclose(layer.forward(x, lengths=lengths)[n], layer.forward(alone)[0], rtol=0, atol=1e-15)
        assert_allclose(dx[n : n + 1, :length], step(layer, alone, dy[n : n + 1]), rtol=0, atol=1e-15)


@pytest.mark.parametrize("pooling", [LastStep, MeanPooling, MaxPooling])
def test_a_network_tells_pooling_the_lengths(pooling):
    network = untrained(Network([pooling(), Dense(2)], seed=0, dtype="float64"), None, 3)
    long, short = np.random.default_rng(17).normal(size=(2, 5, 3))
    together = network.predict([long, short[:2]])
    assert_allclose(together[1:], network.predict([short[:2]]), rtol=1e-13)


def test_the_gradient_of_a_maximum_goes_to_the_first_of_equals():
    x = np.array([[0.0, -1.0], [2.0, -1.0], [2.0, -3.0], [5.0, 0.0]])[None]
    layer = build(MaxPooling(), (4, 2))
    dx = step(layer, x, np.array([[3.0, 4.0]]), lengths=[3])
    assert_array_equal(dx[0], [[0, 4], [3, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_misuse_of_pooling_is_explained(pooling):
    layer, x = build(pooling(), (3, 2)), np.random.default_rng(20).normal(size=(2, 3, 2))
    with pytest.raises(ShapeError, match=r"expects \(samples, steps, features\), got \(samples, 4\)"):
        pooling().compute_shapes((4,))
    with pytest.raises(ShapeError, match=r"expects \(samples, steps, features\), got \(2, 3\)"):
        layer.forward(x[..., 0])
    for lengths, message in (
        ([1, 2, 3], "lengths must be 2 whole numbers, one per sample, got int64 of shape"),
        ([1.0, 2.0], "lengths must be 2 whole numbers, one per sample, got float64"),
        ([-1, 2], "lengths must lie in 0 to 3, the steps of x; got -1 to 2"),
        ([1, 4], "lengths must lie in 0 to 3, the steps of x; got 1 to 4"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.forward(x, lengths=lengths)
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 2\), got \(2, 1\)"):
        step(layer, x, np.ones((2, 1)))
