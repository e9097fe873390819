"""Plots of curves, schedules, learning-rate range tests and forecasts."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import numeric
from nnfw.core.typing import Array, ArrayLike, Axes, Figure
from nnfw.core.validation import SHARE, each, instance_of, whole_number
from nnfw.plots.figure import BLACK, BLUE, Target, canvas, draw_curve, finite, grid, look, picture, set_ticks
from nnfw.schedules import RateLike, get, scheduled

A_DICT = instance_of(Mapping, "a dict of curves by their labels", "; pass {'GRU': history['loss']}")


def schedule(
    schedule: RateLike | Sequence[RateLike] | Mapping[str, RateLike],
    epochs: float,
    path: Target = None,
    *,
    log: bool = False,
    ax: "Axes | None" = None,
) -> "Figure":
    """Plot the learning rate of one or several schedules by epoch; more than six have a panel each.

    Parameters
    ----------
    schedule : float, callable, Schedule, or a list or dict of them
        The schedules to plot; the keys of a dict are the labels.
    epochs : float
        The number of epochs to plot, from 0 on.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    log : bool
        Whether the axis of the learning rate is logarithmic.
    ax : matplotlib Axes, optional
        Axes on which to plot up to six schedules, in place of a new figure.

    Examples
    --------
    >>> from nnfw.schedules import Cosine, Step
    >>> figure = schedule([Cosine(0.1, epochs=20), Step(0.1, every=5)], epochs=20)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['Cosine(0.1, 20)', 'Step(0.1, every=5)']
    """
    if not isinstance(schedule, Mapping):
        several = schedule if isinstance(schedule, Sequence) else [schedule]
        schedule = {repr(get(one)): one for one in several}
    rates = {label: scheduled("schedule", label, one) for label, one in schedule.items()}
    x = np.linspace(0.0, epochs, 2000, endpoint=False)
    curves = {label: (x, [rate(float(e)) for e in x]) for label, rate in rates.items()}
    if len(curves) <= 6:
        return lines(curves, path, ylabel="learning rate", log=log, ax=ax)
    if ax is not None:
        raise ValueError(f"schedule: ax takes up to 6 schedules, got {len(curves)}; omit it for panels")
    rows, columns = grid(len(curves))
    with picture(path, width=2.0 * columns, height=1.6 * rows) as figure:
        for number, (label, (x, y)) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(rows, columns, number, sharey=figure.axes[0] if figure.axes else None)
            axes.set_title(textwrap.fill(str(label), 24), fontsize=8)
            axes.set_yscale("log" if log else "linear")
            draw_curve(axes, x, finite(y), label, BLUE, "-")
        figure.supxlabel("epoch", fontsize=9)
        figure.supylabel("learning rate", fontsize=9)
    return figure


def lines(
    curves: Mapping[str, ArrayLike | tuple[ArrayLike, ArrayLike]],
    path: Target = None,
    *,
    xlabel: str = "epoch",
    ylabel: str = "",
    title: str = "",
    log: bool = False,
    ax: "Axes | None" = None,
) -> "Figure":
    """Plot curves in one figure, each with its own colour and line style.

    Parameters
    ----------
    curves : dict
        The curves by label: the values y, at x = 1, 2, ..., or a tuple ``(x, y)``.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    xlabel, ylabel, title : str
        The labels of the axes, and the title.
    log : bool
        Whether the y axis is logarithmic.
    ax : matplotlib Axes, optional
        Axes on which to plot, in place of a new figure.

    Examples
    --------
    >>> figure = lines({"RNN": [0.9, 0.6, 0.5], "GRU": ([0, 1, 2], [0.8, 0.4, 0.2])}, ylabel="loss")
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['RNN', 'GRU']
    """
    A_DICT("lines", "curves", curves)
    points = {textwrap.fill(str(label), 56): _points(label, curve) for label, curve in curves.items()}
    if not points:
        raise ValueError("there is no curve to draw; pass a dict such as {'GRU': history['loss']}")
    columns = min(len(points), max(1, 64 // (max(map(len, points)) + 7)))
    rows = math.ceil(sum(label.count("\n") + 1 for label in points) / columns)
    with canvas(path, 4.8, 3.0 + 0.18 * rows, ax) as axes:
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
        for number, (label, (x, y)) in enumerate(points.items()):
            draw_curve(axes, x, np.where(y > 0, y, np.nan) if log else y, label, *look(number))
        set_ticks(axes, np.concatenate([x for x, _ in points.values()]))
        if ax is None:
            axes.figure.legend(loc="outside lower center", ncols=columns)
        else:
            axes.legend()
    return axes.figure  # type: ignore[return-value]


def rate_test(
    rates: Array, losses: Array, means: Array, rate: float, path: Target = None, *, ax: "Axes | None" = None
) -> "Figure":
    """Plot the losses of a learning-rate range test and the suggested rate; see `nnfw.find_rate`."""
    with canvas(path, 4.8, 3.2, ax) as axes:
        axes.plot(rates, finite(losses), ".", color="0.6", markersize=3, label="loss of each step")
        axes.plot(rates, finite(means), color=BLUE, label="running mean")
        if np.isfinite(rate):
            colour, dash = look(1)
            axes.axvline(rate, color=colour, linestyle=dash, label=f"suggestion: {rate:.1e}")
        highest = np.nanmax(finite(means)[: int(np.nanargmin(means)) + 1])
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(None, 1.5 * abs(highest)))
        axes.legend(loc="best")
    return axes.figure  # type: ignore[return-value]


@explain_keywords
def forecast(
    ahead: Any,
    path: Target = None,
    *,
    history: ArrayLike = (),
    truth: ArrayLike = (),
    shares: Sequence[float] = (0.5, 0.8, 0.95),
    column: int = 0,
    ylabel: str = "",
) -> "Figure":
    """Plot a forecast as a fan chart: its mean, and the bands that contain these `shares` of its paths.

    Parameters
    ----------
    ahead : Forecast
        The result of `nnfw.forecasting.forecast`.
    path : str or path, optional
        Where to save the figure, as .png, .svg or .pdf.
    history : array_like (T,) or (T, D)
        The values before the forecast, plotted to the left of 0.
    truth : array_like (steps,) or (steps, M)
        The observed values.
    shares : tuple of float
        The bands, if the forecast has paths.
    column : int
        Which of several columns to plot.
    ylabel : str
        The label of the y axis.

    Examples
    --------
    >>> from nnfw.forecasting import Forecast
    >>> paths = np.random.default_rng(0).normal(size=(100, 12)).cumsum(axis=1)
    >>> figure = forecast(Forecast(np.zeros(12), paths), history=np.sin(np.arange(24)))
    """
    from matplotlib.colors import to_rgb

    def one(values: ArrayLike, name: str = "ahead") -> Any:
        values = np.asarray(numeric(values, name), np.float64)
        if values.ndim == 1:
            return values
        return values[:, whole_number("forecast", f"column of {name}", column, high=values.shape[1] - 1)]

    shares = each(SHARE)("forecast", "shares", shares)
    past, came, steps = one(history, "history"), one(truth, "truth"), np.arange(1, len(ahead.mean) + 1)
    with picture(path, 6.4, 3.2) as figure:
        axes = figure.add_subplot()
        if ahead.paths is not None:
            blue, shades = np.array(to_rgb(BLUE)), np.linspace(0.16, 0.64, len(shares))
            for shade, share in zip(shades, sorted(shares, reverse=True), strict=True):
                bounds = [one(bound) for bound in ahead.band(share)]
                light = 1 - shade * (1 - blue)  # opaque: overlapping bands look as in the legend
                axes.fill_between(steps, *bounds, color=light, linewidth=0, label=f"{100 * share:g}% band")
        if len(past):
            axes.plot(np.arange(1 - len(past), 1), past, color=BLACK, label="past")
        axes.plot(steps, one(ahead.mean), color=BLUE, marker="o", markersize=3, label="forecast")
        if len(came):
            colour, dash = look(1)
            axes.plot(steps[: len(came)], came[: len(steps)], color=colour, linestyle=dash, label="observed")
        axes.axvline(0.5, color="0.6", linewidth=0.8)
        axes.set(xlabel="steps ahead", ylabel=ylabel)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _points(label: str, curve: Any) -> tuple[Array, Array]:
    pair = isinstance(curve, tuple) and len(curve) == 2 and np.ndim(curve[0]) == 1
    x, y = curve if pair else (np.arange(1, np.size(curve) + 1), curve)
    x, y = np.asarray(x), finite(y)
    if y.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"curve {label!r} needs one x per y, both 1-dimensional; got {x.shape}, {y.shape}")
    return x, y
