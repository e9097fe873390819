"""What the tests of layers share: a layer that is built, and a training step of it alone."""

import numpy as np


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
