"""The faults that every recurrent layer's tests must catch; ``python tests/faults.py`` injects many more."""

import faults
import pytest


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.what)
def test_the_list_is_up_to_date(fault):
    text = (faults.ROOT / "nnfw" / fault.file).read_text()
    assert text.count(fault.old) == 1, f"{fault.file} holds {fault.old!r} {text.count(fault.old)} times"


@pytest.mark.parametrize("fault", faults.LISTED, ids=lambda fault: fault.what)
def test_is_caught(fault):
    assert faults.is_seen(fault)
