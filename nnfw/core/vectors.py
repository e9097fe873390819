"""Long vectors in pieces that stay in the processor's cache."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from nnfw.core.typing import Array

if TYPE_CHECKING:
    from nnfw.optimizers import State


BLOCK = 1 << 17  # elements of a piece

Rule = TypeVar("Rule", bound=Callable[..., None])


def blocks(size: int) -> Iterator[slice]:
    """Return the pieces of a vector of so many elements."""
    return (slice(start, start + BLOCK) for start in range(0, size, BLOCK))


def elementwise(rule: Rule) -> Rule:
    """Decorate a rule that treats each parameter by itself, so that a long vector can be taken in blocks.

    The rule is called once a block, and therefore changes nothing but `params` and ``state.slots``.
    """

    @functools.wraps(rule)
    def by_blocks(self: Any, params: Array, grads: Array, state: "State", *args: Any, **kwargs: Any) -> None:
        if params.size <= BLOCK:
            return rule(self, params, grads, state, *args, **kwargs)
        for block in blocks(params.size):
            rule(self, params[block], grads[block], state.part(block), *args, **kwargs)
        return None

    return cast(Rule, by_blocks)


def norm_of(vector: Array) -> float:
    """Return the Euclidean norm. Divided by the largest element, no square is too large or too small."""
    largest = float(np.abs(vector).max())
    if not 0.0 < largest < math.inf:
        return largest
    scaled = np.divide(vector, largest, dtype=np.float64)
    return largest * math.sqrt(np.dot(scaled, scaled))


def clip_to_norm(vectors: Sequence[Array], limit: float) -> float:
    """Scale `vectors` in place so that their common Euclidean norm is at most `limit`.

    A norm that is not finite leaves them as they are: there is no direction to keep.

    Parameters
    ----------
    vectors : sequence of ndarray
        Flat vectors, taken as one long one.
    limit : float
        The highest norm, > 0.

    Returns
    -------
    float
        The norm before.

    References
    ----------
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
