"""Times, and a process for each measurement, which runs this file, so that none can affect another."""

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


def apart(function: str, threads: int, folder: Path = ROOT, kernels: str = "auto", ranks: int = 0, **given):
    """Return what ``"module.function"`` of this package returns in a process with so many cores.

    What is given, and the result, are passed as JSON. `folder` is where nnfw is imported from, `kernels` what
    it uses; with `ranks` there are so many processes of MPI. A RuntimeError has the last line of an error.
    """
    start = [Path(sys.executable).with_name("mpiexec"), "-n", str(ranks)] if ranks else []
    told = [function, str(threads * max(ranks, 1)), str(folder), json.dumps(given)]
    settings = {"NNFW_KERNELS": kernels, "KERAS_BACKEND": "jax"}
    settings |= dict.fromkeys(THREADS, "1" if threads == 1 else "")  # else what each takes by itself
    command = [*start, sys.executable, "-m", "benchmarks.measure", *told]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        raise RuntimeError(f"{function}: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def clock() -> float:
    """Return the time in seconds; with one thread that of the process, which others do not lengthen."""
    return time.process_time() if os.environ.get(THREADS[0]) == "1" else time.perf_counter()


def seconds(call: Callable, budget: float) -> float:
    """Return the median seconds of a call, over as many as fit into the budget, three at least."""
    timer = timeit.Timer(call, timer=clock)
    warm = min(timer.repeat(3, 1)) or 1e-6
    return statistics.median(timer.repeat(max(3, int(budget / warm)), 1))


if __name__ == "__main__":
    function, cores, folder, given = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):  # thread pools of every kind size themselves by it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    sys.path.insert(0, folder)
    module, name = function.split(".")
    result = getattr(import_module(f"benchmarks.{module}"), name)(**json.loads(given))
    if result is not None:  # of several ranks one tells
        print("\n" + json.dumps(result))
