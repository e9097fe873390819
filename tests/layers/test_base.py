"""What every layer does alike: shapes that do not fit, verbs in order, dtypes, memory layouts, threads."""

import copy
import threading

import numpy as np
import pytest
from alike import for_each
from built import KINDS, LAYERS, RECURRENT, D, H, N, T, build, new, renewed, step, x
from numpy.testing import assert_allclose, assert_array_equal
from refusals import message

from nnfw import (
    GRU,
    GRUD,
    LSTM,
    RNN,
    Activate,
    AttentionPooling,
    BatchNorm,
    Bidirectional,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    LayerNorm,
    MaxPooling,
    MaxPooling1D,
    MeanPooling,
    Network,
    RepeatVector,
    Reshape,
    Residual,
    SelfAttention,
    ShapeError,
)


def random_dy(y):
    return np.random.default_rng(0).normal(size=y.shape)


# ---- shapes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@for_each("shape", [(N, T, D - 1), (N, T, D + 1), (D,), (1, N, T, D)])
def test_an_input_that_does_not_fit_is_shown_beside_what_is_expected(layer, shape):
    said = message(ShapeError, lambda: new(layer).forward(np.ones(shape)))
    assert all(part in said for part in (new(layer)._label, f"{D} features", str(shape)))


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
def test_a_flat_input_is_no_sequence(layer):
    said = message(ShapeError, lambda: new(layer).forward(np.ones((N, D))))
    assert "(samples, steps, features)" in said


@pytest.mark.parametrize("kind", KINDS)
@for_each("shape", [(), (2, T, D), (T, None)])
def test_shapes_that_no_layer_takes(kind, shape):
    said = message(ShapeError, lambda: kind(H).compute_shapes(shape))
    assert "features" in said
    assert f"got ({', '.join(['samples', *map(str, shape)])})" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_says_that_it_was_built_for_other_features(kind):
    said = message(ShapeError, lambda: new(kind(H)).compute_shapes((T, D + 1)))
    assert str((D, H)) in said
    assert str((D + 1, H)) in said


def test_a_network_names_the_place_and_the_remedy():
    said = message(ShapeError, lambda: Network([GRU(4), GRU(3)]).compute_shapes((T, D)))
    assert "layer 2, GRU(3)" in said
    assert "return_sequences=True" in said
    assert "x[..., None]" in message(ShapeError, lambda: Network([GRU(4)]).compute_shapes((T,)))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@for_each("axis", [0, -1])
def test_a_gradient_of_another_shape_is_not_broadcast(layer, axis):
    layer = new(layer)
    shape = list(layer.forward(x, training=True).shape)
    shape[axis] = 1
    assert str(tuple(shape)) in message(ShapeError, lambda: layer.backward(np.ones(shape)))


OTHERS = [
    (LSTM(H, recurrent_dropout=0.5), (T, D)),
    (GRUD(H), (T, 6)),
    (Bidirectional(GRU(H, return_sequences=True), merge="mul"), (T, D)),
    (Residual([GRU(D, return_sequences=True), Dense(D)]), (T, D)),
    (SelfAttention(H), (T, D)),
    (AttentionPooling(H), (T, D)),
    (Conv1D(H, 2), (T, D)),
    (Conv2D(H, 2), (T, T, D)),
    (MaxPooling1D(2), (T, D)),
    (MaxPooling(), (T, D)),
    (MeanPooling(), (T, D)),
    (LastStep(), (T, D)),
    (LayerNorm(), (T, D)),
    (BatchNorm(), (T, D)),
    (Dropout(0.5), (D,)),
    (Embedding(D, H), (T,)),
    (Reshape((-1, T)), (T, D)),
    (RepeatVector(T), (D,)),
    (Network([Dense(H)]), (D,)),
]


@pytest.mark.parametrize(("layer", "shape"), [*((one, (T, D)) for one in LAYERS), *OTHERS], ids=repr)
def test_a_batch_without_a_sample_has_no_gradient(layer, shape):
    layer, empty = build(copy.deepcopy(layer), shape), np.zeros((0, *shape), int)
    y = layer.forward(empty, training=True)
    assert y.shape == layer.forward(empty).shape == (0, *layer.compute_shapes(shape))
    assert layer.backward(y).shape == empty.shape
    layer.gradients()
    assert not np.any(layer.flat_grads)


# ---- the verbs -----------------------------------------------------------------------------------------


def built_from(rng):
    layer = Dense(H)
    layer.compute_shapes((D,))
    layer.initialize(rng)


@for_each(
    ("call", "error", "said"),
    [
        (lambda: RNN(H, "softmax"), ValueError, "RNN: activation must be elementwise"),
        (lambda: GRU(H, "softmax"), ValueError, "GRU: activation must be elementwise"),
        (lambda: GRU(H, "tanh", "softmax"), ValueError, "recurrent_activation must be elementwise"),
        (lambda: GRU(H, "tanh", {"r": "softmax"}), ValueError, "recurrent_activation must be elementwise"),
        (lambda: GRU(H, "tanh", {"c": "tanh"}), ValueError, "no gate 'c'. Its gates are z, r"),
        (lambda: GRU(H, "tanh", {"zz": "tanh"}), ValueError, "Did you mean 'z'?"),
        (lambda: GRU(H, "tnah"), ValueError, "Did you mean 'tanh'?"),
        (lambda: GRU(hidden_size=H), TypeError, "GRU has no argument 'hidden_size'; nnfw calls it units"),
        (lambda: RNN(unit_cells=H), TypeError, "nnfw calls it units"),
        (lambda: GRU(H, sequences=True), TypeError, "nnfw calls it return_sequences"),
        (lambda: Dense(H, bias=False), TypeError, "nnfw calls it use_bias"),
        (lambda: Dense(H, activaton="relu"), TypeError, "Did you mean 'activation'?"),
        (lambda: Dense(0), ValueError, "Dense: units must be at least 1, got 0"),
        (lambda: RNN(2.5), TypeError, "RNN: units must be a whole number, got 2.5"),
        (lambda: GRU(H, reset_after=1), TypeError, "GRU: reset_after must be True or False, got 1"),
        (lambda: RNN(H, return_sequences="yes"), TypeError, "return_sequences must be True or False"),
        (lambda: built_from(7), TypeError, "np.random.default_rng(seed)"),
        (lambda: GRU(H).compute_shapes(3), TypeError, f"GRU({H}): input_shape must be a tuple"),
        (lambda: Dense(H).compute_shapes(3), TypeError, "batch axis: (3,) for 3 features, got 3"),
    ],
)
def test_arguments_that_do_not_fit(call, error, said):
    assert said in message(error, call)


@pytest.mark.parametrize("kind", KINDS)
def test_verbs_in_the_wrong_order(kind):
    layer = kind(H)
    assert "compute_shapes(input_shape)" in message(RuntimeError, lambda: layer.forward(x))
    layer.compute_shapes((T, D))
    assert "initialize(rng)" in message(RuntimeError, lambda: layer.forward(x))
    layer = new(kind(H))
    dy = np.ones_like(layer.forward(x))  # inference keeps nothing
    assert "forward(x, training=True)" in message(RuntimeError, lambda: layer.backward(dy))
    assert "backward(dy)" in message(RuntimeError, layer.gradients)
    layer.forward(x, training=True)
    assert "backward(dy)" in message(RuntimeError, layer.gradients)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@for_each("dtype", ["float32", "float64"])
def test_everything_is_computed_in_the_layers_dtype(layer, dtype):
    layer = new(layer, dtype)
    for given in (x, x.astype(np.float32), np.arange(N * T * D).reshape(N, T, D), x.tolist()):
        y = layer.forward(given, training=True)
        dx = layer.backward(np.ones(y.shape))
        layer.gradients()
        arrays = [y, dx, layer.forward(given), layer.flat_params, layer.flat_grads, *layer.cache.values()]
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_any_memory_layout_gives_the_same(layer):
    layer = new(layer)
    expected = layer.forward(x)
    dy = random_dy(expected)
    dx = step(new(layer), x, dy)
    wide = np.zeros((N, T, 2 * D))
    wide[..., ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for given in (np.asfortranarray(x), wide[..., ::2], x[:, ::-1][:, ::-1], frozen):
        assert_allclose(layer.forward(given), expected, rtol=1e-14, atol=1e-14)
        assert_allclose(step(new(layer), given, np.asfortranarray(dy)), dx, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    "layer",
    [*LAYERS, LayerNorm(), LastStep(), MeanPooling(), MaxPooling()],
    ids=repr,
)
def test_no_input_gradient_is_computed_where_nobody_needs_it(layer):
    first, other = (renewed(layer, (T, D)) for _ in range(2))
    first._needs_dx = False
    dy = random_dy(other.forward(x))
    assert (step(first, x, dy).size, step(other, x, dy).shape) == (0, x.shape)
    assert_array_equal(first.flat_grads, other.flat_grads)


@pytest.mark.parametrize(
    "layer",
    [
        Activate("tanh"),
        BatchNorm(),
        Embedding(7, 3),
        Dropout(0.5),
        GaussianNoise(0.5),
        LayerNorm(),
        LastStep(),
    ],
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


# ---- threads -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_threads_that_share_a_layer_get_the_bits_of_one(layer):
    layer, rng = new(layer, "float32"), np.random.default_rng(1)
    inputs = [rng.normal(size=(n, 40, D)).astype(np.float32) for n in range(1, 9)]
    expected = [layer.forward(x) for x in inputs]
    found = [[] for _ in inputs]
    barrier = threading.Barrier(len(inputs))

    def work(k):
        barrier.wait()
        found[k] = [layer.forward(inputs[k]) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outputs, y in zip(found, expected, strict=True):
        assert len(outputs) == 20
        assert all(np.array_equal(output, y) for output in outputs)
