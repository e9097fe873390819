"""Networks in networks, and layers of one's own: copied, saved, resumed and searched like any other."""

import copy
import pickle
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from alike import for_each
from own import Gain
from saved import state_of

from nnfw import (
    GRU,
    LSTM,
    SGD,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    LambdaCallback,
    LastStep,
    Layer,
    Network,
    NonFiniteError,
    ReduceOnPlateau,
    Reshape,
    ShapeError,
)
from nnfw.gradcheck import check_layer

pytestmark = pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")  # what NumPy says of inf

RNG = np.random.default_rng(31)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 3))


def fitted(network, epochs=2, resume=False):
    network.fit(X, Y, epochs=epochs, batch_size=8, resume=resume, verbose=0)
    return network


class TestCopies:
    COPIES = (copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network)))

    @staticmethod
    def new():
        inner = Network([Dense(4), Dropout(0.4)], seed=1)
        return Network([Dense(8, "tanh"), Dropout(0.5), inner, Dense(3)], seed=0)

    @pytest.mark.parametrize("copied", COPIES)
    def test_of_a_new_network_train_as_it_does(self, copied):
        assert state_of(fitted(copied(self.new()))) == state_of(fitted(self.new()))

    @pytest.mark.parametrize("copied", COPIES)
    @pytest.mark.slow
    def test_are_saved_and_resumed_as_it_is(self, copied, tmp_path):
        network = fitted(copied(self.new()))
        network.save(tmp_path / "network.npz")
        whole = state_of(fitted(self.new(), 4))
        assert state_of(fitted(Network.load(tmp_path / "network.npz"), 4, resume=True)) == whole
        assert state_of(fitted(network, 4, resume=True)) == whole

    @pytest.mark.parametrize("copied", COPIES)
    def test_own_their_layers(self, copied):
        network = copied(Network([Bidirectional(GRU(2)), Network([Dense(3)]), Dense(3)]))
        for taken in (network.layers[2], network.layers[1].layers[0]):
            with pytest.raises(ValueError, match="part of"):
                Network([taken])
        with pytest.raises(ValueError, match="part of"):
            Bidirectional(network.layers[0].ahead)

    @pytest.mark.parametrize(
        "part", [lambda: Network([Dense(2), Dense(3)]), lambda: Dense(3), lambda: GRU(3)]
    )
    def test_share_nothing_by_copy_either(self, part):
        one = part()
        one.compute_shapes((4,) if not isinstance(one, GRU) else (2, 4))
        one.initialize(np.random.default_rng(0))
        other = copy.copy(one)
        for name, p in one.params.items():
            np.testing.assert_array_equal(other.params[name], p)
            assert not np.shares_memory(other.params[name], p)
        holder = Network([one]) if isinstance(one, Layer) else one
        del other
        with pytest.raises(ValueError, match="part of"):
            Network(list(holder.layers))

    @pytest.mark.parametrize("copied", COPIES)
    def test_made_within_a_fit_hand_gradients_on(self, copied):
        made = []
        network = Network([Dense(4, "tanh"), Dense(3)], seed=0)
        network.fit(
            X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=lambda run: made.append(copied(network)))]
        )
        x = X[:5].astype("float32")
        given = []
        for one in (made[0], network):
            one.forward(x, training=True)
            given.append(one.backward(np.ones((5, 3), "float32")))
        assert given[0].shape == (5, 3)
        np.testing.assert_array_equal(*given)

    def test_of_trained_layers_begin_anew_with_their_optimizer(self):
        trained = fitted(Network([Dense(3)], seed=0), epochs=3)
        copies = Network([copy.deepcopy(trained.layers[0])], seed=1)
        fresh = Network([Dense(3)], seed=1)
        fresh.compute_shapes((3,))
        fresh.initialize()
        fresh.layers[0].flat_params[...] = trained.layers[0].flat_params
        np.testing.assert_array_equal(
            fitted(copies).layers[0].flat_params, fitted(fresh).layers[0].flat_params
        )


class TestInnerNetworks:
    @pytest.mark.slow
    def test_that_were_given_no_optimizer_follow_the_outer_one(self, tmp_path):
        def frozen(inner):
            network = Network([inner, Dense(3)], optimizer=SGD(0.0), seed=1)
            before = inner.layers[0].flat_params.copy()
            fitted(network)
            return np.array_equal(inner.layers[0].flat_params, before)

        trained = fitted(Network([Dense(3)], seed=0))
        assert repr(trained.optimizer) == "Adam()"
        reduce = ReduceOnPlateau("loss", patience=1, min_delta=9.0)
        trained.fit(X, Y, epochs=4, callbacks=[reduce], verbose=0)
        assert trained.optimizer.rate(9.0) < 1e-3
        trained.save(tmp_path / "inner")
        assert frozen(copy.deepcopy(trained))
        assert frozen(Network.load(tmp_path / "inner"))
        assert frozen(trained)
        given = fitted(Network([Dense(3)], optimizer="adam", seed=0))
        given.save(tmp_path / "given")
        assert not frozen(Network.load(tmp_path / "given"))
        assert not frozen(given)

    @pytest.mark.parametrize("how", ["frozen", "own optimizer", "frozen within"])
    def test_count_in_the_global_norm_only_if_it_moves_them(self, how):
        inner = Network([Dense(8, "tanh")], optimizer=SGD(0.5) if how == "own optimizer" else None)
        if how == "frozen":
            inner.trainable = False
        if how == "frozen within":
            inner.layers[0].trainable = False
        network = Network([inner, Dense(3)], optimizer=SGD(1.0, clip_global_norm=0.1), seed=0)
        network.compute_shapes((3,))
        network.initialize()
        a = network.forward(X, training=True)
        network.backward(network.loss.gradient(10 * Y, a))
        network.gradients()
        before = network.layers[1].flat_params.copy()
        network.update(network.optimizer, 0.0)
        step = np.linalg.norm(network.layers[1].flat_params - before)
        assert step == pytest.approx(0.1, rel=1e-6)

    def test_that_take_the_steps_away_and_bring_others(self):
        x, lengths = RNG.normal(size=(4, 3, 2)), np.array([1, 3, 2, 3])
        layers = [GRU(6), Reshape((3, 2)), GRU(2), Dense(1)]
        flat = Network(layers, seed=0)
        flat.compute_shapes((3, 2))
        flat.initialize()
        first, second, third, last = copy.deepcopy(layers)
        nested = Network([Network([first, second]), third, last])
        np.testing.assert_array_equal(nested.predict(x, lengths=lengths), flat.predict(x, lengths=lengths))

    def test_of_another_type_are_refused_as_layers_are(self):
        inner = fitted(Network([Dense(3)], dtype="float64", seed=3))
        before = state_of(inner)
        with pytest.raises(ValueError, match=r"Dense\(3\) has weights of float64 in a network of float32"):
            fitted(Network([inner, Dense(3)], seed=1))
        assert state_of(fitted(inner)) != before
        assert inner.layers[0].dtype == np.float64

    def test_stay_as_they_were_if_what_is_around_them_cannot_be_built(self):
        class Failing(Dense):
            def initialize(self, rng, dtype="float32"):
                raise MemoryError

        inner, alone = (Network([Dense(3)], seed=5) for _ in range(2))
        outer = Network([inner, Failing(3)], seed=1)
        with pytest.raises(MemoryError):
            fitted(outer)
        assert state_of(fitted(inner)) == state_of(fitted(alone))

    def test_of_a_class_of_ones_own_hold_others(self):
        class Named(Network):
            pass

        plain, named = (kind([Network([Dense(4)], seed=1), Dense(3)], seed=0) for kind in (Network, Named))
        assert state_of(fitted(named))[0] == state_of(fitted(plain))[0]


class Stack(Gain):
    """An own layer whose argument happens to be called as the layers of a chain are."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers


class Mean(Layer):
    """Pools over time, and knows of no lengths."""

    def compute_shapes(self, input_shape):
        return input_shape[-1:]

    def forward(self, x, training=False):
        self.T = x.shape[1]
        return x.mean(axis=1)

    def backward(self, dy):
        return np.repeat(dy[:, None] / self.T, self.T, axis=1)


class CarefulMean(Mean):
    """Pools over the valid time steps."""

    takes_lengths = True

    def forward(self, x, training=False, lengths=None):
        counts = np.full(len(x), x.shape[1]) if lengths is None else lengths
        self.share = (np.arange(x.shape[1]) < counts[:, None]) / counts[:, None].astype(x.dtype)
        return np.einsum("ntd,nt->nd", x, self.share)

    def backward(self, dy):
        return dy[:, None] * self.share[..., None]


class Affine(Layer):
    """y = s x + b, with a single number s, and b of a shape that is given as its length."""

    def compute_shapes(self, input_shape):
        self.add_parameter("s", (), "ones")
        self.add_parameter("b", input_shape[-1], "zeros")
        return input_shape

    def forward(self, x, training=False):
        if training:
            self.cache = {"x": x}
        return self.params["s"] * x + self.params["b"]

    def backward(self, dy):
        self.cache = {"x": self.cache["x"], "dy": dy}
        return self.params["s"] * dy

    def gradients(self):
        x, dy = self.cache["x"], self.cache["dy"]
        self.grads["s"][...] = (x * dy).sum()
        self.grads["b"][...] = dy.sum(axis=tuple(range(dy.ndim - 1)))


class Halves(Layer):
    """The mean of two steps at a time, of which an odd one at the end is left out."""

    takes_lengths = True

    def compute_shapes(self, input_shape):
        steps, features = input_shape
        return (None if steps is None else steps // 2, features)

    def forward(self, x, training=False, lengths=None):
        self.T = x.shape[1]
        return x[:, : self.T // 2 * 2].reshape(len(x), self.T // 2, 2, -1).mean(axis=2)

    def backward(self, dy):
        dx = np.zeros((len(dy), self.T, dy.shape[2]))
        dx[:, : self.T // 2 * 2] = np.repeat(dy / 2, 2, axis=1)
        return dx


class CountedHalves(Halves):
    def count_steps(self, n):
        return n // 2


class Moments(CarefulMean):
    """The mean over the valid steps, and two multiples of it: three rows a sequence, whatever its steps."""

    def compute_shapes(self, input_shape):
        return (3, input_shape[-1])

    def forward(self, x, training=False, lengths=None):
        return super().forward(x, training, lengths)[:, None] * np.array([[1.0], [2.0], [3.0]], x.dtype)

    def backward(self, dy):
        return super().backward(np.einsum("nkd,k->nd", dy, [1.0, 2.0, 3.0]))


SEQUENCES = [RNG.normal(size=(n, 3)) for n in (2, 8, 5)]


class TestOwnLayers:
    @for_each("around", [lambda layer: layer, lambda layer: Network([layer])])
    @for_each("returned", [None, "3", ["3"]])
    def test_must_return_a_shape(self, around, returned):
        class Forgets(Gain):
            def compute_shapes(self, input_shape):
                super().compute_shapes(input_shape)
                return returned

        network = Network([Dense(3), around(Forgets()), Dense(1)], seed=0)
        with pytest.raises(
            TypeError, match=r"layer \d, Forgets\(\): the result of compute_shapes.*, got .+$"
        ):
            network.fit(X, Y[:, 0], verbose=0)
        assert not network.size

    def test_that_are_equal_may_be_in_one_network(self):
        @dataclass
        class Equal(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                return x

        assert Equal() == Equal()
        assert len(Network([Equal(), Equal()]).layers) == 2

    @pytest.mark.parametrize("around", [lambda layer: layer, lambda layer: Network([layer])])
    def test_that_pool_must_know_of_lengths(self, around):
        network = Network([Dense(4), around(Mean()), Dense(1)], seed=0)
        with pytest.raises(
            ShapeError, match=r"Mean.*would read their padding as values; set takes_lengths = True"
        ):
            network.fit(SEQUENCES, [1.0, 2.0, 3.0], verbose=0)
        equal = np.stack([one[:2] for one in SEQUENCES])
        network.fit(equal, [1.0, 2.0, 3.0], verbose=0)
        network.predict(equal, lengths=[2, 2, 2])
        with pytest.raises(ShapeError, match="Mean"):
            network.predict(equal, lengths=[2, 1, 2])

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("base", [GRU, LSTM, Embedding])
    def test_derived_from_others_declare_parameters_before_theirs_or_after(self, base, first):
        class More(base):
            def compute_shapes(self, input_shape):
                if first:
                    self.add_parameter("own", (3,), "ones")
                shape = super().compute_shapes(input_shape)
                if not first:
                    self.add_parameter("own", (3,), "ones")
                return shape

            def gradients(self):
                super().gradients()
                self.grads["own"][...] = 0

        x = np.abs(X).astype(int) % 5 if base is Embedding else X.reshape(10, 4, 3)
        layers = [(kind(5, 2) if base is Embedding else kind(2)) for kind in (base, More)]
        one, other = (
            Network([layer, *([LastStep()] if base is Embedding else []), Dense(1)], dtype="float64", seed=0)
            for layer in layers
        )
        for network in (one, other):
            network.build(x.shape[1:])
        for name, p in one.layers[0].params.items():
            p[...] = other.layers[0].params[name]
        one.layers[-1].params["W"][...] = other.layers[-1].params["W"]
        for network in (one, other):
            network.fit(x, Y[: len(x), 0], epochs=2, shuffle=False, verbose=0)
        np.testing.assert_array_equal(one.predict(x), other.predict(x))

    def test_may_have_single_numbers_as_parameters(self, tmp_path):
        check_layer(Affine())
        network = Network([Dense(3), Affine(), Dense(1)], dtype="float64", seed=0)
        network.fit(X, Y[:, 0], epochs=2, verbose=0)
        assert network.params["affine_2.s"].shape == ()
        assert network.params["affine_2.b"].shape == (3,)
        network.save(tmp_path / "network")
        loaded = Network.load(tmp_path / "network", custom={"Affine": Affine})
        for one in (network, loaded):
            one.fit(X, Y[:, 0], epochs=2, verbose=0)
        np.testing.assert_array_equal(loaded.flat_params, network.flat_params)
        network.params["affine_2.s"][...] = 7.0
        assert network.layers[1].params["s"] == 7.0
        assert (network.flat_params == 7.0).sum() == 1

    @pytest.mark.parametrize("around", [lambda layer: layer, lambda layer: Network([layer])])
    @pytest.mark.parametrize("layer", [CountedHalves, Moments])
    @pytest.mark.parametrize("longest", [3, 8])  # Moments gives as many rows as the first has steps
    def test_of_other_steps_than_those_that_they_read(self, around, layer, longest):
        sequences = [RNG.normal(size=(n, 3)) for n in (2, longest, 3)]
        network = Network([around(layer()), GRU(4), Dense(1)], seed=0, dtype="float64")
        network.fit(sequences, [1.0, 2.0, 3.0], epochs=2, verbose=0)
        together = network.predict(sequences)
        for one, a in zip(sequences, together, strict=True):
            np.testing.assert_allclose(network.predict(one[None])[0], a, rtol=1e-12)

    def test_must_say_how_many_steps_they_give(self):
        network = Network([Dense(3), Halves(), GRU(4), Dense(1)], seed=0)
        with pytest.raises(
            ShapeError, match=r"layer 2, Halves\(\): its outputs have other time steps .* count_steps"
        ):
            network.fit(SEQUENCES, [1.0, 2.0, 3.0], verbose=0)
        equal = np.stack([one[:2] for one in SEQUENCES])
        network.fit(equal, [1.0, 2.0, 3.0], verbose=0)

    def test_may_leave_open_how_many_steps_they_give(self):
        class Open(Halves):
            def compute_shapes(self, input_shape):
                return (None, input_shape[1])

        network = Network([Open(), Dense(2)], seed=0)
        network.build((8, 3))
        assert network.predict(SEQUENCES[1][None]).shape == (1, 4, 2)

    def test_draw_what_the_seed_says_in_a_resumed_fit_too(self, tmp_path):
        class Mask(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                if training:
                    self.cache = {"m": self.random().integers(0, 2, x.shape).astype(x.dtype)}
                return x * self.cache["m"] if training else x

            def backward(self, dy):
                return dy * self.cache["m"]

        check_layer(Mask(), training_differs=True)
        one, other = (Network([Mask(), Dense(1)], seed=0) for _ in range(2))
        one.fit(X, Y[:, 0], epochs=4, verbose=0)
        other.fit(X, Y[:, 0], epochs=2, verbose=0)
        other.save(tmp_path / "network")
        loaded = Network.load(tmp_path / "network", custom={"Mask": Mask})
        loaded.fit(X, Y[:, 0], epochs=2, verbose=0)
        np.testing.assert_array_equal(loaded.flat_params, one.flat_params)

    def test_that_pool_with_lengths_count_each_sequence_as_alone(self):
        network = Network([Dense(4, "tanh"), CarefulMean(), Dense(1)], seed=0, dtype="float64")
        network.fit(SEQUENCES, [1.0, 2.0, 3.0], epochs=3, verbose=0)
        together = network.predict(SEQUENCES)
        for one, a in zip(SEQUENCES, together, strict=True):
            np.testing.assert_allclose(network.predict(one[None])[0], a, rtol=1e-12)

    @pytest.mark.parametrize("layers", [2, (64, 64), [Dense(2)]])
    def test_may_keep_anything_called_layers(self, layers):
        network = fitted(Network([Stack(layers), Dense(3)], seed=0))
        network.params["stack_1.g"][1] = np.inf
        with pytest.raises(NonFiniteError, match="parameter g of layer 1"):
            network.predict(X)

    @pytest.mark.parametrize("layers", [2, [Dense(2)]])
    def test_that_spoil_their_own_update_are_put_back(self, layers):
        class Spoiling(Stack):
            def update(self, optimizer, epoch):
                self.params["g"][...] = np.nan

        network = Network([Spoiling(layers), Dense(3)], seed=0, optimizer=SGD(0.01))
        with pytest.raises(NonFiniteError, match=r"after the update, parameter g of layer 1, Spoiling\(\)"):
            fitted(network)
        assert np.array_equal(network.params["spoiling_1.g"], np.ones(3))

    @for_each("kept", [None, (1, 2), {"l": [[1.0], [1.0, 2.0]]}, {"s": "text"}])
    def test_that_keep_anything_hide_no_error(self, kept):
        class Odd(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                self.cache = kept
                return x

            def backward(self, dy):
                return dy

        network = fitted(Network([Odd(), Dense(3)], seed=0))
        network.params["dense_2.W"][...] = np.nan
        for use in (fitted, lambda one: one.predict(X)):
            with pytest.raises(NonFiniteError):
                use(network)

    def test_that_cannot_be_copied_hide_no_error(self):
        class Locked(Dense):
            def __init__(self, units):
                super().__init__(units)
                self.lock = threading.Lock()

        network = fitted(Network([Locked(3)], seed=0))
        network.layers[0].params["W"][...] = np.nan
        with pytest.raises(NonFiniteError, match="an output is not finite"):
            network.predict(X)
        with pytest.raises(NonFiniteError, match="the loss is nan"):
            fitted(network)


class TestSearch:
    X, LENGTHS = RNG.normal(size=(6, 9, 3)), np.array([9, 2, 3, 5, 7, 9])

    def test_goes_on_where_the_time_steps_are_gone(self):
        network = Network([GRU(8), Reshape((4, 2)), GRU(5), Dense(1)], seed=0)
        settings = {"lengths": self.LENGTHS, "verbose": 0}
        network.fit(self.X, Y[:6, 0], **settings)
        network.params["dense_4.W"][...] = np.inf
        for use in (
            lambda: network.predict(self.X, lengths=self.LENGTHS),
            lambda: network.fit(self.X, Y[:6, 0], **settings),
        ):
            with pytest.raises(NonFiniteError, match=r"parameter W of layer 4, Dense\(1\) holds inf"):
                use()

    def test_blames_no_padding(self):
        class Inverse(Layer):
            def compute_shapes(self, input_shape):
                return input_shape

            def forward(self, x, training=False):
                with np.errstate(divide="ignore"):
                    return 1 / x

            def backward(self, dy):
                return dy

        network = Network([Inverse(), GRU(3), Dense(1)], seed=0)
        network.fit(self.X, Y[:6, 0], lengths=self.LENGTHS, verbose=0)
        network.params["dense_3.W"][...] = np.nan
        with pytest.raises(NonFiniteError, match=r"parameter W of layer 3, Dense\(1\) holds nan"):
            network.predict(self.X, lengths=self.LENGTHS)


@pytest.mark.parametrize("steps", [4, 9])
def test_lengths_do_not_fit_time_steps_that_outputs_have_of_their_own(steps):
    x, lengths = RNG.normal(size=(6, 9, 3)), np.array([9, 2, 3, 5, 7, 9])
    layers = [GRU(2 * steps), Reshape((steps, 2)), GRU(5, return_sequences=True), Dense(1)]
    y = RNG.normal(size=(6, steps, 1))
    for network in (Network(layers, seed=0), Network([Network(copy.deepcopy(layers)), Dense(1)], seed=0)):
        with pytest.raises(ShapeError, match=r"lengths count the 9 time steps of x, but layer 1, GRU\(.*"):
            network.fit(x, y, lengths=lengths, verbose=0)
        network.fit(x, y, verbose=0)


def test_inference_between_the_passes_of_a_step_leaves_its_padding_alone():
    x, lengths = RNG.normal(size=(2, 4, 3)), np.array([4, 2])
    network = Network([Dense(3), Dense(2)], seed=0, dtype="float64")
    network.compute_shapes((None, 3))
    network.initialize()
    dy = network.forward(x, training=True, lengths=lengths)
    dy[1, 2:] = np.nan  # must never be read
    network.forward(x)
    dx = network.backward(dy)
    network.gradients()
    assert np.isfinite(network.flat_grads).all()
    np.testing.assert_array_equal(dx[1, 2:], 0)
