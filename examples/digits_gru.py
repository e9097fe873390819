"""A GRU classifies handwritten digits, reading each image row by row.

Prints the test accuracy and plots the learning curves and the confusion matrix. About 10 seconds.
"""

import argparse
from pathlib import Path

from nnfw import GRU, Adam, Dense, Network, plots
from nnfw.datasets import load_digits
from nnfw.metrics import ConfusionMatrix
from nnfw.schedules import Cosine


def main(arguments: list[str] | None = None) -> float:
    """Train, and return the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the pictures")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_digits()  # 8 pixel rows of 8: a sequence
    network = Network(
        [GRU(64), Dense(10, "softmax")],
        loss="cce",
        optimizer=Adam(Cosine(6e-3, epochs=options.epochs)),
        metrics=["accuracy"],
        seed=options.seed,
    )
    history = network.fit(x, y, epochs=options.epochs, validation_split=0.1)
    network.summary()

    result = network.evaluate(x_test, y_test)
    print(f"test accuracy {result['accuracy']:.4f}, test loss {result['loss']:.4f}")
    history.plot(options.output / "learning_curves.png")
    counts = ConfusionMatrix()(y_test, network.predict(x_test))
    plots.confusion_matrix(counts, path=options.output / "confusion_matrix.png")
    return result["accuracy"]


if __name__ == "__main__":
    main()
