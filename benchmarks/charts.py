"""The chart of speed: a panel a kind of step, a row a layer, a colour a peer, filled for compiled kernels."""

import math
import statistics
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmarks.cases import TITLES
from benchmarks.peers import Peer
from nnfw.plots import COLOURS, STYLE


def speed(rows: list[dict[str, Any]], peers: dict[str, Peer], path: Path) -> None:
    """Draw the geometric mean of each ratio over the sizes, with its lowest and highest."""
    layers, kinds, own = (list(dict.fromkeys(row[key] for row in rows)) for key in ("layer", "kind", "own"))
    names = [name for name in peers if any(name in row["ratios"] for row in rows)]
    marks = [(name, ours) for name in names for ours in own]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 + 4.2 * len(kinds), 1.6 + 0.8 * len(layers)), layout="constrained")
        panels = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            for number, (name, ours) in enumerate(marks):
                here = [row for row in rows if (row["kind"], row["own"]) == (kind, ours)]
                middle, low, high = zip(*(means(here, layer, name) for layer in layers), strict=True)
                y = [k + 0.7 * ((number + 0.5) / len(marks) - 0.5) for k in range(len(layers))]
                colour, compiled = ("0.5", *COLOURS)[names.index(name)], ours == "fast"
                label = f"{'nnfw[fast]' if compiled else 'nnfw'} / {peers[name].title}"
                axes.hlines(y, low, high, color=colour, linewidth=1.2, alpha=0.5)
                axes.plot(middle, y, "o", color=colour, mfc=colour if compiled else "white", label=label)
            axes.axvline(1, color="0.2", linewidth=1, zorder=1)
            axes.set(title=kind, xlabel="nnfw faster  ←  nnfw / peer  →  slower", xscale="log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        panels[0].set_yticks(range(len(layers)), [TITLES[layer] for layer in layers])
        panels[0].invert_yaxis()
        handles = panels[-1].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=max(1, len(names)))
        figure.savefig(path)
    print(path)


def means(rows: list[dict[str, Any]], layer: str, name: str) -> tuple[float, float, float]:
    """Return the geometric mean of a layer's ratios to a peer, the lowest and the highest."""
    ratios = [row["ratios"][name][0] for row in rows if row["layer"] == layer and name in row["ratios"]]
    return (statistics.geometric_mean(ratios), min(ratios), max(ratios)) if ratios else (math.nan,) * 3
