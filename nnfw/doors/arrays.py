"""What every array must be at the door: real numbers, all of them finite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnfw.arrays import Array
from nnfw.layers.lengths import valid_steps

WORDS = (
    "nnfw.data has LabelEncoder for labels and Vocabulary for texts; .astype(float) makes numbers of digits"
)
REMEDIES = {
    "O": "give numbers, as .astype(float) does, or sequences of unequal length as a list of arrays (T_i, D)",
    "U": WORDS,
    "S": WORDS,
    "c": "give real and imaginary parts as two features",
}


@contextmanager
def named(argument: str) -> Iterator[None]:
    """Put the argument's name before the message of an error."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.args = (f"{argument}: {error}",)
        raise


def numeric(values: Any, name: str) -> Array:
    """Return `values` as an array of real numbers, without a copy where it is one."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; fill them, {name}.filled(...), or drop such samples")
    try:
        array = values if isinstance(values, np.memmap) else np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name} is a list of unequal parts; sequences of unequal length are a list of arrays (T_i, D)"
        ) from None
    if array.dtype.kind not in "fiub":
        remedy = REMEDIES.get(array.dtype.kind, "convert it to numbers")
        got = array.dtype if array.ndim else type(values).__name__
        raise TypeError(f"{name} must be real numbers, got {got}; {remedy}")
    return array


def check_finite(
    array: Array, name: str, lengths: Array | None = None, dtype: np.dtype[Any] | None = None
) -> None:
    """Raise a ValueError at the first value not finite, or too large for `dtype`; padding is not read."""
    if array.dtype.kind != "f":
        return
    narrower = dtype is not None and dtype.kind == "f" and dtype.itemsize < array.dtype.itemsize
    limit = np.finfo(dtype).max if narrower else np.inf
    finite = np.abs(array) <= limit if narrower else np.isfinite(array)
    if finite.all():
        return
    if lengths is not None:
        padding = ~valid_steps(lengths, array.shape[1])
        finite |= padding.reshape(padding.shape + (1,) * (array.ndim - 2))
        if finite.all():
            return
    first = np.unravel_index(finite.argmin(), array.shape)
    place = f"{name}[{', '.join(map(str, first))}] is {array[first]}"
    if np.isfinite(array[first]):
        raise ValueError(
            f"{place}, beyond the largest number of {dtype}, {limit:.2g}; scale {name}, as StandardScaler "
            f"and MinMaxScaler do, or build the network with dtype='float64'"
        )
    raise ValueError(f"{place}: every value must be finite; fill or drop such samples first")
