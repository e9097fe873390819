"""The picture of a confusion matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.plots.figure import Target, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def confusion_matrix(
    matrix: ArrayLike, path: Target = None, *, labels: Sequence[object] | None = None, normalize: bool = False
) -> "Figure":
    """Draw a confusion matrix with the counts in its cells.

    Parameters
    ----------
    matrix : array_like of shape (K, K)
        Counts: the row is the true class, the column the predicted one.
    path : str or Path, optional
        Where to save the picture: a name that ends in .png, .svg or .pdf.
    labels : sequence, optional
        The names of the classes, by default their numbers.
    normalize : bool
        Whether to show each row in percent of its true class.

    Examples
    --------
    >>> figure = confusion_matrix([[48, 2], [5, 45]], labels=["cat", "dog"], normalize=True)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['96', '4', '10', '90']
    """
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"a confusion matrix has as many rows as columns, got shape {counts.shape}")
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError("a confusion matrix holds counts, finite and >= 0; got others")
    names = [str(label) for label in (range(len(counts)) if labels is None else labels)]
    if len(names) != len(counts):
        raise ValueError(f"labels must name each of the {len(counts)} classes, got {len(names)}")
    if normalize:
        totals = counts.sum(axis=1, keepdims=True)
        counts = np.round(100 * counts / np.where(totals > 0, totals, 1), 1)
    cell = min(0.5, max(0.26, 3.0 / len(counts)))
    side = cell * max(len(counts), 2) + 0.9
    with picture(path, width=side, height=side) as figure:
        axes = figure.add_subplot()
        _draw_cells(axes, counts, cell)
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(ticks, names)
        axes.set(xlabel="predicted class", ylabel="true class", title="% of each true class" * normalize)
        # The labels are not to shrink the cells: the figure grows by their size.
        beside = max(label.get_window_extent().width for label in axes.get_yticklabels())
        below = max(label.get_window_extent().height for label in axes.get_xticklabels())
        figure.set_size_inches(side + beside / figure.dpi, side + below / figure.dpi)
    return figure


def _draw_cells(axes: "Axes", counts: Array, cell: float) -> None:
    """Draw the cells, `cell` inches wide, and their counts; above 10 classes zeros are left out."""
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
