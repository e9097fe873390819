"""Predicts a room's temperature each minute, then 40 minutes with the heater off or on. About 5 seconds."""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from nnfw import GRU, Adam, Dense, Network, plots
from nnfw.metrics import RMSE

NOW, END = 120, 160  # minutes; from NOW on the network reads its own predictions


def room(heater: np.ndarray, draught: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return temperature and heater (N, T, 2), and the temperature (N, T) one minute later."""
    wall, air = np.zeros(len(heater)), np.zeros((len(heater), heater.shape[1] + 1))  # the wall is hidden
    for t in range(heater.shape[1]):
        air[:, t + 1] = air[:, t] + heater[:, t] / 15 + (wall - air[:, t]) / 5 + draught[:, t]
        wall += (air[:, t] - wall) / 25 - wall / 50
    return np.stack([air[:, :-1], heater], axis=-1), air[:, 1:]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train on 300 rooms, predict another one, and return the root mean squared errors there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    heater = np.cumsum(rng.random((301, END)) < 0.05, axis=1) % 2  # switched about every 20 minutes
    draught = rng.normal(scale=0.005, size=heater.shape)
    network = Network([GRU(32, return_sequences=True), Dense(1)], optimizer=Adam(5e-3), seed=options.seed)
    network.fit(*room(heater[1:], draught[1:]), epochs=options.epochs, batch_size=16)

    off_and_on = np.where(np.arange(END) < NOW, heater[0], [[0], [1]])
    x, y = room(off_and_on, draught[[0, 0]])  # two futures
    stream = network.stream()
    live, took = [], []
    for t in range(NOW):
        start = perf_counter()
        live.append(stream.step(x[0, t]).item())
        took.append(perf_counter() - start)
        if t % 20 == 19:
            print(f"minute {t + 1}: {live[t]:.3f} predicted, {y[0, t]:.3f} observed; {1e3 * took[t]:.3f} ms")
    difference = np.abs(live - network.predict(x[:1, :NOW])[0, :, 0]).max()
    print(f"{1e3 * np.median(took):.3f} ms per step; predict differs by at most {difference:.0e}")

    errors = {"next minute": RMSE()(y[0, :NOW], live), "persistence": RMSE()(y[0, :NOW], x[0, :NOW, 0])}
    curves = {"until now": y[0, :NOW]}
    later = np.arange(NOW, END) + 1
    for heat, name in enumerate(["off", "on"]):
        what_if = stream.copy()
        path = [live[-1]]  # each prediction is its next input
        for _ in later:
            path.append(what_if.step([path[-1], heat]).item())
        errors[name] = RMSE()(y[heat, NOW:], path[1:])
        curves |= {f"{name}, predicted": (later, path[1:]), f"{name}, true": (later, y[heat, NOW:])}
    print("root mean squared errors:", ", ".join(f"{name} {error:.4f}" for name, error in errors.items()))
    plots.lines(curves, options.output / "streaming.png", xlabel="minute", ylabel="temperature")
    return errors


if __name__ == "__main__":
    main()
