"""Transformers fitted to the training data: encoding of labels as class numbers, and scaling of features."""

import reprlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import as_array, as_indices, numeric
from nnfw.core.registry import Part, Searchable
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array, ArrayLike, DTypeLike
from nnfw.core.validation import FINITE, positive_integer, real_dtype
from nnfw.data.samples import blocks, reduced, same_columns


class Preparation(Part, Searchable):
    """The base class: `fit` learns from training data, `transform` applies the result to any data.

    The attributes listed in `learned` exist after `fit`; reading one before raises a RuntimeError.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    @property
    def _free(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.learned

    if not TYPE_CHECKING:  # else type checkers would accept any name

        def __getattr__(self, name: str) -> Any:  # only called for missing attributes
            owner, learns = type(self).__name__, " and ".join(self.learned)
            if name in self.learned:
                raise RuntimeError(f"this {owner} is not fitted yet; call fit(...) first")
            raise AttributeError(
                f"{owner!r} object has no attribute {name!r}; it learns {learns}: help({owner})"
            )

    def fit(self, data: Any, y: Any = None) -> Self:
        """Fit to training data; `y` is ignored."""
        raise NotImplementedError

    def transform(self, data: Any) -> Any:
        """Return `data` transformed."""
        raise NotImplementedError

    def fit_transform(self, data: Any, y: Any = None) -> Any:
        """Fit to `data`, and return it transformed; `y`, which scikit-learn's pipelines pass, is ignored."""
        return self.fit(data).transform(data)


# ---- labels -------------------------------------------------------------------------------------------


CLASS_NUMBERS = ".astype(int) converts whole numbers, LabelEncoder any other labels"
DECIDED = "network.predict_classes(x) returns class numbers"


@explain_keywords
def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = "float32") -> Array:
    """Return class numbers (N,) or (N, T) as one-hot rows (..., K): 1 at the class and 0 elsewhere.

    Parameters
    ----------
    labels : array_like of int, (N,) or (N, T)
        Class numbers from 0 to K - 1.
    classes : int, optional
        K; by default one more than the largest label. Give it if the data might lack the last class.
    dtype : dtype, default "float32"

    Examples
    --------
    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    codes = numeric(labels, "labels")
    if codes.ndim not in (1, 2):
        raise ValueError(f"labels must have shape (samples,) or (samples, steps), got {codes.shape}")
    if classes is None:
        if codes.size == 0:
            raise ValueError("labels are empty, so the number of classes is not known; pass classes=")
        classes = max(int(codes.max()) + 1, 1)
    classes = positive_integer("one_hot", "classes", classes)
    codes = as_indices(codes, "labels", classes, CLASS_NUMBERS)
    rows = np.zeros((*codes.shape, classes), real_dtype("one_hot", "dtype", dtype))
    np.put_along_axis(rows, codes[..., None], 1, axis=-1)
    return rows


class LabelEncoder(Preparation):
    """Encode labels of one kind (strings, numbers or dates) as class numbers 0 to K - 1, in sorted order.

    Labels may have any shape, which is preserved. In a list, ``1`` and ``"1"`` are distinct labels. After
    `fit`, `classes` (K,) holds the distinct labels in the order of their numbers.

    Examples
    --------
    >>> encoder = LabelEncoder()
    >>> encoder.fit_transform(["pear", "apple", "pear"])
    array([1, 0, 1])
    >>> encoder.inverse_transform([0, 0])
    array(['apple', 'apple'], dtype='<U5')
    """

    learned = ("classes",)
    classes: Array

    def fit(self, data: ArrayLike, y: Any = None) -> Self:
        """Find the classes of `data`: labels of any shape, sortable and none of them missing; ignore `y`."""
        labels = _labels(data)
        values = (labels if labels.dtype.kind in "OT" else np.unique(labels)).ravel().tolist()
        try:
            if any(  # NAType is from pandas; NumPy makes None of a missing date
                value is None or type(value).__name__ == "NAType" or value != value for value in set(values)
            ):
                raise ValueError("labels hold None or nan; replace it by a label, or drop its samples")
            distinct = sorted(set(values))
        except TypeError:
            kinds = ", ".join(sorted({type(value).__name__ for value in values}))
            raise TypeError(f"labels must be of one kind that can be sorted, got {kinds}") from None
        if not distinct:
            raise ValueError("labels are empty; fit the encoder to the training labels")
        classes = np.array(distinct, dtype=None if labels.dtype == object else labels.dtype)
        # NumPy's own dtypes cannot hold every label: huge integers, strings ending in NUL, pairs.
        self.classes = classes if classes.tolist() == distinct else np.fromiter(distinct, object)
        return self

    def transform(self, data: ArrayLike) -> Array:
        """Return the number of each label, int64 in the shape of `data`."""
        labels, known = _labels(data), self.classes.tolist()
        numbers = {label: number for number, label in enumerate(known)}
        try:
            codes = [numbers[label] for label in labels.ravel().tolist()]
        except KeyError as error:
            label = error.args[0]
            said = f"unknown label {reprlib.repr(label)}.{nearest(str(label), map(str, known))}"
            raise ValueError(f"{said} The classes are {reprlib.repr(known)}.") from None
        return np.array(codes, dtype=np.int64).reshape(labels.shape)

    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Return the label of each class number, in the shape of `codes`."""
        return self.classes[as_indices(codes, "codes", len(self.classes), DECIDED)]


def _labels(data: ArrayLike) -> Array:
    """Return labels as an array; those of a list as Python's objects."""
    labels = as_array(data, "labels", None if isinstance(data, np.ndarray) else object)
    if labels.ndim == 0:
        raise TypeError(f"labels must be a list or an array, got {type(data).__name__}")
    if labels.dtype == object and labels.ndim == 1 and {list, np.ndarray} & set(map(type, labels)):
        said = "for labels of each step, in a list of sequences, use fit(np.concatenate(labels))"
        raise TypeError(f"{said} and [encoder.transform(one) for one in labels]")
    return labels


# ---- scalers ------------------------------------------------------------------------------------------


class Scaler(Preparation):
    """The base of scalers, which map `offset` to `low` and ``offset + scale`` to `high` in each feature.

    Data is (N, D), (N, T, D) or a list of (T_i, D) arrays, and is returned in the same form. Floats keep
    their dtype, integers become float64. Scale sequences before padding them, since padding counts as data.
    """

    learned = ("offset", "scale")
    offset: Array
    scale: Array
    low, high = 0.0, 1.0

    def fit(self, data: Any, y: Any = None) -> Self:
        """Fit each feature over all samples and steps; all values must be finite. `y` is ignored."""
        items = _feature_arrays(data)
        if not sum(item.size for item in items):
            raise ValueError("the data to fit is empty; at least one sample and one feature are needed")
        ends = (np.minimum, np.maximum)
        extremes = np.array([[reduced(end, block) for end in ends] for block in blocks(items)])
        low, high = extremes[:, 0].min(axis=0), extremes[:, 1].max(axis=0)
        with np.errstate(all="ignore"):
            span = high - low
        wrong = np.flatnonzero(~np.isfinite(span))
        if wrong.size:
            extent = f"{low[wrong[0]]:g} to {high[wrong[0]]:g}".removesuffix(" to nan")
            raise ValueError(
                f"feature {wrong[0]} holds {extent}, not a finite range; before the scaler, fill missing "
                f"values by nnfw.data.Impute, drop infinite samples, or divide the data by a constant"
            )
        self.offset, scale = self._measure(items, low, span)
        self.scale = np.where(scale > 0, scale, 1.0)
        return self

    def transform(self, data: Any) -> Any:
        """Return `data` scaled."""
        return self._apply(lambda x: (x - self.offset) / self.scale * (self.high - self.low) + self.low, data)

    def inverse_transform(self, data: Any) -> Any:
        """Return scaled `data` in its original units."""
        return self._apply(lambda x: (x - self.low) / (self.high - self.low) * self.scale + self.offset, data)

    def _apply(self, function: Callable[[Array], Array], data: Any) -> Any:
        scaled = []
        for item in _feature_arrays(data, len(self.offset)):
            dtype = item.dtype if item.dtype.kind == "f" else np.dtype(np.float64)
            try:
                with np.errstate(over="raise"):
                    scaled.append(function(item).astype(dtype, copy=False))
            except FloatingPointError:
                said = f"the scaled data exceeds the largest number of {dtype}"
                raise ValueError(f"{said}; pass it as float64, or divide it by a constant first") from None
        return scaled if _is_sequences(data) else scaled[0]

    def _measure(self, items: list[Array], low: Array, span: Array) -> tuple[Array, Array]:
        """Return the offset and the scale of each feature, whose values are `low` to ``low + span``."""
        raise NotImplementedError


class MinMaxScaler(Scaler):
    """Map each feature's range in the training data to [low, high]; a constant feature becomes `low`.

    After `fit`, `offset` and `scale` (D,) hold each feature's minimum, and its maximum minus its minimum (1
    for a constant feature).

    Parameters
    ----------
    low, high : float, default 0.0 and 1.0
        The target range. Later data may fall outside it.

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
        FINITE("MinMaxScaler", "high - low", self.high - self.low)

    def _measure(self, items: list[Array], low: Array, span: Array) -> tuple[Array, Array]:
        return low, span


class StandardScaler(Scaler):
    """Standardize each feature to mean 0 and standard deviation 1; a constant feature becomes 0.

    After `fit`, `offset` and `scale` (D,) hold each feature's mean, and its standard deviation over all R
    rows, ``sqrt(sum((x - mean)**2) / R)`` (1 for a constant feature).

    Examples
    --------
    >>> StandardScaler().fit_transform([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]).round(3)
    array([[-1.225,  0.   ],
           [ 0.   ,  0.   ],
           [ 1.225,  0.   ]])
    """

    def _measure(self, items: list[Array], low: Array, span: Array) -> tuple[Array, Array]:
        rows = sum(item.size // item.shape[-1] for item in items)
        # Divided by a power of two, which is exact, no square overflows or vanishes.
        unit = np.ldexp(1.0, np.frexp(span)[1] - 1)
        # Relative to the first row, a large common offset costs no digits and a constant is exactly 0.
        origin = next(blocks(items))[0]
        mean = origin + sum(((block - origin) / unit).sum(axis=0) for block in blocks(items)) / rows * unit
        variance = sum(np.square((block - mean) / unit).sum(axis=0) for block in blocks(items)) / rows
        return mean, np.sqrt(variance) * unit


def _is_sequences(data: Any) -> TypeGuard[Sequence[ArrayLike]]:
    """Whether data is a list of sequences (T_i, D)."""
    first = data[0] if isinstance(data, list | tuple) and len(data) else 0
    return np.asarray(first, getattr(first, "dtype", object)).ndim == 2


def _feature_arrays(data: Any, fitted: int | None = None) -> list[Array]:
    """Return the data, or each sequence of a list, as arrays (..., D); D is as fitted, if that is known."""
    sequences = _is_sequences(data)
    items = [numeric(item, "data") for item in (same_columns(data) if sequences else [data])]
    for index, item in enumerate(items):
        if sequences and (item.ndim != 2 or item.shape[1] != items[0].shape[1]):
            expected = f"(steps, {items[0].shape[1]}) like the first, steps before features"
            raise ValueError(f"sequence {index} has shape {item.shape}, expected {expected}")
        if item.ndim not in (2, 3):
            said = f"data has shape {item.shape}, expected (samples, features) or (samples, steps, features)"
            raise ValueError(f"{said}; np.asarray(x)[:, None] turns (samples,) into one feature")
        if fitted not in (None, item.shape[-1]):
            got = f"{item.shape[-1]} in the last axis of {item.shape}"
            raise ValueError(f"fitted to {fitted} features, got {got}")
    return items
