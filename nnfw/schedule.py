"""Learning rates that change with time: a schedule is a small pure function of the epoch.

``schedule(epoch)`` is the learning rate at `epoch`, which starts at 0 and is fractional within an epoch, so
that a schedule means the same at any batch size. An epoch within 1e-9 of a whole number counts as that
number, so ``0.1 * 30`` is epoch 3; every boundary belongs to what comes after it.

Words that mean the same everywhere: `rate` is the first (or highest) learning rate, `epochs` the epochs that
a descent takes, `end` the rate that is held from then on, `descent` the share of its height that a cycle
loses against the one before, and `staircase` holds the rate within each epoch.

A schedule of your own is any function of the epoch, or a subclass with `Schedule.rate_at`.
"""

import math
import reprlib
from abc import ABC, abstractmethod
from collections import abc
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Annotated, Any

from nnfw.checks import AMOUNT, POSITIVE, SHARE, boolean, checked, each
from nnfw.parts import Part

RateLike = float | abc.Callable[[float], float]

SCHEDULES: dict[str, type["Schedule"]] = {}
"""Every subclass of `Schedule` by its name: what a misspelt one may have meant."""


def ascending(owner: str, name: str, values: Any) -> tuple[float, ...]:
    """Return epochs as a tuple, if each is later than the one before."""
    boundaries = each(POSITIVE.exact)(owner, name, values)
    if any(later <= earlier for earlier, later in pairwise(boundaries)):
        raise ValueError(f"{owner}: {name} must be epochs in ascending order, got {reprlib.repr(boundaries)}")
    return boundaries


def check_one_more(owner: str, name: str, values: abc.Sized, boundaries: abc.Sized) -> None:
    """Raise a ValueError unless there is one value more than boundaries between them."""
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"{owner}: {name} must be one more than the boundaries between them; "
            f"got {len(values)} and {len(boundaries)} boundaries"
        )


# What a field may hold is said by its annotation, a type and a check. Whole numbers are kept as given.
Rate = Annotated[float, AMOUNT.exact]
Factor = Annotated[float, AMOUNT.exact]
Length = Annotated[float, POSITIVE.exact]
Share = Annotated[float, SHARE.exact]
Switch = Annotated[bool, boolean]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Part, ABC):
    """The base of all schedules: an immutable value that is called with the epoch.

    A subclass is a frozen dataclass whose fields are its arguments, and says its rate in `rate_at`.

    Parameters
    ----------
    staircase : bool
        Hold the rate within each epoch: the epoch is rounded down. Every schedule takes this keyword.

    Examples
    --------
    >>> @dataclass(frozen=True, repr=False)
    ... class Root(Schedule):
    ...     rate: float
    ...     def rate_at(self, epoch):
    ...         return self.rate / (1 + epoch) ** 0.5
    >>> Root(0.1)(3.0)
    0.05
    >>> Root(0.1, staircase=True)(3.9) * 2
    0.1
    """

    staircase: Switch = field(default=False, kw_only=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        SCHEDULES[cls.__name__] = cls

    def __post_init__(self) -> None:
        """Check each argument, and keep what its check returns."""
        for argument in fields(self):
            value = checked(self, argument.name, getattr(self, argument.name))
            object.__setattr__(self, argument.name, value)

    @abstractmethod
    def rate_at(self, epoch: float) -> float:
        """Return the learning rate at an `epoch` that is known to be valid."""

    def __call__(self, epoch: float) -> float:
        """Return the learning rate at `epoch`.

        Raises
        ------
        ValueError
            If the epoch, or the rate that comes of it, is negative or not finite.
        """
        owner = type(self).__name__
        epoch = snap(AMOUNT(owner, "epoch", epoch))
        rate = self.rate_at(math.floor(epoch) if self.staircase else epoch)
        return AMOUNT(owner, f"the rate at epoch {epoch}", rate)

    def __mul__(self, factor: float) -> "Schedule":
        """Return this schedule with every rate multiplied by `factor`."""
        from nnfw.schedules import Scaled

        return Scaled(self, factor)

    def __rmul__(self, factor: float) -> "Schedule":
        return self * factor


def snap(x: float) -> float:
    """Return `x`, or the whole number that it misses by rounding only."""
    whole = round(x)
    return float(whole) if abs(x - whole) < 1e-9 else x


def mix(start: float, end: float, share: float) -> float:
    """Return the point between `start` (share 0) and `end` (share 1), exact at both."""
    return (1 - share) * start + share * end


def progress(epoch: float, epochs: float) -> float:
    """Return the share of `epochs` that is over, at most 1."""
    return 1.0 if epoch >= epochs else epoch / epochs


def half_cosine(share: float) -> float:
    """Return a share that leaves 0 and reaches 1 smoothly, on half a cosine."""
    return (1 - math.cos(math.pi * share)) / 2


def laps(epoch: float, period: float, factor: float = 1.0) -> tuple[int, float]:
    """Return the number of whole periods, each `factor` times the last, and the share of the current one."""
    laps = epoch / period
    if factor == 1:
        lap, share = divmod(snap(laps), 1.0)
        return int(lap), share
    growth = math.log(factor)
    lap = math.floor(snap(math.log1p(laps * (factor - 1)) / growth))
    start, length = math.expm1(lap * growth) / (factor - 1), math.exp(lap * growth)
    return lap, (laps - start) / length
