"""nnfw, through its verbs."""

import numpy as np

import nnfw
from benchmarks.cases import BATCH_SIZE, RATE, Array, Case, chain_weights, data, layer_weights
from benchmarks.peers import Built


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    return chain(case, seed) if ":" in case.text else layer(case, seed)


def layer(case: Case, seed: int) -> Built:
    """Return one recurrent layer, or a convolution over time."""
    *_, H = case.sizes
    x, dy = data(case, seed)
    options = {"reset_after": True} if case.layer == "gru_after" else {}
    kind = getattr(nnfw, case.layer.removesuffix("_after").upper(), None)
    layer = kind(H, **options) if kind else nnfw.Conv1D(H, 5)
    layer.compute_shapes(x.shape[1:])
    layer.initialize(np.random.default_rng(seed))
    for name, value in layer_weights(case, seed).items():
        layer.params[name][...] = value

    def step():
        layer.forward(x, training=True)
        dx = layer.backward(dy)
        layer.gradients()
        return dx

    return Built(lambda: layer.forward(x), step, layer)


def chain(case: Case, seed: int) -> Built:
    """Return dense layers, or LeNet, with a loss and Adam."""
    _, _, *hidden, K = case.sizes
    x, y = data(case, seed)
    layers: list[nnfw.Layer] = []
    if case.layer == "lenet":
        layers = [nnfw.Conv2D(hidden[0], 5, "relu", padding="same"), nnfw.MaxPooling2D(2)]
        layers += [nnfw.Conv2D(hidden[1], 5, "relu"), nnfw.MaxPooling2D(2), nnfw.Flatten()]
        del hidden[:2]
    layers += [nnfw.Dense(H, "relu") for H in hidden] + [nnfw.Dense(K, "softmax")]
    network = nnfw.Network(layers, loss="cce", optimizer=nnfw.Adam(1e-3))
    network.compute_shapes(x.shape[1:])
    network.initialize()
    spare_dx(layers[0])  # PyTorch's x asks for no gradient either
    trained = [layer.params for layer in layers if layer.params]
    for params, (W, b) in zip(trained, chain_weights(case, seed), strict=True):
        params["W"][...], params["b"][...] = W.reshape(params["W"].shape), b
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
