"""Schedules made of other ones: after a warm-up, one after another, scaled."""

from bisect import bisect_right
from collections import abc
from dataclasses import dataclass, replace
from typing import Annotated

from nnfw.checks import each
from nnfw.schedule import Factor, Length, Rate, RateLike, Schedule, ascending, check_one_more, mix
from nnfw.schedules.given import get, scheduled


@dataclass(frozen=True, repr=False)
class Warmup(Schedule):
    """A straight line up to the first rate of another schedule, which then runs from its own epoch 0.

    Parameters
    ----------
    schedule : float, callable or Schedule
        What comes after the warm-up.
    epochs : float
        The epochs of the warm-up.
    start : float
        The learning rate that it starts from.

    References
    ----------
    Goyal et al. 2017, "Accurate, large minibatch SGD" (arXiv:1706.02677), section 2.2.

    Examples
    --------
    >>> from nnfw.schedules import Cosine
    >>> schedule = Warmup(Cosine(0.1, epochs=10), epochs=2)
    >>> schedule(0), schedule(1), schedule(2), schedule(7)
    (0.0, 0.05, 0.1, 0.05)
    """

    schedule: Annotated[RateLike, scheduled]
    epochs: Length
    start: Rate = 0.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, in the warm-up or after it."""
        schedule = get(self.schedule)
        if epoch < self.epochs:
            return mix(self.start, schedule(0), epoch / self.epochs)
        return schedule(epoch - self.epochs)


@dataclass(frozen=True, repr=False)
class Sequence(Schedule):
    """One schedule after another, each from its own epoch 0.

    Parameters
    ----------
    schedules : sequence of float, callable or Schedule
        The schedules, one more than boundaries.
    boundaries : sequence of float
        The epochs at which the next one takes over, ascending.

    Raises
    ------
    ValueError
        If the numbers of schedules and boundaries do not fit, or the boundaries do not ascend.

    Examples
    --------
    >>> from nnfw.schedules import Linear
    >>> schedule = Sequence([0.1, Linear(0.1, epochs=10)], boundaries=[5])
    >>> schedule(4.9), schedule(10)
    (0.1, 0.05)
    """

    schedules: Annotated[abc.Sequence[RateLike], each(scheduled)]
    boundaries: Annotated[abc.Sequence[float], ascending]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_more("Sequence", "schedules", self.schedules, self.boundaries)

    def rate_at(self, epoch: float) -> float:
        """Return the rate of the schedule whose turn it is."""
        turn = bisect_right(self.boundaries, epoch)
        return get(self.schedules[turn])(epoch - (0, *self.boundaries)[turn])


@dataclass(frozen=True, repr=False)
class Scaled(Schedule):
    """Another schedule with every rate multiplied by `factor`: what ``schedule * factor`` gives.

    Parameters
    ----------
    schedule : float, callable or Schedule
        The schedule to scale.
    factor : float
        What its rates are multiplied by, at least 0.

    Examples
    --------
    >>> from nnfw.schedules import Linear
    >>> Linear(0.1, epochs=10) * 0.5 * 0.5
    Scaled(Linear(0.1, 10), 0.25)
    """

    schedule: Annotated[RateLike, scheduled]
    factor: Factor

    def rate_at(self, epoch: float) -> float:
        """Return the scaled rate at `epoch`."""
        return self.factor * get(self.schedule)(epoch)

    def __mul__(self, factor: float) -> Schedule:
        return replace(self, factor=self.factor * factor)
