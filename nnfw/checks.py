"""Checks of single arguments, each with the message that teaches."""

import math
import numbers
import os
from typing import Any

import numpy as np

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def whole_number(owner: str, name: str, value: Any, low: int = 0) -> int:
    """Return `value` as an int if it is a whole number of at least `low`.

    Raises
    ------
    TypeError
        If it is not a whole number (True is not one).
    ValueError
        If it is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{owner}: {name} must be a whole number, got {value!r} ({type(value).__name__})")
    if value < low:
        raise ValueError(f"{owner}: {name} must be at least {low}, got {value}")
    return int(value)


def positive_integer(owner: str, name: str, value: Any) -> int:
    """Return `value` as an int if it is a whole number of at least 1; see `whole_number`."""
    return whole_number(owner, name, value, low=1)


def boolean(owner: str, name: str, value: Any) -> bool:
    """Return `value` if it is True or False, else raise a TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{owner}: {name} must be True or False, got {value!r}")
    return value


def number(
    owner: str,
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    open_high: bool = False,
    *,
    open_low: bool = False,
) -> float:
    """Return `value` as a float if it is a finite number from `low` to `high`; an open end is left out."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{owner}: {name} must be a number, got {value!r} ({type(value).__name__})")
    value = float(value)
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (math.isfinite(value) and above and below):
        ends = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{owner}: {name} must be a finite number in {ends}, got {value}")
    return value


def file_path(owner: str, name: str, value: Any) -> str:
    """Return the path of a file, with the home directory in place of a leading ``~``."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{owner}: {name} must be the path of a file, got {value!r:.80}")
    text = os.fsdecode(value)
    if not text:
        raise ValueError(f"{owner}: {name} is empty; give that of a file, as 'network.nnfw'")
    return os.path.expanduser(text)


def generator(owner: str, name: str, value: Any) -> np.random.Generator:
    """Return `value` if it is a numpy.random.Generator, else raise a TypeError."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"{owner}: {name} must be a numpy.random.Generator, got {value!r:.80}; "
            f"np.random.default_rng(seed) is one"
        )
    return value


def floating(owner: str, name: str, value: Any) -> np.dtype[Any]:
    """Return `value` as a dtype if it is float32 or float64, by name or as NumPy has them."""
    for dtype in DTYPES:
        if value is dtype.type or str(value) == dtype.name:
            return dtype
    raise ValueError(f"{owner}: {name} must be 'float32' or 'float64', got {value!r:.80}")
