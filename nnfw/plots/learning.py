"""Learning curves: of one history, or of several in one figure, with repeated runs as bands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnfw.core.typing import Array, Axes, Figure
from nnfw.core.validation import instance_of
from nnfw.plots.figure import BLACK, Target, draw_curve, finite, grid, look, picture, set_ticks

A_HISTORY = instance_of(Mapping, "a History, or a dict of numbers by epoch", "; network.history is one")
BY_NAME = instance_of(Mapping, "a dict by name", "; pass {'GRU': network.history}")
# Its label, its colour and dash, the epochs, and the values of each run:
Curve = tuple[str, tuple[str, Any], Array, Sequence[Array]]


def history(history: Mapping[str, Sequence[float]], path: Target = None) -> "Figure":
    """Plot the learning curves: the loss, each metric, and the learning rate if it changes.

    The epoch whose weights `EarlyStopping` restored is marked, else that of the lowest validation loss (or
    loss). The axis of a loss that spans more than two decades is logarithmic.

    Parameters
    ----------
    history : History
        The result of `fit`, or any mapping of names to one number per epoch; ``"val_loss"`` is plotted with
        ``"loss"``. The epochs are its attribute `epoch`, or count from 1.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.

    Examples
    --------
    >>> figure = history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.9, 0.6, 0.7], "accuracy": [0.5, 0.7, 0.8]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    A_HISTORY("plots.history", "history", history)
    series = {name: finite(values) for name, values in history.items()}
    longest = max(map(len, series.values()), default=0)
    epochs = np.asarray(getattr(history, "epoch", range(1, longest + 1)))
    if not longest:
        raise ValueError("the history has no epoch yet; call fit first")
    partners = {f"val_{name}" for name in series} | {"learning_rate"}
    panels: dict[str, list[Curve]] = {}
    for name in (name for name in series if name not in partners):
        panels[name] = [("training", look(0), epochs, [series[name]])]
        if f"val_{name}" in series:
            panels[name].append(("validation", look(1), epochs, [series[f"val_{name}"]]))
    rates = series.get("learning_rate", np.zeros(0))
    if len(set(rates[np.isfinite(rates)])) > 1:
        panels["learning_rate"] = [("_", (BLACK, "-"), epochs, [rates])]
    mark = marked(history)
    return _draw_sheet(path, panels, mark and (f"{mark[0]}: epoch {epochs[mark[1]]}", epochs[mark[1]]))


def marked(history: Mapping[str, Sequence[float]]) -> tuple[str, int] | None:
    """Return the reason for marking an epoch and its index: the restored one, or that of the lowest loss."""
    if restored := getattr(history, "restored", None):
        return "restored", list(history.epoch).index(restored)  # type: ignore[attr-defined]
    for name in ("val_loss", "loss"):
        values = finite(history.get(name, ()))
        if np.isfinite(values).sum() > 1:
            return f"lowest {name}", int(np.nanargmin(values))
    return None


def compare(histories: Mapping[str, Any], path: Target = None) -> "Figure":
    """Plot several histories in one figure, with a panel for the loss and for each metric.

    A panel shows the validation values if there are any, else the training values. For repeated runs, it
    shows the mean and a band of one standard deviation on either side.

    Parameters
    ----------
    histories : dict
        By name: a history, or for repeated runs a list of histories or the result of `nnfw.repeat`.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.

    Examples
    --------
    >>> figure = compare({"RNN": {"loss": [0.9, 0.6]}, "GRU": [{"loss": [0.8, 0.5]}, {"loss": [0.6, 0.25]}]})
    >>> [(line.get_label(), line.get_ydata().tolist()) for line in figure.axes[0].lines]
    [('RNN', [0.9, 0.6]), ('GRU, 2 runs', [0.7, 0.375])]
    """
    BY_NAME("compare", "histories", histories)
    runs = {}
    for name, one in histories.items():
        several = getattr(one, "histories", one)
        several = several if isinstance(several, Sequence) else [several]
        runs[str(name)] = [A_HISTORY("compare", repr(str(name)), each) for each in several]
    everyone = [one for several in runs.values() for one in several]
    names = dict.fromkeys(name for one in everyone for name, values in one.items() if len(values))
    panels = [name for name in names if not name.startswith("val_") and name != "learning_rate"]
    if not panels:
        raise ValueError("compare: the histories have no epoch yet; call fit first")
    for number, name in enumerate(panels):
        known = [one for one in everyone if name in one]
        if all(np.isfinite(finite(one.get(f"val_{name}", ()))).any() for one in known):
            panels[number] = f"val_{name}"
    return _draw_sheet(path, {name: [*_curves(name, runs)] for name in panels})


def _curves(name: str, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Curve]:
    """Yield a curve of a quantity for each name, up to the end of its shortest run."""
    for number, (label, several) in enumerate(runs.items()):
        if values := [finite(one[name]) for one in several if len(one.get(name, ()))]:
            length = min(map(len, values))
            epochs = np.asarray(getattr(several[0], "epoch", range(1, length + 1)))[:length]
            label += f", {len(values)} runs" if len(values) > 1 else ""
            yield label, look(number), epochs, [one[:length] for one in values]


def _draw_sheet(path: Target, panels: Mapping[str, list[Curve]], mark: Any = None) -> "Figure":
    """Draw a panel for each quantity, with a mark (label, epoch) in each if there is one, and one legend."""
    rows, columns = grid(len(panels))
    width = 2.3 + 2.1 * columns
    entries: dict[Any, Any] = {}  # of the legend, each label once
    with picture(path, width, 0.4 + 2.3 * rows) as figure:
        for number, (name, curves) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(rows, columns, number)
            _draw_panel(axes, name, curves)
            if mark:
                axes.axvline(mark[1], label=mark[0], color="0.5", linestyle=":", linewidth=1)
            handles, labels = axes.get_legend_handles_labels()
            entries |= zip(labels, handles, strict=True)
        beside = 3 if mark else max(1, int(13 * width) // (max(map(len, entries), default=0) + 7))
        figure.set_figheight(figure.get_figheight() + 0.18 * ((len(entries) - 1) // beside))
        figure.legend(entries.values(), entries, loc="outside upper center", ncols=beside)
    return figure


def _draw_panel(axes: "Axes", name: str, curves: Sequence[Curve]) -> None:
    """Draw curves of a quantity; of several runs the mean, and a band of one standard deviation around it."""
    for label, (colour, dash), epochs, values in curves:
        mean = np.mean(values, axis=0)
        draw_curve(axes, epochs, mean, label, colour, dash)
        if len(values) > 1:
            spread = np.std(values, axis=0, ddof=1)
            axes.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
    longest = max((epochs for _, _, epochs, _ in curves), key=len)
    drawn = np.concatenate([one for *_, values in curves for one in values])
    set_ticks(axes, longest, drawn if name.endswith(("loss", "learning_rate")) else None)
