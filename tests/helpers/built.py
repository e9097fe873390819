"""What the tests of layers share: layers that are built, an input for them, and a training step alone."""

import numpy as np

from nnfw import GRU, RNN, Dense

N, T, D, H = 2, 3, 5, 7
LAYERS = [
    Dense(H, "tanh"),
    RNN(H),
    RNN(H, return_sequences=True, go_backwards=True),
    GRU(H),
    GRU(H, return_sequences=True, reset_after=True),
]
RECURRENT = LAYERS[1:]
KINDS = [Dense, RNN, GRU]
x = np.random.default_rng(0).normal(size=(N, T, D))


def build(layer, input_shape, dtype="float64", seed=0):
    """The layer, with its first weights."""
    layer.compute_shapes(input_shape)
    layer.initialize(np.random.default_rng(seed), dtype)
    return layer


def randomized(layer, input_shape, rng, dtype="float64"):
    """The layer, with random weights, biases not 0 among them."""
    layer.compute_shapes(input_shape)
    layer.initialize(rng, dtype)
    for p in layer.params.values():
        p[...] = rng.normal(size=p.shape) * 0.7
    return layer


def step(layer, x, dy, **options):
    """Run the three passes of a training step, and return the input's gradient."""
    layer.forward(x, training=True, **options)
    dx = layer.backward(dy)
    layer.gradients()
    return dx


def renewed(layer, input_shape, dtype="float64"):
    """A new layer like this one, with its first weights."""
    return build(type(layer)(**layer.config), input_shape, dtype)


def new(layer, dtype="float64"):
    """A new layer like this one, ready for x."""
    return renewed(layer, (T, D), dtype)
