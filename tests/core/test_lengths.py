"""Lengths: which steps are valid, and what is left of arrays without the padding."""

import numpy as np
import pytest
from alike import for_each

from nnfw.core.lengths import check_lengths, cleared, is_sequence, steps_as_samples, valid_steps, without

LENGTHS = np.array([2, 4, 1])
VALID = [(n, t) for n, length in enumerate(LENGTHS) for t in range(length)]


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (3, 4, 2, 2)])
def test_valid_steps_are_taken_sample_by_sample(shape):
    a = np.random.default_rng(0).normal(size=shape)
    expected = np.stack([a[n, t] for n, t in VALID])
    np.testing.assert_array_equal(steps_as_samples(a, LENGTHS), expected)
    every = np.stack([a[n, t] for n in range(3) for t in range(4)])
    np.testing.assert_array_equal(steps_as_samples(a, None), every)


def test_padding_is_0_in_a_copy():
    x = np.random.default_rng(1).normal(size=(3, 4, 2))
    before, padding = x.copy(), ~valid_steps(LENGTHS, 4)
    found = without(padding, x)
    assert {(n, t) for n, t in np.argwhere(found.any(axis=-1)).tolist()} == set(VALID)
    np.testing.assert_array_equal(found[~padding], x[~padding])
    np.testing.assert_array_equal(x, before)
    assert without(None, x) is cleared(x, None) is x
    np.testing.assert_array_equal(cleared(x, LENGTHS), found)


@for_each("shape", [(3, 4, 2), (3, 4, 2, 5), (3, 4), (3, 5, 2), (2, 4, 2), (4, 3, 2)])
def test_a_sequence_has_the_steps_and_features(shape):
    assert is_sequence(np.zeros(shape), (3, 4)) is (shape in [(3, 4, 2), (3, 4, 2, 5)])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_lengths_of_whole_numbers(dtype):
    found = check_lengths("GRU", LENGTHS.astype(dtype), 3, 4)
    assert found.dtype == np.int64
    assert found.tolist() == LENGTHS.tolist()
    assert check_lengths("GRU", None, 3, 4).tolist() == [4, 4, 4]
