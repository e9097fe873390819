"""Sequences: padding of variable-length ones, and windows of long ones."""

from collections.abc import Iterable
from numbers import Real

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import numeric
from nnfw.core.typing import Array, ArrayLike, DTypeLike
from nnfw.core.validation import instance_of, positive_integer, real_dtype, shown
from nnfw.data.samples import numbers_or_others, same_columns


@explain_keywords
def pad_sequences(
    sequences: Iterable[ArrayLike],
    value: float = 0.0,
    length: int | None = None,
    dtype: DTypeLike | None = None,
) -> tuple[Array, Array]:
    """Pad variable-length sequences to one array x (N, T, D) or (N, T), and return it with the lengths (N,).

    ``x[i, :lengths[i]]`` is sequence i; layers and ``fit`` take both.

    Parameters
    ----------
    sequences : iterable of array_like, each (T_i, D) or each (T_i,)
        At least one sequence; empty ones have length 0.
    value : float, default 0.0
        The value that fills x beyond the end of a sequence.
    length : int, optional
        T, by default the length of the longest sequence, or 1 if all are empty.
    dtype : dtype, optional
        By default, the common dtype of all sequences.

    Examples
    --------
    >>> pad_sequences([[5, 3, 8], [4]])
    (array([[5, 3, 8],
           [4, 0, 0]]), array([3, 1]))
    """
    if not isinstance(sequences, Iterable) or isinstance(sequences, str):
        raise TypeError(f"pad_sequences: sequences must be a list of arrays, got {shown(sequences)}")
    given = same_columns(list(sequences))
    items = [numeric(sequence, f"sequences[{index}]") for index, sequence in enumerate(given)]
    if not items:
        raise ValueError("sequences are empty; at least one is needed")
    filled = [item for item in items if item.size] or items
    features = filled[0].shape[1:]
    items = [item.reshape(0, *features) if item.shape == (0,) else item for item in items]
    for index, item in enumerate(items):
        if item.ndim not in (1, 2) or item.shape[1:] != features or 0 in features:
            raise ValueError(
                f"sequences[{index}] has shape {item.shape}, sequences[0] has {items[0].shape}; all must be "
                "(steps, features) with the same features, or (steps,); transpose features-first by one.T"
            )
    lengths = np.array([len(item) for item in items], dtype=np.int64)
    longest = int(lengths.max())
    T = max(longest, 1) if length is None else positive_integer("pad_sequences", "length", length)
    if longest > T:
        raise ValueError(f"sequences[{lengths.argmax()}] has {longest} steps, more than length={T}; cut it")
    kind = real_dtype("pad_sequences", "dtype", np.result_type(*filled) if dtype is None else dtype)
    instance_of(Real, "a number")("pad_sequences", "value", value)
    if kind.kind in "iu":
        fits = value % 1 == 0 and np.iinfo(kind).min <= value <= np.iinfo(kind).max
    else:
        fits = not float(np.finfo(kind if kind.kind == "f" else np.float64).max) < abs(value) < np.inf
    if not fits:
        raise ValueError(f"value={value} does not fit dtype {kind}; pass dtype='float64'")
    x = np.full((len(items), T, *features), value, kind)
    for row, item in zip(x, items, strict=True):
        if item.size:
            np.copyto(row[: len(item)], item)  # refuses to convert floats to whole numbers
    return x, lengths


@explain_keywords
def sliding_windows(
    series: ArrayLike, window: int, horizon: int = 1, step: int = 1, targets: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Cut a series into windows x (N, T, D) and the values that follow each of them, y (N, horizon, ...).

    ::

        x[i] = series[i * step : i * step + window]
        y[i] = targets[i * step + window : i * step + window + horizon]

    for the N = (L - window - horizon) // step + 1 complete windows. Both are read-only views.

    Parameters
    ----------
    series : array_like, (L, D), (L,) or (L, ...)
        L steps of D features, of a single feature, or of features of any shape.
    window, horizon : int
        The number of steps T that a model reads, and the number of steps that it forecasts.
    step : int, default 1
        The number of steps between the starts of consecutive windows.
    targets : array_like, (L, ...), optional
        The values to forecast, aligned with `series`; by default the series itself.

    Examples
    --------
    >>> x, y = sliding_windows([10, 11, 12, 13, 14, 15], window=3, horizon=2)
    >>> x[..., 0].tolist(), y.tolist()
    ([[10, 11, 12], [11, 12, 13]], [[13, 14], [14, 15]])

    For a series (L, D), ``y[:, 0]`` is the target of ``Dense(D)``, the next step, and
    ``y.reshape(len(y), -1)`` that of ``Dense(horizon * D)``, all steps.
    """
    for name, count in (("window", window), ("horizon", horizon), ("step", step)):
        positive_integer("sliding_windows", name, count)
    values = np.atleast_1d(numbers_or_others(series, "series"))
    answers = values if targets is None else np.atleast_1d(numbers_or_others(targets, "targets"))
    steps = len(values)
    if len(answers) != steps:
        raise ValueError(f"targets must have one entry for each of the {steps} steps, got {answers.shape}")
    if steps < window + horizon:
        said = f"series has {steps} steps, but window={window} and horizon={horizon} need {window + horizon}"
        raise ValueError(f"{said}; shorten them")
    inputs = values[:, None] if values.ndim == 1 else values
    return _windows(inputs[:-horizon], window)[::step], _windows(answers[window:], horizon)[::step]


def _windows(series: Array, length: int) -> Array:
    """Return all windows of a series as a view, (N, length, ...)."""
    return np.moveaxis(sliding_window_view(series, length, axis=0), -1, 1)
