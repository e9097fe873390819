"""What is measured: layers and their sizes, with the same data and the same weights for every framework."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nnfw.core.typing import Array as Array

TITLES = {
    "dense": "Dense chain",
    "rnn": "RNN",
    "gru": "GRU",
    "gru_after": "GRU (reset_after)",
    "lstm": "LSTM",
}
GATES = {"rnn": ("",), "gru": ("_z", "_r", "_c"), "lstm": ("_i", "_f", "_g", "_o")}
GATES["gru_after"] = GATES["gru"]

RECURRENT_SIZES: tuple[tuple[int, ...], ...] = (
    (1, 100, 8, 16),
    (32, 28, 28, 64),
    (32, 100, 16, 32),
    (64, 100, 64, 128),
    (128, 28, 28, 128),
    (128, 50, 128, 256),
    (256, 28, 28, 128),
)
DENSE_SIZES: tuple[tuple[int, ...], ...] = (
    (32, 20, 32, 32, 2),
    (32, 784, 128, 10),
    (128, 784, 256, 128, 10),
    (256, 784, 1024, 512, 10),
)


class Case(NamedTuple):
    """One layer at one size.

    Attributes
    ----------
    layer : str
        A key of `TITLES`.
    sizes : tuple of int
        (N, T, D, H); for a dense chain (N, D, H, ..., K).
    """

    layer: str
    sizes: tuple[int, ...]

    @property
    def text(self) -> str:
        """The sizes as the command line takes them: 32,28,28,64 or 32:20-32-32-2."""
        N, *widths = self.sizes
        return (
            f"{N}:{'-'.join(map(str, widths))}" if self.layer == "dense" else ",".join(map(str, self.sizes))
        )


def parse_sizes(text: str) -> tuple[bool, tuple[int, ...]]:
    """Return whether the text means a dense chain, and its numbers."""
    dense = ":" in text
    numbers = tuple(int(part) for part in text.replace(":", ",").replace("-", ",").split(","))
    if min(numbers) < 1 or (len(numbers) < 3 if dense else len(numbers) != 4):
        raise ValueError(text)
    return dense, numbers


def grid(layers: Iterable[str], chosen: list[tuple[bool, tuple[int, ...]]] | None, quick: bool) -> list[Case]:
    """Return the cases of these layers, at the sizes chosen or at all of them (the small ones if quick)."""
    cases = []
    for layer in layers:
        sizes = DENSE_SIZES if layer == "dense" else RECURRENT_SIZES
        if chosen is not None:
            sizes = tuple(numbers for dense, numbers in chosen if dense == (layer == "dense"))
        cases += [Case(layer, size) for size in (sizes[:2] if quick and chosen is None else sizes)]
    return cases


def data(case: Case, seed: int) -> tuple[Array, Array]:
    """Return x and the last state's gradient dy (N, H); for a dense chain x and the classes (N,)."""
    rng = np.random.default_rng(seed)
    if case.layer == "dense":
        N, D, *_, K = case.sizes
        return rng.standard_normal((N, D), np.float32), rng.integers(0, K, N)
    N, T, D, H = case.sizes
    return rng.standard_normal((N, T, D), np.float32), rng.standard_normal((N, H), np.float32)


def dense_weights(case: Case, seed: int) -> list[tuple[Array, Array]]:
    """Return (W, b) of each layer of a dense chain."""
    rng = np.random.default_rng(seed + 1)
    return [(uniform(rng, D, H), uniform(rng, D, H)[0] / 10) for D, H in pairwise(case.sizes[1:])]


def recurrent_weights(case: Case, seed: int) -> dict[str, Array]:
    """Return the parameters by nnfw's names; the states neither die out nor saturate."""
    rng = np.random.default_rng(seed + 1)
    _, _, D, H = case.sizes
    weights = {}
    for gate in GATES[case.layer]:
        weights["Wx" + gate] = uniform(rng, D, H)
        weights["Wh" + gate] = uniform(rng, H, H)
        weights["b" + gate] = uniform(rng, H, H)[0]
    if case.layer == "gru_after":
        weights["bh_c"] = uniform(rng, H, H)[0]
    return weights


def uniform(rng: np.random.Generator, D: int, H: int) -> Array:
    """Return weights (D, H) that keep nine tenths of a signal's size."""
    return (0.9 * np.sqrt(3 / D) * rng.uniform(-1, 1, (D, H))).astype(np.float32)


def side_by_side(weights: dict[str, Array], name: str, gates: Iterable[str]) -> Array:
    """Return the gates' arrays of one name in one: (D, G·H) or (G·H,)."""
    return np.concatenate([weights[name + gate] for gate in gates], axis=-1)
