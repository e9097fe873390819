"""The listed faults: that each text is there, and that those of the recurrent layers are caught."""

import subprocess
import sys

import faults
import pytest
import trials


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.what)
def test_the_list_is_up_to_date(fault):
    assert fault.change().source


def test_the_tests_of_each_file_are_there():
    for file, tests in trials.TESTS.items():
        assert (trials.ROOT / "nnfw" / f"{file}.py").exists()
        assert all((trials.ROOT / "tests" / f"{test}.py").exists() for test in tests.files), file


@pytest.mark.slow
@pytest.mark.subprocess
def test_those_of_the_recurrent_layers_are_caught():
    done = subprocess.run([sys.executable, faults.__file__, "--listed"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(faults.LISTED)} of {len(faults.LISTED)} faults caught" in done.stdout
