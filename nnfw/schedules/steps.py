"""Rates that are held for a while, and then change at once."""

from bisect import bisect_right
from collections import abc
from dataclasses import dataclass
from typing import Annotated

from nnfw.checks import AMOUNT, each
from nnfw.schedule import Length, Rate, Schedule, Share, ascending, check_one_more, laps


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """A rate multiplied by `drop` once `every` so many epochs: ``rate drop^floor(e / every)``.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    drop : float
        What is left of the rate after each step, from 0 to 1.
    every : float
        The epochs from one step to the next.

    Examples
    --------
    >>> Step(0.1, drop=0.5, every=10)(29.9)
    0.025
    """

    rate: Rate
    drop: Share = 0.5
    every: Length = 10

    def rate_at(self, epoch: float) -> float:
        """Return the rate after the steps made so far."""
        lap, _ = laps(epoch, self.every)
        return self.rate * self.drop**lap


@dataclass(frozen=True, repr=False)
class Piecewise(Schedule):
    """A rate of its own for each stretch between two boundaries.

    Parameters
    ----------
    boundaries : sequence of float
        The epochs at which the rate changes, ascending.
    rates : sequence of float
        The learning rates, one more than boundaries.

    Raises
    ------
    ValueError
        If the numbers of boundaries and rates do not fit, or the boundaries do not ascend.

    Examples
    --------
    >>> schedule = Piecewise([10, 20], [0.1, 0.01, 0.001])
    >>> schedule(9.9), schedule(10), schedule(50)
    (0.1, 0.01, 0.001)
    """

    boundaries: Annotated[abc.Sequence[float], ascending]
    rates: Annotated[abc.Sequence[float], each(AMOUNT.exact)]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_more("Piecewise", "rates", self.rates, self.boundaries)

    def rate_at(self, epoch: float) -> float:
        """Return the rate of the stretch that `epoch` falls into."""
        return self.rates[bisect_right(self.boundaries, epoch)]
