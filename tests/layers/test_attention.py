"""AttentionPooling and SelfAttention: their weights, what a step sees, lengths, and streams."""

import numpy as np
import pytest
from built import build, randomized
from memory import peak
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import GRU, AttentionPooling, Dense, LayerNorm, Network, Residual, SelfAttention, ShapeError
from nnfw.core import vectors
from nnfw.exchange import to_onnx
from nnfw.gradcheck import check_network

RNG = np.random.default_rng(51)
X = RNG.normal(size=(3, 6, 4))
LENGTHS = np.array([6, 2, 0])


def weights(layer, **options):
    layer.forward(X, training=True, **options)
    return layer.cache["weights"]


def test_weights_of_pooling_are_shares_of_the_valid_steps():
    layer = randomized(AttentionPooling(5), (None, 4), RNG)
    a = weights(layer, lengths=LENGTHS)
    assert_allclose(a.sum(axis=1), [1, 1, 0])
    assert_array_equal(a[1, 2:], 0)
    assert np.all(a[1, :2] > 0)
    assert_array_equal(layer.forward(X, lengths=LENGTHS)[2], 0)
    scores = np.tanh(X @ layer.params["W"] + layer.params["b"]) @ layer.params["v"]
    assert_allclose(a[0], np.exp(scores[0, :, 0]) / np.exp(scores[0]).sum())


@pytest.mark.parametrize("causal", [False, True])
def test_weights_of_self_attention_are_shares_of_the_steps_seen(causal):
    layer = randomized(SelfAttention(5, causal=causal), (None, 4), RNG)
    a = weights(layer, lengths=LENGTHS)
    assert_allclose(a.sum(axis=2), np.broadcast_to([[1], [1], [0]], (3, 6)))
    seen = np.arange(6) < LENGTHS[:, None, None]
    seen = seen & (np.arange(6) <= np.arange(6)[:, None]) if causal else np.broadcast_to(seen, a.shape)
    assert np.all((a > 0) == seen)


def test_a_causal_output_depends_on_no_later_step():
    layer, later = randomized(SelfAttention(5, causal=True), (6, 4), RNG), X.copy()
    later[:, 4:] += 1
    before, after = layer.forward(X), layer.forward(later)
    assert_array_equal(after[:, :4], before[:, :4])
    assert np.all(after[:, 4:] != before[:, 4:])
    assert layer.causal
    assert not SelfAttention(5).causal


@pytest.mark.parametrize("causal", [False, True])
def test_results_do_not_depend_on_the_samples_computed_at_a_time(causal, monkeypatch):
    layer, dy = randomized(SelfAttention(5, causal=causal), (None, 4), RNG), RNG.normal(size=(3, 6, 5))
    results = []
    for block in (1, 2 * 6 * 6, 1000):  # one sample, two, all
        monkeypatch.setattr(vectors, "BLOCK", block)
        y, dx = layer.forward(X, training=True, lengths=LENGTHS), layer.backward(dy)
        layer.gradients()
        results.append((y, layer.cache["weights"], dx, layer.flat_grads.copy()))
        assert_array_equal(layer.forward(X, lengths=LENGTHS), y)
    for one, two, whole in zip(*results, strict=True):
        assert_allclose(one, whole, rtol=0, atol=1e-14)
        assert_allclose(two, whole, rtol=0, atol=1e-14)


def test_inference_does_not_hold_the_weights_of_all_samples():
    layer = build(SelfAttention(2), (200, 2))
    x = np.ones((64, 200, 2), np.float32)
    layer.forward(x)
    assert peak(layer.forward, x) < 64 * 200 * 200 * 4 / 2


def test_large_scores_do_not_overflow():
    layer = randomized(SelfAttention(3), (6, 4), RNG, "float32")
    layer.flat_params[...] *= 100
    y = layer.forward(1e3 * X.astype(np.float32), training=True)
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(np.ones_like(y))).all()


@pytest.mark.slow
def test_the_block_of_a_transformer_is_a_chain():
    def block(causal=False):
        attention = Residual([LayerNorm(), SelfAttention(4, causal=causal), Dense(4)])
        return [attention, Residual([LayerNorm(), Dense(8, "gelu"), Dense(4)])]

    network = untrained(Network([*block(), AttentionPooling(3), Dense(2)], seed=0, dtype="float64"), None, 4)
    sequences = [one[:n] for one, n in zip(X, (6, 2, 4), strict=True)]
    assert check_network(network, sequences, RNG.normal(size=(3, 2))).worst < 1e-6
    together = network.predict(sequences)
    for one, y in zip(sequences, together, strict=True):
        assert_allclose(y, network.predict(one[None])[0], rtol=0, atol=1e-14)
    ahead = untrained(Network([*block(causal=True), Dense(2)], seed=0, dtype="float64"), None, 4)
    stream, y = ahead.stream(samples=3), ahead.predict(X)
    for t in range(6):
        assert_allclose(stream.step(X[:, t]), y[:, t], rtol=0, atol=1e-13)


def test_a_stream_goes_back_to_a_state_of_fewer_steps():
    network = untrained(Network([SelfAttention(3, causal=True)], seed=0, dtype="float64"), None, 4)
    stream, y = network.stream(samples=3), network.predict(X)
    stream.step(X[:, 0])
    state = stream.state
    for t in (1, 2, 3):
        stream.step(X[:, t])
    stream.state = state
    assert_allclose(stream.step(X[:, 1]), y[:, 1], rtol=0, atol=1e-14)
    with pytest.raises(ShapeError, match="state must be the state of a stream"):
        stream.state = [state[0][:2]]


def test_windows_of_truncation_are_refused():
    network = Network([GRU(4, return_sequences=True), SelfAttention(3, causal=True), Dense(1)])
    with pytest.raises(ValueError, match=r"SelfAttention\(3\) needs whole sequences"):
        network.fit(X, np.zeros((3, 6, 1)), truncate=3, verbose=0)


@pytest.mark.parametrize("layers", [[SelfAttention(3)], [AttentionPooling(3)], [Residual([Dense(4)])]])
def test_what_has_no_node_in_onnx_is_refused(layers, tmp_path):
    network = untrained(Network(layers, seed=0), None, 4)
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match="its ONNX form is not known"):
        to_onnx(network, tmp_path / "network.onnx")


@pytest.mark.parametrize("kind", [SelfAttention, AttentionPooling])
def test_misuse_is_explained(kind):
    with pytest.raises(ValueError, match="units must be at least 1"):
        kind(0)
    with pytest.raises(ShapeError, match=r"expects \(samples, steps, features\), got \(samples, 4\)"):
        kind(3).compute_shapes((4,))
    with pytest.raises(ShapeError, match="with 4 features, got"):
        build(kind(3), (6, 4)).forward(X[..., :3])
