"""Sequences without a step: what is given for them is the initial state, in use and in training."""

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Bidirectional,
    Dense,
    Embedding,
    LastStep,
    MaxPooling,
    MeanPooling,
    Network,
    gradcheck,
)
from nnfw.data import pad_sequences

N, T, D, H, K = 6, 5, 3, 4, 2
rng = np.random.default_rng(11)
X = rng.normal(size=(N, T, D))
LENGTHS = np.array([3, 0, 5, 1, 0, 4])
EMPTY, FULL = LENGTHS == 0, LENGTHS > 0
LISTS = [x[:length] for x, length in zip(X, LENGTHS, strict=True)]
PADDING = np.arange(T) >= LENGTHS[:, None]
CLASSES = np.array([0, 1, 1, 0, 1, 0])
STEP_TARGETS = rng.normal(size=(N, T, K))
CELLS = {
    "RNN": lambda **options: RNN(H, **options),
    "GRU": lambda **options: GRU(H, **options),
    "GRU, reset after": lambda **options: GRU(H, reset_after=True, **options),
    "LSTM": lambda **options: LSTM(H, **options),
    "LSTM, backwards": lambda **options: LSTM(H, go_backwards=True, **options),
    "Bidirectional": lambda **options: Bidirectional(GRU(H, **options)),
}
POOLINGS = [LastStep, MeanPooling, MaxPooling]


def built(layers, **options):
    network = Network(layers, dtype="float64", seed=2, **options)
    untrained(network, None, D)
    network.flat_params[...] = rng.normal(scale=0.5, size=network.size)
    return network


# Layers -------------------------------------------------------------------------------------------------


@for_each("name", CELLS)
@for_each("training", [False, True])
@for_each("lengths", [LENGTHS, np.zeros(N, int)])
def test_the_state_is_the_initial_one(name, training, lengths):
    layer = CELLS[name]()
    layer.compute_shapes((T, D))
    layer.initialize(np.random.default_rng(0), "float64")
    width = 2 * H if name == "Bidirectional" else layer._state_size
    state, empty = rng.normal(size=(N, width)), lengths == 0
    h = layer.forward(X, training, lengths=lengths, initial_state=state)
    np.testing.assert_array_equal(h[empty], state[empty, : h.shape[1]])
    for n in np.flatnonzero(~empty):
        alone = layer.forward(X[n : n + 1, : lengths[n]], training, initial_state=state[n : n + 1])
        np.testing.assert_allclose(h[n], alone[0], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(layer.forward(X, training, lengths=lengths)[empty], 0)
    if training:
        h = layer.forward(X, True, lengths=lengths, initial_state=state)
        np.testing.assert_array_equal(layer.final_state[empty], state[empty])
        dy = rng.normal(size=h.shape)
        dx = layer.backward(dy)
        layer.gradients()
        np.testing.assert_array_equal(dx[empty], 0)
        np.testing.assert_array_equal(layer.initial_gradient[empty, : dy.shape[1]], dy[empty])
        if empty.all():
            np.testing.assert_array_equal(layer.flat_grads, 0)


@for_each("name", CELLS)
def test_sequences_of_outputs_are_zero(name):
    layer = CELLS[name](return_sequences=True)
    layer.compute_shapes((T, D))
    layer.initialize(np.random.default_rng(0), "float64")
    for training in (False, True):
        h = layer.forward(X, training, lengths=LENGTHS)
        np.testing.assert_array_equal(h[PADDING], 0)
    dx = layer.backward(rng.normal(size=h.shape))
    np.testing.assert_array_equal(dx[PADDING], 0)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_over_no_step_gives_zero(pooling):
    layer = pooling()
    layer.compute_shapes((T, D))
    layer.initialize(np.random.default_rng(0), "float64")
    x = np.where(PADDING[..., None], np.nan, X)
    y = layer.forward(x, True, lengths=LENGTHS)
    np.testing.assert_array_equal(y[EMPTY], 0)
    dx = layer.backward(rng.normal(size=y.shape))
    np.testing.assert_array_equal(dx[PADDING], 0)
    assert np.isfinite(y).all()
    assert (np.abs(dx[FULL]).sum(axis=(1, 2)) > 0).all()


# Gradients ----------------------------------------------------------------------------------------------

CHAINS = {name: lambda cell=cell: [cell(), Dense(K, "softmax")] for name, cell in CELLS.items()} | {
    pooling.__name__: lambda pooling=pooling: [
        RNN(H, return_sequences=True),
        Dense(3, "tanh"),  # its output for an empty sequence is not 0 before the padding is set
        pooling(),
        Dense(K, "softmax"),
    ]
    for pooling in POOLINGS
}


@pytest.mark.slow
@pytest.mark.usefixtures("one_direction")
@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("lengths", [LENGTHS, np.zeros(N, int)], ids=["some", "all"])
def test_gradients_are_those_of_finite_differences(name, lengths):
    network = built(CHAINS[name](), loss="cce")
    assert gradcheck.check_network(network, X, CLASSES, lengths=lengths).worst < 1e-6


@pytest.mark.slow
@pytest.mark.usefixtures("one_direction")
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_step_targets_are_those_of_finite_differences(name):
    network = built([CELLS[name](return_sequences=True), Dense(K)])
    assert gradcheck.check_network(network, X, STEP_TARGETS, lengths=LENGTHS).worst < 1e-6


def test_a_sample_counts_as_its_initial_state_gives_it():
    """By hand: an empty sequence is softmax(b) for its outputs, and moves b alone, by softmax(b) - y."""
    network = built([GRU(H), Dense(K, "softmax")], loss="cce", optimizer=SGD(1.0))
    outputs = network.predict(X, lengths=LENGTHS)
    b = network.params["dense_2.b"].copy()
    p = np.exp(b) / np.exp(b).sum()
    np.testing.assert_allclose(outputs[EMPTY], [p] * 2, rtol=1e-12)
    losses = -np.log(outputs[np.arange(N), CLASSES])
    loss = network.evaluate(X, CLASSES, lengths=LENGTHS)["loss"]
    assert loss == pytest.approx(losses.mean(), rel=1e-12)

    before, others = network.flat_params.copy(), built([GRU(H), Dense(K, "softmax")], loss="cce")
    others.optimizer, others.flat_params[...] = SGD(1.0), before
    network.fit(X, CLASSES, lengths=LENGTHS, batch_size=N, verbose=0)
    others.fit(X[FULL], CLASSES[FULL], lengths=LENGTHS[FULL], batch_size=N, verbose=0)
    expected = before + (others.flat_params - before) * FULL.sum() / N
    moved = (np.eye(K)[CLASSES[EMPTY]] - p).sum(axis=0) / N
    others.flat_params[...] = expected
    others.params["dense_2.b"][...] += moved
    np.testing.assert_allclose(network.flat_params, others.flat_params, rtol=0, atol=1e-12)


# Networks -----------------------------------------------------------------------------------------------


def test_lists_of_arrays_are_the_same_as_lengths():
    def results(x, **given):
        network = Network([GRU(H), Dense(K, "softmax")], loss="cce", metrics=["accuracy"], seed=1)
        network.fit(x, CLASSES, batch_size=4, epochs=2, bucket=True, verbose=0, **given)
        network.fit([(x, CLASSES, *given.values())], verbose=0)
        found = network.predict(x, **given), network.predict_classes(x, **given)
        return network.flat_params.tobytes(), *map(bytes, found), network.evaluate(x, CLASSES, **given)

    assert results(LISTS) == results(X, lengths=LENGTHS)


def test_a_list_of_empty_sequences_alone():
    network = built([LSTM(H), Dense(K)])
    np.testing.assert_array_equal(network.predict([np.zeros((0, D))] * 2), [network.params["dense_2.b"]] * 2)
    network = Network([RNN(H), Dense(K)], seed=0)
    series = [x[:, 0] for x in LISTS]
    network.fit(series, np.ones((N, K)), verbose=0)
    expected = network.predict(X[..., :1], lengths=LENGTHS)
    np.testing.assert_array_equal(network.predict(series), expected)
    np.testing.assert_array_equal(network.predict([one.tolist() for one in series]), expected)


@pytest.mark.parametrize("mask", [None, 0])
def test_symbols(mask):
    symbols = rng.integers(1, 7, size=(N, T))
    symbols[PADDING] = 0
    texts = [one[:length] for one, length in zip(symbols, LENGTHS, strict=True)]
    network = Network([Embedding(7, 3, mask), GRU(H), Dense(K, "softmax")], loss="cce", seed=0)
    network.fit(texts, CLASSES, verbose=0)
    expected = network.predict(symbols, lengths=LENGTHS)
    np.testing.assert_array_equal(network.predict(texts), expected)
    np.testing.assert_array_equal(expected[1], expected[4])
    np.testing.assert_array_equal(network.predict([texts[1]]), expected[[1]])
    network.fit([(texts[:1], CLASSES[:1]), (texts[1:2], CLASSES[1:2])], verbose=0)
    if mask == 0:
        np.testing.assert_array_equal(network.predict(symbols), network.predict(texts))


@pytest.mark.parametrize("options", [{}, {"truncate": 2}, {"truncate": 50}, {"shuffle": False}])
@pytest.mark.slow
def test_where_each_step_has_a_target_an_empty_sequence_changes_nothing(options):
    def trained(rows, **how):
        network = Network([GRU(H, return_sequences=True), Dense(K)], metrics=["mae"], seed=4, dtype="float64")
        data = X[rows], STEP_TARGETS[rows]
        network.fit(*data, lengths=LENGTHS[rows], epochs=3, verbose=0, **options, **how)
        evaluated = network.evaluate(*data, lengths=LENGTHS[rows], batch_size=how["batch_size"])
        return (
            network.flat_params.copy(),
            network.history["loss"],
            network.history["mae"],
            [*evaluated.values()],
        )

    for found, expected in zip(trained(slice(None), batch_size=N), trained(FULL, batch_size=N), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("truncate", [None, 2])
@pytest.mark.slow
def test_a_batch_of_nothing_but_empty_sequences(truncate):
    network = built([LSTM(H, return_sequences=True), Dense(K)], optimizer=SGD(0.1), metrics=["mae"])
    twin = built([LSTM(H, return_sequences=True), Dense(K)], optimizer=SGD(0.1), metrics=["mae"])
    twin.flat_params[...] = network.flat_params
    how = {"batch_size": 1, "shuffle": False, "truncate": truncate, "epochs": 2, "verbose": 0}
    network.fit(X, STEP_TARGETS, lengths=LENGTHS, **how)
    twin.fit(X[FULL], STEP_TARGETS[FULL], lengths=LENGTHS[FULL], **how)
    np.testing.assert_allclose(network.flat_params, twin.flat_params, rtol=0, atol=1e-14)
    for name in ("loss", "mae"):
        assert network.history[name] == pytest.approx(twin.history[name], rel=1e-13)
    evaluated = network.evaluate(X, STEP_TARGETS, lengths=LENGTHS, batch_size=1)
    assert evaluated == pytest.approx(network.evaluate(X, STEP_TARGETS, lengths=LENGTHS), rel=1e-13)
    np.testing.assert_array_equal(network.predict(X, lengths=LENGTHS)[PADDING], 0)


def test_steps_with_targets_need_a_step():
    network = Network([GRU(H, return_sequences=True), Dense(K)], seed=0)
    with pytest.raises(
        ValueError, match="all lengths are 0, but y has a target for each step; at least one step is needed"
    ):
        network.fit(X, STEP_TARGETS, lengths=np.zeros(N, int), verbose=0)
    assert not network._built


def test_metrics_are_tried_on_samples_that_have_no_step():
    x = np.concatenate([np.zeros((200, T, D)), X])
    lengths = np.concatenate([np.zeros(200, int), [0, 0, 0, 0, 0, 3]])
    network = Network([RNN(H, return_sequences=True), Dense(K)], metrics=["mae", "r2"], seed=0)
    y = np.concatenate([np.zeros((200, T, K)), STEP_TARGETS])
    network.fit(x, y, lengths=lengths, verbose=0)
    expected = network.evaluate(X[-1:, :3], STEP_TARGETS[-1:, :3])
    assert network.evaluate(x, y, lengths=lengths) == pytest.approx(expected, rel=1e-6)


# Padding ------------------------------------------------------------------------------------------------


@for_each(
    ("sequences", "expected", "dtype"),
    [
        ([[5, 3], []], [[5, 3], [0, 0]], "int64"),
        ([[], [5, 3]], [[0, 0], [5, 3]], "int64"),
        ([np.zeros((0, 2)), np.ones((1, 2), "int32")], [[[0, 0]], [[1, 1]]], "int32"),
        ([[], [[1.0, 2.0]]], [[[0, 0]], [[1, 2]]], "float64"),
        ([[], []], [[0], [0]], "float64"),
        ([np.zeros((0, 2), "float32")], [[[0, 0]]], "float32"),
    ],
)
def test_padding_of_sequences_without_a_step(sequences, expected, dtype):
    x, lengths = pad_sequences(sequences)
    assert x.dtype == dtype
    assert x.tolist() == expected
    assert lengths.tolist() == [len(one) for one in sequences]


@for_each(
    ("sequences", "said"),
    [
        ([np.zeros((0, 3)), np.ones((1, 2))], r"sequences\[0\] has shape \(0, 3\)"),
        ([np.ones((1, 2)), np.zeros((0, 3))], r"sequences\[1\] has shape \(0, 3\)"),
        ([np.ones((4, 0))], r"sequences\[0\] has shape \(4, 0\)"),
        ([np.zeros((0, 0))], r"sequences\[0\] has shape \(0, 0\)"),
        ([np.zeros((0, 2, 2))], r"sequences\[0\] has shape \(0, 2, 2\)"),
    ],
)
def test_padding_still_needs_the_same_features(sequences, said):
    with pytest.raises(ValueError, match=said):
        pad_sequences(sequences)
