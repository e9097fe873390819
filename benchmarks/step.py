"""Step: through how many files, functions and calls of nnfw one training step passes."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import nnfw
from benchmarks import report
from benchmarks.measure import apart
from benchmarks.peers.ours import model
from nnfw.datasets import load_digits
from nnfw.training.loop import train_step

PACKAGE = Path(nnfw.__file__).parent


def run(options: argparse.Namespace) -> None:
    """Count, and report it as a table and JSON."""
    counts = apart("step.measure", 1, kernels="numpy", seed=options.seed)
    print(f"\nGRU(64), Dense(10, softmax) on digits: cce, Adam, accuracy, bar\n\n{table(counts)}")
    print(f"\nThe files, as they are entered: {', '.join(counts['files'])}")
    report.save("step", options, counts)


def table(counts: dict[str, Any]) -> str:
    """Return the counts as a table."""
    numbers = len(counts["files"]), counts["functions"], counts["calls"]
    return report.table(["", "files", "functions", "calls"], [["training step", *map(str, numbers)]])


def measure(seed: int) -> dict[str, Any]:
    """Return the files, in order, and the numbers of functions and calls of a step that is not the first."""
    (x, y), _ = load_digits()
    network = model("digits", seed)
    calls = watch(lambda: network.fit(x[:96], y[:96], batch_size=32, verbose=1))[-1]
    files = dict.fromkeys(Path(code.co_filename).relative_to(PACKAGE).as_posix() for code in calls)
    functions = {(code.co_filename, code.co_qualname) for code in calls}
    return {"files": list(files), "functions": len(functions), "calls": len(calls)}


def watch(call: Callable[[], Any]) -> list[list[CodeType]]:
    """Return the code of every call into nnfw within each training step."""
    steps: list[list[CodeType]] = []
    step: FrameType | None = None

    def note(frame, event, _):
        nonlocal step
        code = frame.f_code
        if event == "return" and frame is step:
            step = None
        elif event == "call" and PACKAGE in Path(code.co_filename).parents:
            if code is train_step.__code__:
                step = frame
                steps.append([])
            if step is not None:
                steps[-1].append(code)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return steps
