"""Fit: an epoch of training, the first one and later ones, beside the training loops of other frameworks."""

import argparse
import os
import statistics
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.cases import BATCH_SIZE, TASKS, task_data
from benchmarks.measure import clock, in_rounds, spread
from benchmarks.peers import KERNELS, PEERS


def run(options: argparse.Namespace) -> None:
    """Measure on one core and on all of them, and report it as tables and JSON."""
    epochs, cores = 3 if options.quick else 10, os.cpu_count() or 1
    results: list[dict[str, Any]] = []
    for task in TASKS:
        names = ["ours", *(name for name in options.peers if task in PEERS[name].covers)]
        given = {"task": task, "epochs": epochs, "seed": options.seed}
        runs = {name: {"framework": name, "kernels": KERNELS.get(name, "numpy"), **given} for name in names}
        for threads in sorted({1, cores}):
            rounds = in_rounds("fit.measure", runs, options.rounds, threads)
            results.append({"task": task, "threads": threads, "rounds": rounds})
    print(f"\n{tables(results)}")
    report.save("fit", options, results)


def measure(framework: str, task: str, epochs: int, seed: int) -> dict[str, Any]:
    """Return the seconds of each epoch, and the mean loss of the last one."""
    module = import_module(f"benchmarks.peers.{'ours' if framework in KERNELS else framework}")
    x, y = task_data(task, seed)
    ends = [clock()]
    loss = module.train(task, x, y, epochs, seed, lambda: ends.append(clock()))
    return {"seconds": np.diff(ends).tolist(), "loss": float(loss)}


def tables(results: list[dict[str, Any]]) -> str:
    """Return a table for each task and number of cores."""
    return "\n\n".join(
        f"{TASKS[one['task']]}, batches of {BATCH_SIZE}, "
        f"{'1 core' if one['threads'] == 1 else str(one['threads']) + ' cores'}:\n\n{table(one['rounds'])}"
        for one in results
    )


def table(rounds: dict[str, list[dict[str, Any]]]) -> str:
    """Return the times of an epoch in milliseconds, the ratios of later ones, and the losses at the end."""
    later = {name: later_epochs(some) for name, some in rounds.items()}
    rows = []
    for name, some in rounds.items():
        first = statistics.median(one["seconds"][0] for one in some)
        ratios = [report.ratio(*spread(later[own], later[name])) for own in KERNELS if own in later]
        times = f"{1e3 * first:.0f} ms", f"{1e3 * statistics.median(later[name]):.1f} ms"
        rows.append([PEERS[name].title, *times, *ratios, f"{some[-1]['loss']:.3f}"])
    own = [f"{PEERS[name].title} / it" for name in KERNELS if name in later]
    return report.table(["", "first epoch", "later ones", *own, "loss"], rows)


def later_epochs(rounds: list[dict[str, Any]]) -> list[float]:
    """Return for each round the median seconds of the epochs after the first."""
    return [statistics.median(one["seconds"][1:]) for one in rounds]
