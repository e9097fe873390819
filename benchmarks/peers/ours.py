"""nnfw, through its public verbs."""

from typing import Any

import numpy as np

import nnfw
from benchmarks.cases import Array, Case, data, dense_weights, recurrent_weights
from nnfw.schedules import Cosine


def build(case: Case, seed: int) -> "Recurrent | Sequential":
    """Return the case's layer, ready to run."""
    return Sequential(case, seed) if case.layer == "dense" else Recurrent(case, seed)


def make(layer: str, units: int, **options: Any) -> nnfw.Layer:
    """Return a recurrent layer."""
    if layer.startswith("gru"):
        return nnfw.GRU(units, reset_after=layer == "gru_after", **options)
    made: nnfw.Layer = getattr(nnfw, layer.upper())(units, **options)
    return made


class Recurrent:
    """One recurrent layer."""

    def __init__(self, case: Case, seed: int, **options: Any) -> None:
        _, T, D, H = case.sizes
        self.x, self.dy = data(case, seed)
        self.layer = make(case.layer, H, **options)
        self.layer.compute_shapes((T, D))
        self.layer.initialize(np.random.default_rng(seed))
        for name, value in recurrent_weights(case, seed).items():
            self.layer.params[name][...] = value

    def forward(self) -> Array:
        """Return the last states (N, H)."""
        return self.layer.forward(self.x)

    def step(self) -> Array:
        """Return dx (N, T, D)."""
        self.layer.forward(self.x, training=True)
        dx = self.layer.backward(self.dy)
        self.layer.gradients()
        return dx


class Sequential:
    """Dense layers with a loss and Adam."""

    def __init__(self, case: Case, seed: int) -> None:
        _, D, *hidden, K = case.sizes
        self.x, self.y = data(case, seed)
        layers = [nnfw.Dense(H, "relu") for H in hidden] + [nnfw.Dense(K, "softmax")]
        self.network, self.optimizer = nnfw.Network(layers, loss="cce"), nnfw.Adam(1e-3)
        self.network.compute_shapes((D,))
        self.network.initialize()
        layers[0]._needs_dx = False  # as in `fit`; PyTorch's x asks for no gradient either
        for layer, (W, b) in zip(layers, dense_weights(case, seed), strict=True):
            layer.params["W"][...], layer.params["b"][...] = W, b

    def forward(self) -> Array:
        """Return the outputs (N, K)."""
        return self.network.forward(self.x)

    def step(self) -> float:
        """Return the loss."""
        return train_step(self.network, self.optimizer, self.x, self.y, epoch=0.0)


def train_step(network: nnfw.Network, optimizer: nnfw.Optimizer, x: Array, y: Array, epoch: float) -> float:
    """Take the training step in its three passes and return the loss."""
    a = network.forward(x, training=True)
    loss = network.loss(y, a)
    network.backward(network.loss.gradient(y, a))
    network.gradients()
    network.update(optimizer, epoch)
    return loss


def classifier(units: int, features: int, classes: int, seed: int | None = None) -> nnfw.Network:
    """Return a GRU and a softmax, with initial weights."""
    network = nnfw.Network(
        [nnfw.GRU(units, reset_after=True), nnfw.Dense(classes, "softmax")], loss="cce", seed=seed
    )
    network.compute_shapes((None, features))
    network.initialize()
    return network


class Learner:
    """The classifier that `training` trains, from given weights."""

    def __init__(self, weights: dict[str, Array], rate: float, epochs: int) -> None:
        (D, H), (_, K) = weights["gru_1.Wx_z"].shape, weights["dense_2.W"].shape
        self.network = classifier(H, D, K)
        self.network.layers[0]._needs_dx = False  # as in `fit`
        self.optimizer = nnfw.Adam(Cosine(rate, epochs))
        for name, value in weights.items():
            self.network.params[name][...] = value

    def step(self, x: Array, y: Array, epoch: float) -> float:
        """Take one training step and return the loss."""
        return train_step(self.network, self.optimizer, x, y, epoch)

    def predict(self, x: Array) -> Array:
        """Return the classes (N,)."""
        return self.network.predict_classes(x)
