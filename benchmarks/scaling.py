"""Scaling: how time and memory grow with N, T and H, beside PyTorch, and over a thousand steps; for Linux."""

import argparse
import statistics
from importlib import import_module
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import RECURRENT, TITLES, Case
from benchmarks.measure import apart, medians, memory, reset_peak

LAYER = "gru_after"  # the form that PyTorch has too
BASE = {"N": 32, "T": 64, "D": 16, "H": 64}
LARGEST = {"N": 1024, "T": 1024, "H": 512}
KINDS = ("forward", "return_sequences", "step")
MIB = 2**20


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables and JSON."""
    powers = (4, 2) if options.quick else (6, 4, 2, 0)
    grown = [BASE | {axis: largest // 2**k} for axis, largest in LARGEST.items() for k in powers]
    given = {"seed": options.seed, "budget": options.budget / 4}
    rows: list[Any] = []
    for size in tqdm([",".join(map(str, size.values())) for size in grown], unit="size", desc="scaling"):
        for kind in KINDS:
            call = {"size": size, "kind": kind, **given}
            found = [apart("scaling.measure", options.threads, **call) for _ in range(options.rounds)]
            seconds, used = map(statistics.median, zip(*found, strict=True))
            rows.append({"size": size, "kind": kind, "seconds": seconds, "bytes": used})
    texts = [f"{1e3 * row['seconds']:.2f} ms, {row['bytes'] / MIB:.1f} MiB" for row in rows]
    lines = [[rows[i]["size"], *texts[i : i + len(KINDS)]] for i in range(0, len(rows), len(KINDS))]
    print(f"\n{TITLES[LAYER]}: time and peak memory of a call\n")
    report.table(["N,T,D,H", *KINDS], lines)

    given = {"count": 100 if options.quick else 1000, "seed": options.seed}
    held = {f"growth over {given['count']} steps": apart("scaling.growth", options.threads, **given)}
    for name in ["ours", *(name for name in options.peers if name == "pytorch")]:
        for size in RECURRENT[-2:]:
            call = {"framework": name, "size": size, "seed": options.seed}
            held[f"{name}, {size}"] = apart("scaling.steps_peak", options.threads, **call)
    print(f"\n{TITLES[LAYER]}, peak memory of training steps beyond the imports\n")
    report.table(["", "MiB"], [[name, f"{count / MIB:.2f}"] for name, count in held.items()])
    report.save("scaling", options, {"layer": LAYER, "calls": rows, "steps": held})


def measure(size: str, kind: str, seed: int, budget: float) -> tuple[float, int]:
    """Return the seconds that a call takes, and the bytes it needs beside its input and the weights."""
    from benchmarks.peers.ours import build

    build(Case(LAYER, "2,3,4,5"), seed).step()  # kernels are loaded, and BLAS allocates, once and for all
    built = build(Case(LAYER, size), seed, return_sequences=kind == "return_sequences")
    call = built.step if kind == "step" else built.forward
    np.ones((256, 256), np.float32) @ np.ones((256, 256), np.float32)
    start = reset_peak()
    call()
    call()  # what the first call kept is still there during the second
    used = memory("VmHWM") - start
    return medians({kind: call}, budget)[kind], used


def steps_peak(framework: str, size: str, seed: int) -> int:
    """Return the bytes that a layer, its data and five training steps need beyond the imports."""
    module = import_module(f"benchmarks.peers.{framework}")
    start = reset_peak()
    built = module.build(Case(LAYER, size), seed)
    for _ in range(5):
        built.step()
    return memory("VmHWM") - start


def growth(count: int, seed: int) -> int:
    """Return how many bytes more are held after many training steps than after the first few."""
    from benchmarks.peers.ours import build

    step, held = build(Case(LAYER, "32,28,28,64"), seed).step, []
    for steps in (20, count):
        for _ in range(steps):
            step()
        held.append(memory())
    return held[1] - held[0]
