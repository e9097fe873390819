"""The listed faults: that each text is there, and that those of the recurrent layers are caught."""

import subprocess
import sys

import faults
import pytest
import trials


def test_the_list_is_up_to_date():
    assert all(fault.change().source for fault in faults.FAULTS)


def test_the_tests_of_each_file_are_there():
    for file, tests in trials.TESTS.items():
        assert (trials.ROOT / "nnfw" / f"{file}.py").exists()
        assert all((trials.ROOT / "tests" / f"{test}.py").exists() for test in tests.files), file


def beside_the_oracle(change, monkeypatch):
    """Compare the GRU of a changed nnfw with the oracle, in a block of its configurations."""
    with trials.changed(change, "layers/test_recurrent") as tests:
        tests.test_outputs_and_gradients_are_those_of_the_oracle("GRU", 0, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("fault", faults.LISTED, ids=lambda fault: fault.what)
def test_those_of_the_recurrent_layers_are_caught_by_the_oracle(fault, monkeypatch):
    with pytest.raises(AssertionError):
        beside_the_oracle(fault.change(), monkeypatch)


@pytest.mark.slow
def test_without_a_fault_the_oracle_catches_nothing(monkeypatch):
    source = (trials.ROOT / "nnfw" / f"{faults.GRU}.py").read_text("utf-8")
    beside_the_oracle(trials.Change(faults.GRU, source), monkeypatch)


@trials.can_fork
@pytest.mark.slow
@pytest.mark.subprocess
def test_a_few_are_caught():
    command = [sys.executable, faults.__file__, "--only", "overflow"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 faults caught" in done.stdout
