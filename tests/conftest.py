"""What all tests share."""

import functools
import gc
import os
import platform
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests run side by side, so each gets one BLAS thread; this must be said before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The numbers that tests expect to the last digit are NumPy's; tests of compiled kernels choose them.
os.environ.setdefault("NNFW_KERNELS", "numpy")

# Where Python is told to write no bytecode, each run, each worker and each process that a test starts would
# compile all modules again; it is kept with what else pytest keeps.
if sys.dont_write_bytecode:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

# A shell starts what runs in its background with Ctrl-C ignored, and the tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis draws without a random seed, however slow the machine is, and keeps no failures in a file.
fixed = {"derandomize": True, "deadline": None, "database": None}
settings.register_profile("fixed", **fixed, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fixed")


def pytest_configure(config):
    """Show, but do not count as an error, what products warn of where nothing is wrong.

    Accelerate does (NumPy #28687), and on ARM OpenBLAS, of the numbers beside a narrow product.
    """
    if sys.platform == "darwin" or platform.machine() in ("aarch64", "arm64"):
        config.addinivalue_line("filterwarnings", "default:.* encountered in (matmul|dot):RuntimeWarning")


def pytest_collection_modifyitems(items):
    """Measure the coverage of the quick tests; it would double the time of the slow ones."""
    asks = functools.cache(lambda path: "importorskip" in path.read_text(encoding="utf-8"))
    for item in items:
        if asks(item.path):
            item.add_marker("extra")
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Look for doctests in the package alone; the tests have none."""
    return [found for found in (yield) if type(found) is pytest.Module]


def pytest_collection(session):
    """Collect no garbage while tests are collected, which would be looked through again and again."""
    gc.disable()


def pytest_collection_finish(session):
    """Leave the tests, thousands of objects, out of each garbage collection."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Let a test draw the same numbers in any order: leave its module's generators as they were found."""
    from numpy.random import Generator

    held = vars(item.module).values() if isinstance(item, pytest.Function) else ()
    sources = [value.bit_generator for value in held if isinstance(value, Generator)]
    found = [source.state for source in sources]
    result = yield
    for source, state in zip(sources, found, strict=True):
        source.state = state
    return result


@pytest.fixture(autouse=True)
def _no_part_stays_registered():
    """Give each test its own registries, so that what it registers does not reach the next one."""
    from nnfw import activations, initializers, losses, metrics, optimizers, regularizers, schedules

    kinds = activations, initializers, losses, metrics, optimizers, regularizers, schedules
    kept = [kind.registry.factories for kind in kinds]
    for kind in kinds:
        kind.registry.factories = dict(kind.registry.factories)
    yield
    for kind, factories in zip(kinds, kept, strict=True):
        kind.registry.factories = factories


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """What a mistake can be made with, as `refusals` has it, on a machine that tells its memory."""
    from refusals import Scene

    monkeypatch.setattr("nnfw.layers.validation.physical_memory", lambda: 64e9)
    scene = Scene(tmp_path)
    yield scene
    scene.goes_on()


@pytest.fixture
def one_direction(monkeypatch):
    """Take finite differences along one random direction: any error shows along it, and three take longer."""
    from nnfw.gradcheck import differences

    monkeypatch.setattr(differences, "DIRECTIONS", 1)
