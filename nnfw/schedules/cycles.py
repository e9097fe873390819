"""The same again and again: sharp restarts, and triangles."""

from dataclasses import dataclass
from typing import Annotated

from nnfw.checks import Range
from nnfw.schedule import Length, Rate, Schedule, Share, half_cosine, laps, mix


@dataclass(frozen=True, repr=False)
class CosineRestarts(Schedule):
    """Half a cosine from `rate` to `end`, again and again, each `factor` times longer (SGDR).

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    period : float
        The epochs of the first descent.
    factor : float
        How many times longer each descent is than the one before, at least 1.
    end : float
        The rate that each descent comes to.
    descent : float
        The share of its height over `end` that each start loses against the one before, from 0 to 1.

    References
    ----------
    Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), equation 5; `factor` is their T_mult.

    Examples
    --------
    >>> schedule = CosineRestarts(0.1, period=10, factor=2)
    >>> schedule(0), schedule(10), schedule(20), schedule(30)
    (0.1, 0.1, 0.05, 0.1)
    """

    rate: Rate
    period: Length
    factor: Annotated[float, Range(1.0).exact] = 1
    end: Rate = 0.0
    descent: Share = 0.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch` in its descent."""
        lap, share = laps(epoch, self.period, self.factor)
        start = mix(self.end, self.rate, (1 - self.descent) ** lap)
        return mix(start, self.end, half_cosine(share))


@dataclass(frozen=True, repr=False)
class Triangular(Schedule):
    """Straight up from `low` to `high` and down again, once a period (cyclical learning rates).

    Parameters
    ----------
    low, high : float
        The lowest and the highest learning rate.
    period : float
        The epochs of one rise and fall together.
    descent : float
        The share of its height over `low` that each peak loses against the one before, from 0 to 1; with
        0.5 it is the "triangular2" of the paper.

    Raises
    ------
    ValueError
        If `low` is above `high`.

    References
    ----------
    Smith 2017, "Cyclical learning rates for training neural networks" (arXiv:1506.01186).

    Examples
    --------
    >>> schedule = Triangular(0.0, 0.1, period=10, descent=0.5)
    >>> schedule(0), schedule(5), schedule(15)
    (0.0, 0.1, 0.05)
    """

    low: Rate
    high: Rate
    period: Length
    descent: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise ValueError(f"Triangular: low ({self.low}) must not be above high ({self.high}); swap them")

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch` on its triangle."""
        lap, share = laps(epoch, self.period)
        peak = mix(self.low, self.high, (1 - self.descent) ** lap)
        return mix(peak, self.low, abs(2 * share - 1))
