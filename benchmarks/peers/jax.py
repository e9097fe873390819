"""JAX: each step compiled as a whole, the loop over time a ``lax.scan``."""

import jax
import jax.numpy as jnp
from jax import lax, nn

from benchmarks.cases import GATES, Case, data, joined, recurrent_weights
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
    """Return the case's recurrent layer, ready to run."""
    cell = CELLS[case.layer]
    x, dy = map(jnp.asarray, data(case, seed))
    arrays = joined(recurrent_weights(case, seed), GATES[case.layer])
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
