"""Long vectors in pieces that stay in the processor's cache."""

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nnfw.arrays import Array

if TYPE_CHECKING:
    from nnfw.optimizer import State

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
