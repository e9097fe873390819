"""The sheet of paper: a figure of one style, and saved if it gets a path."""

import functools
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

Target = str | PathLike[str] | None


@contextmanager
def picture(path: Target, width: float, height: float) -> Iterator["Figure"]:
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


def grid(count: int) -> tuple[int, int]:
    """Return the rows and columns of a sheet for so many panels."""
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns
