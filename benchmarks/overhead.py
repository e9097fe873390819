"""What `fit` costs, with its bar, shuffling and metrics, over the bare training steps."""

import argparse
import statistics
from typing import Any

from benchmarks.clock import in_turn
from benchmarks.worker import apart
from nnfw import GRU, Adam, Dense, Network
from nnfw.datasets import load_digits

BATCH_SIZE = 32


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and report it."""
    epochs = 2 if options.quick else 10
    times = apart(
        "overhead.measure", options.threads, epochs=epochs, rounds=options.rounds, seed=options.seed
    )
    ratios = [fit / bare for fit, bare in zip(times["fit"], times["steps"], strict=True)]
    spread = f"{statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"
    print(f"\nfit / bare steps, digits in batches of {BATCH_SIZE}, with bar and metric: {spread}")
    return {"epochs": epochs, **times}


def measure(epochs: int, rounds: int, seed: int) -> dict[str, list[float]]:
    """Return the seconds of some epochs of `fit`, and of the same number of bare steps, taking turns."""
    from benchmarks.peers.ours import train_step

    (x, y), _ = load_digits()
    optimizer = Adam(3e-3)
    layers = [GRU(64), Dense(10, "softmax")]
    network = Network(layers, loss="cce", optimizer=optimizer, metrics=["accuracy"], seed=seed)
    batches = [(x[i : i + BATCH_SIZE], y[i : i + BATCH_SIZE]) for i in range(0, len(x), BATCH_SIZE)]

    def fit() -> None:
        network.fit(x, y, epochs=epochs, batch_size=BATCH_SIZE, verbose=1)

    def steps() -> None:
        for _ in range(epochs):
            for x_batch, y_batch in batches:
                train_step(network, optimizer, x_batch, y_batch, epoch=0.0)

    fit()
    return in_turn({"fit": fit, "steps": steps}, budget=0.0, fewest=rounds)
