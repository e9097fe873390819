"""What stands for a schedule: a number, which is constant, and any function of the epoch."""

from collections import abc
from dataclasses import dataclass, replace
from numbers import Real
from typing import Annotated, Any

from nnfw.names import nearest
from nnfw.schedule import NUMBER, SCHEDULES, Rate, RateLike, Schedule, function, shown


def get(schedule: RateLike, name: str = "learning_rate") -> Schedule:
    """Return the schedule for a number, a function of the epoch, or the schedule itself.

    Parameters
    ----------
    schedule : float, callable or Schedule
        A number stays constant.
    name : str
        The argument that it was given for, for messages.

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
    given: Any = schedule
    if isinstance(given, Schedule):
        return given
    if not isinstance(given, bool) and isinstance(given, Real):
        return Constant(NUMBER(given, name))
    if callable(given) and not isinstance(given, type):
        return Custom(given)
    word = given if isinstance(given, str) else getattr(given, "__name__", "")
    raise TypeError(
        f"{name} must be a number, or a schedule with its numbers, as Cosine(rate=0.1, epochs=20); "
        f"got {shown(given)}.{nearest(word, SCHEDULES)}"
    )


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
