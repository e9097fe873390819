"""Measurements: time, memory, and a process of its own for each, so that none can affect another.

`apart` calls a function in such a process; this file, run as a module, is the other side of it.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Calls = dict[str, Callable[[], Any]]
ROOT = Path(__file__).parents[1]
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Failed(RuntimeError):
    """A measurement ended with an error; the message is its last line."""


def apart(function: str, threads: int, folder: Path = ROOT, kernels: str = "auto", **arguments: Any) -> Any:
    """Return what ``"module.function"`` of this package returns in a process with so many cores.

    Arguments and result are passed as JSON. `folder` is where nnfw is imported from, `kernels` which it uses.
    """
    given = [function, str(threads), str(folder), json.dumps(arguments)]
    command = [sys.executable, "-m", "benchmarks.measure", *given]
    settings = os.environ | dict.fromkeys(THREAD_SETTINGS, str(threads)) | {"NNFW_KERNELS": kernels}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        raise Failed(f"{function}: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def clock() -> float:
    """Return the time in seconds; with one thread that of the process, which others do not lengthen."""
    return time.process_time() if os.environ.get(THREAD_SETTINGS[0]) == "1" else time.perf_counter()


def in_turn(calls: Calls, budget: float, fewest: int) -> dict[str, list[float]]:
    """Return the seconds of single calls by name. They take turns, so that a slow moment affects them all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = clock() + budget
    while min(map(len, times.values())) < fewest or clock() < end:
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return times


def medians(calls: Calls, budget: float) -> dict[str, float]:
    """Return the median seconds of each call, over as many turns as fit into the budget, after a warm-up."""
    in_turn(calls, budget / 4, 2)
    return {name: statistics.median(times) for name, times in in_turn(calls, budget, 5).items()}


def spread(a: list[float], b: list[float]) -> tuple[float, float, float]:
    """Return the median, the lowest and the highest of the ratios a / b, taken pair by pair."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def memory(field: str = "VmRSS") -> int:
    """Return the bytes of memory in use, or with VmHWM the most since `reset_peak`; for Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


def reset_peak() -> int:
    """Forget the peak, and return the bytes in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory()


if __name__ == "__main__":
    function, threads, folder, arguments = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):  # thread pools of every kind size themselves by it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    sys.path.insert(0, folder)
    module, name = function.split(".")
    result = getattr(import_module(f"benchmarks.{module}"), name)(**json.loads(arguments))
    print("\n" + json.dumps(result))
