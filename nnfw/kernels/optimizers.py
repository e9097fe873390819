"""The steps of Adam, Nadam and RMSprop, compiled: one pass over the vectors, with the bits of NumPy's."""

import math

import numba

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def adam(params, grads, m, v, beta_1, beta_2, of_m, of_g, rate, epsilon):
    """Compute the equations of `nnfw.optimizers.Adam`; the numerator of the step is of_m m + of_g g."""
    number = params.dtype.type
    beta_1, beta_2, of_m, of_g = number(beta_1), number(beta_2), number(of_m), number(of_g)
    rate, epsilon = number(rate), number(epsilon)
    for k in range(len(params)):
        m_k = m[k] * beta_1 + grads[k]  # (1)
        v_k = v[k] * beta_2 + grads[k] * grads[k]  # (2)
        params[k] -= (m_k * of_m + grads[k] * of_g) / (math.sqrt(v_k) + epsilon) * rate  # (3)
        m[k], v[k] = m_k, v_k


@compiled
def rmsprop(params, grads, v, rho, rest, rate, epsilon):
    """Compute equations 1, 3 and 4 of `nnfw.optimizers.RMSprop` without momentum; `rest` is 1 − ρ."""
    number = params.dtype.type
    rho, rest, rate, epsilon = number(rho), number(rest), number(rate), number(epsilon)
    for k in range(len(params)):
        v_k = v[k] * rho + grads[k] * grads[k] * rest  # (1)
        params[k] -= grads[k] / (math.sqrt(v_k) + epsilon) * rate  # (3), (4)
        v[k] = v_k
