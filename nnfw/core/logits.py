"""The passing of the output layer's logits to a loss that is fused with the layer's activation.

Softmax with categorical cross-entropy, and sigmoid with binary cross-entropy, are exact only when the two are
computed together: the loss from the logits ``s`` before the activation, and ``(a - y) / N``, its gradient
with respect to them. Computed separately, ``a`` rounds to 0 or 1, and the gradient of a confident mistake
vanishes. Two tables keep the training step ``forward, loss, backward`` on plain arrays:

* `LOGITS`: the output layer enters the logits of the outputs ``a`` that it returns; the loss looks them up;
* `LOGIT_GRADIENTS`: ``loss.gradient(y, a)`` is the gradient with respect to ``a``; the loss enters the one
  with respect to the logits for it, and ``network.backward`` looks that up.

A copy, a slice or a result of arithmetic is another array and is in no table, and a gradient that was changed
in place no longer counts as the one entered: these go through the derivative of the activation.
"""

import inspect
import weakref
from typing import Any, Generic, TypeVar

import numpy as np

from nnfw.core.typing import Array

T = TypeVar("T")


def takes_logits(backward: Any) -> bool:
    """Whether a layer's `backward`, which a custom layer may override, can be told that dy is of logits."""
    code = getattr(inspect.unwrap(backward), "__code__", None)
    return code is None or "of_logits" in code.co_varnames or bool(code.co_flags & inspect.CO_VARKEYWORDS)


class Companions(Generic[T]):
    """A table of values associated with arrays, by their identity, for as long as each array exists.

    With `unchanged`, an array whose values have changed since it was entered is not found.

    Examples
    --------
    >>> import numpy as np
    >>> names, a = Companions(), np.zeros(2)
    >>> names.enter(a, "zeros")
    >>> names.of(a), names.of(a.copy())
    ('zeros', None)
    """

    def __init__(self, unchanged: bool = False) -> None:
        self.unchanged = unchanged
        self._known: dict[int, tuple[weakref.ref[Array], bytes, T]] = {}

    def enter(self, a: Array, companion: T) -> None:
        """Store the value that belongs to `a`; it is removed together with `a`."""
        key, known, values = id(a), self._known, a.tobytes() if self.unchanged else b""
        known[key] = weakref.ref(a, lambda _: known.pop(key, None)), values, companion

    def of(self, a: Any) -> T | None:
        """Return the value that belongs to `a`, or None."""
        found = self._known.get(id(a))
        if found is None or found[0]() is not a or (self.unchanged and found[1] != np.asarray(a).tobytes()):
            return None
        return found[2]


LOGITS: Companions[tuple[str, Array]] = Companions()  # the activation's name, and the logits
LOGIT_GRADIENTS: Companions[Array] = Companions(unchanged=True)
