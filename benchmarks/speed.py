"""Speed: the time of nnfw beside that of each peer, layer by layer and size by size."""

import argparse
import statistics
from collections import defaultdict
from importlib import import_module
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import TITLES, Case, grid
from benchmarks.clock import seconds
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.worker import Failed, apart

SAME = 1e-3  # results that differ by less, relative to their size, are the same


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables, JSON and a chart."""
    peers = {name: PEERS[name] for name in options.peers}
    cases = grid((layer for layer in options.layers if layer in OURS), options.sizes, options.quick)
    rows: list[dict[str, Any]] = []
    with tqdm(total=len(cases) * options.rounds, unit="round", desc="speed") as bar:
        for case in cases:
            bar.set_postfix_str(f"{TITLES[case.layer]} {case.text}")
            times, prints = measure_rounds(case, peers, options, bar)
            rows += [summarize(case, kind, times[kind], prints[kind]) for kind in times]
    for layer, kind in dict.fromkeys((row["layer"], row["kind"]) for row in rows):
        chosen = [row for row in rows if (row["layer"], row["kind"]) == (layer, kind)]
        print(f"\n{TITLES[layer]}, {kind}\n\n{table(chosen, peers)}")
    print("\nA ratio is nnfw's time over the peer's, below 1 where nnfw is faster: median (lowest..highest).")
    report.save("speed", options, rows)
    from benchmarks import charts  # only here: what measures need not load matplotlib

    charts.speed(rows, peers, options.output / "speed.png")


# ---- measuring ------------------------------------------------------------------------------------------


def measure_rounds(
    case: Case, peers: dict[str, Peer], options: argparse.Namespace, bar: "tqdm[Any]"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return times and fingerprints by kind of step and framework; the frameworks take turns."""
    times: dict[str, Any] = defaultdict(lambda: defaultdict(list))
    prints: dict[str, Any] = defaultdict(dict)
    running = {"ours": case.layer} | {
        name: peer.covers[case.layer] for name, peer in peers.items() if case.layer in peer.covers
    }
    for number in range(options.rounds):
        turns = list(running) if number % 2 == 0 else list(reversed(running))
        for name in turns:
            try:
                measured = apart(
                    "speed.measure", options.threads, framework=name, layer=running[name], sizes=case.sizes,
                    seed=options.seed, budget=options.budget,
                )  # fmt: skip
            except Failed as error:
                if name == "ours":
                    raise
                bar.write(f"{peers[name].title} {case.text}: {error}")
                del running[name]
                continue
            for kind, (time, fingerprint) in measured.items():
                times[kind][name].append(time)
                prints[kind][name] = fingerprint if running[name] == case.layer else None
        bar.update()
    return times, prints


def measure(framework: str, layer: str, sizes: list[int], seed: int, budget: float) -> dict[str, Any]:
    """Return for each kind of step its median time, and the fingerprint of what it computes."""
    built = import_module(f"benchmarks.peers.{framework}").build(Case(layer, tuple(sizes)), seed)
    calls = {"forward": built.forward, "step": built.step}
    prints = {kind: fingerprint(call()) for kind, call in calls.items()}
    return {kind: (seconds(call, budget), prints[kind]) for kind, call in calls.items()}


def fingerprint(result: Any) -> tuple[float, float] | None:
    """Return a result's size, and its projection on a fixed random direction: they tell results apart."""
    if result is None:
        return None
    a = np.asarray(result, np.float64).ravel()
    return float(np.linalg.norm(a)), float(a @ np.random.default_rng(0).standard_normal(a.size))


# ---- what it comes to -----------------------------------------------------------------------------------


def summarize(case: Case, kind: str, times: dict[str, list[float]], prints: dict[str, Any]) -> dict[str, Any]:
    """Return a row: the times of all rounds in seconds, the ratios, and how far the results differ."""
    ours = times["ours"]
    ratios = {}
    for name, theirs in times.items():
        if name != "ours" and len(theirs) == len(ours):
            each = [a / b for a, b in zip(ours, theirs, strict=True)]
            ratios[name] = (statistics.median(each), min(each), max(each))
    return {
        "layer": case.layer,
        "sizes": case.text,
        "kind": kind,
        "seconds": times,
        "ratios": ratios,
        "differences": {name: difference(prints["ours"], prints[name]) for name in ratios},
    }


def difference(a: tuple[float, float], b: tuple[float, float] | None) -> float | None:
    """Return how far two results differ relative to their size; None if they are not to be compared."""
    if b is None:
        return None
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) / a[0]


def table(rows: list[dict[str, Any]], peers: dict[str, Peer]) -> str:
    """Return the rows of one layer and kind of step, and the geometric mean of each ratio."""
    names = [name for name in peers if any(name in row["ratios"] for row in rows)]
    own = [f"{1e3 * statistics.median(row['seconds']['ours']):.3g} ms" for row in rows]
    body = [
        [row["sizes"], time, *(cell(row, name) for name in names)]
        for row, time in zip(rows, own, strict=True)
    ]
    middles = [[row["ratios"][name][0] for row in rows if name in row["ratios"]] for name in names]
    body.append(["geometric mean", "", *(f"{geometric_mean(ratios):.2f}" for ratios in middles)])
    form = "N:D-H-K" if rows[0]["layer"] == "dense" else "N,T,D,H"
    return report.table([form, "nnfw", *(f"nnfw / {peers[name].title}" for name in names)], body)


def cell(row: dict[str, Any], name: str) -> str:
    """Return a ratio with its spread; a peer whose result is another one is marked."""
    if name not in row["ratios"]:
        return ""
    middle, low, high = row["ratios"][name]
    mark = "" if (row["differences"][name] or 0) < SAME else " differs!"
    return f"{middle:.2f} ({low:.2f}..{high:.2f}){mark}"


def geometric_mean(values: list[float]) -> float:
    """Return the mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))
