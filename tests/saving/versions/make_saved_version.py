"""Write a small file with this version of nnfw, and what the network in it answers: once for each release.

``python tests/saving/versions/make_saved_version.py`` makes ``<version>.npz`` and ``<version>_answers.npz``
beside it, which `test_versions.py` reads for ever. Files that are there are left alone.
"""

from pathlib import Path

import numpy as np

import nnfw
from nnfw import GRU, RNN, Adam, Dense, Nadam, Network
from nnfw.activations import LeakyReLU
from nnfw.initializers import Orthogonal
from nnfw.metrics import F1
from nnfw.schedules import Cosine, Warmup

FOLDER = Path(__file__).parent


def make_network():
    """Some of everything that a file can hold."""
    inner = Network(
        [GRU(3, reset_after=True, recurrent_initializer=Orthogonal(0.9), return_sequences=True), RNN(4)],
        name="inner",
    )
    gates = {"z": "sigmoid", "r": "hard_sigmoid"}
    layers = [
        GRU(4, "softsign", gates, go_backwards=True, return_sequences=True, optimizer=Nadam(0.01)),
        inner,
        Dense(5, LeakyReLU(0.2), trainable=False),
        Dense(3, "softmax", name="ünï / cödé"),
    ]
    optimizer = Adam(Warmup(Cosine(0.02, epochs=9), epochs=1) * 0.5, clip_global_norm=2.0)
    return Network(
        layers, loss="cce", optimizer=optimizer, metrics=["accuracy", F1("auto")], seed=1, dtype="float64"
    )


def make_data():
    """Inputs (12, 5, 2), classes (12,) and lengths (12,)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 5, 2)), rng.permutation(np.arange(12) % 3), rng.integers(1, 6, 12)


def main():
    """Train for two epochs, save, and note the answers; train for one more, and note them again."""
    network, (x, y, lengths) = make_network(), make_data()
    path = FOLDER / f"{nnfw.__version__}.npz"
    if path.exists():
        raise FileExistsError(f"{path.name} is there, and must stay as it is")
    options = {"lengths": lengths, "batch_size": 5, "verbose": 0}
    network.fit(x, y, epochs=2, **options)
    network.save(path)
    now = network.predict(x, lengths=lengths)
    losses = network.fit(x, y, **options)["loss"]
    later = network.predict(x, lengths=lengths)
    np.savez_compressed(
        FOLDER / f"{nnfw.__version__}_answers.npz",
        x=x,
        y=y,
        lengths=lengths,
        now=now,
        later=later,
        losses=losses,
    )


if __name__ == "__main__":
    main()
