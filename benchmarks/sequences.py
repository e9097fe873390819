"""Sequences as they come: what unequal lengths spare, and what one step of a stream takes."""

import argparse
import statistics
from functools import partial
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.clock import in_turn, seconds
from benchmarks.worker import apart
from nnfw import GRU, LSTM, RNN, Adam, Dense, Layer, Network

CELLS: dict[str, type[Layer]] = {"GRU": GRU, "LSTM": LSTM, "RNN": RNN}
SIZES = (64, 100, 64, 128)  # N, T, D, H
STREAM_UNITS = 64


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as a table and JSON."""
    sizes = (8, 20, 8, 16) if options.quick else SIZES
    rows, lengths = [], {}
    for name in CELLS:
        lengths[name] = apart(
            "sequences.measure_lengths",
            options.threads,
            **{"cell": name, "sizes": sizes, "rounds": 4 * options.rounds, "seed": options.seed},
        )
        ratios = [some / full for some, full in zip(*lengths[name].values(), strict=True)]
        rows.append([name, f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} .. {max(ratios):.2f}"])
    print(
        f"\nA training step at N,T,D,H = {','.join(map(str, sizes))}: lengths uniform in 1..T over all of T\n"
    )
    print(report.table(["", "ratio", "from .. to"], rows))

    steps = {
        name: apart("sequences.measure_stream", 1, cell=name, budget=options.budget, seed=options.seed)
        for name in CELLS
    }
    print(f"\nOne step of one sample through Network.stream, {STREAM_UNITS} units, one thread\n")
    print(report.table(["", "microseconds"], [[name, f"{1e6 * time:.1f}"] for name, time in steps.items()]))
    report.save("sequences", options, {"sizes": sizes, "lengths": lengths, "stream": steps})


def measure_lengths(cell: str, sizes: list[int], rounds: int, seed: int) -> dict[str, list[float]]:
    """Return the seconds of training steps on unequal lengths, and on full ones, taking turns."""
    N, T, D, H = sizes
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, T, D), np.float32), rng.integers(0, 5, N)
    lengths, optimizer = rng.integers(1, T + 1, N), Adam()
    network = Network([CELLS[cell](H), Dense(5, "softmax")], loss="cce", seed=seed)
    network.compute_shapes(x.shape[1:])
    network.initialize()

    def step(valid: np.ndarray[Any, Any] | None) -> None:
        a = network.forward(x, training=True, lengths=valid)
        network.backward(network.loss.gradient(y, a))
        network.gradients()
        network.update(optimizer, 0.0)

    calls = {"unequal": partial(step, lengths), "full": partial(step, None)}
    in_turn(calls, budget=0.0, fewest=2)
    return in_turn(calls, budget=0.0, fewest=rounds)


def measure_stream(cell: str, budget: float, seed: int) -> float:
    """Return the seconds of one step of one sample."""
    x = np.random.default_rng(seed).standard_normal((1, 4, 16), np.float32)
    network = Network([CELLS[cell](STREAM_UNITS)], seed=seed)
    network.compute_shapes(x.shape[1:])
    network.initialize()
    stream = network.stream()
    return seconds(lambda: stream.step(x[0, 0]), budget)
