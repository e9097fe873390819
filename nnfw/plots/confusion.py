"""The plot of a confusion matrix."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import numeric
from nnfw.core.typing import Array, ArrayLike, Axes, Figure
from nnfw.core.validation import boolean, instance_of
from nnfw.plots.figure import Target, canvas

MANY = 50  # classes; with more, cells have neither numbers nor edges, and not all rows a label
NAMES = instance_of(Iterable, "a list of names", "; the classes of a LabelEncoder are one")
LEAST = 5.0  # points; smaller numbers are illegible


@explain_keywords
def confusion_matrix(
    matrix: ArrayLike,
    path: Target = None,
    *,
    labels: Sequence[object] | None = None,
    normalize: bool = False,
    ax: "Axes | None" = None,
) -> "Figure":
    """Plot a confusion matrix, with the numbers in its cells where they are legible.

    The colour of a cell is its fraction of the row, on a square root scale, so that rare classes look like
    frequent ones, and even single errors are tinted. The row of a class without samples is grey.

    Parameters
    ----------
    matrix : array_like of shape (K, K)
        Counts: the row is the true class, the column the predicted one.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    labels : sequence, optional
        The names of the classes, by default their numbers.
    normalize : bool
        Whether to show each row in percent of its true class.
    ax : matplotlib Axes, optional
        Axes on which to plot, in place of a new figure.

    Examples
    --------
    >>> figure = confusion_matrix([[48, 2], [5, 45]], labels=["cat", "dog"], normalize=True)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['96', '4', '10', '90']
    """
    counts = np.asarray(numeric(matrix, "matrix"), np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        said = f"a confusion matrix must be square, got shape {counts.shape}"
        raise ValueError(f"{said}; nnfw.metrics.ConfusionMatrix()(y, network.predict(x)) returns one")
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError("a confusion matrix must hold counts, finite and >= 0; got other values")
    K = len(counts)
    owner = "confusion_matrix"
    boolean(owner, "normalize", normalize)
    names = [str(label) for label in (range(K) if labels is None else NAMES(owner, "labels", labels))]
    if len(names) != K:
        raise ValueError(f"labels must name each of the {K} classes, got {len(names)}")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    cell = min(0.5, max(0.26, 3.0 / K)) if K <= MANY else 6.5 / K
    side = cell * max(K, 2) + 0.9
    with canvas(path, side, side, ax) as axes:
        _draw_cells(axes, shares)
        if K <= MANY:
            percent = np.nan_to_num(np.round(100 * shares, 1))
            _draw_numbers(axes, percent if normalize else counts, shares, cell)
        ticks = range(0, K, 1 if K <= MANY else math.ceil(K / 25))
        shown = [names[tick] for tick in ticks]
        axes.set_xticks(ticks, shown, rotation=90 if max(map(len, shown)) > 3 or K > MANY else 0)
        axes.set_yticks(ticks, shown)
        axes.set(xlabel="predicted class", ylabel="true class", title="% of each true class" * normalize)
        figure: Any = axes.figure
        if ax is None:  # room for the labels, so that they do not shrink the cells
            beside = max(label.get_window_extent().width for label in axes.get_yticklabels())
            below = max(label.get_window_extent().height for label in axes.get_xticklabels())
            figure.set_size_inches(side + beside / figure.dpi, side + below / figure.dpi)
    return figure


def _draw_cells(axes: "Axes", shares: Array) -> None:
    """Draw the cells, white where the share is 0 and grey where it is NaN, and the edges of few."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, PowerNorm

    blues = ListedColormap(colormaps["Blues"](np.linspace(0.2, 1.0, 256))).with_extremes(bad="0.9", under="w")
    axes.imshow(shares, cmap=blues, norm=PowerNorm(0.5, np.nextafter(0, 1), 1))
    axes.grid(False)
    axes.tick_params(which="both", length=0)
    if len(shares) <= MANY:
        edges = np.arange(len(shares) - 1) + 0.5
        axes.set_xticks(edges, minor=True)
        axes.set_yticks(edges, minor=True)
        axes.grid(which="minor", linewidth=0.5)
        axes.set_axisbelow(False)


def _draw_numbers(axes: "Axes", numbers: Array, shares: Array, cell: float) -> None:
    """Write the numbers into cells `cell` inches wide, if they can be read; above 10 classes no zeros."""
    form = ".0f" if np.all(numbers == np.round(numbers)) else ".3g"
    texts = {place: f"{number:{form}}" for place, number in np.ndenumerate(numbers)}
    size = min(9.0, 1.4 * 72 * cell / max(map(len, texts.values())))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "in_layout": False}
    colours = axes.images[0].to_rgba(shares)
    for (row, column), text in texts.items():
        dark = np.dot(colours[row, column, :3], (0.299, 0.587, 0.114)) < 0.42
        colour = "w" if dark else "k" if numbers[row, column] else "0.65"
        if size >= LEAST and (numbers[row, column] or len(numbers) <= 10):
            axes.text(column, row, text, color=colour, **style)
