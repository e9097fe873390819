"""The plan: layers at several sizes and tasks of `fit`, the frameworks compared, and their turns.

A framework is imported only where it is measured: by ``build(case, seed) -> Built`` in a module of `peers`,
which builds the layer of a case, and by a function of `fit`, which fits the network of a task.
"""

import re
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks import measure
from nnfw.datasets import load_digits

TITLES = {"dense": "Dense chain", "rnn": "RNN", "gru": "GRU", "gru_after": "GRU, reset_after", "lstm": "LSTM"}
TITLES |= {"conv1d": "Conv1D", "lenet": "LeNet"}
TASKS = {"digits": "GRU(64) and a softmax on the digits", "chain": "Dense chain 20-32-32-2"}  # of `fit`
BATCH_SIZE, RATE = 32, 3e-3
GATES = {"rnn": 1, "gru": 3, "gru_after": 3, "lstm": 4}
RECURRENT = ["1,100,8,16", "32,28,28,64", "32,100,16,32", "64,100,64,128"]
RECURRENT += ["128,28,28,128", "128,50,128,256", "256,28,28,128"]
CONVOLUTIONS = {"conv1d": ["64,128,32,64"], "lenet": ["64:28-6-16-120-84-10"]}
DENSE = ["32:20-32-32-2", "32:784-128-10", "128:784-256-128-10", "256:784-1024-512-10"]


class Case(NamedTuple):
    """A layer, a key of `TITLES`, at a size: N,T,D,H or, for a chain of layers, N:D-H-K.

    For LeNet, D is the height and width of an image, and the first two H are numbers of 5 × 5 filters.
    """

    layer: str
    text: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers in the text."""
        return tuple(map(int, re.findall(r"\d+", self.text)))


class Built(NamedTuple):
    """A layer that is ready to run: two functions, and the model that they run.

    `forward` is inference, and returns the outputs (N, K) of a chain, the last states (N, H) of a recurrent
    layer, or all outputs (N, T', H) of a convolution. For a chain, `step` is a training step with Adam and
    returns the loss; for a layer, it is forward, backward and all gradients, and returns dx (N, T, D).
    """

    forward: Callable
    step: Callable
    model: object = None


class Peer(NamedTuple):
    """A framework; `covers` maps a layer or task to what it computes, or the other GRU if one is missing."""

    title: str
    packages: tuple[str, ...]
    covers: dict[str, str]


KERNELS = {"ours": "numpy", "fast": "compiled"}  # nnfw, by its kernels
FIT = {task: task for task in TASKS}
LAYERS = {layer: layer for layer in TITLES if layer not in CONVOLUTIONS}
ALL = {layer: layer for layer in TITLES} | FIT
PEERS = {
    "ours": Peer("nnfw", ("numpy",), ALL),
    "fast": Peer("nnfw[fast]", ("numba",), ALL),
    "bare": Peer("nnfw, the bare verbs", ("numpy",), FIT),
    "floor": Peer("floor", ("numpy",), LAYERS),
    "pytorch": Peer("PyTorch", ("torch",), ALL | {"gru": "gru_after"}),
    "skorch": Peer("skorch", ("skorch", "torch"), FIT),
    "jax": Peer("JAX", ("jax",), LAYERS),
    "keras": Peer("Keras on JAX", ("keras", "jax"), FIT),
    "sklearn": Peer("scikit-learn", ("scikit-learn",), {"chain": "chain"}),
    "before": Peer("nnfw before", ("numpy",), ALL),  # another checkout
}


def parse_sizes(text: str) -> str:
    """Return the text if it is a valid size."""
    if not re.fullmatch(r"N(,N){3}|N:N(-N)+".replace("N", r"[1-9]\d*"), text):
        raise ValueError(text)
    return text


def grid(layer: str, chosen: list[str] | None, quick: bool) -> list[str]:
    """Return the sizes for a layer: the chosen sizes that fit it, or all (two if quick)."""
    if not chosen:
        return (CONVOLUTIONS | {"dense": DENSE}).get(layer, RECURRENT)[: 2 if quick else None]
    return [size for size in chosen if (":" in size) == (layer == "dense") and layer not in CONVOLUTIONS]


def data(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the gradient of the last state, or of all outputs of Conv1D; for a chain, x and y (N,)."""
    rng = np.random.default_rng(seed)
    N, D, *widths, last = case.sizes
    if ":" in case.text:
        shape = (D, D, 1) if case.layer == "lenet" else (D,)
        return rng.standard_normal((N, *shape), np.float32), rng.integers(0, last, N)
    steps = (D - 4,) if case.layer == "conv1d" else ()
    x = rng.standard_normal((N, D, *widths), np.float32)
    return x, rng.standard_normal((N, *steps, last), np.float32)


def task_data(task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the classes y of one of `TASKS`."""
    return load_digits()[0] if task == "digits" else data(Case("dense", "1438:20-32-32-2"), seed)


def missing(packages: Iterable[str]) -> list[str]:
    """Return the packages that are not installed."""
    return [package for package in packages if not any(Distribution.discover(name=package))]


def in_rounds(function: str, work: str, options, **given) -> dict[str, list]:
    """Return the results of `function` in each round, by name of each peer that covers a layer or task.

    Peers take turns, in alternating order. A peer that fails is left out with a message; nnfw must not fail.
    """
    results = {name: [] for name in ("ours", *options.peers) if work in PEERS[name].covers}
    for number in range(options.rounds):
        for name in list(results)[:: -1 if number % 2 else 1]:
            given["framework"] = "ours" if name in {*KERNELS, "before"} else name
            given |= {"work": PEERS[name].covers[work], "kernels": KERNELS.get(name, "numpy")}
            given["folder"] = options.before if name == "before" else measure.ROOT
            try:
                results[name].append(measure.apart(function, **given))
            except RuntimeError as error:
                if name == "ours":
                    raise
                tqdm.write(f"{name} is left out: {error}")
                del results[name]
    return results
