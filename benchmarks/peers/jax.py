"""JAX: each step compiled as a whole, with the loop over time as ``lax.scan``."""

import jax
import jax.numpy as jnp
from jax import lax, nn
from jax.example_libraries.optimizers import adam

from benchmarks.peers.ours import weights
from benchmarks.plan import Built, Case, data
from nnfw.exchange.keras import ORDERS


def cell(kind, p, state, s):
    """Return the next states of a layer: h and, for an LSTM, c."""
    h, *c = state
    if kind == "rnn":
        return (jnp.tanh(s + h @ p["Wh"]),)
    if kind == "lstm":
        i, f, g, o = jnp.split(s + h @ p["Wh"], 4, axis=-1)
        c = nn.sigmoid(f) * c[0] + nn.sigmoid(i) * jnp.tanh(g)
        return nn.sigmoid(o) * jnp.tanh(c), c
    H = h.shape[-1]
    if kind == "gru":  # the reset gate acts before the product
        z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + h @ p["Wh"][:, : 2 * H]), 2, axis=-1)
        c = jnp.tanh(s[:, 2 * H :] + (r * h) @ p["Wh"][:, 2 * H :])
    else:
        u = h @ p["Wh"] + p["bh"]
        z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + u[:, : 2 * H]), 2, axis=-1)
        c = jnp.tanh(s[:, 2 * H :] + r * u[:, 2 * H :])
    return (z * h + (1 - z) * c,)


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    x, y = map(jnp.asarray, data(case, seed))
    params = jax.tree.map(jnp.asarray, weights(case, seed, ORDERS))
    return dense(params, x, y) if case.layer == "dense" else recurrent(case.layer, *params, x, y)


def recurrent(kind, params, x, dy):
    """Return one recurrent layer."""
    start = (jnp.zeros_like(dy),) * (2 if kind == "lstm" else 1)

    @jax.jit
    def last(p, x):
        s = (x @ p["Wx"] + p["b"]).swapaxes(0, 1)
        return lax.scan(lambda state, s_t: (cell(kind, p, state, s_t), None), start, s)[0][0]

    slopes = jax.jit(jax.grad(lambda p, x: jnp.vdot(last(p, x), dy), argnums=(0, 1)))
    forward = lambda: last(params, x).block_until_ready()  # noqa: E731
    return Built(forward, lambda: jax.block_until_ready(slopes(params, x))[1])


def dense(params, x, y):
    """Return dense layers with a loss and Adam."""
    initial, update, params_of = adam(1e-3)
    state = initial(params), 0

    def logits(params, x):
        *hidden, last = params
        for layer in hidden:
            x = nn.relu(x @ layer["W"] + layer["b"])
        return x @ last["W"] + last["b"]

    def train(state, x, y):
        optimizer, number = state
        chosen = lambda p: jnp.take_along_axis(nn.log_softmax(logits(p, x)), y[:, None], 1)  # noqa: E731
        loss, grads = jax.value_and_grad(lambda p: -chosen(p).mean())(params_of(optimizer))
        return (update(number, grads, optimizer), number + 1), loss

    infer = jax.jit(lambda state, x: nn.softmax(logits(params_of(state[0]), x)))
    trained = jax.jit(train, donate_argnums=0)

    def step():
        nonlocal state
        state, loss = jax.block_until_ready(trained(state, x, y))
        return loss

    return Built(lambda: infer(state, x).block_until_ready(), step)
