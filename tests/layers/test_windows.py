"""Convolutions and windowed pooling: each window by hand, sequences as if alone, and mistakes."""

import copy
import itertools
import re

import numpy as np
import pytest
from alike import for_each
from built import build, randomized, step
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import (
    GRU,
    Adam,
    AveragePooling1D,
    AveragePooling2D,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    LastStep,
    MaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    MeanPooling,
    Network,
    Reshape,
    ShapeError,
)
from nnfw.core import vectors
from nnfw.gradcheck import check_network
from nnfw.regularizers import MaxNorm

RNG = np.random.default_rng(41)


def one_window(x, place, size, stride, dilation, before):
    """The values of one window of x (N, *sizes, D), (N, *size, D), with 0 where there are none."""
    values = np.zeros((len(x), *size, x.shape[-1]))
    for position in np.ndindex(*size):
        at = np.array(place) * stride + np.array(position) * dilation - before
        if np.all((at >= 0) & (at < x.shape[1:-1])):
            values[(slice(None), *position)] = x[(slice(None), *at)]
    return values


GRID = list(itertools.product((1, 2, 3), (1, 2, 3), (1, 2), ("valid", "same", "causal")))


@for_each(("size", "stride", "dilation", "padding"), GRID)
def test_each_step_of_a_convolution_by_hand(size, stride, dilation, padding):
    T, reach = 7, (size - 1) * dilation + 1
    layer = randomized(
        Conv1D(4, size, "tanh", stride=stride, dilation=dilation, padding=padding), (T, 3), RNG
    )
    x, (W, b) = RNG.normal(size=(2, T, 3)), layer.params.values()
    before = {"valid": 0, "same": (reach - 1) // 2, "causal": reach - 1}[padding]
    expected = -(-T // stride) if padding != "valid" else (T - reach) // stride + 1
    y = layer.forward(x)
    assert y.shape == (2, expected, 4)
    for t in range(expected):
        u = one_window(x, (t,), (size,), stride, dilation, before)
        assert_allclose(y[:, t], np.tanh(np.einsum("nkd,kdf->nf", u, W) + b), rtol=0, atol=1e-14)


@pytest.mark.parametrize("D", [1, 3])
@pytest.mark.parametrize("block", [1, vectors.BLOCK])
def test_each_pixel_of_a_convolution_by_hand(D, block, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK", block)  # a sample at once, or both
    layer = Conv2D(4, (2, 3), stride=(2, 1), dilation=(1, 2), padding="same")
    randomized(layer, (5, 6, D), RNG)
    x, dy, (W, b) = RNG.normal(size=(2, 5, 6, D)), RNG.normal(size=(2, 3, 6, 4)), layer.params.values()
    y, dW = layer.forward(x, training=True), np.zeros_like(W)
    layer.backward(dy)
    layer.gradients()
    assert y.shape == (2, 3, 6, 4)
    for place in np.ndindex(3, 6):
        u = one_window(x, place, (2, 3), (2, 1), (1, 2), (0, 2))
        expected = np.einsum("nijd,ijdf->nf", u, W) + b
        assert_allclose(y[(slice(None), *place)], expected, rtol=0, atol=1e-14)
        dW += np.einsum("nijd,nf->ijdf", u, dy[(slice(None), *place)])
    assert_allclose(layer.grads["W"], dW, rtol=0, atol=1e-13)
    assert_allclose(layer.grads["b"], dy.sum(axis=(0, 1, 2)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [Conv2D, MaxPooling2D, AveragePooling2D])
def test_one_row_of_pixels_is_a_sequence(kind):
    one = {Conv2D: Conv1D, MaxPooling2D: MaxPooling1D, AveragePooling2D: AveragePooling1D}[kind]
    x = RNG.normal(size=(2, 7, 3))
    wide = randomized(kind(*[4] * (kind is Conv2D), (1, 2), stride=(1, 3)), (1, 7, 3), RNG)
    flat = build(one(*[4] * (kind is Conv2D), 2, stride=3), (7, 3))
    for p, q in zip(flat.params.values(), wide.params.values(), strict=True):
        p[...] = q.reshape(p.shape)
    assert_allclose(wide.forward(x[:, None])[:, 0], flat.forward(x), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("kind", "function"), [(MaxPooling2D, np.max), (AveragePooling2D, np.mean)])
def test_each_window_of_pooling_by_hand(kind, function):
    x = RNG.normal(size=(2, 5, 8, 3))
    y = build(kind((2, 3), (2, 2)), x.shape[1:]).forward(x)
    assert y.shape == (2, 2, 3, 3)
    for i, j in np.ndindex(2, 3):
        part = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 3]
        assert_allclose(y[:, i, j], function(part, axis=(1, 2)), rtol=0, atol=1e-15)


def test_the_gradient_of_a_maximum_goes_to_the_first_of_equals_in_each_window():
    x = np.array([2.0, 2.0, 1.0, 3.0, 3.0])[None, :, None]
    dx = step(build(MaxPooling1D(3, 1), (5, 1)), x, np.array([1.0, 10.0, 100.0])[None, :, None])
    assert_array_equal(dx.ravel(), [1, 0, 0, 110, 0])


# ---- sequences of unequal length ------------------------------------------------------------------------

CHAINS = {
    "valid": lambda: [Conv1D(4, 3), GRU(3)],
    "strided": lambda: [
        Conv1D(4, 3, "relu", stride=2),
        Conv1D(3, 2, stride=2, padding="same"),
        MeanPooling(),
    ],
    "pooled": lambda: [Conv1D(4, 2, padding="causal"), MaxPooling1D(2), AveragePooling1D(2, 1), LastStep()],
    "inner": lambda: [Network([Conv1D(4, 2, stride=2), Dense(3, "tanh")]), MaxPooling()],
    "merged within": lambda: [Network([Conv1D(4, 2), MaxPooling()]), Dense(3)],
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.slow
def test_sequences_in_a_batch_are_as_if_alone(name):
    network = untrained(Network([*CHAINS[name](), Dense(2)], seed=0, dtype="float64"), None, 3)
    sequences = [RNG.normal(size=(n, 3)) for n in (9, 6, 7, 9)]
    together = network.predict(sequences)
    for one, y in zip(sequences, together, strict=True):
        assert_allclose(y, network.predict(one[None])[0], rtol=0, atol=1e-14)
    assert check_network(network, sequences, RNG.normal(size=(4, 2))).worst < 1e-6


def test_a_sequence_shorter_than_a_window_has_none():
    network = untrained(Network([Conv1D(4, 3), MaxPooling(), Dense(2)], seed=0), None, 3)
    y = network.predict([RNG.normal(size=(n, 3)) for n in (5, 2)])
    assert_array_equal(y[1], network.params["dense_3.b"])


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_a_convolution_is_causal_where_each_step_has_an_output_that_sees_no_later_one(padding):
    for stride, size in itertools.product((1, 2), (1, 3)):
        layer = Conv1D(2, size, stride=stride, padding=padding)
        assert layer.causal is (padding == "causal" and stride == 1)


def test_padding_is_zero_after_convolution_with_fewer_steps():
    layer = build(Conv1D(4, 2, "sigmoid", stride=2), (None, 3))
    y = layer.forward(RNG.normal(size=(2, 8, 3)), lengths=np.array([8, 3]))
    assert np.all(y[0])
    assert np.all(y[1, :1])
    assert not np.any(y[1, 1:])


@pytest.mark.parametrize("inner", [False, True])
def test_targets_for_steps_that_lengths_do_not_count_are_refused(inner):
    layers = [Conv1D(4, 2, stride=2)]
    network = Network([Network(layers), Dense(2)] if inner else [*layers, Dense(2)])
    x = [RNG.normal(size=(n, 3)) for n in (6, 4)]
    with pytest.raises(ShapeError, match=r"Conv1D\(4, 2\) does not keep them; omit lengths"):
        network.fit(x, np.zeros((2, 3, 2)), verbose=0)
    history = network.fit(np.ones((2, 6, 3)), np.zeros((2, 3, 2)), verbose=0)  # all alike have such targets
    assert len(history["loss"]) == 1


def test_windows_of_truncation_would_be_read_without_what_came_before():
    network = Network([Conv1D(4, 2, padding="causal"), Dense(1)])
    with pytest.raises(ValueError, match=r"Conv1D\(4, 2\) needs whole sequences"):
        network.fit(RNG.normal(size=(2, 8, 3)), np.zeros((2, 8, 1)), truncate=4, verbose=0)


# ---- weights, images, mistakes --------------------------------------------------------------------------


@pytest.mark.slow
def test_fans_count_the_window():
    for name, variance in (("glorot_uniform", 2 / (15 * 300 + 15 * 400)), ("he_normal", 2 / (15 * 300))):
        layer = build(Conv2D(400, (3, 5), initializer=name), (9, 9, 300))
        assert layer.params["W"].var() == pytest.approx(variance, rel=0.01)
    with pytest.raises(ShapeError, match=r"Orthogonal is for weights of shape \(inputs, units\)"):
        build(Conv1D(4, 2, initializer="orthogonal"), (5, 3))


def test_the_largest_norm_is_of_all_weights_of_a_filter():
    p = RNG.uniform(1, 2, size=(3, 2, 4))
    short = p[..., 0] / np.linalg.norm(p[..., 0]) / 2
    p[..., 0] = short
    MaxNorm(1.0).constrain(p)
    assert_allclose(np.linalg.norm(p.reshape(6, 4), axis=0), [0.5, 1, 1, 1])
    assert_array_equal(p[..., 0], short)


@pytest.mark.slow
def test_images_are_learnt_and_checked():
    x = np.random.default_rng(42).normal(size=(40, 6, 6))
    y = (x[:, :3].mean(axis=(1, 2)) > x[:, 3:].mean(axis=(1, 2))).astype(int)
    layers = [Reshape((6, 6, 1)), Conv2D(4, 3, "relu", padding="same"), MaxPooling2D(2), Flatten()]
    network = Network(
        [*layers, Dense(2, "softmax")], loss="cce", optimizer=Adam(0.01), metrics=["accuracy"], seed=0
    )
    report = Network([*copy.deepcopy(layers[1:]), Dense(2, "softmax")], loss="cce").check(x[..., None], y)
    assert report.scale["mean"].shape == (1,)
    network.fit(x, y, epochs=60, verbose=0)
    assert network.evaluate(x, y)["accuracy"] > 0.9


MISTAKES = {
    "Conv1D: kernel_size must be at least 1, got 0": lambda: Conv1D(4, 0),
    "Conv1D: kernel_size must be a whole number, got (2, 3)": lambda: Conv1D(4, (2, 3)),
    "Conv2D: kernel_size[1] must be at least 1, got 0": lambda: Conv2D(4, (2, 0)),
    "Conv2D: kernel_size must be a whole number": lambda: Conv2D(4, (2, 3, 3)),
    "padding must be one of 'valid', 'same', got 'causal'": lambda: Conv2D(4, 2, padding="causal"),
    "Did you mean 'same'": lambda: Conv1D(4, 2, padding="sme"),
    "MaxPooling1D: stride must be at least 1": lambda: MaxPooling1D(2, stride=0),
    "nnfw calls it pool_size": lambda: MaxPooling1D(kernel_size=2),
    "Did you mean 'stride'": lambda: Conv1D(4, 2, strides=2),
    "a window spans 5, more than the 4 of (samples, 4, 3)": lambda: build(Conv1D(4, 5), (4, 3)),
    "a window spans 3, more than the 2 of": lambda: build(MaxPooling2D(3), (3, 2, 1)),
    "expects (samples, steps, features), got (samples, 4)": lambda: build(Conv1D(4, 2), (4,)),
    "expects (samples, rows, columns, channels), got (samples, 4, 4)": lambda: build(Conv2D(4, 2), (4, 4)),
    "expects 3 features, got (2, 4, 5)": lambda: build(Conv1D(4, 2), (4, 3)).forward(np.ones((2, 4, 5))),
    "features), got (2, 4)": lambda: build(Conv1D(4, 2), (4, 3)).forward(np.ones((2, 4))),
}


@for_each("words", MISTAKES)
def test_mistakes_are_explained(words):
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        MISTAKES[words]()
