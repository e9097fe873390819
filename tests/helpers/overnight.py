"""What the tests of interrupted training share: a training that has everything, short enough to repeat."""

import numpy as np
from saved import bits

from nnfw import GRU, Dense, Dropout, EarlyStopping, Nadam, Network, ReduceOnPlateau
from nnfw.metrics import F1
from nnfw.schedules import Cosine

RNG = np.random.default_rng(4)
X, Y, LENGTHS = RNG.normal(size=(40, 4, 3)), RNG.integers(0, 3, 40), RNG.integers(1, 5, 40)
EPOCHS, BATCH_SIZE, BATCHES = 6, 8, 4  # the last ones an epoch: 30 samples train, 10 validate


def new_network():
    """Random in weights, order and noise; its optimizer counts, and its rate depends on the time."""
    layers = [GRU(4), Dropout(0.3), Dense(3, "softmax", optimizer=Nadam(0.02))]
    optimizer = Nadam(Cosine(0.05, epochs=8), clip_global_norm=1.0)
    return Network(layers, loss="cce", optimizer=optimizer, metrics=["accuracy", F1("macro")], seed=3)


def train(network, *callbacks, epochs=EPOCHS, resume=True, restore_best=True, verbose=0):
    """Train the network from wherever it is to the end."""
    stopper = EarlyStopping("val_accuracy", patience=4, restore_best=restore_best)
    network.fit(
        X,
        Y,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        lengths=LENGTHS,
        validation_split=0.25,
        callbacks=[stopper, ReduceOnPlateau("val_loss", patience=1), *callbacks],
        resume=resume,
        verbose=verbose,
    )
    return network


def standing_of(network):
    """How far the last fit has come, in values that compare exactly."""
    if network._training_state is None:
        return None
    state = network._training_state
    memories = {label: known for label, known in state.memories.items() if "Checkpoint" not in label}
    return _exact({**vars(state), "_kept": memories, "tracker": state.tracker and state.tracker.sums})


def _exact(value):
    if isinstance(value, dict):
        return {key: _exact(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_exact, value))
    return bits(value) if isinstance(value, np.ndarray) else repr(value)


def step_of(network):
    """The number of steps that have been taken."""
    batch = network._training_state.batch if network._training_state else 0
    return len(network.history.epoch) * BATCHES + batch


def weights_and_slots(network):
    """What an update changes."""
    slots = [(leaf._state.steps, leaf._state.slots) if leaf._state else None for leaf in network._leaves()]
    return _exact([[leaf.flat_params for leaf in network._leaves()], slots])
