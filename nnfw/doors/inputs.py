"""Inputs: (N, D), (N, T, D), or a list of sequences (T_i, D); of indices (N, T), or a list of them (T_i,)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.data import pad_sequences
from nnfw.doors.arrays import check_finite, named, numeric
from nnfw.errors import ShapeError
from nnfw.layers.layer import Layer
from nnfw.layers.lengths import valid_steps


def open_inputs(
    first: Layer, x: Any, lengths: ArrayLike | None, dtype: np.dtype[Any]
) -> tuple[Array, Array | None]:
    """Return inputs (N, ...) as the first layer takes them, and lengths (N,) or None.

    `dtype` is what they will be converted to, batch by batch.

    Raises
    ------
    TypeError, ValueError
        If `x` is not numeric, empty, not finite, or too large for `dtype`; if `lengths` do not fit.
    """
    axes = 1 if first.takes_indices else 2  # of one sequence
    known = None  # lengths that are but those of a list's parts
    if is_ragged(x, axes):
        if lengths is not None:
            raise ValueError("x is a list of sequences, which have their own lengths: leave lengths out")
        with named("x"):
            x, lengths = pad_sequences(x)
        known = lengths
    else:
        x = numeric(x, "x")
        if x.ndim < 2 or x.size == 0:
            alone = "one sample alone is x[None], one feature alone x[..., None]"
            raise ShapeError(
                f"x must be (samples, features) or (samples, steps, features) and not empty, got {x.shape}; "
                f"{alone if x.size else 'give at least one sample, with a feature'}"
            )
        lengths = None if lengths is None else open_lengths(lengths, x, axes)
    if not isinstance(x, np.memmap):  # that may be larger than the memory: it is read batch by batch
        check_finite(x, "x", lengths, dtype)
        if first.takes_indices and lengths is not None:
            first.check_values(np.where(valid_steps(lengths, x.shape[1]), x, 0))
        else:
            first.check_values(x)
    if lengths is known:
        lengths = first.find_lengths(x, known)
    if lengths is not None and np.all(lengths == x.shape[1]):
        return x, None
    return x, lengths


def is_ragged(x: Any, axes: int) -> bool:
    """Whether `x` is a list of sequences with as many `axes` each: 2 for (T_i, D), 1 for indices (T_i,)."""
    if not isinstance(x, (list, tuple)) or not x or np.ndim(x[0]) != axes:
        return False
    return hasattr(x[0], "shape") if axes == 2 else len({len(one) for one in x}) > 1


def open_lengths(lengths: ArrayLike, x: Array, axes: int = 2) -> Array:
    """Return lengths as integers (N,) that fit x (N, T, D), or indices (N, T)."""
    if x.ndim != 1 + axes:
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
