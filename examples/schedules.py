"""Plots every learning-rate schedule, and trains the same network with each.

A learning rate of 1.5 is too high at the start of training: schedules with a warm-up reach a lower loss.
Prints a table and plots ``schedules.png`` and ``schedules_loss.png``. About 10 seconds.
"""

import argparse
from pathlib import Path

from nnfw import SGD, Dense, Network, plots, schedules
from nnfw.datasets import load_digits


def every_schedule(rate: float, epochs: float) -> dict[str, schedules.Schedule]:
    """Return one schedule of each kind for a training run of `epochs`."""
    return {
        "Constant": schedules.Constant(rate),
        "Step": schedules.Step(rate, drop=0.5, every=epochs / 5),
        "Piecewise": schedules.Piecewise([epochs / 2, epochs * 3 / 4], [rate, rate / 10, rate / 100]),
        "Exponential": schedules.Exponential(rate, cycle=epochs / 2, descent=0.5),
        "InverseTime": schedules.InverseTime(rate, decay=10 / epochs),
        "Linear": schedules.Linear(rate, epochs),
        "Polynomial": schedules.Polynomial(rate, epochs, power=2),
        "Cosine": schedules.Cosine(rate, epochs),
        "CosineRestarts": schedules.CosineRestarts(rate, epochs / 7, factor=2),
        "OneCycle": schedules.OneCycle(rate, epochs),
        "Triangular": schedules.Triangular(rate / 10, rate, epochs / 3, descent=0.5),
        "Noam": schedules.Noam(units=64, warmup=epochs / 10, factor=rate * (6.4 * epochs) ** 0.5),
        "Warmup, then Cosine": schedules.Warmup(schedules.Cosine(rate, epochs * 0.8), epochs * 0.2),
        "Sequence": schedules.Sequence([rate, schedules.Linear(rate, epochs * 0.3)], [epochs * 0.7]),
        "a function": schedules.get(lambda epoch: rate / (1 + epoch) ** 0.5),
    }


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train with each schedule, and return the test accuracies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=1438, help="number of training samples")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the pictures")
    options = parser.parse_args(arguments)

    page = every_schedule(1.5, options.epochs)
    plots.schedule(page, options.epochs, options.output / "schedules.png")
    (x, y), (x_test, y_test) = load_digits()
    x, y = x[: options.samples].reshape(-1, 64), y[: options.samples]
    losses, accuracies = {}, {}
    for name, schedule in page.items():
        layers = [Dense(32, "tanh"), Dense(10, "softmax")]
        network = Network(layers, loss="cce", optimizer=SGD(schedule), metrics=["accuracy"], seed=0)
        losses[name] = network.fit(x, y, epochs=options.epochs, batch_size=16, verbose=0)["loss"]
        accuracies[name] = network.evaluate(x_test.reshape(-1, 64), y_test)["accuracy"]
        print(f"{name:19}  training loss {losses[name][-1]:.4f}  test accuracy {accuracies[name]:.4f}")
    four = {name: losses[name] for name in ("Constant", "Cosine", "OneCycle", "Warmup, then Cosine")}
    plots.lines(four, options.output / "schedules_loss.png", ylabel="training loss", log=True)
    return accuracies


if __name__ == "__main__":
    main()
