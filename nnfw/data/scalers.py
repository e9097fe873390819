"""Scalers: features brought to one range, or to mean 0 and standard deviation 1."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.core.validation import FINITE, numeric
from nnfw.data.batching import batches
from nnfw.data.preparation import Preparation

BLOCK = 1 << 18  # numbers that a scaler takes together: 2 MB in float64


class Scaler(Preparation):
    """The base of scalers, which shift and scale each feature by what `fit` measures.

    Data is (N, D), (N, T, D) or a list of (T_i, D) arrays, and is returned in the same form. Floats keep
    their dtype, integers become float64. Scale sequences before padding, which would count as data.
    """

    learned = ("offset", "scale")
    offset: Array
    scale: Array

    def fit(self, data: Any) -> Self:
        """Measure each feature over all samples and steps; all values must be finite."""
        items = _feature_arrays(data)
        if not sum(item.size for item in items):
            raise ValueError("the data to fit is empty; give at least one sample and one feature")
        self.offset, scale = self._measure(items)
        self.scale = np.where(scale > 0, scale, 1.0)
        return self

    def transform(self, data: Any) -> Any:
        """Return `data` scaled."""
        return self._apply(self._forward, data)

    def inverse_transform(self, data: Any) -> Any:
        """Return scaled `data` in its original units."""
        return self._apply(self._inverse, data)

    def _apply(self, function: Callable[[Array], Array], data: Any) -> Any:
        features, scaled = len(self.offset), []
        for item in _feature_arrays(data):
            if item.shape[-1] != features:
                raise ValueError(f"fitted to {features} features, got {item.shape[-1]} (shape {item.shape})")
            dtype = item.dtype if item.dtype.kind == "f" else np.float64
            scaled.append(function(item).astype(dtype, copy=False))
        return scaled if _is_sequences(data) else scaled[0]

    def _measure(self, items: list[Array]) -> tuple[Array, Array]:
        """Return the offset and the scale of each feature."""
        raise NotImplementedError

    def _forward(self, x: Array) -> Array:
        return (x - self.offset) / self.scale

    def _inverse(self, x: Array) -> Array:
        return x * self.scale + self.offset


class MinMaxScaler(Scaler):
    """Map each feature's range in the training data to [low, high]; a constant feature becomes `low`.

    After `fit`, `offset` and `scale` (D,) hold each feature's minimum, and its maximum less its minimum (1
    for a constant feature).

    Parameters
    ----------
    low, high : float, default 0.0 and 1.0
        The range to map to. Later data may fall outside of it.

    Examples
    --------
    >>> MinMaxScaler(low=-1).fit_transform([[0, 7], [5, 7], [10, 7]])
    array([[-1., -1.],
           [ 0., -1.],
           [ 1., -1.]])
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low = FINITE("MinMaxScaler", "low", low)
        self.high = FINITE("MinMaxScaler", "high", high)
        if not self.low < self.high:
            raise ValueError(f"MinMaxScaler: low must be less than high, got low={low}, high={high}")

    def _measure(self, items: list[Array]) -> tuple[Array, Array]:
        low = np.min([block.min(axis=0) for block in _blocks(items)], axis=0)
        high = np.max([block.max(axis=0) for block in _blocks(items)], axis=0)
        return low, high - low

    def _forward(self, x: Array) -> Array:
        return super()._forward(x) * (self.high - self.low) + self.low

    def _inverse(self, x: Array) -> Array:
        return super()._inverse((x - self.low) / (self.high - self.low))


class StandardScaler(Scaler):
    """Bring each feature to mean 0 and standard deviation 1; a constant feature becomes 0.

    After `fit`, `offset` and `scale` (D,) hold each feature's mean, and its standard deviation over all R
    rows, ``sqrt(sum((x - mean)**2) / R)`` (1 for a constant feature).

    Examples
    --------
    >>> StandardScaler().fit_transform([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]).round(3)
    array([[-1.225,  0.   ],
           [ 0.   ,  0.   ],
           [ 1.225,  0.   ]])
    """

    def _measure(self, items: list[Array]) -> tuple[Array, Array]:
        rows = sum(item.size // item.shape[-1] for item in items)
        # Relative to the first row, a large common offset costs no digits and a constant is exactly 0.
        origin = next(_blocks(items))[0]
        mean = origin + sum((block - origin).sum(axis=0) for block in _blocks(items)) / rows
        variance = sum(np.square(block - mean).sum(axis=0) for block in _blocks(items)) / rows
        return mean, np.sqrt(variance)


def _is_sequences(data: Any) -> TypeGuard[Sequence[ArrayLike]]:
    """Whether data is a list of sequences (T_i, D)."""
    return isinstance(data, list | tuple) and len(data) > 0 and np.asarray(data[0], object).ndim == 2


def _feature_arrays(data: Any) -> list[Array]:
    """Return the data, or each sequence of a list, as arrays whose last axis is the features."""
    sequences = _is_sequences(data)
    items = [numeric(item, "the data") for item in (data if sequences else [data])]
    for index, item in enumerate(items):
        if sequences and (item.ndim != 2 or item.shape[1] != items[0].shape[1]):
            features = items[0].shape[1]
            raise ValueError(f"sequence {index} has shape {item.shape}, expected (steps, {features})")
        if item.ndim not in (2, 3):
            raise ValueError(
                f"the data has shape {item.shape}, expected (samples, features) or (samples, steps, "
                "features); x[:, None] turns (samples,) into one feature"
            )
    return items


def _blocks(items: Iterable[Array]) -> Iterator[Array]:
    """Yield all rows in float64 blocks, so that a memory map is never in memory as a whole."""
    for item in items:
        rows = item.reshape(-1, item.shape[-1])
        for part in batches(len(rows), max(BLOCK // rows.shape[1], 1)):
            block = rows[part].astype(np.float64)
            finite = np.isfinite(block).all(axis=0)
            if not finite.all():
                raise ValueError(
                    f"feature {finite.argmin()} holds nan or infinity; fill or drop such samples first"
                )
            yield block
