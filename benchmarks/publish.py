"""Publish: the picture, and the tables in the documentation, from the results that were saved."""

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import fit, memory, speed, step, tasks
from benchmarks.cases import TITLES
from benchmarks.measure import ROOT
from benchmarks.peers import KERNELS, PEERS
from nnfw.plots import COLOURS, STYLE

PAGES = ROOT / "docs" / "performance.md", ROOT / "docs" / "validation.md"
TABLES = {"speed": speed.means, "fit": fit.tables, "memory": memory.table, "step": step.table}
TABLES |= {"tasks": tasks.table}
SECTION = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LABEL = {"padding": 2, "fontsize": 7, "bbox": {"facecolor": "white", "linewidth": 0, "pad": 0.5}}
OWN = dict(zip(KERNELS, (COLOURS[5], COLOURS[0]), strict=True))  # pale and full blue
BARS = [(layer, kind) for kind in speed.KINDS for layer in ("gru", "rnn", "lstm", "dense")]


def run(folder: Path, pages: Sequence[Path] = PAGES) -> None:
    """Draw the picture, and fill in the tables of the pages, as far as there are results."""
    files = {name: folder / f"{name}.json" for name in TABLES}
    records = {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
    for page in pages:
        page.write_text(filled(page.read_text(), records))
    with matplotlib.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure = Figure(figsize=(8.5, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        draw_layers(left, records["speed"]["results"])
        draw_epochs(right, records["fit"]["results"])
        figure.savefig(folder / "performance.png")
    print(*pages, folder / "performance.png", sep="\n")


def filled(text: str, records: dict[str, Any]) -> str:
    """Return the text of a page with the table of each record between its two marks."""

    def fill(found: re.Match[str]) -> str:
        if found[2] not in records:
            return found[0]
        record = records[found[2]]
        return f"{found[1]}{TABLES[found[2]](record['results'])}\n\n{origin(record['machine'])}\n{found[3]}"

    return SECTION.sub(fill, text)


def origin(machine: dict[str, Any]) -> str:
    """Return a line that says when, where and with which versions was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['date']}, {machine['cores']} cores of {machine['cpu']}, {machine['blas']}; {versions}."


def draw_layers(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw the geometric means over the sizes, beside PyTorch."""
    for place, own in enumerate(KERNELS):
        means = []
        for layer, kind in BARS:
            chosen = [row for row in rows if (row["layer"], row["kind"], row["own"]) == (layer, kind, own)]
            means.append(statistics.geometric_mean(row["ratios"]["pytorch"][0] for row in chosen))
        y = [number + 0.38 * (place - 0.5) for number in range(len(BARS))]
        bars = axes.barh(y, means, 0.36, color=OWN[own], label=PEERS[own].title)
        axes.bar_label(bars, fmt="%.2f", **LABEL)
    axes.axvline(1, color=COLOURS[1], label="PyTorch", zorder=0.9)
    axes.set_yticks(range(len(BARS)), [f"{TITLES[layer]}, {speed.KINDS[kind]}" for layer, kind in BARS])
    axes.invert_yaxis()
    axes.set(xlabel="time over PyTorch's: shorter is faster", title="One layer, one core", xmargin=0.1)
    axes.legend()


def draw_epochs(axes: Axes, results: list[dict[str, Any]]) -> None:
    """Draw the times of an epoch on the digits, the shortest on top."""
    [rounds] = [one["rounds"] for one in results if (one["task"], one["threads"]) == ("digits", 1)]
    times = {name: 1e3 * statistics.median(fit.later_epochs(rounds[name])) for name in {*rounds} - {"bare"}}
    names = sorted(times, key=times.__getitem__, reverse=True)
    lengths, colours = [times[name] for name in names], [OWN.get(name, "0.7") for name in names]
    bars = axes.barh([PEERS[name].title for name in names], lengths, 0.6, color=colours)
    axes.bar_label(bars, fmt="%.0f ms", **LABEL)
    axes.set_title("An epoch of fit, GRU(64) on the digits, one core")
    axes.set(xlabel="milliseconds: shorter is faster", xmargin=0.1)
