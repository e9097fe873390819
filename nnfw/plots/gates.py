"""Plots of the gates and states of a recurrent layer at every time step."""

from typing import Any

import numpy as np

from nnfw.core.lengths import check_lengths
from nnfw.core.typing import Array, ArrayLike, Axes, Figure
from nnfw.core.validation import as_network, whole_number
from nnfw.plots.figure import Target, draw_heat, draw_steps, picture
from nnfw.plots.inside import over_samples, pick, recurrent

NAMED = 8  # up to this many units, each row has its number
MEANINGS = {
    "c": "candidate",
    "z": "update gate; 1 keeps the old state",
    "r": "reset gate; 0 hides the old state from the candidate",
    "i": "input gate; 1 lets the candidate in",
    "f": "forget gate; 1 keeps the old cell state",
    "o": "output gate; 1 shows the cell state",
    "g": "candidate",
    "h": "state",
}


@np.errstate(all="ignore")  # non-finite values stay blank
def gates(
    network: Any,
    x: Any,
    path: Target = None,
    *,
    layer: str | None = None,
    sample: int | None = None,
    lengths: ArrayLike | None = None,
) -> "Figure":
    """Plot every gate and state of a recurrent layer as a heat map, units by time steps, above the input.

    Units are sorted by their weight in the first principal component of the state, so that units that behave
    alike are adjacent; a unit has the same row in every heat map. The directions of a bidirectional layer are
    side by side.

    Parameters
    ----------
    network : Network
        The network, which does not change; without weights, those that its first fit starts from are used.
    x : array_like (N, T, D), or list of arrays (T_i, D)
        One or more sequences, in any form that ``network.predict`` takes.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    layer : str, optional
        The name of the layer, as in ``network.summary()``; by default the first recurrent one.
    sample : int, optional
        The index of the sequence; by default the mean over all, at each step over those that reach it.
    lengths : array_like of int (N,), optional
        The number of valid steps of each sequence.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4), Dense(1)], seed=0)
    >>> figure = gates(network, np.random.default_rng(0).normal(size=(1, 9, 2)))
    >>> [axes.get_title(loc="left")[:12] for axes in figure.axes if axes.get_title(loc="left")]
    ['z: update ga', 'r: reset gat', 'c: candidate', 'h: state', 'input x']
    """
    quiet, batch = as_network("gates", network)._probe(x, None, lengths, "gates")
    directions = pick("gates", recurrent("gates", quiet), layer)
    N, one = len(batch.x), next(iter(directions.values()))
    if sample is not None:
        whole_number("gates", "sample", sample, high=N - 1)
    quiet.forward(batch.x, training=True, lengths=batch.lengths)
    x, ends = batch.x if batch.x.ndim == 3 else batch.x[..., None], batch.lengths
    T, own = one.cache["h"].shape[1], one._pass.steps.lengths
    if x.shape[1] != T:
        x, ends = one.cache["x"], own  # an earlier layer has changed the time steps
    counts = check_lengths("gates", own, N, T)
    names = [*filter(None, one.gates), *reversed(one._loops.states)]
    width, height = 2.0 + 3.6 * len(directions), 1.4 + 0.95 * len(names)
    with picture(path, width, height) as figure:
        cells = figure.add_gridspec(1 + len(names), len(directions), height_ratios=[1] * len(names) + [0.7])
        for column, (direction, one) in enumerate(directions.items()):
            *panels, below = (figure.add_subplot(cells[row, column]) for row in range(1 + len(names)))
            values = [over_samples(one.cache[name], counts, sample) for name in names]
            order = similar(values[-1])
            for axes, name, value in zip(panels, names, values, strict=True):
                draw_units(axes, value, order, closes=name in one._σ)
                carried = name in one._loops.states and name != "h"
                title = f"{name}, {direction}".rstrip(", ")
                axes.set_title(f"{title}: {'cell state' if carried else MEANINGS[name]}", loc="left")
                axes.tick_params(labelbottom=False)
            draw_steps(below, over_samples(x, check_lengths("gates", ends, N, T), sample))
            below.set_title("input x", loc="left")
            below.set_xlabel("time step")
        figure.supylabel("units, similar ones side by side", fontsize=9)
    return figure


def draw_units(axes: "Axes", values: Array, order: Array, closes: bool) -> None:
    """Draw the values (T, H) of units in an order, on a scale from 0 to 1 for gates, else around 0."""
    high = 1.0 if closes else float(np.abs(values[np.isfinite(values)]).max(initial=1e-9))
    draw_heat(axes, values[:, order].T, 0.0 if closes else -high, high)
    named = len(order) <= NAMED
    axes.set_yticks(range(len(order)) if named else [], order.tolist() if named else [], fontsize=6)
    axes.locator_params(axis="x", integer=True)


def similar(h: Array) -> Array:
    """Return an order of the units of h (T, H) in which units that behave alike are adjacent."""
    h = np.where(np.isfinite(h), h, 0)
    first = np.linalg.svd(h - h.mean(axis=0), full_matrices=False)[2][0]
    return np.argsort(first * (np.sign(first.sum()) or 1.0), kind="stable")
