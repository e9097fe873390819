"""JAX: each step compiled as a whole, the loop over time a ``lax.scan``."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax, nn

from benchmarks.cases import GATES, Case, chain_weights, data, joined, layer_weights
from benchmarks.peers import Built


def rnn(p, h, s):
    """Return the next state."""
    return jnp.tanh(s + h @ p["Wh"])


def gru(p, h, s):
    """Return the next state; the reset gate acts before the product."""
    H = h.shape[-1]
    z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + h @ p["Wh"][:, : 2 * H]), 2, axis=-1)
    return z * h + (1 - z) * jnp.tanh(s[:, 2 * H :] + (r * h) @ p["Wh"][:, 2 * H :])


def gru_after(p, h, s):
    """Return the next state; the reset gate acts after the product."""
    H = h.shape[-1]
    u = h @ p["Wh"] + p["bh"]
    z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + u[:, : 2 * H]), 2, axis=-1)
    return z * h + (1 - z) * jnp.tanh(s[:, 2 * H :] + r * u[:, 2 * H :])


def lstm(p, state, s):
    """Return the next states h and c."""
    h, c = state
    i, f, g, o = jnp.split(s + h @ p["Wh"], 4, axis=-1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c


CELLS = {"rnn": rnn, "gru": gru, "gru_after": gru_after, "lstm": lstm}


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    return dense(case, seed) if case.layer == "dense" else recurrent(case, seed)


def recurrent(case: Case, seed: int) -> Built:
    """Return one recurrent layer."""
    cell = CELLS[case.layer]
    x, dy = map(jnp.asarray, data(case, seed))
    arrays = joined(layer_weights(case, seed), GATES[case.layer])
    params = dict(zip(("Wx", "Wh", "b", "bh"), map(jnp.asarray, arrays), strict=True))
    zeros = jnp.zeros_like(dy)
    start = (zeros, zeros) if case.layer == "lstm" else zeros

    def last(p, x):
        s = (x @ p["Wx"] + p["b"]).swapaxes(0, 1)
        end, _ = lax.scan(lambda state, s_t: (cell(p, state, s_t), None), start, s)
        return end[0] if case.layer == "lstm" else end

    infer = jax.jit(last)
    slopes = jax.jit(jax.value_and_grad(lambda p, x: jnp.vdot(last(p, x), dy), argnums=(0, 1)))
    return Built(
        lambda: infer(params, x).block_until_ready(),
        lambda: jax.block_until_ready(slopes(params, x))[1][1],
    )


def dense(case: Case, seed: int) -> Built:
    """Return dense layers with a loss and Adam, as in `nnfw.optimizers`."""
    x, y = map(jnp.asarray, data(case, seed))
    params = jax.tree.map(jnp.asarray, chain_weights(case, seed))
    state = params, *(jax.tree.map(jnp.zeros_like, params) for _ in "mv"), 0

    def logits(params, x):
        for W, b in params[:-1]:
            x = nn.relu(x @ W + b)
        return x @ params[-1][0] + params[-1][1]

    def mean_loss(params, x, y):
        return -jnp.take_along_axis(nn.log_softmax(logits(params, x)), y[:, None], axis=1).mean()

    @partial(jax.jit, donate_argnums=0)
    def train(state, x, y):
        params, m, v, t = state
        loss, grads = jax.value_and_grad(mean_loss)(params, x, y)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        m_sum, v_sum, t = 1 - 0.9 ** (t + 1), 1 - 0.999 ** (t + 1), t + 1
        rule = lambda p, m, v: p - 1e-3 * (m / m_sum) / (jnp.sqrt(v / v_sum) + 1e-8)  # noqa: E731
        return (jax.tree.map(rule, params, m, v), m, v, t), loss

    infer = jax.jit(lambda params, x: nn.softmax(logits(params, x)))

    def step():
        nonlocal state
        state, loss = jax.block_until_ready(train(state, x, y))
        return loss

    return Built(lambda: infer(state[0], x).block_until_ready(), step)
