"""What ``import nnfw`` does, and what it leaves alone; it needs no display."""

import importlib
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from extras import EXTRAS, USES
from processes import NEW, run

import nnfw

PROGRAM = """
import sys, numpy
before = dict(numpy.geterr())
import nnfw
assert numpy.geterr() == before
others = {"matplotlib", "tqdm", "torch", "scipy", "pandas", "numba", "sklearn", "tensorboardX", "mpi4py"}
print(*sorted(others.intersection(sys.modules)))
missing = [name for name in nnfw.__all__ if not hasattr(nnfw, name)]
assert not missing, missing
"""


def test_completion_offers_the_public_names_alone():
    modules = [nnfw, *filter(inspect.ismodule, (getattr(nnfw, name) for name in nnfw.__all__))]
    assert nnfw.layers in modules
    assert [module.__name__ for module in modules if dir(module) != sorted(module.__all__)] == []


@pytest.mark.subprocess
def test_import_is_light_and_silent(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.subprocess
def test_data_sets_are_read_from_an_archive_too(tmp_path):
    archive = shutil.make_archive(tmp_path / "nnfw", "zip", Path(nnfw.__file__).parents[1], "nnfw")
    script = (
        f"import sys; sys.path.insert(0, {archive!r}); from nnfw.datasets import load_digits as load; load()"
    )
    assert run(script, cwd=tmp_path).returncode == 0


def test_what_an_extra_needs_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "nnfw.sklearn", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r'scikit-learn, 1.6 or newer: pip install "nnfw\[sklearn\]"'):
        importlib.import_module("nnfw.sklearn")


def test_every_extra_is_tried_by_the_script():
    assert set(EXTRAS) <= set(USES)
    assert {"", "fast", "keras", "mpi", "onnx", "safetensors", "sklearn", "tensorboard"} <= set(EXTRAS)


def test_the_extra_for_several_processes_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("nnfw.distributed")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(ImportError, match=r"pip install 'nnfw\[mpi\]'"):
        importlib.import_module("nnfw.distributed")


@pytest.mark.subprocess
@pytest.mark.slow
def test_plots_without_a_display(tmp_path):
    script = (
        NEW
        + f"""
network = Network([Dense(1)], seed=0)
network.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0).plot({str(tmp_path / "curves.png")!r})
"""
    )
    done = run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
