"""Scaling: how time and memory grow with N, T and H, and that memory does not grow from step to step."""

import argparse
import statistics
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import memory, report
from benchmarks.cases import RECURRENT_SIZES, TITLES, Case
from benchmarks.clock import seconds
from benchmarks.peers import PEERS
from benchmarks.worker import apart

LAYER = "gru_after"  # the form that PyTorch has too
BASE = {"N": 32, "T": 64, "D": 16, "H": 64}
POWERS = {"N": range(4, 11), "T": range(4, 11), "H": range(4, 10)}  # of 2
KINDS = ("forward", "forward, return_sequences", "step")
LARGEST = RECURRENT_SIZES[-2:]
STEADY = (32, 28, 28, 64)  # where growth from step to step is looked for
MIB = 2**20

Curve = dict[str, Any]


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables, JSON and a chart."""
    curves = grow(options)
    base = ", ".join(f"{axis} = {size}" for axis, size in BASE.items())
    print(f"\n{TITLES[LAYER]} at {base}, one of them growing; exponents fitted to the upper half\n")
    print(report.table(["", "time", "peak memory", "memory from", "to"], map(exponent_row, curves)))

    beside = [name for name in options.peers if name == "pytorch"]
    steps = step_memory(beside, options)
    print(f"\n{TITLES[LAYER]}, peak memory of training steps beyond the imports\n")
    print(report.table(["N,T,D,H", "nnfw", *(PEERS[name].title for name in beside)], map(memory_row, steps)))

    count = 100 if options.quick else 1000
    more = apart("scaling.growth", options.threads, seed=options.seed, count=count)
    print(f"\nMemory held after {count} more training steps: {more / MIB:+.2f} MiB")

    results = {"layer": LAYER, "base": BASE, "curves": curves, "steps": steps, "growth": [count, more]}
    report.save("scaling", options, results)
    from benchmarks import charts  # only here: what measures need not load matplotlib

    charts.scaling(curves, options.output / "scaling.png")


# ---- growing sizes --------------------------------------------------------------------------------------


def grow(options: argparse.Namespace) -> list[Curve]:
    """Return a curve for each axis and kind of step: the sizes, the seconds, the bytes, their exponents."""
    curves = []
    with tqdm(total=len(POWERS) * len(KINDS), unit="curve", desc="scaling") as bar:
        for axis, powers in POWERS.items():
            values = [2**power for power in (powers[:4] if options.quick else powers)]
            for kind in KINDS:
                bar.set_postfix_str(f"{kind}, {axis} to {values[-1]}")
                points = [measure_rounds(BASE | {axis: value}, kind, options) for value in values]
                curve = {name: [point[name] for point in points] for name in ("seconds", "bytes")}
                exponents = {name: exponent(values, measured) for name, measured in curve.items()}
                curves.append({"axis": axis, "kind": kind, "sizes": values, **curve, "exponents": exponents})
                bar.update()
    return curves


def measure_rounds(sizes: dict[str, int], kind: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the medians of all rounds."""
    measured = partial(
        apart, "scaling.measure", options.threads, seed=options.seed, budget=options.budget / 4
    )
    rounds = [measured(sizes=list(sizes.values()), kind=kind) for _ in range(options.rounds)]
    return {name: statistics.median(point[name] for point in rounds) for name in ("seconds", "bytes")}


def measure(sizes: list[int], kind: str, seed: int, budget: float) -> dict[str, float]:
    """Return the seconds that a call takes, and the bytes that it needs beside its input and the weights."""
    from benchmarks.peers.ours import Recurrent

    built = Recurrent(Case(LAYER, tuple(sizes)), seed, return_sequences="sequences" in kind)
    call = built.step if kind == "step" else built.forward
    np.ones((256, 256), np.float32) @ np.ones((256, 256), np.float32)  # BLAS allocates once and for all
    start = memory.reset_peak()
    call()
    call()  # what the first one kept lives on during the second
    used = memory.peak() - start
    return {"seconds": seconds(call, budget), "bytes": used}


def exponent(sizes: list[int], measured: list[float]) -> float:
    """Return the power with which the upper half grows, by least squares on logarithms."""
    half = len(sizes) // 2
    slope, _ = np.polyfit(np.log(sizes[half:]), np.log(measured[half:]), 1)
    return round(float(slope), 2) + 0.0  # not -0.0


def exponent_row(curve: Curve) -> list[str]:
    """Return a curve's line of the table."""
    axis, exponents, used = curve["axis"], curve["exponents"], curve["bytes"]
    growth = [f"{axis}^{exponents[name]:.2f}" for name in ("seconds", "bytes")]
    return [f"{curve['kind']}, {axis}", *growth, f"{used[0] / MIB:.1f} MiB", f"{used[-1] / MIB:.1f} MiB"]


# ---- memory of training steps ---------------------------------------------------------------------------


def step_memory(peers: list[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return for the largest sizes the peak memory of each framework."""
    measured = partial(apart, "scaling.measure_steps", options.threads, seed=options.seed)
    return [
        {
            "sizes": Case(LAYER, sizes).text,
            "bytes": {name: measured(framework=name, sizes=sizes) for name in ("ours", *peers)},
        }
        for sizes in LARGEST
    ]


def measure_steps(framework: str, sizes: list[int], seed: int) -> int:
    """Return the bytes that a layer, its data and five training steps need beyond the imports."""
    module = import_module(f"benchmarks.peers.{framework}")
    start = memory.reset_peak()
    built = module.build(Case(LAYER, tuple(sizes)), seed)
    for _ in range(5):
        built.step()
    return memory.peak() - start


def growth(seed: int, count: int) -> int:
    """Return how many bytes more are held after many training steps than after the first few."""
    from benchmarks.peers.ours import Recurrent

    built = Recurrent(Case(LAYER, STEADY), seed)
    for _ in range(20):
        built.step()
    start = memory.held()
    for _ in range(count):
        built.step()
    return memory.held() - start


def memory_row(step: dict[str, Any]) -> list[str]:
    """Return a size's line of the table."""
    return [step["sizes"], *(f"{count / MIB:.1f} MiB" for count in step["bytes"].values())]
