"""A non-finite value stops a fit: where it arose is named, and the network is as before the batch."""

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adagrad,
    Adam,
    Bidirectional,
    Dense,
    Dropout,
    LambdaCallback,
    LastStep,
    Layer,
    Loss,
    Nadam,
    Network,
    NonFiniteError,
    Optimizer,
)
from nnfw.training import guard
from nnfw.training.anomaly import in_cache, search
from nnfw.training.batches import Batch

N, T, D = 6, 9, 2
RNG = np.random.default_rng(11)
X = RNG.normal(size=(N, T, D)).astype("float32")
Y = RNG.normal(size=(N, 1)).astype("float32")
CAUSES = ("learning rate", "not scaled", "clip_global_norm=1.0", "weights are as before this update")


def state(network):
    """Parameters, optimizer slots and all it counts, bit for bit."""
    kept = []
    for leaf in network._leaves():
        memory = leaf._state and (
            leaf._state.steps,
            dict(leaf._state.scalars),
            {name: slot.tobytes() for name, slot in leaf._state.slots.items()},
        )
        kept.append((leaf.flat_params.tobytes(), memory))
    return kept


def built(layers, **options):
    return untrained(Network(layers, seed=3, **options), T, D)


def stopped(network, x=X, y=Y, **options):
    """Fit until the error; return its message, and assert that nothing of its batch is left."""
    good = [state(network)]
    keep = LambdaCallback(on_batch_end=lambda run: good.append(state(run.network)))
    options = {"callbacks": [keep], "shuffle": False, "verbose": 0, "epochs": 5} | options
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError) as raised:
        network.fit(x, y, **options)
    assert state(network) == good[-1]
    assert all(np.isfinite(p).all() for p in network.params.values())
    message = str(raised.value)
    assert len(message) < 500
    return message


def spiked(n, t):
    """Inputs that are finite, with one so large that its product with a weight of 1e30 is not."""
    x = np.zeros((N, T, D), "float32")
    x[n, t, 1] = 1e30
    return x


class TestForward:
    @for_each("backwards", [False, True])
    @for_each("given", [None, [9, 8, 6, 7, 9, 1]])
    @for_each(("n", "t"), [(2, 5), (4, 0), (0, 8)])
    def test_gate_and_time_step(self, backwards, given, n, t):
        layer = GRU(3, "relu", go_backwards=backwards)
        network = built([layer, Dense(1)])
        layer.params["Wx_c"][1, 2] = 1e30
        x = spiked(n, t)
        if given:
            x[np.arange(T) >= np.array(given)[:, None]] = np.nan  # padding is not looked at
        message = stopped(network, x, lengths=given)
        assert message.startswith(f"epoch 1, batch 1: c of layer 1, GRU(3) holds inf at time step {t}. ")
        assert all(cause in message for cause in CAUSES)
        assert "their largest is 1e+30" in message

    def test_the_first_of_several_in_the_order_of_reading(self):
        for backwards, first in ((False, 3), (True, 7)):
            layer = GRU(3, "relu", go_backwards=backwards)
            network = built([layer, Dense(1)])
            layer.params["Wx_c"][1, :] = 1e30
            message = stopped(network, spiked(1, 3) + spiked(5, 7))
            assert f"at time step {first}." in message

    def test_state_of_an_rnn(self):
        network = built([RNN(3, "linear"), Dense(2, "tanh"), Dense(1)])
        network.layers[0].params["Wx"][1, 0] = 1e30
        assert "h of layer 1, RNN(3) holds inf at time step 4." in stopped(network, spiked(3, 4))

    def test_behind_the_last_step_lengths_hide_no_output(self):
        network = built([LastStep(), Dense(6), Dense(1)])
        network.layers[1].params["W"][1, 5] = 1e30
        message = stopped(network, spiked(0, 0), lengths=[1] * N)
        assert "the output of layer 2, Dense(6) holds inf. " in message

    def test_batch_and_epoch(self):
        network = built([GRU(3, "relu"), Dense(1)], optimizer=SGD(0.0))
        network.layers[0].params["Wx_c"][1, 2] = 1e30
        network.fit(np.zeros_like(X), Y, epochs=2, verbose=0)
        assert stopped(network, spiked(5, 2), batch_size=2).startswith("epoch 3, batch 3: c of layer 1")
        assert len(network.history.epoch) == 2
        assert not network._fitting

    def test_output_of_an_own_layer(self):
        class Spoil(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                y = x.copy()
                if training:
                    y[1, 2] = np.nan
                return y

            def backward(self, dy):
                return dy

        message = stopped(built([Dense(4), Spoil(), GRU(3), Dense(1)]))
        assert "batch 1: the output of layer 2, Spoil() holds nan at time step 2." in message

    def test_parameter(self):
        network = built([GRU(3), Dense(1)])
        network.params["gru_1.Wh_r"][2, 1] = np.inf
        network.params["dense_2.b"][0] = np.nan
        with (
            np.errstate(all="ignore"),
            pytest.raises(NonFiniteError, match=r"parameter Wh_r of layer 1, GRU"),
        ):
            network.fit(X, Y, verbose=0)

    def test_within_a_network_in_a_network(self):
        inner = Network([GRU(3, "relu")])
        network = built([inner, Dense(1)])
        inner.layers[0].params["Wx_c"][1, 2] = 1e30
        assert "c of layer 1, GRU(3) holds inf" in stopped(network, spiked(2, 5))

    @pytest.mark.parametrize("place", ["ahead", "back"])
    def test_within_both_directions(self, place):
        network = built([Bidirectional(GRU(3, "relu")), Dense(1)])
        network.params[f"bidirectional_1.{place}.Wx_c"][1, 2] = 1e30
        expected = "c of GRU(3) in layer 1, Bidirectional(GRU(3)) holds inf at time step 5."
        assert expected in stopped(network, spiked(2, 5))

    def test_within_an_lstm(self):
        network = built([LSTM(3, "relu"), Dense(1)])
        network.params["lstm_1.Wx_g"][1, 2] = 1e30
        assert "g of layer 1, LSTM(3) holds inf at time step 5." in stopped(network, spiked(2, 5))

    def test_loss(self):
        network = built([GRU(3), Dense(1)])
        assert "batch 1: the loss is inf." in stopped(network, y=Y * 1e30)

    def test_before_metrics_see_its_outputs(self):
        def finite(y, a):
            if not np.isfinite(a).all():
                raise ValueError("a metric of another library takes finite outputs only")
            return 0.0

        network = built([GRU(4), Dense(1)], metrics=[finite])
        network.params["dense_2.b"][...] = np.inf
        with pytest.raises(NonFiniteError, match="parameter b of layer 2"):
            network.fit(X, Y, verbose=0)

    def test_input_in_a_memory_map(self, tmp_path):
        x = X.copy()
        x[4, 3, 1] = np.nan
        x.tofile(tmp_path / "x")
        message = stopped(built([GRU(3), Dense(1)]), np.memmap(tmp_path / "x", "float32", "r", shape=x.shape))
        assert "epoch 1, batch 1: the input x holds nan at time step 3." in message
        assert "fill, scale or drop such samples" in message

    @for_each("seed", range(8))
    def test_what_the_noise_of_the_step_brings_about(self, seed):
        class Rare(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                return x * (np.nan if training and self.random().random() < 0.5 else 1.0)

            def backward(self, dy):
                return dy

        network = Network([Dropout(0.5), GRU(3), Rare(), Dense(1)], seed=seed)
        network.build((T, D))
        assert "the output of layer 3, Rare() holds nan." in stopped(network, epochs=30)

    def test_what_a_second_time_does_not_bring_back(self):
        class Once(Layer):
            calls = 0

            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                type(self).calls += training
                return x * (np.nan if self.calls == 1 else 1.0)

            def backward(self, dy):
                return dy

        assert "batch 1: the loss is nan." in stopped(built([GRU(3), Dense(1), Once()]))


def test_search_leaves_no_trace():
    network = built([Dropout(0.1), GRU(3, "relu"), Dense(1)])
    gru = network.layers[1]
    gru.params["Wx_c"][1, 2] = 1e30
    x = sum(spiked(n, 5) for n in range(N)).astype("float32")
    with np.errstate(all="ignore"):
        network.forward(x, training=True)
    cache, noise = gru.cache, network._streams["noise"].bit_generator.state
    batch = Batch(x, Y, None, None, N)
    assert search(network, batch) == "c of layer 2, GRU(3) holds inf at time step 5"
    assert gru.cache is cache
    assert network._streams["noise"].bit_generator.state == noise
    assert noise != built([Dense(1)])._streams["noise"].bit_generator.state


class TestBackward:
    @pytest.mark.parametrize("backwards", [False, True])
    def test_exploding_gradient(self, backwards):
        """With Wh = 10 and states of 0 the gradient grows tenfold a step, until float32 ends."""
        steps = 60
        layer = RNN(1, go_backwards=backwards)
        network = built([layer, Dense(1)])
        layer.params["Wh"][...] = 10.0
        x, y = np.zeros((N, steps, D), "float32"), np.ones((N, 1), "float32")
        with np.errstate(over="ignore"):
            powers = np.cumprod(
                [abs(network.params["dense_2.W"].item()) / 3, *[10.0] * steps], dtype="float32"
            )
        read = steps - 1 - int(np.isinf(powers).argmax())
        expected = steps - 1 - read if backwards else read
        message = stopped(network, x, y)
        sign = "-" if network.params["dense_2.W"].item() > 0 else ""
        assert f"dh of layer 1, RNN(1) holds {sign}inf at time step {expected}." in message
        assert all(cause in message for cause in CAUSES)

    @for_each(
        ("spoilt", "step", "said"),
        [
            (["ds_z", "ds_r", "ds_c", "ds", "dh"], [3, 3, 3, 3, 3], "dh"),
            (["ds_z", "ds_r", "ds_c", "ds", "dh"], [3, 3, 3, 3, 2], "ds_c"),
            (["ds_z", "ds_r", "ds", "dh"], [3, 3, 3, 2], "ds_r"),
            (["ds_z", "ds_r", "ds", "dh"], [3, 1, 3, 2], "ds_z"),
        ],
    )
    def test_order_within_a_step(self, spoilt, step, said):
        """Backward a step begins with its state, and goes on with the candidate, which the gates follow."""
        layer = built([GRU(3), Dense(1)]).layers[0]
        layer.forward(X, training=True)
        layer.backward(np.ones((N, 3)))
        layer.cache = {name: np.array(layer.cache[name]) for name in layer.cache}
        for name, t in zip(spoilt, step, strict=True):
            layer.cache[name][1, t] = np.nan
        assert in_cache(layer, backward=True) == f"{said} of layer 1, GRU(3) holds nan at time step 3"
        assert in_cache(layer) == ""

    def test_gradient_of_a_parameter(self):
        class Sum(Loss):
            def value(self, y, a):
                return np.zeros(a.shape[:-1], a.dtype)

            def slope(self, y, a):
                return np.full_like(a, 1e38)

        network = built([GRU(3, "relu"), Dense(1)], loss=Sum())
        network.layers[0].params["Wx_c"][1, 2] = 1e20
        x = np.zeros_like(X)
        x[:, -1, 1] = 1e10
        assert "the gradient of W of layer 2, Dense(1) holds inf." in stopped(network, x)

    def test_gradient_of_the_loss(self):
        class Kink(Loss):
            def value(self, y, a):
                return np.abs(a - y).mean(axis=-1)

            def slope(self, y, a):
                return np.where(np.arange(len(a)) == 4, np.nan, 1.0)[:, None].astype(a.dtype)

        message = stopped(built([GRU(3), Dense(1)], loss=Kink()))
        assert "the gradient of the loss holds nan." in message


class Broken(Optimizer):
    """Descends twice, and then divides by zero."""

    slots = ("seen",)

    def apply(self, params, grads, state, rate):
        state.slots["seen"] += grads
        params -= rate * grads
        if state.steps == 3:
            params[0] = np.nan


class TestUpdate:
    @for_each(
        "optimizer",
        [
            SGD(1e39),
            SGD(lambda epoch: 1e-3 if epoch < 2 else 1e40),
            SGD(1e38, momentum=0.9),
            Adagrad(1e39),
            Adam(1e39),
            Nadam(lambda epoch: 1e-3 if epoch < 1.5 else 1e39),
            Broken(1e-3),
        ],
    )
    def test_overflow_is_put_back(self, optimizer):
        network = built([Dense(2, "relu"), GRU(3), Dense(1)], optimizer=optimizer)
        network.layers[0].params["b"][1] = -1e3  # dead: its gradient is 0, and so is its square
        message = stopped(network, y=1e3 * Y, batch_size=3, epochs=40)
        assert any(word in message for word in ("after the update, parameter", "holds", "the gradient"))

    def test_the_parameter_is_named(self):
        network = built([GRU(3), Dense(1)], optimizer=SGD(1e39))
        message = stopped(network)
        assert "after the update, parameter W" in message
        assert "(it is 1e+39)" in message

    def test_memory_of_the_optimizer(self):
        """A gradient of 1e20 is finite, but its square is not, and Adam would never move the weight again."""
        network = built([Dense(1)], optimizer="adam", loss="mae")
        message = stopped(network, X * 1e20, np.zeros((N, T, 1)))
        assert "after the update, the optimizer's" in message
        assert "of layer 1, Dense(1) holds inf" in message

    def test_layer_with_its_own_optimizer(self):
        network = built([GRU(3, optimizer=SGD(1e39)), Dense(1)])
        assert "parameter Wx_z of layer 1, GRU(3)" in stopped(network)

    def test_network_with_its_own_optimizer(self):
        network = built([Network([GRU(3), Dense(2)], optimizer=SGD(1e39)), Dense(1)])
        assert "parameter Wx_z of layer 1, GRU(3)" in stopped(network)

    def test_goes_on_as_if_nothing_had_happened(self):
        """What follows the error is, bit for bit, what follows the same steps without it."""
        failed, spared = (built([GRU(3), Dense(1)], optimizer=Nadam(1e-3)) for _ in range(2))
        for network in (failed, spared):
            network.fit(X, Y, epochs=3, shuffle=False, verbose=0)
        failed.optimizer.learning_rate = 1e39
        stopped(failed)
        failed.optimizer.learning_rate = 1e-3
        for network in (failed, spared):
            network.fit(X, Y, epochs=3, shuffle=False, verbose=0)
        assert state(failed) == state(spared)

    def test_settings_of_numpy_do_not_matter(self):
        network = built([GRU(3), Dense(1)], optimizer=SGD(1e39))
        before = state(network)
        with np.errstate(all="raise"), pytest.raises(NonFiniteError, match="after the update"):
            network.fit(X, Y, verbose=0)
        assert state(network) == before

    def test_no_warning_of_numpy(self):
        """Warnings are errors in the tests."""
        with pytest.raises(NonFiniteError):
            built([GRU(3, "relu"), Dense(1)], optimizer=SGD(1e30)).fit(X, Y, epochs=9, verbose=0)


class Fails(Optimizer):
    """Descends, and breaks off in the midst of a later step of the second layer."""

    slots = ("seen",)
    error = RuntimeError("broke off")

    def apply(self, params, grads, state, rate):
        state.slots["seen"] += grads
        params -= rate * grads
        if state.steps == 3 and params.size == SECOND:
            raise self.error


SECOND = 4 * 2 + 2  # parameters of the layer that breaks off


class TestWholeSteps:
    """An update that fails in a later layer has not changed the layers before it either."""

    def broken_off(self, network, error, *callbacks):
        good = [state(network)]
        keep = LambdaCallback(on_batch_end=lambda run: good.append(state(run.network)))
        with pytest.raises(error, match=r"broke off"):
            network.fit(X[:, 0], Y[:, [0, 0]], batch_size=2, verbose=0, callbacks=[*callbacks, keep])
        assert state(network) == good[-1]
        assert len(set(map(str, good))) == len(good)
        return good

    @for_each("error", [RuntimeError("broke off"), KeyboardInterrupt("broke off")])
    @for_each("own", [False, True])
    def test_optimizer_of_ones_own(self, error, own):
        fails = Fails(1e-3)
        fails.error = error
        second = Dense(2, optimizer=fails) if own else Dense(2)
        network = Network([Dense(4), second], optimizer="adam" if own else fails, seed=0)
        assert len(self.broken_off(network, type(error))) == 3
        assert not network._fitting
        fails.error = None
        assert second._state.steps == 2


class TestGuard:
    @pytest.mark.parametrize("name", ["sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam", "lion"])
    def test_an_ordinary_fit_copies_no_weights(self, name, monkeypatch):
        monkeypatch.setattr("copy.deepcopy", lambda state: pytest.fail("the weights were copied"))
        built([GRU(3), Dense(1)], optimizer=name).fit(X, Y, epochs=2, verbose=0)
        with pytest.raises(pytest.fail.Exception, match="copied"):
            built([GRU(3), Dense(1)], optimizer=Broken()).fit(X, Y, verbose=0)

    def test_large_but_finite_goes_on(self):
        """The square of the norm overflows in float32; the gradient does not, and clipping makes it sane."""
        network = built([Dense(1)], optimizer=SGD(1e-3, clip_global_norm=1.0), loss="mae")
        history = network.fit(X * 1e25, np.zeros((N, T, 1)), epochs=3, verbose=0)
        assert np.isfinite(history["loss"]).all()

    def test_copies_change_no_bit(self, monkeypatch):
        plain, copied = (built([GRU(3), Dense(1)], optimizer=Nadam(0.01)) for _ in range(2))
        plain.fit(X, Y, epochs=3, verbose=0)
        monkeypatch.setattr(guard, "LARGE", 0.0)
        copied.fit(X, Y, epochs=3, verbose=0)
        assert state(plain) == state(copied)
