"""Code shared by all plots: style, saving, showing, panels, curves with their colours, and heat maps."""

import functools
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnfw.core import notebook
from nnfw.core.files import replacing
from nnfw.core.typing import Array, ArrayLike, Axes, Figure, FilePath

Target = FilePath | None

FORMATS = (".png", ".svg", ".pdf")
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
    "pdf.fonttype": 42,  # embedded fonts: journals refuse outlines
}
# The palette of Okabe and Ito is distinguishable with any colour vision; its pale yellow is omitted.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
NAVY = "#08306B"  # darker than vermilion: the signs differ in print too
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.3)), (0, (5, 1.3, 1, 1.3)), (0, (1, 1.2)))
FEW = 15  # up to this many points, each is marked
FEATURES = 4  # up to this many are drawn as curves, more as a heat map


@contextmanager
def picture(path: Target, width: float, height: float, given: Any = None) -> Iterator["Figure"]:
    """Yield a figure to draw on, and save it at the end if there is a path.

    It is a new one of this size in inches, which a notebook displays, unless another is given.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if path is not None and not str(path).lower().endswith(FORMATS):
        raise ValueError(f"the file name of a plot must end in .png, .svg or .pdf, got {str(path)!r}")
    with matplotlib.rc_context(STYLE):
        figure = given or Figure(figsize=(width, height), layout="constrained")
        if not given:
            vars(figure)["_repr_mimebundle_"] = functools.partial(_bundle, figure)
        yield figure
        if path is not None:
            with replacing(path) as file:
                figure.savefig(file, format=str(path)[-3:].lower())
    if path is None and not given:
        notebook.show_after_cell(figure)


@contextmanager
def canvas(path: Target, width: float, height: float, ax: "Axes | None") -> Iterator["Axes"]:
    """Yield the axes of a new `picture`, or those of the caller, whose figure is saved if there is a path."""
    if ax is not None and not hasattr(ax, "add_line"):
        raise TypeError(f"ax must be matplotlib Axes, as from figure.add_subplot(), got {type(ax).__name__}")
    with picture(path, width, height, ax and ax.figure) as figure:
        yield ax or figure.add_subplot()


def _bundle(
    figure: "Figure", include: Any = None, exclude: Any = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the picture as a notebook takes it: with twice the pixels, for screens that have them."""
    notebook.forget(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    width, height = (round(float(inches) * 100) for inches in figure.get_size_inches())
    return {"image/png": buffer.getvalue()}, {"image/png": {"width": width, "height": height}}


def grid(count: int) -> tuple[int, int]:
    """Return the rows and columns in which to arrange `count` panels."""
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def draw_curve(axes: "Axes", x: Array, y: Array, label: str, colour: str, dash: Any) -> None:
    """Draw a curve; its points are marked if they are few, or have no neighbour to connect to."""
    known = np.isfinite(y)
    padded = np.pad(known, 1)
    marked = known if known.sum() <= FEW else known & ~padded[:-2] & ~padded[2:]
    marks: dict[str, Any] = {"marker": "o", "markevery": marked} if marked.any() else {}
    axes.plot(x, y, label=label, color=colour, linestyle=dash, **marks)


def look(number: int) -> tuple[str, Any]:
    """Return the colour and the line style of a curve by its number, distinct for twenty curves."""
    return COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]


def set_ticks(axes: "Axes", x: Array, y: Array | None = None) -> None:
    """Set ticks at whole epochs, none before the first, pad a single one, and use a log y axis if needed."""
    from matplotlib.ticker import MaxNLocator

    if x.dtype.kind in "iuf" and np.all(x == np.round(x)):  # not dates
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        if axes.dataLim.xmin >= 1:  # else the margin would show an epoch 0 for many epochs
            axes.set_xlim(left=max(0.5, axes.get_xlim()[0]), auto=None)
    if len(set(x)) == 1:
        axes.set_xlim(x[0] - 1, x[0] + 1)
    if y is not None and 0 < 100 * np.nanmin(y, initial=np.inf) < np.nanmax(y, initial=-np.inf):
        axes.set_yscale("log")


def finite(values: ArrayLike) -> Array:
    """Return the values in float64, with NaN in place of infinities, which cannot be drawn."""
    y = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(y), y, np.nan)


def draw_heat(axes: "Axes", values: Array, low: float, high: float) -> None:
    """Draw values (rows, T) with a colour bar, from black to pale or, on a scale around 0, in two colours."""
    from matplotlib.colors import LinearSegmentedColormap

    signs = VERMILION, "white", NAVY
    shades = LinearSegmentedColormap.from_list("signs", signs) if low == -high else "magma"
    style: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest", "origin": "lower"}
    image = axes.imshow(values, cmap=shades, vmin=low, vmax=high, **style)
    axes.grid(False)
    scale = axes.figure.colorbar(image, ax=axes, pad=0.015, aspect=8, ticks=[low, (low + high) / 2, high])
    scale.ax.set_yticklabels([f"{tick:.2g}" for tick in (low, (low + high) / 2, high)])
    scale.ax.tick_params(length=0)
    scale.outline.set_visible(False)


def draw_steps(axes: "Axes", x: Array) -> None:
    """Draw a sequence (T, D) over its time steps: a few features as curves, more as a heat map.

    If their ranges differ a hundredfold, each has its own scale, and large ones do not hide the others.
    """
    x = finite(x)
    T, D = x.shape
    if D > FEATURES:
        low, ranges = np.fmin.reduce(x), np.fmax.reduce(x) - np.fmin.reduce(x)
        known = ranges[ranges > 0]  # neither constant nor missing throughout
        own = known.size > 0 and bool(100 * known.min() < known.max())
        x = (x - low) / np.where(ranges > 0, ranges, 1) if own else x
        draw_heat(axes, x.T, float(np.nanmin(x)), float(np.nanmax(x)))
        axes.set_ylabel("feature,\nown scale" if own else "feature")
    for feature in range(D) if D <= FEATURES else ():
        label = str(feature) if feature else "feature 0"  # short, beside a title
        draw_curve(axes, np.arange(T), x[:, feature], label, *look(feature))
    if 1 < D <= FEATURES:
        style = {"handlelength": 1.5, "columnspacing": 1.0}
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.95), ncols=D, **style)
    axes.set_xlim(-0.5, T - 0.5)
    axes.locator_params(axis="x", integer=True)
    axes.locator_params(axis="y", nbins=3, integer=D > FEATURES)
