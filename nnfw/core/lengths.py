"""The lengths (N,) of a batch of variable-length sequences, and the padding beyond them."""

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, ArrayLike


def check_lengths(label: str, lengths: ArrayLike | None, N: int, T: int) -> Array:
    """Return the valid steps of N sequences as integers (N,), by default T each."""
    if lengths is None:
        return np.full(N, T)
    lengths = np.asarray(lengths)
    if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
        got = f"{lengths.dtype} of shape {lengths.shape}"
        raise ShapeError(f"{label}: lengths must be {N} whole numbers, one per sample, got {got}")
    if np.any((lengths < 0) | (lengths > T)):
        got = f"{lengths.min()} to {lengths.max()}"
        raise ValueError(f"{label}: lengths must lie in 0 to {T}, the steps of x; got {got}")
    return lengths.astype(np.int64, copy=False)


def valid_steps(lengths: Array, T: int) -> Array:
    """Return which steps are not padding, bool (N, T)."""
    return np.arange(T) < lengths[:, None]


def steps_as_samples(a: Array, lengths: Array | None) -> Array:
    """Return the valid steps (M, ...) of all samples of `a` (N, T, ...), concatenated."""
    return a.reshape(-1, *a.shape[2:]) if lengths is None else a[valid_steps(lengths, a.shape[1])]


def is_sequence(y: Array, steps: tuple[int, ...]) -> bool:
    """Whether outputs still have the time steps (N, T) of the inputs."""
    return y.ndim > 2 and y.shape[:2] == steps


def without(padding: Array | None, x: Array) -> Array:
    """Return x (N, T, ...) with 0 in the padding (N, T)."""
    if padding is None:
        return x
    x = x.copy()
    x[padding] = 0
    return x


def cleared(x: Array, lengths: Array | None) -> Array:
    """Return x (N, T, ...) with 0 beyond the lengths (N,)."""
    return x if lengths is None else without(~valid_steps(lengths, x.shape[1]), x)
