"""Speed: the time of nnfw, with either kernels, over that of each peer, layer by layer and size by size."""

import argparse
import statistics
from collections import defaultdict
from importlib import import_module
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import TITLES, Case, grid
from benchmarks.measure import ROOT, Failed, apart, medians, spread
from benchmarks.peers import ALL, PEERS, Peer

SAME = 1e-3  # results that differ by less, relative to their size, are the same
OWN = {"ours": "numpy", "fast": "compiled"}  # nnfw, by its kernels


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables, JSON and a chart."""
    peers = {name: PEERS[name] for name in options.peers}
    if options.before:
        peers["before"] = Peer("nnfw before", ("numpy",), "", ALL)
    rows: list[dict[str, Any]] = []
    for case in tqdm(grid(options.layers, options.sizes, options.quick), unit="size", desc="speed"):
        rows += measure_rounds(case, peers, options)
    for shown in dict.fromkeys(map(heading, rows)):
        print(f"\n{shown}\n")
        print_table([row for row in rows if heading(row) == shown], peers)
    print("\nA ratio is nnfw's time over the peer's, below 1 where nnfw is faster: median (lowest..highest).")
    report.save("speed", options, rows)
    from benchmarks import charts  # only here: a measurement need not load matplotlib

    charts.speed(rows, peers, options.output / "speed.png")


def measure_rounds(case: Case, peers: dict[str, Peer], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each kind of step; the frameworks take turns."""
    times: dict[str, Any] = defaultdict(lambda: defaultdict(list))
    prints: dict[str, Any] = defaultdict(dict)
    running = {"ours": case.layer}
    running |= {name: peer.covers[case.layer] for name, peer in peers.items() if case.layer in peer.covers}
    for number in range(options.rounds):
        for name in list(running) if number % 2 == 0 else list(reversed(running)):
            folder = options.before if name == "before" else ROOT
            module = "ours" if name in ("fast", "before") else name
            given = {"case": (running[name], case.text), "seed": options.seed, "budget": options.budget}
            given |= {"framework": module, "kernels": OWN.get(name, "numpy")}
            try:
                measured = apart("speed.measure", options.threads, folder, **given)
            except Failed as error:
                if name == "ours":
                    raise
                tqdm.write(f"{peers[name].title} {case.text}: {error}")
                del running[name]
                continue
            for kind, (time, fingerprint) in measured.items():
                times[kind][name].append(time)
                prints[kind][name] = fingerprint if running[name] == case.layer else None
    own = [name for name in OWN if name in running]
    return [summarize(case, kind, times[kind], prints[kind], name) for kind in times for name in own]


def measure(framework: str, case: tuple[str, str], seed: int, budget: float) -> dict[str, Any]:
    """Return for each kind of step its median time, and the fingerprint of what it computes."""
    built = import_module(f"benchmarks.peers.{framework}").build(Case(*case), seed)
    calls = {"forward": built.forward, "step": built.step}
    prints = {kind: fingerprint(call()) for kind, call in calls.items()}
    return {kind: (medians({kind: call}, budget)[kind], prints[kind]) for kind, call in calls.items()}


def fingerprint(result: Any) -> tuple[float, float] | None:
    """Return a result's size and its projection on a fixed random direction, which tell results apart."""
    if result is None:
        return None
    a = np.asarray(result, np.float64).ravel()
    return float(np.linalg.norm(a)), float(a @ np.random.default_rng(0).standard_normal(a.size))


def difference(a: tuple[float, float], b: tuple[float, float] | None) -> float | None:
    """Return how far two results differ relative to their size; None if they are not to be compared."""
    return None if b is None else max(abs(a[0] - b[0]), abs(a[1] - b[1])) / a[0]


def summarize(
    case: Case, kind: str, times: dict[str, list[float]], prints: dict[str, Any], own: str
) -> dict[str, Any]:
    """Return the times of all rounds in seconds, the ratios of one of `OWN`, and how results differ."""
    ours = times[own]
    others = [name for name, theirs in times.items() if name not in OWN and len(theirs) == len(ours)]
    ratios = {name: spread(ours, times[name]) for name in others}
    differences = {name: difference(prints[own], prints[name]) for name in others}
    row = {"layer": case.layer, "sizes": case.text, "kind": kind, "own": own, "seconds": times}
    return row | {"ratios": ratios, "differences": differences}


def heading(row: dict[str, Any]) -> str:
    """Return what stands above the table of a row."""
    return f"{TITLES[row['layer']]}, {row['kind']}, {OWN[row['own']]} kernels"


def print_table(rows: list[dict[str, Any]], peers: dict[str, Peer]) -> None:
    """Print the rows of one layer and kind of step, and the geometric mean of each ratio."""
    names = [name for name in peers if any(name in row["ratios"] for row in rows)]
    middles = [[row["ratios"][name][0] for row in rows if name in row["ratios"]] for name in names]
    times = [f"{1e3 * statistics.median(row['seconds'][row['own']]):.3g} ms" for row in rows]
    body = [[r["sizes"], t, *(cell(r, name) for name in names)] for r, t in zip(rows, times, strict=True)]
    body.append(["geometric mean", "", *(f"{statistics.geometric_mean(ratios):.2f}" for ratios in middles)])
    form = "N:D-H-K" if rows[0]["layer"] == "dense" else "N,T,D,H"
    report.table([form, "nnfw", *(f"nnfw / {peers[name].title}" for name in names)], body)


def cell(row: dict[str, Any], name: str) -> str:
    """Return a ratio with its spread; a peer whose result differs is marked."""
    if name not in row["ratios"]:
        return ""
    mark = "" if (row["differences"][name] or 0) < SAME else " differs!"
    return report.ratio(*row["ratios"][name]) + mark
