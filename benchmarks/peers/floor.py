"""The floor: the matrix products that a layer cannot do without, in NumPy, and nothing else."""

from itertools import pairwise

import numpy as np

from benchmarks.cases import GATES, Array, Case

Product = tuple[Array, Array, Array]  # a, b and the memory for a @ b


def build(case: Case, seed: int) -> "Products":
    """Return the case's matrix products, ready to run."""
    rng = np.random.default_rng(seed)
    return dense(case, rng) if case.layer == "dense" else recurrent(case, rng)


class Products:
    """Matrix products of random operands."""

    def __init__(self, ahead: list[Product], back: list[Product]) -> None:
        self.ahead, self.back = ahead, back

    def forward(self) -> None:
        """Take those of the forward pass."""
        for a, b, out in self.ahead:
            np.matmul(a, b, out=out)

    def step(self) -> None:
        """Take those of the forward pass and of its adjoint."""
        self.forward()
        for a, b, out in self.back:
            np.matmul(a, b, out=out)


def product(a: Array, b: Array) -> Product:
    """Return the operands with memory for their product."""
    return a, b, np.empty((a.shape[0], b.shape[1]), a.dtype)


def dense(case: Case, rng: np.random.Generator) -> Products:
    """Return x W, and for each layer dW and (but for the first) dx."""
    N, *widths = case.sizes
    x = [rng.standard_normal((N, D), np.float32) for D in widths]
    W = [rng.standard_normal(shape, np.float32) for shape in pairwise(widths)]
    ahead = [product(*pair) for pair in zip(x, W, strict=False)]
    back = [product(ds, W.T) for ds, W in zip(x[2:], W[1:], strict=True)]
    return Products(ahead, back + [product(x.T, ds) for x, ds in pairwise(x)])


def recurrent(case: Case, rng: np.random.Generator) -> Products:
    """Return the input products of all steps, those within each step, and the weights' gradients.

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
    return Products(ahead, back + whole)
