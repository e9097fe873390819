"""Keras on JAX, by its guide to compiled training loops: ``stateless_call`` within ``jax.jit``."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import jax
import jax.numpy as jnp
import keras

from benchmarks.cases import GATES, Case, data, dense_weights, joined, recurrent_weights
from benchmarks.peers import Built

CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM}


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    x, target = map(jnp.asarray, data(case, seed))
    if case.layer == "dense":
        return dense(case, seed, x, target)
    Wx, Wh, b, bh = joined(recurrent_weights(case, seed), GATES[case.layer])
    H, after = case.sizes[-1], case.layer == "gru_after"
    layer = CELLS[case.layer](H) if case.layer in CELLS else keras.layers.GRU(H, reset_after=after)
    params, last, _ = pure([layer], [Wx, Wh, jnp.stack([b, bh]) if after else b], x)
    infer = jax.jit(last)
    slopes = jax.jit(jax.value_and_grad(lambda params, x: jnp.vdot(last(params, x), target), argnums=(0, 1)))
    return Built(
        lambda: infer(params, x).block_until_ready(),
        lambda: jax.block_until_ready(slopes(params, x))[1][1],
    )


def pure(layers, weights, x):
    """Return the parameters of these layers, their outputs as a pure function, and the variables."""
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    model.set_weights(weights)
    others = [v.value for v in model.non_trainable_variables]
    variables = model.trainable_variables
    return [v.value for v in variables], lambda p, x: model.stateless_call(p, others, x)[0], variables


def dense(case: Case, seed: int, x: jax.Array, y: jax.Array) -> Built:
    """Return dense layers with a loss and Adam."""
    *hidden, K = case.sizes[2:]
    layers = [keras.layers.Dense(H, "relu") for H in hidden] + [keras.layers.Dense(K)]
    weights = [array for pair in dense_weights(case, seed) for array in pair]
    params, logits, variables = pure(layers, weights, x)
    mean_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)
    state = [v.value for v in optimizer.variables]

    def train(params, state, x, y):
        loss, grads = jax.value_and_grad(lambda p: mean_loss(y, logits(p, x)))(params)
        return *optimizer.stateless_apply(state, grads, params), loss

    train = jax.jit(train, donate_argnums=(0, 1))
    infer = jax.jit(lambda params, x: keras.ops.softmax(logits(params, x)))

    def step():
        nonlocal params, state
        params, state, loss = jax.block_until_ready(train(params, state, x, y))
        return loss

    return Built(lambda: infer(params, x).block_until_ready(), step)
