"""One vector for a network: the layers' vectors are views into it, and one step updates all of them."""

import copy
import pickle

import numpy as np
import pytest
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    SGD,
    Adam,
    Bidirectional,
    Dense,
    Dropout,
    LambdaCallback,
    Network,
    NonFiniteError,
    optimizers,
)
from nnfw.layers import sequential
from nnfw.layers.composite import vector
from nnfw.layers.sequential import SharedUpdate
from nnfw.regularizers import MaxNorm

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(12, 6, 3)), RNG.integers(0, 4, 12)
RULES = ["sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam", "lion"]


def new(optimizer="adam"):
    layers = [
        GRU(5, return_sequences=True),
        Dropout(0.2),
        Bidirectional(LSTM(3)),
        Dense(4, "softmax"),
    ]
    return Network(layers, loss="cce", optimizer=optimizer, seed=1)


def fit(network, epochs=2):
    network.fit(X, Y, epochs=epochs, batch_size=5, verbose=0)
    return network


def copies(network):
    yield network
    yield copy.deepcopy(network)
    yield pickle.loads(pickle.dumps(network))


class TestVector:
    @pytest.mark.parametrize("kind", ["params", "grads"])
    @pytest.mark.slow
    def test_holds_all_layers_one_after_another(self, kind):
        for network in copies(fit(new())):
            whole = getattr(network, f"flat_{kind}")
            assert whole.size == network.size
            parts = [getattr(layer, f"flat_{kind}") for layer in network.layers]
            np.testing.assert_array_equal(whole, np.concatenate(parts))
            for a in getattr(network, kind).values():
                assert np.shares_memory(whole, a)

    def test_what_is_written_into_it_is_in_the_layers(self):
        for network in copies(fit(new())):
            network.flat_params[...] = np.arange(network.size)
            assert network.params["gru_1.Wx_z"][0, 0] == 0
            assert network.params["dense_4.b"][-1] == network.size - 1
            assert network.layers[2].ahead.params["Wx_i"][0, 0] == network.layers[0].size

    def test_of_inner_networks_is_a_part_of_it(self):
        inner = Network([Dense(3), Network([Dense(2)])])
        network = untrained(Network([Dense(4), inner, Dense(1)], seed=0), 5)
        start, stop = network.layers[0].size, network.layers[0].size + inner.size
        assert np.shares_memory(inner.flat_params, network.flat_params)
        np.testing.assert_array_equal(inner.flat_params, network.flat_params[start:stop])
        np.testing.assert_array_equal(inner.layers[1].flat_params, network.flat_params[stop - 8 : stop])

    def test_a_layer_that_is_initialized_by_itself_comes_back(self):
        network = untrained(new(), 6, 3)
        network.layers[3].initialize(np.random.default_rng(0))
        whole = network.flat_params
        assert np.shares_memory(whole, network.layers[3].flat_params)
        assert np.shares_memory(whole, network.layers[0].flat_params)

    def test_without_parameters(self):
        network = untrained(Network([Dropout(0.5)]), 3)
        assert network.flat_params.size == network.size == 0
        network.update(SGD(0.1), 0.0)

    def test_keeps_the_bits_of_float64(self):
        network = untrained(Network([Dense(3), Dense(2)], dtype="float64", seed=0), 4)
        values = RNG.normal(size=network.layers[0].params["W"].shape)
        network.layers[0].params["W"][...] = values
        for one in copies(network):
            np.testing.assert_array_equal(one.flat_params[: values.size].reshape(values.shape), values)


@pytest.fixture
def layer_by_layer(monkeypatch):
    """Have every network update its layers one by one."""

    def switch():
        monkeypatch.setattr(sequential, "shared_update", lambda layers, optimizer: None)

    return switch


def both(change, layer_by_layer, *arguments):
    """Return two networks after the same training: updated at once, and layer by layer."""
    together = new(*arguments)
    change(together)
    layer_by_layer()
    apart = new(*arguments)
    change(apart)
    return together, apart


def assert_same(one, other):
    np.testing.assert_array_equal(one.flat_params, other.flat_params)
    for a, b in zip(one._leaves(), other._leaves(), strict=True):
        assert (a._state is None) == (b._state is None)
        if a._state is not None:
            assert (a._state.steps, a._state.scalars) == (b._state.steps, b._state.scalars)
            for name, slot in a._state.slots.items():
                np.testing.assert_array_equal(slot, b._state.slots[name])


def remember_less(network):
    """Put other moments, of the same age, in the place of those of a layer."""
    state = copy.deepcopy(network.layers[0]._state)
    for slot in state.slots.values():
        slot *= 0.5
    network.layers[0]._state = state


class TestUpdate:
    @pytest.mark.parametrize("rule", RULES)
    @pytest.mark.slow
    def test_gives_the_bits_of_layer_by_layer(self, rule, layer_by_layer):
        optimizer = optimizers.get(rule)
        optimizer.weight_decay, optimizer.clip_value, optimizer.clip_global_norm = 0.01, 0.5, 1.0
        assert_same(*both(fit, layer_by_layer, optimizer))

    def test_is_taken(self, monkeypatch):
        steps = []
        step = SharedUpdate.step
        monkeypatch.setattr(SharedUpdate, "step", lambda self, *a: steps.append(self) or step(self, *a))
        fit(new())
        assert len(steps) == 6
        assert len(set(map(id, steps))) == 1  # laid out once

    @pytest.mark.slow
    @pytest.mark.parametrize("rule", ["adam", "nadam"])  # the second remembers a number beside its vectors
    @pytest.mark.parametrize(
        "change",
        [
            lambda network: setattr(network.layers[3], "trainable", False),
            lambda network: setattr(network.layers[0], "optimizer", "sgd"),
            lambda network: setattr(network.layers[3], "regularizer", ["l2", MaxNorm(0.1)]),
            lambda network: setattr(network, "optimizer", Adam(0.01, clip_norm=0.1)),
            lambda network: setattr(network, "optimizer", "nadam"),
            remember_less,
            lambda network: setattr(network, "_unused", None),
        ],
        ids=["frozen", "own optimizer", "regularizer", "clip_norm", "another rule", "memory", "nothing"],
    )
    def test_whatever_changes_between_two_fits(self, change, rule, layer_by_layer):
        def train(network):
            fit(network)
            change(network)
            fit(network)
            network.layers[3].trainable = True
            network.layers[0].optimizer = network.layers[3].regularizer = None
            fit(network)

        assert_same(*both(train, layer_by_layer, rule))

    @pytest.mark.slow
    def test_a_step_that_failed_is_forgotten(self, layer_by_layer):
        def overflow(run):
            run.network.flat_grads[0] = 3e38

        def train(network):
            fit(network)
            with pytest.raises(NonFiniteError, match="after the update"):
                network.fit(X, Y, callbacks=[LambdaCallback(on_gradients=overflow)], verbose=0)
            fit(network)

        assert_same(*both(train, layer_by_layer, SGD(2.0, momentum=0.9)))

    @pytest.mark.slow
    def test_of_a_copy_and_of_a_file(self, tmp_path, layer_by_layer):
        trained = fit(new("nadam"))
        trained.save(tmp_path / "network")
        others = [copy.deepcopy(trained), Network.load(tmp_path / "network")]
        for network in (trained, *others):
            fit(network)
        for other in others:
            assert_same(trained, other)
        layer_by_layer()
        assert_same(trained, fit(fit(new("nadam"))))

    def test_optimizers_of_ones_own_see_each_layer(self):
        class Layerwise(optimizers.Optimizer):
            """Steps of a length that depends on the layer."""

            def apply(self, params, grads, state, rate):
                seen.append(params.size)
                params -= rate * grads / np.linalg.norm(grads)

        seen = []
        network = fit(new(Layerwise(0.1)), epochs=1)
        assert seen == [leaf.size for leaf in network._leaves() if leaf.size] * 3  # batches


def test_vector_of_nothing():
    assert vector([], "flat_params").size == 0
