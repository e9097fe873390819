"""Speed: training step and inference of each layer, over a grid of sizes, compared with each framework."""

from importlib import import_module
from itertools import product
from statistics import geometric_mean, median

import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.measure import seconds
from benchmarks.plan import KERNELS, PEERS, RECURRENT, TITLES, Case, grid, in_rounds

SAME = 1e-3  # results with a smaller relative difference are the same
KINDS = {"step": "training step", "forward": "inference"}
WIDE = RECURRENT[3:]  # 128 units or more
COLUMNS = [("ours", "pytorch"), ("fast", "pytorch"), ("ours", "jax"), ("fast", "jax"), ("fast", "floor")]
BARS = [(layer, kind) for kind in KINDS for layer in ("gru", "rnn", "lstm", "dense")]


def run(options) -> list[dict]:
    """Measure, and print a table for each layer, kind of step and choice of kernels."""
    rows = []
    for layer in tqdm(options.layers, unit="layer", desc="speed"):
        if sizes := grid(layer, options.sizes, options.quick):
            rows += measure_rounds(layer, sizes, options)
    for layer, kind, own in product(options.layers, KINDS, KERNELS):
        if chosen := pick(rows, layer=layer, kind=kind, own=own):
            print(f"\n{TITLES[layer]}, {KINDS[kind]}, {KERNELS[own]} kernels\n\n{sizes_table(chosen)}")
    print("\nA ratio is nnfw's time over the peer's, below 1 where nnfw is faster: median (lowest..highest).")
    return rows


def measure_rounds(layer: str, sizes: list[str], options) -> list[dict]:
    """Return a row for each kind of step, size and choice of kernels."""
    given = {"sizes": sizes, "seed": options.seed, "budget": options.budget}
    rounds = in_rounds("speed.measure", layer, options, threads=options.threads, **given)
    alike = [name for name in rounds if PEERS[name].covers[layer] == layer]
    rows = []
    for kind, size, own in product(KINDS, sizes, [name for name in KERNELS if name in rounds]):
        times = {name: [one[size][kind][0] for one in some] for name, some in rounds.items()}
        prints = {name: rounds[name][-1][size][kind][1] for name in alike}
        rows.append({"layer": layer, "sizes": size, "kind": kind} | summarize(times, prints, own))
    return rows


def measure(framework: str, work: str, sizes: list[str], seed: int, budget: float) -> dict:
    """Return the median time and a fingerprint of the result, for each size and kind of step."""
    build = import_module(f"benchmarks.peers.{framework}").build
    results = {}
    for size in sizes:
        calls = build(Case(work, size), seed)._asdict()
        prints = {kind: fingerprint(calls[kind]()) for kind in KINDS}
        results[size] = {kind: (seconds(calls[kind], budget), prints[kind]) for kind in KINDS}
    return results


def fingerprint(result) -> tuple[float, float] | None:
    """Return the norm of a result and its projection on a fixed random direction, which identify it."""
    if result is None:
        return None
    a = np.asarray(result, np.float64).ravel()
    return float(np.linalg.norm(a)), float(a @ np.random.default_rng(0).standard_normal(a.size))


def difference(a: tuple[float, float], b: tuple[float, float] | None) -> float | None:
    """Return the relative difference of two results; None if they are not to be compared."""
    return None if b is None else max(abs(a[0] - b[0]), abs(a[1] - b[1])) / a[0]


def summarize(times: dict[str, list[float]], prints: dict, own: str) -> dict:
    """Return the times of all rounds in seconds, the ratios of one of `KERNELS`, and the differences."""
    others = [name for name in times if name not in KERNELS]
    ratios = {name: report.spread(times[own], times[name]) for name in others}
    differences = {name: difference(prints[own], prints.get(name)) for name in others}
    return {"own": own, "seconds": times, "ratios": ratios, "differences": differences}


def sizes_table(rows: list[dict]) -> str:
    """Return the ratios of one layer and kind of step; a peer whose result differs is marked."""
    form = "N:D-H-K" if ":" in rows[0]["sizes"] else "N,T,D,H"
    last, lines = {form: "geometric mean", "nnfw": ""}, []
    for row in rows:
        lines.append({form: row["sizes"], "nnfw": f"{1e3 * median(row['seconds'][row['own']]):.3g} ms"})
        for name, found in row["ratios"].items():
            mark = "" if (row["differences"][name] or 0) < SAME else " differs!"
            lines[-1][f"nnfw / {PEERS[name].title}"] = report.RATIO.format(*found) + mark
            last[f"nnfw / {PEERS[name].title}"] = f"{mean(rows, name)[0]:.2f}"
    return report.table([*lines, last])


def table(rows: list[dict]) -> str:
    """Return the geometric means over the sizes, with their ranges, as a table of all layers."""
    lines = []
    for kind, layer in product(KINDS, dict.fromkeys(row["layer"] for row in rows)):
        line = {"": f"{TITLES[layer]}, {KINDS[kind]}"}
        for own, name in COLUMNS:
            title = "its products, H ≥ 128" if name == "floor" else PEERS[name].title
            chosen = [row for row in pick(rows, layer=layer, kind=kind, own=own) if name in row["ratios"]]
            wide = [row for row in chosen if name != "floor" or row["sizes"] in WIDE]
            line[f"{PEERS[own].title} / {title}"] = report.RATIO.format(*mean(wide, name)) if wide else "-"
        lines.append(line)
    return report.table(lines)


def draw(axes, rows: list[dict]) -> None:
    """Plot the geometric means over the sizes, compared with PyTorch."""
    y = np.arange(len(BARS))
    for own, shift in zip(KERNELS, (-0.19, 0.19), strict=True):
        means = [mean(pick(rows, layer=layer, kind=kind, own=own), "pytorch")[0] for layer, kind in BARS]
        bars = axes.barh(y + shift, means, 0.36, color=report.OWN[own], label=PEERS[own].title)
        axes.bar_label(bars, fmt="%.2f", **report.LABEL)
    axes.axvline(1, color=report.COLOURS[1], label="PyTorch", zorder=0.9)
    axes.set_yticks(y, [f"{TITLES[layer]}, {KINDS[kind]}" for layer, kind in BARS])
    axes.invert_yaxis()
    axes.set(xlabel="time over PyTorch's: shorter is faster", title="One layer, one core", xmargin=0.1)
    axes.legend()


def pick(rows: list[dict], **wanted: str) -> list[dict]:
    """Return the rows that have these values."""
    return [row for row in rows if wanted.items() <= row.items()]


def mean(rows: list[dict], name: str) -> tuple[float, float, float]:
    """Return the geometric mean, the lowest and the highest of the ratios to a peer."""
    ratios = [row["ratios"][name][0] for row in rows]
    return geometric_mean(ratios), min(ratios), max(ratios)
