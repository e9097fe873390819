"""Input validation: checks of single arguments; those of arrays are in `nnfw.core.arrays`.

A check of an argument is called with the owner's name, the argument's name and its value. It returns the
value to keep, or raises.
"""

import inspect
import math
import numbers
import os
import reprlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from nnfw.core.suggest import nearest
from nnfw.core.typing import Shape

T = TypeVar("T")
Check = Callable[[str, str, Any], T]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def shown(value: Any) -> str:
    """Return a short form of a value with its type, for messages."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def whole_number(owner: str, name: str, value: Any, low: int = 0, high: float = math.inf) -> int:
    """Return `value` as an int if it is an integer from `low` to `high`; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{owner}: {name} must be a whole number, got {shown(value)}")
    if not low <= (number := int(value)) <= high:
        expected = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ValueError(f"{owner}: {name} must be {expected}, got {value}")
    return number


def positive_integer(owner: str, name: str, value: Any) -> int:
    """Return `value` as an int if it is an integer of at least 1."""
    return whole_number(owner, name, value, low=1)


def label(owner: str, name: str, value: Any) -> str | None:
    """Return `value` if it is None or a non-empty string."""
    if value is not None and not (isinstance(value, str) and value):
        raise TypeError(f"{owner}: {name} must be a string that is not empty, or None, got {shown(value)}")
    return value


def one_of(*choices: str) -> Check[str]:
    """Return the check that a value is one of these strings."""

    def check_choice(owner: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            known, hint = ", ".join(map(repr, choices)), nearest(str(value), choices)
            raise ValueError(f"{owner}: {name} must be one of {known}, got {value!r:.80}.{hint}")
        return value

    return check_choice


def instance_of(kind: Any, what: str, remedy: str = "") -> Check[Any]:
    """Return the check that a value is an instance of a class."""

    def check_kind(owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{owner}: {name} must be {what}, got {shown(value)}{remedy}")
        return value

    return check_kind


boolean: Check[bool] = instance_of(bool, "True or False")
generator = instance_of(np.random.Generator, "a numpy.random.Generator", "; use np.random.default_rng(seed)")


def function_of(*arguments: str) -> Check[Any]:
    """Return the check that a value is a function that can be called with these arguments."""
    said = f"a function f({', '.join(arguments)})"

    def check_function(owner: str, name: str, value: Any) -> Any:
        instance_of(Callable, said)(owner, name, value)
        with suppress(ValueError):  # some functions of C have no signature
            signature = inspect.signature(value, follow_wrapped=False)  # a wrapper may add arguments
            try:
                signature.bind(*arguments)
            except TypeError:
                raise TypeError(f"{owner}: {name} must be {said}, got one of {signature}") from None
        return value

    return check_function


def real_dtype(owner: str, name: str, value: Any) -> np.dtype[Any]:
    """Return the dtype if `value` is one of real numbers, given as a name, type or dtype."""
    with suppress(TypeError):  # if NumPy knows no such dtype
        if (dtype := np.dtype(value)).kind in "fiub":
            return dtype
    raise TypeError(f"{owner}: {name} must be a dtype of numbers, such as 'float32', got {value!r:.80}")


def as_network(owner: str, network: Any, name: str = "network") -> Any:
    """Return `network` if it is one; a class of networks is not."""
    if not hasattr(type(network), "_probe"):  # modules that `nnfw.network` imports cannot import it
        raise TypeError(f"{owner}: {name} must be a Network, got {shown(network)}")
    return network


def seeded(owner: str, name: str, value: Any) -> np.random.Generator:
    """Return `value` if it is a generator, otherwise a new one with this seed, or with any if it is None."""
    if isinstance(value, np.random.Generator):
        return value
    return np.random.default_rng(None if value is None else whole_number(owner, name, value))


@dataclass(frozen=True, repr=False)
class Range:
    """The check that a value is a finite number from `low` to `high`, excluding open ends.

    Examples
    --------
    >>> Range(0, 1)("Step", "drop", 1.5)
    Traceback (most recent call last):
    ValueError: Step: drop must be a finite number in [0, 1], got 1.5
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __call__(self, owner: str, name: str, value: Any) -> float:
        """Return `value` as a float if it is a real number in the range; True and False are not."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{owner}: {name} must be a number, got {shown(value)}")
        try:
            number = float(value)
        except OverflowError:  # a whole number or a fraction beyond the largest float
            number = -math.inf if value < 0 else math.inf
        above = number > self.low if self.open_low else number >= self.low
        below = number < self.high if self.open_high else number <= self.high
        if not (math.isfinite(number) and above and below):
            raise ValueError(f"{owner}: {name} must be a finite number in {self}, got {number}")
        return number

    def exact(self, owner: str, name: str, value: Any) -> float:
        """Return `value` like the call, but whole numbers as int."""
        number = self(owner, name, value)
        return int(value) if isinstance(value, numbers.Integral) else number

    def __repr__(self) -> str:
        """Return the interval in mathematical notation, ``[0, inf)``, for messages and ``help``."""
        left = "(" if self.open_low or self.low == -math.inf else "["
        right = ")" if self.open_high or self.high == math.inf else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


FINITE = Range()
AMOUNT = Range(0.0)
POSITIVE = Range(0.0, open_low=True)
SHARE = Range(0.0, 1.0)
FRACTION = Range(0.0, 1.0, open_high=True)
INSIDE = Range(0.0, 1.0, open_low=True, open_high=True)


def optional(check: Check[T]) -> Check[T | None]:
    """Return the check that an argument is None or passes `check`."""

    def check_given(owner: str, name: str, value: Any) -> T | None:
        return None if value is None else check(owner, name, value)

    return check_given


def each(check: Check[T]) -> Check[tuple[T, ...]]:
    """Return the check of a list whose values pass `check`; the list is stored as a tuple."""

    def check_all(owner: str, name: str, values: Any) -> tuple[T, ...]:
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise TypeError(f"{owner}: {name} must be a list, got {shown(values)}")
        return tuple(check(owner, f"{name}[{i}]", value) for i, value in enumerate(values))

    return check_all


SIZES = each(optional(whole_number))


def sample_shape(owner: str, name: str, value: Any) -> Shape:
    """Return the shape of a sample as a tuple of integers, and None for open axes."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        said = "must be a tuple, (D,) or (T, D), without the batch axis"
        said += f": ({value},) for {value} features" if isinstance(value, int) else ""
        raise TypeError(f"{owner}: {name} {said}, got {shown(value)}")
    return SIZES(owner, name, value)


def file_path(owner: str, name: str, value: Any) -> str:
    """Return the path of a file, with the home directory in place of a leading ``~``."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{owner}: {name} must be the path of a file, got {value!r:.80}")
    return os.path.expanduser(os.fsdecode(value))


def extras_of(owner: str, name: str, value: Any) -> dict[str, Any]:
    """Return the extras of a network, if all have a name: the check of an argument."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError(
            f'{owner}: {name} must be a dict by name, such as {{"scaler": scaler}}, got {shown(value)}'
        )
    return value


def floating(owner: str, name: str, value: Any) -> np.dtype[Any]:
    """Return the dtype if `value` is float32 or float64, given as a name, type or dtype."""
    for dtype in DTYPES:
        if value is dtype.type or str(value) == dtype.name:
            return dtype
    raise ValueError(f"{owner}: {name} must be 'float32' or 'float64', got {value!r:.80}")


def check_fields(part: Any) -> None:
    """Check the fields ``name: Annotated[type, check]`` of a dataclass, and store the checked values."""
    for name, field in part.__dataclass_fields__.items():
        for check in getattr(field.type, "__metadata__", ()):
            vars(part)[name] = check(type(part).__name__, name, getattr(part, name))


@contextmanager
def named(argument: str) -> Iterator[None]:
    """Prefix the message of an error with the argument's name."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.args = (f"{argument}: {error}",)
        raise
