"""Tables that align, and JSON that says on which machine and how the numbers were measured."""

import argparse
import datetime
import json
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import PEERS
from nnfw import __version__


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table that is aligned in a terminal too; the first column to the left."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        f"| {first.ljust(widths[0])} | {' | '.join(map(str.rjust, others, widths[1:]))} |"
        for first, *others in (headers, rule, *rows)
    )


def ratio(middle: float, low: float, high: float) -> str:
    """Return a ratio with its spread."""
    return f"{middle:.2f} ({low:.2f}..{high:.2f})"


def save(name: str, options: argparse.Namespace, results: Any) -> None:
    """Write the results, with the machine and the settings, to ``name.json``, if they are to be saved."""
    if options.save is None:
        return
    settings = {key: getattr(options, key) for key in ("quick", "rounds", "budget", "threads", "seed")}
    record = {"benchmark": name, "machine": machine(options.peers), "settings": settings, "results": results}
    path = options.save / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n{path}")


def machine(peers: Iterable[str]) -> dict[str, Any]:
    """Return the date, the machine and the versions."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    packages = dict.fromkeys(package for name in peers for package in PEERS[name].packages)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": next(models, platform.machine()),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "blas": f"{blas['name']} {blas['version']}",
        "versions": {"nnfw": __version__} | {name: version(name) for name in packages},
    }
