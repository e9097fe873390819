"""What tests share that run a script in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

NEW = "import numpy as np\nfrom nnfw import Dense, GRU, LambdaCallback, Network\n"


limited = pytest.mark.skipif(find_spec("resource") is None, reason="needs a system that limits resources")


def run(script, **options):
    """Run a script in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "DISPLAY")}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"OPENBLAS_NUM_THREADS": "1"},
        timeout=60,
        **options,
    )
