"""Loss functions of outputs ``a`` and targets ``y``, both (N, ..., K), and their derivatives.

A loss that predicts more than one number per target, such as quantiles or a distribution, takes targets
(N, ..., M) and outputs (N, ..., K) with K = P M: the outputs of one target are adjacent.

A mean or a sum over K runs over the outputs of one sample (and step). For logarithms and their derivatives,
outputs are clipped to at least ``sqrt(tiny)``, so that the square of a derivative is finite too, and to at
most the largest float below 1. Cross-entropies of logits (see `nnfw.core.logits`) need no bounds.

``@nnfw.losses.register("quartic")`` above your own class makes it available by name.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from nnfw.core.alignments import Alignment, read_labels
from nnfw.core.arguments import LIST, explain_keywords
from nnfw.core.arrays import as_array, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths
from nnfw.core.logits import LOGIT_GRADIENTS, LOGITS
from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array, ArrayLike, DTypeLike
from nnfw.core.validation import AMOUNT, FRACTION, INSIDE, POSITIVE, each, one_of, positive_integer
from nnfw.kernels import kernel

Divisor = Literal["samples", "weights"]


class Loss(Part):
    """Base class of losses. A subclass defines `value` and `slope`.

    Parameters
    ----------
    divide_by : {"samples", "weights"}
        The divisor of the mean of weighted losses: the number of samples (and steps), as in Keras; or the sum
        of their weights, as in PyTorch's ``CrossEntropyLoss(weight=...)`` and Keras'
        ``reduction="mean_with_sample_weight"``. In `fit`, the mean is over a batch; the loss of an epoch, and
        that of `evaluate`, is divided by the sum over all batches.

    Attributes
    ----------
    fused_with : str or None
        The output activation that the loss is fused with, using `value_from_logits` and `slope_from_logits`.
    takes_classes : bool
        Whether targets may be integer classes (N, ...).
    target_range : tuple of float
        The lowest and the highest valid target.
    lowest_output : float
        The lowest valid output; a network whose last activation can go below it is refused.
    threshold : float
        A single output above it is class 1.
    outputs_per_target : int
        P. If it is not 1, a subclass also defines `estimate` and `as_outputs`.
    of_sequences : bool
        Whether a target belongs to a whole sequence, not to each step, as with `CTC`.

    Examples
    --------
    >>> class Quartic(Loss):
    ...     def value(self, y, a):
    ...         return ((a - y) ** 4).mean(axis=-1)
    ...     def slope(self, y, a):
    ...         return 4 * (a - y) ** 3 / a.shape[-1]
    >>> Quartic()([[0.0], [1.0]], [[2.0], [1.0]])
    8.0
    >>> Quartic().gradient([[0.0], [1.0]], [[2.0], [1.0]])
    array([[16.],
           [ 0.]])
    """

    fused_with: ClassVar[str | None] = None
    takes_classes: ClassVar[bool] = False
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    lowest_output: ClassVar[float] = -math.inf
    threshold: ClassVar[float] = 0.5
    outputs_per_target: int = 1
    of_sequences: ClassVar[bool] = False

    _fuses: ClassVar[bool] = True  # whether the forms from logits are those of `value` and `slope`
    divide_by: str = "samples"  # the default of a custom class whose __init__ does not call this one
    _checks: ClassVar = {"divide_by": one_of(*get_args(Divisor))}
    _use: ClassVar = "call an object of it, {}()(y, a)"

    def __init__(self, *, divide_by: Divisor = "samples") -> None:
        self.divide_by = divide_by

    def __init_subclass__(cls) -> None:
        """Note whether a subclass that replaces `value` or `slope` has their forms from logits too."""
        super().__init_subclass__()
        if replaced := {"value", "slope"} & vars(cls).keys():
            cls._fuses = vars(cls).keys() >= {f"{name}_from_logits" for name in replaced}

    def value(self, y: Array, a: Array) -> Array:
        """Return the loss of each sample (and step): y (N, ..., M) and a (N, ..., K) -> (N, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define value(y, a)")

    def slope(self, y: Array, a: Array) -> Array:
        """Return the derivative of `value` with respect to `a`, of the shape of `a`."""
        raise NotImplementedError(f"{type(self).__name__} must define slope(y, a)")

    def estimate(self, a: Array) -> Array:
        """Return the targets that the outputs predict, for metrics: (N, ..., K) -> (N, ..., M)."""
        return a

    def as_outputs(self, y: Array) -> Array:
        """Return outputs that predict exactly these targets, (N, ..., M) -> (N, ..., K)."""
        return y

    def sample(self, a: Array, rng: np.random.Generator) -> Array:
        """Return targets drawn from the distribution given by the outputs: (N, ..., K) -> (N, ..., M)."""
        raise ValueError(
            f"{type(self).__name__} predicts no distribution to draw from; use Quantile, GaussianNLL or "
            f"MixtureDensity, or pass the residuals of the network to forecast"
        )

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        """Return `value`, computed from the logits of the activation `fused_with`."""
        raise NotImplementedError

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        """Return the derivative of `value_from_logits` with respect to the logits, from the outputs `a`."""
        raise NotImplementedError

    @explain_keywords
    def __call__(self, y: ArrayLike, a: ArrayLike, weight: ArrayLike | None = None) -> float:
        """Return the mean loss over all samples and steps.

        Parameters
        ----------
        y : array_like (N, ..., M)
            The targets, with M = K except for losses with several outputs per target; for categorical
            cross-entropy also integer classes (N, ...).
        a : array_like (N, ..., K)
            The outputs.
        weight : array_like (N,) or (N, T), optional
            A weight for each sample or step: 2 counts it twice, 0 masks it. The mean is divided as set by
            `divide_by`; if all weights are 0, it is 0.
        """
        return self._mean(self._values(*self._prepare(y, a)), weight)

    @explain_keywords
    def per_sample(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the loss of each sample (N,), averaged over its time steps."""
        values = self._values(*self._prepare(y, a))
        return values.reshape(len(values), -1).mean(axis=1)

    @explain_keywords
    def gradient(self, y: ArrayLike, a: ArrayLike, weight: ArrayLike | None = None) -> Array:
        """Return the gradient of the mean loss with respect to `a`; see `__call__` for the arguments.

        If the loss is fused with the activation that computed `a`, the gradient with respect to the logits is
        recorded for the returned array and used by ``network.backward``.
        """
        y, a, logits = self._prepare(y, a)
        dy = self._mean_slope(self.slope(y, a), a, weight)
        if logits is not None:
            LOGIT_GRADIENTS.enter(dy, self._mean_slope(self.slope_from_logits(y, a), a, weight))
        return dy

    def with_gradient(
        self, y: ArrayLike, a: ArrayLike, weight: ArrayLike | None = None
    ) -> tuple[float, Array, bool]:
        """Return the mean loss, its gradient, and whether the gradient is with respect to the logits.

        The training loop calls this method, so that targets are checked and converted once per batch.
        """
        y, a, logits = self._prepare(y, a)
        values, slope = self._values_and_slope(y, a, logits)
        return self._mean(values, weight), self._mean_slope(slope, a, weight), logits is not None

    def targets(self, y: Array, a: Array) -> Array:
        """Return the targets (N, ..., M) for `value` and `slope`: checked, in the dtype of `a`."""
        P = self.outputs_per_target
        if y.shape != (*a.shape[:-1], a.shape[-1] / P):
            several = f", {P} for each target," if P > 1 else ","
            classes = f", or give classes as integers of shape {a.shape[:-1]}" if self.takes_classes else ""
            raise ShapeError(
                f"{type(self).__name__}: targets of shape {y.shape} do not fit outputs of shape {a.shape}"
                f"{several} and nothing is broadcast; give targets {(*a.shape[:-1], a.shape[-1] // P)}, or "
                f"change the last layer's units{classes}"
            )
        low, high = self.target_range
        if (low > -math.inf and not y.min() >= low) or (high < math.inf and not y.max() <= high):
            raise ValueError(
                f"{type(self).__name__}: targets must lie between {low:g} and {high:g}, got {y.min()} to "
                f"{y.max()}; rescale them, or choose another loss"
            )
        return y.astype(a.dtype, copy=False)

    def _prepare(self, y: ArrayLike, a: ArrayLike) -> tuple[Array, Array, Array | None]:
        """Return targets and outputs as matching arrays, and the logits if the loss is fused with them."""
        activation, logits = LOGITS.of(a) or (None, None)
        a = numeric(a, "a")
        if a.dtype.kind != "f":
            a = a.astype(np.float64)
        if a.ndim < 2 or a.size == 0:
            raise ShapeError(
                f"{type(self).__name__}: outputs must be (samples, ..., outputs) and not empty, got {a.shape}"
                "; a single output is (samples, 1), and y comes first, then a"
            )
        fused = self._fuses and activation is not None and activation == self.fused_with
        return self.targets(numeric(y, "y"), a), a, logits if fused else None

    def _values(self, y: Array, a: Array, logits: Array | None) -> Array:
        """Return the loss of each sample (and step)."""
        values = self.value(y, a) if logits is None else self.value_from_logits(y, logits)
        if np.shape(values) != self._shape_of_losses(a):
            raise ShapeError(
                f"{type(self).__name__}.value must return one loss for each sample and step, shape "
                f"{self._shape_of_losses(a)}, got {np.shape(values)}; take the mean or sum over axis=-1"
            )
        return values

    def _values_and_slope(self, y: Array, a: Array, logits: Array | None) -> tuple[Array, Array]:
        """Return the loss of each sample (and step), and its derivative."""
        slope = self.slope(y, a) if logits is None else self.slope_from_logits(y, a)
        return self._values(y, a, logits), slope

    def _mean(self, values: Array, weight: ArrayLike | None) -> float:
        """Return the mean of the losses, each times its weight."""
        if weight is not None:
            values = weighed(values, self._spread(weight, values.shape, values.dtype))
        return float(np.add.reduce(values, axis=None, dtype=np.float64)) / values.size

    def _shape_of_losses(self, a: Array) -> tuple[int, ...]:
        """Return the shape of the single losses of outputs."""
        return a.shape[:1] if self.of_sequences else a.shape[:-1]

    def _mean_slope(self, slope: Array, a: Array, weight: ArrayLike | None) -> Array:
        """Return the gradient of the mean loss, given the slope of each sample's (and step's) loss."""
        if np.shape(slope) != a.shape:
            said = f"{type(self).__name__}.slope must return a derivative for each output, shape {a.shape}"
            raise ShapeError(f"{said}, got {np.shape(slope)}")
        steps = self._shape_of_losses(a)
        if weight is None:
            return slope / math.prod(steps)
        share = self._spread(weight, steps, slope.dtype) / math.prod(steps)
        return weighed(slope, share.reshape(share.shape + (1,) * (slope.ndim - len(steps))))

    def _spread(self, weight: ArrayLike, steps: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return the weights with as many axes as `steps`, the shape of the single losses: (N,) -> (N, 1).

        Those that the mean is to be divided by the sum of are scaled: their own mean becomes 1.
        """
        weight = as_array(weight, "weight")
        if weight.shape not in (steps, steps[:1]):
            allowed = " or ".join(str(shape) for shape in dict.fromkeys([steps[:1], steps]))
            raise ShapeError(f"weight must have the shape {allowed}, one for each loss, got {weight.shape}")
        if self.divide_by == "weights":
            weight = weight / (weight.mean(dtype=np.float64) or 1.0)
        weight = weight.reshape(weight.shape + (1,) * (len(steps) - weight.ndim))
        return weight.astype(np.result_type(dtype, np.float32), copy=False)  # also for an integer slope


def weighed(values: Array, weight: Array) -> Array:
    """Return values times weights, and 0 where the weight is 0, even if the loss is undefined there."""
    return np.multiply(values, weight, out=np.zeros(values.shape, weight.dtype), where=weight != 0)


def by_target(a: Array, P: int) -> Array:
    """Return outputs (N, ..., K) with an axis for the outputs of one target, (N, ..., M, P)."""
    return a.reshape(*a.shape[:-1], -1, P)


def above_zero(a: Array) -> Array:
    """Return the outputs, bounded below so that a logarithm and the square of its slope are finite."""
    return np.maximum(a, float(np.finfo(a.dtype).tiny) ** 0.5)


def below_one(a: Array) -> Array:
    """Return the outputs, bounded above so that log(1 - a) is finite."""
    return np.minimum(a, 1.0 - float(np.finfo(a.dtype).epsneg))


def below_top(logits: Array) -> tuple[Array, Array]:
    """Return half the differences of logits (..., K) from the largest, and log Σ exp of twice these (...).

    Differences of halves cannot overflow.
    """
    half = 0.5 * logits.reshape(-1, logits.shape[-1])
    rows, top = np.arange(len(half)), half.argmax(axis=1)
    below = half - half[rows, top, None]
    others = np.exp(below)
    others[rows, top] = 0.0
    return below.reshape(logits.shape), np.log1p(np.vecdot(others, others)).reshape(logits.shape[:-1])


def logits_of(a: Array) -> Array:
    """Return the logits that the outputs of a softmax were computed from, or their logarithms otherwise."""
    _, logits = LOGITS.of(a) or (None, np.log(above_zero(a)))
    return np.asarray(logits)


def log_softmax(logits: Array) -> Array:
    """Return the logarithm of the softmax of logits (..., K)."""
    below, log_sum = below_top(logits)
    return np.asarray(2.0 * below - log_sum[..., None])


OTHER_NAMES = {
    "bce_with_logits": "bce",
    "cross_entropy": "cce",
    "kl_div": "kl_divergence",
    "kld": "kl_divergence",
    "log_loss": "cce",
    "nll_loss": "cce",
    "smooth_l1": "huber",
    "sparse_categorical_crossentropy": "cce",
    "l1": "mae",
    "l2": "mse",
}
registry = Registry("loss", Loss, OTHER_NAMES)


@registry.register("mse", "mean_squared_error")
class MSE(Loss):
    """Mean squared error, mean_K (a - y)²; as in Keras, and PyTorch ``MSELoss``.

    Examples
    --------
    >>> y, a = [[1.0, 2.0]], [[1.5, 1.0]]
    >>> MSE()(y, a), MAE()(y, a)
    (0.625, 0.75)
    """

    def value(self, y: Array, a: Array) -> Array:
        return ((a - y) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return 2.0 * (a - y) / a.shape[-1]


@registry.register("mae", "mean_absolute_error")
class MAE(Loss):
    """Mean absolute error, ``mean_K |a - y|``, with slope 0 at a = y; as in Keras, and PyTorch ``L1Loss``."""

    def value(self, y: Array, a: Array) -> Array:
        return np.abs(a - y).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.sign(a - y) / a.shape[-1]


@registry.register("msle", "mean_squared_logarithmic_error")
class MSLE(Loss):
    """Mean squared logarithmic error, mean_K (log(1 + a) - log(1 + y))², for targets >= 0.

    As in scikit-learn; Keras clips outputs below 0 to 0. Outputs of -1 or less count as the next float above
    -1; use relu or softplus for the last layer.
    """

    target_range = (0.0, math.inf)

    def value(self, y: Array, a: Array) -> Array:
        return ((np.log1p(-below_one(-a)) - np.log1p(y)) ** 2).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        a = -below_one(-a)
        return 2.0 * (np.log1p(a) - np.log1p(y)) / ((1.0 + a) * a.shape[-1])


@registry.register("huber")
class Huber(Loss):
    """Huber loss, mean_K of d²/2 where ``|d| <= δ`` and ``δ (|d| - δ/2)`` beyond, d = a - y.

    `delta` is δ. As in Keras, and PyTorch ``HuberLoss`` (P. J. Huber, Ann. Math. Stat. 35 (1964) 73).

    Examples
    --------
    >>> Huber(delta=2.0)([[0.0, 0.0]], [[1.0, 5.0]])
    4.25
    """

    def __init__(self, delta: float = 1.0, *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.delta = POSITIVE("Huber", "delta", delta)

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.minimum(error, self.delta)
        return (near * (error - 0.5 * near)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.clip(a - y, -self.delta, self.delta) / a.shape[-1]


@registry.register("log_cosh")
class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine, mean_K log cosh(a - y); as in Keras.

    It does not overflow, and is also accurate near 0, where it is d²/2 with d = a - y.
    """

    def value(self, y: Array, a: Array) -> Array:
        error = np.abs(a - y)
        near = np.log1p(2.0 * np.sinh(0.5 * np.minimum(error, 1.0)) ** 2)
        far = error + np.log1p(np.exp(-2.0 * error)) - math.log(2.0)
        return np.where(error < 1.0, near, far).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return np.tanh(a - y) / a.shape[-1]


@registry.register("poisson")
class Poisson(Loss):
    """Negative log likelihood of Poisson counts without its constant, mean_K (a - y log a), for rates a > 0.

    As in PyTorch ``PoissonNLLLoss(log_input=False, eps=0)``; Keras adds 1e-7 to a in the logarithm.
    """

    target_range = (0.0, math.inf)
    lowest_output = 0.0

    def value(self, y: Array, a: Array) -> Array:
        return (a - y * np.log(above_zero(a))).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return (1.0 - y / above_zero(a)) / a.shape[-1]


@registry.register("hinge")
class Hinge(Loss):
    """Hinge loss, mean_K max(0, 1 - y a), for targets -1 and 1 (0 is read as -1); as in Keras.

    A single output above 0 is class 1; metrics need this threshold too, as in ``Accuracy(threshold=0)``.

    Examples
    --------
    >>> Hinge()([[1], [-1]], [[0.25], [-2.0]])
    0.375
    """

    target_range = (-1.0, 1.0)
    threshold = 0.0

    def targets(self, y: Array, a: Array) -> Array:
        return np.where(super().targets(y, a) > 0, 1.0, -1.0).astype(a.dtype)

    def value(self, y: Array, a: Array) -> Array:
        return np.maximum(1.0 - y * a, 0.0).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        return -y * (y * a < 1.0) / a.shape[-1]


@registry.register("kl_divergence")
class KLDivergence(Loss):
    """Kullback-Leibler divergence of the distribution a from y, Σ_K y log(y / a).

    As in Keras, and PyTorch ``KLDivLoss(reduction="batchmean")`` of log a.
    """

    target_range = (0.0, math.inf)
    lowest_output = 0.0

    def value(self, y: Array, a: Array) -> Array:
        return np.vecdot(y, np.log(above_zero(y)) - np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / above_zero(a)


@registry.register("bce", "binary_crossentropy")
class BinaryCrossentropy(Loss):
    """Binary cross-entropy, -mean_K (y log a + (1 - y) log(1 - a)), for targets in [0, 1].

    `label_smoothing`, in [0, 1), is the weight ε of 1/2 in the targets: y becomes (1 - ε) y + ε/2.
    As in Keras, and PyTorch ``BCELoss``; fused with a sigmoid, as in ``BCEWithLogitsLoss``.
    """

    fused_with = "sigmoid"
    target_range = (0.0, 1.0)

    def __init__(self, label_smoothing: float = 0.0, *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.label_smoothing = FRACTION("BinaryCrossentropy", "label_smoothing", label_smoothing)

    def targets(self, y: Array, a: Array) -> Array:
        y, ε = super().targets(y, a), self.label_smoothing
        return y * (1.0 - ε) + ε * 0.5 if ε else y

    def value(self, y: Array, a: Array) -> Array:
        a = below_one(above_zero(a))
        return -(y * np.log(a) + (1.0 - y) * np.log1p(-a)).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        inside = below_one(above_zero(a))
        return (inside - y) / (inside * (1.0 - inside) * a.shape[-1])

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        # max(s, 0) - s y, without its cancellation; divided first, so that the sum cannot overflow
        straight = logits * ((logits > 0) - y)
        return ((straight + np.log1p(np.exp(-np.abs(logits)))) / y.shape[-1]).sum(axis=-1)

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        return (a - y) / a.shape[-1]


@registry.register("cce", "categorical_crossentropy")
class CategoricalCrossentropy(Loss):
    """Categorical cross-entropy, -Σ_K y log a, for integer classes or distributions y over K classes.

    `label_smoothing`, in [0, 1), is the weight ε of 1/K in the targets: y becomes (1 - ε) y + ε/K
    (Szegedy et al., arXiv:1512.00567, section 7). As in Keras for outputs that sum to 1, and PyTorch
    ``NLLLoss`` of log a; fused with a softmax, as ``CrossEntropyLoss``: log Σ exp(s) - Σ y s of the logits s,
    shifted by the largest (Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021) 2311).

    Examples
    --------
    >>> CategoricalCrossentropy()([0, 1], [[0.5, 0.5], [0.25, 0.75]])
    0.4904146265058631
    """

    fused_with = "softmax"
    takes_classes = True
    target_range = (0.0, math.inf)

    def __init__(self, label_smoothing: float = 0.0, *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.label_smoothing = FRACTION("CategoricalCrossentropy", "label_smoothing", label_smoothing)

    def targets(self, y: Array, a: Array) -> Array:
        K, ε = a.shape[-1], self.label_smoothing
        if y.shape != a.shape[:-1] or y.dtype.kind not in "iu":
            rows = super().targets(y, a)
        elif np.maximum.reduce(y.astype(np.uint64), axis=None) >= K:  # as unsigned, negative classes are huge
            raise ValueError(
                f"targets are classes {y.min()} to {y.max()}, but the outputs are for classes 0 to {K - 1}; "
                "number the classes from 0, or give the last layer more units"
            )
        else:
            rows = np.zeros(a.shape, a.dtype)
            rows.reshape(-1, K)[np.arange(y.size), y.ravel()] = 1.0
        return rows * (1.0 - ε) + ε * (1.0 / K) if ε else rows

    def value(self, y: Array, a: Array) -> Array:
        return -np.vecdot(y, np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return -y / above_zero(a)

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        # both terms are >= 0: nothing cancels, and even a tiny loss keeps all its digits
        below, log_sum = below_top(logits)
        return np.add.reduce(y, axis=-1) * log_sum - 2.0 * np.vecdot(y, below)

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        # a - y, as targets sum to 1 (or to 0 in padding)
        return a * np.add.reduce(y, axis=-1, keepdims=True) - y

    def _values_and_slope(self, y: Array, a: Array, logits: Array | None) -> tuple[Array, Array]:
        run = kernel("cross_entropy") if type(self) is CategoricalCrossentropy else None
        if logits is None or run is None:
            return super()._values_and_slope(y, a, logits)
        values, slope = np.empty(a.shape[:-1], a.dtype), np.empty_like(a)
        rows = (array.reshape(-1, a.shape[-1]) for array in (y, a, logits, slope))
        run(*rows, values.ravel())
        return values, slope


@registry.register("focal")
class Focal(CategoricalCrossentropy):
    """Focal loss, -Σ_K y (1 - a)^γ log a, for integer classes or distributions y over K classes.

    Well-classified samples are down-weighted, so that rare classes are learned too. `gamma` is γ; γ = 0 gives
    `CategoricalCrossentropy` (Lin et al., arXiv:1708.02002, equation 4, with α_t = 1).

    Examples
    --------
    >>> round(Focal(gamma=2.0)([0, 1], [[0.5, 0.5], [0.25, 0.75]]), 4)
    0.0956
    """

    def __init__(
        self, gamma: float = 2.0, label_smoothing: float = 0.0, *, divide_by: Divisor = "samples"
    ) -> None:
        super().__init__(label_smoothing, divide_by=divide_by)
        self.gamma = AMOUNT("Focal", "gamma", gamma)

    def value(self, y: Array, a: Array) -> Array:
        return -np.vecdot(y * (1.0 - a) ** self.gamma, np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        return self._slope_times_output(y, a) / above_zero(a)

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        below, log_sum = below_top(logits)
        y = y * (-np.expm1(2.0 * below - log_sum[..., None])) ** self.gamma
        return np.add.reduce(y, axis=-1) * log_sum - 2.0 * np.vecdot(y, below)

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        da_a = self._slope_times_output(y, a)
        return da_a - a * np.add.reduce(da_a, axis=-1, keepdims=True)

    def _slope_times_output(self, y: Array, a: Array) -> Array:
        γ, a = self.gamma, below_one(above_zero(a))
        return y * (γ * (1.0 - a) ** (γ - 1.0) * a * np.log(a) - (1.0 - a) ** γ)


@registry.register("ordinal", "ordinal_crossentropy")
class OrdinalCrossentropy(CategoricalCrossentropy):
    """Cross-entropy of K ordered classes, in which predicting a far class costs more than a near one.

    It sums the binary cross-entropies of the questions whether y > k, one for each threshold between two
    classes: -Σ_k log P(y > k) where it is and -Σ_k log P(y ≤ k) where not, k = 0 ... K - 2 (Niu et al., CVPR
    2016; Cao, Mirjalili & Raschka, arXiv:1901.07884). P(y > k) = Σ_{j>k} a_j of the outputs of
    ``Dense(K, "softmax")``, so it decreases with k; metrics and predictions treat the outputs as for cce.

    Examples
    --------
    >>> loss = OrdinalCrossentropy()
    >>> loss([0], [[0.1, 0.8, 0.1]]) < loss([0], [[0.1, 0.1, 0.8]])
    True
    """

    def value(self, y: Array, a: Array) -> Array:
        (below, above), (p_below, p_above) = at_thresholds(y), at_thresholds(above_zero(a))
        return -(below * np.log(p_below) + above * np.log(p_above)).sum(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        (below, above), (p_below, p_above) = at_thresholds(y), at_thresholds(above_zero(a))
        slope = np.zeros_like(a)
        slope[..., 1:] -= np.cumsum(above / p_above, axis=-1)  # class j is above the thresholds k < j,
        slope[..., :-1] -= np.cumsum((below / p_below)[..., ::-1], axis=-1)[..., ::-1]  # below those k >= j
        return slope

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        below, above = at_thresholds(y)
        limit = np.finfo(logits.dtype).max
        with np.errstate(over="ignore"):
            log_below, log_above = at_thresholds(2.0 * below_top(logits)[0], np.logaddexp)
            s = np.clip(log_above - log_below, -limit, limit)  # the logits of P(y > k)
            cost = below * np.maximum(s, 0.0) + above * np.maximum(-s, 0.0)
            return (cost + (below + above) * np.log1p(np.exp(-np.abs(s)))).sum(axis=-1)

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        logits = logits_of(a)
        below, above = at_thresholds(y)
        slope = (below + above).sum(axis=-1, keepdims=True) * a
        with np.errstate(over="ignore"):
            z = np.maximum(2.0 * below_top(logits)[0], -np.finfo(a.dtype).max)
            log_below, log_above = at_thresholds(z, np.logaddexp)
            for k in range(1, z.shape[-1] - 1):  # add what the thresholds beyond contribute to a class
                below[..., -k - 1] += below[..., -k] * np.exp(log_below[..., -k - 1] - log_below[..., -k])
                above[..., k] += above[..., k - 1] * np.exp(log_above[..., k] - log_above[..., k - 1])
            slope[..., :-1] -= below * np.exp(z[..., :-1] - log_below)  # the softmax over the classes below,
            slope[..., 1:] -= above * np.exp(z[..., 1:] - log_above)  # and above, each threshold only
        return slope


def at_thresholds(p: Array, add: np.ufunc = np.add) -> tuple[Array, Array]:
    """Return the sums of p (..., K) below and above each threshold between two classes, (..., K - 1) each."""
    return add.accumulate(p, axis=-1)[..., :-1], add.accumulate(p[..., ::-1], axis=-1)[..., -2::-1]


@registry.register("ctc")
class CTC(Loss):
    """Connectionist temporal classification, -log P, for labels without alignment to steps, as in speech.

    The outputs of each step are the probabilities of the blank, 0, and of K - 1 labels, from
    ``Dense(K, "softmax")``; P sums over all alignments of the labels to the steps: see
    `nnfw.core.alignments` (Graves, Fernández, Gomez & Schmidhuber, ICML 2006). As in PyTorch ``CTCLoss``, but
    the mean over samples is not divided by the numbers of labels.

    ``fit`` takes labels from 1 to K - 1, a list of (L_i,) or an array (N, L) padded with zeros. When called
    directly, the targets are integers (N, 1 + L): first the number of steps of each sequence, then its
    labels. `decode` returns the labels predicted by the outputs.

    Examples
    --------
    >>> loss, a = CTC(), np.array([[[0.4, 0.6], [0.7, 0.3]]])
    >>> round(loss([[2, 1]], a), 4)  # -log 0.72: in 2 steps the label 1
    0.3285
    >>> loss.decode(a)
    [array([1])]
    """

    fused_with = "softmax"
    of_sequences = True

    def targets(self, y: Array, a: Array) -> Array:
        """Return the targets unchanged, if they fit the outputs."""
        fits = y.ndim == 2 and len(y) == len(a) and a.ndim == 3 and y.dtype.kind in "iu"
        known = fits and y.min(initial=0) >= 0 and y[:, 1:].max(initial=0) < a.shape[2]
        if not known or (y[:, 0] > a.shape[1]).any() or (np.diff(y[:, 1:] > 0) & (y[:, 2:] > 0)).any():
            raise ShapeError(
                f"CTC: targets must be integers (N, 1 + L), the number of steps of each sequence, its labels "
                f"from 1 to K - 1 and then zeros, for outputs (N, T, K); got {y.dtype} {y.shape} "
                f"for outputs {a.shape}, and nothing is broadcast"
            )
        return y

    def value(self, y: Array, a: Array) -> Array:
        return -Alignment(y).log_likelihood(np.log(above_zero(a)))

    def slope(self, y: Array, a: Array) -> Array:
        a = above_zero(a)
        return -Alignment(y).occupancy(np.log(a))[1] / a

    def value_from_logits(self, y: Array, logits: Array) -> Array:
        return -Alignment(y).log_likelihood(log_softmax(logits))

    def slope_from_logits(self, y: Array, a: Array) -> Array:
        return self._from_logits(y, a, logits_of(a))[1]  # exact where a is 0 in its dtype, too

    def _values_and_slope(self, y: Array, a: Array, logits: Array | None) -> tuple[Array, Array]:
        if logits is None or type(self) is not CTC:
            return super()._values_and_slope(y, a, logits)
        return self._from_logits(y, a, logits)

    def _from_logits(self, y: Array, a: Array, logits: Array) -> tuple[Array, Array]:
        """Return what `value_from_logits` and `slope_from_logits` do; α is computed once."""
        log_likelihood, found = Alignment(y).occupancy(log_softmax(logits))
        return -log_likelihood, a * found.sum(axis=-1, keepdims=True) - found

    def decode(self, a: ArrayLike, lengths: ArrayLike | None = None) -> list[Array]:
        """Return the most likely symbol of each step, with repeats merged and then blanks removed."""
        a = numeric(a, "a")
        if a.ndim != 3:
            raise ShapeError(f"CTC.decode: outputs must be (samples, steps, K), got {a.shape}")
        return read_labels(a, check_lengths("CTC.decode", lengths, *a.shape[:2]))


@registry.register("quantile", "pinball")
class Quantile(Loss):
    """Quantile (pinball) loss, the mean of max(q (y - a), (q - 1)(y - a)) over the `levels` q in (0, 1).

    For each target, the network has one output per level, ``Dense(len(levels))``, which learns the value
    that the target is below with probability q (Koenker & Bassett, Econometrica 46 (1978) 33). As in
    scikit-learn's ``mean_pinball_loss``. Metrics use the output of the level nearest to 1/2.

    Examples
    --------
    >>> Quantile([0.25, 0.5, 0.75])([[2.0]], [[1.0, 2.0, 4.0]])  # (1·0.25 + 0 + 2·0.25) / 3
    0.25
    """

    _use: ClassVar = LIST

    def __init__(self, levels: Sequence[float] = (0.1, 0.5, 0.9), *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.levels = each(INSIDE)("Quantile", "levels", levels)
        if not self.levels:
            raise ValueError("Quantile: levels must hold at least one in (0, 1), such as 0.5 for the median")

    @property
    def outputs_per_target(self) -> int:  # type: ignore[override]
        return len(self.levels)

    def estimate(self, a: Array) -> Array:
        middle = min(range(len(self.levels)), key=lambda i: abs(self.levels[i] - 0.5))
        return by_target(a, len(self.levels))[..., middle]

    def as_outputs(self, y: Array) -> Array:
        return np.repeat(y, len(self.levels), axis=-1)

    def sample(self, a: Array, rng: np.random.Generator) -> Array:
        """Return targets drawn between the lowest and the highest quantile, by interpolation."""
        P, levels = len(self.levels), np.sort(self.levels)
        rows = np.sort(by_target(a, P).reshape(-1, P), axis=-1)
        drawn = [np.interp(u, levels, row) for u, row in zip(rng.random(len(rows)), rows, strict=True)]
        return np.reshape(drawn, (*a.shape[:-1], -1))

    def value(self, y: Array, a: Array) -> Array:
        q, error = self._errors(y, a)
        return np.maximum(q * error, (q - 1.0) * error).mean(axis=(-2, -1))

    def slope(self, y: Array, a: Array) -> Array:
        q, error = self._errors(y, a)
        slope = np.where(error > 0, -q, np.where(error < 0, 1.0 - q, 0.0))
        return slope.reshape(a.shape) / a.dtype.type(a.shape[-1])

    def _errors(self, y: Array, a: Array) -> tuple[Array, Array]:
        """Return the levels (P,), and how far the targets are above the outputs (N, ..., M, P)."""
        return np.asarray(self.levels, a.dtype), y[..., None] - by_target(a, len(self.levels))


@registry.register("mixture_density")
class MixtureDensity(Loss):
    """Negative log likelihood of a mixture of normal distributions, for linear outputs.

    For each target, the network has 3k outputs, ``Dense(3 * k)``: k logits w of the weights π = softmax(w), k
    means m, and k logarithms s of the standard deviations; the variance is σ² = exp(2s) + ε. The loss is the
    mean over the targets of -log Σ_k π N(y; m, σ²) (Bishop, "Mixture density networks", 1994). Metrics use
    the mean Σ_k π m.

    Parameters
    ----------
    components : int
        k.
    epsilon : float
        ε, the lower bound of the variance, so that the likelihood is bounded.

    Examples
    --------
    >>> loss = MixtureDensity(2)
    >>> a = np.array([[0.0, 0.0, -1.0, 3.0, 0.0, 0.0]])  # of equal weight and deviation 1, at -1 and 3
    >>> loss.estimate(a), round(loss([[-1.0]], a), 4)
    (array([[1.]]), 1.6118)
    """

    def __init__(self, components: int = 2, epsilon: float = 1e-6, *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.components = positive_integer("MixtureDensity", "components", components)
        self.epsilon = POSITIVE("MixtureDensity", "epsilon", epsilon)

    @property
    def outputs_per_target(self) -> int:  # type: ignore[override]
        return 3 * self.components

    def estimate(self, a: Array) -> Array:
        w, m, _ = self._parts(a)
        return np.vecdot(np.exp(log_softmax(w)), m)

    def as_outputs(self, y: Array) -> Array:
        parts = np.zeros((*y.shape, 3, self.components), y.dtype)
        parts[..., 1, :] = y[..., None]
        return parts.reshape(*y.shape[:-1], -1)

    def sample(self, a: Array, rng: np.random.Generator) -> Array:
        w, m, s = self._parts(a)
        w = w + rng.gumbel(size=w.shape)
        chosen = w.argmax(axis=-1)[..., None]  # with the probabilities softmax(w)
        m, s = (np.take_along_axis(part, chosen, axis=-1)[..., 0] for part in (m, s))
        return draw_normal(m, s, self.epsilon, rng)

    def value(self, y: Array, a: Array) -> Array:
        log_π, log_p, *_ = self._densities(y, a)
        with np.errstate(invalid="ignore"):  # for nan, which stays nan
            return -np.logaddexp.reduce(log_π + log_p, axis=-1).mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        log_π, log_p, pull, share = self._densities(y, a)
        r = np.exp(log_softmax(log_π + log_p))  # the probability of each component, given y
        dw, dm, ds = np.exp(log_π) - r, -r * pull, r * share
        return np.stack([dw, dm, ds], axis=-2).reshape(a.shape) / a.dtype.type(y.shape[-1])

    def _parts(self, a: Array) -> Any:
        """Return w, m and s (N, ..., M, k)."""
        return np.moveaxis(a.reshape(*a.shape[:-1], -1, 3, self.components), -2, 0)

    def _densities(self, y: Array, a: Array) -> tuple[Array, Array, Array, Array]:
        """Return log π, and `normal` of each component."""
        w, m, s = self._parts(a)
        return log_softmax(w), *normal(y[..., None], m, s, self.epsilon)


@registry.register("gaussian_nll")
class GaussianNLL(Loss):
    """Negative log likelihood of a normal distribution, for linear outputs.

    For each target, the network has two outputs, ``Dense(2)``: the mean m, and the logarithm s of the
    standard deviation; the variance is σ² = exp(2s) + ε. The loss is the mean of
    ½ (log 2π + log σ² + (y - m)²/σ²) (Nix & Weigend, ICNN 1994). As PyTorch ``GaussianNLLLoss(full=True)``,
    which takes σ². Metrics use the mean m.

    Parameters
    ----------
    epsilon : float
        ε, the lower bound of the variance, so that the likelihood is bounded.

    Examples
    --------
    >>> round(GaussianNLL()([[2.0]], [[1.0, 0.0]]), 4)
    1.4189
    """

    outputs_per_target = 2

    def __init__(self, epsilon: float = 1e-6, *, divide_by: Divisor = "samples") -> None:
        super().__init__(divide_by=divide_by)
        self.epsilon = POSITIVE("GaussianNLL", "epsilon", epsilon)

    def estimate(self, a: Array) -> Array:
        return by_target(a, 2)[..., 0]

    def as_outputs(self, y: Array) -> Array:
        return np.stack([y, np.zeros_like(y)], axis=-1).reshape(*y.shape[:-1], -1)

    def sample(self, a: Array, rng: np.random.Generator) -> Array:
        m, s = self._parts(a)
        return draw_normal(m, s, self.epsilon, rng)

    def value(self, y: Array, a: Array) -> Array:
        m, s = self._parts(a)
        return -normal(y, m, s, self.epsilon)[0].mean(axis=-1)

    def slope(self, y: Array, a: Array) -> Array:
        m, s = self._parts(a)
        _, pull, share = normal(y, m, s, self.epsilon)
        return np.stack([-pull, share], axis=-1).reshape(a.shape) / a.dtype.type(y.shape[-1])

    def _parts(self, a: Array) -> Any:
        """Return m and s (N, ..., M)."""
        return np.moveaxis(by_target(a, 2), -1, 0)


def normal(y: Array, m: Array, s: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Return log N(y; m, exp(2s) + ε), its derivative with respect to m, and minus that with respect to s."""
    above = np.exp(2.0 * s)
    variance = above + epsilon
    pull = (y - m) / variance
    log_p = -0.5 * (math.log(2.0 * math.pi) + np.log(variance) + (y - m) * pull)
    return log_p, pull, (1.0 - (y - m) * pull) * above / variance


def draw_normal(m: Array, s: Array, epsilon: float, rng: np.random.Generator) -> Array:
    """Return draws from N(m, exp(2s) + ε)."""
    return m + np.sqrt(np.exp(2.0 * s) + epsilon) * rng.standard_normal(m.shape)


get = registry.get
register = registry.register

__all__ = [
    "CTC", "MAE", "MSE", "MSLE", "BinaryCrossentropy", "CategoricalCrossentropy", "Focal", "GaussianNLL",
    "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss", "MixtureDensity", "OrdinalCrossentropy", "Poisson",
    "Quantile", "get", "register", "registry",
]  # fmt: skip
