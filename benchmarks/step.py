"""Step: through how many files, functions and calls of nnfw one training step passes, and a whole `fit`."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import nnfw
from benchmarks import report
from benchmarks.measure import apart
from nnfw import GRU, Adam, Dense, Network
from nnfw.datasets import load_digits

PACKAGE = Path(nnfw.__file__).parent
STEP = re.compile(r"/training(/loop)?\.py:(\w+_)?step$")  # file and name of the function that takes one step


def run(options: argparse.Namespace) -> None:
    """Count, and report it as a table and JSON."""
    counts = apart("step.measure", 1, seed=options.seed)
    print("\nGRU(64), Dense(10, softmax) on digits: cce, Adam, accuracy, bar; batches of 32, T = 8\n")
    rows = [[name, *map(str, numbers)] for name, (_, *numbers) in counts.items()]
    report.table(["", "files", "functions", "calls"], rows)
    print(f"\nThe step's files, as they are entered: {', '.join(counts['training step'][0])}")
    report.save("step", options, counts)


def measure(seed: int) -> dict[str, Any]:
    """Return the counts of a first `fit` of one step, and of a step in a later one."""
    (x, y), _ = load_digits()
    layers = [GRU(64), Dense(10, "softmax")]
    network = Network(layers, loss="cce", optimizer=Adam(3e-3), metrics=["accuracy"], seed=seed)
    whole, _ = watch(lambda: network.fit(x[:32], y[:32], batch_size=32, verbose=1))
    _, steps = watch(lambda: network.fit(x[:96], y[:96], batch_size=32, verbose=1))
    return {"training step": summary(steps[-1]), "fit of one step": summary(whole)}


def watch(call: Callable[[], Any]) -> tuple[list[CodeType], list[list[CodeType]]]:
    """Return the code of every call into nnfw, and of those within each training step."""
    whole: list[CodeType] = []
    steps: list[list[CodeType]] = []
    step: FrameType | None = None

    def note(frame, event, _):
        nonlocal step
        code = frame.f_code
        if event == "return" and frame is step:
            step = None
        elif event == "call" and PACKAGE in Path(code.co_filename).parents:
            whole.append(code)
            if step is None and STEP.search(f"{code.co_filename}:{code.co_name}"):
                step = frame
                steps.append([])
            if step is not None:
                steps[-1].append(code)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return whole, steps


def summary(calls: list[CodeType]) -> tuple[list[str], int, int, int]:
    """Return the files in order, and the numbers of files, functions and calls."""
    names = dict.fromkeys(Path(code.co_filename).relative_to(PACKAGE).as_posix() for code in calls)
    functions = {(code.co_filename, code.co_qualname) for code in calls}
    return list(names), len(names), len(functions), len(calls)
