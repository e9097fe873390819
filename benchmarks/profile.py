"""Profile: where the time of a training step goes."""

import argparse
from typing import Any

from tqdm import tqdm

from benchmarks import report
from benchmarks.cases import TITLES, Case, grid
from benchmarks.measure import apart, medians

NOTE = "products: matrix products alone. calls: the same calls on next to no data. update: Adam."


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as tables and JSON."""
    rows: list[Any] = []
    for case in tqdm(grid(options.layers, options.sizes, options.quick), unit="case", desc="profile"):
        given = {"case": case, "seed": options.seed, "budget": options.rounds * options.budget}
        times = apart("profile.measure", options.threads, **given)
        rows.append({"layer": case.layer, "sizes": case.text, "seconds": times})
    for layer in dict.fromkeys(row["layer"] for row in rows):
        chosen = [row for row in rows if row["layer"] == layer]
        print(f"\n{TITLES[layer]}: the parts of a training step, as shares of the whole\n")
        report.table(["", *chosen[0]["seconds"]], map(shares, chosen))
    print(f"\n{NOTE}")
    report.save("profile", options, rows)


def shares(row: dict[str, Any]) -> list[str]:
    """Return a row of the table."""
    whole, *parts = row["seconds"].values()
    return [row["sizes"], f"{1e3 * whole:.3g} ms", *(f"{part / whole:.2f}" for part in parts)]


def measure(case: tuple[str, str], seed: int, budget: float) -> dict[str, float]:
    """Return the median seconds of a training step and of its parts."""
    from benchmarks.peers import floor, ours

    whole = ours.build(Case(*case), seed)
    _, T, *others = Case(*case).sizes
    tiny = f"1:2{len(others) * '-2'}" if case[0] == "dense" else f"1,{T},2,2"
    calls = {
        "step": whole.step,
        "products": floor.build(Case(*case), seed).step,
        "calls": ours.build(Case(case[0], tiny), seed).step,
    }
    if case[0] == "dense":
        calls["update"] = lambda: whole.model.update(whole.model.optimizer, 0.0)
    return medians(calls, budget)
