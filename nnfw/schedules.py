"""Learning-rate schedules: functions of the epoch, which is fractional within an epoch.

Anything that takes a learning rate takes a number, a function of the epoch or one of these schedules. In the
formulas, e is the epoch, and every other word is an argument. `rate` is the initial or maximum learning rate,
and `end` the final one, which is held from then on. Lengths (`epochs`, `period`, `cycle`, `every`, `warmup`)
are in epochs, `decay` is per epoch, `boundaries` are increasing epochs. `descent` is the fraction, from 0 to
1, by which each start or peak is lower than the one before.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import abc
from dataclasses import FrozenInstanceError, dataclass, field, replace
from numbers import Real
from typing import Annotated, Any, TypeVar, dataclass_transform

from nnfw.core.registry import Part, Registry
from nnfw.core.suggest import nearest
from nnfw.core.validation import (
    AMOUNT,
    POSITIVE,
    SHARE,
    Range,
    boolean,
    check_fields,
    each,
    function_of,
    optional,
    shown,
)

RateLike = float | abc.Callable[[float], float]
S = TypeVar("S", bound="Schedule")

# A field's annotation is its type and the check of its value; `exact` keeps whole numbers as given.
Amount = Annotated[float, AMOUNT.exact]
Length = Annotated[float, POSITIVE.exact]
Share = Annotated[float, SHARE.exact]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Part, ABC):
    """Base class of schedules: immutable objects that are called with the epoch.

    A subclass is a frozen dataclass whose fields are its arguments, and defines `rate_at`.

    Parameters
    ----------
    staircase : bool
        Round the epoch down, so the rate is constant within each epoch. Every schedule takes this keyword.

    Examples
    --------
    >>> @dataclass(frozen=True, repr=False)
    ... class Root(Schedule):
    ...     rate: float
    ...     def rate_at(self, epoch):
    ...         return self.rate / (1 + epoch) ** 0.5
    >>> Root(0.1)(3.0), Root(0.1, staircase=True)(3.9), (Root(0.1) * 0.5)(3.0)
    (0.05, 0.05, 0.025)
    """

    staircase: Annotated[bool, boolean] = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check each argument, and keep what its check returns."""
        check_fields(self)

    def _fixed(self, name: str) -> str:
        raise FrozenInstanceError(
            f"{type(self).__name__}: {name} is fixed in a schedule, which may serve several optimizers; "
            f"dataclasses.replace(schedule, {name}=...) makes another"
        )

    @abstractmethod
    def rate_at(self, epoch: float) -> float:
        """Return the learning rate at a valid `epoch`."""

    def __call__(self, epoch: float) -> float:
        """Return the learning rate at `epoch`; raise a ValueError if either is negative or not finite."""
        owner = type(self).__name__
        epoch = snap(AMOUNT(owner, "epoch", epoch))
        rate = self.rate_at(math.floor(epoch) if self.staircase else epoch)
        return AMOUNT(owner, f"the rate at epoch {epoch}", rate)

    def __mul__(self, factor: float) -> "Schedule":
        """Return this schedule with every rate multiplied by `factor`."""
        return Scaled(self, factor)

    def __rmul__(self, factor: float) -> "Schedule":
        return self * factor


OTHER_NAMES = {"inverse_root": "Noam", "inverse_sqrt": "Noam"}
registry = Registry("schedule", Schedule)  # type: ignore[type-abstract]


@dataclass_transform(frozen_default=True)
def registered(cls: type[S]) -> type[S]:
    """Decorate a class of this module: a frozen dataclass, registered under its name."""
    registry.register(cls.__name__)(dataclass(frozen=True, repr=False)(cls))
    cls.__setattr__ = Part.__setattr__  # type: ignore[method-assign]  # for its messages
    return cls


def scheduled(owner: str, name: str, value: Any) -> Schedule:
    """Return the schedule for an argument: a check like those of `nnfw.core.validation`."""
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, bool) and isinstance(value, Real):
        return Constant(AMOUNT.exact(owner, name, value))
    if callable(value) and not isinstance(value, type):
        return Custom(value)
    word = value if isinstance(value, str) else getattr(value, "__name__", "")
    raise TypeError(
        f"{owner}: {name} must be a number, or a schedule with its arguments, such as "
        f"schedules.Cosine(rate=0.1, epochs=20); got {shown(value)}."
        f"{nearest(OTHER_NAMES.get(word, word), registry.names())}"
    )


def check_boundaries(owner: str, values: abc.Sized, boundaries: abc.Sequence[float]) -> None:
    """Raise a ValueError unless the boundaries increase, and separate as many intervals as values."""
    if list(boundaries) != sorted(set(boundaries)) or len(values) != len(boundaries) + 1:
        raise ValueError(
            f"{owner}: boundaries must be epochs in ascending order, one fewer than the values they separate;"
            f" got {shown(boundaries)} for {len(values)}"
        )


def snap(x: float) -> float:
    """Return `x`, or the integer that it differs from only by rounding."""
    whole = round(x)
    return float(whole) if abs(x - whole) < 1e-9 else x


def mix(start: float, end: float, share: float) -> float:
    """Return the point between `start` (share 0) and `end` (share 1), exact at both."""
    return (1 - share) * start + share * end


def progress(epoch: float, epochs: float) -> float:
    """Return the fraction of `epochs` that has passed, at most 1."""
    return 1.0 if epoch >= epochs else epoch / epochs


def half_cosine(share: float) -> float:
    """Map a fraction from 0 to 1 to half a cosine that rises smoothly from 0 to 1."""
    return (1 - math.cos(math.pi * share)) / 2


def laps(epoch: float, period: float, factor: float = 1.0) -> tuple[int, float]:
    """Return the number of full periods, each `factor` times the last, and the fraction of the next one."""
    passed = epoch / period
    if factor == 1:
        lap, share = divmod(snap(passed), 1.0)
        return int(lap), share
    growth = math.log(factor)
    lap = math.floor(snap(math.log1p(passed * (factor - 1)) / growth))
    start, length = math.expm1(lap * growth) / (factor - 1), math.exp(lap * growth)
    return lap, (passed - start) / length


@registered
class Constant(Schedule):
    """The same `rate` at every epoch: ``get(0.1)`` is ``Constant(0.1)``."""

    rate: Amount

    def rate_at(self, epoch: float) -> float:
        return self.rate

    def __mul__(self, factor: float) -> Schedule:
        return replace(self, rate=self.rate * factor)


@registered
class Custom(Schedule):
    """The rate ``function(epoch)``; `get` wraps plain functions in it."""

    function: Annotated[abc.Callable[[float], float], function_of("epoch")]

    def rate_at(self, epoch: float) -> float:
        return self.function(epoch)


@registered
class Step(Schedule):
    """The rate times `drop`, from 0 to 1, every `every` epochs: ``rate drop^floor(e / every)``."""

    rate: Amount
    drop: Share = 0.5
    every: Length = 10

    def rate_at(self, epoch: float) -> float:
        return self.rate * self.drop ** laps(epoch, self.every)[0]


@registered
class Piecewise(Schedule):
    """One of `rates` for each interval between `boundaries`, of which there is one fewer.

    Examples
    --------
    >>> [Piecewise([10, 20], [0.1, 0.01, 0.001])(epoch) for epoch in (9.9, 10, 50)]
    [0.1, 0.01, 0.001]
    """

    boundaries: Annotated[abc.Sequence[float], each(POSITIVE.exact)]
    rates: Annotated[abc.Sequence[float], each(AMOUNT.exact)]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_boundaries("Piecewise", self.rates, self.boundaries)

    def rate_at(self, epoch: float) -> float:
        return self.rates[bisect_right(self.boundaries, epoch)]


@registered
class InverseTime(Schedule):
    """Inverse time decay, ``rate / (1 + decay e)``: halved at ``e = 1 / decay`` (Robbins & Monro 1951)."""

    rate: Amount
    decay: Amount

    def rate_at(self, epoch: float) -> float:
        return self.rate / (1 + self.decay * epoch)


@registered
class Exponential(Schedule):
    """Exponential decay: ``rate (1 - descent)^floor(e / cycle) exp(-decay (e mod cycle))``.

    The rate halves in ``ln 2 / decay`` epochs. If `cycle` is given, it restarts after each cycle, and `decay`
    defaults to ``5 / cycle``.

    Examples
    --------
    >>> round(Exponential(0.1, decay=0.5)(2.0), 4), Exponential(0.1, cycle=10, descent=0.5)(10)
    (0.0368, 0.05)
    """

    rate: Amount
    decay: Annotated[float | None, optional(AMOUNT.exact)] = None
    cycle: Annotated[float | None, optional(POSITIVE.exact)] = None
    descent: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay is None and self.cycle is None:
            raise ValueError("Exponential needs decay (per epoch), or cycle (decay is then 5 / cycle)")

    def rate_at(self, epoch: float) -> float:
        decay, lap = self.decay or 0.0, 0
        if self.cycle is not None:
            lap, share = laps(epoch, self.cycle)
            epoch = share * self.cycle
            decay = 5 / self.cycle if self.decay is None else self.decay
        return self.rate * (1 - self.descent) ** lap * math.exp(-decay * epoch)


@registered
class Linear(Schedule):
    """Linear decay, ``rate + (end - rate) e / epochs``; a range test if `end` is above `rate`."""

    rate: Amount
    epochs: Length
    end: Amount = 0.0

    def rate_at(self, epoch: float) -> float:
        return mix(self.rate, self.end, progress(epoch, self.epochs))


@registered
class Polynomial(Schedule):
    """Polynomial decay, ``end + (rate - end) (1 - e / epochs)^power``: early if `power` > 1, else late."""

    rate: Amount
    epochs: Length
    end: Amount = 0.0
    power: Annotated[float, POSITIVE.exact] = 1.0

    def rate_at(self, epoch: float) -> float:
        return mix(self.end, self.rate, (1 - progress(epoch, self.epochs)) ** self.power)


@registered
class Cosine(Schedule):
    """Cosine decay, ``end + (rate - end) (1 + cos(pi e / epochs)) / 2``.

    Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), equation 5, without restarts.
    """

    rate: Amount
    epochs: Length
    end: Amount = 0.0

    def rate_at(self, epoch: float) -> float:
        return mix(self.rate, self.end, half_cosine(progress(epoch, self.epochs)))


@registered
class CosineRestarts(Schedule):
    """`Cosine` with warm restarts, each period `factor` (at least 1) times as long as the one before.

    Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), equation 5, where `factor` is T_mult. `descent` is
    relative to the height above `end`.

    Examples
    --------
    >>> [CosineRestarts(0.1, period=10, factor=2)(epoch) for epoch in (0, 10, 20, 30)]
    [0.1, 0.1, 0.05, 0.1]
    """

    rate: Amount
    period: Length
    factor: Annotated[float, Range(1.0).exact] = 1
    end: Amount = 0.0
    descent: Share = 0.0

    def rate_at(self, epoch: float) -> float:
        lap, share = laps(epoch, self.period, self.factor)
        start = mix(self.end, self.rate, (1 - self.descent) ** lap)
        return mix(start, self.end, half_cosine(share))


@registered
class Triangular(Schedule):
    """Cyclical learning rate: linear from `low` to `high` and back in each period.

    Smith 2017, "Cyclical learning rates for training neural networks" (arXiv:1506.01186). `descent` is
    relative to the height above `low`; 0.5 is "triangular2" of the paper.

    Examples
    --------
    >>> [Triangular(0.0, 0.1, period=10, descent=0.5)(epoch) for epoch in (0, 5, 15)]
    [0.0, 0.1, 0.05]
    """

    low: Amount
    high: Amount
    period: Length
    descent: Share = 0.0

    def rate_at(self, epoch: float) -> float:
        lap, share = laps(epoch, self.period)
        peak = mix(self.low, self.high, (1 - self.descent) ** lap)
        return mix(peak, self.low, abs(2 * share - 1))


@registered
class OneCycle(Schedule):
    """One increase and one longer decrease of the rate, each half a cosine.

    Smith & Topin 2018, "Super-convergence" (arXiv:1708.07120). The increase takes the fraction `warmup` of
    `epochs`; the first and last rates are `start_factor` and `end_factor` times the maximum, `rate`.

    Examples
    --------
    >>> [OneCycle(0.5, epochs=20)(epoch) for epoch in (0, 6, 20)]
    [0.02, 0.5, 2e-06]
    """

    rate: Amount
    epochs: Length
    warmup: Share = 0.3
    start_factor: Share = 1 / 25
    end_factor: Share = 1 / 250_000

    def rate_at(self, epoch: float) -> float:
        peak = self.warmup * self.epochs
        if epoch < peak:
            return self.rate * mix(self.start_factor, 1.0, half_cosine(epoch / peak))
        share = progress(epoch - peak, self.epochs - peak)
        return self.rate * mix(1.0, self.end_factor, half_cosine(share))


@registered
class Noam(Schedule):
    """Linear warm-up, then inverse square root decay: ``factor units^-0.5 min(e^-0.5, e warmup^-1.5)``.

    Vaswani et al. 2017, "Attention is all you need" (arXiv:1706.03762), equation 3. `units` is the width of
    the model; the maximum rate is ``factor / sqrt(units warmup)``. The paper counts steps, not epochs: with n
    steps per epoch, use ``factor = n**-0.5``.
    """

    units: Annotated[float, Range(1.0).exact]
    warmup: Length
    factor: Amount = 1.0

    def rate_at(self, epoch: float) -> float:
        shape = epoch / self.warmup if epoch < self.warmup else math.sqrt(self.warmup / epoch)
        return self.factor * shape / math.sqrt(self.units * self.warmup)


@registered
class Scaled(Schedule):
    """Another schedule with every rate multiplied by `factor`, as returned by ``schedule * factor``."""

    schedule: Annotated[RateLike, scheduled]
    factor: Amount

    def rate_at(self, epoch: float) -> float:
        return self.factor * get(self.schedule)(epoch)

    def __mul__(self, factor: float) -> Schedule:
        return replace(self, factor=self.factor * factor)


@registered
class Warmup(Schedule):
    """Linear warm-up from `start` to the first rate of a schedule, which then runs from its own epoch 0.

    Goyal et al. 2017, "Accurate, large minibatch SGD" (arXiv:1706.02677), section 2.2.

    Examples
    --------
    >>> [Warmup(Cosine(0.1, epochs=10), epochs=2)(epoch) for epoch in (0, 1, 2, 7)]
    [0.0, 0.05, 0.1, 0.05]
    """

    schedule: Annotated[RateLike, scheduled]
    epochs: Length
    start: Amount = 0.0

    def rate_at(self, epoch: float) -> float:
        schedule = get(self.schedule)
        if epoch < self.epochs:
            return mix(self.start, schedule(0), epoch / self.epochs)
        return schedule(epoch - self.epochs)


@registered
class Sequence(Schedule):
    """Several schedules in sequence, each from its own epoch 0, separated by one fewer `boundaries`.

    Examples
    --------
    >>> [Sequence([0.1, Linear(0.1, epochs=10)], boundaries=[5])(epoch) for epoch in (4.9, 10)]
    [0.1, 0.05]
    """

    schedules: Annotated[abc.Sequence[RateLike], each(scheduled)]
    boundaries: Annotated[abc.Sequence[float], each(POSITIVE.exact)]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_boundaries("Sequence", self.schedules, self.boundaries)

    def rate_at(self, epoch: float) -> float:
        current = bisect_right(self.boundaries, epoch)
        return get(self.schedules[current])(epoch - (0, *self.boundaries)[current])


def get(schedule: RateLike) -> Schedule:
    """Return the schedule for a number, a function of the epoch, or a schedule; names are not accepted.

    Examples
    --------
    >>> get(0.1), get(lambda epoch: 0.1 / (1 + epoch))(3.0)
    (Constant(0.1), 0.025)
    """
    return scheduled("get", "schedule", schedule)


register = registry.register

__all__ = [
    "Constant", "Cosine", "CosineRestarts", "Custom", "Exponential", "InverseTime", "Linear", "Noam",
    "OneCycle", "Piecewise", "Polynomial", "RateLike", "Scaled", "Schedule", "Sequence", "Step", "Triangular",
    "Warmup", "get", "register", "registry",
]  # fmt: skip
