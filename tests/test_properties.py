"""What holds for every network: properties of random stacks of layers, on random data.

Hypothesis draws architectures, settings and sizes, small enough to be looked at when one fails; weights and
data follow from a seed that it draws too. The draws are the same at each run.
"""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from saved import bits, state_of

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    LayerNorm,
    MaxPooling,
    MeanPooling,
    Network,
    optimizers,
)
from nnfw.gradcheck import check_network
from nnfw.training import adapters

pytestmark = pytest.mark.slow

V = 5  # symbols of an Embedding
SMOOTH = ["tanh", "sigmoid", "gelu_tanh"]  # softsign is not: its second derivative jumps at 0
OPTIMIZERS = ["sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam", "lion"]


def tried_on(*strategies, examples, **named):
    """Decorate a test to be tried on so many draws."""
    return lambda test: settings(max_examples=examples)(given(*strategies, **named)(test))


# ---- random stacks --------------------------------------------------------------------------------------

units = st.integers(1, 4)
smooth = st.sampled_from(SMOOTH)
yes_or_no = st.booleans()


@st.composite
def recurrent(draw, return_sequences, causal=False):
    options = {
        "return_sequences": return_sequences,
        "go_backwards": not causal and draw(yes_or_no),
        "use_bias": draw(yes_or_no),
    }
    kind = draw(st.sampled_from([RNN, GRU, LSTM]))
    if kind is RNN:
        return RNN(draw(units), draw(smooth), **options)
    if kind is GRU:
        return GRU(draw(units), draw(smooth), draw(smooth), reset_after=draw(yes_or_no), **options)
    sigmas = draw(st.just("sigmoid") | st.dictionaries(st.sampled_from("ifo"), smooth))
    return LSTM(draw(units), draw(smooth), sigmas, **options)


@st.composite
def bidirectional(draw, return_sequences):
    return Bidirectional(
        draw(recurrent(return_sequences)), draw(st.sampled_from(["concat", "sum", "mul", "ave"]))
    )


def step_by_step():
    """Layers that treat each sample, and each step, by itself."""
    return st.one_of(
        st.builds(Dense, units, smooth, use_bias=yes_or_no),
        st.builds(LayerNorm, epsilon=st.just(0.1)),
        st.builds(Dropout, st.just(0.0), same_at_each_step=st.just(False)),
        st.builds(GaussianNoise, st.just(0.0)),
    )


def of_sequences(causal):
    """Layers from sequences to sequences."""
    kinds = [recurrent(True, causal), step_by_step()]
    return st.one_of(*kinds) if causal else st.one_of(*kinds, bidirectional(True))


def to_vectors(causal, ragged):
    """Layers from sequences to a vector each."""
    kinds = [recurrent(False, causal), st.builds(LastStep)]
    if not causal:
        kinds += [bidirectional(False), st.builds(MeanPooling), st.builds(MaxPooling)]
    if not causal and not ragged:
        kinds.append(st.builds(Flatten))
    return st.one_of(*kinds)


@dataclass
class Case:
    """A network that is built, and data for it; what stands in the padding must never be read."""

    network: Network
    x: np.ndarray
    y: np.ndarray
    lengths: np.ndarray | None
    rng: np.random.Generator

    def __repr__(self):
        return f"Case({self.network!r}, x {self.x.shape}, lengths {self.lengths})"

    def step(self, rows=slice(None), network=None):
        """Return outputs, gradients by name, and what the loss is the mean over, of some samples."""
        network = network or self.network
        lengths = None if self.lengths is None else self.lengths[rows]
        batch = adapters.as_data(network, self.x[rows], self.y[rows], lengths).batch()
        a = network.forward(batch.x, training=True, lengths=batch.lengths)
        dx = network.backward(network.loss.gradient(batch.y, a, batch.weight))
        network.gradients()
        gradients = copies(network.grads) | {"x": self.padded(dx)}
        return self.padded(a) if self.of_steps else np.array(a), gradients, batch.valid

    def padded(self, a):
        """Return an array of a batch, which ends where its longest sequence does, as (N, T, ...)."""
        return np.pad(a, [(0, self.x.shape[1] - n if axis == 1 else 0) for axis, n in enumerate(a.shape)])

    def alone(self, n):
        """Return the case of one sample, without padding."""
        end = None if self.lengths is None else self.lengths[n]
        y = self.y[n : n + 1, :end] if self.of_steps else self.y[n : n + 1]
        return Case(self.network, self.x[n : n + 1, :end], y, None, self.rng)

    @property
    def of_steps(self):
        return len(self.network.shapes[-1]) == 2

    def fit(self, network, epochs=2):
        return network.fit(self.x, self.y, lengths=self.lengths, epochs=epochs, batch_size=2, verbose=0)


@st.composite
def cases(draw, dtype="float64", causal=False, ragged=None):
    """Return a random stack, built, with random weights and data."""
    ragged = draw(yes_or_no) if ragged is None else ragged
    N, T, D = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(units)
    symbols, vector = draw(yes_or_no), draw(yes_or_no)
    layers = [Embedding(V, draw(units))] if symbols else []
    layers += draw(st.lists(of_sequences(causal), max_size=3))
    if vector:
        layers += [draw(to_vectors(causal, ragged)), *draw(st.lists(step_by_step(), max_size=1))]
    if len(layers) > 1 and draw(yes_or_no):
        layers = [Network(layers)]
    loss, last = draw(st.sampled_from([("mse", "linear"), ("cce", "softmax"), ("bce", "sigmoid")]))
    K = draw(units)
    layers.append(Dense(K + (last == "softmax"), last))
    seed = draw(st.integers(0, 2**32 - 1))
    network = Network(layers, loss=loss, optimizer=SGD(0.1, momentum=0.5), seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, V, (N, T)) if symbols else rng.normal(size=(N, T, D))
    lengths = rng.integers(1, T + 1, N) if ragged else None
    return Case(network, x, targets(network, x, rng), lengths, rng)


def targets(network, x, rng):
    """Build the network with random weights, and return random targets."""
    shape = network.compute_shapes(x.shape[1:])
    network.initialize()
    for p in network.params.values():
        p[...] = rng.normal(size=p.shape) * 0.7
    if network.loss.takes_classes:
        return rng.integers(0, shape[-1], (len(x), *shape[:-1]))
    y = rng.normal(size=(len(x), *shape))
    return y if network.loss.fused_with is None else (y > 0).astype(float)


def copies(arrays):
    return {name: np.array(array) for name, array in arrays.items()}


def assert_near(found, expected, tolerance=1e-12):
    """Assert that arrays of these names agree, as far as their largest number allows."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        scale = 1 + np.abs(array).max(initial=0)
        assert_allclose(found[name], array, rtol=0, atol=tolerance * scale, err_msg=name)


def weighed(parts):
    """Return the mean of the gradients of parts, given with what the loss of each was the mean over."""
    total = sum(count for _, count in parts)
    return {
        name: sum(gradients[name] * (count / total) for gradients, count in parts) for name in parts[0][0]
    }


def of_parameters(gradients):
    return {name: gradient for name, gradient in gradients.items() if name != "x"}


# ---- shapes and gradients -------------------------------------------------------------------------------


@tried_on(cases(), examples=50)
def test_shapes_are_those_that_compute_shapes_says(case):
    network, (N, T) = case.network, case.x.shape[:2]
    for training in (False, True):
        y = network.forward(case.x, training, case.lengths)
        assert y.shape == (N, *network.compute_shapes(case.x.shape[1:]))
        assert y.dtype == network.dtype
    a, gradients, valid = case.step()
    assert gradients.pop("x").shape == case.x.shape
    assert {name: g.shape for name, g in gradients.items()} == {
        name: p.shape for name, p in network.params.items()
    }
    steps = N * T if case.lengths is None else case.lengths.sum()
    assert valid == (steps if case.of_steps else N)
    assert np.isfinite(a).all()


@tried_on(cases(), examples=40)
def test_gradients_are_those_of_differences(case):
    """Along a random direction of each parameter; the error of the four points is of fourth order."""
    network, (_, gradients, _) = case.network, case.step()
    data = adapters.as_data(network, case.x, case.y, case.lengths).batch()

    def loss():
        return network.loss(data.y, network.forward(data.x, training=True, lengths=data.lengths), data.weight)

    for name, p in network.params.items():
        direction, start, h = case.rng.normal(size=p.shape), p.copy(), 1e-3
        at = {}
        for k in (-2, -1, 1, 2):
            p[...] = start + k * h * direction
            at[k] = loss()
        p[...] = start
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * h)
        found = np.sum(gradients[name] * direction)
        assert found == pytest.approx(slope, rel=1e-6, abs=1e-8), name


@tried_on(cases(), examples=5)
def test_the_public_check_agrees(case):
    assert check_network(case.network, case.x, case.y, lengths=case.lengths).worst < 1e-6


# ---- samples among others -------------------------------------------------------------------------------


def with_rubbish(case):
    """Return the case with nan in the padding of x, or symbols that occur nowhere else."""
    x = case.x.copy()
    padding = np.arange(x.shape[1]) >= case.lengths[:, None]
    x[padding] = V - 1 if x.ndim == 2 else np.nan
    return Case(case.network, x, case.y, case.lengths, case.rng)


@tried_on(cases(ragged=True), examples=100)
def test_a_ragged_batch_is_its_sequences_alone(case):
    a, gradients, _ = with_rubbish(case).step()
    parts = []
    for n, end in enumerate(case.lengths):
        a_alone, alone, valid = case.alone(n).step()
        parts.append((of_parameters(alone), valid))
        if case.of_steps:
            assert not a[n, end:].any()
        assert_allclose(a[n : n + 1, :end] if case.of_steps else a[n : n + 1], a_alone, rtol=0, atol=1e-12)
    assert_near(of_parameters(gradients), weighed(parts))


@tried_on(cases(), examples=35)
def test_the_order_of_samples_does_not_matter(case):
    order = case.rng.permutation(len(case.x))
    a, gradients, _ = case.step()
    a_mixed, mixed, _ = case.step(order)
    assert_near(mixed | {"y": a_mixed}, gradients | {"y": a[order], "x": gradients["x"][order]})


@tried_on(cases(), st.integers(0, 4), examples=35)
def test_gradients_of_two_parts_add_up_as_the_mean_says(case, first):
    cut = min(first, len(case.x) - 1)
    halves = [case.step(rows) for rows in (slice(cut), slice(cut, None)) if len(case.x[rows])]
    a, gradients, _ = case.step()
    assert_near({"y": np.concatenate([y for y, _, _ in halves])}, {"y": a})
    assert_near(
        weighed([(of_parameters(part), valid) for _, part, valid in halves]), of_parameters(gradients)
    )


@st.composite
def readings(draw):
    """Return a recurrent layer with random weights, a ragged batch for it, initial states, and dy."""
    layer = draw(recurrent(draw(yes_or_no)))
    N, T, D = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(units)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layer.compute_shapes((T, D))
    layer.initialize(rng, "float64")
    for p in layer.params.values():
        p[...] = rng.normal(size=p.shape) * 0.7
    dy = rng.normal(size=(N, T, layer.units) if layer.return_sequences else (N, layer.units))
    initial = rng.normal(size=(N, layer._state_size))
    return layer, rng.normal(size=(N, T, D)), rng.integers(1, T + 1, N), initial, dy


def run(layer, x, dy, **options):
    """Return outputs, states and their gradients, and those of the parameters, of one pass in training."""
    y = np.array(layer.forward(x, training=True, **options))
    dx = np.array(layer.backward(dy))
    layer.gradients()
    of_samples = {"y": y, "final": layer.final_state, "x": dx, "initial": layer.initial_gradient}
    return copies(of_samples), copies(layer.grads)


@tried_on(readings(), examples=100)
def test_a_ragged_batch_with_initial_states_is_its_sequences_alone(reading):
    layer, x, lengths, initial, dy = reading
    of_steps = {"x", "y", "dy"} if layer.return_sequences else {"x"}
    padding = np.arange(x.shape[1]) >= lengths[:, None]
    unread = {"x": x.copy(), "dy": dy.copy()}
    for name in of_steps & set(unread):
        unread[name][padding] = np.nan
    found, grads = run(layer, **unread, lengths=lengths, initial_state=initial)
    y, state = layer.forward_with_state(unread["x"], lengths, initial)
    assert_near({"y": y, "final": state}, {name: found[name] for name in ("y", "final")})
    total = dict.fromkeys(grads, 0)
    for n, end in enumerate(lengths):

        def of_sample(arrays, n=n, end=end):
            return {
                name: array[n : n + 1, :end] if name in of_steps else array[n : n + 1]
                for name, array in arrays.items()
            }

        alone, part = run(layer, **of_sample({"x": x, "dy": dy}), initial_state=initial[n : n + 1])
        total = {name: total[name] + part[name] for name in total}
        assert_near(of_sample(found), alone)
        assert not any(found[name][n, end:].any() for name in of_steps - {"dy"})
    assert_near(grads, total)


# ---- training -------------------------------------------------------------------------------------------


@tried_on(cases("float32"), st.sampled_from(OPTIMIZERS), examples=20)
def test_a_rate_of_zero_changes_no_weight(case, name):
    network = case.network
    network.optimizer = optimizers.get(name)
    network.optimizer.learning_rate = 0.0
    before = copies(network.params)
    case.fit(network)
    assert {key: bits(p) for key, p in network.params.items()} == {key: bits(p) for key, p in before.items()}


def assert_same(network, other, case):
    """Assert that two networks are the same, and predict the same, bit by bit."""
    assert state_of(network) == state_of(other)
    a, b = (each.predict(case.x, lengths=case.lengths) for each in (network, other))
    assert bits(a) == bits(b)


@tried_on(cases("float32"), examples=20)
def test_a_copy_trains_alike(case):
    twin = copy.deepcopy(case.network)
    for network in (case.network, twin):
        case.fit(network)
    assert_same(twin, case.network, case)


@tried_on(cases("float32"), examples=20)
def test_saved_and_loaded_it_is_the_same_and_trains_alike(tmp_path_factory, case):
    path = tmp_path_factory.getbasetemp() / "network.nnfw"
    case.fit(case.network, epochs=1)
    case.network.save(path)
    loaded = Network.load(path)
    assert_same(loaded, case.network, case)
    for network in (case.network, loaded):
        case.fit(network, epochs=1)
    assert_same(loaded, case.network, case)


# ---- inference ------------------------------------------------------------------------------------------


@tried_on(cases(causal=True, ragged=False), examples=35)
def test_a_stream_gives_what_predict_gives(case):
    network, x = case.network, case.x
    stream = network.stream(len(x))
    for t in range(x.shape[1]):
        y = network.predict(x[:, : t + 1])
        assert_near({"y": stream.step(x[:, t])}, {"y": y[:, t] if case.of_steps else y})


@tried_on(cases(), examples=35)
def test_single_precision_is_near_double(case):
    network, single = case.network, copy.deepcopy(case.network)
    single.initialize(dtype="float32")
    for name, p in network.params.items():
        single.params[name][...] = p
    a, gradients, _ = case.step()
    a_single, found, _ = case.step(network=single)
    assert a_single.dtype == np.float32
    assert all(g.dtype == np.float32 for name, g in found.items() if name != "x")
    assert_near(found | {"y": a_single}, gradients | {"y": a}, tolerance=2e-5)


@tried_on(cases("float32"), examples=35)
def test_inference_is_the_same_twice_and_that_of_training(case):
    once, again = (case.network.forward(case.x, lengths=case.lengths) for _ in range(2))
    trained = case.network.forward(case.x, training=True, lengths=case.lengths)
    assert bits(once) == bits(again)
    assert_near({"y": trained}, {"y": once}, tolerance=1e-5)
