"""Arrays of the caller: what is taken as it is, and what NumPy would misread."""

import numpy as np
import pytest
from alike import for_each

from nnfw.core import arrays

MASKED = np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 4.0)


class TestArrays:
    @for_each(
        "values",
        [
            MASKED,
            [[1.0, 2.0], MASKED[1]],
            (np.ones(2), MASKED[1]),
            [[[0.0, 1.0], [0.0, 1.0]], [[1.0, 2.0], MASKED[1]]],
            [1.0, np.ma.masked],
            [[1.0, np.ma.masked]],
        ],
    )
    @for_each("check", [arrays.as_array, arrays.numeric])
    def test_masked_values_are_refused_at_any_depth(self, check, values):
        with pytest.raises(ValueError, match=r"^x has masked values; fill them, x\.filled"):
            check(values, "x")

    def test_a_mask_that_hides_nothing_is_welcome(self):
        whole = np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 5.0)
        for values in (whole, list(whole), [whole[0], [3.0, 4.0]]):
            found = arrays.numeric(values, "x")
            assert type(found) is np.ndarray
            np.testing.assert_array_equal(found, [[1, 2], [3, 4]])

    def test_arrays_are_not_copied(self, tmp_path):
        x = np.arange(4.0)
        np.save(tmp_path / "x.npy", x)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        assert arrays.as_array(x, "x") is x
        assert arrays.as_array(mapped, "x") is mapped
        assert arrays.as_array([1, "a"], "x", object).tolist() == [1, "a"]

    @for_each(
        ("values", "error", "said"),
        [
            ([0, 4], ValueError, r"^x\[1\] is 4, but must be one of the 4 numbers from 0 to 3; the remedy$"),
            ([[0, 1], [-1, 2]], ValueError, r"^x\[1, 0\] is -1, but must"),
            ([0.0, 1.0], TypeError, "^x must be integers, got dtype float64; the remedy$"),
            ([True], TypeError, "^x must be integers, got dtype bool"),
            (["a"], TypeError, "^x must be real numbers, got <U1"),
            (np.ma.masked_equal([1, 2], 2), ValueError, "^x has masked values"),
        ],
    )
    def test_indices(self, values, error, said):
        with pytest.raises(error, match=said):
            arrays.as_indices(values, "x", 4, "the remedy")
        assert arrays.as_indices([[3, 0]], "x", 4, "").tolist() == [[3, 0]]
        assert arrays.as_indices(np.array([3, 0], np.uint64), "x", 4, "").dtype == np.int64
        assert arrays.as_indices([], "x", 4, "").dtype == np.int64
