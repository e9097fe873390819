"""What is measured: layers at several sizes, with the same data and weights for every framework."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nnfw.datasets import load_digits

Array = np.ndarray
TITLES = {"dense": "Dense chain", "rnn": "RNN", "gru": "GRU", "gru_after": "GRU, reset_after", "lstm": "LSTM"}
TITLES |= {"conv1d": "Conv1D", "lenet": "LeNet"}
TASKS = {"digits": "GRU(64) and a softmax on the digits", "chain": "Dense chain 20-32-32-2"}  # of `fit`
BATCH_SIZE, RATE = 32, 3e-3
ZRC = ("_z", "_r", "_c")
GATES = {"rnn": ("",), "gru": ZRC, "gru_after": ZRC, "lstm": ("_i", "_f", "_g", "_o")}
RECURRENT = ["1,100,8,16", "32,28,28,64", "32,100,16,32", "64,100,64,128"]
RECURRENT += ["128,28,28,128", "128,50,128,256", "256,28,28,128"]
CONVOLUTIONS = {"conv1d": ["64,128,32,64"], "lenet": ["64:28-6-16-120-84-10"]}
DENSE = ["32:20-32-32-2", "32:784-128-10", "128:784-256-128-10", "256:784-1024-512-10"]
SIZES = re.compile(r"N(,N){3}|N:N(-N)+".replace("N", r"[1-9]\d*"))


class Case(NamedTuple):
    """A layer, a key of `TITLES`, at a size: N,T,D,H, or of a chain of layers N:D-H-K.

    D of LeNet is the height and width of an image, and the first two H are filters of 5 × 5.
    """

    layer: str
    text: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of the text."""
        return tuple(map(int, re.findall(r"\d+", self.text)))


def parse_sizes(text: str) -> str:
    """Return the text if it is a size."""
    if not SIZES.fullmatch(text):
        raise ValueError(text)
    return text


def grid(layer: str, chosen: list[str] | None, quick: bool) -> list[str]:
    """Return the sizes of a layer: those of the chosen ones that fit it, or all (two if quick)."""
    if layer in CONVOLUTIONS:
        return [] if chosen else CONVOLUTIONS[layer]
    sizes = chosen or [*RECURRENT[: 2 if quick else None], *DENSE[: 2 if quick else None]]
    return [size for size in sizes if (":" in size) == (layer == "dense")]


def task_data(task: str, seed: int) -> tuple[Array, Array]:
    """Return x and the classes y of one of `TASKS`."""
    digits, _ = load_digits()
    if task == "digits":
        return digits
    rng, N = np.random.default_rng(seed), len(digits[0])
    return rng.standard_normal((N, 20), np.float32), rng.integers(0, 2, N)


def data(case: Case, seed: int) -> tuple[Array, Array]:
    """Return x and the gradient of the last state, or of all that Conv1D returns; of a chain x and y (N,)."""
    rng = np.random.default_rng(seed)
    N, D, *widths, last = case.sizes
    if ":" in case.text:
        shape = (D, D, 1) if case.layer == "lenet" else (D,)
        return rng.standard_normal((N, *shape), np.float32), rng.integers(0, last, N)
    steps = (D - 4,) if case.layer == "conv1d" else ()
    x = rng.standard_normal((N, D, *widths), np.float32)
    return x, rng.standard_normal((N, *steps, last), np.float32)


def chain_weights(case: Case, seed: int) -> list[tuple[Array, Array]]:
    """Return (W, b) of each layer of a chain; W of a convolution is (25 D, H)."""
    rng = np.random.default_rng(seed + 1)
    shapes = list(pairwise(case.sizes[1:]))
    if case.layer == "lenet":
        size, first, second, third, *_ = case.sizes[1:]
        pixels = ((size // 2 - 4) // 2) ** 2  # after each convolution they are pooled by 2
        shapes[:3] = [(25, first), (25 * first, second), (pixels * second, third)]
    return [(uniform(rng, D, H), uniform(rng, D, H)[0] / 10) for D, H in shapes]


def layer_weights(case: Case, seed: int) -> dict[str, Array]:
    """Return the parameters by nnfw's names; the states neither die out nor saturate."""
    rng = np.random.default_rng(seed + 1)
    _, _, D, H = case.sizes
    if case.layer == "conv1d":
        return {"W": uniform(rng, 5 * D, H).reshape(5, D, H), "b": uniform(rng, D, H)[0]}
    weights = {}
    for gate in GATES[case.layer]:
        weights["Wx" + gate] = uniform(rng, D, H)
        weights["Wh" + gate] = uniform(rng, H, H)
        weights["b" + gate] = uniform(rng, H, H)[0]
    return weights | ({"bh_c": uniform(rng, H, H)[0]} if case.layer == "gru_after" else {})


def uniform(rng: np.random.Generator, D: int, H: int) -> Array:
    """Return weights (D, H) that keep nine tenths of a signal's size."""
    return (0.9 * np.sqrt(3 / D) * rng.uniform(-1, 1, (D, H))).astype(np.float32)


def joined(weights: Mapping[str, Array], gates: Iterable[str]) -> list[Array]:
    """Return Wx (D, G·H), Wh (H, G·H), b (G·H,) and the recurrent bias bh (G·H,), the gates in this order."""
    weights = {f"bh{gate}": np.zeros_like(weights[f"b{gate}"]) for gate in gates} | dict(weights)
    return [
        np.concatenate([weights[name + gate] for gate in gates], axis=-1) for name in ("Wx", "Wh", "b", "bh")
    ]
