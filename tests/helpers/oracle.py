"""What Dense, RNN, GRU, LSTM and GRUD compute, written down once more, one number at a time.

Slow on purpose, and nothing here is shared with nnfw. Every number may be complex, so that derivatives come
from the complex step, f'(x) = Im f(x + ih) / h (Squire & Trapp 1998): nothing is subtracted, therefore h can
be 1e-100 and the derivative is right to rounding, on either side of a kink.
"""

import cmath
import math
from functools import partial

import numpy as np
from numpy.testing import assert_allclose

STEP = 1e-100


def erf(v):
    real, slope = math.erf(v.real), 2 / math.sqrt(math.pi) * math.exp(-(v.real**2))
    return complex(real, slope * v.imag)  # exact to first order, all that the complex step needs


def logistic(v):
    return 1 / (1 + cmath.exp(-v))


def gelu_tanh(v):
    return v / 2 * (1 + cmath.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


def elu(v, alpha=1.0, scale=1.0):
    return scale * v if v.real > 0 else scale * alpha * (cmath.exp(v) - 1)


ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": lambda v: v if v.real > 0 else 0j,
    "leaky_relu": lambda v: v if v.real > 0 else 0.01 * v,
    "hard_sigmoid": lambda v: 0j if v.real < -3 else 1 + 0j if v.real > 3 else v / 6 + 0.5,
    "elu": elu,
    "selu": lambda v: elu(v, 1.6732632423543772848, 1.0507009873554804934),
    "softplus": lambda v: cmath.log(1 + cmath.exp(v)),
    "sigmoid": logistic,
    "tanh": cmath.tanh,
    "softsign": lambda v: v / (1 + (v if v.real > 0 else -v)),
    "silu": lambda v: v * logistic(v),
    "gelu_tanh": gelu_tanh,
    "gelu": lambda v: v / 2 * (1 + erf(v / math.sqrt(2))),
}


def weighted(values, weights, unit):
    """Sum over i of values[i] weights[i][unit]."""
    total = 0j
    for value, row in zip(values, weights, strict=True):
        total += value * row[unit]
    return total


def bias(p, name, unit):
    return p[name][unit] if name in p else 0j


def softmax(scores):
    powers = [cmath.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def dense_row(row, p, activation):
    H = len(p["W"][0])
    scores = [weighted(row, p["W"], j) + bias(p, "b", j) for j in range(H)]
    return softmax(scores) if activation == "softmax" else [ACTIVATIONS[activation](s) for s in scores]


def rnn_step(x, h, seen, p, phi):
    """Equation (1) of the RNN; the recurrent weights are shown `seen` of h."""
    return [
        phi(weighted(x, p["Wx"], j) + weighted(seen, p["Wh"], j) + bias(p, "b", j)) for j in range(len(h))
    ]


def gru_step(x, h, seen, p, phi, sigma_z, sigma_r, reset_after):
    """Equations (1) to (4) of the GRU."""
    units = range(len(h))
    update = [
        sigma_z(weighted(x, p["Wx_z"], j) + weighted(seen, p["Wh_z"], j) + bias(p, "b_z", j)) for j in units
    ]
    reset = [
        sigma_r(weighted(x, p["Wx_r"], j) + weighted(seen, p["Wh_r"], j) + bias(p, "b_r", j)) for j in units
    ]
    new = []
    for j in units:
        score = weighted(x, p["Wx_c"], j) + bias(p, "b_c", j)
        if reset_after:
            score += reset[j] * (weighted(seen, p["Wh_c"], j) + bias(p, "bh_c", j))
        else:
            score += weighted([reset[i] * seen[i] for i in units], p["Wh_c"], j)
        new.append(update[j] * h[j] + (1 - update[j]) * phi(score))
    return new


def lstm_step(x, state, seen, p, phi, sigma_i, sigma_f, sigma_o):
    """Equations (1) to (6) of the LSTM; the state is h, and c behind it."""
    H = len(state) // 2
    c = state[H:]

    def score(gate, j):
        return weighted(x, p[f"Wx_{gate}"], j) + weighted(seen, p[f"Wh_{gate}"], j) + bias(p, f"b_{gate}", j)

    new_h, new_c = [], []
    for j in range(H):
        entering = sigma_i(score("i", j)) * phi(score("g", j))
        cell = sigma_f(score("f", j)) * c[j] + entering
        new_c.append(cell)
        new_h.append(sigma_o(score("o", j)) * phi(cell))
    return new_h + new_c


def decay(v):
    return cmath.exp(-v) if v.real > 0 else 1 + 0j


def grud_inputs(x, h, p):
    """Equations (1) to (4) of the GRUD: what stands in the place of x and h in a GRU."""
    D = len(p["Wd_x"])
    values, mask, since = x[:D], x[D : 2 * D], x[2 * D :]
    imputed = []
    for d in range(D):
        faded = decay(p["Wd_x"][d] * since[d] + p["bd_x"][d]) * values[d]
        imputed.append(mask[d] * values[d] + (1 - mask[d]) * faded)
    state = [decay(weighted(since, p["Wd_h"], j) + p["bd_h"][j]) * h[j] for j in range(len(h))]
    return imputed + mask, state


def read(sequence, length, state, step, H, go_backwards, return_sequences):
    """Read one sequence; return its outputs at all steps, or the last one."""
    outputs = [[0j] * H for _ in sequence]
    for t in reversed(range(length)) if go_backwards else range(length):
        state = step(sequence[t], state)
        outputs[t] = state[:H]
    return outputs if return_sequences else state[:H]


def complex_lists(array):
    return np.asarray(array, complex).tolist()


def dense(arrays, activation="linear"):
    """Outputs of a Dense layer, for `arrays` x, W and b by name."""
    p = {name: complex_lists(array) for name, array in arrays.items()}
    if np.ndim(arrays["x"]) == 2:
        return np.array([dense_row(row, p, activation) for row in p["x"]])
    return np.array([[dense_row(row, p, activation) for row in sample] for sample in p["x"]])


def recurrent(
    arrays,
    activation="tanh",
    sigmas=("sigmoid", "sigmoid"),
    reset_after=False,
    go_backwards=False,
    return_sequences=False,
    lengths=None,
    shown=None,
    shown_x=None,
):
    """Outputs of a recurrent layer, as its weights tell, of `arrays` x, initial_state and weights by name.

    `shown` (N, H) is the share of h that the recurrent weights are shown, the mask of recurrent dropout, and
    `shown_x` (N, F) that of what the input weights see.
    """
    p = {name: complex_lists(array) for name, array in arrays.items()}
    phi, sigmas = ACTIVATIONS[activation], [ACTIVATIONS[name] for name in sigmas]

    def step(x, state, mask, mask_x):
        if "Wd_x" in p:
            x, state = grud_inputs(x, state, p)
        x = [m * value for m, value in zip(mask_x, x, strict=True)]
        seen = [m * h for m, h in zip(mask, state, strict=False)]  # h alone, if the state is more than that
        if "Wx_z" in p:
            return gru_step(x, state, seen, p, phi, *sigmas, reset_after)
        if "Wx_i" in p:
            return lstm_step(x, state, seen, p, phi, *sigmas)
        return rnn_step(x, state, seen, p, phi)

    H = next(len(weights) for name, weights in p.items() if name.startswith("Wh"))
    F = next(len(weights) for name, weights in p.items() if name.startswith("Wx"))
    S = 2 * H if "Wx_i" in p else H
    outputs = []
    shown = np.ones((len(p["x"]), H)) if shown is None else shown
    shown_x = np.ones((len(p["x"]), F)) if shown_x is None else shown_x
    for n, sequence in enumerate(p["x"]):
        length = len(sequence) if lengths is None else int(lengths[n])
        state = p["initial_state"][n] if "initial_state" in p else [0j] * S
        stepped = partial(step, mask=shown[n], mask_x=shown_x[n])
        outputs.append(read(sequence, length, state, stepped, H, go_backwards, return_sequences))
    return np.array(outputs)


def slope(outputs, arrays, name, direction, dy):
    """Derivative of the sum over dy∘outputs(arrays), as the array of that name moves along `direction`."""
    moved = {**arrays, name: arrays[name] + 1j * STEP * direction}
    return float(np.sum(dy * outputs(moved).imag)) / STEP


def compare(layer, arrays, outputs, rng, lengths=None, every_entry=False):
    """Compare what a layer computes of x and initial_state with `outputs` of the same arrays.

    Its gradients are compared along a random direction each, or in every entry.
    """
    options = {} if lengths is None else {"lengths": lengths}
    options |= {name: arrays[name] for name in ("initial_state",) if name in arrays}
    expected = outputs(arrays).real
    for training in (False, True):
        assert_allclose(layer.forward(arrays["x"], training, **options), expected, rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=expected.shape)
    given = dy.copy()
    if lengths is not None and dy.ndim == 3:
        given[np.arange(dy.shape[1]) >= lengths[:, None]] = np.nan  # must never be read
    found = {"x": layer.backward(given)}
    layer.gradients()
    found |= layer.grads
    if "initial_state" in arrays:
        found["initial_state"] = layer.initial_gradient
    assert set(found) == set(arrays)
    for name, gradient in found.items():
        assert gradient.shape == arrays[name].shape
        directions = np.eye(gradient.size) if every_entry else rng.normal(size=(1, gradient.size))
        for direction in directions.reshape(-1, *gradient.shape):
            expected = slope(outputs, arrays, name, direction, dy)
            scale = np.sum(np.abs(gradient * direction))
            assert abs(np.sum(gradient * direction) - expected) <= 1e-11 * (scale + 1), name
