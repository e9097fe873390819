"""A GRU identifies which of three guitarists plays a clip of 16 notes: synthetic sound, with noise.

All play the notes of one scale, in different orders: rising thirds, falling thirds, or both in turn; one
note in five is random. Prints the mean and standard deviation of five test accuracies. About 20 seconds.
"""

import argparse
from functools import partial

import numpy as np

from nnfw import GRU, Adam, Dense, MeanPooling, Network, repeat
from nnfw.schedules import Cosine

RATE, NOTE, FRAME, NOTES = 3000, 300, 150, 16  # samples per second, note and spectrum; notes per clip
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])  # semitones above 220 Hz
STEPS = np.array([(2, 2), (-2, -2), (2, -2)])  # of each guitarist along the scale, at even and odd notes


def clips(N: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of the spectra (N, T, D) of N clips, and the guitarists (N,)."""
    rng = np.random.default_rng(seed)
    t, harmonics = np.arange(NOTE) / RATE, np.arange(1, 4)[:, None]
    y, place = rng.integers(3, size=N), rng.integers(7, size=N)
    sound = 0.3 * rng.standard_normal((N, NOTES, NOTE))
    for n in range(NOTES):
        place = np.where(rng.random(N) < 0.2, rng.integers(7, size=N), (place + STEPS[y, n % 2]) % 7)
        pitch = 220 * 2 ** ((SCALE[place] + rng.normal(0, 0.1, N)) / 12)
        waves = np.sin(2 * np.pi * pitch[:, None, None] * harmonics * t) / harmonics
        sound[:, n] += rng.uniform(0.5, 1, (N, 1)) * waves.sum(axis=1) * np.exp(-15 * t)
    spectra = np.fft.rfft(sound.reshape(N, -1, FRAME) * np.hanning(FRAME))
    return np.log1p(np.abs(spectra)).astype(np.float32), y


def build(epochs: int, seed: int) -> Network:
    """Return a GRU with the mean of its states over the clip."""
    layers = [GRU(64, return_sequences=True), MeanPooling(), Dense(3, "softmax")]
    return Network(layers, loss="cce", optimizer=Adam(Cosine(5e-3, epochs)), metrics=["accuracy"], seed=seed)


def main(arguments: list[str] | None = None) -> float:
    """Train with each seed, and return the mean test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5, help="number of networks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first network")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = clips(600, seed=0), clips(600, seed=1)
    seeds = range(options.seed, options.seed + options.seeds)
    runs = repeat(partial(build, options.epochs), x, y, seeds=seeds, epochs=options.epochs, verbose="auto")
    found = [network.evaluate(x_test, y_test)["accuracy"] for network in runs.networks.values()]
    share = np.bincount(y_test).max() / len(y_test)
    print(f"test accuracy {np.mean(found):.4f} ± {np.std(found):.4f}; most frequent class {share:.4f}")
    return float(np.mean(found))


if __name__ == "__main__":
    main()
