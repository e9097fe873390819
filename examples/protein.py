"""An LSTM detects N-glycosylation sequons, which can bind a sugar, in synthetic peptides of 21 residues.

A sequon is N, any residue but P, then S or T, anywhere. The others have P in between, another distance or
another order. Prints the mean and standard deviation of five test accuracies. About 30 seconds.
"""

import argparse
import re
from functools import partial

import numpy as np

from nnfw import LSTM, Adam, Dense, MaxPooling, Network, repeat
from nnfw.schedules import Cosine

RESIDUES = np.array(list("ARNDCQEGHILKMFPSTWYV"))
PERCENT = [8.3, 5.5, 4.1, 5.5, 1.4, 3.9, 6.7, 7.1, 2.3, 5.9, 9.7, 5.8, 2.4, 3.9, 4.7, 6.6, 5.4, 1.1, 2.9, 6.9]
SEQUONS, DECOYS = ["N.S", "N.T"], ["NPS", "NPT", "N..S", "N..T", "NS", "NT", "S.N", "T.N"]


def peptides(N: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return N one-hot encoded peptides (N, T, D), and whether each has a sequon (N,)."""
    rng = np.random.default_rng(seed)
    x = rng.choice(RESIDUES, (N, 21), p=np.array(PERCENT) / sum(PERCENT))
    for peptide in x:
        planted = rng.choice(SEQUONS if rng.random() < 0.5 else DECOYS)
        place = rng.integers(22 - len(planted))
        for step, residue in enumerate(planted, place):
            peptide[step] = peptide[step] if residue == "." else residue
    y = [re.search("N[^P][ST]", "".join(peptide)) is not None for peptide in x]
    return (x[..., None] == RESIDUES).astype(np.float32), np.array(y, int)


def build(epochs: int, seed: int) -> Network:
    """Return an LSTM with the maximum of each state over the steps."""
    layers = [LSTM(32, return_sequences=True), MaxPooling(), Dense(2, "softmax")]
    return Network(layers, loss="cce", optimizer=Adam(Cosine(1e-2, epochs)), metrics=["accuracy"], seed=seed)


def main(arguments: list[str] | None = None) -> float:
    """Train with each seed, and return the mean test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5, help="number of networks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first network")
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = peptides(1000, seed=0), peptides(1000, seed=1)
    seeds = range(options.seed, options.seed + options.seeds)
    runs = repeat(partial(build, options.epochs), x, y, seeds=seeds, epochs=options.epochs, verbose="auto")
    found = [network.evaluate(x_test, y_test)["accuracy"] for network in runs.networks.values()]
    share = np.bincount(y_test).max() / len(y_test)
    print(f"test accuracy {np.mean(found):.4f} ± {np.std(found):.4f}; most frequent class {share:.4f}")
    return float(np.mean(found))


if __name__ == "__main__":
    main()
