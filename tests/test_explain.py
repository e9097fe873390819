"""Attributions: compared with finite differences and with a slow sum along the path of `predict` alone."""

import copy
import warnings

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Adam,
    BatchNorm,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    LayerNorm,
    MeanPooling,
    Network,
    NonFiniteError,
    Residual,
)
from nnfw.datasets import adding_problem
from nnfw.explain import gradient, integrated_gradients

NETWORKS = {
    "dense": ([Dense(5, "tanh"), Dense(3, "softmax")], (4,), "cce"),
    "sigmoid": ([Dense(5, "tanh"), Dense(1, "sigmoid")], (4,), "bce"),
    "gru": ([GRU(4), Dense(2)], (6, 3), "mse"),
    "reset after": ([GRU(4, reset_after=True), Dense(2)], (6, 3), "mse"),
    "both ways": ([Bidirectional(LSTM(3, return_sequences=True)), MeanPooling(), Dense(2)], (6, 3), "mse"),
    "noise": ([GaussianNoise(0.5), RNN(4, recurrent_dropout=0.4), Dropout(0.5), Dense(2)], (6, 3), "mse"),
    "both ways with dropout": ([Bidirectional(GRU(3, dropout=0.5)), LayerNorm(), Dense(2)], (6, 3), "mse"),
    "batch norm": ([BatchNorm(), Residual([Dense(6), BatchNorm()]), Dense(2)], (6,), "mse"),
    "inner": ([Network([GRU(4, return_sequences=True), Dense(3)]), RNN(2), Dense(2)], (6, 3), "mse"),
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def built(name, N=3):
    layers, shape, loss = NETWORKS[name]
    network = untrained(Network(copy.deepcopy(layers), loss=loss, seed=1, dtype="float64"), *shape)
    return network, np.random.default_rng(2).normal(size=(N, *shape))


def chosen(network, x, output):
    return network.predict(x)[np.arange(len(x)), output]


def slow_gradient(network, x, output, h=1e-5):
    """Central differences of `predict`, a value of the input at a time."""
    steps = h * np.eye(x[0].size).reshape(-1, 1, *x.shape[1:])
    outputs = np.tile(np.broadcast_to(output, len(x)), len(steps))
    up, down = (
        chosen(network, (x + sign * steps).reshape(-1, *x.shape[1:]), outputs).reshape(-1, len(x))
        for sign in (1, -1)
    )
    return ((up - down) / (2 * h)).T.reshape(x.shape)


def slow_integral(network, x, start, output, parts=150):
    """The midpoint rule with central differences."""
    points = (np.arange(parts) + 0.5) / parts
    return (x - start) * np.mean([slow_gradient(network, start + u * (x - start), output) for u in points], 0)


@each_network
@pytest.mark.slow
def test_gradient_is_that_of_predict(name):
    network, x = built(name)
    output = network.predict(x).argmax(axis=1)
    np.testing.assert_allclose(gradient(network, x), slow_gradient(network, x, output), atol=1e-8)
    np.testing.assert_allclose(gradient(network, x, output=0), slow_gradient(network, x, 0), atol=1e-8)
    if network.predict(x).shape[1] > 1:
        others = np.array([1, 0, 1])
        np.testing.assert_allclose(
            gradient(network, x, output=others), slow_gradient(network, x, others), atol=1e-8
        )


@pytest.mark.slow
@each_network
def test_integrated_gradients_are_the_integral(name):
    network, x = built(name, N=2)
    start = np.random.default_rng(3).normal(size=x.shape)
    a = integrated_gradients(network, x, baseline=start, output=0)
    np.testing.assert_allclose(a, slow_integral(network, x, start, 0), atol=2e-5)


@each_network
@pytest.mark.slow
def test_integrated_gradients_sum_to_the_change(name):
    network, x = built(name)
    output = network.predict(x).argmax(axis=1)
    for baseline in (0.0, 0.3, np.arange(x.shape[-1]) / 5, np.ones_like(x)):
        start = np.broadcast_to(baseline, x.shape)
        change = chosen(network, x, output) - chosen(network, start, output)
        a = integrated_gradients(network, x, baseline=baseline)
        assert a.shape == x.shape
        atol = 1e-3 if "dropout" in name else 1e-6  # a LayerNorm is steep where its input hardly varies
        np.testing.assert_allclose(a.reshape(len(x), -1).sum(axis=1), change, atol=atol)
        assert not a[x == start].any()


def test_what_is_looked_at_is_what_predict_computes():
    network, x = built("batch norm")
    quiet, batch = network._probe(x, None, None, "gates")
    np.testing.assert_allclose(quiet.forward(batch.x, training=True), network.predict(x), rtol=1e-12)
    assert all(leaf.trainable for leaf in network._leaves())
    of_a_step, batch = network._probe(x, np.ones((3, 2)), None, "gradient_flow")
    assert not np.allclose(of_a_step.forward(batch.x, training=True), network.predict(x), rtol=1e-3)


def test_outputs_of_time_steps_are_chosen_by_step():
    network = untrained(Network([GRU(4, return_sequences=True), Dense(2)], seed=0, dtype="float64"), 5, 3)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    dx = gradient(network, x, output=(2, 1))
    assert not dx[:, 3:].any()
    h = 1e-6
    up, down = x.copy(), x.copy()
    up[:, 1, 2] += h
    down[:, 1, 2] -= h
    slope = (network.predict(up) - network.predict(down))[:, 2, 1] / (2 * h)
    np.testing.assert_allclose(dx[:, 1, 2], slope, atol=1e-8)


@pytest.mark.parametrize(
    "layer", [GRU(4), pytest.param(Bidirectional(LSTM(3)), marks=pytest.mark.slow)], ids=repr
)
@pytest.mark.slow
def test_lengths_are_respected(layer):
    network = untrained(Network([copy.deepcopy(layer), Dense(2)], seed=0, dtype="float64"), None, 3)
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 3)) for n in (4, 7, 1)]
    for explain in (gradient, integrated_gradients):
        together = explain(network, sequences, output=1)
        assert together.shape == (3, 7, 3)
        for one, row in zip(sequences, together, strict=True):
            np.testing.assert_allclose(row[: len(one)], explain(network, one[None], output=1)[0], atol=1e-12)
            assert not row[len(one) :].any()
    padded = np.full((3, 7, 3), 9.0)
    for row, one in zip(padded, sequences, strict=True):
        row[: len(one)] = one
    given = integrated_gradients(network, padded, lengths=[4, 7, 1], output=1, baseline=2.0)
    assert not given[0, 4:].any()
    np.testing.assert_allclose(given, integrated_gradients(network, sequences, output=1, baseline=2.0))


@pytest.mark.slow
def test_symbols_are_explained_by_their_vectors():
    network = Network([Embedding(5, 3, mask=0), GRU(4), Dense(2)], seed=0, dtype="float64")
    untrained(network, None)
    x = np.array([[1, 2, 4, 0], [3, 3, 1, 2]])
    a = integrated_gradients(network, x, output=0)
    assert a.shape == (2, 4, 3)
    assert not a[0, 3].any()
    rest = untrained(Network([GRU(4), Dense(2)], dtype="float64"), None, 3)
    for name, p in rest.params.items():
        p[...] = network.params[name.replace("gru_1", "gru_2").replace("dense_2", "dense_3")]
    vectors = network.params["embedding_1.E"][x]
    np.testing.assert_allclose(a, integrated_gradients(rest, vectors, lengths=[3, 4], output=0), atol=1e-12)


@pytest.mark.slow
def test_the_parts_of_a_large_batch_are_alike(monkeypatch):
    network, x = built("gru", N=7)
    whole = gradient(network, x), integrated_gradients(network, x, output=np.arange(7) % 2)
    monkeypatch.setattr("nnfw.explain.ROWS", 3)
    parts = gradient(network, x), integrated_gradients(network, x, output=np.arange(7) % 2)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.slow
def test_too_few_steps_are_noticed():
    network = untrained(Network([Dense(40, "relu"), Dense(1)], seed=0, dtype="float64"), 3)
    network.params["dense_1.W"][...] *= 8
    network.params["dense_1.b"][...] = np.linspace(-6, 6, 40)
    x = np.random.default_rng(0).normal(size=(4, 3))
    with pytest.warns(RuntimeWarning, match=r"values for sample \d sum to .*; use more than steps=2"):
        integrated_gradients(network, x, steps=2)
    change = network.predict(x) - network.predict(np.zeros_like(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a = integrated_gradients(network, x, steps=800)
        network.params["dense_2.W"][...] *= 1e3
        integrated_gradients(network, x[:2])  # may miss 1 of a change by 1000
    np.testing.assert_allclose(a.sum(axis=1), change[:, 0], atol=1e-2)


@pytest.mark.slow
def test_by_default_there_are_as_many_steps_as_are_needed(monkeypatch):
    """A gate that opens on a hundredth of the way: 50 points do not see it."""
    network = untrained(Network([Dense(1, "sigmoid"), Dense(1)], seed=0, dtype="float64"), 2)
    network.params["dense_1.W"][...], network.params["dense_1.b"][...] = [[400.0], [0.0]], -200.7
    x = np.array([[1.0, 1.0], [0.9, 0.3]])
    with pytest.warns(RuntimeWarning, match="use more than steps=50$"):
        integrated_gradients(network, x, steps=50)
    a = integrated_gradients(network, x)
    change = (network.predict(x) - network.predict(np.zeros_like(x)))[:, 0]
    assert np.abs(change).min() > 0.5
    np.testing.assert_allclose(a, np.stack([change, [0, 0]], axis=1), atol=1e-3)
    alone = integrated_gradients(network, near := np.array([[0.5015, 0.2]]))  # that needs no more than 50
    together = integrated_gradients(network, np.concatenate([x, near]))
    np.testing.assert_allclose(together, np.concatenate([a, alone]), rtol=1e-12)
    monkeypatch.setattr("nnfw.explain.PANELS", (1, 2))
    with pytest.warns(RuntimeWarning, match="use more than steps=100$"):
        integrated_gradients(network, x)


def test_each_part_of_the_way_has_its_points(monkeypatch):
    network = untrained(Network([Dense(1, "tanh")], seed=0, dtype="float64"), 1)
    network.params["dense_1.W"][...] = 4.0
    monkeypatch.setattr("nnfw.explain.POINTS", 2)
    monkeypatch.setattr("nnfw.explain.PANELS", (16,))
    centres = (np.arange(16) + 0.5)[:, None] / 16
    u = centres + np.array([-1, 1]) / np.sqrt(3) / 32  # Gauss-Legendre of two points, in each part
    expected = np.mean(4 / np.cosh(4 * u) ** 2)
    np.testing.assert_allclose(integrated_gradients(network, [[1.0]])[0, 0], expected, rtol=1e-12)


def snapshot(network):
    streams = {name: rng.bit_generator.state for name, rng in network._streams.items()}
    caches = [dict(leaf.cache) for leaf in network._leaves()]
    arrays = network.flat_params.copy(), network.flat_grads.copy()
    return repr(streams), repr(network.shapes), repr(caches), *(a.tobytes() for a in arrays)


@each_network
@pytest.mark.slow
def test_the_network_stays_as_it_is(name):
    network, x = built(name)
    network.forward(x, training=True)
    before = snapshot(network)
    gradient(network, x)
    integrated_gradients(network, x, steps=3, output=0, baseline=x)
    assert snapshot(network) == before


class TestMistakes:
    def network(self):
        return untrained(Network([GRU(4), Dense(3, "softmax")], loss="cce", seed=0), 5, 2)

    @for_each(
        ("options", "said"),
        [
            ({"output": 3}, r"output\[0\] is 3.*one of the 3 numbers from 0 to 2"),
            ({"output": [0, 1, 2]}, r"output must be one of the 3 outputs, got an array of shape \(3,\)"),
            ({"output": (1, 1, 1, 1, 1)}, "must be one of the 3 outputs"),
            ({"output": "a"}, "output must be real numbers"),
            (
                {"baseline": np.ones(3)},
                r"baseline must be a number, or have the shape \(2,\), one per feature",
            ),
            ({"baseline": np.nan}, "baseline.* is nan"),
            ({"steps": 0}, "integrated_gradients: steps must be at least 1"),
            ({"lengths": [9, 1]}, "lengths must lie in 0 to 5"),
        ],
    )
    def test_they_are_explained(self, options, said):
        with pytest.raises((ValueError, TypeError), match=said):
            integrated_gradients(self.network(), np.ones((2, 5, 2)), **options)

    def test_no_network_and_no_weights(self):
        with pytest.raises(TypeError, match="gradient: network must be a Network, got 3"):
            gradient(3, np.ones((2, 5, 2)))
        with pytest.raises(RuntimeError, match="gradient: the network does not know the shape"):
            gradient(Network([GRU(4), Dense(3)]), np.ones((2, 5, 2)))
        with pytest.raises(TypeError, match="Did you mean 'output'"):
            gradient(self.network(), np.ones((2, 5, 2)), outputs=1)

    def test_steps_without_a_step(self):
        network = untrained(Network([GRU(4, return_sequences=True), Dense(2)], seed=0), 5, 2)
        with pytest.raises(ValueError, match=r"a pair \(t, k\): one of 5 steps, and one of the 2 outputs"):
            gradient(network, np.ones((2, 5, 2)))
        with pytest.raises(ValueError, match=r"output\[0\] is 5, but must be one of the 5 numbers"):
            gradient(network, np.ones((2, 5, 2)), output=(5, 0))

    def test_what_is_not_finite(self):
        network = self.network()
        network.params["dense_2.W"][...] = np.inf
        with pytest.raises(NonFiniteError, match="integrated_gradients"):
            integrated_gradients(network, np.ones((2, 5, 2)))


@pytest.mark.slow
def test_the_adding_problem_is_explained_by_its_marks():
    """A trained network: at least 80 % of the mass on the two marked steps of 40."""
    x, y = adding_problem(2000, 40, seed=0)
    network = Network([GRU(32), Dense(1)], optimizer=Adam(5e-3, clip_global_norm=1.0), seed=0)
    network.fit(x, y, epochs=12, verbose=0)
    new, truth = adding_problem(200, 40, seed=1)
    assert network.evaluate(new, truth)["loss"] < 0.005
    a = integrated_gradients(network, new, baseline=[0.5, 0.0])  # a mean number, and no mark
    change = network.predict(new) - network.predict(np.broadcast_to(np.float32([0.5, 0]), new.shape))
    np.testing.assert_allclose(a.sum(axis=(1, 2)), change[:, 0], atol=1e-5)
    mass = np.abs(a).sum(axis=2)
    assert mass[new[..., 1] == 1].sum() > 0.8 * mass.sum()
