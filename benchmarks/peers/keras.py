"""Keras on JAX, through its own `fit`."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import keras
from keras.layers import GRU, Dense

from benchmarks.cases import BATCH_SIZE, RATE


def train(task, x, y, epochs, seed, tick):
    """Fit the network of a task."""
    keras.utils.set_random_seed(seed)
    layers = {
        "digits": [GRU(64), Dense(10, "softmax")],
        "chain": [Dense(32, "relu"), Dense(32, "relu"), Dense(2, "softmax")],
    }[task]
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    ticks = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tick())
    return model.fit(x, y, BATCH_SIZE, epochs, verbose=0, callbacks=[ticks]).history["loss"][-1]
