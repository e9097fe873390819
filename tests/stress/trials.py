"""Trials: a file of nnfw is changed in a copy of the project, and the tests that know the file must fail.

`mutants` makes the changes by rule, and `faults` lists them. Each trial is a process of its own.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

import hypothesis  # noqa: F401 (imported once, for all the processes that follow)
import numpy  # noqa: F401
import pytest
from paths import ROOT

SECONDS = 300  # of the processor: a change that takes more hangs, and is seen
MEMORY = 4 << 30
FAILED = 99
NOT_RED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
NO_WORDS = ""
can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")


class Tests(NamedTuple):
    """Test files, those first that see most, and which of their tests."""

    files: list[str]
    words: str = NO_WORDS  # a -k expression


ALL_LAYERS = ["layers/test_recorded", "layers/test_contract", "layers/test_base", "layers/test_parameters"]
RECURRENT = ["layers/test_recurrent", *ALL_LAYERS]
CHAIN = [
    "test_network",
    "layers/test_windows",
    "layers/test_own_layers",
    "layers/test_flat",
    "layers/test_contract",
]
LOOP = ["training/test_loop", "training/test_sequences", "training/test_interrupt"]
GUARD = ["training/test_guard", "training/test_evaluation"]
TESTS = {  # which tests must see the changes of a file of nnfw
    "activations": Tests(["test_activations"]),
    "core/arrays": Tests(["core/test_arrays"]),
    "core/files": Tests(["saving/test_file", "saving/test_replacing"]),
    "core/lengths": Tests(
        ["core/test_lengths", "layers/test_packing", "layers/test_pooling", *RECURRENT],
        "packing or pooling or lengths",
    ),
    "core/logits": Tests(["core/test_logits", "test_network", "test_losses"]),
    "core/registry": Tests(["test_arguments", "core/test_registry"]),
    "core/validation": Tests(["core/test_validation"]),
    "core/vectors": Tests(["layers/test_parameters", "test_optimizers", "test_network", "test_regularizers"]),
    "data/missing": Tests(["data/test_missing"]),
    "layers/attention": Tests(["layers/test_attention", *ALL_LAYERS], "attention"),
    "layers/convolution": Tests(["layers/test_windows", "test_streaming", *ALL_LAYERS], "conv or windows"),
    "layers/window_pooling": Tests(["layers/test_windows", *ALL_LAYERS], "pooling or windows"),
    "layers/windows": Tests(["layers/test_windows", *ALL_LAYERS], "conv or pooling or windows"),
    "layers/residual": Tests(["layers/test_residual"]),
    "layers/base": Tests(
        [*RECURRENT, *CHAIN, "test_arguments", "test_regularizers", "test_streaming"],
        "not contract or dense or rnn or base or optimizer",
    ),
    "layers/bidirectional": Tests(["layers/test_bidirectional", *ALL_LAYERS], "bidirectional"),
    "layers/dense": Tests(
        ["layers/test_activate", "layers/test_dense", *ALL_LAYERS, "test_network"],
        "activate or dense or linear or test_network",
    ),
    "layers/dropout": Tests(
        ["layers/test_dropout", *ALL_LAYERS], "dropout or noise or random or causal or needs"
    ),
    "layers/embedding": Tests(["layers/test_embedding", *ALL_LAYERS], "embedding"),
    "layers/gated": Tests(RECURRENT, "gru or lstm"),
    "layers/gru": Tests(RECURRENT, "gru"),
    "layers/grud": Tests(["layers/test_grud", *RECURRENT], "grud"),
    "layers/loops": Tests(["test_kernels", *RECURRENT], "test_kernels or test_recurrent or rnn"),
    "layers/lstm": Tests(RECURRENT, "lstm"),
    "layers/normalization": Tests(
        ["layers/test_normalization", *ALL_LAYERS], "normalization or layernorm or layer_norm"
    ),
    "layers/packing": Tests(
        ["layers/test_packing", *RECURRENT, "test_kernels"],
        "test_packing or test_recurrent or rnn or test_kernels",
    ),
    "layers/parameters": Tests(RECURRENT, "test_parameters or dense or rnn or bidirectional or base"),
    "layers/pooling": Tests(
        ["layers/test_pooling", *ALL_LAYERS], "pooling or laststep or last- or mean or max"
    ),
    "layers/recurrent": Tests(
        [*RECURRENT, "test_streaming", "test_kernels"],
        "test_recurrent or test_base or test_streaming or rnn or test_kernels",
    ),
    "layers/reshaping": Tests(["layers/test_reshaping", *ALL_LAYERS], "reshaping or flatten or reshape"),
    "layers/rnn": Tests(RECURRENT, "rnn"),
    "layers/stepping": Tests(["test_streaming", "layers/test_base", "layers/test_recurrent"]),
    "layers/validation": Tests(
        [
            "test_network",
            "layers/test_base",
            "layers/test_own_layers",
            "layers/test_layer_mistakes",
            "test_network_mistakes",
        ]
    ),
    "layers/sequential": Tests([*CHAIN, "test_optimizers", "test_regularizers", "test_properties"]),
    "layers/composite": Tests([*CHAIN, "test_optimizers", "test_regularizers", "test_properties"]),
    "losses": Tests(
        [
            "test_losses",
            "test_ctc",
            "training/test_several_outputs",
            "test_forecasting",
            "test_network",
            "test_kernels",
        ]
    ),
    "model": Tests(CHAIN),
    "network": Tests([*CHAIN, *LOOP]),
    "optimizers": Tests(["test_optimizers", "test_network", "test_kernels"]),
    "regularizers": Tests(["test_regularizers"]),
    "sanity": Tests(["test_sanity"]),
    "saving/archive": Tests(["saving/test_broken_files"]),
    "schedules": Tests(["test_schedules"]),
    "streaming": Tests(["training/test_evaluation", "test_streaming"]),
    "training/adapters": Tests(["training/test_adapters", "layers/test_embedding", *LOOP]),
    "training/anomaly": Tests(GUARD),
    "training/batches": Tests([*LOOP, "training/test_adapters"]),
    "training/evaluation": Tests([*LOOP, *GUARD]),
    "training/guard": Tests([*GUARD, "layers/test_own_layers"]),
    "training/interrupt": Tests(LOOP),
    "training/loop": Tests([*LOOP, *GUARD, "training/test_callbacks"]),
    "training/monitors": Tests(["training/test_monitors", "training/test_callbacks", "training/test_loop"]),
    "training/run": Tests([*LOOP, *GUARD, "training/test_callbacks"]),
    "training/sources": Tests([*LOOP, "training/test_adapters", "training/test_weighted_mean"]),
    "training/state": Tests(LOOP),
    "training/threads": Tests(["test_kernels"]),
    "training/tracker": Tests(LOOP),
}


class Change(NamedTuple):
    """A file of nnfw without its ending, and what is to stand in it."""

    file: str
    source: str


def is_seen(change: Change | None, tests: Tests) -> bool:
    """Turn this process, made for it, into one of the change; return whether one of its tests fails.

    It cannot hang or fill the memory; the tests run one file after the other, those that are slow at last.
    """
    import resource  # not on Windows, where tests import this file

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    if change is not None:
        Path("nnfw", f"{change.file}.py").write_text(change.source, "utf-8")
    options = ["-qx", "--tb=no", "--assert=plain", "-pno:cacheprovider", "-pno:unraisableexception"]
    return any(
        pytest.main([*options, "-m", marks, "-k", tests.words, f"tests/{file}.py"]) not in NOT_RED
        for marks in ("not slow", "slow")
        for file in tests.files
    )


def start(change: Change | None, tests: Tests, folder: Path) -> int:
    """Start a process that tries a change in a copy of its own; return its number. It ends with 1 if seen."""
    child = os.fork()
    if not child:
        status = FAILED
        with contextlib.suppress(BaseException):
            copy(folder)
            sys.path.insert(0, str(folder))
            os.environ["PYTHONPATH"] = str(folder)
            os.chdir(folder)
            status = int(is_seen(change, tests))
        os._exit(status)
    return child


def copy(folder: Path) -> None:
    """Copy what the tests need, compiled files too, which are valid in the copy."""
    for part in ("nnfw", "tests"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy2(ROOT / "pyproject.toml", folder)


class Changed(SourceFileLoader):
    """Finds one module of nnfw, and loads it with the change."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"nnfw.{change.file.replace('/', '.')}", str(ROOT / "nnfw" / f"{change.file}.py"))
        self.source = change.source

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return where the module comes from, if it is the one that is changed."""
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_code(self, fullname: str) -> object:
        """Return the changed module, compiled."""
        return compile(self.source, self.path, "exec")


@contextlib.contextmanager
def changed(change: Change, tests: str) -> Iterator[ModuleType]:
    """Import a test file with an nnfw of its own that has the change, beside the one that is imported."""

    def own() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == "nnfw"]

    kept, finder = {name: sys.modules.pop(name) for name in own()}, Changed(change)
    sys.meta_path.insert(0, finder)
    try:
        spec = importlib.util.spec_from_file_location("changed", ROOT / "tests" / f"{tests}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.meta_path.remove(finder)
        for name in own():
            del sys.modules[name]
        sys.modules.update(kept)


Trial = TypeVar("Trial")


def unseen(trials: Iterable[tuple[Trial, Change | None, Tests]], jobs: int) -> Iterator[Trial]:
    """Try the changes, `jobs` at a time; yield those that no test saw."""
    running: dict[int, tuple[Trial, Path]] = {}
    waiting, numbers = iter(trials), itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        while True:
            for trial, change, tests in itertools.islice(waiting, jobs - len(running)):
                place = Path(folder, str(next(numbers)))
                running[start(change, tests, place)] = trial, place
            if not running:
                return
            child, status = os.wait()
            trial, place = running.pop(child)
            shutil.rmtree(place, ignore_errors=True)
            if os.waitstatus_to_exitcode(status) == FAILED:
                raise RuntimeError(f"the tests could not run: {trial}")
            if status == 0:
                yield trial


def check_green(files: Iterable[str]) -> None:
    """End the program if the tests fail without any change."""
    tests = Tests(list(dict.fromkeys(test for file in files for test in TESTS[file].files)))
    if not list(unseen([("no change", None, tests)], jobs=1)):
        sys.exit("the tests fail without any change: mend that first")
