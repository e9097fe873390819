"""The learning curves of a training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.plots.drawing import BLACK, BLUE, DASHES, VERMILION, draw_curve, finite, whole_numbers
from nnfw.plots.sheet import Target, grid, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def history(history: Mapping[str, Sequence[float]], path: Target = None) -> "Figure":
    """Draw the learning curves: the loss, each metric, and the learning rate if it changes.

    The best epoch, that of the lowest validation loss (of the lowest loss without validation), is marked.
    The loss gets a logarithmic axis if it spans more than two decades.

    Parameters
    ----------
    history : History
        What `fit` returned, or any mapping of names to one number an epoch; ``"val_loss"`` is drawn beside
        ``"loss"``. The epochs are its attribute `epoch`, or count from 1.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.

    Returns
    -------
    Figure
        The picture.

    Raises
    ------
    ValueError
        If there is no epoch yet, the lists differ in length, or the ending is another one.
    FileNotFoundError
        If the folder does not exist.

    Examples
    --------
    >>> figure = history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.9, 0.6, 0.7], "accuracy": [0.5, 0.7, 0.8]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    series = {name: finite(values) for name, values in history.items()}
    longest = max((len(values) for values in series.values()), default=0)
    epochs = np.asarray(getattr(history, "epoch", range(1, longest + 1)))
    for name, values in series.items():
        if len(values) != len(epochs):
            raise ValueError(f"history[{name!r}] has {len(values)} values for {len(epochs)} epochs")
    if not longest:
        raise ValueError("the history has no epoch yet; call fit first")
    panels = _panels(series)
    best = _best_epoch(epochs, series)
    rows, columns = grid(len(panels))
    with picture(path, width=2.3 + 2.1 * columns, height=0.4 + 2.3 * rows) as figure:
        for number, name in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, columns, number)
            axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
            _history_panel(axes, epochs, name, series, best)
        figure.legend(*_legend_entries(figure), loc="outside upper center", ncols=3)
    return figure


def _panels(series: Mapping[str, Array]) -> list[str]:
    """Return what gets a panel: no validation beside its training, and the learning rate, if any, last."""
    partners = {f"val_{name}" for name in series}
    panels = [name for name in series if name not in partners and name != "learning_rate"]
    rates = _known(series.get("learning_rate", np.zeros(0)))
    return [*panels, "learning_rate"] if len(set(rates)) > 1 else panels


def _known(values: Array) -> Array:
    return values[np.isfinite(values)]


def _best_epoch(epochs: Array, series: Mapping[str, Array]) -> int | None:
    """Return the place of the lowest validation loss, or loss, if there is more than one epoch."""
    for name in ("val_loss", "loss"):
        if name in series and len(epochs) > 1 and len(_known(series[name])):
            return int(np.nanargmin(series[name]))
    return None


def _history_panel(
    axes: "Axes", epochs: Array, name: str, series: Mapping[str, Array], best: int | None
) -> None:
    if name == "learning_rate":
        draw_curve(axes, epochs, series[name], "_", BLACK, "-")
    else:
        draw_curve(axes, epochs, series[name], "training", BLUE, "-")
    if f"val_{name}" in series:
        draw_curve(axes, epochs, series[f"val_{name}"], "validation", VERMILION, DASHES[1])
    values = _known(np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines]))
    if not len(values):
        axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
    elif name in ("loss", "learning_rate") and 0 < 100 * values.min() < values.max():
        axes.set_yscale("log")
    if best is not None:
        label = f"best epoch: {epochs[best]}"
        axes.axvline(epochs[best], color="0.5", linestyle=":", linewidth=1, label=label)
    whole_numbers(axes, epochs)


def _legend_entries(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return each label of the figure once, with the first line that bears it."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return list(entries.values()), list(entries)
