"""Training on long and variable-length sequences: windows, gathering by length, batches by the caller."""

import math

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adam,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    LambdaCallback,
    LastStep,
    Layer,
    MaxPooling,
    Network,
    SelfAttention,
)
from nnfw.core.errors import ShapeError
from nnfw.data import gather_by_length
from nnfw.training.batches import Data
from nnfw.training.sampler import Sampler

rng = np.random.default_rng(21)
N, T, D, K = 7, 11, 3, 2
X, Y = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, K))
LENGTHS = np.array([11, 4, 8, 1, 9, 4, 5])


def chain(cell=GRU, **options):
    settings = {"optimizer": SGD(0.1), "seed": 1, "dtype": "float64"} | options
    return Network([cell(5, return_sequences=True), Dense(K, "tanh")], **settings)


def params_of(network):
    return {name: p.copy() for name, p in network.params.items()}


def same(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, p in expected.items():
        np.testing.assert_allclose(
            found[name], p, err_msg=name, **({"rtol": 1e-12, "atol": 1e-12} | tolerance)
        )


# ---- truncated backpropagation through time ------------------------------------------------------------


def by_hand(network, x, y, lengths, batches, width, weight=None):
    """Train one epoch window by window, one sequence's state after another, with the verbs alone."""
    weight = np.ones(y.shape[:2]) if weight is None else weight
    for samples in batches:
        states = dict.fromkeys(samples)
        for start in range(0, int(lengths[samples].max()), width):
            on = [n for n in samples if lengths[n] > start]
            counts = np.minimum(lengths[on] - start, width)
            x_w, y_w = x[on, start : start + width], y[on, start : start + width]
            initial = None if start == 0 else [np.stack([states[n] for n in on]), None]
            a = network.forward(x_w, training=True, lengths=counts, initial_state=initial)
            valid = np.arange(x_w.shape[1]) < counts[:, None]
            dy = np.where(valid[..., None], 2 * (a - y_w) / K / counts.sum(), 0)
            dy *= weight[on, start : start + width, None]
            network.backward(dy)
            network.gradients()
            network.update(network.optimizer, 0.0)
            for row, n in enumerate(on):
                states[n] = network.final_state[0][row]


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
@pytest.mark.parametrize("width", [1, 3, 4, 11, 50])
@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.slow
def test_windows_carry_the_state_and_no_gradient(cell, width, unequal):
    lengths = LENGTHS if unequal else np.full(N, T)
    x = X.copy()
    if unequal:
        x[np.arange(T) >= lengths[:, None]] = np.nan
    network, expected = chain(cell), untrained(chain(cell), T, D)
    given = {"lengths": lengths} if unequal else {}
    network.fit(x, Y, batch_size=3, truncate=width, shuffle=False, verbose=0, **given)
    by_hand(expected, x, Y, lengths, [[0, 1, 2], [3, 4, 5], [6]], width)
    same(params_of(network), params_of(expected))


@pytest.mark.parametrize("width", [3, 50])
@pytest.mark.parametrize("unequal", [False, True])
def test_windows_weigh_each_step(width, unequal):
    lengths, weight = LENGTHS if unequal else np.full(N, T), rng.uniform(0, 2, (N, T))
    network, expected = chain(), untrained(chain(), T, D)
    by_hand(expected, X, Y, lengths, [[0, 1, 2], [3, 4, 5], [6]], width, weight)
    given = {"batch_size": 3, "truncate": width, "shuffle": False, "verbose": 0}
    if unequal:
        x, y, w = ([one[:n] for one, n in zip(a, lengths, strict=True)] for a in (X, Y, weight))
        network.fit(x, y, sample_weight=w, **given)
        again, weight[np.arange(T) >= lengths[:, None]] = chain(), np.nan
        again.fit(X, Y, lengths=lengths, sample_weight=weight, **given)
        same(params_of(again), params_of(network))
    else:
        network.fit(X, Y, sample_weight=weight, **given)
    same(params_of(network), params_of(expected))


def test_one_window_is_no_truncation():
    layers = [[GRU(3, return_sequences=True), Dropout(0.2), Dense(K)] for _ in range(2)]  # the same noise
    whole, window = (Network(each, optimizer=SGD(0.1), seed=0, dtype="float64") for each in layers)
    for network, truncate in ((whole, None), (window, T)):
        network.fit(X, Y, epochs=3, batch_size=3, lengths=LENGTHS, truncate=truncate, verbose=0)
    same(params_of(window), params_of(whole))
    assert window.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-12)


def test_the_state_begins_anew_with_each_batch():
    """A second batch of the same sequences, at rate 0, has the loss of the first."""
    network, losses = chain(optimizer=SGD(0.0)), []
    keep = LambdaCallback(on_gradients=lambda run: losses.append(run.batch_loss))
    twice = np.concatenate([X, X]), np.concatenate([Y, Y])
    network.fit(*twice, batch_size=N, truncate=4, shuffle=False, callbacks=[keep], verbose=0)
    assert len(losses) == 2 * math.ceil(T / 4)
    assert losses[: len(losses) // 2] == pytest.approx(losses[len(losses) // 2 :], rel=1e-12)


def test_a_carried_state_is_worth_something():
    """At rate 0, the loss over windows is that of the whole sequences: the state bridges the cuts."""
    network = chain(optimizer=SGD(0.0))
    network.fit(X, Y, truncate=3, lengths=LENGTHS, verbose=0)
    assert network.history["loss"][0] == pytest.approx(
        network.evaluate(X, Y, lengths=LENGTHS)["loss"], rel=1e-12
    )


def test_metrics_and_schedules_see_every_window():
    rates = []

    def rate(epoch):
        rates.append(epoch)
        return 0.01

    symbols = rng.integers(0, 4, size=(6, 10))
    layers = [Embedding(4, 3), Dropout(0.1), GRU(5, return_sequences=True), Dense(4, "softmax")]
    network = Network(layers, loss="cce", optimizer=SGD(rate), metrics=["accuracy"], seed=0)
    network.fit(symbols, symbols, epochs=2, batch_size=3, truncate=4, verbose=0)
    steps = sorted({round(epoch, 9) for epoch in rates})
    assert steps == pytest.approx([n / 6 for n in range(12)])
    assert 0 < network.history["accuracy"][0] < 1


@pytest.mark.slow
def test_inner_networks_carry_their_states():
    layers = [Network([GRU(4, return_sequences=True), LSTM(3, return_sequences=True)]), Dense(K, "tanh")]
    flat = [GRU(4, return_sequences=True), LSTM(3, return_sequences=True), Dense(K, "tanh")]
    nested, plain = (Network(each, optimizer=SGD(0.1), seed=2, dtype="float64") for each in (layers, flat))
    for network in (nested, plain):
        network.fit(X, Y, batch_size=3, truncate=3, lengths=LENGTHS, verbose=0)
    for one, other in zip(nested.params.values(), plain.params.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (lambda: [Bidirectional(GRU(3, return_sequences=True)), Dense(K)], r"layer 1, Bidirectional"),
        (
            lambda: [GRU(3, go_backwards=True, return_sequences=True), Dense(K)],
            r"layer 1, GRU\(3\) needs whole sequences",
        ),
    ],
)
def test_layers_that_need_whole_sequences_are_refused(layers, said):
    with pytest.raises(ValueError, match=said):
        Network(layers()).fit(X, Y, truncate=4, verbose=0)


def test_truncation_needs_a_target_for_each_step():
    with pytest.raises(ValueError, match="truncate needs an output and a target for each time step"):
        Network([GRU(3), Dense(K)]).fit(X, Y[:, 0], truncate=4, verbose=0)
    with pytest.raises(ValueError, match="truncate must be at least 1"):
        chain().fit(X, Y, truncate=0, verbose=0)


@pytest.mark.slow
def test_an_interrupted_fit_in_windows_is_resumed_bit_for_bit(tmp_path):
    def stop(run):
        if (run.epoch, run.batch) == (2, 2):
            run.network.save(tmp_path / "network.npz")

    settings = {"epochs": 3, "batch_size": 3, "truncate": 4, "lengths": LENGTHS, "verbose": 0}
    network = chain(optimizer=Adam(0.01))
    network.fit(X, Y, callbacks=[LambdaCallback(on_batch_end=stop)], **settings)
    again = Network.load(tmp_path / "network.npz")
    again.fit(X, Y, resume=True, **settings)
    same(params_of(again), params_of(network), rtol=0, atol=0)
    assert again.history["loss"] == network.history["loss"]
    with pytest.raises(
        ValueError, match="in windows of 4 steps, but this one is on 7 samples in batches of 3"
    ):
        again.fit(X, Y, resume=True, **settings | {"truncate": None})


def test_the_number_of_updates():
    def updates(lengths, **options):
        data = Data(X, Y, lengths, None, X.dtype, steps=True)
        return Sampler(N, 3, **options).updates(data)

    assert updates(None) == updates(LENGTHS) == 3
    assert updates(None, truncate=4) == 3 * 3
    assert updates(LENGTHS, truncate=4) is None  # it depends on the longest sequence of each batch


# ---- gathering by length --------------------------------------------------------------------------------


def test_every_sample_is_there_once_and_batches_are_alike():
    lengths = rng.integers(1, 100, size=1000)
    order = rng.permutation(1000)
    gathered = gather_by_length(order, lengths, 16, np.random.default_rng(0))
    assert sorted(gathered) == list(range(1000))
    spread = np.ptp(lengths[gathered[:992]].reshape(-1, 16), axis=1).mean()
    assert spread < np.ptp(lengths[order[:992]].reshape(-1, 16), axis=1).mean() / 10
    means = lengths[gathered[:992]].reshape(-1, 16).mean(axis=1)
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3  # short and long ones in turn
    np.testing.assert_array_equal(gathered[992:], order[992:])


def test_buckets_train_on_batches_of_similar_length():
    lengths = np.tile([2, 9], 16)
    x, y = rng.normal(size=(32, 9, D)), rng.normal(size=(32, 9, K))
    seen = []

    class Seeing(GRU):
        def forward(self, x, training=False, lengths=None, initial_state=None):
            seen.append(sorted(set(np.full(len(x), x.shape[1]) if lengths is None else lengths)))
            return super().forward(x, training, lengths, initial_state)

    network = Network([Seeing(3, return_sequences=True), Dense(K)], seed=0)
    network.fit(x, y, lengths=lengths, batch_size=8, epochs=2, bucket=True, verbose=0)
    assert len(seen) == 8
    assert all(each in ([2], [9]) for each in seen)
    assert seen[:4] != seen[4:] or seen[0] != seen[1]


def test_buckets_and_held_out_samples():
    network = chain()
    network.fit(X, Y, lengths=LENGTHS, validation_split=0.3, bucket=True, batch_size=2, epochs=2, verbose=0)
    assert len(network.history["val_loss"]) == 2


def test_buckets_shuffle():
    with pytest.raises(ValueError, match="bucket=True shuffles the batches"):
        chain().fit(X, Y, bucket=True, shuffle=False, verbose=0)


class Seen(Layer):
    """Notes the steps of the batches that it is given, and may have a parameter for each step."""

    causal = True

    def __init__(self, fixed):
        self.fixed, self.steps = fixed, []

    def compute_shapes(self, input_shape):
        if self.fixed:
            self.add_parameter("position", input_shape, "zeros")
        return input_shape

    def forward(self, x, training=False):
        self.steps.append(x.shape[1])
        return x + self.params["position"] if self.fixed else x

    def backward(self, dy):
        return dy

    def gradients(self):
        self.flat_grads[...] = 0


@for_each(("fixed", "steps"), [(False, [11, 8, 9, 5]), (True, [11, 11, 11, 11])])
@pytest.mark.parametrize("classes", [False, True])
def test_a_batch_ends_where_its_longest_sequence_does(fixed, steps, classes):
    seen = Seen(fixed)
    network = Network([seen, SelfAttention(4), Dense(K, "softmax")], loss="cce", seed=0, dtype="float64")
    given = {"lengths": LENGTHS, "batch_size": 2}
    targets = rng.integers(0, K, (N, T))
    network.fit(X, targets, shuffle=False, verbose=0, **given)
    network.evaluate(X, targets, **given)
    found = (network.predict_classes if classes else network.predict)(X, **given)
    assert seen.steps == 3 * steps
    assert found.shape == (N, T, K)[: 2 if classes else 3]
    for a, x, n in zip(found, X, LENGTHS, strict=True):
        expected = network.forward(x[None], lengths=np.array([n]))[0, :n]
        np.testing.assert_allclose(a[:n], expected.argmax(axis=-1) if classes else expected, rtol=1e-12)
        assert not a[n:].any()


def test_outputs_of_other_steps_than_the_inputs_are_one_array():
    network = Network([Conv1D(2, 3, stride=2)], dtype="float64")
    network.build((None, D))
    for lengths in (LENGTHS, LENGTHS[::-1], np.minimum(LENGTHS, 6)):  # also where the first batches are short
        found = network.predict(X, lengths=lengths, batch_size=2)
        assert found.shape == (N, 5, 2)
        np.testing.assert_allclose(found, network.forward(X, lengths=lengths), rtol=1e-12)


class Products(Layer):
    """Gives the inner products of the steps, of which each output so needs all."""

    def __init__(self):
        pass

    def compute_shapes(self, input_shape):
        return input_shape[0], input_shape[0]

    def forward(self, x, training=False):
        return x @ x.swapaxes(1, 2)

    def backward(self, dy):
        return np.zeros((*dy.shape[:2], D))


def test_batches_have_all_steps_where_these_are_the_features_of_the_outputs():
    network = Network([Products()], dtype="float64")
    network.fit(X, rng.normal(size=(N, T, T)), lengths=LENGTHS, batch_size=2, verbose=0)
    found, x = (
        network.predict(X, lengths=LENGTHS, batch_size=2),
        X * (np.arange(T) < LENGTHS[:, None])[..., None],
    )
    np.testing.assert_allclose(found, x @ x.swapaxes(1, 2))


@pytest.mark.parametrize("pooling", [MaxPooling, LastStep])
def test_a_batch_of_sequences_that_are_shorter_than_a_window(pooling):
    network, lengths = Network([Conv1D(2, 5), pooling()], dtype="float64"), np.array([2, 4, 1, 0, 11, 4, 5])
    network.fit(X, Y[:, 0], lengths=lengths, batch_size=2, shuffle=False, verbose=0)
    found = network.predict(X, lengths=lengths, batch_size=2)
    np.testing.assert_allclose(found, network.forward(X, lengths=lengths), rtol=1e-12)
    assert not found[:4].any()


# ---- batches by the caller ---------------------------------------------------------------------------------


class Files:
    """Batches that are made each time they are asked for, as from files; how many is not known."""

    def __init__(self, *pairs):
        self.pairs, self.begun = pairs, 0

    def __iter__(self):
        self.begun += 1
        yield from self.pairs


PAIRS = [(X[:3], Y[:3]), (X[3:6], Y[3:6]), (X[6:], Y[6:])]


@pytest.mark.parametrize("make", [lambda pairs: Files(*pairs), list])
def test_batches_train_as_the_same_data_whole(make):
    given, whole = chain(), chain()
    given.fit(make(PAIRS), epochs=4, verbose=0)
    whole.fit(X, Y, epochs=4, batch_size=3, shuffle=False, verbose=0)
    same(params_of(given), params_of(whole))
    assert given.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-12)
    assert given.evaluate(make(PAIRS)) == pytest.approx(whole.evaluate(X, Y), rel=1e-12)


PARTS = [slice(0, 4), slice(4, 7)]


def test_batches_with_lengths_of_their_own():
    given, whole, short = chain(), chain(), np.minimum(LENGTHS, 5)
    given.fit(Files(*[(X[part, :5], Y[part, :5], short[part]) for part in PARTS]), verbose=0)
    whole.fit(X[:, :5], Y[:, :5], lengths=short, batch_size=4, shuffle=False, verbose=0)
    same(params_of(given), params_of(whole))


def test_lists_of_sequences_as_batches():
    lengths = np.append(LENGTHS[:4], [6, 6, 6])  # the second batch has no padding

    def cut(values, part):
        return [one[:n] for one, n in zip(values[part], lengths[part], strict=True)]

    given, whole = chain(), chain()
    given.fit([(cut(X, part), cut(Y, part)) for part in PARTS], epochs=2, verbose=0)
    whole.fit(X, Y, lengths=lengths, epochs=2, batch_size=4, shuffle=False, verbose=0)
    same(params_of(given), params_of(whole), rtol=0, atol=0)


def test_batches_are_iterated_over_once_an_epoch():
    files = Files(*PAIRS)
    chain().fit(files, epochs=3, verbose=0)
    assert files.begun == 3


class Shared:
    """Iterators that are new each time, and go on where the last one ended."""

    def __init__(self, pairs):
        self.stored = iter(pairs)

    def __iter__(self):
        return (pair for pair in self.stored)


class Stored(Shared):
    """One iterator for all."""

    def __iter__(self):
        return self.stored


@pytest.mark.parametrize("make", [lambda: Stored(PAIRS), lambda: iter(PAIRS), lambda: zip(PAIRS)])
def test_what_can_be_read_once_only_is_refused_before_anything_is_read(make):
    network = chain()
    for refuse in (network.fit, network.evaluate, lambda x: network.fit(X, Y, validation_data=x)):
        source = make()
        with pytest.raises(TypeError, match="a generator of batches is exhausted after one epoch"):
            refuse(source)
        assert len(list(source)) == len(PAIRS)
    assert not network._built


def test_nothing_that_was_read_is_dropped():
    given, whole = chain(), chain()
    given.fit(Shared(PAIRS), verbose=0)
    whole.fit(PAIRS, verbose=0)
    same(params_of(given), params_of(whole))
    assert given.history["loss"] == whole.history["loss"]
    assert given.evaluate(Shared(PAIRS)) == given.evaluate(PAIRS)


@pytest.mark.parametrize("validation", [False, True])
def test_an_epoch_without_a_batch_is_refused(validation):
    network = chain()
    given = (X, Y, {"validation_data": Shared(PAIRS)}) if validation else (Shared(PAIRS), None, {})
    with pytest.raises(ValueError, match="Shared yields only 0 batches when iterated over again; each"):
        network.fit(*given[:2], epochs=3, verbose=0, **given[2])
    assert network.history.epoch == [1]


def test_a_fit_is_not_resumed_with_fewer_batches_than_it_has_taken():
    network = chain()
    stop = LambdaCallback(on_batch_end=lambda run: run.stop("enough") if run.batch == 2 else None)
    network.fit(PAIRS, callbacks=[stop], verbose=0)
    network._training_state.stopped = ""
    with pytest.raises(ValueError, match="list yields only 1 batches when iterated over again"):
        network.fit(PAIRS[:1], resume=True, verbose=0)


def test_the_schedule_is_fractional_as_soon_as_the_batches_are_counted():
    times = []

    def rate(epoch):
        times.append(epoch)
        return 0.01

    chain(optimizer=SGD(rate)).fit(Files(*PAIRS), epochs=2, verbose=0)
    assert sorted({round(epoch, 9) for epoch in times}) == pytest.approx([0, 1, 4 / 3, 5 / 3])
    times.clear()
    chain(optimizer=SGD(rate)).fit(PAIRS, epochs=1, verbose=0)
    assert sorted({round(epoch, 9) for epoch in times}) == pytest.approx([0, 1 / 3, 2 / 3])


def test_windows_of_batches_and_validation_on_batches():
    given, whole = chain(), chain()
    given.fit(PAIRS, truncate=4, validation_data=Files(*PAIRS[:2]), verbose=0)
    whole.fit(X, Y, batch_size=3, truncate=4, shuffle=False, validation_data=(X[:6], Y[:6]), verbose=0)
    same(params_of(given), params_of(whole))
    assert given.history["val_loss"] == pytest.approx(whole.history["val_loss"], rel=1e-12)


def test_a_stop_within_an_epoch_of_unknown_length_is_resumed(tmp_path):
    network, other = chain(), chain()
    network.fit(Files(*PAIRS), epochs=2, verbose=0)
    stop = LambdaCallback(
        on_batch_end=lambda run: run.network.save(tmp_path / "n.npz") if run.batch == 2 else None
    )
    other.fit(Files(*PAIRS), callbacks=[stop], verbose=0)
    again = Network.load(tmp_path / "n.npz")
    again.fit(Files(*PAIRS), epochs=2, resume=True, verbose=0)
    same(params_of(again), params_of(network))


@for_each(
    ("given", "kind", "said"),
    [
        (X, TypeError, "y is missing: pass targets with x"),
        (None, TypeError, "y is missing"),
        (iter(PAIRS), TypeError, "exhausted after one"),
        ((pair for pair in PAIRS), TypeError, "exhausted after one"),
        ([], ValueError, "x yields no batches; it must yield"),
        (Files(), ValueError, "x yields no batches; it must yield"),
        (
            [X],
            TypeError,
            r"batch 1: a batch must be \(x, y\) or \(x, y, lengths\), got ndarray; whole x and y",
        ),
        ([(X, Y), (X[..., :2], Y)], ShapeError, "batch 2: .*features"),
        ([(X, Y), (X, Y[:3])], ShapeError, "batch 2: x has 7 samples"),
        ([(X, Y), (X * np.nan, Y)], ValueError, r"batch 2: x\[0, 0, 0\] is nan"),
    ],
)
def test_what_is_no_batch_is_refused(given, kind, said):
    network = chain()
    with pytest.raises(kind, match=said):
        network.fit(given, verbose=0)
    network.fit(X, Y, verbose=0)  # it has come to no harm


def test_what_goes_with_whole_data_only():
    for name, value in {"lengths": LENGTHS, "sample_weight": np.ones(N), "class_weight": "balanced"}.items():
        with pytest.raises(ValueError, match=f"{name} (requires|are for) whole x and y"):
            chain().fit(PAIRS, verbose=0, **{name: value})
    with pytest.raises(ValueError, match="validation_split requires whole x and y"):
        chain().fit(PAIRS, validation_split=0.2, verbose=0)


def test_a_network_is_built_for_the_data_to_train_on():
    from nnfw import Flatten

    network = Network([Flatten(), Dense(K)], seed=0)
    with pytest.raises(ShapeError, match="validation_data: x has shape"):
        network.fit(X, Y[:, 0], validation_data=(X[:, :4], Y[:, 0]), verbose=0)
    network.fit(X, Y[:, 0], validation_data=(X, Y[:, 0]), verbose=0)
    assert network.params["dense_2.W"].shape == (T * D, K)


def test_a_memory_map_is_read_window_by_window(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    one, other = chain(), chain()
    one.fit(mapped, Y, truncate=4, batch_size=2, verbose=0)
    other.fit(X, Y, truncate=4, batch_size=2, verbose=0)
    same(params_of(one), params_of(other), rtol=0, atol=0)
