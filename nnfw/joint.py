"""How an output activation and the loss after it become one exact form.

Softmax followed by categorical cross-entropy (and sigmoid followed by binary cross-entropy) is exact only
when the two are taken together: the loss straight from the scores ``s`` before the activation, and its
gradient with respect to them, ``(a - y) / N``. Taken apart, ``a`` rounds to 0 or 1 and the confident
mistake is lost. Two marked arrays carry what is needed through ``loss.gradient`` and ``backward``, so that
the training step stays its three passes:

* the network's output is an `Output`: the values ``a``, and beside them the scores they were made from;
* a loss that knows the joint form answers with a `ScoreGradient`: a gradient that is already past the
  output activation, which therefore passes it by.

Any other array, and any other loss, takes the ordinary way through the activation's own derivative.
"""

from typing import Any, Self

import numpy as np

from nnfw.arrays import Array


class Output(np.ndarray[Any, np.dtype[Any]]):
    """Outputs ``a`` that remember the scores they were made from.

    Only this very array remembers: a slice, a copy or a result of arithmetic is an array of the same type
    whose `scores` is None, because its scores would be other ones.

    Attributes
    ----------
    scores : ndarray or None
        The pre-activations, of the same shape.
    activation : str
        The name of the activation in between: ``"softmax"`` or ``"sigmoid"``.
    """

    scores: Array | None
    activation: str

    def __new__(cls, a: Array, scores: Array, activation: str) -> Self:
        """Wrap the values `a`, made from `scores` by `activation`."""
        self = np.asarray(a).view(cls)
        self.scores, self.activation = scores, activation
        return self

    def __array_finalize__(self, source: Array | None) -> None:
        self.scores, self.activation = None, ""


class ScoreGradient(np.ndarray[Any, np.dtype[Any]]):
    """A gradient with respect to the output layer's scores, so marked."""
