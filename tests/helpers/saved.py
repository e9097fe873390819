"""What the tests of saving share: networks to save, and whether two are the same, bit by bit."""

import numpy as np

from nnfw import Dense, Network


def bits(array):
    return array.dtype.str, array.shape, np.asarray(array).tobytes()


def state_of(network):
    """All that a network computes and trains with, in values that compare exactly."""
    return [_of_leaf(leaf) for leaf in network._leaves()], list(_of_networks(network)), repr(network.config)


def _of_leaf(leaf):
    state = leaf._state and (leaf._state.rule, leaf._state.steps, leaf._state.scalars)
    slots = leaf._state and {name: bits(slot) for name, slot in leaf._state.slots.items()}
    parameters = {name: bits(p) for name, p in leaf.params.items()}
    return parameters, bits(leaf.flat_params), state, slots, repr(dict(leaf._specs)), leaf._keeps_logits


def _of_networks(network):
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    history = repr(dict(network.history)), network.history.epoch, network.history.validation
    yield streams, history, network.shapes, network._built, network.trainable, network.dtype, network._names
    for layer in network.layers:
        if isinstance(layer, Network):
            yield from _of_networks(layer)


def data(seed):
    """Inputs (12, 5, 2) and targets (12, 3)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(12, 5, 2)), rng.dirichlet(np.ones(3), 12)


def trained(network, seed=0, epochs=1, **options):
    network.fit(*data(seed), epochs=epochs, batch_size=5, verbose=0, **options)
    return network


def small_network():
    """A trained network whose file is a few kilobytes."""
    network = Network([Dense(2, "tanh"), Dense(1)], optimizer="adam", metrics=["mae"], seed=1)
    x = np.random.default_rng(0).normal(size=(9, 2))
    network.fit(x, x[:, :1] * x[:, 1:], epochs=2, verbose=0)
    return network


def round_trip(network, folder, **options):
    network.save(folder / "network")
    return Network.load(folder / "network", **options)


def contents(path):
    with np.load(path) as file:
        return dict(file)


def rewrite(path, arrays):
    with open(path, "wb") as file:  # given a name, np.savez would append an ending to it
        np.savez(file, **arrays)
