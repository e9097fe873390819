"""One way from a first rate to a last one, which is then held."""

from dataclasses import dataclass
from typing import Annotated

from nnfw.checks import POSITIVE
from nnfw.schedule import Length, Rate, Schedule, half_cosine, mix, progress


@dataclass(frozen=True, repr=False)
class Linear(Schedule):
    """A straight line from `rate` to `end`.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    epochs : float
        The epochs that it takes.
    end : float
        The rate from then on. A higher one than `rate` gives a learning-rate range test.

    Examples
    --------
    >>> Linear(0.1, epochs=10)(5.0)
    0.05
    """

    rate: Rate
    epochs: Length
    end: Rate = 0.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, and `end` after the last."""
        return mix(self.rate, self.end, progress(epoch, self.epochs))


@dataclass(frozen=True, repr=False)
class Polynomial(Schedule):
    """A power of the time that is left: ``end + (rate - end) (1 - e / epochs)^power``.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    epochs : float
        The epochs that it takes.
    end : float
        The rate from then on.
    power : float
        Above 1 the rate falls early, below 1 late; 1 is `Linear`.

    Examples
    --------
    >>> Polynomial(0.1, epochs=10, power=2)(5.0)
    0.025
    """

    rate: Rate
    epochs: Length
    end: Rate = 0.0
    power: Annotated[float, POSITIVE.exact] = 1.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, and `end` after the last."""
        return mix(self.end, self.rate, (1 - progress(epoch, self.epochs)) ** self.power)


@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """Half a cosine from `rate` to `end`: ``end + (rate - end) (1 + cos(pi e / epochs)) / 2``.

    Parameters
    ----------
    rate : float
        The learning rate at the start.
    epochs : float
        The epochs that it takes.
    end : float
        The rate from then on.

    References
    ----------
    Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), equation 5, without restarts.

    Examples
    --------
    >>> schedule = Cosine(0.1, epochs=20, end=0.01)
    >>> schedule(0), schedule(20), schedule(99)
    (0.1, 0.01, 0.01)
    """

    rate: Rate
    epochs: Length
    end: Rate = 0.0

    def rate_at(self, epoch: float) -> float:
        """Return the rate at `epoch`, and `end` after the last."""
        return mix(self.rate, self.end, half_cosine(progress(epoch, self.epochs)))
