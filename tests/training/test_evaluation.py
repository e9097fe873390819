"""No NaN and no infinity is returned: predict, evaluate, validation and streams say where it arose."""

import numpy as np
import pytest
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
    LambdaCallback,
    Layer,
    Network,
    NonFiniteError,
)
from nnfw.generation import generate
from nnfw.regularizers import Regularizer

N, T, D = 20, 9, 2
SAMPLE, STEP = 17, 5  # where what is not finite begins
RNG = np.random.default_rng(23)
X = RNG.normal(size=(N, T, D)).astype("float32")
Y = RNG.normal(size=(N, 1)).astype("float32")
PLACE = f"at time step {STEP}"


def built(layers, **options):
    return untrained(Network(layers, seed=3, **options), T, D)


FLAT = X * np.array([1, 0], "float32")


def spiked(n=SAMPLE, t=STEP):
    """Inputs that are finite, with one so large that its product with a weight of 1e30 is not."""
    x = FLAT.copy()
    x[n, t, 1] = 1e30
    return x


def spiky(layer, **options):
    """A network whose first layer overflows in its third unit at such a spike, and nowhere else."""
    network = built([layer, Dense(2)], **options)
    for name, p in network.layers[0].params.items():
        if name.endswith("Wx_c"):
            p[1] = [0, 0, 1e30]
    assert np.isfinite(network.predict(FLAT)).all()
    return network


def mapped(path, x):
    x.tofile(path)
    return np.memmap(path, x.dtype, "r+", shape=x.shape)


def refused(ask, *args, **options):
    """Ask for an answer, and return what is said of why there is none."""
    with pytest.raises(NonFiniteError) as raised:
        ask(*args, **options)
    message = str(raised.value)
    assert len(message) < 500
    return message


class Spoil(Layer):
    """Spoils one number of what it answers, and nothing in training."""

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        y = x.copy()
        if not training:
            y[-1, 1] = -np.inf
        return y

    def backward(self, dy):
        return dy


class Scale(Layer):
    """Has no parameter, and overflows."""

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return x * np.float32(100)

    def backward(self, dy):
        return dy * np.float32(100)


class TestPredict:
    @pytest.mark.parametrize("backwards", [False, True])
    @pytest.mark.parametrize("sequences", [False, True])
    def test_gate_and_time_step(self, backwards, sequences):
        network = spiky(GRU(3, "relu", go_backwards=backwards, return_sequences=sequences))
        message = refused(network.predict, spiked(), batch_size=6)
        assert message.startswith(f"predict, batch 3: c of layer 1, GRU(3) holds inf {PLACE}; likely causes")
        assert "not scaled like the training data (their largest is 1e+30)" in message
        assert "weights that have grown too large" in message

    def test_within_both_directions(self):
        message = refused(spiky(Bidirectional(GRU(3, "relu"))).predict, spiked())
        assert f"c of GRU(3) in layer 1, Bidirectional(GRU(3)) holds inf {PLACE}" in message

    def test_within_a_network_in_a_network(self):
        network = built([Network([GRU(3, "relu")]), Dense(1)])
        network.layers[0].layers[0].params["Wx_c"][1, 2] = 1e30
        assert "predict, batch 1: c of layer 1, GRU(3) holds" in refused(network.predict, spiked())

    @pytest.mark.parametrize("options", [{"dropout": 0.99}, {"recurrent_dropout": 0.99}])
    def test_the_noise_of_training_does_not_hide_it(self, options):
        message = refused(spiky(GRU(3, "relu", return_sequences=True, **options)).predict, spiked())
        assert "of layer 1, GRU(3) holds " in message
        assert PLACE in message

    def test_the_noise_of_training_adds_none(self):
        """Scaled as dropout scales what it keeps, other samples would overflow before it."""
        x = FLAT.copy()
        x[:, -1, 1] = 2e8
        x[SAMPLE, -1, 1] = 1e30
        message = refused(spiky(GRU(3, "relu", dropout=0.5)).predict, x)
        assert "the output of layer 1, GRU(3) holds nan;" in message

    def test_a_layer_that_spoils_its_answers_only(self):
        message = refused(built([GRU(3), Spoil(), Dense(1)]).predict, X, batch_size=8)
        assert message.startswith("predict, batch 1: the output of layer 2, Spoil() holds -inf;")

    def test_weights_assigned_by_hand(self):
        network = built([GRU(3), Dense(1)])
        network.params["gru_1.Wh_r"][2, 1] = np.nan
        message = refused(network.predict, X)
        assert message.startswith("predict, batch 1: parameter Wh_r of layer 1, GRU(3) holds nan;")

    def test_a_memory_map(self, tmp_path):
        x = X.copy()
        x[SAMPLE, STEP, 1] = np.nan
        message = refused(built([GRU(3), Dense(1)]).predict, mapped(tmp_path / "x", x), batch_size=4)
        assert message == f"predict, batch 5: the input x holds nan {PLACE}; fill, scale or drop such samples"

    def test_a_memory_map_of_single_rows(self, tmp_path):
        x = X[:, 0].copy()
        x[SAMPLE, 1] = -np.inf
        network = untrained(Network([Dense(3), Dense(1)], seed=0), D)
        message = refused(network.predict, mapped(tmp_path / "x", x), batch_size=4)
        assert message.startswith("predict, batch 5: the input x holds -inf; fill")

    def test_classes(self):
        network = built([GRU(3), Dense(3, "softmax")], loss="cce")
        network.params["dense_2.b"][1] = np.inf
        assert "parameter b of layer 2, Dense(3" in refused(network.predict_classes, X)

    def test_what_stands_in_the_padding_is_not_read(self):
        lengths = RNG.integers(1, T + 1, N)
        lengths[SAMPLE] = STEP
        network = spiky(GRU(3, "relu", return_sequences=True))
        x = np.where(np.arange(T)[:, None] < lengths[:, None, None], FLAT, np.nan)
        assert np.isfinite(network.predict(x, lengths=lengths)).all()
        x[SAMPLE, STEP - 1, 1] = 1e30
        message = refused(network.predict, x, lengths=lengths)
        assert f"c of layer 1, GRU(3) holds inf at time step {STEP - 1}" in message

    def test_large_but_finite_is_an_answer(self):
        """The norm of these outputs overflows, and no warning is given."""
        network = built([Dense(3)])
        a = network.predict(1e25 * X)
        assert np.isfinite(a).all()
        assert np.abs(a).max() > 1e24

    def test_leaves_the_network_as_it_was(self):
        failed, spared = (spiky(GRU(3, "relu", recurrent_dropout=0.5)) for _ in range(2))
        refused(failed.predict, spiked())
        for network in (failed, spared):
            network.fit(FLAT, np.tile(Y, 2), epochs=2, verbose=0)
        assert failed.predict(FLAT).tobytes() == spared.predict(FLAT).tobytes()


def toll(value):
    class Toll(Regularizer):
        def penalty(self, p):
            return value

    return Toll()


class TestWithoutWeights:
    def test_the_input_may_be_at_fault(self):
        """A network without a parameter has none that are too large."""
        x = X.copy()
        x[SAMPLE, STEP, 0] = 1e38
        network = built([Scale()])
        message = refused(network.predict, x)
        assert f"the output of layer 1, Scale() holds inf {PLACE};" in message


class TestEvaluate:
    def test_gate_and_time_step(self):
        message = refused(spiky(GRU(3, "relu")).evaluate, spiked(), np.tile(Y, 2), batch_size=6)
        assert message.startswith(f"evaluate, batch 3: c of layer 1, GRU(3) holds inf {PLACE}; likely")

    def test_given_batches_count_by_themselves(self):
        """Of batches that the caller makes, the place is that within the batch."""
        x, y = spiked(), np.tile(Y, 2)
        batches = [(x[n : n + 5], y[n : n + 5]) for n in range(0, N, 5)]
        message = refused(spiky(GRU(3, "relu")).evaluate, batches)
        assert message.startswith("evaluate, batch 4: c of layer 1, GRU(3) holds inf at time step 5;")

    def test_the_loss_of_a_sample(self):
        network = built([GRU(3), Dense(1)])
        y = Y.copy()
        y[SAMPLE] = 1e30
        message = refused(network.evaluate, X, y, batch_size=6)
        assert message.startswith("evaluate, batch 3: the loss is inf; likely causes")

    def test_the_loss_of_a_joint_form(self):
        """A score of infinity is a probability of 1, and the loss still knows."""
        network = untrained(Network([Dense(3, "relu"), Dense(1, "sigmoid")], loss="bce", seed=1), D)
        network.params["dense_2.W"][...] = 1e30
        x = np.abs(X[:, 0])
        network.params["dense_1.W"][...] = 0.1
        x[SAMPLE] *= 1e30
        with np.errstate(over="ignore"):
            assert network.predict(x)[SAMPLE] == 1.0
        assert "batch 1: the loss is inf" in refused(network.evaluate, x, Y > 9)

    def test_penalties(self):
        network = built([Dense(1, regularizer=toll(np.inf)), GRU(1)])
        assert refused(network.evaluate, X, Y).startswith(
            "evaluate, batch 1: the penalty of the regularizers is inf;"
        )

    def test_outputs_that_the_loss_would_swallow(self):
        """Hinge has no loss at an output of infinity on the right side."""
        network = built([GRU(3), Dense(1)], loss="hinge")
        network.params["dense_2.b"][0] = np.inf
        assert "parameter b of layer 2, Dense(1) holds inf" in refused(network.evaluate, X, np.ones((N, 1)))

    def test_a_metric_of_ones_own_is_its_own_affair(self):
        def odd(y, a):
            return float("nan")

        assert np.isnan(built([GRU(3), Dense(1)], metrics=[odd]).evaluate(X, Y)["odd"])


class TestValidation:
    @pytest.mark.slow
    def test_stops_the_fit_and_leaves_the_last_good_weights(self, tmp_path):
        x = mapped(tmp_path / "x", X.copy())

        def spoil(run):
            if run.epoch == 3:
                x[SAMPLE, STEP, 1] = np.nan

        def network():
            return Network([GRU(3, dropout=0.2), Dropout(0.3), Dense(1)], optimizer=Adam(0.01), seed=3)

        after = []
        note = LambdaCallback(
            on_epoch_start=spoil, on_batch_end=lambda run: after.append(weights(run.network))
        )
        failed, spared = network(), network()
        options = {"epochs": 5, "batch_size": 6, "verbose": 0}
        message = refused(failed.fit, X, Y, validation_data=(x, Y), callbacks=[note], **options)
        assert message.startswith(f"epoch 3, validation, batch 3: the input x holds nan {PLACE}; fill")
        assert failed.history.epoch == [1, 2]
        assert np.isfinite(failed.history["val_loss"]).all()
        assert len(after) == 3 * 4
        assert weights(failed) == after[-1]
        assert not failed._fitting
        # With mended data it goes on as if nothing had happened.
        failed.fit(X, Y, validation_data=(X, Y), resume=True, **options)
        spared.fit(X, Y, validation_data=(X, Y), **options)
        assert weights(failed) == weights(spared)
        assert dict(failed.history) == dict(spared.history)

    def test_a_share_that_is_held_out(self):
        network = spiky(GRU(3, "relu"), optimizer=SGD(0.0))
        for split in ("random", "tail"):
            trained = held_in(network, FLAT, split)
            n = next(n for n in range(N) if n not in trained)
            options = {"validation_split": 0.3, "split": split, "verbose": 0}
            message = refused(network.fit, spiked(n), np.tile(Y, 2), **options)
            assert "validation, batch 1: c of layer 1, GRU(3) holds inf at time step 5;" in message

    def test_a_loss_that_overflows(self):
        network = built([GRU(3), Dense(1)])
        y = Y.copy()
        y[4] = -1e30
        message = refused(network.fit, X, Y, validation_data=(X, y), verbose=0)
        assert message.startswith("epoch 1, validation, batch 1: the loss is inf; likely")
        assert network.history.epoch == []


def held_in(network, x, split):
    """The samples that are trained on: those that a callback sees in the batches of an epoch."""
    seen = []
    first = network.layers[0]
    forward = first.forward

    def noted(x, training=False, **options):
        if training:
            seen.extend(x[:, 0, 0].tolist())
        return forward(x, training, **options)

    first.forward = noted
    try:
        network.fit(x, np.tile(Y, 2), validation_split=0.3, split=split, verbose=0)
    finally:
        del first.forward
    return [int(np.flatnonzero(x[:, 0, 0] == value)[0]) for value in seen]


def weights(network):
    return [leaf.flat_params.tobytes() for leaf in network._leaves()]


class TestTraining:
    """A value of a memory map is read in its batch only."""

    @pytest.mark.parametrize(
        "options",
        [{}, {"shuffle": False}, {"batch_size": 3}, {"lengths": np.arange(N) % 3 + 7, "bucket": True}],
        ids=str,
    )
    def test_of_a_shuffled_epoch(self, tmp_path, options):
        x = X.copy()
        x[SAMPLE, STEP, 1] = np.nan
        network = built([GRU(3), Dense(1)])
        options = {"batch_size": 4, "verbose": 0} | options
        message = refused(network.fit, mapped(tmp_path / "x", x), Y, **options)
        assert f": the input x holds nan {PLACE}. The weights are as before" in message

    def test_of_a_shuffled_epoch_beyond_the_input(self):
        network = spiky(GRU(3, "relu"))
        message = refused(network.fit, spiked(), np.tile(Y, 2), batch_size=3, verbose=0)
        assert f"c of layer 1, GRU(3) holds inf {PLACE}." in message

    @pytest.mark.parametrize("lengths", [None, np.full(N, T) - np.arange(N) % 3])
    def test_of_a_window(self, tmp_path, lengths):
        x, y = X.copy(), RNG.normal(size=(N, T, 1))
        x[SAMPLE, STEP, 0] = np.inf
        network = built([GRU(3, return_sequences=True), Dense(1)])
        options = {"truncate": 2, "batch_size": 6, "lengths": lengths, "verbose": 0}
        message = refused(network.fit, mapped(tmp_path / "x", x), y, **options)
        assert ": the input x holds inf at time step 1 of the window starting at step 4. The" in message

    @pytest.mark.parametrize("inner", [False, True])
    def test_of_the_state_that_a_window_begins_with(self, inner):
        """Only the state that is carried on makes it overflow: from 0 each window would be finite."""
        layers = [RNN(2, "linear", return_sequences=True), GRU(3, return_sequences=True)]
        network = built([Network(layers) if inner else layers[0], *([] if inner else layers[1:]), Dense(1)])
        network.optimizer = SGD(0.0)
        layers[0].params["Wh"][...] = np.eye(2) * 1e7
        layers[0].params["Wx"][...] = np.eye(2)
        x = np.zeros((N, T, D), "float32")
        x[SAMPLE, 0, 1] = 1.0  # and 1e7 a step later, until 1e42 after six
        options = {"truncate": 2, "batch_size": 6, "verbose": 0}
        message = refused(network.fit, x, np.zeros((N, T, 1)), **options)
        assert "h of layer 1, RNN(2) holds inf at time step 0 of the window starting at step 6" in message

    def test_of_batches_that_are_memory_maps(self, tmp_path):
        x = X.copy()
        x[SAMPLE, STEP, 1] = np.nan
        whole = mapped(tmp_path / "x", x)
        batches = [(whole[n : n + 5], Y[n : n + 5]) for n in range(0, N, 5)]
        message = refused(built([GRU(3), Dense(1)]).fit, batches, verbose=0)
        assert message.startswith("epoch 1, batch 4: the input x holds nan at time step 5.")


class TestStream:
    def test_weights_assigned_by_hand(self):
        network = built([GRU(3, return_sequences=True), Dense(2)])
        network.params["dense_2.W"][1, 0] = np.nan
        stream = network.stream()
        assert refused(stream.step, X[0, 0]).startswith("step: the output holds nan")
        network.params["dense_2.W"][1, 0] = 0.5
        stream.reset()
        np.testing.assert_allclose(stream.step(X[0, 0]), network.predict(X[:1])[0, 0], rtol=1e-5)

    @pytest.mark.parametrize("samples", [None, 3])
    def test_a_state_that_overflows(self, samples):
        network = built([RNN(2, "linear", return_sequences=True), Dense(2)])
        network.params["rnn_1.Wh"][...] = np.eye(2) * 1e15
        stream = network.stream(samples)
        x = X[:3, 0] if samples else X[0, 0]
        for _ in range(2):
            assert np.isfinite(stream.step(x)).all()
        message = refused(lambda: [stream.step(x) for _ in range(3)])
        assert message.startswith("step: the output holds ")
        assert "reset() begins a new sequence" in message
        stream.reset()
        assert np.isfinite(stream.step(x)).all()

    def test_an_output_that_overflows(self):
        network = built([GRU(3, return_sequences=True), Dense(1), Dense(2)])
        network.params["dense_2.W"][...] = 1e30
        network.params["dense_3.W"][...] = 1e30
        assert "step: the output holds" in refused(network.stream().step, X[0, 0])

    def test_large_but_finite_is_an_answer(self):
        network = built([RNN(3, return_sequences=True), Dense(2)])
        network.params["dense_2.W"][...] *= 1e30
        assert np.abs(network.stream().step(X[0, 0])).max() > 1e25

    def test_generation(self):
        network = Network(
            [Embedding(5, 4), GRU(8, return_sequences=True), Dense(5, "softmax")], loss="cce", seed=0
        )
        untrained(network, None)
        network.params["gru_2.Wx_z"][0, 0] = np.nan
        assert "step: the output holds nan" in refused(generate, network, [1, 2], 3)


class TestSaturation:
    """A unit that makes 1 of an infinity hides it; what a file holds has passed no input validation."""

    def test_does_not_hide_an_infinity_in_a_file(self, tmp_path):
        network, x = built([GRU(3), Dense(1)]), X.copy()
        x[5, 1, 0] = np.inf
        network.layers[0].flat_params[...] = 1.0
        with np.errstate(invalid="ignore"):
            assert np.isfinite(network.forward(x)).all()
        for name, verb in {
            "predict": network.predict,
            "evaluate": lambda x, **o: network.evaluate(x, Y, **o),
        }.items():
            message = refused(verb, mapped(tmp_path / "x", x), batch_size=4)
            assert message.startswith(f"{name}")
            assert "the input x holds inf at time step 1" in message

    def test_leaves_what_lies_beyond_the_ends(self, tmp_path):
        network, x = built([GRU(3), Dense(1)]), X.copy()
        lengths = np.full(len(x), 2)
        x[:, 2:] = np.inf
        a = network.predict(mapped(tmp_path / "x", x), lengths=lengths, batch_size=4)
        np.testing.assert_array_equal(a, network.predict(X[:, :2], batch_size=4))
