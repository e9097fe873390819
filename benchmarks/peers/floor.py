"""The floor: only the necessary matrix products of a layer, in NumPy."""

from itertools import pairwise

import numpy as np

from benchmarks.plan import GATES, Built, Case


def build(case: Case, seed: int) -> Built:
    """Return the case's matrix products of random operands."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape, np.float32)  # noqa: E731
    pairs = dense(case, draw) if ":" in case.text else recurrent(case, draw)
    ahead, back = ([(a, b, np.empty((len(a), b.shape[1]), a.dtype)) for a, b in some] for some in pairs)

    def take(products):
        for a, b, out in products:
            np.matmul(a, b, out=out)

    return Built(lambda: take(ahead), lambda: take(ahead + back), (ahead, back))


def dense(case, draw):
    """Return the operands of x W; and for each layer those of dW and, except for the first, of dx."""
    N, *widths = case.sizes
    x, W = [draw(N, D) for D in widths], [draw(D, H) for D, H in pairwise(widths)]
    back = [(ds, W.T) for ds, W in zip(x[2:], W[1:], strict=True)]
    return list(zip(x, W, strict=False)), back + [(x.T, ds) for x, ds in pairwise(x)]


def recurrent(case, draw):
    """Return the input products of all steps and those within each; and the same of the backward pass."""
    N, T, D, H = case.sizes
    width = GATES[case.layer] * H
    # The default GRU takes two products a step: the candidate's waits for the reset gate.
    blocks = [slice(2 * H), slice(2 * H, width)] if case.layer == "gru" else [slice(width)]
    x, h, ds, Wx, Wh = draw(T * N, D), draw(T * N, H), draw(T * N, width), draw(D, width), draw(H, width)
    steps = [slice(N * t, N * (t + 1)) for t in range(T)]
    ahead = [(x, Wx)] + [(h[t], Wh[:, block]) for t in steps for block in blocks]
    back = [(ds[t, block], Wh[:, block].T) for t in reversed(steps) for block in blocks]
    whole = [(ds, Wx.T), (x.T, ds)] + [(h.T, ds[:, block]) for block in blocks]
    return ahead, back + whole
