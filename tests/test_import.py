"""What ``import nnfw`` does, and what it leaves alone."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, numpy
before = dict(numpy.geterr())
import nnfw
assert numpy.geterr() == before
print(*sorted(name for name in sys.modules if name in {"matplotlib", "tqdm", "torch", "scipy", "pandas"}))
missing = [name for name in nnfw.__all__ if not hasattr(nnfw, name)]
assert not missing, missing
"""


@pytest.mark.subprocess
def test_import_is_light_and_silent(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())
