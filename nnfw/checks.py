"""Checks of single arguments, each with the message that teaches."""

import math
import numbers
from typing import Any


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
