"""Many fits in one process: memory must not grow.

``python tests/stress/soak.py`` fits, saves, loads and uses 1,000 small networks of different
kinds, in turn.
"""

import paths  # isort: skip  # noqa: F401 (first, so that the others are found)

import argparse
import contextlib
import gc
import random
import sys
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
from overnight import new_network, train

from nnfw import GRU, RNN, SGD, Checkpoint, Dense, Network, NonFiniteError

KILOBYTES = 200  # the most that the second half may leave behind


def resident():
    """The process's memory in megabytes, 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 2**20 if status.exists() else 0.0


def everything(folder):
    """A fit with checkpoints, saved and loaded."""
    train(new_network(), Checkpoint(folder / "network"), epochs=3)
    train(Network.load(folder / "network"), epochs=4)


def sequences(folder):
    """One network on batches of many shapes."""
    rng = np.random.default_rng(random.randrange(1000))
    network = Network([RNN(3, return_sequences=True), GRU(4, reset_after=True), Dense(1)])
    for T in rng.integers(1, 12, 5):
        x = rng.normal(size=(int(rng.integers(2, 30)), int(T), 2))
        network.fit(x, x[:, 0, :1], batch_size=7, verbose=0)
        network.evaluate(x, x[:, 0, :1])
        network.predict(list(x))


def failures(folder):
    """Fits that end with an error."""
    x = np.ones((8, 2))
    network = Network([Dense(3), Dense(1)], optimizer=SGD(1e30))
    with np.errstate(all="ignore"), contextlib.suppress(NonFiniteError):
        network.fit(x, x[:, :1], epochs=20, verbose=0)
    with contextlib.suppress(ValueError):
        network.fit(x[:, :1], x[:, :1])


def soak(fits, folder):
    """Run the fits; return the kilobytes that Python's objects grew by in the second half, and the memory."""
    kinds = [everything, sequences, failures]
    for number in range(fits):
        kinds[number % len(kinds)](folder)
        if number == fits // 2:
            gc.collect()
            before, memory = tracemalloc.get_traced_memory()[0], resident()
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / 1024, memory, resident()


def main():
    """Return whether memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=1000)
    options = parser.parse_args()
    warnings.simplefilter("error")
    start = time.perf_counter()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        grown, half, end = soak(options.fits, Path(folder))
    seconds = time.perf_counter() - start
    print(f"{options.fits} fits in {seconds:.0f} s: the second half left {grown:.0f} KB behind")
    print(f"resident memory: {half:.1f} MB at half time, {end:.1f} MB at the end")
    return int(grown > KILOBYTES)


if __name__ == "__main__":
    sys.exit(main())
