"""Output of results: tables, JSON with the machine and the settings, pages and a plot."""

import datetime
import json
import os
import platform
import re
import statistics
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from benchmarks.measure import LOAD, ROOT
from benchmarks.plan import KERNELS, PEERS
from nnfw import __version__
from nnfw.plots import COLOURS, STYLE

PAGES = ROOT / "docs" / "performance.md", ROOT / "docs" / "validation.md"
RATIO = "{:.2f} ({:.2f}..{:.2f})"  # median, lowest and highest
SECTION = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)  # the table of a benchmark
LABEL = {"padding": 2, "fontsize": 7, "bbox": {"facecolor": "white", "linewidth": 0, "pad": 0.5}}
OWN = dict(zip(KERNELS, (COLOURS[5], COLOURS[0]), strict=True))  # pale and full blue


def table(rows: list[dict]) -> str:
    """Return a Markdown table that is also aligned in a terminal, the first column to the left."""
    lines = [list(map(str, line)) for line in (rows[0], *(row.values() for row in rows))]
    width, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    lines.insert(1, ["-" * width, *("-" * (other - 1) + ":" for other in widths)])
    return "\n".join(f"| {a.ljust(width)} | {' | '.join(map(str.rjust, b, widths))} |" for a, *b in lines)


def spread(a: list[float], b: list[float]) -> tuple[float, float, float]:
    """Return the median, the lowest and the highest of the ratios a / b, taken pair by pair."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def save(name: str, options, results) -> None:
    """Write the results, with the date, the machine, the versions and the settings, to ``name.json``."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    packages = dict.fromkeys(package for peer in options.peers for package in PEERS[peer].packages)
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    machine = {
        "date": datetime.date.today().isoformat(),
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "load": round(LOAD()[0], 2),
        "python": platform.python_version(),
        "blas": f"{blas.get('name', 'none')} {blas.get('version', '')}",
        "versions": {"nnfw": __version__} | {package: version(package) for package in packages},
    }
    settings = {key: getattr(options, key) for key in ("quick", "rounds", "budget", "threads", "seed")}
    record = {"benchmark": name, "machine": machine, "settings": settings, "results": results}
    options.save.mkdir(parents=True, exist_ok=True)
    path = options.save / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n{path}")


def publish(folder: Path, pages: tuple[Path, ...] = PAGES) -> None:
    """Fill in the tables of the pages for which there are results, and draw the plot."""
    records = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    for page in pages:
        page.write_text(SECTION.sub(lambda found: section(found, records), page.read_text("utf-8")), "utf-8")
    with matplotlib.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure = Figure(figsize=(8.5, 3.6), layout="constrained")
        for axes, name in zip(figure.subplots(1, 2), ("speed", "fit"), strict=True):
            import_module(f"benchmarks.{name}").draw(axes, records[name]["results"])
        figure.savefig(folder / "performance.png")
    print(*pages, folder / "performance.png", sep="\n")


def section(found: re.Match[str], records: dict) -> str:
    """Return a section of a page with the table of the benchmark that it names, and the table's origin."""
    start, name, end = found.groups()
    if name not in records:
        return found[0]
    table = import_module(f"benchmarks.{name}").table(records[name]["results"])
    where = records[name]["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in where["versions"].items())
    origin = f"{where['date']}, {where['cores']} cores of {where['cpu']}, {where['blas']}; {versions}."
    return f"{start}{table}\n\n{origin}\n{end}"
