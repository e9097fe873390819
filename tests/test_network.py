"""The chain: its verbs, its shapes, its errors."""

import contextlib
import copy
import pickle
import pydoc
import re
import sys
import threading
import tracemalloc
from functools import partial

import numpy as np
import pytest
from alike import for_each
from saved import state_of
from untrained import untrained

from nnfw import (
    GRU,
    RNN,
    SGD,
    Adam,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LambdaCallback,
    Layer,
    Network,
    Reshape,
    ShapeError,
    losses,
    metrics,
)
from nnfw.core.logits import LOGIT_GRADIENTS, LOGITS
from nnfw.gradcheck import check_network

RNG = np.random.default_rng(0)


def trained_step(network, x, y, optimizer=None):
    """The training step, verb by verb."""
    a = network.forward(x, training=True)
    network.backward(network.loss.gradient(y, a))
    network.gradients()
    network.update(optimizer or network.optimizer, 0.0)
    return a


class TestVerbs:
    @pytest.mark.parametrize("optimizer", [Adam(0.01), "sgd", None], ids=repr)
    def test_step_by_hand_is_the_step_of_fit(self, optimizer):
        x, y = RNG.normal(size=(20, 6, 3)), RNG.integers(0, 4, 20)
        inner = Network([GRU(5)])
        one = Network([inner, Dense(4, "softmax")], loss="cce", optimizer=optimizer, seed=3)
        two = untrained(copy.deepcopy(one), 6, 3)
        one.fit(x, y, epochs=3, batch_size=20, shuffle=False, verbose=0)
        for _ in range(3):
            trained_step(two, x, y)
        assert repr(two.optimizer) == repr(one.optimizer)
        assert repr(two._own_optimizer) == repr(one._own_optimizer)  # none where none was given
        assert two.layers[0].optimizer is None
        for name, value in one.params.items():
            np.testing.assert_array_equal(value, two.params[name])

    @pytest.mark.parametrize("loss", ["cce", "mse", "kl_divergence"])
    @pytest.mark.slow
    def test_gradient_through_a_stack(self, loss):
        layers = [
            RNN(3, return_sequences=True),
            GRU(4, return_sequences=True, go_backwards=True, reset_after=True),
            Dense(5, "gelu"),
            GRU(3),
            Dense(4, "softmax"),
        ]
        network = untrained(Network(layers, loss=loss, dtype="float64", seed=1), 6, 2)
        x = RNG.normal(size=(3, 6, 2))
        y = RNG.dirichlet(np.ones(4), 3)
        dx = network.backward(network.loss.gradient(y, network.forward(x, training=True)))
        network.gradients()
        direction = {name: RNG.normal(size=p.shape) for name, p in network.params.items()}
        expected = sum(np.sum(network.grads[name] * d) for name, d in direction.items())

        def loss_at(step):
            for name, d in direction.items():
                network.params[name][...] += step * d
            value = network.loss(y, network.forward(x))
            for name, d in direction.items():
                network.params[name][...] -= step * d
            return value

        assert (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6 == pytest.approx(expected, rel=1e-6)
        d = RNG.normal(size=x.shape)
        slope = (
            network.loss(y, network.forward(x + 1e-6 * d)) - network.loss(y, network.forward(x - 1e-6 * d))
        ) / 2e-6
        assert slope == pytest.approx(np.sum(dx * d), rel=1e-6)

    def test_a_network_is_a_layer_of_another(self):
        x, y = RNG.normal(size=(16, 5, 2)), RNG.integers(0, 3, 16)

        def make(nested):
            first, second, third = GRU(4, return_sequences=True), GRU(3), Dense(3, "softmax")
            layers = [Network([first, second]), third] if nested else [first, second, third]
            return Network(layers, loss="cce", optimizer=Adam(0.01, clip_global_norm=0.1), seed=5)

        nested, flat = make(True), make(False)
        for network in (nested, flat):
            network.fit(x, y, epochs=3, verbose=0)
        for a, b in zip(nested._leaves(), flat._leaves(), strict=True):
            np.testing.assert_array_equal(a.flat_params, b.flat_params)

    def test_inner_network_can_be_last(self):
        x, y = RNG.normal(size=(8, 3)), RNG.integers(0, 2, 8)
        network = Network([Dense(4, "tanh"), Network([Dense(2, "softmax")])], loss="cce", seed=0)
        network.fit(x, y, verbose=0)
        a = network.forward(x.astype("float32"))
        assert LOGITS.of(a) is not None

    def test_layers_own_optimizer_and_frozen_layer(self):
        x, y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))
        layers = [Dense(4, trainable=False), Dense(4, optimizer=SGD(0.0)), Dense(2)]
        network = untrained(Network(layers, optimizer=SGD(0.1), seed=0), 3)
        before = [layer.flat_params.copy() for layer in layers]
        network.fit(x, y, verbose=0)
        moved = [not np.array_equal(b, layer.flat_params) for b, layer in zip(before, layers, strict=True)]
        assert moved == [False, False, True]

    def test_own_optimizer_also_when_a_layer_is_updated_by_itself(self):
        layer = Dense(2, optimizer=SGD(0.0))
        layer.compute_shapes((3,))
        layer.initialize(RNG)
        layer.flat_grads[...] = 1
        before = layer.flat_params.copy()
        layer.update(SGD(1.0), 0.0)
        np.testing.assert_array_equal(layer.flat_params, before)

    def test_global_norm_leaves_frozen_and_own_layers_out(self):
        layers = [Dense(4, trainable=False), Dense(4, optimizer=SGD(0.1)), Dense(2)]
        network = untrained(Network(layers, optimizer=SGD(0.1, clip_global_norm=1e-3), seed=0), 3)
        x, y = RNG.normal(size=(8, 3)), 10 * RNG.normal(size=(8, 2))
        network.backward(network.loss.gradient(y, network.forward(x, training=True)))
        network.gradients()
        frozen, own = layers[0].flat_grads.copy(), layers[1].flat_grads.copy()
        network.update(network.optimizer, 0.0)
        np.testing.assert_array_equal(layers[0].flat_grads, frozen)
        np.testing.assert_array_equal(layers[1].flat_grads, own)
        assert np.linalg.norm(layers[2].flat_grads) == pytest.approx(1e-3, rel=1e-5)

    def test_global_norm_of_a_layers_own_optimizer_is_that_of_the_layer(self):
        layers = [Dense(4, optimizer=SGD(1.0, clip_global_norm=0.1)), Dense(2)]
        network = untrained(Network(layers, optimizer=SGD(0.0), dtype="float64", seed=0), 3)
        x, y = RNG.normal(size=(8, 3)), 100 * RNG.normal(size=(8, 2))
        before = layers[0].flat_params.copy()
        network.backward(network.loss.gradient(y, network.forward(x, training=True)))
        network.gradients()
        along = layers[0].flat_grads / np.linalg.norm(layers[0].flat_grads)
        network.update(network.optimizer, 0.0)
        np.testing.assert_allclose(before - layers[0].flat_params, 0.1 * along, rtol=1e-10, atol=1e-14)


class TestJointForm:
    @for_each(("activation", "loss", "units"), [("softmax", "cce", 3), ("sigmoid", "bce", 1)])
    @for_each("scale", [1.0, 50.0, 1e4, 1e30])
    def test_confident_mistakes_keep_their_gradient(self, activation, loss, units, scale):
        network = untrained(Network([Dense(units, activation)], loss=loss, seed=0), 2)
        network.layers[0].flat_params[...] = 0
        network.params["dense_1.W"][0, 0] = scale
        x = np.array([[1.0, 0.0]])
        y = np.array([[1.0, 0.0, 0.0]]) if units == 3 else np.array([[1.0]])
        x = -x  # the network says: certainly not the first class
        a = network.forward(x, training=True)
        value = network.loss(y, a)
        network.backward(network.loss.gradient(y, a))
        network.gradients()
        share = (a[0, 0], network.grads["dense_1.b"][0])
        assert np.isfinite(value)
        assert value >= scale * 0.99
        assert share[1] == pytest.approx(share[0] - 1.0, rel=1e-6)

    def test_a_scaled_gradient_takes_the_ordinary_way(self):
        network = untrained(Network([Dense(3, "softmax")], loss="cce", dtype="float64", seed=0), 2)
        x, y = RNG.normal(size=(5, 2)), RNG.integers(0, 3, 5)
        a = network.forward(x, training=True)
        network.backward(network.loss.gradient(y, a))
        network.gradients()
        exact = network.layers[0].flat_grads.copy()
        assert network.loss(y, a) == pytest.approx(network.loss(y, a.copy()))
        network.backward(0.5 * network.loss.gradient(y, a))
        network.gradients()
        np.testing.assert_allclose(2 * network.layers[0].flat_grads, exact, rtol=1e-10)

    def test_what_was_last_once_and_is_inside_now_takes_the_plain_way(self):
        inner = Network([Dense(3, "softmax")], loss="cce", seed=0)
        x, y = 1e4 * np.random.default_rng(1).normal(size=(20, 4)), np.arange(20) % 3
        inner.fit(x, y, verbose=0)
        outer = untrained(Network([inner, Dropout(0.5)], loss="cce", seed=0), 4)
        loss = outer.evaluate(x, y)["loss"]
        assert 20 < loss == pytest.approx(outer.loss(np.eye(3)[y], outer.predict(x)), rel=1e-6)
        assert inner.evaluate(x, y)["loss"] > 2 * loss  # exact, as the probability is 0

    def test_other_losses_take_the_plain_way(self):
        network = untrained(Network([Dense(3, "softmax")], loss="mse", dtype="float64", seed=0), 2)
        a = network.forward(RNG.normal(size=(5, 2)), training=True)
        cce = losses.get("cce").gradient(np.zeros(5, int), a)
        assert LOGITS.of(a) is LOGIT_GRADIENTS.of(cce) is None


class TestShapes:
    def test_shapes_ahead_of_data(self):
        network = Network([GRU(4, return_sequences=True), RNN(3), Dense(2)])
        assert network.compute_shapes((None, 5)) == (2,)
        assert network.shapes == [(None, 5), (None, 4), (3,), (2,)]
        network.initialize(np.random.default_rng(0), "float64")
        assert network.forward(np.zeros((2, 7, 5))).dtype == np.float64

    def test_hint_names_layer_place_shapes_and_remedy(self):
        network = Network([RNN(8), GRU(16), Dense(1)])
        with pytest.raises(ShapeError) as error:
            network.compute_shapes((28, 28))
        message = str(error.value)
        for part in ("layer 2, GRU(16)", "(samples, steps, features)", "8)", "return_sequences=True"):
            assert part in message
        with pytest.raises(ShapeError, match=r"The GRU before it .* build it with return_sequences=True"):
            Network([Bidirectional(GRU(8)), GRU(16)]).compute_shapes((28, 28))

    def test_other_sequence_lengths_later(self):
        network = Network([GRU(4), Dense(1)], seed=0)
        network.fit(RNG.normal(size=(8, 5, 2)), RNG.normal(size=8), verbose=0)
        assert network.predict(RNG.normal(size=(3, 11, 2))).shape == (3, 1)

    def test_other_features_later_are_refused_and_change_nothing(self):
        network = Network([GRU(4), Dense(1)], seed=0)
        x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=8)
        network.fit(x, y, verbose=0)
        before = network.predict(x)
        with pytest.raises(ShapeError, match=r"built with shape \(2, 4\)"):
            network.predict(RNG.normal(size=(3, 5, 3)))
        np.testing.assert_array_equal(network.predict(x), before)

    def test_a_hint_is_given_where_it_helps_and_once(self):
        x = RNG.normal(size=(8, 5, 2))
        network = Network([Dropout(0.1), Network([GRU(4), Dense(1)])], seed=0)
        network.fit(x, RNG.normal(size=8), verbose=0)
        said = []
        for wrong in (x[0], x[:, :, :1], x[:, 0], RNG.normal(size=(8, 7))):
            with pytest.raises(ShapeError) as error:
                network.predict(wrong)
            said.append(str(error.value))
        assert [message.count("x[None]") for message in said] == [1, 0, 1, 0]
        assert not any("x[..., None]" in message for message in said)
        with pytest.raises(
            ShapeError, match=r"For one feature per step, use x\[..., None\], \(7, 1\) per sample$"
        ):
            Network([Network([GRU(4)]), Dense(1)]).compute_shapes((7,))
        with pytest.raises(ShapeError) as error:
            Network([Reshape((2, 4))]).compute_shapes((7,))
        assert "x[..., None]" not in str(error.value)


class TestParameters:
    @pytest.fixture
    def network(self):
        return untrained(Network([GRU(4), Dense(1)], seed=0), 5, 2)

    @pytest.mark.parametrize("kind", ["params", "grads"])
    def test_are_written_into(self, network, kind):
        getattr(network, kind)["dense_2.W"][...] = 2.0
        getattr(network, kind)["dense_2.W"] += 1.0
        np.testing.assert_array_equal(getattr(network.layers[1], kind)["W"], np.full((4, 1), 3.0))

    @pytest.mark.parametrize("kind", ["params", "grads"])
    @pytest.mark.parametrize(
        "write",
        [
            lambda views, w: views.__setitem__("dense_2.W", w),
            lambda views, w: views.update({"dense_2.W": w}),
            lambda views, w: views.update([("dense_2.W", w)]),
            lambda views, w: views.update(**{"dense_2.W": w}),
        ],
    )
    def test_are_not_replaced(self, network, kind, write):
        before = state_of(network)
        for views in (getattr(network, kind), getattr(network, kind)):
            with pytest.raises(TypeError, match=r"'dense_2.W' is a view into the layer's memory"):
                write(views, np.ones((4, 1)))
        assert state_of(network) == before

    def test_a_copy_is_a_plain_dict_of_its_own(self, network):
        for kept in (copy.deepcopy(network.params), pickle.loads(pickle.dumps(network.params))):
            assert type(kept) is dict
            kept["dense_2.W"] = kept["dense_2.W"] + 1.0
            np.testing.assert_array_equal(kept["dense_2.W"], network.params["dense_2.W"] + 1.0)
        network.params.update({})
        network.params.update(network.params)


class TestAssignment:
    def test_is_as_in_the_constructor(self, tmp_path):
        x, y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 1))
        given = {"loss": "mae", "optimizer": "sgd", "metrics": ["rmse"]}
        one, two = Network([Dense(1)], seed=0), Network([Dense(1)], seed=0, **given)
        for name, value in given.items():
            setattr(one, name, value)
        one.optimizer = None
        one.optimizer = given["optimizer"]
        for network in (one, two):
            network.fit(x, y, epochs=2, verbose=0)
        one.save(tmp_path / "one")
        for other in (one, copy.deepcopy(one), Network.load(tmp_path / "one")):
            assert state_of(other) == state_of(two)
            assert (repr(other.loss), repr(other.optimizer)) == ("MAE()", "SGD()")
            assert other.evaluate(x, y) == two.evaluate(x, y)

    def test_of_a_layer_is_as_in_its_constructor(self, tmp_path):
        x, y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 1))
        given = {"optimizer": "sgd", "regularizer": {"W": "l2"}, "trainable": True}
        layer = Dense(4, optimizer="nadam", regularizer="l1", trainable=False)
        for name, value in given.items():
            setattr(layer, name, value)
        one, two = (Network([first, Dense(1)], seed=0) for first in (layer, Dense(4, **given)))
        assert repr(one.layers) == repr(two.layers)
        for network in (one, two):
            network.fit(x, y, epochs=2, verbose=0)
        one.save(tmp_path / "one")
        for other in (one, copy.deepcopy(one), Network.load(tmp_path / "one")):
            assert state_of(other) == state_of(two)
            assert repr(other.layers) == repr(two.layers)

    def test_fuses_anew(self):
        inner = Network([Dense(3, "softmax")])
        network = untrained(Network([Dense(3), inner], loss="cce", seed=0), 2)
        x = RNG.normal(size=(4, 2)).astype("float32")
        assert LOGITS.of(network.forward(x)) is not None
        network.loss = "mse"
        assert LOGITS.of(network.forward(x)) is None
        inner.loss = "cce"  # which is not used
        assert LOGITS.of(network.forward(x)) is None
        network.loss = "cce"
        assert LOGITS.of(network.forward(x)) is not None


def test_the_layers_cannot_be_exchanged():
    network = Network([Dense(3), Dense(1)])
    assert repr(network) == "Network([Dense(3), Dense(1)])"
    with pytest.raises(TypeError, match="does not support item assignment"):
        network.layers[1] = Dense(2)
    with pytest.raises(AttributeError, match="no attribute 'append'"):
        network.layers.append(Dense(2))


class TestDecisions:
    X = np.array([[-3.0], [-0.1], [0.1], [0.4], [0.6], [3.0]])

    def network(self, loss, units=1, activation="linear"):
        network = untrained(Network([Dense(units, activation)], loss=loss, dtype="float64", seed=0), 1)
        network.params["dense_1.W"][...] = 1.0
        return network

    def test_of_one_output_are_where_the_loss_has_them(self):
        assert self.network("hinge").predict_classes(self.X).tolist() == [0, 0, 1, 1, 1, 1]
        assert self.network("mse").predict_classes(self.X, threshold=0.5).tolist() == [0, 0, 0, 0, 1, 1]
        tanh = self.network("mse", activation="tanh")
        assert tanh.predict_classes(self.X).tolist() == [0, 0, 0, 0, 1, 1]
        assert self.network("hinge").predict_classes(self.X, threshold=0.5).tolist() == [0, 0, 0, 0, 1, 1]
        sigmoid = self.network("bce", activation="sigmoid")
        assert sigmoid.predict_classes(self.X).tolist() == [0, 0, 1, 1, 1, 1]

    def test_of_one_output_are_those_that_metrics_are_asked_for(self):
        network, y = self.network("hinge"), np.array([[-1], [-1], [1], [1], [1], [1]])
        network.metrics = [metrics.Accuracy(threshold=0), metrics.F1(threshold=0.25), "mae"]
        found = network.evaluate(self.X, y)
        assert found["accuracy_0.0"] == 1.0
        network.metrics = ["accuracy"]
        with pytest.raises(
            ValueError, match=r"for outputs of Hinge is 0, not 0.5; use Accuracy\(threshold=0.0\)"
        ):
            network.evaluate(self.X, y)
        three = self.network("hinge", 3)
        three.metrics = ["accuracy"]  # of three outputs the largest decides
        assert three.evaluate(self.X, np.eye(3)[[0] * 6])["accuracy"] == 1.0

    @pytest.mark.parametrize(
        ("loss", "units", "activation", "remedy"),
        [
            ("mse", 1, "linear", r"predict_classes\(x, threshold=0.5\)"),
            ("mse", 3, "linear", r"network.predict\(x\).argmax\(axis=-1\)"),
            ("poisson", 1, "softplus", "predicts numbers"),
        ],
    )
    def test_of_numbers_are_refused(self, loss, units, activation, remedy):
        with pytest.raises(ValueError, match=remedy):
            self.network(loss, units, activation).predict_classes(self.X)

    @pytest.mark.slow
    def test_hold_the_outputs_of_one_batch(self):
        N, T, K = 100, 40, 400
        layers = [Embedding(5, 2), Dense(K, "softmax")]
        network = untrained(Network(layers, loss="cce", metrics=["accuracy"], seed=0), T)
        x = RNG.integers(0, 5, (N, T))
        network.predict_classes(x[:1])
        tracemalloc.start()
        classes = network.predict_classes(x, batch_size=2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * N * T * K / 5  # all outputs would take 4 * N * T * K bytes
        np.testing.assert_array_equal(classes, network.predict(x).argmax(axis=-1))

    def test_of_independent_labels_are_refused(self):
        with pytest.raises(ValueError, match="the outputs are 2 independent labels"):
            self.network("bce", 2, "sigmoid").predict_classes(self.X)
        assert self.network("bce", 2, "softmax").predict_classes(self.X).tolist() == [0] * 6


def looked_at(network, x):
    """What each way of looking at a network says; a refusal by its message."""
    ways = [
        lambda: network.predict(x),
        lambda: network.predict_classes(x, threshold=0.5),
        lambda: network.evaluate(x, np.zeros((len(x), network.compute_shapes(x.shape[1:])[-1]))),
        lambda: network.stream().step(x[0, 0]),
    ]
    said = []
    for way in ways:
        try:
            said.append(way())
        except RuntimeError as error:
            said.append(str(error))
    return said


class TestWeightsThatAreNotThere:
    X, Y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=(8, 1))

    def network(self, seed=4):
        return Network([Network([GRU(4), Dense(3, "tanh")], seed=9), Dropout(0.2), Dense(1)], seed=seed)

    def refused(self, network):
        return all("no weights yet in layer 1, GRU(4)" in str(said) for said in looked_at(network, self.X))

    def test_are_refused_and_nothing_is_drawn(self):
        network, fresh = self.network(), self.network()
        streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
        for _ in range(2):
            assert self.refused(network)
        assert streams == {name: stream.bit_generator.state for name, stream in network._streams.items()}
        assert network.size == 0
        assert not network._built
        for each in (network, fresh):
            each.fit(self.X, self.Y, epochs=2, batch_size=3, verbose=0)
        assert state_of(network) == state_of(fresh)

    def test_the_message_has_the_verb_and_the_remedy(self):
        said = looked_at(self.network(), self.X)
        for verb, message in zip(("predict", "predict_classes", "evaluate", "stream"), said, strict=True):
            assert message.startswith(f"{verb}: the network has no weights yet in layer 1, GRU(4); fit it,")
            assert message.endswith("or call build((5, 2)) for an untrained one")
            assert len(message) < 500

    def test_the_remedy_of_the_message_begins_as_fit_does(self):
        network, fresh = self.network(), self.network()
        network.build((5, 2))
        network.predict(self.X)
        network.stream().step(self.X[0, 0])
        for each in (network, fresh):
            each.fit(self.X, self.Y, epochs=2, batch_size=3, verbose=0)
        assert state_of(network) == state_of(fresh)

    def test_after_a_fit_that_was_refused(self):
        network = self.network()
        with pytest.raises(ShapeError):
            network.fit(self.X, self.Y[1:])
        assert self.refused(network)
        network.fit(self.X, self.Y, verbose=0)
        assert not self.refused(network)

    def test_after_a_fit_that_was_broken_off(self):
        def stop(run):
            raise KeyboardInterrupt

        network = self.network()
        with pytest.raises(KeyboardInterrupt):
            network.fit(self.X, self.Y, verbose=0, callbacks=[LambdaCallback(on_epoch_start=stop)])
        assert not self.refused(network)

    @pytest.mark.slow
    def test_are_refused_after_saving_and_loading_too(self, tmp_path):
        network = self.network()
        network.save(tmp_path / "network")
        assert self.refused(Network.load(tmp_path / "network"))
        network.fit(self.X, self.Y, verbose=0)
        network.save(tmp_path / "network")
        found = looked_at(Network.load(tmp_path / "network"), self.X)
        for one, other in zip(found, looked_at(network, self.X), strict=True):
            np.testing.assert_equal(one, other)

    def test_a_network_of_copies_has_its_own(self):
        trained = self.network()
        trained.fit(self.X, self.Y, verbose=0)
        copies = Network(copy.deepcopy(trained.layers), seed=1)
        streams = copies._streams["weights"].bit_generator.state
        for one, other in zip(looked_at(copies, self.X), looked_at(trained, self.X), strict=True):
            np.testing.assert_equal(one, other)
        assert copies._streams["weights"].bit_generator.state == streams

    def test_a_new_head_has_none(self):
        trained = self.network()
        trained.fit(self.X, self.Y, verbose=0)
        body = copy.deepcopy(trained.layers[0])
        network = Network([body, Dense(2)], seed=1)
        assert all("no weights yet in layer 2, Dense(2)" in said for said in looked_at(network, self.X))
        network.layers[1].initialize(np.random.default_rng(0))
        scores = trained.layers[0].predict(self.X) @ network.layers[1].params["W"]
        np.testing.assert_allclose(network.predict(self.X), scores, rtol=1e-6, atol=1e-7)

    def test_layers_without_parameters_need_none(self):
        network = Network([Reshape((2, 5)), Flatten()], seed=0)
        np.testing.assert_array_equal(network.predict(self.X), self.X.reshape(8, 10).astype("float32"))
        assert network.evaluate(self.X, np.zeros((8, 10))) == {
            "loss": pytest.approx(np.mean(self.X**2), rel=1e-6)
        }

    def test_what_is_wrong_with_x_is_said_first(self):
        with pytest.raises(ValueError, match="nan"):
            self.network().predict(np.full((2, 5, 2), np.nan))


class TestBuild:
    @pytest.mark.parametrize("shape", [(5, 2), (None, 2)])
    def test_has_what_fit_starts_from(self, shape):
        built, fitted = (Network([Network([GRU(4)], seed=9), Dense(1)], seed=2) for _ in range(2))
        fitted.optimizer = SGD(0.0)
        x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=8)
        fitted.fit(x, y, verbose=0)
        built.build(shape)
        np.testing.assert_array_equal(built.flat_params, fitted.flat_params)
        assert built.shapes[0] == shape
        assert built.predict(x).shape == (8, 1)

    def test_built_before_the_fit_or_by_it_is_the_same(self):
        networks = [Network([GRU(4, dropout=0.5), Dense(1)], seed=2) for _ in range(2)]
        networks[0].build((5, 2))
        x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=8)
        for network in networks:
            network.fit(x, y, epochs=2, batch_size=3, verbose=0)
        assert state_of(networks[0]) == state_of(networks[1])

    def test_keeps_what_is_there(self):
        trained = Network([GRU(4), Dense(1)], seed=2)
        trained.fit(RNG.normal(size=(8, 5, 2)), RNG.normal(size=8), verbose=0)
        before = state_of(trained)
        trained.build((5, 2))
        assert state_of(trained) == before
        network = Network([copy.copy(trained.layers[0]), Dense(3)], seed=1)
        network.build((None, 2))
        np.testing.assert_array_equal(network.layers[0].flat_params, trained.layers[0].flat_params)
        assert network.layers[1].params["W"].shape == (4, 3)

    @for_each("shape", [(5,), (5, 3), (2, None), 5, (5, 2.0), (0, -2)])
    def test_changes_nothing_where_a_shape_is_refused(self, shape):
        built, fresh = Network([GRU(4), Dense(1)], seed=2), Network([GRU(4), Dense(1)], seed=2)
        built.build((5, 2))
        before = state_of(built), built.shapes
        with pytest.raises((ShapeError, TypeError, ValueError)):
            built.build(shape)
        assert (state_of(built), built.shapes) == before
        if shape != (5, 3):
            with pytest.raises((ShapeError, TypeError, ValueError)):
                fresh.build(shape)
            assert not fresh.shapes
            assert not fresh.size


class TestInitializeByHand:
    def test_draws_what_fit_would(self):
        network, fitted = (Network([Network([GRU(4)], seed=9), Dense(1)], seed=2) for _ in range(2))
        fitted.optimizer = SGD(0.0)
        fitted.fit(RNG.normal(size=(8, 5, 2)), RNG.normal(size=8), verbose=0)
        untrained(network, None, 2)
        for name, p in fitted.params.items():
            np.testing.assert_array_equal(network.params[name], p)
        for one, other in ((network, fitted), (network.layers[0], fitted.layers[0])):
            assert (
                one._streams["weights"].bit_generator.state == other._streams["weights"].bit_generator.state
            )

    def test_draws_from_a_given_generator_alone(self):
        network, other = (Network([Network([GRU(4)], seed=9), Dense(1)], seed=2) for _ in range(2))
        own = [each._streams["weights"].bit_generator.state for each in (network, network.layers[0])]
        for each in (network, other):
            each.compute_shapes((5, 2))
            each.initialize(np.random.default_rng(7), "float64")
            assert {p.dtype for p in each.params.values()} == {each.dtype} == {np.dtype("float64")}
        assert state_of(network) == state_of(other)
        assert own == [e._streams["weights"].bit_generator.state for e in (network, network.layers[0])]

    @for_each("rng", [0, False, [1], np.random, np.random.RandomState(0)])
    def test_refuses_what_is_no_generator(self, rng):
        network = untrained(Network([Bidirectional(GRU(4)), Embedding(3, 2)], seed=0), 5, 2)
        before = state_of(network)
        for layer in (network, *network.layers):
            with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator.*default_rng\(seed\)"):
                layer.initialize(rng)
        assert state_of(network) == before

    @for_each("dtype", ["float16", "single", ">f4", int, [1.0], "complex128", ""])
    def test_refuses_another_dtype(self, dtype):
        network = untrained(Network([Bidirectional(GRU(4)), Dense(2)], seed=0), 5, 2)
        network.layers[0].forward(np.ones((3, 5, 2), "float32"), training=True)
        before, kept = state_of(network), network.layers[0].ahead.cache
        for layer in (network, *network.layers):
            with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got"):
                layer.initialize(np.random.default_rng(0), dtype)
        assert state_of(network) == before
        assert network.layers[0].ahead.cache is kept

    @pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64")])
    def test_takes_a_dtype_in_any_form(self, dtype):
        network = Network([Dense(2)])
        network.compute_shapes((3,))
        network.initialize(dtype=dtype)
        assert network.dtype == network.layers[0].dtype == np.float64

    def test_refuses_more_than_the_memory_before_it_takes_any(self, monkeypatch):
        monkeypatch.setattr("nnfw.layers.validation.physical_memory", lambda: 64e9)
        network = untrained(Network([Dense(2), Dense(1)], seed=0), 3)
        large = Network([Dense(10**7), Dense(10**9)], seed=0)
        large.compute_shapes((3,))
        before, stream = state_of(network), large._streams["weights"].bit_generator.state
        with pytest.raises(ValueError, match=r"layer 2, Dense\(1000000000\) has 1e\+16 parameters"):
            large.initialize()
        assert large.size == 0
        assert large._streams["weights"].bit_generator.state == stream
        assert state_of(network) == before


class TestLoad:
    def test_is_called_on_the_class_alone(self, tmp_path):
        class Own(Network):
            pass

        network = untrained(Network([Dense(2)], seed=0), 3)
        network.save(tmp_path / "network")
        before = state_of(network)
        for each in (Network, Own):
            assert state_of(each.load(tmp_path / "network")) == before
        with pytest.raises(TypeError, match=r"^load returns a new Network: network = Network.load\(...\)$"):
            network.load(tmp_path / "network")
        assert state_of(network) == before
        assert callable(network.load)

    def test_is_documented_as_a_class_method(self):
        shown = pydoc.render_doc(Network, renderer=pydoc.plaintext)
        assert re.search(r"load\([\s|]*path:", shown[shown.index("Class methods defined here") :])
        assert Network.load.__doc__ == Network([Dense(1)]).load.__doc__


class TestConstruction:
    @for_each(
        ("layers", "error", "message"),
        [
            ([], ValueError, "at least one layer"),
            (Dense(1), TypeError, "list of layers"),
            ([Dense], TypeError, r"did you mean Dense\(...\)"),
            ([Dense(1), "relu"], TypeError, "layer 2 must be a Layer"),
            ([Dense(1, name="a"), Dense(1, name="a")], ValueError, "two layers have the name 'a'"),
        ],
    )
    def test_layers(self, layers, error, message):
        with pytest.raises(error, match=message):
            Network(layers)

    def test_same_object_twice(self):
        layer = Dense(3)
        with pytest.raises(ValueError, match="same object"):
            Network([layer, layer])

    def test_layer_of_another_network(self):
        layer = Dense(3)
        first = Network([layer])
        with pytest.raises(ValueError, match="already part of another network"):
            Network([layer])
        del first
        with pytest.raises(ValueError, match="unknown loss") as kept:
            Network([layer], loss="mze")
        Network([layer])
        assert kept.value

    def test_copied_layers_keep_their_weights(self):
        x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=8)
        trained = Network([GRU(4), Dense(1)], seed=0)
        trained.fit(x, y, verbose=0)
        other = Network([copy.deepcopy(trained.layers[0]), Dense(2)], seed=1, optimizer=SGD(0.0))
        other.fit(x, RNG.normal(size=(8, 2)), verbose=0)
        np.testing.assert_array_equal(other.layers[0].flat_params, trained.layers[0].flat_params)
        with pytest.raises(ValueError, match="dtype='float32'"):
            Network([copy.deepcopy(trained.layers[0])], dtype="float64").predict(x)

    @for_each(
        ("keywords", "error", "message"),
        [
            ({"loss": "mze"}, ValueError, "did you mean|Did you mean 'mse'"),
            ({"dtype": "float16"}, ValueError, "'float32' or 'float64'"),
            ({"seed": -1}, ValueError, "seed must be at least 0"),
            ({"seed": 1.5}, TypeError, "seed must be a whole number"),
            ({"metrics": "accuracy"}, TypeError, r"\['accuracy'\]"),
            ({"metrics": ["mae", "mae"]}, ValueError, "two metrics would be named 'mae'"),
            ({"random_state": 1}, TypeError, "nnfw calls it seed"),
        ],
    )
    def test_arguments(self, keywords, error, message):
        with pytest.raises(error, match=message):
            Network([Dense(1)], **keywords)

    def test_own_layer_needs_nothing_else(self):
        class Double(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                return 2 * x

            def backward(self, dy):
                return 2 * dy

        network = Network([Double(), Dense(1)], seed=0)
        network.fit(RNG.normal(size=(8, 3)), RNG.normal(size=8), verbose=0)
        assert "Double()" in repr(network)

    def test_deepcopy_trains_apart(self):
        x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=8)
        one = Network([GRU(4), Dense(1)], seed=0)
        one.fit(x, y, verbose=0)
        two = copy.deepcopy(one)
        before = one.predict(x)
        two.fit(x, y, epochs=3, verbose=0)
        np.testing.assert_array_equal(one.predict(x), before)
        one.fit(x, y, epochs=3, verbose=0)
        np.testing.assert_array_equal(one.predict(x), two.predict(x))

    def test_summary(self, capsys):
        network = Network([GRU(4), Dense(1, trainable=False)])
        network.summary()
        assert "?" in capsys.readouterr().out
        untrained(network, None, 3)
        network.summary()
        printed = capsys.readouterr().out
        for part in ("GRU(4)", "(N, 4)", "96", "5 (frozen)", "101 parameters", "float32", "optimizer Adam()"):
            assert part in printed

    def test_summary_says_what_is_frozen(self, capsys):
        innermost = Network([Dense(2, trainable=False), Dense(3)])
        inner = Network([innermost, Dense(1)], name="inner")
        network = Network([Dense(3, trainable=False), Dropout(0.1), inner, Dense(40)], seed=0)

        def shown():
            network.summary()
            header, _, *layers, total = capsys.readouterr().out.splitlines()
            return [line[header.index("parameters") :] for line in layers], total.partition(";")[0]

        assert shown() == (["?"] * 4, "the first fit creates the parameters")
        untrained(network, 2)
        counts = ["9 (frozen)", "0", "21 (8 frozen)", "80"]
        assert shown() == (counts, "110 parameters (17 frozen)")
        inner.trainable = False
        assert shown() == ([*counts[:2], "21 (frozen)", "80"], "110 parameters (30 frozen)")
        network.layers[0].trainable = inner.trainable = innermost.layers[0].trainable = True
        assert shown() == (["9", "0", "21", "80"], "110 parameters")
        network.trainable = False
        assert shown()[1] == "110 parameters (frozen)"
        before = network.layers[3].flat_params.copy()
        network.fit(RNG.normal(size=(8, 2)), RNG.normal(size=(8, 40)), verbose=0)
        np.testing.assert_array_equal(network.layers[3].flat_params, before)


def test_an_inner_network_that_is_asked_leaves_the_outer_as_it_is():
    def train(ask):
        network = Network([Dense(8, "tanh"), Network([Dense(3, "softmax")])], loss="cce", seed=0)
        x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
        network.fit(x, y, verbose=0)
        network.params["network_2.dense_1.W"][...] *= 300
        asked = [LambdaCallback(on_batch_end=lambda run: run.network.layers[1].predict(np.zeros((1, 8))))]
        return network.fit(x, y, epochs=3, verbose=0, callbacks=asked if ask else [])["loss"]

    assert train(True) == train(False)


class Meanwhile(Dense):
    """While the network is used, it is used by another thread too: for sequences of another length."""

    work = staticmethod(lambda: None)

    def count_steps(self, n):
        self.work()
        return n


def test_data_of_another_length_in_another_thread_do_not_matter():
    first = Meanwhile(3)
    network = Network([first, Dense(2, "softmax")], loss="cce", seed=0)
    x, y, lengths = RNG.normal(size=(2, 4, 3)), np.ones((2, 4), int), [4, 2]
    network.build((4, 3))
    expected = network.evaluate(x, y, lengths=lengths)
    meanwhile = []
    first.work = lambda: meanwhile.append(network.compute_shapes((9, 3)))
    assert network.evaluate(x, y, lengths=lengths) == expected
    assert meanwhile


def test_a_loss_stays_fused_while_another_thread_uses_the_network():
    said = []

    class Watched(Dense):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "_keeps_logits":
                said.append(value)

    network = Network([Dense(3), Watched(2, "softmax")], loss="cce", seed=0)
    network.build((3,))
    network.evaluate(RNG.normal(size=(4, 3)), np.ones(4, int))
    assert len(said) > 1
    assert all(said)


def test_a_last_layer_that_overrides_backward_need_not_take_logits():
    class Skip(Dense):
        def forward(self, x, training=False):
            return x + super().forward(x, training)

        def backward(self, dy):
            return dy + super().backward(dy)

    class Same(Dense):
        def backward(self, dy):
            return super().backward(dy)

    x, y = RNG.normal(size=(4, 3)), np.arange(4) % 2
    network = Network([Dense(2), Skip(2, "tanh"), Same(2, "softmax")], loss="cce", seed=0, dtype="float64")
    network.build((3,))
    check_network(network, x, y)
    network.fit(x, y, verbose=0)


def wraps_backward(layer):
    layer.backward = partial(layer.backward)
    return layer


class Passes(Dense):
    def backward(self, *args, **options):
        return super().backward(*args, **options)


@pytest.mark.parametrize("output", [Passes, lambda *args, **options: wraps_backward(Dense(*args, **options))])
def test_a_last_layer_that_passes_of_logits_on_stays_fused(output):
    layer = output(2, "softmax", initializer="identity", use_bias=False)
    network = Network([layer], loss="cce", optimizer=SGD(1.0))
    assert network.fit(1000 * np.eye(2), [1, 0], epochs=2, verbose=0)["loss"] == [1000, 0]


@pytest.mark.slow
def test_what_is_asked_while_another_thread_builds_changes_nothing():
    x = np.random.default_rng(0).normal(size=(8, 3, 2))
    before = sys.getswitchinterval()
    alone = Network([GRU(4), Dense(1)], seed=0)
    alone.fit(x, x[:, 0, 0], epochs=2, verbose=0)
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(15):
            network, done = Network([GRU(4), Dense(1)], seed=0), threading.Event()

            def poll(network=network, done=done):
                while not done.is_set():
                    with contextlib.suppress(RuntimeError):
                        network.predict(x)

            threads = [threading.Thread(target=poll) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                assert len(network.fit(x, x[:, 0, 0], epochs=2, verbose=0).epoch) == 2
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            np.testing.assert_array_equal(network.flat_params, alone.flat_params)
    finally:
        sys.setswitchinterval(before)


def test_classes_beyond_the_end_are_0_whatever_the_threshold():
    network = Network([GRU(3, return_sequences=True), Dense(1, "tanh")], loss="hinge", seed=0)
    xs = [np.ones((2, 2)), np.ones((4, 2))]
    network.fit(xs, [np.ones(2), np.ones(4)], verbose=0)
    np.testing.assert_array_equal(network.predict_classes(xs, threshold=-2.0), [[1, 1, 0, 0], [1, 1, 1, 1]])


def test_a_layer_that_was_changed_is_saved_as_it_is(tmp_path):
    network = Network([GRU(3, return_sequences=True), GRU(2)], seed=0)
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    network.fit(x, np.zeros((4, 2)), verbose=0)
    network.layers[1].return_sequences = True
    network.save(tmp_path / "network")
    y = network.predict(x)
    assert y.shape == (4, 3, 2)
    np.testing.assert_array_equal(Network.load(tmp_path / "network").predict(x), y)
