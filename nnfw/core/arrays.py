"""Arrays from the caller: lists, tables and sequences are converted, and wrong values are refused."""

from contextlib import suppress
from typing import Any

import numpy as np

from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array, DTypeLike


def has_mask(values: Any) -> bool:
    """Whether a masked array, also one within lists, masks a value, which ``np.asarray`` would unmask."""
    if not isinstance(values, list | tuple):
        return bool(np.ma.is_masked(values))
    nested = any(issubclass(kind, (list, tuple, np.ma.MaskedArray)) for kind in set(map(type, values)))
    return nested and any(map(has_mask, values))


def as_array(values: Any, name: str, dtype: DTypeLike | None = None) -> Array:
    """Return `values` as an array, without copying arrays; values that NumPy would misread are refused."""
    if type(values) is np.ndarray:
        return np.asarray(values, dtype)
    if has_mask(values):
        fill = "fillna" if hasattr(values, "fillna") else "filled"  # a pandas array
        raise ValueError(f"{name} has masked values; fill them, {name}.{fill}(...), or drop such samples")
    if hasattr(values, "toarray"):
        raise TypeError(f"{name} is a sparse matrix, but must be an array; convert it by {name}.toarray()")
    try:
        return values if isinstance(values, np.memmap) else np.asarray(values, dtype)
    except ValueError:
        raise ValueError(
            f"{name} is a list of unequal parts, not an array; fit, evaluate and predict take sequences as a "
            f"list of arrays (T_i, D), or (T_i, 1) for one feature; x, lengths = "
            f"nnfw.data.pad_sequences(...) makes one array; add 1 to symbols first for Embedding(..., mask=0)"
        ) from None


def plain(values: Any, name: str) -> Any:
    """Return lists and arrays as `as_array` does, and anything else, such as tables, unchanged."""
    return as_array(values, name) if isinstance(values, list | tuple | np.ndarray) else values


def numeric(values: Any, name: str) -> Array:
    """Return `values` as an array of real numbers, without copying such an array."""
    array = values
    if type(values) is not np.ndarray:
        array = of_columns(values, name) if hasattr(values, "iloc") else as_array(values, name)
    if array.dtype.kind not in "fiub":
        got = array.dtype if array.ndim else type(values).__name__
        raise TypeError(f"{name} must be real numbers, got {got}; {to_numbers(array)}")
    return array


def to_numbers(array: Array) -> str:
    """Return, for messages, how to convert strings, objects or dates to numbers."""
    first = array.flat[0] if array.size else None
    if array.dtype.kind in "mM" or hasattr(first, "year"):  # also with a time zone
        return "convert times to hours by (dates - dates.min()) / np.timedelta64(1, 'h')"
    if array.ndim == 1 and array.size and isinstance(array[0], np.ndarray | list):
        return "convert an array of sequences to a list of sequences by list(...)"
    if array.dtype.kind == "c":
        return "np.concatenate([z.real, z.imag], axis=-1) makes features of both parts"
    if array.dtype.names:
        return "numpy.lib.recfunctions.structured_to_unstructured(...) makes a column of each field"
    if isinstance(first, dict):
        return "pass one array; pandas.DataFrame(...) makes one table of a dict of columns or a list of dicts"
    if array.dtype == object and not array.ndim:
        return "pass a list or an array"
    how = ""
    if array.dtype.kind in "OSU":
        with suppress(TypeError, ValueError):
            array.astype(float)
            how = ".astype(float) converts them, and "
    parts = "nnfw.data has LabelEncoder for labels, Vocabulary for texts, pad_sequences for ragged lists"
    return f"{how}{parts}; pandas has get_dummies for features that are strings"


def of_columns(table: Any, name: str) -> Array:
    """Return a pandas DataFrame or Series as an array, whatever the types of its columns.

    Nullable types become NumPy's types: otherwise a table of several types would be one of objects.
    """
    if table.ndim == 2 and len(table.columns):
        first, *others = set(table.dtypes)
        if not others and isinstance(first, np.dtype) and first.kind in "fiub":
            return np.ascontiguousarray(table)  # mostly without a copy
        columns = [numeric(column, f"{name}, column {label!r},") for label, column in table.items()]
        return np.stack(columns, axis=-1)
    kind = getattr(table.dtypes, "numpy_dtype", None)  # for a nullable type
    if kind is not None and table.isna().any():
        raise ValueError(f"{name} has missing values; use fillna(...), or Impute after .astype(float)")
    return as_array(table if kind is None else table.to_numpy(kind), name)


def as_indices(values: Any, name: str, count: int, remedy: str) -> Array:
    """Return `values` as an array of int64 if all are integers from 0 to count - 1."""
    array = numeric(values, name)
    if array.size and array.dtype.kind not in "iu":  # NumPy converts an empty list to float
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}; {remedy}")
    wrong = (array < 0) | (array >= count)
    if wrong.any():
        found = first_where(wrong, array, name)
        raise ValueError(f"{found}, but must be one of the {count} numbers from 0 to {count - 1}; {remedy}")
    return array.astype(np.int64, copy=False)  # NumPy promotes uint64 with int64 to float


def first_where(wrong: Array, array: Array, name: str) -> str:
    """Return, for messages, the location of the first value marked as wrong: ``x[0, 3] is nan``."""
    place = np.unravel_index(wrong.argmax(), array.shape)
    return f"{name}[{', '.join(map(str, place))}] is {array[place]}"


def check_finite(
    array: Array,
    name: str,
    lengths: Array | None = None,
    dtype: np.dtype[Any] | None = None,
    remedy: str = "fill (nnfw.data.Impute; for GRUD, Gaps) or drop such samples",
) -> None:
    """Raise a ValueError at the first value outside padding that is not finite, or too large for `dtype`."""
    if array.dtype.kind != "f":
        return
    narrower = dtype is not None and dtype.kind == "f" and dtype.itemsize < array.dtype.itemsize
    limit = np.finfo(dtype if narrower else array.dtype).max
    if not array.size or (-limit <= array.min() and array.max() <= limit):  # without an array of its size
        return
    finite = np.abs(array) <= limit
    if lengths is not None and not finite.all():
        padding = ~valid_steps(lengths, array.shape[1])
        finite |= padding.reshape(padding.shape + (1,) * (array.ndim - 2))
    if finite.all():
        return
    found = first_where(~finite, array, name)
    if np.isfinite(array[~finite][0]):
        raise ValueError(
            f"{found}, beyond the largest number of {dtype}, {limit:.2g}; scale {name}, for example with "
            f"StandardScaler or MinMaxScaler, or build the network with dtype='float64'"
        )
    raise ValueError(f"{found}: every value must be finite; {remedy}")
