"""The charts: all ratios at a glance, and how time and memory grow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.cases import TITLES
from benchmarks.peers import Peer
from nnfw.plots import COLOURS, STYLE

MARKERS = "|oDs^vP"
TITLE_ROOM = 1.7  # rows that a layer's title takes


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure of so many inches in nnfw's style, and save it at the end."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(path)
    print(path)


def speed(rows: list[dict[str, Any]], peers: dict[str, Peer], path: Path) -> None:
    """Draw the ratio to each peer: a block a layer, a row a size, a panel a kind of step."""
    places = list(dict.fromkeys((row["layer"], row["sizes"]) for row in rows))
    layers = list(dict.fromkeys(layer for layer, _ in places))
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    heights = {place: -i - TITLE_ROOM * layers.index(place[0]) for i, place in enumerate(places)}
    bottom = min(heights.values())
    with picture(path, 2.0 + 3.4 * len(kinds), 1.4 + 0.22 * (TITLE_ROOM - bottom)) as figure:
        panels = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            for number, name in enumerate(peers):
                here = [row for row in rows if row["kind"] == kind and name in row["ratios"]]
                aside = 0.12 * (number - (len(peers) - 1) / 2)
                y = [heights[row["layer"], row["sizes"]] - aside for row in here]
                spreads(axes, [row["ratios"][name] for row in here], y, number, peers[name].title)
            axes.set(
                title=kind,
                xlabel="nnfw faster  ←  time of nnfw / time of the peer  →  slower",
                ylim=(bottom - 0.8, TITLE_ROOM),
            )
        for axes in panels:  # when all is drawn: they share one axis
            ratio_axis(axes)
        panels[0].set_yticks(list(heights.values()), [sizes for _, sizes in places])
        for layer in layers:
            top = max(y for (one, _), y in heights.items() if one == layer)
            style: dict[str, Any] = {
                "weight": "bold",
                "ha": "right",
                "va": "center",
                "annotation_clip": False,
            }
            panels[0].annotate(TITLES[layer], (-0.02, top + 1), xycoords=("axes fraction", "data"), **style)
        handles, labels = panels[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))


def spreads(axes: Axes, ratios: list[Any], y: list[float], number: int, label: str) -> None:
    """Draw one peer's ratios, each with its lowest and highest."""
    if not ratios:
        return
    middle, low, high = zip(*ratios, strict=True)
    colour = ("0.5", *COLOURS)[number]
    axes.hlines(y, low, high, color=colour, linewidth=1.2, alpha=0.6)
    style: dict[str, Any] = {"markersize": 8, "markeredgewidth": 2} if number == 0 else {"markersize": 5}
    axes.plot(middle, y, MARKERS[number], color=colour, label=label, **style)


def ratio_axis(axes: Axes) -> None:
    """Put a ratio on a logarithmic axis: 1 is even, left of it nnfw is faster."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high, 2))
    axes.axvline(1, color="0.2", linewidth=1, zorder=1)
    axes.axvspan(axes.get_xlim()[0], 1, color="0.96", zorder=0)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 200 else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0)


def scaling(curves: list[dict[str, Any]], path: Path) -> None:
    """Draw time and memory against N, T and H, with the fitted exponent of each curve."""
    columns = list(dict.fromkeys(curve["axis"] for curve in curves))
    kinds = list(dict.fromkeys(curve["kind"] for curve in curves))
    with picture(path, 1.0 + 2.4 * len(columns), 5.2) as figure:
        panels = figure.subplots(2, len(columns), sharex="col", sharey="row", squeeze=False)
        for curve in curves:
            name, number = curve["axis"], kinds.index(curve["kind"])
            pair = panels[:, columns.index(name)]
            for axes, quantity, unit in zip(pair, ("seconds", "bytes"), (1e3, 2**-20), strict=True):
                y = [value * unit for value in curve[quantity]]
                power = f"{name}$^{{{curve['exponents'][quantity]:.2f}}}$"
                axes.loglog(curve["sizes"], y, MARKERS[number + 1] + "-", color=COLOURS[number], label=power)
        for axes in panels.flat:
            axes.legend(handlelength=1)
        for axes, name in zip(panels[1], columns, strict=True):
            axes.set_xscale("log", base=2)
            axes.set_xlabel(name)
        panels[0, 0].set_ylabel("time in ms")
        panels[1, 0].set_ylabel("peak memory in MiB")
        figure.legend(panels[0, 0].lines, kinds, loc="outside upper center", ncols=len(kinds))
