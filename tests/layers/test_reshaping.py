"""Reshape, Flatten and RepeatVector: values keep their order, and padding is never flattened."""

import copy

import numpy as np
import pytest
from built import build, step
from numpy.testing import assert_array_equal
from untrained import untrained

from nnfw import GRU, Dense, Flatten, Network, RepeatVector, Reshape, ShapeError
from nnfw.gradcheck import check_layer, check_network


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
        ShapeError, match=r"\(samples, 7\) has 7 values per sample, which cannot be reshaped to \(2, -1\)"
    ):
        Reshape((2, -1)).compute_shapes((7,))
    with pytest.raises(
        ShapeError, match=r"\(samples, 2, 3\) has 6 values per sample, which cannot be reshaped to \(5,\)"
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
        ShapeError, match=r"\(samples, 5\) has 5 values per sample, which cannot be reshaped to \(2, -1\)"
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


# ---- RepeatVector ---------------------------------------------------------------------------------------


def test_each_step_is_the_vector_and_gives_its_gradient():
    x, dy = np.arange(6.0).reshape(2, 3), np.random.default_rng(3).normal(size=(2, 4, 3))
    layer = build(RepeatVector(4), (3,))
    dx = step(layer, x, dy)
    assert all(np.array_equal(layer.forward(x)[:, t], x) for t in range(4))
    np.testing.assert_allclose(dx, dy.sum(axis=1), rtol=1e-14)


@pytest.mark.slow
def test_an_encoder_and_a_decoder_are_a_chain():
    network = Network([GRU(4), RepeatVector(3), GRU(5, return_sequences=True), Dense(2)], seed=0)
    x, y = np.random.default_rng(4).normal(size=(6, 5, 2)), np.random.default_rng(5).normal(size=(6, 3, 2))
    assert check_network(network, x, y).worst < 1e-6
    network.fit(x, y, epochs=2, verbose=0)
    assert network.predict(x).shape == (6, 3, 2)
    lengths = [5, 4, 3, 2, 1, 5]
    with pytest.raises(ShapeError, match=r"GRU\(4\) does not keep them; omit lengths.* with Flatten\(\)"):
        network.fit(x, y, lengths=lengths, verbose=0)
    flat = Network([*copy.deepcopy(network.layers), Flatten()])
    flat.fit(x, y.reshape(6, 6), lengths=lengths, epochs=2, verbose=0)
    alone = np.concatenate([flat.predict(one[None, :n]) for one, n in zip(x, lengths, strict=True)])
    np.testing.assert_allclose(flat.predict(x, lengths=lengths), alone, atol=1e-6)


def test_a_decoder_with_as_many_steps_as_x_is_not_cut_at_the_lengths_of_x():
    layers = [GRU(4), RepeatVector(5), GRU(3, return_sequences=True), Dense(2, "softmax")]
    network = Network(layers, loss="cce", seed=0)
    network.build((None, 2))
    x = [np.random.default_rng(n).normal(size=(n, 2)) for n in (5, 2, 4)]
    alone = np.concatenate([network.predict(one[None]) for one in x])
    np.testing.assert_allclose(network.predict(x), alone, atol=1e-6)
    np.testing.assert_array_equal(network.predict_classes(x), alone.argmax(axis=-1))


def test_misuse_of_repeat_vector_is_explained():
    with pytest.raises(ShapeError, match=r"expects \(samples, features\), got \(samples, 5, 3\); a"):
        RepeatVector(4).compute_shapes((5, 3))
    with pytest.raises(ShapeError, match=r"expects \(samples, features\), got \(2, 5, 3\)"):
        build(RepeatVector(4), (3,)).forward(np.ones((2, 5, 3)))
