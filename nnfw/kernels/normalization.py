"""Layer normalization, compiled: each row is normalized at once, while it is in the cache."""

import math

import numba
import numpy as np

from nnfw.kernels.optimizers import compiled


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})  # adds several terms at once
def dot(a, b):
    """Return Σ a∘b."""
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@compiled
def layer_norm_forward(x, normalized, scale, y, gain, shift, epsilon):
    """Compute what `nnfw.layers.LayerNorm._forward_rows` does."""
    one, epsilon = gain.dtype.type(1), gain.dtype.type(epsilon)
    shares = np.full_like(gain, one / gain.dtype.type(len(gain)))
    for i in range(len(x)):
        x_i, normalized_i, y_i = x[i], normalized[i], y[i]
        mean = dot(x_i, shares)
        for j in range(len(gain)):
            normalized_i[j] = x_i[j] - mean  # (1)
        mean = dot(normalized_i, shares)
        for j in range(len(gain)):
            normalized_i[j] -= mean  # (1) again
        for j in range(len(gain)):
            y_i[j] = normalized_i[j] * normalized_i[j]
        scale_i = scale[i, 0] = one / math.sqrt(dot(y_i, shares) + epsilon)  # (2)
        for j in range(len(gain)):
            normalized_i[j] *= scale_i  # (3)
        for j in range(len(gain)):
            y_i[j] = normalized_i[j] * gain[j] + shift[j]  # (4)


@compiled
def layer_norm_backward(dy, normalized, scale, dx, gain):
    """Compute what `nnfw.layers.LayerNorm._backward_rows` does."""
    share = gain.dtype.type(1) / gain.dtype.type(len(gain))
    shares = np.full_like(gain, share)
    for i in range(len(dy)):
        dy_i, normalized_i, dx_i, scale_i = dy[i], normalized[i], dx[i], scale[i, 0]
        for j in range(len(gain)):
            dx_i[j] = dy_i[j] * gain[j]  # (4)
        mean, along = dot(dx_i, shares), dot(dx_i, normalized_i) * share
        for j in range(len(gain)):
            dx_i[j] = (dx_i[j] - normalized_i[j] * along - mean) * scale_i  # (2), (1), (3)
