"""Streaming and generation: step by step is the same as all at once."""

import copy
import pickle
import threading
import time

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Adam,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    Layer,
    LayerNorm,
    Network,
    Optimizer,
    Residual,
    SelfAttention,
)
from nnfw.core.errors import ShapeError
from nnfw.generation import draw, generate
from nnfw.gradcheck import CheckError, check_layer

rng = np.random.default_rng(5)
N, T, D = 4, 9, 3
X = rng.normal(size=(N, T, D))
CHAINS = {
    "GRU": lambda: [GRU(6, return_sequences=True), Dense(2, "tanh")],
    "GRU, reset after": lambda: [GRU(6, reset_after=True, return_sequences=True)],
    "RNN": lambda: [RNN(5, return_sequences=True), Dense(3, "softmax")],
    "LSTM": lambda: [LSTM(5, return_sequences=True), LayerNorm(), Dense(2)],
    "stack": lambda: [
        LSTM(4, return_sequences=True),
        GRU(5, return_sequences=True),
        RNN(3, return_sequences=True),
    ],
    "inner network": lambda: [
        Network([GRU(4, return_sequences=True), Dense(3)]),
        RNN(4, return_sequences=True),
    ],
    "causal convolution": lambda: [
        Conv1D(4, 3, "tanh", padding="causal", dilation=2),
        GRU(3, return_sequences=True),
        Conv1D(2, 1, padding="causal"),
    ],
    "attention": lambda: [GRU(4, return_sequences=True), SelfAttention(3, causal=True), Dense(2)],
    "gates of other kinds": lambda: [GRU(4, "softsign", {"z": "hard_sigmoid"}, return_sequences=True)],
}


def built(layers, dtype="float64", x=X):
    network = untrained(Network(layers, seed=3, dtype=dtype), *x.shape[1:])
    for p in network.params.values():
        p[...] = rng.normal(size=p.shape) * 0.4
    return network


@for_each("name", CHAINS)
@for_each(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
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
@pytest.mark.slow
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


class Trend(Layer):
    """A layer of one's own, of an inner layer and of a mean that its training passes write in place."""

    causal = True

    def __init__(self):
        self.inner, self.mean = Dense(3), None

    def compute_shapes(self, input_shape):
        self.mean = np.zeros(input_shape[-1])
        return self.inner.compute_shapes(input_shape)

    def initialize(self, rng, dtype="float32"):
        super().initialize(rng, dtype)
        self.inner.initialize(rng, dtype)

    def forward(self, x, training=False):
        if training:
            self.mean += x.mean(axis=tuple(range(x.ndim - 1)))
        return self.inner.forward(x - self.mean, training)

    def backward(self, dy):
        return self.inner.backward(dy)

    def gradients(self):
        self.inner.gradients()

    def update(self, optimizer, epoch):
        self.inner.update(optimizer, epoch)


SMALL = {
    "Dense": lambda: [Dense(4, "tanh"), Dense(2)],
    "LayerNorm": lambda: [LayerNorm(), RNN(3, return_sequences=True), LayerNorm()],
    "LastStep": lambda: [GRU(4, return_sequences=True), LastStep(), Dense(3)],
    "noise": lambda: [Dropout(0.2), LSTM(4, recurrent_dropout=0.3), GaussianNoise(0.1), Dense(2)],
    "networks in networks": lambda: [
        Network([Network([LSTM(3, return_sequences=True), LayerNorm()]), Dense(4)]),
        GRU(4, reset_after=True),
    ],
    "a layer of one's own": lambda: [Trend(), GRU(3, return_sequences=True), Trend()],
    "Embedding": lambda: [
        Embedding(7, 4, initializer=rng.normal(size=(7, 4)), mask=0),
        GRU(5, return_sequences=True),
        Dense(2),
    ],
}


@pytest.mark.parametrize("name", CHAINS | SMALL)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.slow
def test_an_open_stream_keeps_its_weights_while_the_network_is_trained(name, optimizer):
    x = rng.integers(1, 7, size=(N, T)) if name == "Embedding" else X  # 0 is the mask
    network = built((CHAINS | SMALL)[name](), x=x)
    network.optimizer = optimizer
    before, y = copy.deepcopy(network), rng.normal(size=network.predict(x).shape)

    def train():
        network.fit(x, y, epochs=3, batch_size=2, verbose=0)

    def outputs(model, t):
        y = model.predict(x[:, : t + 1])
        return y if y.ndim == 2 else y[:, -1]

    stream = network.stream(samples=N)
    for t in range(T):
        if t in (0, 4):
            train()
        if t == 5:
            stream, left = stream.copy(), stream
            train()
        expected = outputs(before, t)
        np.testing.assert_allclose(stream.step(x[:, t]), expected, rtol=0, atol=1e-12)
        if t >= 5:
            np.testing.assert_allclose(left.step(x[:, t]), expected, rtol=0, atol=1e-12)
    assert np.abs(outputs(network, T - 1) - expected).max() > 1e-3
    left.reset()
    np.testing.assert_allclose(left.step(x[:, 0]), outputs(network, 0), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_opened_in_another_thread_it_has_the_weights_of_one_update():
    begun = threading.Event()

    class Slow(Optimizer):
        """Add 1 to all parameters, and take its time between the layers."""

        def apply(self, params, grads, state, rate):
            params += 1.0
            begun.set()
            time.sleep(0.01)

    network = Network([Dense(2, initializer="zeros") for _ in range(3)], optimizer=Slow())
    fit = threading.Thread(target=lambda: network.fit(np.ones((4, 2)), np.ones((4, 2)), epochs=15, verbose=0))
    fit.start()
    assert begun.wait(60)
    for _ in range(6):
        weights = np.concatenate([one.flat_params for one in network.stream()._layers])
        assert np.all(weights == weights[0]), weights
    fit.join(60)
    assert not fit.is_alive()


def test_a_stream_does_not_begin_with_a_mask():
    layers = [Embedding(7, 4, mask=0), GRU(5, return_sequences=True), Dense(2)]
    network = built(layers, x=rng.integers(1, 7, size=(N, T)))
    stream, x = network.stream(), [3, 0, 2]
    with pytest.raises(ValueError, match=r"sequence 0 begins with the mask of layer 1, Embedding\(7, 4\)"):
        stream.step(0)
    before = stream.copy()
    expected = network.predict([x])[0]
    for t in range(3):  # a mask between symbols is a step
        np.testing.assert_allclose(stream.step(x[t]), expected[t], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="sequence 0 begins with the mask"):
        before.step(0)
    stream.copy().step(0)
    before.state = stream.state
    before.step(0)  # a sequence goes on
    stream.reset()
    with pytest.raises(ValueError, match="sequence 0 begins with the mask"):
        stream.step(0)
    several = network.stream(samples=2)
    with pytest.raises(ValueError, match="sequence 1 begins with the mask"):
        several.step([3, 0])
    np.testing.assert_allclose(several.step([3, 3])[0], expected[0], rtol=0, atol=1e-12)
    several.step([0, 2])


def test_a_stream_holds_weights_once_and_nothing_of_training():
    vectors = rng.normal(size=(7, 4))
    layers = [Embedding(7, 4, initializer=vectors), GRU(5, return_sequences=True), Dense(7, "softmax")]
    network = built(layers, x=rng.integers(0, 7, size=(N, T)))
    network.fit(rng.integers(0, 7, size=(N, T)), rng.normal(size=(N, T, 7)), verbose=0)
    stream = network.stream()
    for own, layer in zip(stream._layers, network._leaves(), strict=True):
        assert not np.shares_memory(own.flat_params, layer.flat_params)
        for name in ("flat_grads", "_state", "_noise", "_specs"):
            assert getattr(own, name) is getattr(layer, name)
        assert not own.cache
        assert not own._scratch._views
    assert stream._layers[0].initializer is layers[0].initializer
    for own, copied in zip(stream._layers, stream.copy()._layers, strict=True):
        assert copied is own


class Forgetful(Layer):
    """The sum of all steps so far, without a step that remembers it."""

    causal = True

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return np.cumsum(x, axis=1)


class Sum(Forgetful):
    """The same, with a step whose state is written in place."""

    def start_stream(self, N):
        return np.zeros((N, D))

    def step_stream(self, x, state):
        state += x[:, 0]
        return state[:, None].copy(), state


class Double(Forgetful):
    def forward(self, x, training=False):
        return 2 * x


@pytest.mark.parametrize("around", [lambda layer: layer, lambda layer: Residual([layer, Dense(D)])])
def test_a_layer_of_ones_own_that_remembers_steps_must_have_a_step_that_does(around):
    network = built([GRU(D, return_sequences=True), Network([around(Forgetful())])])
    for use in (network.stream, lambda: network.fit(X, X, truncate=3, verbose=0)):
        with pytest.raises(
            ValueError, match=r"Forgetful\(\) gives different outputs .* start_stream and step_str"
        ):
            use()
    network = built([GRU(D, return_sequences=True), Network([around(Double())]), LastStep(), Double()])
    stream = network.stream(samples=N)
    for t in range(T):
        np.testing.assert_allclose(stream.step(X[:, t]), network.predict(X[:, : t + 1]), atol=1e-12)


class Ahead(Forgetful):
    """Reads later steps, which it denies."""

    def forward(self, x, training=False):
        return np.cumsum(x[:, ::-1], axis=1)[:, ::-1]


class Late(Sum):
    def step_stream(self, x, state):
        return state[:, None].copy(), state + x[:, 0]


@pytest.mark.parametrize("layer", [Forgetful, Ahead, Late])
def test_a_layer_that_is_another_one_step_by_step_is_found(layer):
    network = built([layer(), Dense(2)])
    with pytest.raises(ValueError, match="gives different outputs step by step"):
        network.stream()
    with pytest.raises(CheckError, match="gives different outputs step by step"):
        check_layer(layer(), (T, D))


class Last(Forgetful):
    def compute_shapes(self, input_shape):
        return input_shape[-1:]

    def forward(self, x, training=False):
        return x[:, -1]


def test_a_layer_of_ones_own_may_end_the_steps():
    network = built([GRU(D, return_sequences=True), Last(), Dense(2)])
    stream = network.stream(samples=N)
    for t in range(T):
        np.testing.assert_allclose(stream.step(X[:, t]), network.predict(X[:, : t + 1]), atol=1e-12)


class Shifted(Double):
    def compute_shapes(self, input_shape):
        self.add_parameter("b", input_shape[-1:], "ones")
        return input_shape

    def forward(self, x, training=False):
        return x + self.params["b"]

    def backward(self, dy):
        self.grads["b"][...] = dy.sum(axis=(0, 1))
        return dy

    def gradients(self):
        pass


def test_a_layer_of_ones_own_is_tried_with_its_weights_before_windows_are_cut():
    network = Network([GRU(D, return_sequences=True), Shifted()], seed=0)
    network.fit(X, X, truncate=3, verbose=0)
    assert network.history["loss"]


def test_a_copy_of_a_stream_has_a_state_of_its_own():
    network = built([Sum()])
    stream = network.stream(samples=N)
    stream.step(X[:, 0])
    other = stream.copy()
    np.testing.assert_allclose(stream.step(X[:, 1]), X[:, :2].sum(axis=1), rtol=0, atol=1e-14)
    np.testing.assert_allclose(other.step(X[:, 2]), X[:, 0] + X[:, 2], rtol=0, atol=1e-14)
    stream.reset()
    np.testing.assert_array_equal(stream.step(X[:, 3]), X[:, 3])


def test_a_stream_can_be_pickled_in_the_midst_of_a_sequence():
    layers = [Dense(4), Residual([GRU(4, return_sequences=True), Conv1D(4, 3, padding="causal")]), Dense(2)]
    stream = built(layers).stream(samples=N)
    stream.step(X[:, 0])
    other = pickle.loads(pickle.dumps(stream))
    for t in range(1, T):
        np.testing.assert_array_equal(other.step(X[:, t]), stream.step(X[:, t]))


def test_a_copy_and_its_original_do_not_disturb_each_other():
    network = built([GRU(4, return_sequences=True), LSTM(3, return_sequences=True)])
    stream, before = network.stream(), copy.deepcopy(network)
    stream.step(X[0, 0])
    other = stream.copy()
    for t in range(1, T):
        y = stream.step(X[0, t])
        y_other = other.step(X[1, t])
    np.testing.assert_allclose(y, before.predict(X[:1])[0, -1], rtol=0, atol=1e-12)
    mixed = np.concatenate([X[:1, :1], X[1:2, 1:]], axis=1)
    np.testing.assert_allclose(y_other, before.predict(mixed)[0, -1], rtol=0, atol=1e-12)


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
    with pytest.raises(ValueError, match=r"layer \d, .* needs the whole sequence.* Flatten\(\) last"):
        built(layers()).stream()


def halved(base):
    """A class that computes as its base does of half the input."""

    class Halved(base):
        def forward(self, x, *args, **options):
            return super().forward(x / 2, *args, **options)

    return Halved


@pytest.mark.parametrize(
    "make",
    [
        lambda: Network([halved(GRU)(4, return_sequences=True)]),
        lambda: Network([GRU(4, return_sequences=True), Residual([halved(SelfAttention)(4, causal=True)])]),
        lambda: Network([halved(Conv1D)(4, 2, padding="causal")]),
        lambda: Network([halved(Network)([GRU(4, return_sequences=True)])]),
        lambda: halved(Network)([GRU(4, return_sequences=True)]),
    ],
)
def test_a_forward_of_ones_own_that_no_step_runs_is_refused(make):
    network = untrained(make(), T, D)
    with pytest.raises(ValueError, match=r"uses the forward of Halved.* cannot compute step by step"):
        network.stream()


def test_a_forward_of_ones_own_that_each_step_runs():
    network = untrained(Network([GRU(4, return_sequences=True), halved(Dense)(2)], dtype="float64"), T, D)
    stream = network.stream(samples=N)
    y = np.stack([stream.step(X[:, t]) for t in range(T)], 1)
    np.testing.assert_allclose(y, network.predict(X), atol=1e-12)


def test_what_does_not_fit_is_refused_and_the_stream_has_not_moved():
    network = built([GRU(4, return_sequences=True)])
    stream = network.stream()
    before = stream.state
    bad = X[0, 0].copy()
    bad[1] = np.nan
    with pytest.raises(ValueError, match=r"x_t\[1\] is nan"):
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


@pytest.mark.slow
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_symbols_follow_the_networks_probabilities(one_hot, temperature):
    expected = P ** (1 / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    text = generate(markov(P, one_hot), [0], 1_500, temperature=temperature, seed=1)
    counts = np.zeros((4, 4))
    np.add.at(counts, (np.concatenate([[0], text[:-1]]), text), 1)
    visits = counts.sum(axis=1, keepdims=True)
    error = np.abs(counts / visits - expected) / np.sqrt(expected * (1 - expected) / visits)
    assert error.max() < 4.5  # standard deviations


def test_the_same_seed_gives_the_same_symbols():
    network = markov(P, False)
    first = generate(network, [1, 2], 50, seed=7)
    np.testing.assert_array_equal(generate(network, [1, 2], 50, temperature=1.0, seed=7), first)
    assert not np.array_equal(generate(network, [1, 2], 50, seed=8), first)


def test_top_k_and_temperature_0():
    p = np.array([0.1, 0.4, 0.2, 0.3])
    drawn = {draw(p, 1.0, 2, np.random.default_rng(n)) for n in range(200)}
    assert drawn == {1, 3}
    assert {draw(p, 0.0, None, np.random.default_rng(n)) for n in range(20)} == {1}
    assert {draw(np.array([0.0, 1.0, 0.0]), 5.0, None, np.random.default_rng(n)) for n in range(50)} == {1}


@for_each("temperature", [5e-324, 1e-310, 1e-300, 1e-5])
@for_each("top_k", [None, 2])
def test_next_to_temperature_0_the_likeliest_symbol_is_taken(temperature, top_k):
    p = np.array([0.2, 0.0, 0.5, 0.3], np.float32)
    assert {draw(p, temperature, top_k, np.random.default_rng(n)) for n in range(50)} == {2}
    network = markov(P, False)
    expected = generate(network, [0], 20, temperature=0)
    np.testing.assert_array_equal(generate(network, [0], 20, temperature=temperature, top_k=top_k), expected)


@pytest.mark.parametrize("temperature", [1e5, 1e308])
@pytest.mark.slow
def test_far_from_temperature_0_all_that_is_possible_is_as_likely(temperature):
    p = np.array([0.69, 0.0, 1e-30, 0.31])
    drawn = [draw(p, temperature, None, np.random.default_rng(n)) for n in range(600)]
    counts = np.bincount(drawn, minlength=4)
    assert counts[1] == 0
    assert np.abs(counts[[0, 2, 3]] - 200).max() < 4.5 * (600 * 2 / 9) ** 0.5  # standard deviations


@pytest.mark.slow
def test_top_k_counts_the_likeliest_where_the_others_vanish_beside_them():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    for top_k in (1, 2, 3):
        drawn = {draw(p, 50.0, top_k, np.random.default_rng(n)) for n in range(300)}
        assert drawn == set(range(4 - top_k, 4))
    assert {draw(p, 1e-4, 3, np.random.default_rng(n)) for n in range(20)} == {3}


def test_what_cannot_generate_says_why():
    network = markov(P, False)
    with pytest.raises(ValueError, match=r"start\[1\] is 4, but must be one of the 4 numbers from 0 to 3"):
        generate(network, [0, 4], 5)
    with pytest.raises(TypeError, match=r"start must be integers, got dtype float64; Vocabulary\.encode"):
        generate(network, [0.0, 1.0], 5)
    with pytest.raises(TypeError, match=r"start must be real numbers, got str; .*Vocabulary for texts"):
        generate(network, "abc", 5)
    with pytest.raises(ShapeError, match=r"start must be one or more symbols, \(T,\), got shape \(0,\)"):
        generate(network, [], 5)
    with pytest.raises(ValueError, match="temperature must be a finite number"):
        generate(network, [0], 5, temperature=-1)
    with pytest.raises(TypeError, match=r"generate: network must be a Network, got .* \(list\)"):
        generate([0], network, 5)
    for activation in ("tanh", "sigmoid"):
        with pytest.raises(ValueError, match="not probabilities; end with Dense"):
            generate(built([Dense(3, activation)], x=X), [0], 5)
    with pytest.raises(ShapeError, match="takes 3 features but returns 5"):
        generate(built([Dense(5, "softmax")], x=X), [0], 5)


@pytest.mark.slow
def test_a_learnt_cycle_goes_on():
    x = np.array([np.roll(np.arange(6), -n) for n in range(6)]).repeat(3, axis=1)[:, ::3]
    x = np.concatenate([x] * 3, axis=1)
    layers = [Embedding(6, 5), GRU(12, return_sequences=True), Dense(6, "softmax")]
    network = Network(layers, loss="cce", optimizer=Adam(0.03), seed=0)
    network.fit(x[:, :-1], x[:, 1:], epochs=80, verbose=0)
    np.testing.assert_array_equal(generate(network, [4, 5], 8, temperature=0), [0, 1, 2, 3, 4, 5, 0, 1])
