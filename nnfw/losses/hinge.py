"""The loss of a margin: what is decided rightly, and clearly enough, costs nothing."""

import numpy as np

from nnfw.arrays import Array
from nnfw.loss import Loss
from nnfw.losses.given import losses


@losses.register("hinge")
class Hinge(Loss):
    """Hinge loss, mean_K max(0, 1 - y a), for targets -1 and 1; as Keras. A target of 0 is read as -1.

    A single output says class 1 above 0: ``predict_classes`` knows, and metrics are to be told, as in
    ``Accuracy(threshold=0)``.

    Examples
    --------
    >>> Hinge()([[1], [-1]], [[0.25], [-2.0]])
    0.375
    >>> Hinge().gradient([[1], [-1]], [[0.25], [-2.0]])
    array([[-0.5],
           [ 0. ]])
    """

    target_range = (-1.0, 1.0)
    threshold = 0.0

    def targets(self, y: Array, a: Array) -> Array:
        return np.where(super().targets(y, a) > 0, 1.0, -1.0).astype(a.dtype)

    def value(self, y: Array, a: Array) -> Array:
        return np.maximum(1.0 - y * a, 0.0).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return -y * (y * a < 1.0) / a.shape[-1]
