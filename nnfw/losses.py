"""The losses, over the outputs ``a`` and the targets ``y`` of the last axis of length K.

Where a logarithm or its slope would be infinite, they are taken a step inside: at outputs of at least
``sqrt(tiny)``, so that a slope can still be squared, and below 1 at most at the float before 1. In the joint
form with their activation (see `nnfw.joint`) the cross-entropies need no such step.
"""
# ruff: noqa: D102 (the methods are documented on Loss)

import functools
import math

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import number
from nnfw.loss import Loss as Loss
from nnfw.parts import Registry

LOG_2 = math.log(2.0)


@functools.cache
def _edges(dtype: np.dtype[np.floating]) -> tuple[float, float]:
    """Return the least output above 0, and the greatest below 1, at which losses are taken."""
    info = np.finfo(dtype)
    return float(info.tiny) ** 0.5, 1.0 - float(info.epsneg)


def _above_zero(a: Array) -> Array:
    return np.maximum(a, _edges(a.dtype)[0])


def _below_one(a: Array) -> Array:
    return np.minimum(a, _edges(a.dtype)[1])


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


losses = Registry(
    "loss",
    Loss,
    synonyms={
        "bce_with_logits": "bce",
        "binary_cross_entropy": "bce",
        "cross_entropy": "cce",
        "crossentropy": "cce",
        "kl": "kl_divergence",
        "kl_div": "kl_divergence",
        "kld": "kl_divergence",
        "l1": "mae",
        "l2": "mse",
        "log_loss": "cce",
        "nll": "cce",
        "nll_loss": "cce",
        "poisson_nll": "poisson",
        "smooth_l1": "huber",
        "softmax_cross_entropy": "cce",
        "sparse_categorical_crossentropy": "cce",
    },
)


@losses.register("mse", "mean_squared_error")
class MSE(Loss):
    """Mean squared error, mean_K (a - y)²; as Keras and PyTorch ``MSELoss``."""

    def value(self, y: Array, a: Array) -> Array:
        return ((a - y) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return 2.0 * (a - y) / a.shape[-1]


@losses.register("mae", "mean_absolute_error")
class MAE(Loss):
    """Mean absolute error, mean_K |a - y|, with slope 0 at a = y; as Keras and PyTorch ``L1Loss``."""

    def value(self, y: Array, a: Array) -> Array:
        return np.abs(a - y).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.sign(a - y) / a.shape[-1]


@losses.register("msle", "mean_squared_logarithmic_error")
class MSLE(Loss):
    """Mean squared logarithmic error, mean_K (log(1 + a) - log(1 + y))².

    As scikit-learn; as Keras for a >= 0, which takes lower outputs for 0. Here those below -1 count as
    the float above -1; let the last layer end in relu, softplus or the like.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return ((np.log1p(-_below_one(-a)) - np.log1p(y)) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        a = -_below_one(-a)
        return 2.0 * (np.log1p(a) - np.log1p(y)) / ((1.0 + a) * a.shape[-1])


@losses.register("huber")
class Huber(Loss):
    """Huber's loss, the mean over K of d²/2 where |d| <= δ and δ (|d| - δ/2) beyond, d = a - y.

    As Keras and PyTorch ``HuberLoss``.

    Parameters
    ----------
    delta : float, default 1.0
        The error δ from which on the loss is linear, in units of `y`.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Stat. 35 (1964) 73.

    Examples
    --------
    >>> huber = Huber(delta=2.0)
    >>> huber([[0.0, 0.0]], [[1.0, 5.0]])
    4.25
    >>> huber.gradient([[0.0, 0.0]], [[1.0, 5.0]])
    array([[0.5, 1. ]])
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("Huber", "delta", delta, low=0.0, open_low=True)

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.minimum(error, self.delta)
        return (near * (error - 0.5 * near)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.clip(a - y, -self.delta, self.delta) / a.shape[-1]


@losses.register("log_cosh")
class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine, mean_K log cosh(a - y); as Keras.

    It never overflows, and is right to a few units in the last place also near 0, where it is d²/2.
    """

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.log1p(2.0 * np.sinh(0.5 * np.minimum(error, 1.0)) ** 2)
        far = error + np.log1p(np.exp(-2.0 * error)) - LOG_2
        return np.where(error < 1.0, near, far).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.tanh(a - y) / a.shape[-1]


@losses.register("poisson")
class Poisson(Loss):
    """Poisson's negative log likelihood without its constant, mean_K (a - y log a), for rates a > 0.

    As PyTorch ``PoissonNLLLoss(log_input=False, eps=0)``; Keras adds 1e-7 to a within the logarithm.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return (a - y * np.log(_above_zero(a))).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return (1.0 - y / _above_zero(a)) / a.shape[-1]


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
        return np.vecdot(y, np.log(_above_zero(y)) - np.log(_above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / _above_zero(a)


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
        self.label_smoothing = number(type(self).__name__, "label_smoothing", label_smoothing, 0.0, 1.0, True)

    def targets(self, y: Array, a: Array) -> Array:
        return _smoothed(super().targets(y, a), self.label_smoothing, 0.5)

    def value(self, y: Array, a: Array) -> Array:
        a = _below_one(_above_zero(a))
        return -(y * np.log(a) + (1.0 - y) * np.log1p(-a)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        inside = _below_one(_above_zero(a))
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
        self.label_smoothing = number(type(self).__name__, "label_smoothing", label_smoothing, 0.0, 1.0, True)

    def targets(self, y: Array, a: Array) -> Array:
        classes = y.shape == a.shape[:-1] and y.dtype.kind in "iu"
        rows = _one_hot(y, a) if classes else super().targets(y, a)
        return _smoothed(rows, self.label_smoothing, 1.0 / a.shape[-1])

    def value(self, y: Array, a: Array) -> Array:
        return -np.vecdot(y, np.log(_above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / _above_zero(a)

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


def get(loss: str | Loss | type[Loss]) -> Loss:
    """Return the loss for a name, a class, or the object itself.

    Examples
    --------
    >>> get("mse")
    MSE()
    """
    return losses.get(loss)
