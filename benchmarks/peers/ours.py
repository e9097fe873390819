"""nnfw, through its verbs."""

import numpy as np

import nnfw
from benchmarks.cases import BATCH_SIZE, RATE, Array, Case, data, dense_weights, recurrent_weights
from benchmarks.peers import Built


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    return dense(case, seed) if case.layer == "dense" else recurrent(case, seed)


def recurrent(case: Case, seed: int) -> Built:
    """Return one recurrent layer."""
    _, T, D, H = case.sizes
    x, dy = data(case, seed)
    options = {"reset_after": True} if case.layer == "gru_after" else {}
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
    network = nnfw.Network(layers, loss="cce", optimizer=nnfw.Adam(1e-3))
    network.compute_shapes((D,))
    network.initialize()
    spare_dx(layers[0])  # PyTorch's x asks for no gradient either
    for layer, (W, b) in zip(layers, dense_weights(case, seed), strict=True):
        layer.params["W"][...], layer.params["b"][...] = W, b
    return Built(lambda: network.forward(x), lambda: train_step(network, x, y), network)


def spare_dx(first: nnfw.Layer) -> None:
    """Have the first layer compute no gradient of its input, as in `fit`."""
    name = "_needs_dx" if hasattr(first, "_needs_dx") else "needs_dx"  # the name in versions up to 0.1
    setattr(first, name, False)


def train_step(network: nnfw.Network, x: Array, y: Array) -> float:
    """Take the training step as `fit` does, and return the loss."""
    a = network.forward(x, training=True)
    loss, dy, of_logits = network.loss.with_gradient(y, a)
    network.backward(dy, of_logits)
    network.gradients()
    network.update(network.optimizer, 0.0)
    return loss


def model(task: str, seed: int) -> nnfw.Network:
    """Return the network of a task of `fit`."""
    layers = {
        "digits": [nnfw.GRU(64), nnfw.Dense(10, "softmax")],
        "chain": [nnfw.Dense(32, "relu"), nnfw.Dense(32, "relu"), nnfw.Dense(2, "softmax")],
    }[task]
    return nnfw.Network(layers, loss="cce", optimizer=nnfw.Adam(RATE), metrics=["accuracy"], seed=seed)


def train(task, x, y, epochs, seed, tick):
    """Fit the network of a task."""
    ticks = nnfw.LambdaCallback(on_epoch_end=lambda run: tick())
    options = {"epochs": epochs, "batch_size": BATCH_SIZE, "callbacks": [ticks], "verbose": 0}
    return model(task, seed).fit(x, y, **options)["loss"][-1]
