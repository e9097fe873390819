"""What all benchmarks report with: tables that align, and JSON that says what it was measured on."""

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table that is aligned in a terminal too; the first column to the left."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        f"| {first.ljust(widths[0])} | {' | '.join(map(str.rjust, others, widths[1:]))} |"
        for first, *others in (headers, rule, *rows)
    )


def save(name: str, options: argparse.Namespace, results: Any) -> None:
    """Write the results, with what they were measured on and how, to ``name.json``."""
    settings = {key: getattr(options, key) for key in ("quick", "rounds", "budget", "threads", "seed")}
    record = {
        "benchmark": name,
        "machine": options.machine,
        "settings": settings,
        "results": results,
    }
    path = options.output / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n{path}")
