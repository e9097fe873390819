"""Parameters and gradients are views into one vector: written into, never over, and copied with it."""

import copy
import pickle
import re

import numpy as np
import pytest
from alike import for_each
from built import KINDS, LAYERS, D, H, T, new, step, x
from refusals import message

from nnfw import SGD
from nnfw.core.vectors import KEPT, Scratch, lent


def train(layer, seed=0):
    """Run a training step with a random dy, and return dx."""
    dy = np.random.default_rng(seed).normal(size=layer.forward(x).shape)
    dx = step(layer, x, dy)
    layer.update(SGD(0.1), 0.0)
    return dx


@pytest.mark.parametrize("kind", KINDS)
@for_each("which", ["params", "grads"])
def test_views_are_written_into_and_never_over(kind, which):
    layer = new(kind(H))
    views, flat = getattr(layer, which), getattr(layer, f"flat_{which}")
    name = next(iter(views))
    said = message(TypeError, lambda: views.__setitem__(name, np.ones((D, H))))
    assert re.search(rf"\[{name!r}\]\[\.\.\.\] = value", said)
    views[name][...] = 3.0
    assert np.sum(flat == 3.0) == D * H


def through_pickle(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@for_each("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_is_equal_and_trains_by_itself(layer, duplicate):
    layer = new(layer)
    train(layer)
    twin = duplicate(layer)
    assert list(twin.params) == list(layer.params)
    for name, p in twin.params.items():
        assert np.shares_memory(p, twin.flat_params)
        assert np.shares_memory(twin.grads[name], twin.flat_grads)
        assert not np.shares_memory(p, layer.flat_params)
        assert np.array_equal(p, layer.params[name])
    before = layer.flat_params.copy()
    dx = train(twin, seed=1)
    assert np.array_equal(layer.flat_params, before)
    assert not np.array_equal(twin.flat_params, before)
    assert np.array_equal(train(layer, seed=1), dx)
    assert np.array_equal(layer.flat_params, twin.flat_params)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@for_each("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_between_compute_shapes_and_initialize(layer, duplicate):
    layer = type(layer)(**layer.config)
    layer.compute_shapes((T, D))
    twin = duplicate(layer)
    twin.initialize(np.random.default_rng(0), "float64")
    assert np.array_equal(twin.forward(x), new(layer).forward(x))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_copy_leaves_the_last_batch_behind(layer):
    layer = new(layer)
    size = len(pickle.dumps(layer))
    layer.forward(np.ones((50, 40, D)), training=True)
    assert len(pickle.dumps(layer)) < size + 1000


def test_scratch_memory_is_taken_once_for_arrays_that_fit_into_it():
    scratch = Scratch(np.dtype("float32"))
    whole = scratch("h", (4, 3))
    for shape in ((4, 3), (12,), (2, 3)):
        assert np.shares_memory(scratch("h", shape), whole)
        assert scratch("h", shape).shape == shape
    assert not np.shares_memory(scratch("other", (4, 3)), whole)
    larger = scratch("h", (13,))
    assert larger.dtype == np.float32
    assert not np.shares_memory(larger, whole)


def test_the_last_few_that_are_made_of_scratch_memory_are_kept_until_it_grows():
    scratch, made = Scratch(np.dtype("float32")), []

    def make(_, number):
        made.append(number)
        return [number]

    first = [scratch.once(make, n) for n in range(KEPT)]
    assert all(scratch.once(make, n) is first[n] for n in (*range(KEPT), 0))
    for n in (KEPT, 0, 1):  # the oldest is 1, and makes way
        assert scratch.once(make, n) == [n]
    scratch("h", (4, 3))
    scratch.once(make, 1)
    assert made == [*range(KEPT), KEPT, 1, 1]


def test_lent_scratch_memory_is_used_again_and_never_twice_at_a_time():
    dtype = np.dtype("float32")
    with lent(dtype) as first, lent(dtype) as second:
        assert second is not first
    with lent(dtype) as again, lent(np.dtype("float64")) as wide:
        assert again is first
        assert (again.dtype, wide.dtype) == ("float32", "float64")
