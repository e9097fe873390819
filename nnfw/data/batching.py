"""Batches: a data set cut into pieces."""

from collections.abc import Iterator

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.validation import positive_integer

POOL = 32  # batches that are sorted by length together


def batches(n: int, batch_size: int, rng: np.random.Generator | None = None) -> Iterator[slice | Array]:
    """Cut `n` samples into batches; the last is smaller if `batch_size` does not divide `n`.

    Parameters
    ----------
    n, batch_size : int
        The number of samples N, and how many a batch takes.
    rng : numpy.random.Generator, optional
        Shuffles the samples: index arrays are returned, else slices, which index without a copy.

    Examples
    --------
    >>> list(batches(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    positive_integer("batches", "batch_size", batch_size)
    slices = (slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size))
    if rng is None:
        return slices
    order = rng.permutation(n)
    return (order[part] for part in slices)


def gather_by_length(order: Array, lengths: Array, batch_size: int, rng: np.random.Generator) -> Array:
    """Return a new `order` of samples (N,) in which those of one batch have similar `lengths`.

    The order is cut into pools of 32 batches. Each pool is sorted by length and its batches are shuffled, so
    that short and long sequences still alternate. A batch that is not full stays the last.

    Examples
    --------
    >>> lengths = np.array([9, 1, 8, 2, 7, 3])
    >>> order = gather_by_length(np.arange(6), lengths, 2, np.random.default_rng(0))
    >>> lengths[order].tolist()
    [8, 9, 1, 2, 3, 7]
    """
    full = len(order) // batch_size * batch_size
    gathered = []
    for pool in batches(full, POOL * batch_size):
        samples = order[pool]
        by_length = samples[np.argsort(lengths[samples], kind="stable")].reshape(-1, batch_size)
        gathered.append(by_length[rng.permutation(len(by_length))].ravel())
    return np.concatenate([*gathered, order[full:]])
