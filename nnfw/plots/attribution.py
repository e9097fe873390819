"""The plot of attributions: the contributions of the steps and features of one input to an output."""

from typing import Any

import numpy as np

from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, ArrayLike, Axes, Figure
from nnfw.core.validation import whole_number
from nnfw.plots.figure import BLUE, FEATURES, VERMILION, Target, canvas, draw_heat, draw_steps, picture

MARKED = 600  # up to this many cells, negative ones have a minus sign


def attribution(
    attributions: ArrayLike, x: Any = None, path: Target = None, *, sample: int = 0, ax: "Axes | None" = None
) -> "Figure":
    """Plot the contribution of each value of one input to an output, for a sequence below the input itself.

    Features alone, or the sums over few features at each time step, are bars; more than four features per
    step are cells of a heat map; negative ones have a minus sign, so that they are visible in print too.

    Parameters
    ----------
    attributions : array_like (N, D) or (N, T, D)
        The result of `nnfw.explain.integrated_gradients` or `nnfw.explain.gradient`.
    x : array_like (N, T, D), or list of arrays (T_i, D), optional
        The input, which is plotted above; padding beyond the end of a listed sequence is left out.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    sample : int
        The index of the input to plot.
    ax : matplotlib Axes, optional
        Axes on which to plot the attributions alone, in place of a new figure.

    Examples
    --------
    >>> figure = attribution([[[0.1, 0.0], [0.3, 0.1], [0.0, -0.1]]])
    >>> [round(float(bar.get_height()), 1) for bar in figure.axes[0].patches]
    [0.1, 0.4, -0.1]
    """
    a = numeric(attributions, "attributions")
    if a.ndim not in (2, 3) or not a.size:
        said = f"attribution: attributions must be (N, D) or (N, T, D) and not empty, got {a.shape}"
        raise ShapeError(f"{said}; for a single sample use attributions[None]")
    a = a[whole_number("attribution", "sample", sample, high=len(a) - 1)]
    check_finite(a, f"attributions[{sample}]")
    if x is None or a.ndim == 1:
        with canvas(path, 5.4, 2.2, ax) as axes:
            _draw(axes, a)
        return axes.figure  # type: ignore[return-value]
    if ax is not None:
        raise ValueError("attribution: ax is one pair of axes, but x needs another; omit x or ax")
    one = numeric(x[sample], f"x[{sample}]")
    one = one if one.ndim > 1 else one[:, None]
    if not 0 < len(one) <= len(a) or one.ndim != 2:
        raise ShapeError(f"attribution: x[{sample}] has shape {one.shape}, its attributions have {a.shape}")
    with picture(path, 5.6, 3.6) as figure:
        above, below = figure.subplots(2, 1, height_ratios=[0.8, 1], sharex=True)
        draw_steps(above, one)
        above.set_title("input x", loc="left")
        _draw(below, a[: len(one)])
    return figure


def _draw(axes: "Axes", a: Array) -> None:
    """Draw the attributions (D,) of features, or (T, D) of steps."""
    axes.set_xlabel("feature" if a.ndim == 1 else "time step")
    axes.set_title(f"attribution, sum {a.sum():.3g}", loc="left")
    if a.ndim == 2 and a.shape[1] > FEATURES:
        high = float(np.abs(a).max()) or 1.0
        draw_heat(axes, a.T, -high, high)
        for t, d in np.argwhere(a < -0.1 * high) if a.size <= MARKED else ():
            axes.text(t, d, "$-$", ha="center", va="center", fontsize=7)
        axes.set_ylabel("feature")
        axes.locator_params(axis="y", nbins=3, integer=True)
    else:
        a = a.reshape(len(a), -1).sum(axis=1)
        axes.bar(np.arange(len(a)), a, color=np.where(a < 0, VERMILION, BLUE), width=0.8)
        axes.axhline(0, color="0.4", linewidth=0.6)
    axes.locator_params(axis="x", integer=True)
