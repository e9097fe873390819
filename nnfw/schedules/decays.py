"""Rates that fall without an end."""

import math
from dataclasses import dataclass
from typing import Annotated

from nnfw.checks import AMOUNT, POSITIVE, optional
from nnfw.schedule import Factor, Rate, Schedule, Share, laps


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """Exponential decay, in cycles if wanted: ``rate (1 - descent)^floor(e / E) exp(-k (e mod E))``.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    decay : float, optional
        k, per epoch: the rate halves in ``ln 2 / k`` epochs. ``5 / cycle`` if only a cycle is given.
    cycle : float, optional
        E, the epochs after which the decay starts anew. Never, if not given.
    descent : float
        The share of the rate that is lost from one cycle to the next, from 0 to 1.

    Raises
    ------
    ValueError
        If neither `decay` nor `cycle` is given.

    Examples
    --------
    >>> round(Exponential(0.1, decay=0.5)(2.0), 4)
    0.0368
    >>> Exponential(0.1, cycle=10, descent=0.5)(10)
    0.05
    """

    rate: Rate
    decay: Annotated[float | None, optional(AMOUNT.exact)] = None
    cycle: Annotated[float | None, optional(POSITIVE.exact)] = None
    descent: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay is None and self.cycle is None:
            raise ValueError(
                "Exponential needs decay (per epoch), or cycle (epochs; decay is then 5 / cycle)"
            )

    def rate_at(self, epoch: float) -> float:
        """Return the rate after the decay since the cycle began."""
        decay, lap = self.decay or 0.0, 0
        if self.cycle is not None:
            lap, share = laps(epoch, self.cycle)
            epoch = share * self.cycle
            decay = 5 / self.cycle if self.decay is None else self.decay
        return self.rate * (1 - self.descent) ** lap * math.exp(-decay * epoch)


@dataclass(frozen=True, repr=False)
class InverseTime(Schedule):
    """A rate that falls as one over time: ``rate / (1 + k e)``.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    decay : float
        k, per epoch: the rate has halved after ``1 / k`` epochs.

    References
    ----------
    Robbins & Monro 1951, "A stochastic approximation method": the rates sum to infinity,
    their squares do not.

    Examples
    --------
    >>> InverseTime(0.1, decay=0.5)(2.0)
    0.05
    """

    rate: Rate
    decay: Factor

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`."""
        return self.rate / (1 + self.decay * epoch)
