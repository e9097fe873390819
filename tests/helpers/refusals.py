"""What the tests of mistakes share: what an error says."""

import pytest


def message(error, call):
    """Return the message of the error that a call raises; all of them must be short."""
    with pytest.raises(error) as caught:
        call()
    assert len(str(caught.value)) < 500
    return str(caught.value)
