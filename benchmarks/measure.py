"""Timing, and a separate process for each measurement, which runs this file, so that none affects another."""

import json
import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
LOAD = getattr(os, "getloadavg", lambda: (0.0,))  # Windows has none


def apart(function: str, threads: int, folder: Path = ROOT, kernels: str = "auto", ranks: int = 0, **given):
    """Return the result of ``"module.function"`` of this package, run in a process with `threads` cores.

    Arguments and result are passed as JSON. nnfw is imported from `folder` and uses `kernels`; with `ranks`,
    this many MPI processes run. A RuntimeError contains the last line of the error.
    """
    start = [Path(sys.executable).with_name("mpiexec"), "-n", str(ranks)] if ranks else []
    told = [function, str(threads * max(ranks, 1)), str(folder), json.dumps(given)]
    settings = {"NNFW_KERNELS": kernels, "KERAS_BACKEND": "jax"}
    settings |= dict.fromkeys(THREADS, "1" if threads == 1 else "")  # else the default of each library
    command = [*start, sys.executable, "-m", "benchmarks.measure", *told]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        raise RuntimeError(f"{function}: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def clock() -> float:
    """Return the time in seconds; with one thread, the process time, which excludes other processes."""
    alone = os.environ.get(THREADS[0]) == "1" and os.name == "posix"  # Windows counts it in steps of 16 ms
    return time.process_time() if alone else time.perf_counter()


def seconds(call: Callable, budget: float) -> float:
    """Return the median seconds of a call, over as many calls as fit into the budget, at least three."""
    timer = timeit.Timer(call, timer=clock)
    warm = min(timer.repeat(3, 1)) or 1e-6
    return statistics.median(timer.repeat(max(3, int(budget / warm)), 1))


if __name__ == "__main__":
    function, cores, folder, given = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):  # thread pools of all kinds use it for their size
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    sys.path.insert(0, folder)
    module, name = function.split(".")
    result = getattr(import_module(f"benchmarks.{module}"), name)(**json.loads(given))
    if result is not None:  # only one of several ranks has a result
        print("\n" + json.dumps(result))
