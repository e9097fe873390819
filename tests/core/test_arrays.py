"""Arrays of the caller: what is taken as it is, and what NumPy would misread."""

import numpy as np
import pytest
from alike import for_each
from memory import peak

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

    def test_a_table_of_one_type_is_taken_as_a_whole(self, monkeypatch):
        pandas = pytest.importorskip("pandas")
        for values in (np.arange(12.0).reshape(4, 3), np.eye(3, dtype=bool), np.zeros((2, 3), np.uint8)):
            for order in "CF":
                table = pandas.DataFrame(np.array(values, order=order))
                with monkeypatch.context() as patch:
                    patch.setattr(pandas.DataFrame, "items", None)  # not column by column
                    found = arrays.numeric(table, "x")
                np.testing.assert_array_equal(found, values, strict=True)
                assert found.flags.c_contiguous  # gathered by rows

    @for_each("dtype", [np.float16, np.float32, np.float64])
    def test_values_are_checked_without_arrays_of_their_size(self, dtype):
        x = np.zeros(20_000, dtype)
        windows = np.lib.stride_tricks.sliding_window_view(x, 50)
        for of in (np.dtype(np.float16), np.dtype(np.float32), None):
            assert peak(arrays.check_finite, windows, "x", None, of) < 200_000
        for wrong in (np.nan, np.inf, -np.inf):
            x[123] = wrong
            with pytest.raises(ValueError, match=rf"^x\[74, 49\] is {wrong}: every value must be finite"):
                arrays.check_finite(windows, "x")

    @for_each(
        ("values", "error", "said"),
        [
            ([0, 4], ValueError, r"^x\[1\] is 4, but must be one of the 4 numbers from 0 to 3; the remedy$"),
            ([[0, 1], [-1, 2]], ValueError, r"^x\[1, 0\] is -1, but must"),
            ([0.0, 1.0], TypeError, "^x must be integers, got dtype float64; the remedy$"),
            ([True], TypeError, "^x must be integers, got dtype bool"),
            (["a"], TypeError, "^x must be real numbers, got <U1; nnfw.data has LabelEncoder"),
            ([1j], TypeError, r"^x must be real numbers, got complex128; np.concatenate\(\[z.real, z.imag\]"),
            (np.ones(1, [("a", "f8")]), TypeError, "; numpy.lib.recfunctions.structured_to_unstructured"),
            ({"a": [1]}, TypeError, r"^x must be real numbers, got dict; pass one array; pandas.DataFrame\("),
            ([{"a": 1}], TypeError, r"; pandas.DataFrame\("),
            (iter([1]), TypeError, "got list_iterator; pass a list or an array$"),
            (None, TypeError, "got NoneType; pass a list or an array$"),
            (np.ma.masked_equal([1, 2], 2), ValueError, "^x has masked values"),
        ],
    )
    def test_indices(self, values, error, said):
        with pytest.raises(error, match=said):
            arrays.as_indices(values, "x", 4, "the remedy")
        assert arrays.as_indices([[3, 0]], "x", 4, "").tolist() == [[3, 0]]
        assert arrays.as_indices(np.array([3, 0], np.uint64), "x", 4, "").dtype == np.int64
        assert arrays.as_indices([], "x", 4, "").dtype == np.int64
