"""What the numbers were measured on."""

import datetime
import os
import platform
from collections.abc import Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import numpy as np

import nnfw
from benchmarks.peers import PEERS

BUSY = 0.5  # a load above this disturbs


def describe(peers: Sequence[str] = ()) -> dict[str, Any]:
    """Return the machine, the date and the versions, for the record."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    distributions = packages_distributions()
    versions = {
        PEERS[name].title: version(distributions[PEERS[name].packages[0]][0])
        for name in peers
        if name != "floor"
    }
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load": load(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "blas": f"{blas['name']} {blas['version']}",
        "versions": {"nnfw": nnfw.__version__, "NumPy": np.__version__, **versions},
    }


def line(found: dict[str, Any]) -> str:
    """Return the description in a line, with a warning if the machine is busy."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    warning = (
        f"\nThe machine is busy (load {found['load']}): the ratios will be off."
        if found["load"] > BUSY
        else ""
    )
    return f"{found['cpu']}, {found['cores']} cores, {found['blas']}; {versions}{warning}"


def processor() -> str:
    """Return the processor's name."""
    table = Path("/proc/cpuinfo")
    if table.exists():
        for entry in table.read_text().splitlines():
            if entry.startswith("model name"):
                return entry.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def load() -> float:
    """Return how many processes wanted a core during the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0
