"""Embedding, Dropout, GaussianNoise, Reshape, LayerNorm and pooling: PyTorch's values, statistics, errors."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from untrained import untrained

from nnfw import (
    GRU,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    LayerNorm,
    Lion,
    MaxPooling,
    MeanPooling,
    Nadam,
    Network,
    Reshape,
    RMSprop,
    ShapeError,
)
from nnfw.gradcheck import check_layer, check_network

with np.load(Path(__file__).parents[1] / "recorded" / "small_layers.npz") as file:
    RECORDED = dict(file)
POOLINGS = [LastStep, MeanPooling, MaxPooling]


def build(layer, input_shape, dtype="float64", seed=0):
    layer.compute_shapes(input_shape)
    layer.initialize(np.random.default_rng(seed), dtype)
    return layer


def step(layer, x, dy, **options):
    """Run the three passes of a training step, and return the input's gradient."""
    layer.forward(x, training=True, **options)
    dx = layer.backward(dy)
    layer.gradients()
    return dx


# ---- beside PyTorch -------------------------------------------------------------------------------------

CASES = {
    "embedding": lambda: Embedding(9, 6),
    "embedding_masked": lambda: Embedding(9, 6, mask=3),
    "embedding_flat": lambda: Embedding(9, 6, mask=0),
    "layer_norm": lambda: LayerNorm(),
    "layer_norm_in_time": lambda: LayerNorm(epsilon=0.3),
    "last": LastStep,
    "last_with_lengths": LastStep,
    "mean": MeanPooling,
    "mean_with_lengths": MeanPooling,
    "max": MaxPooling,
    "max_with_lengths": MaxPooling,
}


def recorded(case):
    """Return the arrays of a case by name."""
    return {key.removeprefix(f"{case}/"): a for key, a in RECORDED.items() if key.startswith(f"{case}/")}


def test_every_recorded_case_is_used():
    assert {key.partition("/")[0] for key in RECORDED} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_pytorch(case):
    arrays = recorded(case)
    x = arrays["x"].copy()
    options = {"lengths": arrays["lengths"]} if "lengths" in arrays else {}
    if options:
        x[np.arange(x.shape[1]) >= arrays["lengths"][:, None]] = np.nan  # must never be read
    layer = build(CASES[case](), x.shape[1:])
    for name, p in layer.params.items():
        p[...] = arrays[f"params/{name}"]
    for training in (False, True):
        assert_allclose(layer.forward(x, training, **options), arrays["y"], rtol=0, atol=1e-12)
    dx = layer.backward(arrays["dy"])
    layer.gradients()
    if x.dtype.kind == "f":
        assert_allclose(dx, arrays["grads/x"], rtol=0, atol=1e-12)
    assert {f"grads/{name}" for name in layer.grads} == {key for key in arrays if key[:6] == "grads/"} - {
        "grads/x"
    }
    for name, gradient in layer.grads.items():
        assert_allclose(gradient, arrays[f"grads/{name}"], rtol=0, atol=1e-12)


# ---- Embedding: indices ---------------------------------------------------------------------------------

DTYPES = ["int8", "uint8", "int16", ">i4", "int64", "uint64", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
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


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([[0, 1], [1, 7]]), r"x\[1, 1\] is 7, but indices are whole numbers from 0 to 6"),
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


def test_other_misuse_of_an_embedding_is_explained():
    layer = build(Embedding(7, 3), (2,))
    with pytest.raises(TypeError, match=r"expects indices, got [<>]U1; nnfw\.data\.Vocabulary"):
        layer.forward(np.array([["a", "b"]]))
    with pytest.raises(ShapeError, match=r"expects indices .* got \(2, 2, 1\)"):
        layer.forward(np.zeros((2, 2, 1), int))
    with pytest.raises(ShapeError, match=r"got \(samples, 4, 2\); one index a step is x\[..., 0\]"):
        Embedding(7, 3).compute_shapes((4, 2))
    with pytest.raises(ShapeError, match=r"backward expects dy of the output's shape \(1, 2, 3\)"):
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


def test_lengths_follow_from_the_mask():
    x = np.array([[1, 0, 2, 0], [0, 0, 0, 3], [5, 0, 0, 0]])
    assert_array_equal(Embedding(7, 3, mask=0)._find_lengths(x), [3, 4, 1])
    assert_array_equal(Embedding(7, 3, mask=6)._find_lengths(x.astype(float)), [4, 4, 4])
    assert Embedding(7, 3)._find_lengths(x) is None
    assert Embedding(7, 3, mask=0)._find_lengths(x[:, 0]) is None
    with pytest.raises(
        ValueError, match=r"x\[1\] is nothing but the mask 0; drop sequences without a symbol"
    ):
        Embedding(7, 3, mask=0)._find_lengths(np.array([[1, 0], [0, 0]]))


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


# ---- Embedding: its gradient, and the optimizers --------------------------------------------------------


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


@pytest.mark.parametrize("wrong", [-1, 7])
def test_a_single_index_is_checked_and_none_at_all_is_none(wrong):
    layer = build(Embedding(7, 3), (1,))
    with pytest.raises(ValueError, match=rf"x\[0, 0\] is {wrong}, but indices"):
        layer.forward(np.array([[wrong]]))
    assert layer.forward(np.zeros((0, 2), int)).shape == (0, 2, 3)


def test_there_is_no_gradient_with_respect_to_an_index():
    layer = build(Embedding(6, 2), (2,))
    layer.forward(np.array([[0, 1], [5, 5]]), training=True)
    dx = layer.backward(np.ones((2, 2, 2)))
    assert_array_equal(dx, np.zeros((2, 2)))
    assert dx.dtype == layer.dtype


def test_one_that_does_not_stand_first_says_so():
    network = Network([Dense(3), Embedding(4, 2), GRU(2), Dense(1)], seed=0)
    with pytest.raises(ValueError, match=r"layer 2, Embedding\(4, 2\): .* stands before all other layers"):
        network.fit(np.full((5, 4), 0.3), np.zeros(5), verbose=0)
    for first in (Embedding(4, 2), Network([Embedding(4, 2)]).layers[0]):
        with pytest.raises(ValueError, match="build it with a larger vocabulary"):
            first._check_values(np.array([[4]]))


def test_a_list_of_sequences_ends_at_the_mask_too():
    network = Network([Embedding(5, 3, mask=4), GRU(2), Dense(1)], seed=0)
    network.fit(np.array([[1, 2, 4], [3, 1, 2]]), [0.0, 1.0], verbose=0)
    alone = network.predict(np.array([[1, 2, 4]]))
    beside = network.predict([[1, 2, 4], [1, 2], [3, 4, 1]])
    assert_allclose(beside[0], alone[0], rtol=1e-6)
    assert_allclose(beside[1], alone[0], rtol=1e-6)
    assert not np.allclose(beside[2], alone[0])


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
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


# ---- Dropout and GaussianNoise --------------------------------------------------------------------------


def deviations(count, n, p):
    """Return how many standard deviations of the binomial a count is from what is expected."""
    return abs(count - n * p) / math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(rate):
    shape = (50, 40, 30)
    x = np.random.default_rng(8).uniform(1.0, 2.0, size=shape)
    layer = build(Dropout(rate), shape[1:])
    y = layer.forward(x, training=True)
    out = y == 0
    assert deviations(out.sum(), out.size, rate) < 4
    for axis in (1, 2):  # as often at each step, and for each feature
        counts = out.sum(axis=tuple({0, 1, 2} - {axis}))
        assert all(deviations(count, out.size / len(counts), rate) < 5 for count in counts)
    # Neighbours in time are left out independently of each other.
    pairs = out[:, 1:] & out[:, :-1]
    assert deviations(pairs.sum(), pairs.size, rate**2) < 5
    assert_allclose(y[~out], x[~out] / (1 - rate), rtol=1e-15)
    assert abs(y.mean() - x.mean()) < 6 * y.std() / math.sqrt(y.size)
    again = layer.forward(x, training=True) == 0
    assert deviations((out & again).sum(), out.size, rate**2) < 5


def test_dropout_of_the_same_units_at_each_step():
    x = np.random.default_rng(9).uniform(1.0, 2.0, size=(200, 6, 50))
    layer = build(Dropout(0.3, same_at_each_step=True), (6, 50))
    out = layer.forward(x, training=True) == 0
    assert_array_equal(out, np.broadcast_to(out[:, :1], out.shape))
    assert deviations(out[:, 0].sum(), 200 * 50, 0.3) < 4
    assert len(np.unique(out[:, 0], axis=0)) == 200  # another draw for each sequence
    dy = np.random.default_rng(10).normal(size=x.shape)
    assert_allclose(layer.backward(dy), np.where(out, 0, dy / 0.7), rtol=1e-14)


def test_dropout_of_nothing_is_the_identity():
    layer = build(Dropout(0), (4,))
    x = np.random.default_rng(11).normal(size=(3, 4))
    assert_array_equal(layer.forward(x, training=True), x)
    assert_array_equal(layer.backward(2 * x), 2 * x)


@pytest.mark.parametrize(
    "layer", [Dropout(0.4), Dropout(0.4, same_at_each_step=True), GaussianNoise(0.5)], ids=repr
)
def test_random_layers_do_nothing_in_inference_and_draw_alike_in_both_precisions(layer):
    x = np.random.default_rng(12).normal(size=(5, 4, 3)).astype(np.float32)
    layers = {dtype: build(copy.deepcopy(layer), (4, 3), dtype) for dtype in ("float32", "float64")}
    for dtype, each in layers.items():
        before = copy.deepcopy(each._noise.bit_generator.state)
        y = each.forward(x)
        assert_array_equal(y, x)
        assert y.dtype == dtype
        assert each._noise.bit_generator.state == before
    y32, y64 = (each.forward(x, training=True) for each in layers.values())
    assert (y32.dtype, y64.dtype) == (np.float32, np.float64)
    assert_allclose(y32, y64, rtol=1e-6, atol=1e-7)
    assert np.any(y32 != x)


def test_gaussian_noise_is_normal_of_the_given_deviation():
    x = np.random.default_rng(13).normal(size=(100, 20, 50))
    layer = build(GaussianNoise(0.5), (20, 50))
    e = (layer.forward(x, training=True) - x) / 0.5
    n = e.size
    assert abs(e.mean()) < 4 / math.sqrt(n)
    assert abs(np.mean(e**2) - 1) < 4 * math.sqrt(2 / n)
    assert abs(np.mean(e**4) - 3) < 4 * math.sqrt(96 / n)
    assert abs(np.mean(e[:, 1:] * e[:, :-1])) < 4 / math.sqrt(n)
    assert_array_equal(layer.backward(x), x)
    assert_array_equal(build(GaussianNoise(0), (20, 50)).forward(x, training=True), x)


def test_misuse_of_random_layers_is_explained():
    for rate in (1, 1.0, -0.1, np.nan):
        with pytest.raises(ValueError, match=r"Dropout: rate must be a finite number in \[0, 1\)"):
            Dropout(rate)
    with pytest.raises(ValueError, match="GaussianNoise: std must be a finite number"):
        GaussianNoise(-1)
    with pytest.raises(TypeError, match="same_at_each_step must be True or False"):
        Dropout(0.5, same_at_each_step=1)
    with pytest.raises(ShapeError, match=r"same_at_each_step expects .* got \(samples, 4\)"):
        Dropout(0.5, same_at_each_step=True).compute_shapes((4,))
    for layer in (Dropout(0.5), Dropout(0.5, same_at_each_step=True), GaussianNoise(0.1)):
        with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 4, 3\), got \(2, 1, 3\)"):
            step(build(layer, (4, 3)), np.ones((2, 4, 3)), np.ones((2, 1, 3)))


def test_training_with_noise_resumes_bit_for_bit(tmp_path):
    rng = np.random.default_rng(14)
    x, y = rng.normal(size=(30, 4, 5)), rng.normal(size=(30, 2))

    def network():
        inner = [GaussianNoise(0.3), GRU(6, return_sequences=True), Dropout(0.4, same_at_each_step=True)]
        return Network([*inner, LastStep(), Dropout(0.2), Dense(2)], seed=5)

    whole, halved = network(), network()
    whole.fit(x, y, epochs=4, verbose=0)
    halved.fit(x, y, epochs=2, verbose=0)
    halved.save(tmp_path / "network")
    resumed = Network.load(tmp_path / "network")
    assert resumed.predict(x).tobytes() == halved.predict(x).tobytes()
    assert resumed.predict(x).tobytes() == resumed.predict(x).tobytes()
    resumed.fit(x, y, epochs=2, verbose=0)
    assert list(resumed.history["loss"]) == list(whole.history["loss"])
    for name, p in whole.params.items():
        assert p.tobytes() == resumed.params[name].tobytes()


# ---- Reshape and Flatten --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "input_shape", "expected"),
    [
        (Flatten(), (4, 5), (20,)),
        (Flatten(), (2, 3, 4), (24,)),
        (Flatten(), (5,), (5,)),
        (Flatten(), (), (1,)),
        (Reshape(6), (2, 3), (6,)),
        (Reshape((3, 2)), (6,), (3, 2)),
        (Reshape([2, -1]), (4, 5), (2, 10)),
        (Reshape((-1, 2, 1)), (4, 3), (6, 2, 1)),
    ],
    ids=repr,
)
def test_values_keep_their_order_in_another_shape(layer, input_shape, expected):
    x = np.random.default_rng(15).normal(size=(3, *input_shape))
    assert build(layer, input_shape).compute_shapes(input_shape) == expected
    for training in (False, True):
        y = layer.forward(x, training)
        assert y.shape == (3, *expected)
        assert y.ravel().tolist() == x.ravel().tolist()
    assert_array_equal(layer.backward(2 * y), 2 * x)
    if input_shape:
        assert check_layer(layer, input_shape).worst < 1e-6


def test_shapes_that_cannot_be_are_refused_with_a_remedy():
    with pytest.raises(
        ShapeError, match=r"\(samples, 7\) has 7 values a sample, which cannot become \(2, -1\)"
    ):
        Reshape((2, -1)).compute_shapes((7,))
    with pytest.raises(
        ShapeError, match=r"\(samples, 2, 3\) has 6 values a sample, which cannot become \(5,\)"
    ):
        Reshape(5).compute_shapes((2, 3))
    with pytest.raises(ValueError, match=r"only one axis of shape can be -1, got \(-1, -1\)"):
        Reshape((-1, -1))
    with pytest.raises(ValueError, match="shape must be at least 1, got 0"):
        Reshape((0, 2))
    with pytest.raises(TypeError, match=r"shape must be a whole number, got 2\.0"):
        Reshape(2.0)
    with pytest.raises(ShapeError, match=r"of any number of steps has no fixed size; pool over time first"):
        Flatten().compute_shapes((None, 3))
    with pytest.raises(
        ShapeError, match=r"\(samples, 5\) has 5 values a sample, which cannot become \(2, -1\)"
    ):
        Reshape((2, -1)).forward(np.ones((2, 5)))
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 12\), got \(2, 4, 3\)"):
        step(Flatten(), np.ones((2, 4, 3)), np.ones((2, 4, 3)))


def test_sequences_of_unequal_length_cannot_be_flattened():
    x = np.random.default_rng(16).normal(size=(2, 3, 4))
    for layer in (Flatten(), Reshape((4, 3))):
        with pytest.raises(
            ShapeError, match=r"sequences of 2 to 3 steps, padded to 3, have no common size; pool"
        ):
            layer.forward(x, lengths=np.array([3, 2]))
        assert layer.forward(x, lengths=np.array([3, 3])).size == x.size
    assert Flatten().forward(x[:, 0], lengths=np.array([3, 2])).shape == (2, 4)  # there are no steps left


@pytest.mark.parametrize("layer", [Flatten(), Reshape(-1)], ids=repr)
def test_a_network_flattens_no_padding(layer):
    network = untrained(Network([layer, Dense(1)], seed=0), 3, 2)
    assert network.predict([np.ones((3, 2)), np.ones((3, 2))]).shape == (2, 1)
    with pytest.raises(ValueError, match="have no common size"):
        network.predict([np.ones((3, 2)), np.ones((1, 2))])


# ---- LayerNorm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalized_features_have_mean_0_and_variance_1(dtype):
    rng = np.random.default_rng(17)
    x = rng.normal(size=(6, 5, 64)) * rng.uniform(0.1, 10, size=(6, 5, 1)) + rng.normal(size=(6, 5, 1))
    y = build(LayerNorm(epsilon=1e-20), (5, 64), dtype).forward(x.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert_allclose(y.mean(axis=-1), 0, atol=tolerance)
    assert_allclose(y.var(axis=-1), 1, rtol=tolerance)


def test_layer_norm_of_constant_and_of_far_off_features():
    layer = build(LayerNorm(), (4,), "float32")
    layer.params["shift"][...] = [1, 2, 3, 4]
    assert_array_equal(layer.forward(np.full((2, 4), 1e6)), [[1, 2, 3, 4]] * 2)
    x = np.random.default_rng(18).normal(size=(3, 4)).astype(np.float32)
    assert_allclose(layer.forward(x + np.float32(1000)), layer.forward(x), atol=1e-3)
    assert_array_equal(step(layer, np.full((1, 4), 3.0), np.ones((1, 4))), 0)


@pytest.mark.parametrize("D", [2, 3, 5, 7, 11, 64, 100])
@pytest.mark.parametrize("offset", [0.1, 1e4, -1e5, 1234567.0])
def test_layer_norm_far_from_0_is_that_of_exact_arithmetic(D, offset):
    rng = np.random.default_rng(19)
    constant = np.full((4, D), offset) * rng.uniform(1, 2, size=(4, 1))
    x = np.concatenate([constant, offset + rng.normal(size=(4, D))]).astype(np.float32)
    exact = x.astype(np.longdouble)
    centred = exact - exact.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    layer, precise = (build(LayerNorm(), (D,), dtype) for dtype in ("float32", "float64"))
    found = layer.forward(x)
    assert_allclose(found, expected, rtol=0, atol=2e-5)  # 0 where all features are the same
    dy = rng.normal(size=x.shape)
    assert_allclose(step(layer, x, dy), step(precise, x, dy), rtol=1e-4, atol=1e-3)
    assert_array_equal(layer.forward(x, training=True), found)


def test_misuse_of_layer_norm_is_explained():
    with pytest.raises(ValueError, match=r"LayerNorm: epsilon must be a finite number in \(0, inf"):
        LayerNorm(epsilon=0)
    with pytest.raises(ShapeError, match=r"expects .* got \(samples, 2, 3, 4\); Reshape makes one axis"):
        LayerNorm().compute_shapes((2, 3, 4))
    with pytest.raises(ShapeError, match=r"with 4 features, got \(2, 3\)"):
        build(LayerNorm(), (4,)).forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 4\), got \(2, 1\)"):
        step(build(LayerNorm(), (4,)), np.ones((2, 4)), np.ones((2, 1)))


# ---- pooling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_of_a_batch_is_that_of_each_sequence_alone(pooling):
    rng = np.random.default_rng(19)
    x, lengths = rng.normal(size=(7, 9, 4)), rng.integers(1, 10, size=7)
    x[np.arange(9) >= lengths[:, None]] = np.nan
    dy = rng.normal(size=(7, 4))
    layer = pooling()
    dx = step(build(layer, (None, 4)), x, dy, lengths=lengths)
    assert_array_equal(dx[np.arange(9) >= lengths[:, None]], 0)
    for n, length in enumerate(lengths):
        alone = x[n : n + 1, :length]
        assert_allclose(layer.forward(x, lengths=lengths)[n], layer.forward(alone)[0], rtol=0, atol=1e-15)
        assert_allclose(dx[n : n + 1, :length], step(layer, alone, dy[n : n + 1]), rtol=0, atol=1e-15)


@pytest.mark.parametrize("pooling", [LastStep, MeanPooling, MaxPooling])
def test_a_network_tells_pooling_the_lengths(pooling):
    network = untrained(Network([pooling(), Dense(2)], seed=0, dtype="float64"), None, 3)
    long, short = np.random.default_rng(17).normal(size=(2, 5, 3))
    together = network.predict([long, short[:2]])
    assert_allclose(together[1:], network.predict([short[:2]]), rtol=1e-6)


def test_the_gradient_of_a_maximum_goes_to_the_first_of_equals():
    x = np.array([[0.0, -1.0], [2.0, -1.0], [2.0, -3.0], [5.0, 0.0]])[None]
    layer = build(MaxPooling(), (4, 2))
    dx = step(layer, x, np.array([[3.0, 4.0]]), lengths=[3])
    assert_array_equal(dx[0], [[0, 4], [3, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_misuse_of_pooling_is_explained(pooling):
    layer, x = build(pooling(), (3, 2)), np.random.default_rng(20).normal(size=(2, 3, 2))
    with pytest.raises(ShapeError, match=r"expects \(samples, steps, features\), got \(samples, 4\)"):
        pooling().compute_shapes((4,))
    with pytest.raises(ShapeError, match=r"expects \(samples, steps, features\), got \(2, 3\)"):
        layer.forward(x[..., 0])
    for lengths, message in (
        ([1, 2, 3], "lengths must be 2 whole numbers, one a sample, got int64 of shape"),
        ([1.0, 2.0], "lengths must be 2 whole numbers, one a sample, got float64"),
        ([0, 2], "lengths must lie in 1 to 3, the steps of x; got 0 to 2"),
        ([1, 4], "lengths must lie in 1 to 3, the steps of x; got 1 to 4"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.forward(x, lengths=lengths)
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 2\), got \(2, 1\)"):
        step(layer, x, np.ones((2, 1)))


# ---- all of them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [Embedding(7, 3), Dropout(0.5), GaussianNoise(0.5), LayerNorm(), LastStep()],
    ids=repr,
)
def test_what_is_causal_can_be_read_step_by_step(layer):
    assert layer.causal
    x = np.random.default_rng(21).integers(0, 7, size=(4, 6) if layer._takes_indices else (4, 6, 5))
    y = build(layer, x.shape[1:]).forward(x)
    for t in range(6):
        one = layer.forward(x[:, t : t + 1])
        if isinstance(layer, LastStep):
            assert_array_equal(one, layer.forward(x[:, : t + 1]))
        else:
            assert_allclose(one, y[:, t : t + 1], rtol=0, atol=1e-15)


def test_what_needs_whole_sequences_is_not_causal():
    assert not any(layer.causal for layer in (Flatten, Reshape, MeanPooling, MaxPooling))


@pytest.mark.parametrize(
    "layer", [Embedding(7, 3), Dropout(0.5), LayerNorm(), LastStep(), MeanPooling(), MaxPooling()], ids=repr
)
def test_no_input_gradient_is_computed_where_nobody_needs_it(layer):
    x = np.random.default_rng(22).integers(0, 7, size=(4, 6) if layer._takes_indices else (4, 6, 5))
    build(layer, x.shape[1:])
    dy = np.random.default_rng(23).normal(size=layer.forward(x).shape)
    expected = step(layer, x, dy).shape, layer.flat_grads.copy()
    layer._needs_dx = False
    assert (step(layer, x, dy).size, expected[0]) == (0, x.shape)
    assert_array_equal(layer.flat_grads, expected[1])


def stacks():
    return {
        "mean": [Embedding(9, 4, mask=0), GaussianNoise(0.1), GRU(5, return_sequences=True), MeanPooling()],
        "max": [Embedding(9, 4), LayerNorm(), MaxPooling(), Dropout(0.3)],
        "last": [Embedding(9, 4), Dropout(0.3, same_at_each_step=True), LayerNorm(), LastStep(), Flatten()],
        "flat": [Embedding(9, 4), Dropout(0.2), Flatten(), LayerNorm(), Reshape((6, 4)), GRU(3)],
    }


@pytest.mark.parametrize("name", stacks())
@pytest.mark.slow
def test_gradients_of_stacks(name):
    rng = np.random.default_rng(24)
    x, y = rng.integers(1, 9, size=(4, 6)), rng.integers(0, 3, size=4)
    network = Network([*stacks()[name], Dense(3, "softmax")], loss="cce", seed=1)
    lengths = None if name == "flat" else [6, 2, 4, 1]
    assert check_network(network, x, y, lengths=lengths).worst < 1e-6


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
    with pytest.raises(ValueError, match=r"x\[1, 0\] is 5, but indices are whole numbers from 0 to 4"):
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
