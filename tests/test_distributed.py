"""Training by several processes: it is that of one process, and no error leaves a process waiting.

Each test starts processes by the mpiexec of the environment, within a time limit. One start runs many cases.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ranked import cases, result

pytest.importorskip("mpi4py")
pytestmark = [pytest.mark.slow, pytest.mark.subprocess]

MPIEXEC = Path(sys.executable).with_name("mpiexec")
HELPERS = Path(__file__).parent / "helpers"
NAMES = list(cases())
START = """
import os, sys, time
import numpy as np
from nnfw.distributed import DataParallel, rank, ranks, shard
from nnfw import Checkpoint, CSVLogger, Dense, Dropout, GRU, LambdaCallback, Network
from ranked import dense, recurrent, sequences, vectors

x, y = shard(*vectors())
parallel = [DataParallel()]
"""


def start(ranks, *arguments, folder):
    """Start a script on several ranks."""
    paths = [str(HELPERS), str(HELPERS.parents[1])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def finish(process, limit=120.0):
    """Return the exit code, what was printed, and the errors; a process that hangs is a failed test."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.fail(f"the ranks have not ended within {limit} s")
    return process.returncode, out, err


def run(ranks, script, folder, limit=120.0):
    """Run a script on several ranks."""
    (folder / "script.py").write_text(START + script)
    return finish(start(ranks, "script.py", folder=folder), limit)


# ---- one process and several ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone():
    """Return what each case leads to in one process."""
    found = {}
    for name, make in cases().items():
        network, data, options = make()
        found[name] = result(network, network.fit(*data, **options))
    return found


@pytest.fixture(scope="module", params=[1, 2, 4])
def together(request, tmp_path_factory):
    """Return what each case leads to on each of several ranks."""
    folder = tmp_path_factory.mktemp(f"ranks{request.param}")
    code, _, err = finish(start(request.param, HELPERS / "ranked.py", folder, *NAMES, folder=folder), 300)
    assert code == 0, err
    return {
        name: [dict(np.load(folder / f"{name}.{rank}.npz")) for rank in range(request.param)]
        for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_ranks_do_what_one_process_does(name, alone, together):
    first, *others = together[name]
    exact = len(together[name]) == 1
    near = 0 if exact else 1e-5 if name == "float32" else 1e-12
    assert first.keys() == alone[name].keys()
    for key, values in alone[name].items():
        np.testing.assert_allclose(first[key], values, rtol=near, atol=near, err_msg=key)
    for other in others:
        for key, values in first.items():
            np.testing.assert_array_equal(other[key], values, err_msg=key)
