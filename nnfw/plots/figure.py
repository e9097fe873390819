"""What all pictures share: the style, saving, panels, and a curve with its colours, dashes and ticks."""

import functools
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.files import replacing
from nnfw.core.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Target = str | PathLike[str] | None

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
    "pdf.fonttype": 42,  # real letters: journals refuse outlines
}
# The palette of Okabe and Ito can be told apart with any colour vision; its pale yellow is left out.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.3)), (0, (5, 1.3, 1, 1.3)), (0, (1, 1.2)))
FEW = 15  # up to so many points, each is marked


@contextmanager
def picture(path: Target, width: float, height: float) -> Iterator["Figure"]:
    """Give a figure of this size in inches to draw on, and save it at the end."""
    import matplotlib
    from matplotlib.figure import Figure

    if path is not None and not str(path).lower().endswith(FORMATS):
        raise ValueError(f"the name of a picture must end in .png, .svg or .pdf, got {str(path)!r}")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        vars(figure)["_repr_png_"] = functools.partial(_png, figure)  # so that a notebook shows it
        yield figure
        if path is not None:
            with replacing(path) as file:
                figure.savefig(file, format=str(path)[-3:].lower())


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def grid(count: int) -> tuple[int, int]:
    """Return the rows and columns in which to arrange `count` panels."""
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def draw_curve(axes: "Axes", x: Array, y: Array, label: str, colour: str, dash: Any) -> None:
    """Draw a curve; its points are marked if they are few, or have no neighbour to be joined with."""
    known = np.isfinite(y)
    padded = np.pad(known, 1)
    marked = known if known.sum() <= FEW else known & ~padded[:-2] & ~padded[2:]
    marks: dict[str, Any] = {"marker": "o", "markevery": marked} if marked.any() else {}
    axes.plot(x, y, label=label, color=colour, linestyle=dash, **marks)


def set_ticks(axes: "Axes", x: Array) -> None:
    """Put ticks only at whole epochs, and leave room around a single one."""
    from matplotlib.ticker import MaxNLocator

    if np.all(x == np.round(x)):
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if len(set(x)) == 1:
        axes.set_xlim(x[0] - 1, x[0] + 1)


def finite(values: ArrayLike) -> Array:
    """Return the values in float64, with NaN for infinities, which cannot be drawn."""
    y = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(y), y, np.nan)
