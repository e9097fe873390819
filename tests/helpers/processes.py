"""What tests share that run a script in a process of its own."""

import os
import resource
import subprocess
import sys

NEW = "import numpy as np\nfrom nnfw import Dense, GRU, LambdaCallback, Network\n"


def run(script, limits=(), **options):
    """Run a script in a process of its own, with resource limits."""

    def limit():
        for kind, size in limits:
            resource.setrlimit(kind, (size, size))

    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "DISPLAY")}
    return subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=limit,
        env=environment | {"OPENBLAS_NUM_THREADS": "1"},
        timeout=60,
        **options,
    )
