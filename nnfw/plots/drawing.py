"""A curve, and what may be drawn of it: the colours, the dashes, the ticks."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The palette of Okabe and Ito stays apart for every kind of colour vision; its pale yellow is left out.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.3)), (0, (5, 1.3, 1, 1.3)), (0, (1, 1.2)))
FEW = 15  # up to so many points, each is marked


def draw_curve(axes: "Axes", x: Array, y: Array, label: str, colour: str, dash: Any) -> None:
    """Draw a curve; its points are marked if they are few, or have no neighbour to be joined with."""
    known = np.isfinite(y)
    padded = np.pad(known, 1)
    marked = known if known.sum() <= FEW else known & ~padded[:-2] & ~padded[2:]
    marks: dict[str, Any] = {"marker": "o", "markevery": marked} if marked.any() else {}
    axes.plot(x, y, label=label, color=colour, linestyle=dash, **marks)


def whole_numbers(axes: "Axes", x: Array) -> None:
    """Put no ticks between whole epochs, and give a single one some room."""
    from matplotlib.ticker import MaxNLocator

    if np.all(x == np.round(x)):
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if len(set(x)) == 1:
        axes.set_xlim(x[0] - 1, x[0] + 1)


def finite(values: ArrayLike) -> Array:
    """Return the values in float64, with NaN for what is not finite and cannot be drawn."""
    y = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(y), y, np.nan)
