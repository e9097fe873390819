"""Profile: where the time of a training step goes, and so what is left to win."""

import argparse
import statistics
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import TITLES, Array, Case, grid
from benchmarks.clock import FEWEST, in_turn
from benchmarks.peers import floor, ours
from benchmarks.worker import apart

RECURRENT = ("products", "elementwise", "calls")
DENSE = ("forward", "loss", "backward", "gradients", "update")


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables and JSON."""
    cases = grid(options.layers, options.sizes, options.quick)
    rows = []
    for case in tqdm(cases, unit="case", desc="profile"):
        times = apart(
            "profile.measure", options.threads, layer=case.layer, sizes=case.sizes,
            seed=options.seed, budget=options.rounds * options.budget,
        )  # fmt: skip
        rows.append({"layer": case.layer, "sizes": case.text, "seconds": times})
    for layer in dict.fromkeys(case.layer for case in cases):
        parts = DENSE if layer == "dense" else RECURRENT
        chosen = [row for row in rows if row["layer"] == layer]
        print(f"\n{TITLES[layer]}: the parts of a training step, as shares of the whole\n")
        print(report.table(["", "step", *parts], [shares(row, parts) for row in chosen]))
    print(
        "\nproducts: the matrix products alone, in NumPy. elementwise: all but the products. calls: the same "
        "calls\non next to no data. Each was timed by itself, so they need not add up to 1."
    )
    report.save("profile", options, rows)


def shares(row: dict[str, Any], parts: tuple[str, ...]) -> list[str]:
    """Return a row of the table."""
    times = row["seconds"]
    return [row["sizes"], f"{1e3 * times['step']:.3g} ms"] + [
        f"{times[part] / times['step']:.2f}" for part in parts
    ]


def measure(layer: str, sizes: list[int], seed: int, budget: float) -> dict[str, float]:
    """Return the median seconds of a training step and of its parts."""
    case = Case(layer, tuple(sizes))
    return measure_dense(case, seed, budget) if layer == "dense" else measure_recurrent(case, seed, budget)


def measure_recurrent(case: Case, seed: int, budget: float) -> dict[str, float]:
    """Return those of the whole step, of its products, of all but these, and of its calls."""
    _, T, _, _ = case.sizes
    whole, less = ours.Recurrent(case, seed), ours.Recurrent(case, seed)
    less.layer._needs_dx = False  # that product is an operator, which nothing can stand in for
    least = ours.Recurrent(Case(case.layer, (1, T, 2, 2)), seed)
    return medians(
        {
            "step": whole.step,
            "products": floor.build(case, seed).step,
            "elementwise": lambda: without_products(less.step),
            "calls": least.step,
        },
        budget,
    )


def without_products(step: Callable[[], Any]) -> None:
    """Take a step in which every matrix product is 0, and costs no more than to write that."""

    def zero(a: Array, b: Array, out: Array) -> Array:
        out.fill(0.0)
        return out

    with patch("numpy.dot", zero), patch("numpy.matmul", zero):
        step()


def measure_dense(case: Case, seed: int, budget: float) -> dict[str, float]:
    """Return those of the whole step, and of its passes one by one."""
    chain = ours.Sequential(case, seed)
    network, x, y = chain.network, chain.x, chain.y
    a = dy = np.empty(0)

    def forward() -> None:
        nonlocal a
        a = network.forward(x, training=True)

    def loss() -> None:
        nonlocal dy
        network.loss(y, a)
        dy = network.loss.gradient(y, a)

    return medians(
        {
            "step": chain.step,
            "forward": forward,
            "loss": loss,
            "backward": lambda: network.backward(dy),
            "gradients": network.gradients,
            "update": lambda: network.update(chain.optimizer, 0.0),
        },
        budget,
    )


def medians(calls: dict[str, Callable[[], Any]], budget: float) -> dict[str, float]:
    """Return the median time of each call, after a warm-up."""
    in_turn(calls, budget / 4, 2)
    return {name: statistics.median(times) for name, times in in_turn(calls, budget, FEWEST).items()}
