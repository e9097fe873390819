"""Forecasts next year's sunspot number from the previous twelve years, and compares with simple baselines.

The GRU is better than the baselines on 1921 to 1955, but not on 1956 to 1979, which begins with a higher
maximum than any before. Settings were selected on the training years, 1700 to 1920. Prints average relative
variances (always predicting the mean gives about 1), and plots the forecasts. About 7 seconds.
"""

import argparse
from pathlib import Path

import numpy as np

from nnfw import GRU, AdamW, Dense, Network, plots
from nnfw.data import StandardScaler, sliding_windows
from nnfw.datasets import load_sunspots


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Forecast, and return the average relative variances for 1921 to 1955."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5, help="number of networks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first network")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    years, activity = load_sunspots()
    scaler = StandardScaler().fit(activity[years <= 1920, None])
    x, y = sliding_windows(scaler.transform(activity[:, None]), window=12)
    years, y = years[12:], y[:, 0]
    past, later = years <= 1920, (years > 1920) & (years <= 1979)
    forecasts = {"persistence": x[:, -1]}
    for order in (9, 12):
        rows = np.insert(x[:, -order:, 0], 0, 1, axis=1)
        forecasts[f"autoregression({order})"] = rows @ np.linalg.lstsq(rows[past], y[past])[0]
    networks = {f"GRU, seed {seed}": seed for seed in range(options.seed, options.seed + options.seeds)}
    for name, seed in networks.items():
        network = Network([GRU(8), Dense(1)], optimizer=AdamW(3e-3, weight_decay=0.1), seed=seed)
        network.fit(x[past], y[past], epochs=options.epochs, batch_size=16, verbose=0)
        forecasts[name] = network.predict(x)

    years, truth = years[later], activity[12:][later]
    curves = {name: scaler.inverse_transform(forecast[later])[:, 0] for name, forecast in forecasts.items()}
    errors = {name: np.square(curve - truth) / 1535 for name, curve in curves.items()}
    arv = {name: (error[:35].mean(), error[35:].mean()) for name, error in errors.items()}
    several = [arv[name] for name in networks]
    spread = {"GRU, mean": np.mean(several, axis=0), "GRU, standard deviation": np.std(several, axis=0)}
    for name, (near, far) in (arv | spread).items():
        print(f"{name:23}  1921-1955 {near:.4f}  1956-1979 {far:.4f}")
    two = {name: (years, curves[name]) for name in ("autoregression(9)", *networks)[:2]}
    picture = options.output / "sunspots.png"
    plots.lines({"observed": (years, truth)} | two, picture, xlabel="year", ylabel="sunspot number")
    return {name: near for name, (near, _) in arv.items()}


if __name__ == "__main__":
    main()
