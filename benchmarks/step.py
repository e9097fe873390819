"""Step: the number of files, functions and calls of nnfw in a training step."""

import sys
from pathlib import Path
from unittest.mock import patch

import nnfw
from benchmarks import fit, report
from benchmarks.measure import apart
from nnfw.datasets import load_digits
from nnfw.training import loop

PACKAGE = Path(nnfw.__file__).parent


def run(options) -> dict:
    """Count, and print the table and the files."""
    counts = apart("step.measure", 1, kernels="numpy", seed=options.seed)
    print(f"\nGRU(64), Dense(10, softmax) on digits: cce, Adam, accuracy, bar\n\n{table(counts)}")
    print(f"\nThe files, in the order of entry: {', '.join(counts['files'])}")
    return counts


def table(counts: dict) -> str:
    """Return the counts as a table."""
    return report.table([{"": "training step"} | counts | {"files": len(counts["files"])}])


def measure(seed: int) -> dict:
    """Return the files, in order, and the numbers of functions and calls of a step other than the first."""
    calls, step = [], loop.train_step

    def note(frame, event, _):
        if event == "call" and PACKAGE in Path(frame.f_code.co_filename).parents:
            calls.append(frame.f_code)

    def watched(*given):
        calls.clear()
        sys.setprofile(note)
        try:
            step(*given)
        finally:
            sys.setprofile(None)

    (x, y), _ = load_digits()
    with patch.object(loop, "train_step", watched):
        fit.network("digits", seed).fit(x[:96], y[:96], batch_size=32, verbose=1)
    files = dict.fromkeys(Path(code.co_filename).relative_to(PACKAGE).as_posix() for code in calls)
    functions = {(code.co_filename, code.co_qualname) for code in calls}
    return {"files": list(files), "functions": len(functions), "calls": len(calls)}
