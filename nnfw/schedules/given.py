"""What stands for a schedule: a number, which is constant, and any function of the epoch."""

from collections import abc
from dataclasses import dataclass, replace
from numbers import Real
from typing import Annotated, Any

from nnfw.checks import AMOUNT, shown
from nnfw.names import nearest
from nnfw.schedule import SCHEDULES, Rate, RateLike, Schedule


def get(schedule: RateLike) -> Schedule:
    """Return the schedule for a number, a function of the epoch, or the schedule itself.

    Parameters
    ----------
    schedule : float, callable or Schedule
        A number stays constant.

    Raises
    ------
    TypeError
        For anything else, among them a name: a schedule needs its numbers.
    ValueError
        For a number that is negative or not finite.

    Examples
    --------
    >>> get(0.1)
    Constant(0.1)
    >>> get(lambda epoch: 0.1 / (1 + epoch))(3.0)
    0.025
    """
    return scheduled("get", "schedule", schedule)


def scheduled(owner: str, name: str, value: Any) -> Schedule:
    """Return the schedule for what was given as an argument: the check of one, as in `nnfw.checks`."""
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, bool) and isinstance(value, Real):
        return Constant(AMOUNT.exact(owner, name, value))
    if callable(value) and not isinstance(value, type):
        return Custom(value)
    word = value if isinstance(value, str) else getattr(value, "__name__", "")
    raise TypeError(
        f"{owner}: {name} must be a number, or a schedule with its numbers, as Cosine(rate=0.1, epochs=20); "
        f"got {shown(value)}.{nearest(word, SCHEDULES)}"
    )


def function(owner: str, name: str, value: Any) -> Any:
    """Return `value`, if it can be called."""
    if not callable(value):
        raise TypeError(f"{owner}: {name} must be a function of the epoch, got {shown(value)}")
    return value


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """The same rate at all times.

    Parameters
    ----------
    rate : float
        The learning rate.

    Examples
    --------
    >>> Constant(0.1) * 0.5
    Constant(0.05)
    """

    rate: Rate

    def rate_at(self, epoch: float) -> float:
        """Return `rate`."""
        return self.rate

    def __mul__(self, factor: float) -> Schedule:
        return replace(self, rate=self.rate * factor)


@dataclass(frozen=True, repr=False)
class Custom(Schedule):
    """A function of the epoch as a schedule: what any plain function becomes.

    Parameters
    ----------
    function : callable
        Takes the epoch, a float, and returns the learning rate.

    Examples
    --------
    >>> Custom(lambda epoch: 0.1 / (1 + epoch), staircase=True)(1.9)
    0.05
    """

    function: Annotated[abc.Callable[[float], float], function]

    def rate_at(self, epoch: float) -> float:
        """Return what the function returns."""
        return self.function(epoch)
