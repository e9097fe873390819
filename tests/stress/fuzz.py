"""Files changed at random: `Network.load` returns a whole network or raises a LoadError, within seconds.

``python tests/stress/fuzz.py`` tries 4,000 files made from valid ones: half of them damaged
at random, half valid archives with changed content; the tests try 200 (`test_broken_files.py`).
"""

import paths  # isort: skip  # noqa: F401 (first, so that the others are found)

import argparse
import copy
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from overnight import new_network, standing_of, train
from saved import contents, rewrite, small_network, state_of

from nnfw import LambdaCallback, LoadError, Network
from nnfw.saving.config import own_parts

SECONDS, MEGABYTES = 5.0, 200.0  # the most that a file may take


# ---- damage: bytes ---------------------------------------------------------------------------------------


def flip(rng, data):
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= 1 << rng.integers(8)


def overwrite(rng, data):
    start, length = rng.integers(len(data)), rng.integers(1, 64)
    data[start : start + length] = rng.bytes(length)


def cut_out(rng, data):
    start = rng.integers(len(data))
    del data[start : start + rng.integers(1, len(data))]


def put_in(rng, data):
    start = rng.integers(len(data))
    data[start:start] = rng.bytes(rng.integers(1, 64))


def repeat(rng, data):
    start, stop = sorted(rng.integers(len(data), size=2))
    data[stop:stop] = data[start:stop]


def set_number(rng, data):
    """Put an extreme number where a size, an offset or a count may stand."""
    size = int(rng.choice([1, 2, 4, 8]))
    number = [0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1][rng.integers(4)]
    start = rng.integers(len(data) - size)
    data[start : start + size] = number.to_bytes(size, "little")


DAMAGES = [flip, overwrite, cut_out, put_in, repeat, set_number]


def damage(rng, path):
    """Change the bytes of a file, once or a few times."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        if len(data) > 16:
            DAMAGES[rng.integers(len(DAMAGES))](rng, data)
    path.write_bytes(data)


# ---- forgery: what the file says -------------------------------------------------------------------------

NUMBERS = [0, 1, -1, 2, 7, 10**6, 10**15, 2**63, 10**400, 0.5, -0.5, 1e-300, 1e300]
VALUES = [
    *(*NUMBERS, None, True, False, "", "x", "\0", "PCG64", "__class__", [], [[]], [1], {}),
    *({"float": "nan"}, {"float": "inf"}, {"dtype": "float64"}, {"dict": [[1, 2]]}, {"tuple": []}),
    *({"same": 0}, {"same": -1}, {"same": 3}, {"custom": "eval"}, {"custom": "os.system", "config": {}}),
    *({"number": 1, "dtype": "int8"}, {"number": 1e99, "dtype": "float32"}, {"array": "dense_1.b"}),
    *({"class": name, "config": {}} for name in sorted(own_parts())),
]


def nodes(tree, path=()):
    """Yield where each value of a description is."""
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield (*path, key)
        yield from nodes(tree[key], (*path, key))


def change_description(rng, arrays):
    """Put something else for a value, or what is elsewhere; leave one out; or move one a little."""
    description = json.loads(arrays["description"].tobytes())
    places = list(nodes(description))
    *way, key = places[rng.integers(len(places))]
    owner = description
    for step in way:
        owner = owner[step]
    match rng.integers(4):
        case 0:
            owner[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        case 1:
            other = description
            for step in places[rng.integers(len(places))]:
                other = other[step]
            owner[key] = copy.deepcopy(other)
        case 2:
            del owner[key]
        case 3 if isinstance(owner[key], int | float) and math.isfinite(owner[key]):
            owner[key] = -owner[key] if rng.random() < 0.5 else owner[key] + 1
        case 3 if isinstance(owner[key], str | list):
            owner[key] = owner[key] + owner[key][-1:]
    arrays["description"] = np.frombuffer(json.dumps(description).encode(), np.uint8)


def change_array(rng, arrays):
    """Give an array another shape, type, name or value, or leave it out."""
    name = sorted(arrays.keys() - {"description"})[rng.integers(len(arrays) - 1)]
    array = arrays.pop(name)
    new = [
        lambda: array[:0],
        lambda: array[..., None],
        lambda: np.concatenate([array.ravel(), array.ravel()]),
        lambda: array.astype(rng.choice(["f2", "f8", ">f4", "c8", "i4", "?", "U8"])),
        lambda: np.full_like(array, rng.choice([np.nan, np.inf, 1e30, -1.0])),
        lambda: np.zeros(10**6, "?"),
    ]
    if rng.random() < 0.8:
        arrays[name if rng.random() < 0.9 else f"{name}x"] = new[rng.integers(len(new))]()


def forge(rng, path):
    """Change what a file says, once or twice."""
    arrays = contents(path)
    for _ in range(rng.integers(1, 3)):
        (change_description if rng.random() < 0.8 else change_array)(rng, arrays)
    rewrite(path, arrays)


# ---- trial -----------------------------------------------------------------------------------------------


def interrupted():
    """A network whose file holds all that there is: in the midst of an epoch, with callbacks."""
    network = new_network()
    stop = LambdaCallback(on_batch_end=lambda run: run.stop("") if (run.epoch, run.batch) == (3, 2) else None)
    return train(network, stop)


def all_of(network):
    return state_of(network), standing_of(network)


class Trial:
    """Files made of valid ones by chance, each loaded; `seen` counts what came of them."""

    def __init__(self, folder, seed):
        self.path, self.rng, self.seen = Path(folder) / "file", np.random.default_rng(seed), Counter()
        self.valid = []
        for network in (small_network(), interrupted()):
            network.save(self.path)
            self.valid.append((self.path.read_bytes(), all_of(Network.load(self.path))))
        self.slowest, self.memory = 0.0, megabytes()

    def load(self, change):
        """Load one changed file; raise whatever must not happen."""
        whole, known = self.valid[self.rng.integers(len(self.valid))]
        self.path.write_bytes(whole)
        change(self.rng, self.path)
        content = self.path.read_bytes()
        start = time.perf_counter()
        network, message = self.answer()
        self.slowest = max(self.slowest, time.perf_counter() - start)
        if network is None:
            assert message.startswith(f"{self.path}: "), message
            assert len(message) < 500 + len(str(self.path)), message
            self.seen["refused"] += 1
        else:
            same = all_of(network) == known
            assert same or change is forge, "damage went unnoticed"
            self.seen["the same network" if same else "another whole network"] += 1
        assert self.slowest < SECONDS, f"took {self.slowest:.1f} s"
        assert megabytes() - self.memory < MEGABYTES, f"took {megabytes() - self.memory:.0f} MB"
        assert self.path.read_bytes() == content, "wrote to the file"
        assert list(self.path.parent.iterdir()) == [self.path], "left a file behind"

    def answer(self):
        """Return the network in the file, or why there is none."""
        try:
            return Network.load(self.path), ""
        except LoadError as error:
            return None, str(error)


def megabytes():
    """The most memory that the process has had so far; 0 on Windows, which does not tell it so."""
    if os.name == "nt":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main():
    """Try as many files as asked for, and return 1 at the first that does harm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", default="fuzz-failure.npz", help="where to put a file that does harm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(folder, options.seed)
        for number in range(options.files):
            try:
                trial.load((damage, forge)[number % 2])
            except BaseException:
                Path(options.keep).write_bytes(trial.path.read_bytes())
                print(f"file {number} did harm; it is kept as {options.keep}")
                raise
        counts = ", ".join(f"{count} {what}" for what, count in trial.seen.most_common())
        print(f"{options.files} files: {counts}")
        print(f"the slowest took {trial.slowest:.2f} s, the largest {megabytes() - trial.memory:.0f} MB")


if __name__ == "__main__":
    main()
