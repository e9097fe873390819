"""Missing values: Impute fills and marks them; Gaps also adds the time since the last known value."""

from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np

from nnfw.core.arrays import first_where, numeric
from nnfw.core.typing import Array
from nnfw.core.validation import boolean, one_of
from nnfw.data.preparation import Preparation, StandardScaler, _feature_arrays, _is_sequences
from nnfw.data.samples import blocks

Method = Literal["last", "mean", "zero"]
METHODS = one_of(*get_args(Method))


class MissingValues(Preparation):
    """The base of Impute and Gaps: the mean of the known values, and the checks of both."""

    learned: ClassVar[tuple[str, ...]] = ("mean",)
    mean: Array

    def fit(self, data: Any, y: Any = None) -> Self:
        """Compute the mean of each feature's known values over all samples and steps; `y` is ignored."""
        items = [self._checked(item) for item in _feature_arrays(data)]
        sums = [(np.sum(~np.isnan(rows), axis=0), np.nansum(rows, axis=0)) for rows in blocks(items)]
        known, total = np.sum(sums, axis=0)
        unknown = np.flatnonzero(known == 0)
        if unknown.size:
            raise ValueError(f"feature {unknown[0]} has no known value in the data to fit; remove it")
        self.mean = total / known
        return self

    def _checked(self, item: Array) -> Array:
        """Return an array of features in floating point, whose values are finite or missing."""
        x = item if item.dtype.kind == "f" else item.astype(np.float64)
        if np.isinf(x).any():
            raise ValueError(f"{first_where(np.isinf(x), x, 'data')}, which is not a missing value (nan)")
        return x

    def _items(self, data: Any, along_steps: bool = True) -> list[Array]:
        """Return the data, or each sequence of a list, with the features that were fitted, and with steps."""
        items = [self._checked(item) for item in _feature_arrays(data, len(self.mean))]
        if along_steps and items[0].ndim == 2 and not _is_sequences(data):
            said = f"{type(self).__name__}: gaps are filled from earlier steps; {items[0].shape} has none"
            raise ValueError(f"{said}; a single series is [data]; otherwise use Impute('mean')")
        return items


class Impute(MissingValues):
    """Fill missing values (nan), and add an indicator for each feature: 1 where it is missing.

    Data is (N, D), (N, T, D) or a list of (T_i, D) arrays, and is returned in the same form, with D features
    and D indicators. Impute data before scaling it, and sequences before padding them.

    Parameters
    ----------
    method : {"last", "mean", "zero"}
        "last": the last known value of the feature in its sequence, and its mean before the first; "mean":
        the mean of the known values in the training data, `mean` (D,) after `fit`; "zero": 0.
    indicators : bool
        Whether to add the indicators, since missingness is often as informative as the values.

    References
    ----------
    Lipton, Kale & Wetzel 2016, "Modeling missing data in clinical time series with RNNs" (arXiv:1606.04130).

    Examples
    --------
    >>> nan = float("nan")
    >>> Impute("last").fit_transform([[[nan, 1.0], [4.0, nan], [nan, 3.0]]])  # one sequence of three steps
    [array([[4., 1., 1., 0.],
           [4., 1., 0., 1.],
           [4., 3., 1., 0.]])]
    """

    def __init__(self, method: Method = "last", *, indicators: bool = True) -> None:
        self.method = METHODS("Impute", "method", method)
        self.indicators = boolean("Impute", "indicators", indicators)

    def transform(self, data: Any) -> Any:
        """Return `data` without missing values."""
        filled = [self._fill(x) for x in self._items(data, self.method == "last")]
        return filled if _is_sequences(data) else filled[0]

    def _fill(self, x: Array) -> Array:
        missing = np.isnan(x)
        if self.method == "last":
            x = np.take_along_axis(x, last_known(missing), axis=-2)
        y = np.where(np.isnan(x), 0.0 if self.method == "zero" else self.mean, x).astype(x.dtype)
        return np.concatenate([y, missing.astype(x.dtype)], axis=-1) if self.indicators else y


class Gaps(MissingValues):
    """Prepare sequences with missing values (nan) for the layer `GRUD`.

    Data is (N, T, D) or a list of (T_i, D) arrays, and is returned in the same form with 3D features side by
    side: the values, standardized by those known in the training data, where a missing value is replaced by
    the last known one, and by 0, the mean, before the first; a mask, 1 where the value is known and 0 where
    it is not; and the time since the last known value before this step, or since the first step. After `fit`,
    `mean` and `scale` (D,) hold the mean and the standard deviation (1 for a constant feature).

    References
    ----------
    Che, Purushotham, Cho, Sontag & Liu 2018, "Recurrent neural networks for multivariate time series with
    missing values" (arXiv:1606.01865), equation 2.

    Examples
    --------
    >>> nan = float("nan")
    >>> gaps = Gaps().fit([[[1.0], [nan], [nan], [3.0], [nan]]])  # one sequence of five steps
    >>> gaps.transform([[[1.0], [nan], [nan], [3.0], [nan]]], times=[[0, 1, 4, 5, 7]])
    [array([[-1.,  1.,  0.],
           [-1.,  0.,  1.],
           [-1.,  0.,  4.],
           [ 1.,  1.,  5.],
           [ 1.,  0.,  2.]])]
    """

    learned = ("mean", "scale")
    scale: Array

    def fit(self, data: Any, y: Any = None) -> Self:
        """Fit mean and scale to the known values of each feature over all samples and steps; ignore `y`."""
        super().fit(data)
        rows = np.concatenate([x.reshape(-1, len(self.mean)) for x in _feature_arrays(data)])
        known = (column[~np.isnan(column), None] for column in rows.T)
        self.scale = np.concatenate([StandardScaler().fit(column).scale for column in known])
        return self

    def fit_transform(self, data: Any, y: Any = None, *, times: Any = None) -> Any:
        """Fit to `data`, and return it transformed; `y` is ignored, and `times` is a keyword argument."""
        return self.fit(data).transform(data, times)

    def transform(self, data: Any, times: Any = None) -> Any:
        """Return values, mask and time since the last known value.

        `times`, (N, T) or a list of (T_i,), are the times of the steps, in a unit in which most gaps are of
        the order of 1; by default 0, 1, 2 ... Convert dates to hours with
        ``(dates - dates.min()) / np.timedelta64(1, "h")``.
        """
        items, listed = self._items(data), _is_sequences(data)
        made = [self._lay_out(x, t) for x, t in zip(items, times_of(items, times, listed), strict=True)]
        return made if listed else made[0]

    def _lay_out(self, x: Array, times: Array) -> Array:
        """Return one array or sequence as values, mask and time since the last value, side by side."""
        missing = np.isnan(x)
        last, t = last_known(missing), np.broadcast_to(times[..., None], x.shape)
        before = np.zeros_like(last)
        before[..., 1:, :] = last[..., :-1, :]
        values = np.take_along_axis((x - self.mean) / self.scale, last, axis=-2)
        since = t - np.take_along_axis(t, before, axis=-2)
        return np.concatenate([np.nan_to_num(values), ~missing, since], axis=-1).astype(x.dtype)


def last_known(missing: Array) -> Array:
    """Return, for each step and feature, the last step up to it that is not missing; 0 if there is none."""
    steps = np.arange(missing.shape[-2])[:, None]
    return np.maximum.accumulate(np.where(missing, 0, steps), axis=-2)


def times_of(items: list[Array], times: Any, listed: bool) -> list[Array]:
    """Return the time of each step of all items, by default 0, 1, 2 ..."""
    if times is None:
        return [np.arange(x.shape[-2]) for x in items]
    parts = list(times) if listed and np.iterable(times) else [times]
    if len(parts) != len(items):
        raise ValueError(f"times must have one array per sequence, {len(items)}, got {len(parts)}")
    given: list[Array] = []
    for number, (part, x) in enumerate(zip(parts, items, strict=True)):
        name = f"times[{number}]" if listed else "times"
        t = np.asarray(numeric(part, name), np.float64)  # in which no difference wraps around
        if t.shape != x.shape[:-1]:
            raise ValueError(f"{name} must have one number per step, shape {x.shape[:-1]}, got {t.shape}")
        if not np.isfinite(t).all():
            raise ValueError(f"{first_where(~np.isfinite(t), t, name)}, but times must be finite")
        if np.any(back := np.diff(t, prepend=t[..., :1]) < 0):
            raise ValueError(f"{first_where(back, t, name)} after a later one; sort the steps by time")
        given.append(t)
    return given
