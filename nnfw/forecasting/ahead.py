"""Forecasts of a series several steps ahead, with sampled paths."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import NonFiniteError, ShapeError
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import SHARE, as_network, optional, positive_integer, seeded
from nnfw.model import Model
from nnfw.streaming import Stream

GROWN = "each step is an input of the next, and the values diverge: forecast fewer, or train it further"
Draw = Callable[[Array], Array]  # from the outputs (S, K) of a step to its values (S, M)


@dataclass
class Forecast:
    """The result of `forecast`.

    Attributes
    ----------
    mean : ndarray (steps, M)
        The predictions of the network; (steps,) if the history was a single column without a second axis.
    paths : ndarray (S, steps, M), or None
        The `samples` sampled paths; (S, steps) for such a history.
    """

    mean: Array
    paths: Array | None = field(default=None, repr=False)

    def quantile(self, q: float) -> Array:
        """Return the quantile q of the paths at each step, of the shape of `mean`."""
        if self.paths is None:
            raise ValueError("this forecast has no paths to take quantiles of; pass samples=200 to forecast")
        return np.quantile(self.paths, SHARE("quantile", "q", q), axis=0)

    def band(self, share: float = 0.8) -> tuple[Array, Array]:
        """Return the lower and upper bounds of the central `share` of the paths."""
        outside = (1.0 - SHARE("band", "share", share)) / 2.0
        return self.quantile(outside), self.quantile(1.0 - outside)


@explain_keywords
def forecast(
    network: Model,
    history: ArrayLike,
    steps: int,
    *,
    exogenous: ArrayLike | None = None,
    samples: int | None = None,
    residuals: ArrayLike | None = None,
    seed: int | np.random.Generator | None = None,
) -> Forecast:
    """Return the forecast of the `steps` that follow the history.

    The method depends on the outputs of the network. With an output for each time step, it is streamed: each
    forecast is the input of the next step. If it reads a window and predicts the next step, the window, of
    the length of the history, is moved ahead by one step at a time. If it predicts all steps at once, by
    ``Dense(steps * M)`` or a decoder that ends in ``Flatten()``, it is evaluated once.

    Parameters
    ----------
    network : Network
        A network trained to predict the next values of the M columns.
    history : array_like (T, D) or (T,)
        The past, scaled as in training; its first M columns are forecast, and the other E are exogenous.
    steps : int
        The number of steps to forecast.
    exogenous : array_like (steps, E), optional
        The future values of the last E columns of the history. A network that predicts all steps at once
        does not read them: they only determine which columns are not forecast.
    samples : int, optional
        S, the number of paths to sample, for bands. Each step is drawn from the distribution given by the
        outputs (`Quantile`, `GaussianNLL`, `MixtureDensity`), or from the `residuals`.
    residuals : array_like (R, M) or (R,), optional
        Errors y - a of the network on data not used for training; one is drawn and added at each step.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same paths.

    Raises
    ------
    ShapeError, ValueError
        If network, history, exogenous values and residuals are incompatible.
    NonFiniteError
        If a step is not finite, for example because the forecasts grow from step to step.

    Examples
    --------
    >>> from nnfw import GRU, Adam, Dense, Network
    >>> from nnfw.data import sliding_windows
    >>> wave = np.sin(np.arange(200) / 3)
    >>> x, y = sliding_windows(wave, window=12)
    >>> network = Network([GRU(16), Dense(1)], optimizer=Adam(0.01), seed=0)
    >>> history = network.fit(x, y, epochs=60, verbose=0)
    >>> ahead = forecast(network, wave[-12:], steps=20, samples=100, residuals=y - network.predict(x), seed=0)
    >>> low, high = ahead.band(0.9)
    >>> truth = np.sin(np.arange(200, 220) / 3)
    >>> bool(np.abs(ahead.mean - truth).max() < 0.2), ahead.paths.shape, bool((low < high).all())
    (True, (100, 20), True)
    """
    steps = positive_integer("forecast", "steps", steps)
    samples = optional(positive_integer)("forecast", "samples", samples)
    rng = seeded("forecast", "seed", seed)
    as_network("forecast", network)._ready("forecast")
    past, future = check_series(network, history, exogenous, steps)
    M = past.shape[1] - future.shape[1]
    count = int(network.shapes[-1][-1] or 0) // network.loss.outputs_per_target
    ways = {M * steps: _at_once, M: _by_stream if len(network.shapes[-1]) > 1 else _by_window}
    if count not in ways:
        known = ", or pass the future of the other columns as exogenous" if M > 1 else ""
        raise ShapeError(
            f"forecast: the network predicts {count} values, but the history has {M} columns to forecast; "
            f"end it with outputs for {M}, the next step, or for {M * steps}, all {steps} steps{known}"
        )

    def run(S: int, draw: Draw) -> Array:
        values: list[Array] = []
        with np.errstate(over="ignore"):
            for y in ways[count](network, np.repeat(past[None], S, axis=0), future, draw):
                if not np.isfinite(y).all():
                    raise NonFiniteError(f"forecast: step {len(values) + 1} ahead is not finite; {GROWN}")
                values.append(y)
        path = np.stack(values, axis=1).reshape(S, steps, M)
        return path[..., 0] if np.ndim(history) == 1 else path

    mean = run(1, network.loss.estimate)[0]
    if samples is None:
        return Forecast(mean)
    return Forecast(mean, run(samples, drawing(network, residuals, count, rng)))


def check_series(network: Model, history: Any, exogenous: Any, steps: int) -> tuple[Array, Array]:
    """Return the past (T, D) and the future of its exogenous columns (steps, E), checked."""
    past = np.asarray(numeric(history, "history"), np.float64)
    past = past[:, None] if past.ndim == 1 else past
    *time, D = network.shapes[0]
    if len(time) != 1:
        said = f"forecast: the network must read sequences (T, D), but its inputs are {network.shapes[0]}"
        raise ShapeError(f"{said}; begin it with Flatten() to read windows (N, T, D) as one row")
    if past.ndim != 2 or not len(past) or past.shape[1] != D:
        said = f"forecast: history must be (T, {D}) with at least one step, as the network takes {D} features"
        raise ShapeError(f"{said}, got shape {np.shape(history)}")
    future = np.empty((steps, 0)) if exogenous is None else np.asarray(numeric(exogenous, "exogenous"), float)
    future = future[:, None] if future.ndim == 1 else future
    if future.ndim != 2 or future.shape[0] != steps or future.shape[1] >= past.shape[1]:
        said = f"forecast: exogenous must be ({steps}, E), one row per step ahead and fewer columns than"
        raise ShapeError(f"{said} the history's {D}, got shape {np.shape(exogenous)}")
    check_finite(past, "history")
    check_finite(future, "exogenous")
    return past, future


def drawing(network: Model, residuals: Any, count: int, rng: np.random.Generator) -> Draw:
    """Return the function that draws the values of a step, given its outputs."""
    loss = network.loss
    if residuals is None:
        return lambda a: loss.sample(a, rng)
    errors = np.asarray(numeric(residuals, "residuals"), np.float64)
    errors = errors.reshape(len(errors), math.prod(errors.shape[1:])) if errors.ndim else errors
    if errors.ndim != 2 or not len(errors) or errors.shape[1] != count:
        raise ShapeError(f"forecast: residuals must be (R, {count}), got shape {np.shape(residuals)}")
    check_finite(errors, "residuals")
    return lambda a: loss.estimate(a) + errors[rng.integers(len(errors), size=len(a))]


def _by_stream(network: Model, past: Array, future: Array, draw: Draw) -> Iterator[Array]:
    """Yield the values (S, M) of each step, from a network that gives an output at each step."""
    stream = Stream(network, len(past))
    for t in range(past.shape[1]):
        a = stream.step(past[:, t])
    for row in future[:-1]:
        y = draw(a)
        yield y
        a = stream.step(_beside(y, row))
    yield draw(a)


def _by_window(network: Any, past: Array, future: Array, draw: Draw) -> Iterator[Array]:
    """Yield the values (S, M) of each step, from a network that reads a window."""
    for row in future:
        y = draw(network.predict(past))
        yield y
        past = np.concatenate([past[:, 1:], _beside(y, row)[:, None]], axis=1)


def _at_once(network: Any, past: Array, future: Array, draw: Draw) -> Iterator[Array]:
    """Yield the values (S, M) of each step, from a network that gives all steps."""
    a = network.predict(past)
    values = draw(a[:, -1] if a.ndim > 2 else a)
    yield from np.moveaxis(values.reshape(len(values), len(future), -1), 1, 0)


def _beside(y: Array, row: Array) -> Array:
    return np.concatenate([y, np.broadcast_to(row, (len(y), len(row)))], axis=1)
