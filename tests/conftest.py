"""What all tests share."""

import os
import signal

import pytest

# Tests run side by side, so each gets one BLAS thread; this must be said before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The numbers that tests expect to the last digit are NumPy's; tests of compiled kernels choose them.
os.environ.setdefault("NNFW_KERNELS", "numpy")

# A shell starts what runs in its background with Ctrl-C ignored, and the tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def scene(tmp_path):
    """What a mistake can be made with, as `refusals` has it."""
    from refusals import Scene

    return Scene(tmp_path)
