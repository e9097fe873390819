"""Categorical cross-entropy of a softmax, compiled: the losses and their slopes in one pass."""

import math

from nnfw.kernels.optimizers import compiled


@compiled
def cross_entropy(y, a, logits, slope, values):
    """Fill slope (M, K) and values (M,) as `nnfw.losses.CategoricalCrossentropy` does from logits (M, K)."""
    number = logits.dtype.type
    half, two = number(0.5), number(2)
    for i in range(len(logits)):
        s, y_i, a_i, slope_i = logits[i], y[i], a[i], slope[i]
        top, others, total, along = 0, number(0), number(0), number(0)
        for k in range(len(s)):
            if s[k] > s[top]:
                top = k
        for k in range(len(s)):
            below = half * s[k] - half * s[top]  # halves cannot overflow
            if k != top:
                others += a_i[k]  # over a_top, it is exp(s_k - s_top)
            total += y_i[k]
            along += y_i[k] * below
        values[i] = total * math.log1p(others / a_i[top]) - two * along
        for k in range(len(s)):
            slope_i[k] = a_i[k] * total - y_i[k]
