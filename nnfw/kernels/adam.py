"""The step of Adam, compiled: one pass over the vectors."""

import math

import numba


@numba.njit(cache=True, nogil=True, error_model="numpy")
def adam(params, grads, m, v, beta_1, beta_2, rate, epsilon):
    """Compute equations 1 to 3 of `nnfw.optimizers.Adam`, 3 as in `_descend`, with the same bits as NumPy."""
    number = params.dtype.type
    beta_1, beta_2, rate, epsilon = number(beta_1), number(beta_2), number(rate), number(epsilon)
    for k in range(len(params)):
        m_k = m[k] * beta_1 + grads[k]  # (1)
        v_k = v[k] * beta_2 + grads[k] * grads[k]  # (2)
        params[k] -= m_k / (math.sqrt(v_k) + epsilon) * rate  # (3)
        m[k], v[k] = m_k, v_k
