"""The floor: the matrix products that a layer cannot do without, in NumPy, and nothing else."""

from itertools import pairwise

import numpy as np

from benchmarks.cases import GATES, Array, Case
from benchmarks.peers import Built

Products = list[tuple[Array, Array, Array]]  # a, b and the memory for a @ b


def build(case: Case, seed: int) -> Built:
    """Return the case's matrix products of random operands."""
    ahead, back = (dense if case.layer == "dense" else recurrent)(case, np.random.default_rng(seed))
    return Built(lambda: take(ahead), lambda: take(ahead + back), (ahead, back))


def take(products: Products) -> None:
    """Compute the products."""
    for a, b, out in products:
        np.matmul(a, b, out=out)


def product(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return the operands with memory for their product."""
    return a, b, np.empty((a.shape[0], b.shape[1]), a.dtype)


def dense(case: Case, rng: np.random.Generator) -> tuple[Products, Products]:
    """Return x W; and for each layer dW and, except for the first, dx."""
    N, *widths = case.sizes
    x = [rng.standard_normal((N, D), np.float32) for D in widths]
    W = [rng.standard_normal(shape, np.float32) for shape in pairwise(widths)]
    back = [product(ds, W.T) for ds, W in zip(x[2:], W[1:], strict=True)]
    return list(map(product, x, W)), back + [product(x.T, ds) for x, ds in pairwise(x)]


def recurrent(case: Case, rng: np.random.Generator) -> tuple[Products, Products]:
    """Return the input products of all steps and those within each step; and the same of the backward pass.

    GRU's default form takes two products a step: the candidate's waits for the reset gate.
    """
    N, T, D, H = case.sizes
    width = len(GATES[case.layer]) * H
    blocks = [slice(2 * H), slice(2 * H, width)] if case.layer == "gru" else [slice(width)]
    x, h, ds = (rng.standard_normal((T * N, n), np.float32) for n in (D, H, width))
    Wx, Wh = (rng.standard_normal((n, width), np.float32) for n in (D, H))
    steps = [slice(N * t, N * (t + 1)) for t in range(T)]
    ahead = [product(x, Wx)] + [product(h[t], Wh[:, block]) for t in steps for block in blocks]
    back = [product(ds[t, block], Wh[:, block].T) for t in reversed(steps) for block in blocks]
    whole = [product(ds, Wx.T), product(x.T, ds)] + [product(h.T, ds[:, block]) for block in blocks]
    return ahead, back + whole
