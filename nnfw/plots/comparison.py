"""Several histories on one sheet, those of repeated runs as bands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.plots.figure import (
    BLUE,
    DASHES,
    VERMILION,
    Target,
    canvas,
    draw_curve,
    finite,
    grid,
    look,
    picture,
    set_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def compare(histories: Mapping[str, Any], path: Target = None) -> "Figure":
    """Draw several histories on one sheet: a panel for the loss and for each metric.

    A panel shows validation where there is any, else training. Of repeated runs it shows the mean and a band
    of one standard deviation to either side.

    Parameters
    ----------
    histories : dict
        By name, a history each, or for repeated runs a list of histories or what `nnfw.repeat` returned.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.

    Examples
    --------
    >>> figure = compare({"RNN": {"loss": [0.9, 0.6]}, "GRU": [{"loss": [0.8, 0.5]}, {"loss": [0.6, 0.25]}]})
    >>> [(line.get_label(), line.get_ydata().tolist()) for line in figure.axes[0].lines]
    [('RNN', [0.9, 0.6]), ('GRU, 2 runs', [0.7, 0.375])]
    """
    if not isinstance(histories, Mapping):
        got = type(histories).__name__
        raise TypeError(f"compare: histories must be a dict by name, as {{'GRU': history}}, got {got}")
    runs = {str(name): _runs(str(name), one) for name, one in histories.items()}
    everyone = [one for several in runs.values() for one in several]
    names = dict.fromkeys(name for one in everyone for name, values in one.items() if len(values))
    panels = [name for name in names if not name.startswith("val_") and name != "learning_rate"]
    if not panels:
        raise ValueError("compare: the histories have no epoch yet; call fit first")
    rows, columns = grid(len(panels))
    with picture(path, 2.3 + 2.1 * columns, 0.4 + 2.3 * rows) as figure:
        for number, name in enumerate(panels, 1):
            axes = figure.add_subplot(rows, columns, number)
            validated = all(np.isfinite(finite(one.get(f"val_{name}", ()))).any() for one in everyone)
            _draw_panel(axes, f"val_{name}" if validated else name, runs)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def rate_test(
    rates: Array, losses: Array, means: Array, rate: float, path: Target = None, *, ax: "Axes | None" = None
) -> "Figure":
    """Draw the losses of a learning-rate range test and what it suggests; see `nnfw.find_rate`."""
    with canvas(path, 4.8, 3.2, ax) as axes:
        axes.plot(rates, finite(losses), ".", color="0.6", markersize=3, label="loss of each step")
        axes.plot(rates, finite(means), color=BLUE, label="running mean")
        if np.isfinite(rate):
            axes.axvline(rate, color=VERMILION, linestyle=DASHES[1], label=f"suggestion: {rate:.1e}")
        highest = np.nanmax(finite(means)[: int(np.nanargmin(means)) + 1])
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(None, 1.5 * abs(highest)))
        axes.legend(loc="best")
    return axes.figure  # type: ignore[return-value]


def _runs(name: str, runs: Any) -> list[Mapping[str, Sequence[float]]]:
    """Return the histories of one name as a list."""
    several = getattr(runs, "histories", runs)
    several = list(several) if isinstance(several, Sequence) else [several]
    for one in several:
        if not hasattr(one, "items"):
            raise TypeError(
                f"compare: {name!r} must be a History, or a list of them, got {type(one).__name__}; "
                f"network.history is one"
            )
    return several


def _draw_panel(axes: "Axes", name: str, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Draw a quantity of all runs, those of one name up to the end of the shortest."""
    drawn, longest = [], np.zeros(0)
    for number, (label, several) in enumerate(runs.items()):
        values = [finite(one[name]) for one in several if len(one.get(name, ()))]
        if not values:
            continue
        length = min(map(len, values))
        epochs = np.asarray(getattr(several[0], "epoch", range(1, length + 1)))[:length]
        y = np.array([one[:length] for one in values])
        label += f", {len(y)} runs" if len(y) > 1 else ""
        draw_curve(axes, epochs, y.mean(axis=0), label, *look(number))
        if len(y) > 1:
            low, high = (y.mean(axis=0) + sign * y.std(axis=0, ddof=1) for sign in (-1, 1))
            axes.fill_between(epochs, low, high, color=look(number)[0], alpha=0.2, linewidth=0)
        drawn.append(y.ravel())
        longest = max(longest, epochs, key=len)
    axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
    set_ticks(axes, longest, np.concatenate(drawn) if name.endswith("loss") else None)
