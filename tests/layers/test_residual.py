"""Residual: what its layers compute is added to its input, in training, with lengths, and step by step."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import (
    GRU,
    SGD,
    Activate,
    Adam,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    LambdaCallback,
    MaxPooling,
    Network,
    Residual,
    SelfAttention,
    ShapeError,
)
from nnfw.gradcheck import check_network

RNG = np.random.default_rng(31)
X = RNG.normal(size=(4, 7, 3))
CHAINS = {
    "recurrent": lambda: [GRU(4, return_sequences=True), Dense(3)],
    "convolution": lambda: [Conv1D(3, 3, "relu", padding="same"), BatchNorm(), Conv1D(3, 2, padding="same")],
    "nested": lambda: [Dense(3, "tanh"), Residual([GRU(3, return_sequences=True)]), Dense(3)],
}


def built(layers, **options):
    network = untrained(Network(layers, seed=0, dtype="float64", **options), None, 3)
    for name, p in network.params.items():
        low, high = (0.5, 2.0) if name.endswith("variance") else (-1.0, 1.0)
        p[...] = RNG.uniform(low, high, p.shape)
    return network


@pytest.mark.parametrize("name", CHAINS)
def test_the_input_is_added_to_the_outputs(name):
    network = built([Residual(CHAINS[name]())])
    inner = network.layers[0]
    plain = copy.deepcopy(list(inner.layers))
    y = X
    for layer in plain:
        y = layer.forward(y)
    assert_allclose(network.predict(X), X + y, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.slow
def test_gradients_with_lengths(name):
    network = built([Dense(3), Residual(CHAINS[name]()), Residual([Dense(3)]), MaxPooling(), Dense(2)])
    sequences = [one[:n] for one, n in zip(X, (7, 2, 5, 1), strict=True)]
    assert check_network(network, sequences, RNG.normal(size=(4, 2))).worst < 1e-6
    network.fit(sequences, RNG.normal(size=(4, 2)), epochs=2, verbose=0)
    together = network.predict(sequences)
    for one, y in zip(sequences, together, strict=True):
        assert_allclose(y, network.predict(one[None])[0], rtol=0, atol=1e-12)


def test_padding_stays_zero_and_is_not_read():
    network, lengths = built([Residual([Dense(3)])]), np.array([7, 2, 5, 1])
    x = X.copy()
    padding = np.arange(7) >= lengths[:, None]
    x[padding] = np.nan
    dy = np.where(padding[..., None], np.nan, np.ones(3))
    for layer in (network, network.layers[0]):
        y = layer.forward(x, training=True, lengths=lengths)
        assert not np.any(y[padding])
        assert not np.any(layer.backward(dy)[padding])


def test_it_is_a_layer_by_itself():
    layer = Residual([GRU(3, dropout=0.5, return_sequences=True), Dense(3)])
    layer.compute_shapes((7, 3))
    layer.initialize(np.random.default_rng(0), "float64")
    y = layer.forward(X)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(layer.forward(X, False), y)
    assert y.shape == layer.forward(X, training=True).shape == X.shape
    assert not np.array_equal(layer.forward(X, training=True), y)
    with pytest.raises(ValueError, match="is already part of another network"):
        Network([layer.layers[0]])
    assert layer.backward(np.ones(X.shape)).dtype == np.float64
    layer.initialize(np.random.default_rng(0))
    assert layer.forward(X, training=True).dtype == layer.backward(np.ones(X.shape)).dtype == np.float32
    copied = copy.deepcopy(layer)
    assert copied.layers[0]._owner() is copied
    with pytest.raises(ValueError, match=r"^Residual: two layers have the name 'a'"):
        Residual([Dense(3, name="a"), Dense(3, name="a")])
    with pytest.raises(TypeError, match="Residual has no argument 'loss'"):
        Residual([Dense(3)], loss="mse")


def test_layers_without_parameters_take_the_type_of_the_network():
    network = built([Residual([Activate("relu")])])
    assert_array_equal(network.predict(X), X + np.maximum(X, 0))


def test_an_inner_network_is_held_by_the_fit_around_it():
    inner, said = Network([Dense(3)]), []

    def fit_inner(run):
        with pytest.raises(RuntimeError, match="already being fitted") as raised:
            inner.fit(X, X, verbose=0)
        said.append(raised)

    network = built([Residual([inner])])
    network.fit(X, X, epochs=1, callbacks=[LambdaCallback(on_batch_end=fit_inner)], verbose=0)
    assert len(said) == 1


@pytest.mark.parametrize("optimizer", [None, SGD(0.5)])
def test_its_optimizer_is_that_of_its_layers(optimizer, tmp_path):
    network = built([Residual([Dense(3), Residual([Dense(3)])], optimizer=optimizer)], optimizer=Adam(0.01))
    y = np.ones((4, 7, 3))
    network.fit(X, y, epochs=2, verbose=0)
    rules = {leaf._state.rule for leaf in network._leaves()}
    assert rules == {"Adam" if optimizer is None else "SGD"}
    network.save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network")
    for one in (network, loaded):
        one.fit(X, y, epochs=2, verbose=0)
    assert_array_equal(loaded.flat_params, network.flat_params)


def test_copies_of_trained_layers_keep_their_weights():
    trained = built([Dense(3)])
    network = Network([Residual([copy.copy(trained.layers[0]), Dense(3)])], seed=4, dtype="float64")
    network.build((7, 3))
    assert_array_equal(network.params["residual_1.dense_1.W"], trained.params["dense_1.W"])
    assert network.params["residual_1.dense_2.W"].any()


def test_as_the_first_layer_it_spares_its_dx():
    network, sizes = built([Residual([Dense(3)]), Dense(1)], optimizer="sgd"), []
    again = LambdaCallback(on_batch_end=lambda run: sizes.append(network.layers[0].backward(X).size))
    network.fit(X, np.ones((4, 7, 1)), epochs=2, callbacks=[again], verbose=0)
    assert sizes == [0, 0]


@pytest.mark.parametrize("name", ["recurrent", "nested"])
def test_step_by_step_it_is_the_whole_sequence(name):
    network = built([Residual(CHAINS[name]()), Residual([Conv1D(3, 2, padding="causal")]), Dense(2)])
    stream, y = network.stream(samples=4), network.predict(X)
    for t in range(3):
        assert_allclose(stream.step(X[:, t]), y[:, t], rtol=0, atol=1e-13)
    state, other = stream.state, stream.copy()
    for t in range(3, 7):
        assert_allclose(stream.step(X[:, t]), y[:, t], rtol=0, atol=1e-13)
    for t in range(3, 7):
        assert_allclose(other.step(X[:, t]), y[:, t], rtol=0, atol=1e-13)
    stream.state = state
    assert_allclose(stream.step(X[:, 3]), y[:, 3], rtol=0, atol=1e-13)
    with pytest.raises(ShapeError, match="state must be the state of a stream of this network"):
        stream.state = state[1:]


def test_a_state_that_grows_with_the_steps_is_put_back():
    network = built([Residual([SelfAttention(3, causal=True), Residual([SelfAttention(3, causal=True)])])])
    stream, y = network.stream(samples=4), network.predict(X)
    states = []
    for x_t in X.swapaxes(0, 1):
        states.append(stream.state)
        stream.step(x_t)
    for other in (stream, network.stream(samples=4)):
        for t in (3, 0, 5):
            other.state = states[t]
            assert_allclose(other.step(X[:, t]), y[:, t], rtol=0, atol=1e-12)
    before = stream.state
    for wrong in (None, [None], before[0][:1], before[0][0]):
        with pytest.raises(ShapeError, match="state must be the state of a stream of this network"):
            stream.state = [wrong]
    assert_array_equal(stream.state[0][0], before[0][0])


def test_what_needs_the_whole_sequence_does_not_stream():
    network = built([Residual([Conv1D(3, 3, padding="same")])])
    with pytest.raises(ValueError, match=r"Residual\(\) needs the whole sequence"):
        network.stream()


@pytest.mark.slow
def test_saved_and_trained_on(tmp_path):
    network = built([Residual([Dense(3, "tanh"), BatchNorm(), Dense(3)]), Dense(1)])
    network.fit(X, np.ones((4, 7, 1)), epochs=2, verbose=0)
    network.save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network")
    for one in (network, loaded):
        one.fit(X, np.ones((4, 7, 1)), epochs=2, verbose=0)
    assert_array_equal(loaded.predict(X), network.predict(X))


def test_probabilities_within_are_none_of_the_network():
    """The softmax within is not fused with the loss: what is added to it comes between."""
    network = built([Residual([Dense(3, "softmax")])], loss="cce")
    y = RNG.integers(0, 3, size=(4, 7))
    report = check_network(network, np.abs(X), y)
    assert report.worst < 1e-6
    assert not network.layers[0].layers[0]._keeps_logits


def test_images():
    block = Residual([Conv2D(2, 3, "relu", padding="same"), Conv2D(2, 3, padding="same")])
    network = Network([block, Flatten(), Dense(1)], seed=0)
    x = RNG.normal(size=(6, 4, 4, 2))
    network.fit(x, np.ones(6), verbose=0)
    first, second = block.layers
    assert_allclose(block.forward(x), x + second.forward(first.forward(x)), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([Dense(4)], (7, 3)),
        ([GRU(3)], (7, 3)),
        ([Conv1D(3, 2)], (7, 3)),
        ([Conv1D(3, 2)], (None, 3)),
        ([Conv1D(3, 2, stride=2, padding="same")], (None, 3)),
        ([Embedding(5, 3)], (7,)),
    ],
)
def test_shapes_that_cannot_be_added_are_refused(layers, shape):
    with pytest.raises(ShapeError, match=r"cannot be added to its input .*same number of features and steps"):
        Residual(copy.deepcopy(layers)).compute_shapes(shape)
