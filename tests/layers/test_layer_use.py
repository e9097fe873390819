"""Layers in use: what a wrong use is told, copies, threads, and the odd but allowed input."""

import copy
import pickle
import re
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnfw import GRU, RNN, SGD, Dense, Network, ShapeError
from nnfw.layers import recurrent

N, T, D, H = 2, 3, 5, 7
LAYERS = [
    Dense(H, "tanh"),
    RNN(H),
    RNN(H, return_sequences=True, go_backwards=True),
    GRU(H),
    GRU(H, return_sequences=True, reset_after=True),
]
RECURRENT = LAYERS[1:]
KINDS = [Dense, RNN, GRU]
x = np.random.default_rng(0).normal(size=(N, T, D))


def build(layer, dtype="float64"):
    """Return a new layer like this one, ready for x."""
    layer = type(layer)(**layer.config)
    layer.compute_shapes((T, D))
    layer.initialize(np.random.default_rng(0), dtype)
    return layer


def built_from(rng):
    layer = Dense(H)
    layer.compute_shapes((D,))
    layer.initialize(rng)


def step(layer, seed=0, **options):
    """Run a training step with a random dy, and return dx."""
    y = layer.forward(x, training=True, **options)
    dx = layer.backward(np.random.default_rng(seed).normal(size=y.shape))
    layer.gradients()
    layer.update(SGD(0.1), 0.0)
    return dx


def message(error, call):
    """Return the message of the error that a call raises; all of them must be short."""
    with pytest.raises(error) as caught:
        call()
    assert len(str(caught.value)) < 500
    return str(caught.value)


# ---- wrong use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("shape", [(N, T, D - 1), (N, T, D + 1), (D,), (1, N, T, D)])
def test_an_input_that_does_not_fit_is_shown_beside_what_is_expected(layer, shape):
    said = message(ShapeError, lambda: build(layer).forward(np.ones(shape)))
    assert all(part in said for part in (build(layer)._label, f"{D} features", str(shape)))


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
def test_a_flat_input_is_no_sequence(layer):
    said = message(ShapeError, lambda: build(layer).forward(np.ones((N, D))))
    assert "(samples, steps, features)" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (2, T, D), (T, None)])
def test_shapes_that_no_layer_takes(kind, shape):
    said = message(ShapeError, lambda: kind(H).compute_shapes(shape))
    assert "features" in said
    assert f"got ({', '.join(['samples', *map(str, shape)])})" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_says_that_it_was_built_for_other_features(kind):
    said = message(ShapeError, lambda: build(kind(H)).compute_shapes((T, D + 1)))
    assert str((D, H)) in said
    assert str((D + 1, H)) in said


def test_a_network_names_the_place_and_the_remedy():
    said = message(ShapeError, lambda: Network([GRU(4), GRU(3)]).compute_shapes((T, D)))
    assert "layer 2, GRU(3)" in said
    assert "return_sequences=True" in said
    assert "x[..., None]" in message(ShapeError, lambda: Network([GRU(4)]).compute_shapes((T,)))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("axis", [0, -1])
def test_a_gradient_of_another_shape_is_not_broadcast(layer, axis):
    layer = build(layer)
    shape = list(layer.forward(x, training=True).shape)
    shape[axis] = 1
    assert str(tuple(shape)) in message(ShapeError, lambda: layer.backward(np.ones(shape)))


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("lengths", "error", "said"),
    [
        ([0, T], ValueError, f"1 to {T}"),
        ([1, T + 1], ValueError, f"1 to {T + 1}"),
        ([-1, 2], ValueError, "-1 to 2"),
        ([1], ShapeError, "(1,)"),
        ([[1, 2]], ShapeError, "(1, 2)"),
        ([1.0, 2.0], (TypeError, ShapeError), "float64"),
        ([True, True], (TypeError, ShapeError), "bool"),
    ],
)
def test_lengths_that_do_not_fit(layer, training, lengths, error, said):
    found = message(error, lambda: build(layer).forward(x, training, lengths=lengths))
    assert "lengths must" in found
    assert said in found


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("shape", [(N, H - 1), (N + 1, H), (1, H), (H,), ()])
def test_an_initial_state_that_does_not_fit(layer, shape):
    found = message(ShapeError, lambda: build(layer).forward(x, initial_state=np.ones(shape)))
    assert f"initial_state must be (samples, state) = {(N, H)}, got {shape}" in found


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: RNN(H, "softmax"), ValueError, "RNN: activation must work element by element"),
        (lambda: GRU(H, "softmax"), ValueError, "GRU: activation must work element by element"),
        (lambda: GRU(H, "tanh", "softmax"), ValueError, "recurrent_activation must work element by element"),
        (lambda: GRU(H, "tanh", {"r": "softmax"}), ValueError, "recurrent_activation must work element"),
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
    layer = build(kind(H))
    dy = np.ones_like(layer.forward(x))  # inference keeps nothing
    assert "forward(x, training=True)" in message(RuntimeError, lambda: layer.backward(dy))
    assert "backward(dy)" in message(RuntimeError, layer.gradients)
    layer.forward(x, training=True)
    assert "backward(dy)" in message(RuntimeError, layer.gradients)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["params", "grads"])
def test_views_are_written_into_and_never_over(kind, which):
    layer = build(kind(H))
    views, flat = getattr(layer, which), getattr(layer, f"flat_{which}")
    name = next(iter(views))
    said = message(TypeError, lambda: views.__setitem__(name, np.ones((D, H))))
    assert re.search(rf"\[{name!r}\]\[\.\.\.\] = value", said)
    views[name][...] = 3.0
    assert np.sum(flat == 3.0) == D * H


# ---- copies ---------------------------------------------------------------------------------------------


def through_pickle(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_is_equal_and_trains_by_itself(layer, duplicate):
    layer = build(layer)
    step(layer)
    twin = duplicate(layer)
    assert list(twin.params) == list(layer.params)
    for name, p in twin.params.items():
        assert np.shares_memory(p, twin.flat_params)
        assert np.shares_memory(twin.grads[name], twin.flat_grads)
        assert not np.shares_memory(p, layer.flat_params)
        assert np.array_equal(p, layer.params[name])
    before = layer.flat_params.copy()
    dx = step(twin, seed=1)
    assert np.array_equal(layer.flat_params, before)
    assert not np.array_equal(twin.flat_params, before)
    assert np.array_equal(step(layer, seed=1), dx)
    assert np.array_equal(layer.flat_params, twin.flat_params)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_between_compute_shapes_and_initialize(layer, duplicate):
    layer = type(layer)(**layer.config)
    layer.compute_shapes((T, D))
    twin = duplicate(layer)
    twin.initialize(np.random.default_rng(0), "float64")
    assert np.array_equal(twin.forward(x), build(layer).forward(x))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_copy_leaves_the_last_batch_behind(layer):
    layer = build(layer)
    size = len(pickle.dumps(layer))
    layer.forward(np.ones((50, 40, D)), training=True)
    assert len(pickle.dumps(layer)) < size + 1000


# ---- threads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_threads_that_share_a_layer_get_the_bits_of_one(layer):
    layer, rng = build(layer, "float32"), np.random.default_rng(1)
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


# ---- odd, but allowed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_computed_in_the_layers_dtype(layer, dtype):
    layer = build(layer, dtype)
    for given in (x, x.astype(np.float32), np.arange(N * T * D).reshape(N, T, D), x.tolist()):
        y = layer.forward(given, training=True)
        dx = layer.backward(np.ones(y.shape))
        layer.gradients()
        arrays = [y, dx, layer.forward(given), layer.flat_params, layer.flat_grads, *layer.cache.values()]
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_any_memory_layout_gives_the_same(layer):
    layer = build(layer)
    expected, dx = layer.forward(x), step(build(layer))
    wide = np.zeros((N, T, 2 * D))
    wide[..., ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for given in (np.asfortranarray(x), wide[..., ::2], x[:, ::-1][:, ::-1], frozen):
        assert_allclose(layer.forward(given), expected, rtol=1e-14, atol=1e-14)
        other = build(layer)
        other.forward(given, training=True)
        dy = np.random.default_rng(0).normal(size=expected.shape)
        assert_allclose(other.backward(np.asfortranarray(dy)), dx, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_a_batch_of_no_samples(layer, training):
    layer = build(layer)
    assert layer.forward(x[:0], training).shape == (0, *layer.forward(x).shape[1:])


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_sequences_of_no_steps_leave_the_state_as_it_is(layer, training):
    start = np.random.default_rng(4).normal(size=(N, H))
    y = build(layer).forward(x[:, :0], training, initial_state=start)
    assert np.array_equal(y, np.empty((N, 0, H)) if layer.return_sequences else start)


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
@pytest.mark.parametrize("training", [False, True])
def test_lengths_of_any_integer_type(layer, dtype, training, monkeypatch):
    monkeypatch.setattr(recurrent, "INFERENCE_ROWS", 4)
    layer, lengths = build(layer), np.array([1, T])
    expected = layer.forward(x, training, lengths=lengths)
    assert np.array_equal(layer.forward(x, training, lengths=lengths.astype(dtype)), expected)


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_states_and_lengths_may_be_lists(layer, training):
    layer, start = build(layer), np.random.default_rng(2).normal(size=(N, H))
    given = layer.forward(x, training, [1, T], start.tolist())
    assert np.array_equal(given, layer.forward(x, training, np.array([1, T]), start))


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
def test_two_halves_read_one_after_the_other_are_the_whole(layer):
    layer, long = build(layer), np.random.default_rng(3).normal(size=(N, 2 * T, D))
    first, second = (long[:, T:], long[:, :T]) if layer.go_backwards else (long[:, :T], long[:, T:])
    last = first_read = layer.forward(first)
    if layer.return_sequences:
        last = first_read[:, 0] if layer.go_backwards else first_read[:, -1]
    rest = layer.forward(second, initial_state=last)
    whole = layer.forward(long)
    if layer.return_sequences:
        whole = whole[:, :T] if layer.go_backwards else whole[:, T:]
    assert_allclose(rest, whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_where_nobody_needs_the_input_gradient_there_is_none_and_all_else_is_the_same(layer):
    first, other = build(layer), build(layer)
    first._needs_dx = False
    assert (step(first).size, step(other).shape) == (0, x.shape)
    assert np.array_equal(first.flat_grads, other.flat_grads)
    assert np.array_equal(first.flat_params, other.flat_params)
