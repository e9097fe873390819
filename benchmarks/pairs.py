"""Two ways of the same work, in turn: `fit` and bare steps; variable lengths and full ones. And streams."""

import argparse
from functools import partial
from typing import Any

import numpy as np

import nnfw
from benchmarks import report
from benchmarks.measure import apart, in_turn, medians, spread
from nnfw.datasets import load_digits

TASKS = {"digits": "GRU(64) and a softmax on the digits", "dense": "dense chain 20-32-32-2"}
BATCH_SIZE = 32
CELLS = ("GRU", "LSTM", "RNN")
STREAM_UNITS = 64


def overhead(options: argparse.Namespace) -> None:
    """Report what `fit`, with its bar, shuffling and metric, takes over the bare training steps."""
    given = {"epochs": 2 if options.quick else 10, "rounds": options.rounds, "seed": options.seed}
    times = {task: apart("pairs.measure_fit", 1, task=task, **given) for task in TASKS}
    print(f"\nfit / bare steps, batches of {BATCH_SIZE}, with bar and metric, one thread\n")
    report.table(["", "ratio"], [[TASKS[task], report.ratio(*spread(*pair))] for task, pair in times.items()])
    report.save("overhead", options, {"epochs": given["epochs"], **times})


def measure_fit(task: str, epochs: int, rounds: int, seed: int) -> list[list[float]]:
    """Return the seconds of some epochs of `fit` and of the same number of bare steps."""
    from benchmarks.peers.ours import ready, train_step

    if task == "digits":
        (x, y), _ = load_digits()
        layers: list[Any] = [nnfw.GRU(64), nnfw.Dense(10, "softmax")]
    else:
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((1438, 20), np.float32), rng.integers(0, 2, 1438)
        layers = [nnfw.Dense(32, "relu"), nnfw.Dense(32, "relu"), nnfw.Dense(2, "softmax")]
    network = ready(layers, x.shape[1:], optimizer=nnfw.Adam(3e-3), metrics=["accuracy"], seed=seed)
    batches = [(x[i : i + BATCH_SIZE], y[i : i + BATCH_SIZE]) for i in range(0, len(x), BATCH_SIZE)]

    def steps():
        for x_batch, y_batch in epochs * batches:
            train_step(network, x_batch, y_batch)

    fit = partial(network.fit, x, y, epochs=epochs, batch_size=BATCH_SIZE, verbose=1)
    fit()
    return list(in_turn({"fit": fit, "steps": steps}, budget=0.0, fewest=rounds).values())


def sequences(options: argparse.Namespace) -> None:
    """Report what variable lengths save, and what one step of a stream takes."""
    sizes = (8, 20, 8, 16) if options.quick else (64, 100, 64, 128)
    given: dict[str, Any] = {"sizes": sizes, "rounds": 4 * options.rounds, "seed": options.seed}
    lengths = {cell: apart("pairs.measure_lengths", options.threads, cell=cell, **given) for cell in CELLS}
    print(f"\nA training step at N,T,D,H = {sizes}: lengths uniform in 1..T over all of T\n")
    report.table(["", "ratio"], [[cell, report.ratio(*spread(*pair))] for cell, pair in lengths.items()])

    given = {"budget": options.budget, "seed": options.seed}
    steps = {cell: apart("pairs.measure_stream", 1, cell=cell, **given) for cell in CELLS}
    print(f"\nOne step of one sample through Network.stream, {STREAM_UNITS} units, one thread\n")
    report.table(["", "microseconds"], [[cell, f"{1e6 * time:.1f}"] for cell, time in steps.items()])
    report.save("sequences", options, {"sizes": sizes, "lengths": lengths, "stream": steps})


def measure_lengths(cell: str, sizes: list[int], rounds: int, seed: int) -> list[list[float]]:
    """Return the seconds of training steps on variable lengths, and on full ones."""
    from benchmarks.peers.ours import ready, train_step

    N, T, D, H = sizes
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, T, D), np.float32), rng.integers(0, 5, N)
    layers = [getattr(nnfw, cell)(H), nnfw.Dense(5, "softmax")]
    step = partial(train_step, ready(layers, (T, D), optimizer=nnfw.Adam(), seed=seed), x, y)
    calls = {"variable": partial(step, lengths=rng.integers(1, T + 1, N)), "full": step}
    in_turn(calls, budget=0.0, fewest=2)
    return list(in_turn(calls, budget=0.0, fewest=rounds).values())


def measure_stream(cell: str, budget: float, seed: int) -> float:
    """Return the seconds of one step of one sample."""
    from benchmarks.peers.ours import ready

    x = np.random.default_rng(seed).standard_normal(16, np.float32)
    stream = ready([getattr(nnfw, cell)(STREAM_UNITS)], (None, 16), seed=seed).stream()
    return medians({"step": lambda: stream.step(x)}, budget)["step"]
