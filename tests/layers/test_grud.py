"""GRUD in a network: what it takes and refuses, files, streams, and that other libraries lack it.

Its numbers are compared in test_recurrent.py (the oracle), test_recorded.py (PyTorch) and test_contract.py.
"""

import copy

import numpy as np
import pytest
from alike import for_each
from built import build, randomized, step
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import GRU, GRUD, Adam, Bidirectional, Dense, Network, ShapeError
from nnfw.data import Gaps
from nnfw.exchange import load_torch, to_onnx, to_torch
from nnfw.gradcheck import check_network

RNG = np.random.default_rng(71)
RAW = RNG.normal(size=(12, 7, 2))
RAW[RNG.random(RAW.shape) < 0.4] = np.nan
GAPS = Gaps().fit(RAW)
X = GAPS.transform(RAW)
Y = RNG.normal(size=(12, 1))


def network(**options):
    options = {"seed": 0, "dtype": "float64", "optimizer": Adam(0.01)} | options
    return Network([GRUD(5, return_sequences=True), GRU(4), Dense(1)], **options)


def test_without_time_and_gaps_it_is_a_gru_of_values_and_mask():
    layer, gru = randomized(GRUD(4), (6, 6), RNG), GRU(4)
    build(gru, (6, 4))
    for name, p in gru.params.items():
        p[...] = layer.params[name]
    layer.params["bd_x"][...] = layer.params["bd_h"][...] = -1  # no decay at δ = 0
    x, ones, zeros = RNG.normal(size=(3, 6, 2)), np.ones((3, 6, 2)), np.zeros((3, 6, 2))
    expected = gru.forward(np.concatenate([x, ones], axis=-1))
    assert_allclose(layer.forward(np.concatenate([x, ones, zeros], axis=-1)), expected, rtol=1e-13)


def test_a_missing_value_decays_to_the_mean_and_a_state_to_0():
    layer = build(GRUD(3), (4, 3))
    layer.params["Wd_x"][...], layer.params["Wd_h"][...] = 1, 2
    since = np.array([0.0, 1, 3, 100])
    x = np.stack([np.full(4, 5.0), np.zeros(4), since], axis=-1)[None]
    layer.forward(x, training=True)
    assert_allclose(layer.cache["u"][0, :, 0], 5 * np.exp(-since))
    assert_allclose(layer.cache["gamma_h"][0], np.exp(-2 * since)[:, None] * np.ones(3))
    assert_allclose(layer.cache["k"][0, 1], np.exp(-2) * layer.cache["h"][0, 0])
    x[..., 1] = 1  # known values are taken as they are
    layer.forward(x, training=True)
    assert_array_equal(layer.cache["u"][0, :, 0], 5)


def test_values_decay_with_their_time_at_first_and_the_state_with_the_mean_of_all():
    layer, since = build(GRUD(4), (5, 9)), RNG.uniform(0, 9, size=(2, 5, 3))
    layer.forward(np.concatenate([np.zeros((2, 5, 6)), since], axis=-1), training=True)
    assert_allclose(layer.cache["gamma_x"], np.exp(-0.1 * since))
    of_all = np.exp(-0.1 * since.mean(axis=-1, keepdims=True))
    assert_allclose(layer.cache["gamma_h"], np.tile(of_all, 4))


def test_decays_begin_where_they_learn():
    layer = build(GRUD(5), (7, 6))
    layer.forward(X, training=True)
    assert np.all(layer.cache["gamma_x"][:, 1:] < 1)
    assert np.all(layer.cache["gamma_h"][:, 1:] < 1)
    assert step(layer, X, np.ones((12, 5))).shape == X.shape
    assert all(np.any(gradient) for gradient in layer.grads.values())
    gradients = layer.flat_grads.copy()
    layer._needs_dx = False  # as of the first layer of a network
    assert step(layer, X, np.ones((12, 5))).size == 0
    assert_array_equal(layer.flat_grads, gradients)


@pytest.mark.slow
def test_gradients_in_a_network_and_both_directions():
    assert check_network(network(), X, Y).worst < 1e-6
    both = untrained(Network([Bidirectional(GRUD(3)), Dense(1)], seed=0, dtype="float64"), 7, 6)
    both.flat_params += 0.01  # the derivative of max(0, bd_h) jumps where the biases begin
    assert check_network(both, [one[:n] for one, n in zip(X, range(1, 8), strict=False)], Y[:7]).worst < 1e-6


@pytest.mark.parametrize("make", [Bidirectional, lambda layer: Network([layer]), lambda layer: layer])
def test_what_is_no_mask_is_refused_within_other_layers(make):
    with pytest.raises(ValueError, match=r"values, mask and time .* the mask"):
        Network([make(GRUD(3)), Dense(1)], seed=0).fit(RNG.normal(size=(4, 3, 6)), Y[:4], verbose=0)


@pytest.mark.slow
def test_a_list_of_sequences_a_file_and_a_resumed_fit(tmp_path):
    raw = [one[:n] for one, n in zip(RAW, [7, 3, 1, 5] * 3, strict=True)]
    x = GAPS.transform(raw)
    whole, half = network(), network()
    whole.fit(x, Y, epochs=4, batch_size=5, verbose=0)
    assert whole.history["loss"][-1] < whole.history["loss"][0]
    half.fit(x, Y, epochs=2, batch_size=5, verbose=0)
    half.save(tmp_path / "n", extras={"gaps": GAPS})
    loaded = Network.load(tmp_path / "n")
    loaded.fit(loaded.extras["gaps"].transform(raw), Y, epochs=2, batch_size=5, verbose=0)
    assert loaded.flat_params.tobytes() == whole.flat_params.tobytes()
    together = whole.predict(x)
    for one, y in zip(x, together, strict=True):
        assert_allclose(whole.predict(one[None])[0], y, rtol=1e-12)


def test_a_stream_takes_the_last_step_of_what_is_known_so_far():
    layers = [GRUD(5, return_sequences=True), Dense(1)]
    model = Network(layers, seed=0, dtype="float64")
    model.fit(X, np.repeat(Y[:, None], 7, axis=1), verbose=0)
    stream, expected = model.stream(samples=12), model.predict(X)
    for t in range(7):
        now = GAPS.transform(RAW[:, : t + 1])[:, -1]
        assert_allclose(stream.step(now), expected[:, t], rtol=1e-12)
    with pytest.raises(ValueError, match="the mask"):
        stream.step(np.full((12, 6), 0.5))


def fit(x, **options):
    network().fit(x, Y, verbose=0, **options)


@for_each(
    ("call", "error", "said"),
    [
        (lambda: fit(RAW), ValueError, "is nan: every value must be finite; fill"),
        (lambda: fit(np.nan_to_num(RAW)), ShapeError, r"values, mask and time .* got \(samples, 7, 2\)"),
        (lambda: fit(1 / X.clip(2)), ValueError, r"as nnfw.data.Gaps .*; the mask\[0, 0, 0\] is 0.5"),
        (lambda: fit(np.where(np.arange(6) < 4, X, -1)), ValueError, r"Gaps .*; the time\[0, 0, 0\] is -1"),
        (lambda: build(GRUD(3), (4, 6)).forward(X[..., :3]), ShapeError, r"6 features, got \(12, 7, 3\)"),
        (lambda: build(GRUD(3), (4, 6)).check_input(X[0], None, (3,)), ShapeError, r"features\), got \(7, "),
        (lambda: GRUD(3).compute_shapes((6,)), ShapeError, r"values, mask and time .* got \(samples, 6\)"),
        (lambda: GRUD(3).compute_shapes((4, None)), ShapeError, r"got \(samples, 4, None\)"),
        (lambda: GRUD(3, reset_after=True), TypeError, "no argument 'reset_after'"),
        (lambda: fit(X, mask=X), TypeError, r"'mask'; leave it out: x\[mask == 0\] = nan marks gaps"),
    ],
)
def test_mistakes_are_explained(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize("padding", [np.nan, -1.0])
def test_padding_may_hold_anything(padding):
    x, lengths = X.copy(), np.array([7, 3, 1, 5] * 3)
    x[np.arange(7) >= lengths[:, None]] = padding
    model = network()
    model.fit(x, Y, lengths=lengths, verbose=0)
    cut = [one[:n] for one, n in zip(X, lengths, strict=True)]
    assert_allclose(model.predict(x, lengths=lengths), model.predict(cut), rtol=1e-12)


def test_other_libraries_have_no_such_layer(tmp_path):
    model = copy.deepcopy(network())
    model.fit(X, Y, verbose=0)
    for call in (lambda: to_torch(model), lambda: load_torch(model, {})):
        with pytest.raises(TypeError, match=r"layer 1, GRUD\(5\): other libraries have no such layer"):
            call()
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match=r"layer 1, GRUD\(5\): other libraries have no such layer"):
        to_onnx(model, tmp_path / "n.onnx")
