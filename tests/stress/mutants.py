"""Tests that are tested by machine: one small change of the mathematics at a time must turn the tests red.

``python tests/mutants.py --count 300 --seed 0`` samples such mutants of the layers, losses and optimizers,
runs for each the tests that know its file, and prints those that went unseen and the share that was killed;
``--all`` takes every one, ``--only WORD`` those of files whose name holds a word, ``--list`` runs nothing.

A mutant lives in a process of its own that imports the changed module in place of the file; nothing on disk
is touched. `equivalents.py` lists the changes that no test can see, and why.
"""

import argparse
import ast
import contextlib
import importlib.util
import itertools
import os
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import equivalents
import hypothesis  # noqa: F401 (imported once, for all the processes that follow)
import numpy  # noqa: F401
import pytest
from mutations import ROOT, Mutant, mutants_of

SECONDS = 300  # of the processor: a mutant that takes more hangs, and is seen
MEMORY = 4 << 30
FAILED = 99
NOT_RED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

RECURRENT = ["test_layers", "test_layer_use", "test_contract"]
SMALL = ["test_small_layers", "test_contract", "test_layer_use"]
TESTS = {  # which tests must see the mutants of a file, those first that see most, and a -k expression
    "layers/bidirectional": (["test_contract", "test_layer_use"], "bidirectional"),
    "layers/dense": ([*RECURRENT, "test_network"], "dense or test_network"),
    "layers/dropout": (SMALL, "dropout or random or causal or needs"),
    "layers/embedding": (SMALL, "test_small_layers or embedding"),
    "layers/gated": (RECURRENT, "gru or test_layers and lstm"),
    "layers/gaussian_noise": (SMALL, "noise or random or causal or needs"),
    "layers/gru": (RECURRENT, "gru"),
    "layers/layer": (
        [*RECURRENT, "test_network", "test_regularizers", "test_streaming"],
        "not contract or dense or rnn or base or optimizer",
    ),
    "layers/layer_norm": (SMALL, "test_small_layers or layernorm"),
    "layers/lengths": (SMALL, "test_small_layers or pooling or lengths"),
    "layers/lstm": (RECURRENT, "lstm"),
    "layers/parameters": (RECURRENT, "dense or rnn or bidirectional or base"),
    "layers/pooling": (SMALL, "test_small_layers or pooling or laststep"),
    "layers/recurrent": (
        [*RECURRENT, "test_streaming"],
        "test_layers or test_layer_use or test_streaming or rnn",
    ),
    "layers/reshaping": (SMALL, "test_small_layers or flatten or reshape"),
    "layers/rnn": (RECURRENT, "rnn"),
    "layers/packing": (["layers/test_packing", *RECURRENT], "test_packing or test_recurrent or rnn"),
    "loss": (["test_losses", "test_network"], ""),
    "losses/crossentropy": (["test_losses"], ""),
    "losses/hinge": (["test_losses", "test_network"], ""),
    "losses/regression": (["test_losses"], ""),
    "blocks": (["test_optimizers"], ""),
    "clipping": (["test_optimizers", "test_network"], ""),
    "optimizer": (["test_optimizers", "test_network"], ""),
    "optimizers/adam": (["test_optimizers"], ""),
    "optimizers/adaptive": (["test_optimizers"], ""),
    "optimizers/lion": (["test_optimizers"], ""),
    "optimizers/means": (["test_optimizers"], ""),
    "optimizers/sgd": (["test_optimizers"], ""),
}


class Changed(SourceFileLoader):
    """Imports the mutant in place of its file."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(f"nnfw.{mutant.file}".replace("/", "."), str(Path("nnfw", f"{mutant.file}.py")))
        self.code = compile(ast.fix_missing_locations(mutant.tree), self.path, "exec")

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Answer for the one module."""
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the changed tree."""
        return self.code


def become(mutant: Mutant) -> None:
    """Turn this process, made for it, into one of the mutant, that cannot hang or fill the memory."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    mutant.slot.put(mutant.node)
    sys.meta_path.insert(0, Changed(mutant))


def is_seen(files: Iterable[str], words: str = "") -> bool:
    """Run the tests of some files, one file after the other; return whether one fails."""
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    options = [
        "-qx",
        "--tb=no",
        "--assert=plain",
        "-pno:cacheprovider",
        "-pno:unraisableexception",
        "-k",
        words,
    ]
    return any(pytest.main([*options, f"tests/{file}.py"]) not in NOT_RED for file in files)


def run(mutant: Mutant) -> bool:
    """Return whether the tests of its file see a mutant."""
    become(mutant)
    return is_seen(*TESTS[mutant.file])


def is_red(mutants: Iterable[Mutant]) -> bool:
    """Return whether a test of their files fails without any change."""
    return is_seen(dict.fromkeys(file for mutant in mutants for file in TESTS[mutant.file][0]))


def start(task: Callable[[Any], bool], of: Any) -> int:
    """Start a process for a task, and return its number; its status is what the task returns, 0 or 1."""
    child = os.fork()
    if not child:
        os.nice(10)
        status = FAILED
        with contextlib.suppress(BaseException):
            status = int(task(of))
        os._exit(status)
    return child


def survivors(mutants: Iterable[Mutant], jobs: int) -> Iterator[Mutant]:
    """Run the tests for each mutant, `jobs` at a time; yield those that no test saw."""
    running: dict[int, Mutant] = {}
    waiting = iter(mutants)
    while True:
        for mutant in itertools.islice(waiting, jobs - len(running)):
            running[start(run, mutant)] = mutant
        if not running:
            return
        child, status = os.wait()
        mutant = running.pop(child)
        if os.waitstatus_to_exitcode(status) == FAILED:
            raise RuntimeError(f"the tests could not run: {mutant}")
        if status == 0:
            yield mutant


@contextlib.contextmanager
def a_copy() -> Iterator[None]:
    """Work in a copy of the project, so that it can be edited meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("nnfw", "tests"):
            shutil.copytree(ROOT / part, Path(folder, part))
        shutil.copy(ROOT / "pyproject.toml", folder)
        sys.path.insert(0, folder)
        with contextlib.chdir(folder):
            yield


def main() -> int:
    """Run a sample of mutants, and return how many went unseen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="mutants to sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="take every mutant")
    parser.add_argument("--only", default="", help="a word of the files' names")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with a_copy():
        everything = [mutant for file in TESTS if options.only in file for mutant in mutants_of(file)]
        mutants = [mutant for mutant in everything if not equivalents.reason(mutant)]
        random.Random(options.seed).shuffle(mutants)
        sample = mutants if options.all else mutants[: options.count]
        if options.list:
            print(*sample, sep="\n")
            return 0
        if os.waitpid(start(is_red, sample), 0)[1]:
            sys.exit("the tests fail without any change: mend that first")
        unseen = 0
        for mutant in survivors(sample, options.jobs):
            unseen += 1
            print(mutant, flush=True)
    print(f"{len(everything)} mutants, {len(everything) - len(mutants)} of them equivalent")
    print(f"{len(sample) - unseen} of {len(sample)} killed: {1 - unseen / len(sample):.1%}")
    return unseen


if __name__ == "__main__":
    sys.exit(main())
