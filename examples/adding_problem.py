"""The adding problem: a GRU solves a task with long-term dependencies that a simple RNN does not.

Two of 100 numbers are marked, and the target is their sum. Always predicting 1 gives a mean squared error of
1/6, and the RNN is no better. Plots the learning curves of both in one picture. About 20 seconds.
"""

import argparse
from pathlib import Path

from nnfw import GRU, RNN, Adam, Dense, Network, plots
from nnfw.datasets import adding_problem


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train both networks, and return their mean squared errors on new sequences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100, help="length of a sequence")
    parser.add_argument("--samples", type=int, default=2000, help="number of training sequences")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    x, y = adding_problem(options.samples, options.steps, seed=2 * options.seed)
    unseen = adding_problem(1000, options.steps, seed=2 * options.seed + 1)
    curves, errors = {}, {}
    for name, layer in {"RNN": RNN(32), "GRU": GRU(32)}.items():
        network = Network([layer, Dense(1)], optimizer=Adam(5e-3, clip_global_norm=1.0), seed=options.seed)
        history = network.fit(x, y, epochs=options.epochs, validation_data=unseen)
        curves[name] = history["val_loss"]
        errors[name] = history["val_loss"][-1]
        guess, truth = network.predict(unseen[0][:1]).item(), unseen[1][0].item()
        print(f"{name}: mean squared error {errors[name]:.4f}; predicts {guess:.2f} for {truth:.2f}")

    plots.lines(
        curves | {"always predicting 1": [1 / 6] * options.epochs},
        path=options.output / "adding_problem.png",
        ylabel="validation mean squared error",
        title=f"The adding problem, {options.steps} steps",
        log=True,
    )
    return errors


if __name__ == "__main__":
    main()
