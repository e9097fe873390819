"""Batches: a data set cut into pieces."""

from collections.abc import Iterator

import numpy as np

from nnfw.checks import positive_integer
from nnfw.joint import Array


def batches(
    n: int, batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[slice] | Iterator[Array]:
    """Cut `n` samples into batches; the last is smaller if `batch_size` does not divide `n`.

    Parameters
    ----------
    n : int
        The number of samples N.
    batch_size : int
        Samples a batch.
    rng : numpy.random.Generator, optional
        Shuffles the samples; equal generators shuffle alike.

    Returns
    -------
    iterator of slice, or of ndarray
        Without `rng` slices in order, which index without a copy; with it index arrays.

    Examples
    --------
    >>> list(batches(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    >>> [len(indices) for indices in batches(5, 2, np.random.default_rng(0))]
    [2, 2, 1]
    """
    positive_integer("batches", "batch_size", batch_size)
    slices = (slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size))
    if rng is None:
        return slices
    order = rng.permutation(n)
    return (order[part] for part in slices)
