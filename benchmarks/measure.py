"""Measurements: time, memory, and a process of its own for each, so that none can affect another.

`apart` calls a function in such a process; this file, run as a module, is the other side of it.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tqdm import tqdm

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


def in_rounds(function: str, runs: Mapping[str, Any], rounds: int, threads: int) -> dict[str, list[Any]]:
    """Return what `function` returned in each round, by the name of a run, given the runs' arguments.

    They take turns, there and back again. One that fails is left out, and said; nnfw itself must not.
    """
    results: dict[str, list[Any]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(results)[:: -1 if number % 2 else 1]:
            try:
                results[name].append(apart(function, threads, **runs[name]))
            except Failed as error:
                if name == "ours":
                    raise
                tqdm.write(f"{name} is left out: {error}")
                del results[name]
    return results


def clock() -> float:
    """Return the time in seconds; with one thread that of the process, which others do not lengthen."""
    return time.process_time() if os.environ.get(THREAD_SETTINGS[0]) == "1" else time.perf_counter()


def median(call: Callable[[], Any], budget: float) -> float:
    """Return the median seconds of a call, over as many as fit into the budget, after a warm-up."""
    repeat(call, budget / 4, 1)
    return statistics.median(repeat(call, budget, 3))


def repeat(call: Callable[[], Any], budget: float, fewest: int) -> list[float]:
    """Return the seconds of single calls."""
    times: list[float] = []
    end = clock() + budget
    while len(times) < fewest or clock() < end:
        start = clock()
        call()
        times.append(clock() - start)
    return times


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
