"""The picture of a forecast: the past, the future as bands, and what came."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.arguments import explain_keywords
from nnfw.core.typing import Figure
from nnfw.core.validation import numeric
from nnfw.plots.figure import BLACK, BLUE, VERMILION, Target, picture


@explain_keywords
def forecast(
    ahead: Any,
    path: Target = None,
    *,
    history: ArrayLike = (),
    truth: ArrayLike = (),
    shares: tuple[float, ...] = (0.5, 0.8, 0.95),
    column: int = 0,
    xlabel: str = "steps ahead",
    ylabel: str = "",
) -> "Figure":
    """Draw a forecast as a fan chart: its mean, and the bands that hold these `shares` of its paths.

    Parameters
    ----------
    ahead : Forecast
        What `nnfw.forecasting.forecast` returns.
    path : str or path, optional
        Where to save the picture, as .png, .svg or .pdf.
    history : array_like (T,) or (T, D)
        What came before, drawn to the left of 0.
    truth : array_like (steps,) or (steps, M)
        What came.
    shares : tuple of float
        The bands, where the forecast has paths.
    column : int
        Which of several columns to draw.
    xlabel, ylabel : str
        The labels of the axes.

    Examples
    --------
    >>> from nnfw.forecasting import Forecast
    >>> paths = np.random.default_rng(0).normal(size=(100, 12)).cumsum(axis=1)
    >>> figure = forecast(Forecast(np.zeros(12), paths), history=np.sin(np.arange(24)))
    """

    def one(values: ArrayLike) -> Any:
        values = np.asarray(numeric(values, "values"), np.float64)
        return values if values.ndim == 1 else values[:, column]

    past, came, steps = one(history), one(truth), np.arange(1, len(ahead.mean) + 1)
    with picture(path, 6.4, 3.2) as figure:
        axes = figure.add_subplot()
        if ahead.paths is not None:
            shades = np.linspace(0.16, 0.4, len(shares))
            for shade, share in zip(shades, sorted(shares, reverse=True), strict=True):
                bounds = [one(bound) for bound in ahead.band(share)]
                label = f"{share:.0%} band"
                axes.fill_between(steps, *bounds, color=BLUE, alpha=shade, linewidth=0, label=label)
        if len(past):
            axes.plot(np.arange(1 - len(past), 1), past, color=BLACK, label="past")
        axes.plot(steps, one(ahead.mean), color=BLUE, marker="o", markersize=3, label="forecast")
        if len(came):
            axes.plot(steps[: len(came)], came, color=VERMILION, linestyle=(0, (4, 1.3)), label="what came")
        axes.axvline(0.5, color="0.6", linewidth=0.8)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
