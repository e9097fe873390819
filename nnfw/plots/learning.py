"""Learning curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.plots.figure import BLUE, DASHES, VERMILION, Target, draw_curve, finite, grid, picture, set_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def history(history: Mapping[str, Sequence[float]], path: Target = None) -> "Figure":
    """Draw the learning curves: the loss, each metric, and the learning rate if it changes.

    The epoch is marked whose weights `EarlyStopping` restored, else that of the lowest validation loss (or
    loss). The axis of a loss that spans more than two decades is logarithmic.

    Parameters
    ----------
    history : History
        What `fit` returned, or any mapping of names to one number an epoch; ``"val_loss"`` is drawn beside
        ``"loss"``. The epochs are its attribute `epoch`, or count from 1.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.

    Examples
    --------
    >>> figure = history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.9, 0.6, 0.7], "accuracy": [0.5, 0.7, 0.8]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    series = {name: finite(values) for name, values in history.items()}
    longest = max(map(len, series.values()), default=0)
    epochs = np.asarray(getattr(history, "epoch", range(1, longest + 1)))
    if not longest:
        raise ValueError("the history has no epoch yet; call fit first")
    panels, mark = _panels(series), marked(history)
    rows, columns = grid(len(panels))
    with picture(path, width=2.3 + 2.1 * columns, height=0.4 + 2.3 * rows) as figure:
        entries: dict[str, Any] = {}  # of the legend, each label once
        for number, name in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, columns, number)
            _draw_panel(axes, epochs, name, series)
            if mark is not None:
                style: dict[str, Any] = {"color": "0.5", "linestyle": ":", "linewidth": 1}
                axes.axvline(epochs[mark[1]], label=f"{mark[0]}: epoch {epochs[mark[1]]}", **style)
            handles, labels = axes.get_legend_handles_labels()
            entries |= zip(labels, handles, strict=True)
        figure.legend(entries.values(), entries, loc="outside upper center", ncols=3)
    return figure


def _panels(series: Mapping[str, Array]) -> list[str]:
    """Return the names of the panels: training and validation share one, a changing learning rate is last."""
    partners = {f"val_{name}" for name in series} | {"learning_rate"}
    panels = [name for name in series if name not in partners]
    rates = series.get("learning_rate", np.zeros(0))
    return [*panels, "learning_rate"] if len(set(rates[np.isfinite(rates)])) > 1 else panels


def marked(history: Mapping[str, Sequence[float]]) -> tuple[str, int] | None:
    """Return why an epoch is marked, and its index: the restored one, or that of the lowest of the losses."""
    if restored := getattr(history, "restored", None):
        return "restored", list(history.epoch).index(restored)  # type: ignore[attr-defined]
    for name in ("val_loss", "loss"):
        values = finite(history.get(name, ()))
        if np.isfinite(values).sum() > 1:
            return f"lowest {name}", int(np.nanargmin(values))
    return None


def _draw_panel(axes: "Axes", epochs: Array, name: str, series: Mapping[str, Array]) -> None:
    """Draw a quantity, and its validation if there is one."""
    axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
    label, colour = ("_", "black") if name == "learning_rate" else ("training", BLUE)
    drawn = [(series[name], label, colour, "-")]
    if f"val_{name}" in series:
        drawn.append((series[f"val_{name}"], "validation", VERMILION, DASHES[1]))
    for curve, *style in drawn:
        draw_curve(axes, epochs, curve, *style)
    falls = name in ("loss", "learning_rate")
    set_ticks(axes, epochs, np.concatenate([curve for curve, *_ in drawn]) if falls else None)
