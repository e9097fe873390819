"""Embedding: its indices, its gradient, and the mask."""

import copy

import numpy as np
import pytest
from alike import for_each
from built import build, step
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import (
    GRU,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Embedding,
    Lion,
    Nadam,
    Network,
    RMSprop,
    ShapeError,
)

# ---- indices -----------------------------------------------------------------------------------------


DTYPES = ["int8", "uint8", "int16", ">i4", "int64", "uint64", "float32", "float64"]


@for_each("dtype", DTYPES)
def test_indices_of_any_type_name_the_same_vectors(dtype):
    layer = build(Embedding(7, 3), (4,))
    x = np.random.default_rng(1).integers(0, 7, size=(5, 4))
    expected = np.stack([[layer.params["E"][i] for i in row] for row in x.tolist()])
    for given in (x.astype(dtype), np.asfortranarray(x.astype(dtype)), x.astype(dtype)[::-1][::-1]):
        assert_array_equal(layer.forward(given), expected)
        step(layer, given, np.ones((5, 4, 3)))
        assert_array_equal(layer.grads["E"][:, 0], np.bincount(x.ravel(), minlength=7))
    assert_array_equal(layer.forward(x.tolist()), expected)
    assert_array_equal(build(Embedding(2, 1), ()).forward(np.array([True, False])).shape, (2, 1))


@for_each(
    ("x", "message"),
    [
        (np.array([[0, 1], [1, 7]]), r"x\[1, 1\] is 7, but indices must be whole numbers from 0 to 6"),
        (np.array([[0, -1], [9, 0]]), r"x\[0, 1\] is -1, but"),
        (np.array([[6, 0, -1]]), r"x\[0, 2\] is -1, but"),
        (np.array([3, 0, 70]), r"x\[2\] is 70, but"),
        (np.array([[0.0, 1.5]]), r"x\[0, 1\] is 1.5, but"),
        (np.array([[np.nan, 1.0]]), r"x\[0, 0\] is nan, but"),
        (np.array([[0.0, np.inf]]), r"x\[0, 1\] is inf, but"),
    ],
)
def test_values_that_are_no_index_are_refused_by_name(x, message):
    layer = build(Embedding(7, 3), (2,))
    with pytest.raises(ValueError, match=rf"^Embedding\(7, 3\): {message}"):
        layer.forward(x)
    with pytest.raises(ValueError, match=message):
        layer._check_values(x)


@pytest.mark.parametrize("wrong", [-1, 7])
def test_a_single_index_is_checked_and_none_at_all_is_none(wrong):
    layer = build(Embedding(7, 3), (1,))
    with pytest.raises(ValueError, match=rf"x\[0, 0\] is {wrong}, but indices"):
        layer.forward(np.array([[wrong]]))
    assert layer.forward(np.zeros((0, 2), int)).shape == (0, 2, 3)


def test_other_misuse_of_an_embedding_is_explained():
    layer = build(Embedding(7, 3), (2,))
    with pytest.raises(ShapeError, match=r"expects indices .* got \(2, 2, 1\)"):
        layer.forward(np.zeros((2, 2, 1), int))
    with pytest.raises(ShapeError, match=r"got \(samples, 4, 2\); x.argmax\(axis=-1\) converts"):
        Embedding(7, 3).compute_shapes((4, 2))
    with pytest.raises(ShapeError, match=r"expects dy of the output's shape \(1, 2, 3\)"):
        step(layer, [[0, 1]], np.ones((1, 2, 1)))
    with pytest.raises(
        ValueError, match=r"mask must be one of the indices, 0 to 6, got 7; a vocabulary of 8"
    ):
        Embedding(7, 3, mask=7)
    with pytest.raises(ValueError, match="mask must be at least 0, got -1"):
        Embedding(7, 3, mask=-1)
    with pytest.raises(ValueError, match="vocabulary must be at least 1, got 0"):
        Embedding(0, 3)
    with pytest.raises(ShapeError, match=r"values of shape \(2, 3\), but the parameter is \(7, 3\)"):
        build(Embedding(7, 3, initializer=np.ones((2, 3))), (2,))


def test_one_that_does_not_stand_first_says_so():
    network = Network([Dense(3), Embedding(4, 2), GRU(2), Dense(1)], seed=0)
    with pytest.raises(ValueError, match=r"layer 2, Embedding\(4, 2\): .* must come before all other layers"):
        network.fit(np.full((5, 4), 0.3), np.zeros(5), verbose=0)
    network = Network([Embedding(4, 2), GRU(2)])
    network.compute_shapes((3,))
    for first in (Embedding(4, 2), network.layers[0]):
        with pytest.raises(ValueError, match="use a larger vocabulary"):
            first._check_values(np.array([[4]]))


# ---- the mask ------------------------------------------------------------------------------------------


def test_lengths_follow_from_the_mask():
    x = np.array([[1, 0, 2, 0], [4, 0, 0, 3], [5, 0, 0, 0]])
    assert_array_equal(Embedding(7, 3, mask=0)._find_lengths(x), [3, 4, 1])
    assert_array_equal(Embedding(7, 3, mask=6)._find_lengths(x.astype(float)), [4, 4, 4])
    assert Embedding(7, 3)._find_lengths(x) is None
    assert Embedding(7, 3, mask=0)._find_lengths(x[:, 0]) is None
    assert_array_equal(Embedding(7, 3, mask=0)._find_lengths(np.array([[1, 0], [0, 0]])), [1, 0])


def test_the_vector_of_the_mask_is_zero_and_stays_so():
    vectors = np.random.default_rng(2).normal(size=(5, 3))
    layer = build(Embedding(5, 3, mask=4, initializer=vectors), (6,))
    x = np.array([[0, 4, 1, 1, 4, 4]])
    for _ in range(3):
        step(layer, x, np.random.default_rng(3).normal(size=(1, 6, 3)))
        layer.update(Adam(0.1, weight_decay=0.1), 0.0)
    assert_array_equal(layer.params["E"][4], 0)
    assert_array_equal(layer.forward(x)[0, [1, 4, 5]], 0)
    assert not np.any(layer.params["E"][:4] == vectors[:4])


def test_a_list_of_sequences_ends_at_the_mask_too():
    network = Network([Embedding(5, 3, mask=4), GRU(2), Dense(1)], seed=0)
    network.fit(np.array([[1, 2, 4], [3, 1, 2]]), [0.0, 1.0], verbose=0)
    alone = network.predict(np.array([[1, 2, 4]]))
    beside = network.predict([[1, 2, 4], [1, 2], [3, 4, 1]])
    assert_allclose(beside[0], alone[0], rtol=1e-6)
    assert_allclose(beside[1], alone[0], rtol=1e-6)
    assert not np.allclose(beside[2], alone[0])


# ---- the gradient, and the optimizers ------------------------------------------------------------------


def one_hot(x, V):
    return (x[..., None] == np.arange(V)).astype(float)


def test_the_gradient_is_that_of_the_one_hot_product():
    rng = np.random.default_rng(4)
    layer = build(Embedding(50, 4, regularizer=None), (8,))
    for high in (50, 3, 50, 1, 20):  # rows of the step before must be 0 again
        x, dy = rng.integers(0, high, size=(6, 8)), rng.normal(size=(6, 8, 4))
        step(layer, x, dy)
        assert_allclose(layer.grads["E"], one_hot(x, 50).reshape(-1, 50).T @ dy.reshape(-1, 4), atol=1e-13)
        layer = copy.deepcopy(layer)


def test_there_is_no_gradient_with_respect_to_an_index():
    layer = build(Embedding(6, 2), (2,))
    layer.forward(np.array([[0, 1], [5, 5]]), training=True)
    dx = layer.backward(np.ones((2, 2, 2)))
    assert_array_equal(dx, np.zeros((2, 2)))
    assert dx.dtype == layer.dtype


def test_rows_that_others_have_written_are_cleared():
    layer = build(Embedding(6, 2), (2,))
    layer.grads["E"][...] = 7.0  # as what brings gradients of several workers together does
    step(layer, [[1, 3]], np.ones((1, 2, 2)))
    assert_array_equal(layer.grads["E"][:, 0], [0, 1, 0, 1, 0, 0])


def test_rows_that_a_penalty_has_written_are_cleared():
    layer = build(Embedding(6, 2, regularizer={"E": "l2"}), (2,))
    dense = np.array([0, 1, 0, 1.0, 0, 0])[:, None]
    for _ in range(3):
        step(layer, [[1, 3]], np.ones((1, 2, 2)))
        assert_array_equal(layer.grads["E"], dense * [1, 1])
        layer._add_penalty_gradients()
        assert_allclose(layer.grads["E"], dense + 0.01 * layer.params["E"], rtol=1e-14)


OPTIMIZERS = [
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    Adam(0.05),
    Adam(0.05, clip_norm=0.5),
    AdamW(0.05, weight_decay=0.1),
    Nadam(0.05),
    RMSprop(0.05),
    Adagrad(0.05, clip_value=0.3),
    Lion(0.05),
]


@for_each("optimizer", OPTIMIZERS)
def test_every_optimizer_takes_the_step_of_the_dense_gradient(optimizer):
    rng = np.random.default_rng(5)
    V, U = 12, 3
    layer, dense = build(Embedding(V, U), (4,)), build(Dense(U, use_bias=False), (4, V))
    dense.params["W"][...] = layer.params["E"]
    for n in range(6):
        x, dy = rng.integers(0, V - 2 * n, size=(2, 4)), rng.normal(size=(2, 4, U))
        step(layer, x, dy)
        step(dense, one_hot(x, V), dy)
        for each in (layer, dense):
            each.update(optimizer, 0.0)
        assert_allclose(layer.params["E"], dense.params["W"], rtol=0, atol=1e-12)


# ---- in a network --------------------------------------------------------------------------------------


def test_given_vectors_are_kept_saved_and_can_be_frozen(tmp_path):
    vectors = np.random.default_rng(6).normal(size=(8, 3))
    frozen = Embedding(*vectors.shape, initializer=vectors, trainable=False)
    network = Network([frozen, GRU(4), Dense(2)], seed=0, dtype="float64")
    assert repr(frozen) == "Embedding(8, 3, initializer=Given(array of shape (8, 3)), trainable=False)"
    x = np.random.default_rng(7).integers(0, 8, size=(6, 5))
    network.fit(x, x[:, :2] / 8, epochs=2, verbose=0)
    assert_array_equal(frozen.params["E"], vectors)
    network.save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network")
    assert repr(loaded) == repr(network)
    assert_array_equal(loaded.layers[0].initializer.array, vectors)
    assert_array_equal(loaded.predict(x), network.predict(x))


@pytest.mark.slow
def test_a_sequence_of_symbols_is_learnt_and_its_mask_never_read():
    rng = np.random.default_rng(25)
    lengths = rng.integers(1, 8, size=120)
    x = np.where(np.arange(7) < lengths[:, None], rng.integers(1, 5, size=(120, 7)), 0)
    y = (x == 2).any(axis=1)
    layers = [Embedding(5, 8, mask=0), GRU(16), Dense(1, "sigmoid")]
    network = Network(layers, loss="bce", optimizer=Adam(0.02), metrics=["accuracy"], seed=0)
    network.fit(x, y, epochs=60, verbose=0)
    assert network.evaluate(x, y)["accuracy"] > 0.97
    a = network.predict(x)
    for n in (0, 1, 2, 3, 4):
        assert_allclose(network.predict(x[n : n + 1, : lengths[n]]), a[n : n + 1], rtol=0, atol=1e-6)
    ragged = [row[:length] for row, length in zip(x, lengths, strict=True)]
    assert_allclose(network.predict(ragged), a, rtol=0, atol=1e-6)
    assert_array_equal(layers[0].params["E"][0], 0)
    with pytest.raises(ValueError, match=r"x\[1, 0\] is 5, but indices must be whole numbers from 0 to 4"):
        network.predict([[1, 2], [5, 1]])


class TestIndicesAtTheDoor:
    """Embedding first in a network: what may stand in the padding, and lengths that the mask tells."""

    X = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [2, 2, 0, 1]])

    def network(self, **options):
        layers = [Embedding(5, 3, **options), GRU(4), Dense(2)]
        return untrained(Network(layers, seed=0, dtype="float64"), None)

    def test_anything_may_stand_in_the_padding(self):
        lengths, x = np.array([3, 1, 4]), self.X.copy()
        x[np.arange(4) >= lengths[:, None]] = -7
        network = self.network()
        expected = network.predict(self.X, lengths=lengths)
        np.testing.assert_array_equal(network.predict(x, lengths=lengths), expected)
        with pytest.raises(ValueError, match=r"x\[0, 3\] is -7"):
            network.predict(x)

    def test_the_mask_tells_the_lengths_of_a_memory_map_too(self, tmp_path):
        np.save(tmp_path / "x.npy", self.X)
        network = self.network(mask=0)
        expected = network.predict(self.X, lengths=[3, 1, 4])
        for x in (self.X, np.load(tmp_path / "x.npy", mmap_mode="r")):
            np.testing.assert_array_equal(network.predict(x), expected)

    def test_lists_of_unequal_length(self):
        network = self.network()
        expected = network.predict(self.X, lengths=[3, 1, 4])
        np.testing.assert_array_equal(network.predict([[1, 2, 3], [4], [2, 2, 0, 1]]), expected)
        ragged = [np.array([1, 2, 3]), np.array([4]), np.array([2, 2, 0, 1])]
        np.testing.assert_array_equal(network.predict(ragged), expected)


# ---- padding in front -----------------------------------------------------------------------------------


PADDED_IN_FRONT = np.array([[0, 0, 3, 1], [0, 2, 2, 4], [5, 1, 2, 3], [0, 0, 0, 0]])


@for_each(
    ("x", "n"),
    [
        (PADDED_IN_FRONT, 0),
        (np.array([[1, 2, 3, 0], [0, 2, 2, 4]]), 1),  # some rows padded behind, others in front
        (np.array([[3, 1, 4, 1], [0, 2, 2, 0]]), 1),  # one on both sides
        ([[3, 1], [2, 1, 3], [0, 2]], 2),
    ],
)
@for_each("verb", ["fit", "predict", "evaluate"])
def test_padding_in_front_is_refused_with_the_remedy(verb, x, n):
    network = Network([Embedding(6, 3, mask=0), GRU(4), Dense(1)], seed=0)
    network.fit(PADDED_IN_FRONT[:, ::-1], np.zeros(4), verbose=0)
    before = network.flat_params.copy()
    with pytest.raises(
        ValueError, match=rf"x\[{n}\] begins with the mask 0, but padding must be at the end.*'post'"
    ):
        getattr(network, verb)(x, *[np.zeros(len(x))] * (verb != "predict"))
    assert_array_equal(network.flat_params, before)


def test_rows_of_validation_data_and_of_batches_are_refused_too(tmp_path):
    network = Network([Embedding(6, 3, mask=0), GRU(4), Dense(1)], seed=0)
    y, behind = np.zeros(4), PADDED_IN_FRONT[:, ::-1]
    np.save(tmp_path / "x.npy", PADDED_IN_FRONT)
    for given, options in (
        ((behind, y), {"validation_data": (PADDED_IN_FRONT, y)}),
        (([(PADDED_IN_FRONT, y)],), {}),
        ((np.load(tmp_path / "x.npy", mmap_mode="r"), y), {}),
    ):
        with pytest.raises(ValueError, match=r"x\[0\] begins with the mask 0"):
            network.fit(*given, verbose=0, **options)
    assert not network.size


def test_masks_in_front_are_steps_where_lengths_say_so():
    network = Network([Embedding(6, 3, mask=0), GRU(4), Dense(1)], seed=0)
    network.fit(PADDED_IN_FRONT, np.zeros(4), lengths=[4, 4, 4, 4], verbose=0)
    a = network.predict(PADDED_IN_FRONT, lengths=[4, 4, 4, 4])
    alone = Network([GRU(4), Dense(1)], seed=0)
    alone.compute_shapes((4, 3))
    alone.initialize()
    for mine, theirs in zip(alone.layers, network.layers[1:], strict=True):
        mine.flat_params[...] = theirs.flat_params
    assert_allclose(a, alone.predict(network.params["embedding_1.E"][PADDED_IN_FRONT]), rtol=1e-5, atol=1e-7)
    without = Network([Embedding(6, 3), GRU(4), Dense(1)], seed=0)
    without.fit(PADDED_IN_FRONT, np.zeros(4), verbose=0)
