"""Distributed: communication of a data-parallel step, measured on 2 ranks, modelled up to 64 nodes."""

import time
import timeit

import numpy as np

import nnfw
from benchmarks import report
from benchmarks.measure import apart, clock

NEEDS = "mpi4py", "mpich"
TASKS = {  # layers before the softmax, shape of a sample, batch size, number of measured steps
    "GRU(64), 8 steps": (lambda: [nnfw.GRU(64)], (8, 8), 32, 400),
    "GRU(128), 100 steps": (lambda: [nnfw.GRU(128)], (100, 32), 256, 40),
    "dense 784-512-512-10": (lambda: [nnfw.Dense(512, "relu"), nnfw.Dense(512, "relu")], (784,), 1024, 40),
}
NETWORKS = {"10 Gbit/s, 30 us": (30e-6, 1.25e9), "100 Gbit/s, 2 us": (2e-6, 12.5e9)}  # s, bytes/s
NODES = (2, 4, 8, 16, 32, 64)
MESSAGES = 4  # small collective calls per step: two exchanges, each of sizes and contents


def run(options) -> dict:
    """Measure and model, and print the tables."""
    results = {}
    for task, (*_, N, steps) in list(TASKS.items())[: 1 if options.quick else None]:
        given = {"task": task, "steps": steps // 10 if options.quick else steps, "seed": options.seed}
        runs = (1, N), (1, max(N // NODES[-1], 1)), (2, N)
        one, small, two = (apart("distributed.measure", 1, ranks=n, N=size, **given) for n, size in runs)
        results[task] = {"N": N, "one": one["step"], "small": small["step"], "two": two.pop("step"), **two}
    print(f"\nTime of a step in ms: in one process, with the batch and 1/{NODES[-1]} of it, and on 2 ranks\n")
    times, nodes = [], []
    for task, found in results.items():
        row = {"": task, "parameters": f"{found['size']:,}", "batch": found["N"]}
        row |= {name: f"{1e3 * found[name]:.2f}" for name in ("one", "small", "exchanges", "reduce", "two")}
        times.append(row | {"speed-up": f"{found['one'] / found['two']:.2f}"})
        for network, given in NETWORKS.items():
            ratios = {n: f"{found['one'] / modelled(found, n, *given):.2f}" for n in NODES}
            nodes.append({"": task, "network": network} | ratios)
    print(f"{report.table(times)}\n\nModelled speed-up over one process, by nodes\n\n{report.table(nodes)}")
    print("\nBelow 1, one process is faster. For many independent fits (seeds, folds), use joblib instead.")
    return results


def modelled(found: dict, n: int, latency: float, rate: float) -> float:
    """Return the seconds of a step on n nodes: of the rank with the most samples of a batch, and messages.

    A step takes a fixed time, plus a time per sample. An all-reduce sends 2 (n - 1) / n of the vector (as in
    Thakur, Rabenseifner & Gropp 2005), in 2 log2(n) rounds; a small message to all ranks takes log2(n).
    """
    N, rounds = found["N"], np.log2(n)
    by_sample = (found["one"] - found["small"]) / (N - max(N // NODES[-1], 1))
    most = np.random.default_rng(0).multinomial(N, [1 / n] * n, size=200).max(axis=1).mean()
    step = max(found["one"] - N * by_sample, 0.0) + by_sample * most
    return float(step + (2 + MESSAGES) * rounds * latency + 2 * (n - 1) / n * 4 * found["size"] / rate)


def measure(task: str, N: int, steps: int, seed: int) -> dict | None:
    """Return the minimum seconds of a step on N samples, and of its messages; None on all ranks but one."""
    from nnfw.distributed import DataParallel, rank, shard
    from nnfw.distributed.group import MPI, Group

    layers, shape, *_ = TASKS[task]
    rng, ends = np.random.default_rng(seed), []
    x, y = rng.standard_normal((4 * N, *shape), np.float32), rng.integers(10, size=4 * N)
    network = nnfw.Network([*layers(), nnfw.Dense(10, "softmax")], loss="cce", seed=seed)
    note = nnfw.LambdaCallback(on_batch_end=lambda run: ends.append(time.perf_counter()))
    callbacks = [DataParallel(), note]
    network.fit(*shard(x, y), epochs=1 + steps // 4, batch_size=N, callbacks=callbacks, verbose=0)
    group, vector = Group(), np.zeros(network.size, np.float32)
    calls = {
        "exchanges": lambda: [group.exchange("here", (N, 0.5, [])) for _ in range(2)],
        "reduce": lambda: group.channel.Allreduce(MPI.IN_PLACE, vector),
    }
    sent = {name: min(timeit.repeat(call, "", clock, steps, 1)) for name, call in calls.items()}
    return None if rank else {"step": float(np.diff(ends)[4:].min()), "size": network.size, **sent}
