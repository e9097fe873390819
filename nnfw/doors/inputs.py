"""Inputs: (N, D), (N, T, D), or a list of sequences (T_i, D)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.data import pad_sequences
from nnfw.doors.arrays import check_finite, named, numeric
from nnfw.errors import ShapeError
from nnfw.joint import Array


def open_inputs(x: Any, lengths: ArrayLike | None) -> tuple[Array, Array | None]:
    """Return inputs (N, ...) and lengths (N,) or None.

    Raises
    ------
    TypeError, ValueError
        If `x` is not numeric, empty, or not finite; if `lengths` do not fit.
    """
    if is_ragged(x):
        if lengths is not None:
            raise ValueError("x is a list of sequences, which have their own lengths: leave lengths out")
        with named("x"):
            x, lengths = pad_sequences(x)
    else:
        x = numeric(x, "x")
        if x.ndim < 2 or x.size == 0:
            raise ShapeError(
                f"x must be (samples, features) or (samples, steps, features) and not empty, got {x.shape}; "
                f"one sample alone is x[None], one feature alone x[..., None]"
            )
        lengths = None if lengths is None else open_lengths(lengths, x)
    if not isinstance(x, np.memmap):  # that may be larger than the memory: it is read batch by batch
        check_finite(x, "x", lengths)
    if lengths is not None and np.all(lengths == x.shape[1]):
        return x, None
    return x, lengths


def is_ragged(x: Any) -> bool:
    """Whether `x` is a list of sequences (T_i, D)."""
    return isinstance(x, (list, tuple)) and len(x) > 0 and np.ndim(x[0]) == 2 and hasattr(x[0], "shape")


def open_lengths(lengths: ArrayLike, x: Array) -> Array:
    """Return lengths as integers (N,) that fit x (N, T, D)."""
    if x.ndim != 3:
        raise ShapeError(f"lengths go with x of (samples, steps, features), got x {x.shape}; leave them out")
    counts = numeric(lengths, "lengths")
    if counts.dtype.kind not in "iu":
        raise TypeError(f"lengths must be whole numbers, got {counts.dtype}; lengths.astype(int) makes them")
    if counts.shape != (len(x),):
        raise ShapeError(f"lengths must be one for each of the {len(x)} samples, got shape {counts.shape}")
    wrong = np.flatnonzero((counts < 1) | (counts > x.shape[1]))
    if wrong.size:
        raise ValueError(
            f"lengths must lie in 1 to {x.shape[1]}, the steps of x, but lengths[{wrong[0]}] is "
            f"{counts[wrong[0]]}; drop sequences without a step"
        )
    return counts.astype(np.int64)
