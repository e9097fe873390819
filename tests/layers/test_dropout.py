"""Dropout and GaussianNoise: their statistics, and their generator."""

import copy
import math

import numpy as np
import pytest
from alike import for_each
from built import build, step
from numpy.testing import assert_allclose, assert_array_equal

from nnfw import GRU, Dense, Dropout, GaussianNoise, LastStep, Network, ShapeError


def deviations(count, n, p):
    """Return how many standard deviations of the binomial a count is from what is expected."""
    return abs(count - n * p) / math.sqrt(n * p * (1 - p))


@for_each("rate", [0.05, 0.3, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(rate):
    shape = (50, 40, 30)
    x = np.random.default_rng(8).uniform(1.0, 2.0, size=shape)
    layer = build(Dropout(rate), shape[1:])
    y = layer.forward(x, training=True)
    out = y == 0
    assert deviations(out.sum(), out.size, rate) < 4
    for axis in (1, 2):  # as often at each step, and for each feature
        counts = out.sum(axis=tuple({0, 1, 2} - {axis}))
        assert all(deviations(count, out.size / len(counts), rate) < 5 for count in counts)
    # Neighbours in time are left out independently of each other.
    pairs = out[:, 1:] & out[:, :-1]
    assert deviations(pairs.sum(), pairs.size, rate**2) < 5
    assert_allclose(y[~out], x[~out] / (1 - rate), rtol=1e-15)
    assert abs(y.mean() - x.mean()) < 6 * y.std() / math.sqrt(y.size)
    again = layer.forward(x, training=True) == 0
    assert deviations((out & again).sum(), out.size, rate**2) < 5


def test_dropout_of_the_same_units_at_each_step():
    x = np.random.default_rng(9).uniform(1.0, 2.0, size=(200, 6, 50))
    layer = build(Dropout(0.3, same_at_each_step=True), (6, 50))
    out = layer.forward(x, training=True) == 0
    assert_array_equal(out, np.broadcast_to(out[:, :1], out.shape))
    assert deviations(out[:, 0].sum(), 200 * 50, 0.3) < 4
    assert len(np.unique(out[:, 0], axis=0)) == 200  # another draw for each sequence
    dy = np.random.default_rng(10).normal(size=x.shape)
    assert_allclose(layer.backward(dy), np.where(out, 0, dy / 0.7), rtol=1e-14)


def test_dropout_of_nothing_is_the_identity():
    layer = build(Dropout(0), (4,))
    x = np.random.default_rng(11).normal(size=(3, 4))
    assert_array_equal(layer.forward(x, training=True), x)
    assert_array_equal(layer.backward(2 * x), 2 * x)


@pytest.mark.parametrize(
    "layer", [Dropout(0.4), Dropout(0.4, same_at_each_step=True), GaussianNoise(0.5)], ids=repr
)
def test_random_layers_do_nothing_in_inference_and_draw_alike_in_both_precisions(layer):
    x = np.random.default_rng(12).normal(size=(5, 4, 3)).astype(np.float32)
    layers = {dtype: build(copy.deepcopy(layer), (4, 3), dtype) for dtype in ("float32", "float64")}
    for dtype, each in layers.items():
        before = copy.deepcopy(each._noise.bit_generator.state)
        y = each.forward(x)
        assert_array_equal(y, x)
        assert y.dtype == dtype
        assert each._noise.bit_generator.state == before
    y32, y64 = (each.forward(x, training=True) for each in layers.values())
    assert (y32.dtype, y64.dtype) == (np.float32, np.float64)
    assert_allclose(y32, y64, rtol=1e-6, atol=1e-7)
    assert np.any(y32 != x)


def test_gaussian_noise_is_normal_of_the_given_deviation():
    x = np.random.default_rng(13).normal(size=(100, 20, 50))
    layer = build(GaussianNoise(0.5), (20, 50))
    e = (layer.forward(x, training=True) - x) / 0.5
    n = e.size
    assert abs(e.mean()) < 4 / math.sqrt(n)
    assert abs(np.mean(e**2) - 1) < 4 * math.sqrt(2 / n)
    assert abs(np.mean(e**4) - 3) < 4 * math.sqrt(96 / n)
    assert abs(np.mean(e[:, 1:] * e[:, :-1])) < 4 / math.sqrt(n)
    assert_array_equal(layer.backward(x), x)
    assert_array_equal(build(GaussianNoise(0), (20, 50)).forward(x, training=True), x)


def test_misuse_of_random_layers_is_explained():
    for rate in (1, 1.0, -0.1, np.nan):
        with pytest.raises(ValueError, match=r"Dropout: rate must be a finite number in \[0, 1\)"):
            Dropout(rate)
    with pytest.raises(ValueError, match="GaussianNoise: std must be a finite number"):
        GaussianNoise(-1)
    with pytest.raises(TypeError, match="same_at_each_step must be True or False"):
        Dropout(0.5, same_at_each_step=1)
    with pytest.raises(ShapeError, match=r"same_at_each_step expects .* got \(samples, 4\)"):
        Dropout(0.5, same_at_each_step=True).compute_shapes((4,))
    for layer in (Dropout(0.5), Dropout(0.5, same_at_each_step=True), GaussianNoise(0.1)):
        with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 4, 3\), got \(2, 1, 3\)"):
            step(build(layer, (4, 3)), np.ones((2, 4, 3)), np.ones((2, 1, 3)))


def test_training_with_noise_resumes_bit_for_bit(tmp_path):
    rng = np.random.default_rng(14)
    x, y = rng.normal(size=(30, 4, 5)), rng.normal(size=(30, 2))

    def network():
        inner = [GaussianNoise(0.3), GRU(6, return_sequences=True), Dropout(0.4, same_at_each_step=True)]
        return Network([*inner, LastStep(), Dropout(0.2), Dense(2)], seed=5)

    whole, halved = network(), network()
    whole.fit(x, y, epochs=4, verbose=0)
    halved.fit(x, y, epochs=2, verbose=0)
    halved.save(tmp_path / "network")
    resumed = Network.load(tmp_path / "network")
    assert resumed.predict(x).tobytes() == halved.predict(x).tobytes()
    assert resumed.predict(x).tobytes() == resumed.predict(x).tobytes()
    resumed.fit(x, y, epochs=2, verbose=0)
    assert list(resumed.history["loss"]) == list(whole.history["loss"])
    for name, p in whole.params.items():
        assert p.tobytes() == resumed.params[name].tobytes()
