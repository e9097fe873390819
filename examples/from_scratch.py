"""The six verbs in a hand-written training loop: the minimum that `fit` does. About 5 seconds."""

import argparse

import numpy as np

from nnfw import GRU, Adam, Dense, Network
from nnfw.datasets import load_digits


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Train on the digits, and return the training loss and the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_digits()  # 8 pixel rows of 8 (N, 8, 8), and classes (N,)
    network = Network([GRU(64), Dense(10, "softmax")], loss="cce", optimizer=Adam(3e-3), seed=options.seed)
    network.compute_shapes(x.shape[1:])  # verb 1: the shapes of one sample, layer by layer
    network.initialize()  # verb 2: allocates parameters and gradients
    rng = np.random.default_rng(options.seed)
    for epoch in range(options.epochs):
        total = 0.0
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            a = network.forward(x[batch], training=True)  # verb 3: keeps what backward needs
            total += network.loss(y[batch], a) * len(batch)
            network.backward(network.loss.gradient(y[batch], a))  # verb 4: from the last layer to the first
            network.gradients()  # verb 5: of the loss, for all parameters
            network.update(network.optimizer, epoch)  # verb 6: one step of Adam
        loss, accuracy = total / len(x), np.mean(network.forward(x_test).argmax(axis=1) == y_test)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, test accuracy {accuracy:.4f}")
    return loss, accuracy


if __name__ == "__main__":
    main()
