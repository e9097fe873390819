"""The learning-rate schedules, in the words that `nnfw.schedules` explains."""

import math
import reprlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import abc
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from numbers import Real
from typing import Annotated, Any

from nnfw.core.registry import Part
from nnfw.core.suggest import nearest
from nnfw.core.validation import AMOUNT, POSITIVE, SHARE, Range, boolean, checked, each, optional, shown

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
    """Return the schedule for what was given as an argument: the check of one, as in `nnfw.core.validation`."""
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


__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Custom",
    "Exponential",
    "InverseTime",
    "Linear",
    "Noam",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "RateLike",
    "Scaled",
    "Schedule",
    "Sequence",
    "Step",
    "Triangular",
    "Warmup",
    "get",
]
