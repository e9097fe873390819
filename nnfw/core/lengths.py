"""The lengths of a batch's sequences, as layers that read whole sequences take them."""

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array


def check_lengths(label: str, lengths: Array | None, N: int, T: int) -> Array:
    """Return the valid steps of N sequences as integers (N,), each T where none are given.

    Raises
    ------
    ShapeError, ValueError
        If they are not one whole number a sample, or not within 1 to T; the message begins with `label`.

    Examples
    --------
    >>> check_lengths("LastStep()", None, N=2, T=5)
    array([5, 5])
    """
    if lengths is None:
        return np.full(N, T)
    lengths = np.asarray(lengths)
    if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
        raise ShapeError(
            f"{label}: lengths must be {N} whole numbers, one a sample, "
            f"got {lengths.dtype} of shape {lengths.shape}"
        )
    if np.any(lengths < 1) or np.any(lengths > T):
        raise ValueError(
            f"{label}: lengths must lie in 1 to {T}, the steps of x; got {lengths.min()} to {lengths.max()}"
        )
    return lengths.astype(np.int64, copy=False)


def valid_steps(lengths: Array, T: int) -> Array:
    """Return which steps are no padding, bool (N, T)."""
    return np.arange(T) < lengths[:, None]


def steps_as_samples(a: Array, lengths: Array | None) -> Array:
    """Return the valid steps (M, ...) of all samples of `a` (N, T, ...), one after another.

    Examples
    --------
    >>> steps_as_samples(np.array([[1, 2, 0], [3, 0, 0]]), np.array([2, 1]))
    array([1, 2, 3])
    """
    return a.reshape(-1, *a.shape[2:]) if lengths is None else a[valid_steps(lengths, a.shape[1])]


def without(padding: Array | None, x: Array) -> Array:
    """Return x (N, T, ...) with 0 in the padding (N, T)."""
    if padding is None:
        return x
    x = x.copy()
    x[padding] = 0
    return x
