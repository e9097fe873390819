"""A dense network classifies handwritten digits from all 64 pixels at once.

Shows feature scaling, early stopping and `predict_classes`. Prints the test accuracy and the misclassified
digits, and plots the learning curves. About 2 seconds.
"""

import argparse
from pathlib import Path

import numpy as np

from nnfw import Adam, Dense, EarlyStopping, Network
from nnfw.data import StandardScaler
from nnfw.datasets import load_digits


def main(arguments: list[str] | None = None) -> float:
    """Train, and return the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100, help="maximum number of epochs")
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_digits()
    scaler = StandardScaler()  # fitted on the training data only
    x = scaler.fit_transform(x.reshape(len(x), -1))
    x_test = scaler.transform(x_test.reshape(len(x_test), -1))

    network = Network(
        [Dense(options.units, "relu", initializer="he_normal"), Dense(10, "softmax")],
        loss="cce",
        optimizer=Adam(2e-3),
        metrics=["accuracy"],
        seed=options.seed,
    )
    stopper = EarlyStopping("val_loss", patience=10)
    history = network.fit(x, y, epochs=options.epochs, validation_split=0.15, callbacks=[stopper])
    network.summary()

    result = network.evaluate(x_test, y_test)
    print(f"test accuracy {result['accuracy']:.4f} with the weights of epoch {stopper.best_epoch}")
    predicted = network.predict_classes(x_test)
    wrong = np.flatnonzero(predicted != y_test)
    print("misclassified:", ", ".join(f"{y_test[i]} -> {predicted[i]}" for i in wrong))
    history.plot(options.output / "digits_dense.png")
    return result["accuracy"]


if __name__ == "__main__":
    main()
