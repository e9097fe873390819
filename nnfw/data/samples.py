"""The samples of a data set: division into batches, and into training and held-out samples."""

import reprlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import as_array, numeric
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import INSIDE, positive_integer, seeded

POOL = 32  # number of batches that are sorted by length together
BLOCK = 1 << 18  # numbers of a block: 2 MB in float64


def batches(n: int, batch_size: int, rng: np.random.Generator | None = None) -> Iterator[slice | Array]:
    """Split `n` samples into batches; the last is smaller if `batch_size` does not divide `n`.

    Parameters
    ----------
    n, batch_size : int
        The number of samples N, and the number of samples per batch.
    rng : numpy.random.Generator, optional
        If given, the samples are shuffled and index arrays returned, else slices, which index without a copy.

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
    """Return a new `order` of samples (N,) in which the samples of a batch have similar `lengths`.

    The order is split into pools of 32 batches. Each pool is sorted by length and its batches are shuffled,
    so that short and long sequences still alternate. An incomplete batch remains the last.

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
        gathered.append(rng.permutation(by_length).ravel())
    return np.concatenate([*gathered, order[full:]])


def split_indices(
    n: int, fraction: float, rng: np.random.Generator, labels: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Return the indices of training and held-out samples, drawn at random, both in ascending order.

    ``round(n * fraction)`` samples are held out, at least 1 and at most n - 1. With `labels`, a class gives
    its fraction, rounded by largest remainder (ties at random), and keeps a training sample if it has two.

    Parameters
    ----------
    n, fraction : int, float
        The number of samples N >= 2, and the fraction to hold out, between 0 and 1.
    rng : numpy.random.Generator
    labels : array_like, (N,) or (N, ...), optional
        Labels to stratify by: samples with equal labels (or equal one-hot rows) are of one class.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> train, held = split_indices(9, 1 / 3, np.random.default_rng(0), labels)
    >>> np.bincount(labels[train]), np.bincount(labels[held])
    (array([4, 2]), array([2, 1]))
    """
    if n < 2:
        raise ValueError(f"a split needs at least 2 samples, got {n}")
    share = INSIDE("split", "the fraction to hold out", fraction)
    held = min(max(round(n * share), 1), n - 1)
    chosen = rng.permutation(n)[:held] if labels is None else _choose_by_class(n, held, rng, labels)
    is_held = np.zeros(n, dtype=bool)
    is_held[chosen] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _choose_by_class(n: int, held: int, rng: np.random.Generator, labels: ArrayLike) -> Array:
    """Return the samples to hold out, of each class its share."""
    values = as_array(labels, "labels")
    if values.shape[:1] != (n,):
        raise ValueError(f"labels must hold one label for each of the {n} samples, got shape {values.shape}")
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise ValueError("labels hold fractions or nan; split continuous targets without stratifying")
    if values.dtype == object:  # NumPy cannot sort its rows
        try:
            values = np.unique(values, return_inverse=True)[1]
        except TypeError:
            raise TypeError("labels must be of one kind that can be sorted, none of them missing") from None
    same = np.arange(n)
    if values.ndim > 1 and values.size:  # equal bytes are one row: NumPy sorts rows number by number
        rows = np.ascontiguousarray(values).reshape(n, -1)
        keys = rows.view((np.void, rows[0].nbytes))[:, 0]
        _, first, same = np.unique(keys, return_index=True, return_inverse=True)
        values = values[first]
    classes = np.unique(values, return_inverse=True, axis=0)[1].ravel()[same]
    counts = np.bincount(classes)
    shares, order = _shares(counts, held, rng), rng.permutation(n)
    order = order[np.argsort(classes[order], kind="stable")]  # by class, in random order within each
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[rank < np.repeat(shares, counts)]


def _shares(counts: Array, held: int, rng: np.random.Generator) -> Array:
    """Return how many samples each class gives, by largest remainder, in exact integers."""
    most = np.maximum(counts - 1, 1)
    if held > most.sum():
        said = f"holding out {held} of {counts.sum()} leaves some of {len(counts)} classes no training sample"
        raise ValueError(f"{said}; hold out at most {most.sum()}, or split without stratifying")
    shares, remainders = np.divmod(counts * held, counts.sum())
    lots = rng.random(len(counts))
    while left := held - shares.sum():  # once, unless a class cannot give its share
        able = np.flatnonzero(shares < most)
        largest = able[np.lexsort((lots[able], -remainders[able]))]
        shares[largest[:left]] += 1
    return shares


@explain_keywords
def train_test_split(
    x: Any,
    y: Any,
    *more: Any,
    test_fraction: float = 0.2,
    seed: int = 0,
    stratify: ArrayLike | bool | None = None,
) -> list[Any]:
    """Split samples at random: ``[x_train, x_test, y_train, y_test, ...]``, in the order of scikit-learn.

    Parameters
    ----------
    x, y, *more : array_like, (N, ...)
        Inputs, targets, and anything else with one entry per sample. A list stays a list, such as one of
        variable-length sequences; anything else becomes an array.
    test_fraction : float, default 0.2
        The fraction of test samples, between 0 and 1.
    seed : int, default 0
        The same seed gives the same split.
    stratify : bool or array_like, (N,), optional
        Stratify by the classes of `y`, or by these labels; see `split_indices`.

    Examples
    --------
    >>> x, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 0])
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_fraction=0.4, stratify=True)
    >>> x_train.shape, x_test.shape, sorted(y_test.tolist())
    ((3, 2), (2, 2), [0, 1])
    """
    given = (x, y, *more)
    columns = [one if isinstance(one, list | tuple) else numbers_or_others(one, "the data") for one in given]
    sizes = [len(column) for column in columns]
    if len(set(sizes)) > 1:
        raise ValueError(f"all arguments must have the same number of samples, got {sizes}")
    rng = seeded("train_test_split", "seed", seed)
    labels = y if stratify is True else None if stratify is False else stratify
    parts = [rng.permutation(part) for part in split_indices(sizes[0], test_fraction, rng, labels)]
    return [
        column[part] if isinstance(column, np.ndarray) else [column[i] for i in part]
        for column in columns
        for part in parts
    ]


def same_columns(sequences: list[Any]) -> list[Any]:
    """Return the sequences; raise a ValueError for a table whose columns differ from those of the first."""
    first: list[Any] = []
    for index, one in enumerate(sequences):
        columns = list(getattr(one, "columns", ()))
        first = first or columns
        if columns and columns != first:
            said = f"sequence {index} has columns {reprlib.repr(columns)}, the first {reprlib.repr(first)}"
            raise ValueError(f"{said}; table[names] selects the same columns in the same order")
    return sequences


def numbers_or_others(values: Any, name: str) -> Array:
    """Return values as an array: of numbers if they are numbers, even in table columns of several types."""
    with suppress(TypeError, ValueError):
        return numeric(values, name)
    return as_array(values, name)


def blocks(items: list[Array]) -> Iterator[Array]:
    """Yield the rows of arrays (..., D) in float64 blocks, never copying all; short arrays are joined."""
    together = max(BLOCK * len(items) // max(sum(item.size for item in items), 1), 1)
    for first in range(0, len(items), together):
        item = items[first] if together == 1 else np.concatenate(items[first : first + together])
        for samples in batches(len(item), max(BLOCK * len(item) // max(item.size, 1), 1)):
            rows = item[samples].reshape(-1, item.shape[-1])  # not of all: a copy, if they are windows
            for part in batches(len(rows), max(BLOCK // rows.shape[1], 1)):
                yield rows[part].astype(np.float64, order="C")


def reduced(ufunc: np.ufunc, rows: Array) -> Array:
    """Return the minimum or maximum of each column, many rows at a time, as a few columns alone are slow."""
    k = min(len(rows), 1 + 1024 // rows.shape[1])
    folded = rows[: len(rows) // k * k].reshape(-1, k, rows.shape[1])
    return np.asarray(ufunc.reduce(ufunc(ufunc.reduce(folded), rows[-k:])))
