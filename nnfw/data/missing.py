"""Missing values: Impute fills them, and says where they were."""

from typing import Any, Self

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.validation import boolean, first_where, one_of
from nnfw.data.preparation import Preparation, _feature_arrays, _is_sequences

METHODS = one_of("last", "mean", "zero")


class Impute(Preparation):
    """Fill missing values, which are nan, and add an indicator of each feature: 1 where it is missing.

    Data is (N, D), (N, T, D) or a list of (T_i, D) arrays, and is returned in the same form, with D features
    and D indicators. Fill data before it is scaled, and sequences before they are padded.

    Parameters
    ----------
    method : {"last", "mean", "zero"}
        "last" takes the last known value of the feature in its sequence, and its mean before the first;
        "mean" the mean of the known values of the training data, `mean` (D,) after `fit`; "zero" 0.
    indicators : bool
        Whether they are added: what is missing often tells as much as what is there.

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

    learned = ("mean",)
    mean: Array

    def __init__(self, method: str = "last", *, indicators: bool = True) -> None:
        self.method = METHODS("Impute", "method", method)
        self.indicators = boolean("Impute", "indicators", indicators)

    def fit(self, data: Any, y: Any = None) -> Self:
        """Take the mean of the known values of each feature over all samples and steps. `y` is not read."""
        rows = [self._checked(item).reshape(-1, item.shape[-1]) for item in _feature_arrays(data)]
        known = sum(np.sum(~np.isnan(item), axis=0) for item in rows)
        unknown = np.flatnonzero(known == 0)
        if unknown.size:
            raise ValueError(f"feature {unknown[0]} has no known value in the data to fit; leave it out")
        self.mean = sum(np.nansum(item, axis=0, dtype=np.float64) for item in rows) / known
        return self

    def transform(self, data: Any) -> Any:
        """Return `data` without missing values."""
        items = _feature_arrays(data)
        if self.method == "last" and items[0].ndim == 2 and not _is_sequences(data):
            raise ValueError(
                f"Impute: method='last' goes along time steps, and samples {items[0].shape} have none; one "
                f"series is data[None], or take method='mean'"
            )
        filled = [self._fill(self._checked(item)) for item in items]
        return filled if _is_sequences(data) else filled[0]

    def _checked(self, item: Array) -> Array:
        """Return an array of features in floating point, whose values are finite or missing."""
        x = item if item.dtype.kind == "f" else item.astype(np.float64)
        if np.isinf(x).any():
            raise ValueError(f"{first_where(np.isinf(x), x, 'the data')}, which is not missing but wrong")
        return x

    def _fill(self, x: Array) -> Array:
        """Return one array or sequence without missing values."""
        if x.shape[-1] != len(self.mean):
            raise ValueError(f"fitted to {len(self.mean)} features, got {x.shape[-1]} (shape {x.shape})")
        missing = np.isnan(x)
        if self.method == "last":
            x = self._carry(x, missing)
        y = np.where(np.isnan(x), 0.0 if self.method == "zero" else self.mean, x).astype(x.dtype)
        return np.concatenate([y, missing.astype(x.dtype)], axis=-1) if self.indicators else y

    def _carry(self, x: Array, missing: Array) -> Array:
        """Return x with the last known value before it, if any, in place of each missing one."""
        steps = np.arange(x.shape[-2])[:, None]
        last = np.maximum.accumulate(np.where(missing, 0, steps), axis=-2)
        return np.take_along_axis(x, last, axis=-2)
