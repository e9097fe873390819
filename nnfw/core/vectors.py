"""Long vectors in blocks that stay in the cache, their norms, long rows, and reusable memory."""

import contextlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnfw.core.typing import Array

BLOCK = 1 << 17  # elements
KEPT = 4  # results cached by `Scratch.once`
LENT = 1 << 25  # bytes of scratch memory that `lent` keeps at most, which is enough for usual batches


class Scratch:
    """Uninitialized memory by name and shape, kept from one step to the next; a copy starts empty."""

    def __init__(self, dtype: np.dtype[Any] | None = None) -> None:
        self.dtype: np.dtype[Any] | None = dtype
        self._views, self._made = dict[str, Array](), dict[Any, Any]()
        self.nbytes = 0  # of its memory

    def __call__(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return an array of this shape; its memory grows if necessary and never shrinks."""
        view = self._views.get(name)
        if view is None or view.shape != shape:
            size, memory = math.prod(shape), None if view is None else view.base
            if memory is None or memory.size < size:
                self.nbytes -= 0 if memory is None else memory.nbytes
                memory = np.empty(size, self.dtype)
                self.nbytes += memory.nbytes
                self._made.clear()  # cached results would keep the outgrown memory
            view = self._views[name] = memory[:size].reshape(shape)
        return view

    def once(self, make: Callable[..., Any], *args: Any) -> Any:
        """Return ``make(self, *args)``; the last few results are cached by these arguments."""
        made = self._made.pop((make, args), None) or make(self, *args)
        self._made[make, args] = made  # as the latest
        for oldest in [*self._made][:-KEPT]:
            del self._made[oldest]
        return made

    def __reduce__(self) -> Any:
        return Scratch, (self.dtype,)


_idle: defaultdict[np.dtype[Any], list[Scratch]] = defaultdict(list)  # not in use by any call


@contextlib.contextmanager
def lent(dtype: np.dtype[Any]) -> Iterator[Scratch]:
    """Lend scratch memory that no other call in any thread uses meanwhile; later calls reuse it if small."""
    idle = _idle[dtype]
    try:
        scratch = idle.pop()
    except IndexError:
        scratch = Scratch(dtype)
    yield scratch
    if scratch.nbytes <= LENT:
        idle.append(scratch)


def blocks(count: int, size: int = 1) -> Iterator[slice]:
    """Return the slices that divide `count` rows of `size` elements each into blocks."""
    rows = max(BLOCK // max(size, 1), 1)
    return (slice(start, start + rows) for start in range(0, count, rows))


def repeated(row: Array, like: Array) -> Array:
    """Return a row (D,) as (T, D), for an operation with an array (N, ..., T, D): long rows are faster.

    Examples
    --------
    >>> repeated(np.arange(3), like=np.zeros((4, 2, 3)))
    array([[0, 1, 2],
           [0, 1, 2]])
    """
    if like.ndim == 2 or like.shape[-2] == 1:
        return row
    line = np.empty(like.shape[-2:], row.dtype)
    line[...] = row
    return line


def product(x: Array, W: Array) -> Array:
    """Return x W (..., H) for x (..., D): one product of all rows, where ``@`` computes one per sample.

    `np.dot` also uses BLAS if D is 1, and ``@`` does not.
    """
    if x.ndim == 2:
        return np.dot(x, W)
    return np.dot(x.reshape(-1, len(W)), W).reshape(*x.shape[:-1], W.shape[1])


def total(x: Array, out: Array | None = None) -> Array:
    """Return the sum (D,) of x (..., D) over all rows, as one product, which is faster than a sum."""
    rows = x.reshape(-1, x.shape[-1])
    return np.dot(np.ones(len(rows), x.dtype), rows, out)


def norm_of(vector: Array) -> float:
    """Return the Euclidean norm; division by the largest element prevents overflow and underflow."""
    largest = float(np.abs(vector).max())
    if not 0.0 < largest < math.inf:
        return largest
    scaled = np.divide(vector, largest, dtype=np.float64)
    return largest * math.sqrt(np.dot(scaled, scaled))


def clip_to_norm(vectors: Sequence[Array], limit: float) -> float:
    """Scale `vectors` in place so that their joint norm is at most `limit`; return the original norm.

    If the norm is not finite, they are left unchanged: there is no direction to preserve.

    Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), algorithm 1. (PyTorch adds 1e-6 to the norm.)

    Examples
    --------
    >>> a, b = np.array([3.0, 0.0]), np.array([4.0])
    >>> clip_to_norm([a, b], limit=1.0), a, b
    (5.0, array([0.6, 0. ]), array([0.8]))
    """
    norm = math.hypot(*(norm_of(vector[block]) for vector in vectors for block in blocks(vector.size)))
    if limit < norm < math.inf:
        for vector in vectors:
            vector *= limit / norm
    return norm
