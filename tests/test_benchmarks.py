"""The benchmarks: that they run, that all frameworks compute the same, and that a slip would be seen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the benchmarks are run from the root, not installed

from benchmarks.cases import Case  # noqa: E402
from benchmarks.peers import OURS  # noqa: E402

SMALL = {layer: Case(layer, (2, 5, 3, 7)) for layer in OURS} | {"dense": Case("dense", (4, 5, 7, 3))}


def run(*arguments):
    """Run ``python -m benchmarks`` as a user does, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_speed_prints_tables_and_writes_json_and_a_chart(tmp_path):
    said = run(
        "speed", "--peers", "floor", "--layers", "dense", "gru", "--sizes", "2,3,4,5", "2:4-3", "--rounds", 2,
        "--budget", 0.001, "--threads", 1, "--output", tmp_path,
    )  # fmt: skip
    assert "| 2,3,4,5 " in said
    assert "| 2:4-3 " in said
    assert "nnfw / floor" in said
    assert (tmp_path / "speed.png").stat().st_size > 10_000
    record = json.loads((tmp_path / "speed.json").read_text())
    assert {"cpu", "cores", "blas", "date", "versions"} <= record["machine"].keys()
    assert [(row["layer"], row["kind"]) for row in record["results"]] == [
        ("dense", "forward"), ("dense", "step"), ("gru", "forward"), ("gru", "step"),
    ]  # fmt: skip
    for row in record["results"]:
        assert len(row["seconds"]["ours"]) == len(row["seconds"]["floor"]) == 2
        each = [a / b for a, b in zip(row["seconds"]["ours"], row["seconds"]["floor"], strict=True)]
        assert row["ratios"]["floor"] == pytest.approx([sum(each) / 2, min(each), max(each)])
