"""The chart of all speed ratios: a panel a kind of step, a row a layer and size, a mark a peer."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmarks.cases import TITLES
from benchmarks.peers import Peer
from nnfw.plots import COLOURS, STYLE

MARKERS = "|oDs^"


def speed(rows: list[dict[str, Any]], peers: dict[str, Peer], path: Path) -> None:
    """Draw the ratio to each peer, with its lowest and highest."""
    places = list(dict.fromkeys((row["layer"], row["sizes"]) for row in rows))
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.5 + 3.4 * len(kinds), 1.4 + 0.22 * len(places)), layout="constrained")
        panels = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            for number, (name, peer) in enumerate(peers.items()):
                here = [row for row in rows if row["kind"] == kind and name in row["ratios"]]
                ratios = [row["ratios"][name] for row in here] or [(float("nan"),) * 3]
                middle, low, high = zip(*ratios, strict=True)
                shift = 0.12 * (number - (len(peers) - 1) / 2)
                y = [places.index((row["layer"], row["sizes"])) + shift for row in here] or [0]
                colour = ("0.5", *COLOURS)[number]
                axes.hlines(y, low, high, color=colour, linewidth=1.2, alpha=0.6)
                axes.plot(middle, y, MARKERS[number], color=colour, label=peer.title, markersize=5)
            axes.axvline(1, color="0.2", linewidth=1, zorder=1)
            axes.set(title=kind, xlabel="nnfw faster  ←  nnfw / peer  →  slower", xscale="log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        panels[0].set_yticks(range(len(places)), [f"{TITLES[layer]}  {sizes}" for layer, sizes in places])
        panels[0].invert_yaxis()
        handles = panels[-1].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=max(1, len(peers)))
        figure.savefig(path)
    print(path)
