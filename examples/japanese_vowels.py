"""Bidirectional GRUs identify nine speakers from variable-length sequences: utterances of 7 to 29 steps.

The network was selected from twenty by cross-validation on the training data: five folds, each of six
consecutive utterances of every speaker. Prints the test accuracy, and plots the confusion matrix.
About 15 seconds; `--seeds=5` trains five networks, and prints their mean and standard deviation.
"""

import argparse
from pathlib import Path

import numpy as np

from nnfw import GRU, Adam, Bidirectional, Dense, MaxPooling, Network, plots
from nnfw.data import StandardScaler
from nnfw.datasets import load_japanese_vowels
from nnfw.metrics import ConfusionMatrix


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, and return the test accuracy for each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first network")
    parser.add_argument("--seeds", type=int, default=1, help="number of networks")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_japanese_vowels()  # x is a list of arrays (T_i, 12)
    scaler = StandardScaler()
    x, x_test = scaler.fit_transform(x), scaler.transform(x_test)
    accuracies = {}
    for seed in range(options.seed, options.seed + options.seeds):
        network = Network(
            [
                Bidirectional(GRU(64, return_sequences=True)),
                Bidirectional(GRU(64, return_sequences=True)),
                MaxPooling(),
                Dense(9, "softmax"),
            ],
            loss="cce",
            optimizer=Adam(3e-3),
            metrics=["accuracy"],
            seed=seed,
        )
        network.fit(x, y, epochs=options.epochs, batch_size=16)
        accuracies[f"seed {seed}"] = network.evaluate(x_test, y_test)["accuracy"]
        print(f"seed {seed}: test accuracy {accuracies[f'seed {seed}']:.4f}")
    if options.seeds > 1:
        several = list(accuracies.values())
        print(f"mean {np.mean(several):.4f}, standard deviation {np.std(several):.4f}")

    counts = ConfusionMatrix()(y_test, network.predict(x_test))
    plots.confusion_matrix(counts, path=options.output / "japanese_vowels.png")
    return accuracies


if __name__ == "__main__":
    main()
