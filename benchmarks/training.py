"""Training: the same network from the same weights on the same batches, in nnfw and in PyTorch."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fashion, overhead, report
from benchmarks.cases import Array
from benchmarks.peers import PEERS
from benchmarks.worker import apart
from nnfw import plots
from nnfw.datasets import load_digits

PUBLISHED = """\
Published for Fashion-MNIST, in the table of its own README (github.com/zalandoresearch/fashion-mnist):
GRU+SVM 0.888, GRU+SVM with dropout 0.897."""


@dataclass(frozen=True)
class Task:
    """What is learnt: by a GRU (reset_after) and a softmax, with Adam on a cosine schedule."""

    name: str
    folder: str
    units: int
    batch_size: int
    epochs: int
    rate: float
    goal: float  # the test accuracy whose time is told


def run(options: argparse.Namespace) -> None:
    """Train, and report it as tables, JSON and pictures of the learning curves."""
    results = [compare(task, options) for task in tasks(options)]
    report.save("training", options, {"tasks": results, "fit": overhead.compare(options)})


def tasks(options: argparse.Namespace) -> Iterator[Task]:
    """Yield what can be learnt here; a quick run takes a short look at the digits alone."""
    epochs = options.epochs or (3 if options.quick else None)
    yield Task("digits", "", units=64, batch_size=32, epochs=epochs or 30, rate=3e-3, goal=0.97)
    if options.quick and options.fashion is None:
        return
    folder = options.fashion or fashion.DEBIAN
    if missing := fashion.missing(folder):
        print(missing)
    else:
        yield Task(
            "fashion", str(folder), units=128, batch_size=128, epochs=epochs or 16, rate=3e-3, goal=0.90
        )


def compare(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """Train in each framework, and report it."""
    print(f"\n{task.name}: GRU({task.units}), batches of {task.batch_size}, {task.epochs} epochs\n")
    titles = {"ours": "nnfw"} | {name: PEERS[name].title for name in options.peers if name == "pytorch"}
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "weights.npz")
        arguments: dict[str, Any] = {"task": asdict(task), "weights": weights, "seed": options.seed}
        apart("training.draw_weights", options.threads, **arguments)
        train_in = partial(apart, "training.train", options.threads, **arguments)
        runs = {name: train_in(framework=name) for name in titles}
    headers = ["", "seconds", "test accuracy", f"seconds to {task.goal}"]
    print(report.table(headers, [row(title, runs[name], task.goal) for name, title in titles.items()]))
    if "pytorch" in runs:
        gap = np.abs(np.subtract(runs["ours"]["loss"], runs["pytorch"]["loss"])).max()
        print(f"\nThe largest difference of the loss in any epoch: {gap:.1e}")
    if task.name == "fashion":
        print(f"\n{PUBLISHED}")
    path = options.output / f"training_{task.name}.png"
    curves = {f"{titles[name]}, {run['seconds'][-1]:.3g} s": run["loss"] for name, run in runs.items()}
    plots.lines(curves, path, ylabel="training loss", title=task.name)
    print(path)
    return {"task": asdict(task), "runs": runs}


def row(title: str, run: dict[str, Any], goal: float) -> list[str]:
    """Return a framework's line of the table."""
    seconds, accuracy = run["seconds"], run["accuracy"]
    reached = [f"{second:.1f}" for second, share in zip(seconds, accuracy, strict=True) if share >= goal]
    return [title, f"{seconds[-1]:.1f}", f"{accuracy[-1]:.4f}", *(reached or "-")[:1]]


# ---- in a process of its own ----------------------------------------------------------------------------


def draw_weights(task: dict[str, Any], weights: str, seed: int) -> None:
    """Write the initial weights to a file."""
    from benchmarks.peers.ours import classifier

    x, y, *_ = read(Task(**task))
    network = classifier(task["units"], x.shape[-1], y.max() + 1, seed)
    np.savez(weights, **dict[str, Any](network.params))


def train(framework: str, task: dict[str, Any], weights: str, seed: int) -> dict[str, list[float]]:
    """Return for each epoch the mean loss, the test accuracy after it, and the seconds of training so far."""
    todo = Task(**task)
    x, y, x_test, y_test = read(todo)
    with np.load(weights) as stored:
        learner = import_module(f"benchmarks.peers.{framework}").Learner(dict(stored), todo.rate, todo.epochs)
    losses, accuracies, times = [], [], []
    for epoch in range(todo.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        batches = np.split(order, range(todo.batch_size, len(x), todo.batch_size))
        start = time.perf_counter()
        total = 0.0
        for number, batch in enumerate(batches):
            total += len(batch) * learner.step(x[batch], y[batch], epoch + number / len(batches))
        times.append(time.perf_counter() - start)
        losses.append(total / len(x))
        accuracies.append(float(np.mean(learner.predict(x_test) == y_test)))
    return {"loss": losses, "accuracy": accuracies, "seconds": list(accumulate(times))}


def read(task: Task) -> list[Array]:
    """Return x, y, x_test and y_test."""
    if task.folder:
        return fashion.load(Path(task.folder))
    (x, y), (x_test, y_test) = load_digits()
    return [x, y, x_test, y_test]
