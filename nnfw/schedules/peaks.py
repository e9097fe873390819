"""One rise, and then one long fall."""

import math
from dataclasses import dataclass
from typing import Annotated

from nnfw.checks import Range
from nnfw.schedule import Factor, Length, Rate, Schedule, Share, half_cosine, mix, progress


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """One rise to a high rate and one long fall far below the start, both on half a cosine.

    Parameters
    ----------
    rate : float
        The highest learning rate.
    epochs : float
        The epochs of rise and fall together.
    warmup : float
        The share of them that the rise takes, from 0 to 1.
    start_factor, end_factor : float
        The first and the last rate as shares of `rate`. The last is held after `epochs`.

    References
    ----------
    Smith & Topin 2018, "Super-convergence" (arXiv:1708.07120).

    Examples
    --------
    >>> schedule = OneCycle(0.5, epochs=20)
    >>> schedule(0), schedule(6), schedule(20)
    (0.02, 0.5, 2e-06)
    """

    rate: Rate
    epochs: Length
    warmup: Share = 0.3
    start_factor: Share = 1 / 25
    end_factor: Share = 1 / 250_000

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, on the rise or the fall."""
        peak = self.warmup * self.epochs
        if epoch < peak:
            return self.rate * mix(self.start_factor, 1.0, half_cosine(epoch / peak))
        share = progress(epoch - peak, self.epochs - peak)
        return self.rate * mix(1.0, self.end_factor, half_cosine(share))


@dataclass(frozen=True, repr=False)
class Noam(Schedule):
    """A linear rise, then a fall as one over the root: ``factor units^-0.5 min(e^-0.5, e warmup^-1.5)``.

    Parameters
    ----------
    units : float
        The width of the model.
    warmup : float
        The epochs of the rise. The highest rate, at its end, is ``factor / sqrt(units warmup)``.
    factor : float
        Multiplies every rate. The paper counts steps: n of them in an epoch need ``n**-0.5`` here.

    References
    ----------
    Vaswani et al. 2017, "Attention is all you need" (arXiv:1706.03762), equation 3.

    Examples
    --------
    >>> schedule = Noam(units=64, warmup=4)
    >>> schedule(0), schedule(4), schedule(16)
    (0.0, 0.0625, 0.03125)
    """

    units: Annotated[float, Range(1.0).exact]
    warmup: Length
    factor: Factor = 1.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, before or after the warm-up."""
        shape = epoch / self.warmup if epoch < self.warmup else math.sqrt(self.warmup / epoch)
        return self.factor * shape / math.sqrt(self.units * self.warmup)
