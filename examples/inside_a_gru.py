"""Inside a GRU: its gates, the gradient flow back in time, and the inputs that its output depends on.

An RNN and a GRU learn to add the two marked numbers of a sequence (see adding_problem.py). Plots the gates of
the GRU on one sequence, the gradient flow of both in one picture, and the integrated gradients of the GRU on
the same sequence: the contribution of each step, against average numbers without marks. About 20 seconds.
"""

import argparse
from pathlib import Path

import numpy as np

from nnfw import GRU, RNN, Adam, Dense, Network, explain, plots
from nnfw.datasets import adding_problem


def main(arguments: list[str] | None = None) -> float:
    """Train both networks, and return the share of the attributions on the marked steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40, help="length of a sequence")
    parser.add_argument("--samples", type=int, default=2000, help="number of training sequences")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the pictures")
    options = parser.parse_args(arguments)

    x, y = adding_problem(options.samples, options.steps, seed=2 * options.seed)
    x_new, y_new = adding_problem(200, options.steps, seed=2 * options.seed + 1)
    networks = {}
    for name, layer in {"RNN": RNN(32), "GRU": GRU(32)}.items():
        optimizer = Adam(5e-3, clip_global_norm=1.0)
        networks[name] = Network([layer, Dense(1)], optimizer=optimizer, seed=options.seed)
        networks[name].fit(x, y, epochs=options.epochs, validation_data=(x_new, y_new))
    gru = networks["GRU"]

    plots.gates(gru, x_new, options.output / "inside_a_gru_gates.png", sample=0)
    plots.gradient_flow(networks, x_new, y_new, options.output / "inside_a_gru_gradients.png")
    attributions = explain.integrated_gradients(gru, x_new, baseline=[0.5, 0.0])
    plots.attribution(attributions, x_new, options.output / "inside_a_gru_attribution.png", sample=0)
    of_steps = np.abs(attributions).sum(axis=2)
    share = of_steps[x_new[..., 1] == 1].sum() / of_steps.sum()
    print(f"share of the attributions on the two marked steps: {share:.4f}")
    return float(share)


if __name__ == "__main__":
    main()
