"""Data-parallel training: what passes between ranks beside a step, measured on 2 and modelled to 64 nodes.

Times are the lowest of many, since other work on the machine only adds to them. Started by mpiexec, this file
measures one task and prints the seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import nnfw
from benchmarks import report
from benchmarks.measure import ROOT, THREAD_SETTINGS, repeat

TASKS = {  # layers before the softmax, the shape of a sample, samples of a batch, steps that are measured
    "GRU(64), 8 steps": (lambda: [nnfw.GRU(64)], (8, 8), 32, 400),
    "GRU(128), 100 steps": (lambda: [nnfw.GRU(128)], (100, 32), 256, 40),
    "dense 784-512-512-10": (lambda: [nnfw.Dense(512, "relu"), nnfw.Dense(512, "relu")], (784,), 1024, 40),
}
NETWORKS = {"10 Gbit/s Ethernet": (30e-6, 1.25e9), "100 Gbit/s InfiniBand": (2e-6, 12.5e9)}  # s, bytes/s
NODES = (2, 4, 8, 16, 32, 64)
MESSAGES = 4  # small collective calls of a step: two exchanges, each of sizes and of contents


def run(options: argparse.Namespace) -> None:
    """Measure, model and report it."""
    if not find_spec("mpi4py"):
        print("distributed is left out. To have it: pip install 'nnfw[mpi]'")
        return
    results = {}
    for task, (*_, N, steps) in list(TASKS.items())[: 1 if options.quick else None]:
        given = {"task": task, "steps": steps // 10 if options.quick else steps, "seed": options.seed}
        one, small = (apart(1, N=n, **given)["step"] for n in (N, max(N // NODES[-1], 1)))
        two = apart(2, N=N, **given)
        results[task] = {"N": N, "one": one, "small": small, "two": two.pop("step"), **two}
    print(f"\nA step in one process, of the batch and of a {NODES[-1]}th of it, and on 2 ranks, in ms\n")
    headers = ["", "parameters", "batch", "one", "small", "exchanges", "all-reduce", "2 ranks", "speed-up"]
    print(report.table(headers, [line(task, found) for task, found in results.items()]))
    for network, (latency, rate) in NETWORKS.items():
        print(f"\nSpeed-up over one process by nodes, modelled: {network}, {1e6 * latency:g} us\n")
        speed = {
            task: [found["one"] / modelled(found, n, latency, rate) for n in NODES]
            for task, found in results.items()
        }
        lines = [[task, *map("{:.2f}".format, ratios)] for task, ratios in speed.items()]
        print(report.table(["", *map(str, NODES)], lines))
    print("\nBelow 1 one process is better. Many independent fits (seeds, folds) need none of this: joblib.")
    report.save("distributed", options, results)


def line(task: str, found: dict[str, Any]) -> list[str]:
    """Return the row of a task."""
    times = [f"{1e3 * found[name]:.2f}" for name in ("one", "small", "exchanges", "reduce", "two")]
    return [task, f"{found['size']:,}", str(found["N"]), *times, f"{found['one'] / found['two']:.2f}"]


def modelled(found: dict[str, Any], n: int, latency: float, rate: float) -> float:
    """Return the seconds of a step on n nodes: of the rank with most samples of a batch, and of the messages.

    A step takes a fixed time, and one by sample. An all-reduce sends 2 (n - 1) / n of the vector (as in
    Thakur, Rabenseifner & Gropp 2005), in 2 log2(n) rounds; a small message to all takes log2(n).
    """
    N, rounds = found["N"], np.log2(n)
    by_sample = (found["one"] - found["small"]) / (N - max(N // NODES[-1], 1))
    most = np.random.default_rng(0).multinomial(N, [1 / n] * n, size=200).max(axis=1).mean()
    sent = 2 * (n - 1) / n * 4 * found["size"]
    step = max(found["one"] - N * by_sample, 0.0) + by_sample * most
    return float(step + (2 + MESSAGES) * rounds * latency + sent / rate)


def apart(ranks: int, **arguments: Any) -> Any:
    """Return what `measure` returns on so many ranks, one thread each."""
    command = [Path(sys.executable).with_name("mpiexec"), "-n", str(ranks), sys.executable, "-m"]
    settings = os.environ | dict.fromkeys(THREAD_SETTINGS, "1")
    whole = [*command, "benchmarks.distributed", json.dumps(arguments)]
    return json.loads(subprocess.run(whole, cwd=ROOT, env=settings, capture_output=True, check=True).stdout)


def measure(task: str, N: int, steps: int, seed: int) -> dict[str, Any]:
    """Return the seconds of a step of batches of N, and of what it sends."""
    layers, shape, *_ = TASKS[task]
    rng, ends = np.random.default_rng(seed), []
    x, y = rng.standard_normal((4 * N, *shape), np.float32), rng.integers(10, size=4 * N)
    network = nnfw.Network([*layers(), nnfw.Dense(10, "softmax")], loss="cce", seed=seed)
    note = nnfw.LambdaCallback(on_batch_end=lambda run: ends.append(time.perf_counter()))
    given = {"batch_size": N, "epochs": 1 + steps // 4, "verbose": 0}
    network.fit(*shard(x, y), callbacks=[DataParallel(), note], **given)
    group, vector = Group(), np.zeros(network.size, np.float32)
    calls = {
        "exchanges": lambda: [group.exchange("here", (N, 0.5, [])) for _ in range(2)],
        "reduce": lambda: group.channel.Allreduce(MPI.IN_PLACE, vector),
    }
    sent = {name: min(repeat(call, 0.0, steps)) for name, call in calls.items()}
    return {"step": float(np.diff(ends)[4:].min()), "size": network.size, **sent}


if __name__ == "__main__":  # what imports this is one of the ranks
    from nnfw.distributed import DataParallel, rank, shard
    from nnfw.distributed.group import MPI, Group

    measured = measure(**json.loads(sys.argv[1]))
    if rank == 0:
        print(json.dumps(measured))
