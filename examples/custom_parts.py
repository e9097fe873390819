"""A custom layer (checked with finite differences), activation, loss and schedule. About 3 seconds."""
# ruff: noqa: D101, D102 (the methods are documented on Layer, Activation and Loss)

import argparse
from pathlib import Path

import numpy as np

from nnfw import GRU, Activation, Adam, Dense, Loss, Network, data, gradcheck
from nnfw.datasets import load_digits


class Residual(Dense):  # y = x + φ(x W + b), with as many units as features (He et al. 2016)
    def forward(self, x, training=False):
        return x + super().forward(x, training)

    def backward(self, dy):
        return dy + super().backward(dy)


class SquaredReLU(Activation):  # y = max(x, 0)², with derivative 2√y (So et al. 2021)
    def __call__(self, x, out=None):
        return np.square(np.maximum(x, 0), out=out)

    def derivative(self, y, x=None, out=None):
        return np.multiply(np.sqrt(y), 2, out=out)


class Brier(Loss):  # Σ (a − y)², used to verify weather forecasts (Brier 1950)
    def value(self, y, a):
        return np.sum((a - y) ** 2, axis=-1)

    def slope(self, y, a):
        return 2 * (a - y)


def main(arguments: list[str] | None = None) -> float:
    """Train with all four parts, and return the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    print(gradcheck.check_layer(Residual(5, "tanh"), input_shape=(5,)))
    (x, y), (x_test, y_test) = load_digits()
    layers = [GRU(32), Residual(32, SquaredReLU()), Dense(10, "softmax")]
    optimizer = Adam(lambda epoch: 0.02 * min(0.1 + epoch, 1 / (1 + epoch)))  # warm-up, then decay
    network = Network(layers, loss=Brier(), optimizer=optimizer, metrics=["accuracy"], seed=options.seed)
    history = network.fit(x, data.one_hot(y), epochs=options.epochs, validation_split=0.1)
    accuracy = network.evaluate(x_test, data.one_hot(y_test))["accuracy"]
    print(f"test accuracy {accuracy:.4f}")
    history.plot(options.output / "custom_parts.png")
    return accuracy


if __name__ == "__main__":
    main()
