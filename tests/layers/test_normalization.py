"""LayerNorm: exact also of features far from 0."""

import numpy as np
import pytest
from built import build, step
from numpy.testing import assert_allclose, assert_array_equal

from nnfw import LayerNorm, ShapeError


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalized_features_have_mean_0_and_variance_1(dtype):
    rng = np.random.default_rng(17)
    x = rng.normal(size=(6, 5, 64)) * rng.uniform(0.1, 10, size=(6, 5, 1)) + rng.normal(size=(6, 5, 1))
    y = build(LayerNorm(epsilon=1e-20), (5, 64), dtype).forward(x.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert_allclose(y.mean(axis=-1), 0, atol=tolerance)
    assert_allclose(y.var(axis=-1), 1, rtol=tolerance)


def test_layer_norm_of_constant_and_of_far_off_features():
    layer = build(LayerNorm(), (4,), "float32")
    layer.params["shift"][...] = [1, 2, 3, 4]
    assert_array_equal(layer.forward(np.full((2, 4), 1e6)), [[1, 2, 3, 4]] * 2)
    x = np.random.default_rng(18).normal(size=(3, 4)).astype(np.float32)
    assert_allclose(layer.forward(x + np.float32(1000)), layer.forward(x), atol=1e-3)
    assert_array_equal(step(layer, np.full((1, 4), 3.0), np.ones((1, 4))), 0)


@pytest.mark.parametrize("D", [2, 3, 5, 7, 11, 64, 100])
@pytest.mark.parametrize("offset", [0.1, 1e4, -1e5, 1234567.0])
def test_layer_norm_far_from_0_is_that_of_exact_arithmetic(D, offset):
    rng = np.random.default_rng(19)
    constant = np.full((4, D), offset) * rng.uniform(1, 2, size=(4, 1))
    x = np.concatenate([constant, offset + rng.normal(size=(4, D))]).astype(np.float32)
    exact = x.astype(np.longdouble)
    centred = exact - exact.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    layer, precise = (build(LayerNorm(), (D,), dtype) for dtype in ("float32", "float64"))
    found = layer.forward(x)
    assert_allclose(found, expected, rtol=0, atol=2e-5)  # 0 where all features are the same
    dy = rng.normal(size=x.shape)
    assert_allclose(step(layer, x, dy), step(precise, x, dy), rtol=1e-4, atol=1e-3)
    assert_array_equal(layer.forward(x, training=True), found)


def test_misuse_of_layer_norm_is_explained():
    with pytest.raises(ValueError, match=r"LayerNorm: epsilon must be a finite number in \(0, inf"):
        LayerNorm(epsilon=0)
    with pytest.raises(ShapeError, match=r"expects .* got \(samples, 2, 3, 4\); Reshape makes one axis"):
        LayerNorm().compute_shapes((2, 3, 4))
    with pytest.raises(ShapeError, match=r"with 4 features, got \(2, 3\)"):
        build(LayerNorm(), (4,)).forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 4\), got \(2, 1\)"):
        step(build(LayerNorm(), (4,)), np.ones((2, 4)), np.ones((2, 1)))
