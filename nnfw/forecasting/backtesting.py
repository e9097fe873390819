"""Backtests: errors of forecasts of the past, compared with those of simple methods."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.output import table
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import SHARE, each, function_of, positive_integer, whole_number
from nnfw.forecasting.ahead import Forecast


@dataclass(repr=False)
class Backtest:
    """The result of `backtest`, which is displayed as a table.

    Attributes
    ----------
    origins : ndarray (O,)
        The number of known steps at each forecast.
    truth : ndarray (O, horizon)
        The observed values.
    forecasts : dict of str to ndarray (O, horizon)
        The forecasts of each method, ``"network"`` first.
    scale : float
        The mean absolute error of a (seasonal) naive forecast before the first origin: see `MASE`.
    bands : dict of float to ndarray (O, horizon, 2)
        The bounds of the network's bands by their share, if the forecasts have paths.
    """

    origins: Array
    truth: Array
    forecasts: dict[str, Array]
    scale: float
    bands: dict[float, Array]

    def errors(self) -> dict[str, dict[str, float]]:
        """Return mae, rmse and mase (nan at a scale of 0) of each method over all origins and steps."""
        found = {}
        for name, values in self.forecasts.items():
            error = np.abs(values - self.truth)
            mae = float(error.mean())
            mase = mae / self.scale if self.scale else math.nan
            found[name] = {"mae": mae, "rmse": float(np.sqrt((error**2).mean())), "mase": mase}
        return found

    def by_lead(self) -> dict[str, Array]:
        """Return the mean absolute error of each method at each step ahead (horizon,)."""
        return {name: np.abs(values - self.truth).mean(axis=0) for name, values in self.forecasts.items()}

    def coverage(self) -> dict[float, float]:
        """Return the fraction of the observed values within each of the network's bands."""
        inside = {s: (b[..., 0] <= self.truth) & (self.truth <= b[..., 1]) for s, b in self.bands.items()}
        return {share: float(within.mean()) for share, within in inside.items()}

    def __repr__(self) -> str:
        rows: list[tuple[str, ...]] = [("method", "mae", "rmse", "mase")]
        rows += [(name, *(f"{e:.4g}" for e in errors.values())) for name, errors in self.errors().items()]
        coverage = self.coverage().items()
        covered = [f"the {100 * share:g}% band covers {100 * found:.3g}%" for share, found in coverage]
        return "\n".join([table(rows), *covered])


@explain_keywords
def backtest(
    forecaster: Callable[[Array], Any],
    series: ArrayLike,
    *,
    horizon: int,
    first: int,
    every: int = 1,
    season: int = 1,
    order: int = 12,
    shares: Sequence[float] = (0.8,),
) -> Backtest:
    """Evaluate forecasts from many origins in the past, and compare them with simple methods.

    At each origin, ``first``, ``first + every`` ..., the forecaster is given the values known by then, and
    the next `horizon` values are compared with the truth. The simple methods are "naive", the last value,
    "seasonal naive", the value one season before, and "autoregression", least squares on the values before
    `first`.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(series[:origin])`` returns a `Forecast`, or an array (horizon,). It is up to you to
        ensure that its network was trained only on values before `first`.
    series : array_like (L,) or (L, D)
        The values in chronological order; the first column is forecast.
    horizon, first, every : int
        The number of steps ahead, the first origin, and the number of steps between origins.
    season : int
        The length of a season, 12 for months; 1 if there is none.
    order : int
        The number of past values that the autoregression reads.
    shares : tuple of float
        The bands to keep, if the forecaster returns paths.

    Examples
    --------
    >>> wave = np.sin(np.arange(120) * np.pi / 6)
    >>> result = backtest(lambda past: past[-12:][:3], wave, horizon=3, first=80, season=12)
    >>> {name: round(errors["mae"], 3) for name, errors in result.errors().items()}
    {'network': 0.0, 'naive': 0.604, 'seasonal naive': 0.0, 'autoregression': 0.0}
    """
    values = np.asarray(numeric(series, "series"), np.float64)
    if values.ndim not in (1, 2) or not values.size:
        raise ShapeError(f"backtest: series must be (L,) or (L, D) and not empty, got shape {values.shape}")
    y = values if values.ndim == 1 else values[:, 0]
    function_of("past")("backtest", "forecaster", forecaster)
    for name, number in (("horizon", horizon), ("every", every), ("season", season), ("order", order)):
        positive_integer("backtest", name, number)
    first = whole_number("backtest", "first", first, low=max(order + 2, season + 1))
    shares = each(SHARE)("backtest", "shares", shares)
    origins = np.arange(first, len(y) - horizon + 1, every)
    if not len(origins):
        said = f"backtest: series has {len(y)} steps, too few for one forecast of {horizon} from {first}"
        raise ValueError(f"{said}; use an earlier first")
    check_finite(values, "series")
    truth = np.stack([y[o : o + horizon] for o in origins])
    found = [_checked(forecaster(values[:o].copy()), horizon) for o in origins]
    forecasts = {"network": np.stack([one.mean for one in found])}
    forecasts["naive"] = np.repeat(y[origins - 1, None], horizon, axis=1)
    if season > 1:
        ahead = np.arange(horizon) % season - season
        forecasts["seasonal naive"] = y[origins[:, None] + ahead]
    forecasts["autoregression"] = autoregression(y, first, order, origins, horizon)
    shares = () if found[0].paths is None else shares
    bands = {share: np.stack([np.stack(one.band(share), -1) for one in found]) for share in shares}
    scale = float(np.abs(y[season:first] - y[: first - season]).mean())
    return Backtest(origins, truth, forecasts, scale, bands)


def _checked(found: Any, horizon: int) -> Forecast:
    """Return what a forecaster gave as a `Forecast` of one column."""
    found = found if isinstance(found, Forecast) else Forecast(found)
    mean, paths = np.array(numeric(found.mean, "forecaster(...)")), found.paths
    shapes = (horizon,), (horizon, 1)
    if mean.shape not in shapes:
        one = ", so for several columns Forecast(a.mean[:, 0], a.paths[..., 0])" if mean.ndim == 2 else ""
        raise ShapeError(f"backtest: the forecaster must return ({horizon},) values, got {mean.shape}{one}")
    if paths is not None and np.shape(paths)[1:] not in shapes:
        raise ShapeError(f"backtest: the paths must be (S, {horizon}) like the mean, got {np.shape(paths)}")
    return Forecast(mean.reshape(horizon), None if paths is None else np.reshape(paths, (-1, horizon)))


def autoregression(y: Array, first: int, order: int, origins: Array, horizon: int) -> Array:
    """Return the forecasts (O, horizon) of a linear autoregression, fitted to the values before `first`."""
    lags = np.lib.stride_tricks.sliding_window_view(y[: first - 1], order)
    rows = np.column_stack([np.ones(len(lags)), lags])
    weights = np.linalg.lstsq(rows, y[order:first])[0]
    past = np.stack([y[o - order : o] for o in origins])
    past = np.pad(past, ((0, 0), (0, horizon)))
    for n in range(horizon):
        past[:, order + n] = weights[0] + past[:, n : order + n] @ weights[1:]
    return past[:, order:]
