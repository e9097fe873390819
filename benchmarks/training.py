"""Training: the same network from the same weights on the same batches, in nnfw and in PyTorch."""

import argparse
import time
from importlib import import_module
from itertools import accumulate

import numpy as np

from benchmarks import report
from benchmarks.measure import apart
from benchmarks.peers import PEERS
from nnfw import plots
from nnfw.datasets import load_digits

UNITS, BATCH_SIZE, EPOCHS, RATE = 64, 32, 30, 3e-3


def run(options: argparse.Namespace) -> None:
    """Train on the digits, and report it as a table, JSON and a picture of the learning curves."""
    epochs = options.epochs or (3 if options.quick else EPOCHS)
    titles = {"ours": "nnfw"} | {peer: PEERS[peer].title for peer in options.peers if peer == "pytorch"}
    given = {"epochs": epochs, "seed": options.seed}
    runs = {peer: apart("training.train", options.threads, framework=peer, **given) for peer in titles}
    print(f"\nDigits: GRU({UNITS}) and a softmax, batches of {BATCH_SIZE}, {epochs} epochs\n")
    ends = [(titles[peer], found["seconds"][-1], found["accuracy"][-1]) for peer, found in runs.items()]
    report.table(["", "seconds", "test accuracy"], [[name, f"{s:.1f}", f"{a:.4f}"] for name, s, a in ends])
    if "pytorch" in runs:
        gap = np.abs(np.subtract(runs["ours"]["loss"], runs["pytorch"]["loss"])).max()
        print(f"\nThe largest difference of the loss in any epoch: {gap:.1e}")
    path = options.output / "training_digits.png"
    curves = {titles[peer]: found["loss"] for peer, found in runs.items()}
    plots.lines(curves, path, ylabel="training loss", title="digits")
    report.save("training", options, runs)


def train(framework: str, epochs: int, seed: int) -> dict[str, list[float]]:
    """Return for each epoch the mean loss, the test accuracy after it, and the seconds of training so far."""
    from benchmarks.peers.ours import classifier

    (x, y), (x_test, y_test) = load_digits()
    network = classifier(UNITS, x.shape[-1], 10, seed, RATE, epochs)
    step, predict = import_module(f"benchmarks.peers.{framework}").learner(network)
    losses, accuracies, times = [], [], []
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        batches = np.split(order, range(BATCH_SIZE, len(x), BATCH_SIZE))
        start, total = time.perf_counter(), 0.0
        for number, batch in enumerate(batches):
            total += len(batch) * step(x[batch], y[batch], epoch + number / len(batches))
        times.append(time.perf_counter() - start)
        losses.append(total / len(x))
        accuracies.append(float(np.mean(predict(x_test) == y_test)))
    return {"loss": losses, "accuracy": accuracies, "seconds": list(accumulate(times))}
