"""Speed: the time of nnfw, with either kernels, over that of each peer, layer by layer and size by size."""

import argparse
import statistics
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import RECURRENT, TITLES, Case, grid
from benchmarks.measure import in_rounds, median, spread
from benchmarks.peers import KERNELS, PEERS, Peer

SAME = 1e-3  # results that differ by less, relative to their size, are the same
KINDS = {"step": "training step", "forward": "inference"}
WIDE = RECURRENT[3:]  # 128 units or more
Row = dict[str, Any]


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables and JSON."""
    peers = {name: PEERS[name] for name in ("ours", *options.peers)}
    if options.before:
        peers["before"] = PEERS["ours"]._replace(title="nnfw before")
    rows: list[Row] = []
    grids = {layer: grid(layer, options.sizes, options.quick) for layer in options.layers}
    for layer in tqdm([layer for layer, sizes in grids.items() if sizes], unit="layer", desc="speed"):
        rows += measure_rounds(layer, grids[layer], peers, options)
    for layer, kind, own in dict.fromkeys((row["layer"], row["kind"], row["own"]) for row in rows):
        chosen = [row for row in rows if (row["layer"], row["kind"], row["own"]) == (layer, kind, own)]
        print(f"\n{TITLES[layer]}, {KINDS[kind]}, {KERNELS[own]} kernels\n\n{table(chosen, peers)}")
    print("\nA ratio is nnfw's time over the peer's, below 1 where nnfw is faster: median (lowest..highest).")
    report.save("speed", options, rows)


def measure_rounds(layer: str, sizes: list[str], peers: dict[str, Peer], options: Any) -> list[Row]:
    """Return a row for each kind of step, size and kernels of nnfw."""
    running = {name: peer.covers[layer] for name, peer in peers.items() if layer in peer.covers}
    given = {"sizes": sizes, "seed": options.seed, "budget": options.budget}
    runs: dict[str, dict[str, Any]] = {}
    for name, form in running.items():
        module = "ours" if name in KERNELS or name == "before" else name
        runs[name] = {"framework": module, "layer": form, "kernels": KERNELS.get(name, "numpy"), **given}
    if "before" in runs:
        runs["before"]["folder"] = options.before
    rounds = in_rounds("speed.measure", runs, options.rounds, options.threads)
    rows: list[Row] = []
    for kind, size, own in product(KINDS, sizes, [name for name in KERNELS if name in rounds]):
        times = {name: [one[size][kind][0] for one in some] for name, some in rounds.items()}
        prints = {n: s[-1][size][kind][1] if running[n] == layer else None for n, s in rounds.items()}
        rows.append({"layer": layer, "sizes": size, "kind": kind} | summarize(times, prints, own))
    return rows


def measure(framework: str, layer: str, sizes: list[str], seed: int, budget: float) -> dict[str, Any]:
    """Return for each size and kind of step its median time, and the fingerprint of what it computes."""
    build = import_module(f"benchmarks.peers.{framework}").build
    results: dict[str, Any] = {}
    for size in sizes:
        built = build(Case(layer, size), seed)
        calls = {kind: getattr(built, kind) for kind in KINDS}
        prints = {kind: fingerprint(call()) for kind, call in calls.items()}
        results[size] = {k: (median(call, budget), prints[k]) for k, call in calls.items()}
    return results


def fingerprint(result: Any) -> tuple[float, float] | None:
    """Return a result's size and its projection on a fixed random direction, which tell results apart."""
    if result is None:
        return None
    a = np.asarray(result, np.float64).ravel()
    return float(np.linalg.norm(a)), float(a @ np.random.default_rng(0).standard_normal(a.size))


def difference(a: tuple[float, float], b: tuple[float, float] | None) -> float | None:
    """Return how far two results differ relative to their size; None if they are not to be compared."""
    return None if b is None else max(abs(a[0] - b[0]), abs(a[1] - b[1])) / a[0]


def summarize(times: dict[str, list[float]], prints: dict[str, Any], own: str) -> Row:
    """Return the times of all rounds in seconds, the ratios of one of `KERNELS`, and how results differ."""
    others = [name for name in times if name not in KERNELS]
    ratios = {name: spread(times[own], times[name]) for name in others}
    differences = {name: difference(prints[own], prints[name]) for name in others}
    return {"own": own, "seconds": times, "ratios": ratios, "differences": differences}


def table(rows: list[Row], peers: dict[str, Peer]) -> str:
    """Return the rows of one layer and kind of step as a table, and the geometric mean of each ratio."""
    names = [name for name in peers if name in rows[0]["ratios"]]
    times = [f"{1e3 * statistics.median(row['seconds'][row['own']]):.3g} ms" for row in rows]
    body = [[r["sizes"], t, *(cell(r, name) for name in names)] for r, t in zip(rows, times, strict=True)]
    middles = [statistics.geometric_mean(row["ratios"][name][0] for row in rows) for name in names]
    body.append(["geometric mean", "", *(f"{middle:.2f}" for middle in middles)])
    form = "N:D-H-K" if ":" in rows[0]["sizes"] else "N,T,D,H"
    return report.table([form, "nnfw", *(f"nnfw / {peers[name].title}" for name in names)], body)


def cell(row: Row, name: str) -> str:
    """Return a ratio with its spread; a peer whose result differs is marked."""
    mark = "" if (row["differences"][name] or 0) < SAME else " differs!"
    return report.ratio(*row["ratios"][name]) + mark


def means(rows: list[Row]) -> str:
    """Return the geometric means over the sizes, and from .. to, as a table of all layers."""
    columns = {
        "nnfw / PyTorch": ("ours", "pytorch"),
        "nnfw[fast] / PyTorch": ("fast", "pytorch"),
        "nnfw / JAX": ("ours", "jax"),
        "nnfw[fast] / JAX": ("fast", "jax"),
        "nnfw[fast] / its products, H ≥ 128": ("fast", "floor"),
    }
    body = []
    for kind, layer in product(KINDS, dict.fromkeys(row["layer"] for row in rows)):
        chosen = [row for row in rows if (row["kind"], row["layer"]) == (kind, layer)]
        cells = [mean(chosen, own, name) for own, name in columns.values()]
        body.append([f"{TITLES[layer]}, {KINDS[kind]}", *cells])
    return report.table(["", *columns], body)


def mean(rows: list[Row], own: str, name: str) -> str:
    """Return the mean of a layer's ratios; beside the floor, the products alone, of wide layers only."""
    ratios = [row["ratios"][name][0] for row in rows if row["own"] == own and name in row["ratios"]
              and (name != "floor" or row["sizes"] in WIDE)]  # fmt: skip
    return report.ratio(statistics.geometric_mean(ratios), min(ratios), max(ratios)) if ratios else "-"
