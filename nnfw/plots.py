"""Pictures of a training: learning curves, schedules, confusion matrices, and any curves side by side.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows, and saves it if it gets a path.
pyplot is never involved, so no display is needed, no backend is chosen and no figure stays open.
"""

import functools
import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.joint import Array
from nnfw.schedules import RateLike, get

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito stays apart for every kind of colour vision; its pale yellow is left out.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.3)), (0, (5, 1.3, 1, 1.3)), (0, (1, 1.2)))
FORMATS = (".png", ".svg", ".pdf")
FEW = 15  # up to so many points, each is marked
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.06,
    "axes.formatter.limits": (-3, 6),
    "axes.formatter.use_mathtext": True,
    "axes.formatter.useoffset": False,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # real letters: journals refuse outlines
}

Target = str | PathLike[str] | None


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
    series = {name: _finite(values) for name, values in history.items()}
    longest = max((len(values) for values in series.values()), default=0)
    epochs = np.asarray(getattr(history, "epoch", range(1, longest + 1)))
    for name, values in series.items():
        if len(values) != len(epochs):
            raise ValueError(f"history[{name!r}] has {len(values)} values for {len(epochs)} epochs")
    if not longest:
        raise ValueError("the history has no epoch yet; call fit first")
    panels = _panels(series)
    best = _best_epoch(epochs, series)
    rows, columns = _grid(len(panels))
    with _picture(path, width=2.3 + 2.1 * columns, height=0.4 + 2.3 * rows) as figure:
        for number, name in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, columns, number)
            axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
            _history_panel(axes, epochs, name, series, best)
        figure.legend(*_legend_entries(figure), loc="outside upper center", ncols=3)
    return figure


def schedule(
    schedule: RateLike | Sequence[RateLike] | Mapping[str, RateLike],
    epochs: float,
    path: Target = None,
    *,
    log: bool = False,
) -> "Figure":
    """Draw the learning rate over the epochs, of one schedule or of several.

    Up to six share one picture; of more, each has a panel of its own.

    Parameters
    ----------
    schedule : float, callable, Schedule, or a list or dict of them
        What to draw; the keys of a dict are the labels.
    epochs : float
        How many epochs to draw, from 0 on.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.
    log : bool
        Take a logarithmic axis for the learning rate.

    Returns
    -------
    Figure
        The picture.

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
    x = np.linspace(0.0, epochs, 2000, endpoint=False)
    curves = {label: (x, [get(one, label)(float(e)) for e in x]) for label, one in schedule.items()}
    if len(curves) <= 6:
        return lines(curves, path, ylabel="learning rate", log=log)
    rows, columns = _grid(len(curves))
    with _picture(path, width=2.0 * columns, height=1.6 * rows) as figure:
        for number, (label, (x, y)) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(rows, columns, number, sharey=figure.axes[0] if figure.axes else None)
            axes.set_title(textwrap.fill(label, 24), fontsize=8)
            axes.set_yscale("log" if log else "linear")
            _curve(axes, x, _finite(y), label, BLUE, "-")
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
) -> "Figure":
    """Draw curves in one picture, each with a colour and a dash of its own.

    Parameters
    ----------
    curves : dict
        The curves by their labels: the values y, at x = 1, 2, ..., or a tuple ``(x, y)``.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.
    xlabel, ylabel, title : str
        What stands at the axes and above.
    log : bool
        Take a logarithmic axis for y.

    Returns
    -------
    Figure
        The picture.

    Raises
    ------
    ValueError
        If there is no curve, or one whose x and y are not of one length.

    Examples
    --------
    >>> figure = lines({"RNN": [0.9, 0.6, 0.5], "GRU": ([0, 1, 2], [0.8, 0.4, 0.2])}, ylabel="loss")
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['RNN', 'GRU']
    """
    points = {textwrap.fill(label, 56): _points(label, curve) for label, curve in curves.items()}
    if not points:
        raise ValueError("there is no curve to draw; give a dict such as {'GRU': history['loss']}")
    columns = min(len(points), max(1, 64 // (max(map(len, points)) + 7)))
    rows = math.ceil(sum(label.count("\n") + 1 for label in points) / columns)
    with _picture(path, width=4.8, height=3.0 + 0.18 * rows) as figure:
        axes = figure.add_subplot()
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
        for number, (label, (x, y)) in enumerate(points.items()):
            colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
            _curve(axes, x, np.where(y > 0, y, np.nan) if log else y, label, colour, dash)
        _whole_numbers(axes, np.concatenate([x for x, _ in points.values()]))
        figure.legend(loc="outside lower center", ncols=columns)
    return figure


def confusion_matrix(
    matrix: ArrayLike, labels: Sequence[object] | None = None, path: Target = None, *, normalize: bool = False
) -> "Figure":
    """Draw a confusion matrix with the counts in its cells.

    Parameters
    ----------
    matrix : array_like of shape (K, K)
        Counts: the row is the true class, the column the predicted one.
    labels : sequence, optional
        The names of the classes; their numbers, if not given.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.
    normalize : bool
        Show each row in percent of its true class.

    Returns
    -------
    Figure
        The picture.

    Raises
    ------
    ValueError
        If the matrix is not square, holds a negative or non-finite number, or the labels do not fit it.

    Examples
    --------
    >>> figure = confusion_matrix([[48, 2], [5, 45]], labels=["cat", "dog"], normalize=True)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['96', '4', '10', '90']
    """
    counts = _counts(matrix)
    names = [str(label) for label in (range(len(counts)) if labels is None else labels)]
    if len(names) != len(counts):
        raise ValueError(f"labels must name each of the {len(counts)} classes, got {len(names)}")
    if normalize:
        totals = counts.sum(axis=1, keepdims=True)
        counts = np.round(100 * counts / np.where(totals > 0, totals, 1), 1)
    cell = min(0.5, max(0.26, 3.0 / len(counts)))
    side = cell * len(counts) + 1.0
    with _picture(path, width=side, height=side) as figure:
        axes = figure.add_subplot()
        _matrix(axes, counts, cell)
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(ticks, names)
        axes.set(xlabel="predicted class", ylabel="true class", title="% of each true class" * normalize)
    return figure


# --- the parts of the pictures -----------------------------------------------------------------------------


def _grid(count: int) -> tuple[int, int]:
    """Return the rows and columns of a sheet for so many panels."""
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def _panels(series: Mapping[str, Array]) -> list[str]:
    """Return what gets a panel: no validation beside its training, and the learning rate, if any, last."""
    partners = {f"val_{name}" for name in series}
    panels = [name for name in series if name not in partners and name != "learning_rate"]
    rates = _known(series.get("learning_rate", np.zeros(0)))
    return [*panels, "learning_rate"] if len(set(rates)) > 1 else panels


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
        _curve(axes, epochs, series[name], "_", BLACK, "-")
    else:
        _curve(axes, epochs, series[name], "training", BLUE, "-")
    if f"val_{name}" in series:
        _curve(axes, epochs, series[f"val_{name}"], "validation", VERMILION, DASHES[1])
    values = _known(np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines]))
    if not len(values):
        axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
    elif name in ("loss", "learning_rate") and 0 < 100 * values.min() < values.max():
        axes.set_yscale("log")
    if best is not None:
        label = f"best epoch: {epochs[best]}"
        axes.axvline(epochs[best], color="0.5", linestyle=":", linewidth=1, label=label)
    _whole_numbers(axes, epochs)


def _curve(axes: "Axes", x: Array, y: Array, label: str, colour: str, dash: Any) -> None:
    """Draw a curve; its points are marked if they are few, or have no neighbour to be joined with."""
    known = np.isfinite(y)
    padded = np.pad(known, 1)
    marked = known if known.sum() <= FEW else known & ~padded[:-2] & ~padded[2:]
    marks: dict[str, Any] = {"marker": "o", "markevery": marked} if marked.any() else {}
    axes.plot(x, y, label=label, color=colour, linestyle=dash, **marks)


def _whole_numbers(axes: "Axes", x: Array) -> None:
    """Put no ticks between whole epochs, and give a single one some room."""
    from matplotlib.ticker import MaxNLocator

    if np.all(x == np.round(x)):
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if len(set(x)) == 1:
        axes.set_xlim(x[0] - 1, x[0] + 1)


def _matrix(axes: "Axes", counts: Array, cell: float) -> None:
    """Draw the cells, `cell` inches wide, with what they hold; zeros are left out if the cells are many."""
    image = axes.imshow(counts, cmap="Blues", vmin=0, vmax=max(counts.max(), 1))
    axes.grid(False)
    axes.tick_params(which="both", length=0)
    edges = np.arange(len(counts) - 1) + 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", linewidth=0.5)
    axes.set_axisbelow(False)
    form = ".0f" if np.all(counts == np.round(counts)) else ".3g"
    texts = {place: f"{count:{form}}" for place, count in np.ndenumerate(counts)}
    size = min(9.0, 1.4 * 72 * cell / max(map(len, texts.values())))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "in_layout": False}
    for (row, column), text in texts.items():
        dark = np.dot(image.to_rgba(counts[row, column])[:3], (0.299, 0.587, 0.114)) < 0.42
        colour = "w" if dark else "k" if counts[row, column] else "0.7"
        if counts[row, column] or len(counts) <= 10:
            axes.text(column, row, text, color=colour, **style)


def _legend_entries(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return each label of the figure once, with the first line that bears it."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return list(entries.values()), list(entries)


# --- the data ----------------------------------------------------------------------------------------------


def _finite(values: ArrayLike) -> Array:
    """Return the values in float64, with NaN for what is not finite and cannot be drawn."""
    y = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(y), y, np.nan)


def _known(values: Array) -> Array:
    return values[np.isfinite(values)]


def _points(label: str, curve: Any) -> tuple[Array, Array]:
    pair = isinstance(curve, tuple) and len(curve) == 2 and np.ndim(curve[0]) == 1
    x, y = curve if pair else (np.arange(1, np.size(curve) + 1), curve)
    x, y = np.asarray(x), _finite(y)
    if y.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"curve {label!r} needs one x for each y, in one line; got {x.shape} and {y.shape}")
    return x, y


def _counts(matrix: ArrayLike) -> Array:
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"a confusion matrix has as many rows as columns, got shape {counts.shape}")
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError("a confusion matrix holds counts, finite and >= 0; got others")
    return counts


# --- the sheet of paper ------------------------------------------------------------------------------------


@contextmanager
def _picture(path: Target, width: float, height: float) -> Iterator["Figure"]:
    """Give a figure of so many inches to draw on, and save it at the end."""
    import matplotlib
    from matplotlib.figure import Figure

    target = None if path is None else _target(Path(path))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        vars(figure)["_repr_png_"] = functools.partial(_png, figure)  # so that a notebook shows it
        yield figure
        if target:
            figure.savefig(target)


def _target(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"the name of a picture must end in .png, .svg or .pdf, got {str(path)!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(path.parent)!r} does not exist; create it first")
    return path


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
