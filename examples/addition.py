"""An encoder and a decoder add numbers that they read and write as text: "52+9 " becomes "61 ".

The encoder returns its last state, which `RepeatVector` passes to each step of the decoder. Prints sums of
pairs that were not used for training, and the share of exact sums. About 60 seconds.
"""

import argparse

import numpy as np

from nnfw import GRU, Adam, Dense, Embedding, Network, RepeatVector
from nnfw.data import Vocabulary
from nnfw.schedules import Cosine

HELD_OUT = 1000  # of the 10,000 pairs


def main(arguments: list[str] | None = None) -> float:
    """Train, and return the share of exact sums of new pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--units", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    symbols = Vocabulary.of_characters("0123456789+ ")
    pairs = np.random.default_rng(options.seed).permutation(10_000)
    a, b = np.divmod(pairs, 100)
    x = np.array(symbols.encode([f"{m}+{n}".ljust(5) for m, n in zip(a, b, strict=True)]))
    y = np.array(symbols.encode([str(total).ljust(3) for total in a + b]))
    x_new, y_new = x[:HELD_OUT], y[:HELD_OUT]

    K = len(symbols)
    layers = [
        Embedding(K, 16),
        GRU(options.units),
        RepeatVector(3),
        GRU(options.units, return_sequences=True),
        Dense(K, "softmax"),
    ]
    optimizer = Adam(Cosine(6e-3, epochs=options.epochs))
    network = Network(layers, loss="cce", optimizer=optimizer, metrics=["accuracy"], seed=options.seed)
    network.fit(x[HELD_OUT:], y[HELD_OUT:], epochs=options.epochs, batch_size=64)

    written = network.predict_classes(x_new)
    exact = float((written == y_new).all(axis=1).mean())
    for question, answer in zip(symbols.decode(x_new[:5]), symbols.decode(written[:5]), strict=True):
        print(f"{question}= {answer}")
    print(f"{exact:.4f} of {HELD_OUT} new sums are exact")
    return exact


if __name__ == "__main__":
    main()
