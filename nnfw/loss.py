"""What every loss shares: how far outputs ``a`` are from targets ``y``, and the slope of that distance.

A loss is two functions over the last axis: `Loss.value` (N, ..., K) -> (N, ...), and `Loss.slope`, its
derivative with respect to ``a``. The base class gives all else: means, weights, checks, dtypes.

A loss may also have a joint form with the output activation before it, exact at any finite score: see
`nnfw.joint`.
"""

import functools
import math
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nnfw.arrays import Array
from nnfw.errors import ShapeError
from nnfw.joint import Output, ScoreGradient
from nnfw.parts import Part


class Loss(Part):
    """The base of losses; one of your own writes `value` and `slope` and can be passed at once.

    Attributes
    ----------
    joins : str or None
        The name of the output activation with which the loss has an exact joint form; such a loss writes
        `joint_value` and `joint_slope` too.
    takes_classes : bool
        Whether targets may be integer classes (N, ...).
    target_range : tuple of float
        The lowest and the highest target that make sense.
    threshold : float
        Of a single output: above it is class 1.

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

    joins: ClassVar[str | None] = None
    takes_classes: ClassVar[bool] = False
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    threshold: ClassVar[float] = 0.5

    def value(self, y: Array, a: Array) -> Array:
        """Return the loss of each sample (and step): y and a (N, ..., K) -> (N, ...)."""
        raise NotImplementedError

    def slope(self, y: Array, a: Array) -> Array:
        """Return the derivative of `value` with respect to `a`, in its shape."""
        raise NotImplementedError

    def joint_value(self, y: Array, scores: Array) -> Array:
        """Return `value` of the activation `joins` at `scores`, straight from the scores."""
        raise NotImplementedError

    def joint_slope(self, y: Array, a: Array) -> Array:
        """Return the derivative of `joint_value` with respect to the scores that gave `a`."""
        raise NotImplementedError

    def __call__(self, y: ArrayLike, a: ArrayLike, weight: ArrayLike | None = None) -> float:
        """Return the mean loss over all samples and steps.

        Parameters
        ----------
        y : array_like (N, ..., K)
            The targets, in the shape of `a`; for categorical cross-entropy also integer classes (N, ...).
        a : array_like (N, ..., K)
            The outputs.
        weight : array_like (N,) or (N, T), optional
            A factor for each sample or step: 2 counts it twice, 0 masks it. The mean divides by the number
            of samples and steps, not by the sum of their weights.

        Raises
        ------
        ShapeError
            If the shapes do not fit (a ValueError); nothing is broadcast.
        ValueError
            If the targets lie outside `target_range`.
        """
        values = self._values(y, a)
        if weight is not None:
            values = values * _spread(weight, values.shape, values.dtype)
        return float(values.sum(dtype=np.float64)) / values.size

    def per_sample(self, y: ArrayLike, a: ArrayLike) -> Array:
        """Return the loss of each sample (N,), the mean over its time steps if there are any."""
        values = self._values(y, a)
        return values.reshape(len(values), -1).mean(axis=1)

    def gradient(self, y: ArrayLike, a: ArrayLike, weight: ArrayLike | None = None) -> Array:
        """Return the gradient of the mean loss, in the shape of `a`; see `__call__` for the arguments.

        It is taken with respect to `a`, or in the joint form with respect to the scores before the output
        activation: that one is a `ScoreGradient`.
        """
        y, a, scores = self._prepare(y, a)
        slope = self.slope(y, a) if scores is None else self.joint_slope(y, a)
        steps = a.shape[:-1]
        if weight is None:
            mean_slope = slope / math.prod(steps)
        else:
            mean_slope = slope * (_spread(weight, steps, a.dtype) / math.prod(steps))[..., None]
        return mean_slope if scores is None else mean_slope.view(ScoreGradient)

    def targets(self, y: Array, a: Array) -> Array:
        """Return the targets as `value` and `slope` take them: checked, in the shape and dtype of `a`."""
        if y.shape != a.shape:
            raise ShapeError(
                f"{type(self).__name__}: targets of shape {y.shape} do not fit outputs of shape {a.shape}, "
                f"and nothing is broadcast; {self._remedy(y, a)}"
            )
        low, high = self.target_range
        if (low > -math.inf and not y.min() >= low) or (high < math.inf and not y.max() <= high):
            raise ValueError(
                f"{type(self).__name__}: targets must lie between {low:g} and {high:g}, got {y.min()} to "
                f"{y.max()}; rescale them, or choose another loss"
            )
        return y.astype(a.dtype, copy=False)

    def _values(self, y: ArrayLike, a: ArrayLike) -> Array:
        y, a, scores = self._prepare(y, a)
        values = self.value(y, a) if scores is None else self.joint_value(y, scores)
        if values.shape != a.shape[:-1]:
            raise ShapeError(
                f"{type(self).__name__}.value must return one loss for each sample and step, shape "
                f"{a.shape[:-1]}, got {values.shape}; take the mean or sum over axis=-1"
            )
        return values

    def _prepare(self, y: ArrayLike, a: ArrayLike) -> tuple[Array, Array, Array | None]:
        """Return targets and outputs as plain arrays that fit, and the scores if the joint form applies."""
        scores = a.scores if isinstance(a, Output) and a.activation == self.joins else None
        a = np.asarray(a)  # also sheds the marked type, which would spread
        if a.dtype.kind != "f":
            a = a.astype(np.float64)
        if a.ndim < 2 or a.size == 0:
            raise ShapeError(
                f"{type(self).__name__}: outputs must be (samples, ..., outputs) and not empty, got {a.shape}"
                "; a single output is (samples, 1)"
            )
        return self.targets(np.asarray(y), a), a, scores

    def _remedy(self, y: Array, a: Array) -> str:
        """Return what to do about targets that do not have the shape of the outputs."""
        if [n for n in y.shape if n > 1] == [n for n in a.shape if n > 1]:
            return f"reshape the targets: y.reshape({a.shape})"
        return "give the last layer the units (and return_sequences) that the targets ask for"


def _spread(weight: ArrayLike, steps: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Return weights with as many axes as `steps`, the shape of the single losses: (N,) -> (N, 1)."""
    weight = np.asarray(weight, dtype)
    if weight.shape not in (steps, steps[:1]):
        allowed = " or ".join(str(shape) for shape in dict.fromkeys([steps[:1], steps]))
        raise ShapeError(f"weight must have the shape {allowed}, one for each loss, got {weight.shape}")
    return weight.reshape(weight.shape + (1,) * (len(steps) - weight.ndim))


@functools.cache
def _edges(dtype: np.dtype[np.floating]) -> tuple[float, float]:
    """Return the least output above 0, and the greatest below 1, at which losses are taken."""
    info = np.finfo(dtype)
    return float(info.tiny) ** 0.5, 1.0 - float(info.epsneg)


def above_zero(a: Array) -> Array:
    """Return outputs a step above 0, where a logarithm and the square of its slope are finite."""
    return np.maximum(a, _edges(a.dtype)[0])


def below_one(a: Array) -> Array:
    """Return outputs a step below 1, where log(1 - a) is finite."""
    return np.minimum(a, _edges(a.dtype)[1])
