"""Preparing data: labels, splits, scales, sequences and batches.

Nothing here changes what it is given, and whatever is random draws from a generator of its own: the same
seed gives the same data. Arrays may be read-only, non-contiguous or memory-mapped.
"""

import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self, TypeGuard

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, DTypeLike

from nnfw.checks import number, positive_integer
from nnfw.joint import Array
from nnfw.names import nearest
from nnfw.parts import Part, explain_keywords

BLOCK = 1 << 18  # numbers that a scaler looks at together: 2 MB in float64


# Labels -------------------------------------------------------------------------------------------------


@explain_keywords
def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = "float32") -> Array:
    """Turn class numbers into rows that are 1 at the class and 0 elsewhere.

    Parameters
    ----------
    labels : array_like of int, (N,) or (N, T)
        Class numbers from 0 to K - 1.
    classes : int, optional
        The number of classes K; by default one more than the largest label. Give it wherever a part of the
        data might lack the last class.
    dtype : dtype, default "float32"
        The dtype of the result.

    Returns
    -------
    ndarray, (N, K) or (N, T, K)

    Raises
    ------
    TypeError
        If the labels are not integers.
    ValueError
        If a label is negative or not below `classes`.

    Examples
    --------
    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    codes = _class_numbers("labels", labels)
    if codes.ndim not in (1, 2):
        raise ValueError(f"labels must have shape (samples,) or (samples, steps), got {codes.shape}")
    if classes is None:
        if codes.size == 0:
            raise ValueError("labels are empty, which leaves the number of classes open; give classes=")
        classes = max(int(codes.max()) + 1, 1)
    classes = positive_integer("one_hot", "classes", classes)
    _check_range("labels", codes, classes)
    rows = np.zeros((*codes.shape, classes), dtype)
    np.put_along_axis(rows, codes[..., None], 1, axis=-1)
    return rows


def _class_numbers(name: str, values: ArrayLike) -> Array:
    codes = np.asarray(values)
    if codes.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be integers, got dtype {codes.dtype}; turn whole numbers with .astype(int), "
            "any other labels with LabelEncoder"
        )
    return codes


def _check_range(name: str, codes: Array, classes: int) -> None:
    wrong = np.argwhere((codes < 0) | (codes >= classes))
    if len(wrong):
        place = ", ".join(map(str, wrong[0]))
        raise ValueError(
            f"{name}[{place}] is {codes[tuple(wrong[0])]}, but {classes} classes are numbered "
            f"from 0 to {classes - 1}; LabelEncoder turns any labels into such numbers"
        )


class Preparation(Part):
    """What `fit` learns from the training data, to be applied to any data.

    The attributes listed in `learned` exist after `fit`; asking for one before raises a RuntimeError.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __getattr__(self, name: str) -> Any:  # reached only if there is no such attribute
        if name in self.learned:
            raise RuntimeError(f"this {type(self).__name__} has learned nothing yet; call fit(...) first")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def fit(self, data: Any) -> Self:
        """Learn from training data."""
        raise NotImplementedError

    def transform(self, data: Any) -> Any:
        """Apply what was learned."""
        raise NotImplementedError

    def fit_transform(self, data: Any) -> Any:
        """Learn from `data` and return it transformed."""
        return self.fit(data).transform(data)


class LabelEncoder(Preparation):
    """Number labels of any one kind (strings, numbers, dates) from 0 to K - 1, in sorted order.

    Labels may have any shape, which is kept. A list is taken as it is: ``1`` and ``"1"`` are two labels.

    Attributes
    ----------
    classes : ndarray, (K,)
        The distinct labels in sorted order; a label's number is its index.

    Examples
    --------
    >>> encoder = LabelEncoder()
    >>> encoder.fit_transform(["pear", "apple", "pear"])
    array([1, 0, 1])
    >>> encoder.classes
    array(['apple', 'pear'], dtype='<U5')
    >>> encoder.inverse_transform([0, 0])
    array(['apple', 'apple'], dtype='<U5')
    >>> encoder.transform(["paer"])
    Traceback (most recent call last):
    ValueError: unknown label 'paer'. Did you mean 'pear'? The classes are ['apple', 'pear'].
    """

    learned = ("classes",)
    classes: Array

    def fit(self, data: ArrayLike) -> Self:
        """Learn the classes of `data`, labels of any shape.

        Raises
        ------
        TypeError
            If the labels are of kinds that have no common order, such as strings beside numbers.
        ValueError
            If there are no labels, or one is nan.
        """
        labels = _labels(data)
        values = labels.ravel().tolist()
        try:
            distinct = sorted(set(values))
        except TypeError:
            kinds = ", ".join(sorted({type(value).__name__ for value in values}))
            raise TypeError(f"labels must be of one kind that can be sorted, got {kinds}") from None
        if not distinct:
            raise ValueError("labels are empty; fit the encoder to the training labels")
        if any(value != value for value in distinct):
            raise ValueError("labels hold nan; name the missing label, or drop its samples")
        classes = np.array(distinct, dtype=None if labels.dtype == object else labels.dtype)
        # NumPy's own dtypes cannot hold every label: huge integers, strings that end in NUL.
        self.classes = classes if classes.tolist() == distinct else np.array(distinct, dtype=object)
        return self

    def transform(self, data: ArrayLike) -> Array:
        """Return the number of each label, int64 in the shape of `data`.

        Raises
        ------
        ValueError
            If a label was not among those fitted; the message names it and the nearest.
        """
        labels = _labels(data)
        numbers = {label: number for number, label in enumerate(self.classes.tolist())}
        try:
            codes = [numbers[label] for label in labels.ravel().tolist()]
        except KeyError as error:
            label, known = error.args[0], self.classes.tolist()
            raise ValueError(
                f"unknown label {reprlib.repr(label)}.{nearest(str(label), map(str, known))} "
                f"The classes are {reprlib.repr(known)}."
            ) from None
        return np.array(codes, dtype=np.int64).reshape(labels.shape)

    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Return the label of each class number, in the shape of `codes`."""
        classes = self.classes
        numbers = _class_numbers("codes", codes)
        _check_range("codes", numbers, len(classes))
        return classes[numbers]


def _labels(data: ArrayLike) -> Array:
    labels = data if isinstance(data, np.ndarray) else np.array(data, dtype=object)
    if labels.ndim == 0:
        raise TypeError(f"labels must be a list or an array, got {type(data).__name__}")
    return labels


# Splits -------------------------------------------------------------------------------------------------


def split_indices(
    n: int, fraction: float, rng: np.random.Generator, labels: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Choose at random which of `n` samples to hold out.

    ``round(n * fraction)`` samples are held out, but at least 1 and at most n - 1. With `labels` each class
    gives its share, rounded by largest remainder (ties by lot), and keeps a training sample if it has two.

    Parameters
    ----------
    n : int
        The number of samples N, at least 2.
    fraction : float
        The share to hold out, between 0 and 1.
    rng : numpy.random.Generator
        The source of chance; equal generators choose alike.
    labels : array_like, (N,) or (N, ...), optional
        Stratify by these: samples with equal labels (or equal one-hot rows) are of one class.

    Returns
    -------
    train, held : ndarray of int
        Both in ascending order, so that the samples of each part keep theirs.

    Raises
    ------
    ValueError
        If nothing can be split so: too few samples, a fraction outside (0, 1), labels of another length or
        without classes, or a fraction so large that not every class can keep a training sample.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> train, held = split_indices(9, 1 / 3, np.random.default_rng(0), labels)
    >>> np.bincount(labels[train]), np.bincount(labels[held])
    (array([4, 2]), array([2, 1]))
    """
    if n < 2:
        raise ValueError(f"a split needs at least 2 samples, got {n}")
    share = number("split", "the fraction to hold out", fraction)
    if not 0 < share < 1:
        raise ValueError(
            f"the fraction to hold out must lie between 0 and 1, got {fraction}; "
            f"to hold out k of the {n} samples give k / {n}"
        )
    held = min(max(round(n * share), 1), n - 1)
    chosen = rng.permutation(n)[:held] if labels is None else _choose_by_class(n, held, rng, labels)
    is_held = np.zeros(n, dtype=bool)
    is_held[chosen] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _choose_by_class(n: int, held: int, rng: np.random.Generator, labels: ArrayLike) -> Array:
    classes = _classes_of(n, labels)
    counts = np.bincount(classes)
    shares = _shares(counts, held, rng)
    order = rng.permutation(n)
    order = order[np.argsort(classes[order], kind="stable")]  # class by class, in random order within each
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[rank < np.repeat(shares, counts)]


def _classes_of(n: int, labels: ArrayLike) -> Array:
    values = np.asarray(labels)
    if values.ndim == 0 or len(values) != n:
        raise ValueError(f"labels must hold one label for each of the {n} samples, got shape {values.shape}")
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise ValueError("labels hold fractions, not classes; split continuous targets without stratifying")
    return np.unique(values, return_inverse=True, axis=0 if values.ndim > 1 else None)[1].reshape(n)


def _shares(counts: Array, held: int, rng: np.random.Generator) -> Array:
    """Return how many samples each class gives, by largest remainder, in exact integers."""
    most = np.where(counts > 1, counts - 1, 1)
    if held > most.sum():
        raise ValueError(
            f"holding out {held} of {counts.sum()} samples leaves some of the {len(counts)} classes without "
            f"a training sample; hold out at most {most.sum()}, or split without stratifying"
        )
    shares, remainders = np.divmod(counts * held, counts.sum())
    lots = rng.random(len(counts))
    while left := held - shares.sum():  # once, unless a class cannot give what it should
        able = np.flatnonzero(shares < most)
        largest = able[np.lexsort((lots[able], -remainders[able]))]
        shares[largest[:left]] += 1
    return shares


@explain_keywords
def train_test_split(
    x: Any,
    y: Any,
    *more: Any,
    test_fraction: float = 0.2,
    seed: int = 0,
    stratify: ArrayLike | bool | None = None,
) -> list[Any]:
    """Split samples at random into a training and a test part.

    Parameters
    ----------
    x, y, *more : array_like, (N, ...)
        Inputs, targets, and anything else that has one entry a sample (lengths, weights). A list stays a
        list, as sequences of unequal length are one; anything else becomes an array.
    test_fraction : float, default 0.2
        The share of the test part, between 0 and 1.
    seed : int, default 0
        The same seed gives the same split.
    stratify : True or array_like, (N,), optional
        Keep the shares of the classes in both parts: those of `y`, or of the labels given.

    Returns
    -------
    list
        ``[x_train, x_test, y_train, y_test, ...]``, two for each argument in the order of scikit-learn.
        Samples are copied, in random order, the same for all arguments.

    Raises
    ------
    ValueError
        If the numbers of samples differ, or `split_indices` cannot split so.

    See Also
    --------
    split_indices : The choice itself, and how classes are rounded.

    Examples
    --------
    >>> x, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 0])
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_fraction=0.4, stratify=True)
    >>> x_train.shape, x_test.shape, sorted(y_test.tolist())
    ((3, 2), (2, 2), [0, 1])
    """
    columns = (x, y, *more)
    sizes = [len(column) for column in columns]
    if len(set(sizes)) > 1:
        raise ValueError(f"all arguments must have equally many samples, got {sizes}")
    labels = y if stratify is True else stratify
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(part) for part in split_indices(sizes[0], test_fraction, rng, labels)]
    return [_take(column, part) for column in columns for part in parts]


def _take(column: Any, indices: Array) -> Any:
    if isinstance(column, list | tuple):
        return [column[i] for i in indices]
    return np.asarray(column)[indices]


# Scales -------------------------------------------------------------------------------------------------


class Scaler(Preparation):
    """What the scalers share: each feature is measured on the training data, shifted and divided.

    Data is (N, D), (N, T, D) or a list of (T_i, D) arrays; it comes back in the same form. Floats keep
    their dtype, integers become float64; all statistics are float64. Scale sequences before they are
    padded, as padding would count as data.
    """

    learned = ("offset", "scale")
    offset: Array
    scale: Array

    def fit(self, data: Any) -> Self:
        """Measure each feature over all samples and steps.

        Raises
        ------
        ValueError
            If the data is empty, not of a shape above, or holds nan or infinity.
        """
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
        features = len(self.offset)
        scaled = []
        for item in _feature_arrays(data):
            if item.shape[-1] != features:
                raise ValueError(f"fitted to {features} features, got {item.shape[-1]} (shape {item.shape})")
            dtype = item.dtype if item.dtype.kind == "f" else np.float64
            scaled.append(function(item).astype(dtype, copy=False))
        return scaled if _is_sequences(data) else scaled[0]

    def _measure(self, items: list[Array]) -> tuple[Array, Array]:
        raise NotImplementedError

    def _forward(self, x: Array) -> Array:
        raise NotImplementedError

    def _inverse(self, x: Array) -> Array:
        raise NotImplementedError


class MinMaxScaler(Scaler):
    """Map each feature's range in the training data to [low, high]; a constant feature becomes `low`.

    Parameters
    ----------
    low, high : float, default 0.0 and 1.0
        The range to map to. Later data may fall outside of it.

    Attributes
    ----------
    offset, scale : ndarray, (D,)
        Each feature's minimum, and its maximum less its minimum (1 for a constant feature).

    Examples
    --------
    >>> scaler = MinMaxScaler(low=-1)
    >>> scaler.fit_transform([[0, 7], [5, 7], [10, 7]])
    array([[-1., -1.],
           [ 0., -1.],
           [ 1., -1.]])
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low = number("MinMaxScaler", "low", low)
        self.high = number("MinMaxScaler", "high", high)
        if not self.low < self.high:
            raise ValueError(f"MinMaxScaler: low must be less than high, got low={low}, high={high}")

    def _measure(self, items: list[Array]) -> tuple[Array, Array]:
        low = np.min([block.min(axis=0) for block in _blocks(items)], axis=0)
        high = np.max([block.max(axis=0) for block in _blocks(items)], axis=0)
        return low, high - low

    def _forward(self, x: Array) -> Array:
        return (x - self.offset) / self.scale * (self.high - self.low) + self.low

    def _inverse(self, x: Array) -> Array:
        return (x - self.low) / (self.high - self.low) * self.scale + self.offset


class StandardScaler(Scaler):
    """Bring each feature to mean 0 and standard deviation 1; a constant feature becomes 0.

    Attributes
    ----------
    offset, scale : ndarray, (D,)
        Each feature's mean, and its standard deviation over all R rows, ``sqrt(sum((x - mean)**2) / R)``
        (1 for a constant feature).

    Examples
    --------
    >>> scaler = StandardScaler()
    >>> scaler.fit_transform([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]).round(3)
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

    def _forward(self, x: Array) -> Array:
        return (x - self.offset) / self.scale

    def _inverse(self, x: Array) -> Array:
        return x * self.scale + self.offset


def _is_sequences(data: Any) -> TypeGuard[Sequence[ArrayLike]]:
    return isinstance(data, list | tuple) and len(data) > 0 and np.ndim(data[0]) == 2


def _feature_arrays(data: Any) -> list[Array]:
    """Return the data, or each sequence of a list, as arrays whose last axis is the features."""
    sequences = _is_sequences(data)
    items = [np.asarray(item) for item in (data if sequences else [data])]
    for index, item in enumerate(items):
        name = f"sequence {index}" if sequences else "the data"
        if item.dtype.kind not in "biuf":
            raise TypeError(f"{name} must hold real numbers, got dtype {item.dtype}")
        if sequences and (item.ndim != 2 or item.shape[1] != items[0].shape[1]):
            raise ValueError(f"{name} has shape {item.shape}, expected (steps, {items[0].shape[1]})")
        if item.ndim not in (2, 3):
            raise ValueError(
                f"{name} has shape {item.shape}, expected (samples, features) or (samples, steps, features); "
                "x[:, None] turns (samples,) into one feature"
            )
    return items


def _blocks(items: Iterable[Array]) -> Iterator[Array]:
    """Yield all rows in float64 blocks, so that a memory map is never in memory as a whole."""
    for item in items:
        rows = item.reshape(-1, item.shape[-1])
        for part in batches(len(rows), max(BLOCK // rows.shape[1], 1)):
            block = rows[part].astype(np.float64)
            if not np.isfinite(block).all():
                feature = np.flatnonzero(~np.isfinite(block).all(axis=0))[0]
                raise ValueError(f"feature {feature} holds nan or infinity; fill or drop such samples first")
            yield block


# Sequences and batches ----------------------------------------------------------------------------------


@explain_keywords
def pad_sequences(
    sequences: Iterable[ArrayLike],
    value: float = 0.0,
    length: int | None = None,
    dtype: DTypeLike | None = None,
) -> tuple[Array, Array]:
    """Bring sequences of unequal length into one array, filled up at the end.

    Parameters
    ----------
    sequences : iterable of array_like, each (T_i, D) or each (T_i,)
        At least one; none of them empty.
    value : float, default 0.0
        What stands beyond a sequence's end.
    length : int, optional
        The length T to fill up to; by default that of the longest sequence.
    dtype : dtype, optional
        The dtype of the result; by default the one that holds all of them.

    Returns
    -------
    x : ndarray, (N, T, D) or (N, T)
    lengths : ndarray of int64, (N,)
        The lengths T_i, as layers and ``fit`` take them: ``x[i, :lengths[i]]`` is sequence i again.

    Raises
    ------
    TypeError
        If a sequence does not hold numbers.
    ValueError
        If a sequence is empty, longer than `length`, or of another shape than the first; the message
        gives its index. If an integer dtype cannot hold `value`.

    Examples
    --------
    >>> x, lengths = pad_sequences([[5, 3, 8], [4]])
    >>> x
    array([[5, 3, 8],
           [4, 0, 0]])
    >>> lengths
    array([3, 1])
    """
    items = [_sequence(index, sequence) for index, sequence in enumerate(sequences)]
    if not items:
        raise ValueError("sequences are empty; give at least one")
    for index, item in enumerate(items):
        if item.shape[1:] != items[0].shape[1:]:
            raise ValueError(
                f"sequences[{index}] has shape {item.shape}, sequences[0] has {items[0].shape}; "
                "all need the same features"
            )
    lengths = np.array([len(item) for item in items], dtype=np.int64)
    longest = int(lengths.max())
    steps = longest if length is None else positive_integer("pad_sequences", "length", length)
    if longest > steps:
        raise ValueError(
            f"sequences[{lengths.argmax()}] has {longest} steps, more than length={steps}; "
            "cut it, or give a greater length"
        )
    kind = _padded_dtype(items, dtype, value)
    x = np.full((len(items), steps, *items[0].shape[1:]), value, kind)
    for row, item in zip(x, items, strict=True):
        row[: len(item)] = item
    return x, lengths


def _sequence(index: int, sequence: ArrayLike) -> Array:
    try:
        item = np.asarray(sequence)
    except ValueError as error:
        raise ValueError(f"sequences[{index}] is no array: its rows have unequal lengths") from error
    if item.dtype.kind not in "biuf":
        raise TypeError(f"sequences[{index}] must hold real numbers, got dtype {item.dtype}")
    if item.ndim not in (1, 2) or item.size == 0:
        raise ValueError(
            f"sequences[{index}] has shape {item.shape}, expected (steps, features) or (steps,), not empty"
        )
    return item


def _padded_dtype(items: list[Array], dtype: DTypeLike | None, value: float) -> np.dtype[Any]:
    natural = np.result_type(*items)
    kind = natural if dtype is None else np.dtype(dtype)
    if not np.can_cast(natural, kind, "same_kind"):
        raise TypeError(f"dtype {kind} cannot hold sequences of {natural}; leave dtype out")
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not (limits.min <= value <= limits.max and value == int(value)):
            raise ValueError(f"value={value} does not fit dtype {kind}; give dtype='float32'")
    return kind


@explain_keywords
def sliding_windows(
    series: ArrayLike,
    window: int,
    horizon: int = 1,
    step: int = 1,
    targets: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """Cut a series into windows and what follows each of them, for forecasting.

    Window i holds the `window` steps from ``i * step`` on, its target the `horizon` steps right after::

        x[i] = series[i * step : i * step + window]
        y[i] = targets[i * step + window : i * step + window + horizon]

    for each i for which both are complete, which gives N = (L - window - horizon) // step + 1 of them.

    Parameters
    ----------
    series : array_like, (L, D) or (L,)
        L steps of D features, or of one.
    window : int
        The steps T that a model reads.
    horizon : int, default 1
        The steps it forecasts.
    step : int, default 1
        How far a window starts after the one before.
    targets : array_like, (L, ...), optional
        What to forecast, aligned with `series`; by default the series itself.

    Returns
    -------
    x : ndarray, (N, window, D)
        With D = 1 for a series (L,).
    y : ndarray, (N, horizon, ...)
        With the trailing axes of `targets`: (N, horizon) for a series (L,).

        Both are read-only views: they take no memory, and change with the series. ``.copy()`` frees them.

    Raises
    ------
    ValueError
        If the series is shorter than one window and its target, or `targets` has another length.

    Examples
    --------
    >>> x, y = sliding_windows([10, 11, 12, 13, 14, 15], window=3, horizon=2)
    >>> x[..., 0]
    array([[10, 11, 12],
           [11, 12, 13]])
    >>> y
    array([[13, 14],
           [14, 15]])
    """
    for name, count in (("window", window), ("horizon", horizon), ("step", step)):
        positive_integer("sliding_windows", name, count)
    values = np.asarray(series)
    if values.ndim not in (1, 2):
        raise ValueError(f"series must have shape (steps, features) or (steps,), got {values.shape}")
    answers = values if targets is None else np.asarray(targets)
    steps = len(values)
    if answers.ndim == 0 or len(answers) != steps:
        raise ValueError(f"targets must have one entry for each of the {steps} steps, got {answers.shape}")
    if steps < window + horizon:
        raise ValueError(
            f"series has {steps} steps, but window={window} and horizon={horizon} need {window + horizon}; "
            "shorten them"
        )
    inputs = values[:, None] if values.ndim == 1 else values
    return _windows(inputs[:-horizon], window)[::step], _windows(answers[window:], horizon)[::step]


def _windows(series: Array, length: int) -> Array:
    return np.moveaxis(sliding_window_view(series, length, axis=0), -1, 1)


def batches(
    n: int, batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[slice] | Iterator[Array]:
    """Cut `n` samples into batches; the last is smaller if `batch_size` does not divide `n`.

    Parameters
    ----------
    n : int
        The number of samples N.
    batch_size : int
        Samples a batch.
    rng : numpy.random.Generator, optional
        Shuffles the samples; equal generators shuffle alike.

    Returns
    -------
    iterator of slice, or of ndarray
        Without `rng` slices in order, which index without a copy; with it index arrays.

    Examples
    --------
    >>> list(batches(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    >>> [len(indices) for indices in batches(5, 2, np.random.default_rng(0))]
    [2, 2, 1]
    """
    positive_integer("batches", "batch_size", batch_size)
    slices = (slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size))
    if rng is None:
        return slices
    order = rng.permutation(n)
    return (order[part] for part in slices)
