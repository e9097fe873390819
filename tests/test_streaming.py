"""Streaming and generation: step by step is the same as all at once."""

import copy

import numpy as np
import pytest
from untrained import untrained

from nnfw import GRU, LSTM, RNN, Adam, Bidirectional, Dense, Embedding, Flatten, LayerNorm, Network
from nnfw.errors import ShapeError
from nnfw.generation import draw, generate

rng = np.random.default_rng(5)
N, T, D = 4, 9, 3
X = rng.normal(size=(N, T, D))
CHAINS = {
    "GRU": lambda: [GRU(6, return_sequences=True), Dense(2, "tanh")],
    "GRU, reset after": lambda: [GRU(6, reset_after=True, return_sequences=True)],
    "RNN": lambda: [RNN(5, return_sequences=True), Dense(3, "softmax")],
    "LSTM": lambda: [LSTM(5, return_sequences=True, peepholes=True), LayerNorm(), Dense(2)],
    "stack": lambda: [
        LSTM(4, return_sequences=True),
        GRU(5, return_sequences=True),
        RNN(3, return_sequences=True),
    ],
    "inner network": lambda: [
        Network([GRU(4, return_sequences=True), Dense(3)]),
        RNN(4, return_sequences=True),
    ],
    "gates of other kinds": lambda: [GRU(4, "softsign", {"z": "hard_sigmoid"}, return_sequences=True)],
}


def built(layers, dtype="float64", x=X):
    network = untrained(Network(layers, seed=3, dtype=dtype), *x.shape[1:])
    for p in network.params.values():
        p[...] = rng.normal(size=p.shape) * 0.4
    return network


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_step_by_step_equals_the_whole_sequence(name, dtype, tolerance):
    network = built(CHAINS[name](), dtype)
    y = network.predict(X)
    many, one = network.stream(samples=N), network.stream()
    for t in range(T):
        y_t = many.step(X[:, t])
        assert y_t.dtype == dtype
        np.testing.assert_allclose(y_t, y[:, t], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(one.step(X[1, t]), y[1, t], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_the_last_state_alone_is_that_of_the_steps_so_far(cell):
    network = built([cell(5, return_sequences=True), cell(4), Dense(2, "sigmoid")])
    stream = network.stream()
    for t in range(T):
        np.testing.assert_allclose(stream.step(X[0, t]), network.predict(X[:1, : t + 1])[0], atol=1e-12)


def test_indices():
    symbols = rng.integers(0, 7, size=(N, T))
    network = built([Embedding(7, 4), GRU(5, return_sequences=True), Dense(7, "softmax")], x=symbols)
    y = network.predict(symbols)
    many, one = network.stream(samples=N), network.stream()
    for t in range(T):
        np.testing.assert_allclose(many.step(symbols[:, t]), y[:, t], atol=1e-12)
        np.testing.assert_allclose(one.step(symbols[2, t]), y[2, t], atol=1e-12)
    with pytest.raises(ValueError, match="7"):
        one.step(7)


def test_reset_state_and_copy():
    network = built([LSTM(5, return_sequences=True), Dense(2)])
    stream = network.stream(samples=N)
    first = [stream.step(X[:, t]) for t in range(3)]
    state, other = stream.state, stream.copy()
    ahead = [stream.step(X[:, t]) for t in range(3, T)]
    np.testing.assert_array_equal([other.step(X[:, t]) for t in range(3, T)], ahead)
    stream.state = state
    np.testing.assert_array_equal([stream.step(X[:, t]) for t in range(3, T)], ahead)
    stream.reset()
    np.testing.assert_array_equal([stream.step(X[:, t]) for t in range(3)], first)
    assert state[0].shape == (N, 10)
    assert state[1] is None


def test_the_state_is_the_layers_own():
    network = built([LSTM(5)])
    stream = network.stream(samples=N)
    for t in range(T):
        stream.step(X[:, t])
    network.forward(X, training=True)
    np.testing.assert_allclose(stream.state[0], network.final_state[0], atol=1e-12)


def test_outputs_and_states_are_not_written_again():
    network = built([GRU(4, return_sequences=True)])
    stream = network.stream()
    y, state = stream.step(X[0, 0]), stream.state
    kept = y.copy(), copy.deepcopy(state)
    stream.step(X[0, 1])
    np.testing.assert_array_equal(y, kept[0])
    np.testing.assert_array_equal(state[0], kept[1][0])


def test_reset_takes_the_new_weights():
    network = built([GRU(4, return_sequences=True)])
    stream = network.stream()
    network.params["gru_1.Wx_z"][...] *= 2
    stream.reset()
    np.testing.assert_allclose(stream.step(X[0, 0]), network.predict(X[:1])[0, 0], atol=1e-12)


def test_dropout_is_not_active():
    network = built([GRU(4, dropout=0.5, recurrent_dropout=0.5, return_sequences=True)])
    y, stream = network.predict(X), network.stream(samples=N)
    np.testing.assert_allclose(np.stack([stream.step(X[:, t]) for t in range(T)], 1), y, atol=1e-12)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Bidirectional(GRU(4, return_sequences=True))],
        lambda: [GRU(4, go_backwards=True, return_sequences=True)],
        lambda: [GRU(4, return_sequences=True), Flatten()],
    ],
)
def test_layers_that_need_the_whole_sequence_are_refused(layers):
    with pytest.raises(ValueError, match=r"layer \d, .* needs the whole sequence"):
        built(layers()).stream()


def test_what_does_not_fit_is_refused_and_the_stream_has_not_moved():
    network = built([GRU(4, return_sequences=True)])
    stream = network.stream()
    before = stream.state
    bad = X[0, 0].copy()
    bad[1] = np.nan
    with pytest.raises(ValueError, match="x_t holds nan"):
        stream.step(bad)
    with pytest.raises(ShapeError, match=r"x_t must have shape \(3,\).*got \(4,\)"):
        stream.step(np.zeros(4))
    with pytest.raises(TypeError, match="real numbers"):
        stream.step(["a", "b", "c"])
    with pytest.raises(ShapeError, match="state must be"):
        stream.state = [np.zeros((1, 3))]
    np.testing.assert_array_equal(stream.state[0], before[0])


# ---- generation -----------------------------------------------------------------------------------------


def markov(P, one_hot):
    """Return a network whose output after symbol i is the row P[i], whatever came before."""
    K = len(P)
    first = [] if one_hot else [Embedding(K, K)]
    network = Network([*first, Dense(K, "softmax", use_bias=False)], loss="cce", seed=0, dtype="float64")
    untrained(network, *((None, K) if one_hot else (None,)))
    for name, p in network.params.items():
        p[...] = np.log(P) if name.endswith(".W") else np.eye(K)
    return network


P = rng.dirichlet(np.ones(4), size=4)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_symbols_follow_the_networks_probabilities(one_hot, temperature):
    expected = P ** (1 / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    text = generate(markov(P, one_hot), [0], 10_000, temperature=temperature, seed=1)
    counts = np.zeros((4, 4))
    np.add.at(counts, (np.concatenate([[0], text[:-1]]), text), 1)
    visits = counts.sum(axis=1, keepdims=True)
    error = np.abs(counts / visits - expected) / np.sqrt(expected * (1 - expected) / visits)
    assert error.max() < 4.5  # standard deviations


def test_the_same_seed_gives_the_same_symbols():
    network = markov(P, False)
    first = generate(network, [1, 2], 50, seed=7)
    np.testing.assert_array_equal(generate(network, [1, 2], 50, seed=7), first)
    assert not np.array_equal(generate(network, [1, 2], 50, seed=8), first)


def test_top_k_and_temperature_0():
    p = np.array([0.1, 0.4, 0.2, 0.3])
    drawn = {draw(p, 1.0, 2, np.random.default_rng(n)) for n in range(200)}
    assert drawn == {1, 3}
    assert {draw(p, 0.0, None, np.random.default_rng(n)) for n in range(20)} == {1}
    assert {draw(np.array([0.0, 1.0, 0.0]), 5.0, None, np.random.default_rng(n)) for n in range(50)} == {1}


def test_what_cannot_generate_says_why():
    network = markov(P, False)
    with pytest.raises(ValueError, match=r"start\[1\] is 4, but the network's symbols are 0 to 3"):
        generate(network, [0, 4], 5)
    with pytest.raises(ShapeError, match=r"Vocabulary\.encode"):
        generate(network, "abc", 5)
    with pytest.raises(ValueError, match="temperature must be a finite number"):
        generate(network, [0], 5, temperature=-1)
    with pytest.raises(ValueError, match="end the network in Dense"):
        generate(built([Dense(3, "tanh")], x=X), [0], 5)
    with pytest.raises(ShapeError, match="takes 3 features and gives 5"):
        generate(built([Dense(5, "softmax")], x=X), [0], 5)


def test_a_learnt_cycle_goes_on():
    x = np.array([np.roll(np.arange(6), -n) for n in range(6)]).repeat(3, axis=1)[:, ::3]
    x = np.concatenate([x] * 3, axis=1)
    layers = [Embedding(6, 5), GRU(12, return_sequences=True), Dense(6, "softmax")]
    network = Network(layers, loss="cce", optimizer=Adam(0.03), seed=0)
    network.fit(x[:, :-1], x[:, 1:], epochs=80, verbose=0)
    np.testing.assert_array_equal(generate(network, [4, 5], 8, temperature=0), [0, 1, 2, 3, 4, 5, 0, 1])
