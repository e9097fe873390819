"""A convolutional network classifies images of handwritten digits, 8 by 8 pixels, with several seeds.

Prints the test accuracy for each seed, the mean and the standard deviation. About 30 seconds.
"""

import argparse

import numpy as np

from nnfw import Adam, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Network, Reshape
from nnfw.datasets import load_digits
from nnfw.schedules import Cosine


def build(epochs: int, seed: int) -> Network:
    """Return a network of two convolutions, pooling and two dense layers."""
    relu = {"activation": "relu", "initializer": "he_normal"}
    layers = [
        Reshape((8, 8, 1)),  # one channel
        Conv2D(16, 3, padding="same", **relu),
        Conv2D(32, 3, padding="same", **relu),
        MaxPooling2D(2),
        Flatten(),
        Dropout(0.5),
        Dense(64, **relu),
        Dropout(0.5),
        Dense(10, "softmax"),
    ]
    optimizer = Adam(Cosine(3e-3, epochs=epochs))
    return Network(layers, loss="cce", optimizer=optimizer, metrics=["accuracy"], seed=seed)


def main(arguments: list[str] | None = None) -> float:
    """Train with each seed, and return the mean test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_digits()
    found = []
    for seed in range(options.seed, options.seed + options.seeds):
        network = build(options.epochs, seed)
        network.fit(x, y, epochs=options.epochs, batch_size=64, verbose=0)
        found.append(network.evaluate(x_test, y_test)["accuracy"])
        print(f"seed {seed}: test accuracy {found[-1]:.4f}")
    print(f"mean {np.mean(found):.4f}, standard deviation {np.std(found):.4f}")
    return float(np.mean(found))


if __name__ == "__main__":
    main()
