"""How badly the outputs foretell classes, or probabilities: the cross-entropies, and the divergence."""

import math

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import FRACTION
from nnfw.loss import Loss, above_zero, below_one
from nnfw.losses.given import losses


@losses.register("bce", "binary_crossentropy")
class BinaryCrossentropy(Loss):
    """Binary cross-entropy, -mean_K (y log a + (1 - y) log(1 - a)), for targets in [0, 1].

    As Keras and PyTorch ``BCELoss``; after a sigmoid in the joint form, ``BCEWithLogitsLoss``.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0.0
        The share ε of 1/2 in the targets: y becomes (1 - ε) y + ε/2, as in Keras.

    Examples
    --------
    >>> bce = BinaryCrossentropy()
    >>> bce([[1], [0]], [[0.5], [0.5]])
    0.6931471805599453
    >>> from nnfw.joint import Output
    >>> a = Output([[1.0]], scores=np.array([[800.0]]), activation="sigmoid")
    >>> bce([[0]], a), bce.gradient([[0]], a)
    (800.0, ScoreGradient([[1.]]))
    """

    joins = "sigmoid"
    target_range = (0.0, 1.0)

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = FRACTION(type(self).__name__, "label_smoothing", label_smoothing)

    def targets(self, y: Array, a: Array) -> Array:
        return _smoothed(super().targets(y, a), self.label_smoothing, 0.5)

    def value(self, y: Array, a: Array) -> Array:
        a = below_one(above_zero(a))
        return -(y * np.log(a) + (1.0 - y) * np.log1p(-a)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        inside = below_one(above_zero(a))
        return (inside - y) / (inside * (1.0 - inside) * a.shape[-1])

    def joint_value(self, y: Array, scores: Array) -> Array:
        # max(s, 0) - s y, without its cancellation; divided first, so that huge scores add up safely
        straight = scores * ((scores > 0) - y)
        return ((straight + np.log1p(np.exp(-np.abs(scores)))) / y.shape[-1]).sum(axis=-1)

    def joint_slope(self, y: Array, a: Array) -> Array:
        return (a - y) / a.shape[-1]


@losses.register("cce", "categorical_crossentropy")
class CategoricalCrossentropy(Loss):
    """Categorical cross-entropy, -Σ_K y log a, for integer classes or distributions y over K classes.

    As Keras on outputs that sum to 1, and PyTorch ``NLLLoss`` of log a; after a softmax in the joint form,
    ``CrossEntropyLoss``: log Σ exp(s) - Σ y s with the largest score taken out of the sum.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0.0
        The share ε of 1/K in the targets: y becomes (1 - ε) y + ε/K, as in Keras and PyTorch.

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
    functions", IMA J. Numer. Anal. 41 (2021) 2311. Smoothing: C. Szegedy et al.,
    arXiv:1512.00567, section 7.

    Examples
    --------
    >>> from nnfw.joint import Output
    >>> a = Output([[0.0, 1.0]], scores=np.array([[-800.0, 800.0]]), activation="softmax")
    >>> cce = CategoricalCrossentropy()
    >>> cce([0], a), cce.gradient([0], a)
    (1600.0, ScoreGradient([[-1.,  1.]]))
    """

    joins = "softmax"
    takes_classes = True
    target_range = (0.0, math.inf)

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = FRACTION(type(self).__name__, "label_smoothing", label_smoothing)

    def targets(self, y: Array, a: Array) -> Array:
        classes = y.shape == a.shape[:-1] and y.dtype.kind in "iu"
        rows = _one_hot(y, a) if classes else super().targets(y, a)
        return _smoothed(rows, self.label_smoothing, 1.0 / a.shape[-1])

    def value(self, y: Array, a: Array) -> Array:
        return -np.vecdot(y, np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / above_zero(a)

    def joint_value(self, y: Array, scores: Array) -> Array:
        y_rows = y.reshape(-1, y.shape[-1])
        half = 0.5 * scores.reshape(y_rows.shape)  # differences of halves cannot overflow
        rows, top = np.arange(len(half)), half.argmax(axis=1)
        below = half - half[rows, top, None]
        others = np.exp(below)
        others[rows, top] = 0.0
        # both terms are >= 0: nothing cancels, and even a tiny loss keeps all its digits
        log_sum = np.log1p(np.vecdot(others, others))
        values = y_rows.sum(axis=1) * log_sum - 2.0 * np.vecdot(y_rows, below)
        return values.reshape(y.shape[:-1])

    def joint_slope(self, y: Array, a: Array) -> Array:
        return a * y.sum(axis=-1, keepdims=True) - y  # a - y, as targets sum to 1 (or to 0 in padding)

    def _remedy(self, y: Array, a: Array) -> str:
        if y.size == math.prod(a.shape[:-1]):
            return f"give classes as integers of shape {a.shape[:-1]}: y.reshape({a.shape[:-1]}).astype(int)"
        return super()._remedy(y, a)


@losses.register("kl_divergence")
class KLDivergence(Loss):
    """Divergence of the distribution a from y, Σ_K y log(y / a).

    As Keras, and PyTorch ``KLDivLoss(reduction="batchmean")`` of log a.

    References
    ----------
    S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Stat. 22 (1951) 79.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return np.vecdot(y, np.log(above_zero(y)) - np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / above_zero(a)


def _one_hot(classes: Array, a: Array) -> Array:
    """Return integer classes (N, ...) as rows of the shape of `a` (N, ..., K) with a single 1."""
    if classes.astype(np.uint64).max() >= a.shape[-1]:  # a negative one, so read, is a huge one
        raise ValueError(
            f"targets are classes {classes.min()} to {classes.max()}, but the outputs are those of classes 0 "
            f"to {a.shape[-1] - 1}; number the classes from 0, or give the last layer more units"
        )
    rows = np.zeros((classes.size, a.shape[-1]), a.dtype)
    rows[np.arange(classes.size), classes.ravel()] = 1.0
    return rows.reshape(a.shape)


def _smoothed(y: Array, amount: float, centre: float) -> Array:
    return y * (1.0 - amount) + amount * centre if amount else y
