"""What the tests of mistakes share: what an error says, and that a refusal leaves nothing behind."""

import copy
import functools

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, SGD, Dense, Network
from nnfw.data import StandardScaler

N, T, D, K, H = 12, 5, 2, 3, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, T, D)).astype("float32")
FLAT = RNG.normal(size=(N, 4)).astype("float32")
Y = np.tile(np.arange(K), N // K)
NUMBERS = RNG.normal(size=(N, 1)).astype("float32")


def message(error, call):
    """Return the message of the error that a call raises; all of them must be short."""
    with pytest.raises(error) as caught:
        call()
    assert len(str(caught.value)) < 500
    return str(caught.value)


def network_of(*layers, **options):
    return Network(list(layers), **({"seed": 5} | options))


def classifier():
    return network_of(GRU(H), Dense(K, "softmax"), loss="cce", metrics=["accuracy"], optimizer="nadam")


def fit(network, x=X, y=Y, **options):
    return network.fit(x, y, **({"batch_size": 5, "verbose": 0} | options))


def state(network):
    """All that a refusal must leave as it was, bit for bit."""
    leaves = []
    for leaf in network._leaves():
        slots = leaf._state and {name: slot.tobytes() for name, slot in leaf._state.slots.items()}
        counts = leaf._state and (leaf._state.rule, leaf._state.steps, dict(leaf._state.scalars))
        leaves.append((leaf.flat_params.tobytes(), leaf.flat_grads.tobytes(), slots, counts))
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    history = {name: list(values) for name, values in network.history.items()}
    return leaves, streams, history, list(network.history.epoch), network._built, network._fitting


@functools.cache
def trained(epochs):
    """A classifier after so many epochs, without a mistake on the way."""
    network = classifier()
    fit(network, epochs=epochs)
    return network


class Scene:
    """What a mistake can be made with: a trained network, a layer that is built, and somewhere to write."""

    def __init__(self, folder):
        self.folder = folder
        self.network = copy.deepcopy(trained(1))
        self.layer = GRU(H)
        self.layer.compute_shapes((T, D))
        self.layer.initialize(np.random.default_rng(0))
        self.sgd = SGD(0.1)
        self.state = self.sgd.start(np.ones(3))
        self.scaler = StandardScaler().fit(FLAT)

    def broken(self, text):
        path = self.folder / "broken.npz"
        path.write_text(text)
        return path

    def fit_new(self, *layers, x=FLAT, y=NUMBERS, options=None, **given):
        return fit(network_of(*layers, **given), x, y, **(options or {}))

    def refuses(self, make, error, said):
        """Make a mistake: it is refused, the message says all this, and nothing is left behind."""
        before, files = state(self.network), set(self.folder.iterdir())
        drawn, settings = np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002
        found = message(error, lambda: make(self))
        assert all(part in found for part in said), found
        assert len(said) >= 2  # what is wrong, and the remedy
        assert state(self.network) == before == state(trained(1))
        assert np.random.get_state()[1].tolist() == drawn  # noqa: NPY002
        assert np.geterr() == settings
        assert all(path.name == "broken.npz" for path in set(self.folder.iterdir()) - files)

    def goes_on(self):
        """After all mistakes, the network trains on as one does that has met none."""
        fit(self.network)
        assert state(self.network) == state(trained(2))


def mistakes(table):
    """Return a decorator for a test of all rows: what it is, how it is made, the error, and what it says."""
    assert len({row[0] for row in table}) == len(table)
    rows = [pytest.param(*row[1:3], row[3:], id=row[0]) for row in table]
    return for_each(("make", "error", "said"), rows)
