"""nnfw, through its verbs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nnfw
from benchmarks.cases import Array, Case, data, dense_weights, recurrent_weights
from benchmarks.peers import Built
from nnfw.schedules import Cosine


def build(case: Case, seed: int, **options: Any) -> Built:
    """Return the case's layer, ready to run."""
    return dense(case, seed) if case.layer == "dense" else recurrent(case, seed, **options)


def recurrent(case: Case, seed: int, **options: Any) -> Built:
    """Return one recurrent layer."""
    _, T, D, H = case.sizes
    x, dy = data(case, seed)
    if case.layer == "gru_after":
        options["reset_after"] = True
    layer = getattr(nnfw, case.layer.removesuffix("_after").upper())(H, **options)
    layer.compute_shapes((T, D))
    layer.initialize(np.random.default_rng(seed))
    for name, value in recurrent_weights(case, seed).items():
        layer.params[name][...] = value

    def step():
        layer.forward(x, training=True)
        dx = layer.backward(dy)
        layer.gradients()
        return dx

    return Built(lambda: layer.forward(x), step, layer)


def dense(case: Case, seed: int) -> Built:
    """Return dense layers with a loss and Adam."""
    _, D, *hidden, K = case.sizes
    x, y = data(case, seed)
    layers = [nnfw.Dense(H, "relu") for H in hidden] + [nnfw.Dense(K, "softmax")]
    network = ready(layers, (D,), optimizer=nnfw.Adam(1e-3))
    spare_dx(layers[0])  # PyTorch's x asks for no gradient either
    for layer, (W, b) in zip(layers, dense_weights(case, seed), strict=True):
        layer.params["W"][...], layer.params["b"][...] = W, b
    return Built(lambda: network.forward(x), lambda: train_step(network, x, y), network)


def ready(layers: Sequence[nnfw.Layer], shape: tuple[int | None, ...], **options: Any) -> nnfw.Network:
    """Return a network of these layers with initial weights."""
    network = nnfw.Network(layers, loss="cce", **options)
    network.compute_shapes(shape)
    network.initialize()
    return network


def spare_dx(first: nnfw.Layer) -> None:
    """Have the first layer compute no gradient of its input, as in `fit`."""
    name = "_needs_dx" if hasattr(first, "_needs_dx") else "needs_dx"  # the name in versions up to 0.1
    setattr(first, name, False)


def train_step(network: nnfw.Network, x: Array, y: Array, epoch: float = 0.0, **options: Any) -> float:
    """Take the training step in its three passes and return the loss."""
    a = network.forward(x, training=True, **options)
    loss = network.loss(y, a)
    network.backward(network.loss.gradient(y, a))
    network.gradients()
    network.update(network.optimizer, epoch)
    return loss


def classifier(units: int, features: int, classes: int, seed: int, rate: float, epochs: int) -> nnfw.Network:
    """Return the network that `training` trains: a GRU and a softmax, with Adam on a cosine schedule."""
    layers = [nnfw.GRU(units, reset_after=True), nnfw.Dense(classes, "softmax")]
    return ready(layers, (None, features), optimizer=nnfw.Adam(Cosine(rate, epochs)), seed=seed)


def learner(network: nnfw.Network) -> tuple[Callable[..., float], Callable[..., Array]]:
    """Return a function that takes a training step, and one that predicts the classes."""
    spare_dx(network.layers[0])
    return lambda x, y, epoch: train_step(network, x, y, epoch), network.predict_classes
