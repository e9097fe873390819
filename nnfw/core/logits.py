"""How the logits of the output layer reach a loss that is fused with the layer's activation.

Softmax followed by categorical cross-entropy, and sigmoid followed by binary cross-entropy, are exact only
when the two are taken together: the loss straight from the logits ``s`` before the activation, and its
gradient with respect to them, ``(a - y) / N``. Taken apart, ``a`` rounds to 0 or 1 and a confident mistake
is lost. The training step stays ``forward, loss, backward``, on plain arrays, since two tables go along:

* `LOGITS`: an output layer enters the logits of the outputs ``a`` that it returns, and the loss looks them up;
* `LOGIT_GRADIENTS`: ``loss.gradient(y, a)`` is the gradient with respect to ``a``; the loss enters the one
  with respect to the logits beside it, and ``network.backward`` takes that in its place.

A copy of an array, a slice of it or a result of arithmetic is in no table: it takes the ordinary way,
through the derivative of the activation.
"""

import weakref
from typing import Any, Generic, TypeVar

from nnfw.core.typing import Array

T = TypeVar("T")


class Companions(Generic[T]):
    """What belongs to an array, found by the array itself, for as long as the array lives.

    Examples
    --------
    >>> import numpy as np
    >>> names = Companions()
    >>> a = np.zeros(2)
    >>> names.enter(a, "zeros")
    >>> names.of(a), names.of(a.copy())
    ('zeros', None)
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Array], T]] = {}

    def enter(self, a: Array, companion: T) -> None:
        """Keep what belongs to `a`."""
        key, known = id(a), self._known

        def forget(_: Any) -> None:
            known.pop(key, None)

        known[key] = weakref.ref(a, forget), companion

    def of(self, a: Any) -> T | None:
        """Return what belongs to `a`, or None."""
        found = self._known.get(id(a))
        return found[1] if found is not None and found[0]() is a else None


LOGITS: Companions[tuple[str, Array]] = Companions()  # the activation's name, and the logits
LOGIT_GRADIENTS: Companions[Array] = Companions()
