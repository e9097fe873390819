"""Keras on JAX, by its guide to compiled training loops: ``stateless_call`` within ``jax.jit``."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import jax
import jax.numpy as jnp
import keras
import numpy as np

from benchmarks.cases import Case, data, dense_weights, recurrent_weights, side_by_side

ORDER = {"rnn": ("",), "gru": ("_z", "_r", "_c"), "lstm": ("_i", "_f", "_g", "_o")}
ORDER["gru_after"] = ORDER["gru"]


def build(case: Case, seed: int) -> "Recurrent | Sequential":
    """Return the case's layer, ready to run."""
    return Sequential(case, seed) if case.layer == "dense" else Recurrent(case, seed)


class Compiled:
    """A model with its variables, and its compiled inference."""

    def __init__(self, model: keras.Model, x: jax.Array) -> None:
        self.model, self.x = model, x
        self.params = [v.value for v in model.trainable_variables]
        self.others = [v.value for v in model.non_trainable_variables]
        self.infer = jax.jit(self.call)

    def call(self, params: Any, x: jax.Array) -> jax.Array:
        """Return the model's outputs as a pure function."""
        return self.model.stateless_call(params, self.others, x)[0]

    def forward(self) -> jax.Array:
        """Return the outputs (N, K) or the last states (N, H)."""
        return self.infer(self.params, self.x).block_until_ready()


class Recurrent(Compiled):
    """One recurrent layer."""

    def __init__(self, case: Case, seed: int) -> None:
        _, T, D, H = case.sizes
        x, dy = map(jnp.asarray, data(case, seed))
        layer = make(case.layer, H)
        model = keras.Sequential([keras.Input((T, D)), layer])
        weights, order = recurrent_weights(case, seed), ORDER[case.layer]
        b = side_by_side(weights, "b", order)
        if case.layer == "gru_after":
            b = np.stack([b, np.concatenate([np.zeros(2 * H, b.dtype), weights["bh_c"]])])
        layer.set_weights([side_by_side(weights, "Wx", order), side_by_side(weights, "Wh", order), b])
        super().__init__(model, x)

        def loss(params: Any, x: jax.Array) -> jax.Array:
            return jnp.vdot(self.call(params, x), dy)

        self.slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def step(self) -> jax.Array:
        """Return dx (N, T, D)."""
        _, (_, dx) = jax.block_until_ready(self.slopes(self.params, self.x))
        return dx


def make(layer: str, units: int) -> keras.Layer:
    """Return a recurrent layer."""
    if layer.startswith("gru"):
        return keras.layers.GRU(units, reset_after=layer == "gru_after")
    return {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM}[layer](units)


class Sequential(Compiled):
    """Dense layers with a loss and Adam."""

    def __init__(self, case: Case, seed: int) -> None:
        _, D, *hidden, K = case.sizes
        x, self.y = map(jnp.asarray, data(case, seed))
        layers = [keras.layers.Dense(H, "relu") for H in hidden] + [keras.layers.Dense(K)]
        model = keras.Sequential([keras.Input((D,)), *layers])
        model.set_weights([array for pair in dense_weights(case, seed) for array in pair])
        super().__init__(model, x)
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.optimizer.build(model.trainable_variables)
        self.state = [v.value for v in self.optimizer.variables]
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.infer = jax.jit(lambda params, x: keras.ops.softmax(self.call(params, x)))
        self.train = jax.jit(self.train_step, donate_argnums=(0, 1))

    def train_step(self, params: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
        """Return the parameters and the optimizer's state after a step, and the loss before it."""
        loss, grads = jax.value_and_grad(lambda p: self.loss(y, self.call(p, x)))(params)
        return *self.optimizer.stateless_apply(state, grads, params), loss

    def step(self) -> jax.Array:
        """Return the loss."""
        result = self.train(self.params, self.state, self.x, self.y)
        self.params, self.state, loss = jax.block_until_ready(result)
        return loss
