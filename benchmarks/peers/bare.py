"""nnfw without `fit`: the verbs alone, on batches that are cut once and keep their order."""

import numpy as np

from benchmarks.cases import BATCH_SIZE
from benchmarks.peers.ours import model, spare_dx


def train(task, x, y, epochs, seed, tick):
    """Take the training steps of so many epochs."""
    network = model(task, seed)
    network.compute_shapes(x.shape[1:])
    network.initialize()
    spare_dx(network.layers[0])
    batches = [(x[i : i + BATCH_SIZE], y[i : i + BATCH_SIZE]) for i in range(0, len(x), BATCH_SIZE)]
    for _ in range(epochs):
        losses = []
        for x_batch, y_batch in batches:
            a = network.forward(x_batch, training=True)
            losses.append(network.loss(y_batch, a))
            network.backward(network.loss.gradient(y_batch, a))
            network.gradients()
            network.update(network.optimizer, 0.0)
        tick()
    return np.mean(losses)
