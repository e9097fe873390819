"""JAX: each step compiled as a whole, the loop over time a `lax.scan`."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn

from benchmarks.cases import GATES, Case, data, dense_weights, recurrent_weights, side_by_side

Params = dict[str, jax.Array]


def build(case: Case, seed: int) -> "Recurrent | Sequential":
    """Return the case's layer, ready to run."""
    return Sequential(case, seed) if case.layer == "dense" else Recurrent(case, seed)


def rnn(p: Params, h: jax.Array, s: jax.Array) -> jax.Array:
    """Return the next state."""
    return jnp.tanh(s + h @ p["Wh"])


def gru(p: Params, h: jax.Array, s: jax.Array) -> jax.Array:
    """Return the next state; the reset gate acts before the product."""
    H = h.shape[-1]
    z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + h @ p["Wh_zr"]), 2, axis=-1)
    c = jnp.tanh(s[:, 2 * H :] + (r * h) @ p["Wh_c"])
    return z * h + (1 - z) * c


def gru_after(p: Params, h: jax.Array, s: jax.Array) -> jax.Array:
    """Return the next state; the reset gate acts after the product."""
    H = h.shape[-1]
    u = h @ p["Wh"]
    z, r = jnp.split(nn.sigmoid(s[:, : 2 * H] + u[:, : 2 * H]), 2, axis=-1)
    c = jnp.tanh(s[:, 2 * H :] + r * (u[:, 2 * H :] + p["bh_c"]))
    return z * h + (1 - z) * c


def lstm(p: Params, state: tuple[jax.Array, jax.Array], s: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the next states h and c."""
    h, c = state
    i, f, g, o = jnp.split(s + h @ p["Wh"], 4, axis=-1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c


CELLS = {"rnn": rnn, "gru": gru, "gru_after": gru_after, "lstm": lstm}


class Recurrent:
    """One recurrent layer."""

    def __init__(self, case: Case, seed: int) -> None:
        cell = CELLS[case.layer]
        x, dy = map(jnp.asarray, data(case, seed))

        def last(p: Params, x: jax.Array) -> jax.Array:
            s = (x @ p["Wx"] + p["b"]).swapaxes(0, 1)
            start: Any = jnp.zeros_like(dy)
            if case.layer == "lstm":
                start = (start, start)
            end, _ = lax.scan(lambda state, s_t: (cell(p, state, s_t), None), start, s)
            return end[0] if case.layer == "lstm" else end

        def loss(p: Params, x: jax.Array) -> jax.Array:
            return jnp.vdot(last(p, x), dy)

        self.x, self.params = x, parameters(case, seed)
        self.last, self.slopes = jax.jit(last), jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def forward(self) -> jax.Array:
        """Return the last states (N, H)."""
        return self.last(self.params, self.x).block_until_ready()

    def step(self) -> jax.Array:
        """Return dx (N, T, D)."""
        _, (_, dx) = jax.block_until_ready(self.slopes(self.params, self.x))
        return dx


def parameters(case: Case, seed: int) -> Params:
    """Return nnfw's weights, the gates side by side."""
    weights, gates = recurrent_weights(case, seed), GATES[case.layer]
    p = {name: side_by_side(weights, name, gates) for name in ("Wx", "Wh", "b")}
    if case.layer == "gru":
        p |= {"Wh_zr": side_by_side(weights, "Wh", gates[:2]), "Wh_c": weights["Wh_c"]}
    if case.layer == "gru_after":
        p["bh_c"] = weights["bh_c"]
    return {name: jnp.asarray(value) for name, value in p.items()}


class Sequential:
    """Dense layers with a loss and Adam."""

    def __init__(self, case: Case, seed: int) -> None:
        self.x, self.y = map(jnp.asarray, data(case, seed))
        self.params = jax.tree.map(jnp.asarray, dense_weights(case, seed))
        zeros = jax.tree.map(jnp.zeros_like, self.params)
        self.state = (jnp.zeros(()), zeros, jax.tree.map(jnp.copy, zeros))
        self.outputs = jax.jit(lambda p, x: nn.softmax(scores(p, x)))
        self.train = jax.jit(train_step, donate_argnums=(0, 1))

    def forward(self) -> jax.Array:
        """Return the outputs (N, K)."""
        return self.outputs(self.params, self.x).block_until_ready()

    def step(self) -> jax.Array:
        """Return the loss."""
        result = self.train(self.params, self.state, self.x, self.y)
        self.params, self.state, loss = jax.block_until_ready(result)
        return loss


def scores(params: Any, x: jax.Array) -> jax.Array:
    """Return the output layer's scores (N, K)."""
    *inner, (W, b) = params
    for V, c in inner:
        x = nn.relu(x @ V + c)
    return x @ W + b


def train_step(params: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
    """Return the parameters and Adam's state after a step, and the loss before it."""

    def mean_loss(params: Any) -> jax.Array:
        return -jnp.take_along_axis(nn.log_softmax(scores(params, x)), y[:, None], axis=1).mean()

    loss, grads = jax.value_and_grad(mean_loss)(params)
    steps, m, v = state
    steps += 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    m_scale, v_scale = 1 / (1 - 0.9**steps), 1 / (1 - 0.999**steps)
    descend = lambda p, m, v: p - 1e-3 * m * m_scale / (jnp.sqrt(v * v_scale) + 1e-8)  # noqa: E731
    return jax.tree.map(descend, params, m, v), (steps, m, v), loss
