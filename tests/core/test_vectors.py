"""Memory that is used again."""

import numpy as np

from nnfw.core.vectors import LENT, lent, repeated


def test_lent_memory_is_used_again_and_by_one_call_at_a_time():
    dtype = np.dtype("float64")
    with lent(dtype) as first:
        view = first("a", (3, 4))
        with lent(dtype) as second:
            assert not np.shares_memory(second("a", (3, 4)), view)
    with lent(dtype) as again, lent(dtype) as other:
        assert {id(again), id(other)} == {id(first), id(second)}
        assert again("a", (2, 5)).dtype == dtype
    with lent(np.dtype("float32")) as narrow:
        assert narrow("a", (2,)).dtype == np.float32


def test_what_fails_is_not_lent_again():
    dtype = np.dtype("float64")
    try:
        with lent(dtype) as broken:
            raise ValueError
    except ValueError:
        pass
    with lent(dtype) as scratch:
        assert scratch is not broken


def test_large_memory_is_not_kept_after_the_call():
    dtype = np.dtype("float64")
    with lent(dtype) as large:
        large("a", (5, 3))
        large("a", (LENT // 16, 3))
        large("b", (2,))
        assert large.nbytes == (LENT // 16 * 3 + 2) * 8
    with lent(dtype) as scratch:
        assert scratch is not large


def test_a_row_is_not_repeated_for_a_single_step():
    row = np.arange(3.0)
    assert repeated(row, like=np.zeros((4, 1, 3))) is row
    assert repeated(row, like=np.zeros((4, 2, 3))).shape == (2, 3)
