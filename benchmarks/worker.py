"""Each measurement in a process of its own: thread pools, caches and memory of one cannot touch another.

`apart` runs a function there, and this file, run as a module, is the other side of it.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Failed(RuntimeError):
    """A measurement ended with an error; the message is its last line."""


def apart(function: str, threads: int, **arguments: Any) -> Any:
    """Return what a function of this package returns when it is called in a process of its own.

    Parameters
    ----------
    function : str
        Its module and name: ``"speed.measure"``.
    threads : int
        The cores that the process may use; every framework is told the same.
    **arguments
        Whatever JSON can carry; so must be the result.
    """
    command = [sys.executable, "-m", "benchmarks.worker", function, str(threads), json.dumps(arguments)]
    environment = os.environ | dict.fromkeys(THREAD_SETTINGS, str(threads))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        raise Failed(f"{function}: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def limit_cores(count: int) -> None:
    """Keep to the first cores, where the system can: thread pools of every kind then size themselves."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def main(function: str, threads: str, arguments: str) -> None:
    """Run the function, and print its result as the last line."""
    limit_cores(int(threads))
    module, name = function.rsplit(".", 1)
    result = getattr(import_module(f"benchmarks.{module}"), name)(**json.loads(arguments))
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
