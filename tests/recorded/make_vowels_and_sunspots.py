"""Make japanese_vowels.npz, sunspots.npz and el_nino.npz of nnfw/datasets from the source files in a folder.

Usage: ``python make_vowels_and_sunspots.py FOLDER``, where the wheels of aeon and statsmodels were unpacked,
which hold the source files (``pip download --no-deps aeon statsmodels``, then ``unzip`` each).
"""

import sys
from pathlib import Path

import numpy as np

DATASETS = Path(__file__).resolve().parents[2] / "nnfw" / "datasets"


def exactly(values, scale):
    """Return integers whose quotient by `scale` is the decimal numbers of the source."""
    stored = np.rint(values * scale)
    if not np.array_equal(stored / scale, values):
        raise ValueError(f"the values are no whole numbers of 1/{scale}")
    return stored.astype(np.int32)


def utterances(path):
    """Yield (frames (T, 12), speaker) from a .ts file: channels and then the class, set apart by colons."""
    for line in path.read_text().splitlines():
        if line and line[0] not in "#@":
            *channels, speaker = line.split(":")
            yield np.array([channel.split(",") for channel in channels], dtype=float).T, int(speaker)


def make_vowels(folder):
    stored = {}
    for part in ("train", "test"):
        path = folder / f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part.upper()}.ts"
        frames, speakers = zip(*utterances(path), strict=True)
        stored[f"{part}_millionths"] = exactly(np.concatenate(frames), 10**6)
        stored[f"{part}_lengths"] = np.array([len(frame) for frame in frames], dtype=np.uint8)
        stored[f"{part}_speakers"] = np.array(speakers, dtype=np.uint8)
    np.savez_compressed(DATASETS / "japanese_vowels.npz", **stored)


def make_sunspots(folder):
    path = folder / "statsmodels/datasets/sunspots/sunspots.csv"
    years, activity = np.loadtxt(path, delimiter=",", skiprows=1).T
    np.savez_compressed(
        DATASETS / "sunspots.npz", years=exactly(years, 1).astype(np.int16), tenths=exactly(activity, 10)
    )


def make_el_nino(folder):
    path = folder / "statsmodels/datasets/elnino/elnino.csv"
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    if not np.array_equal(table[:, 0], np.arange(1950, 2011)):
        raise ValueError("the years are not 1950 to 2010")
    np.savez_compressed(
        DATASETS / "el_nino.npz", thousandths=exactly(table[:, 1:].ravel(), 1000).astype(np.int32)
    )


if __name__ == "__main__":
    make_vowels(Path(sys.argv[1]))
    make_sunspots(Path(sys.argv[1]))
    make_el_nino(Path(sys.argv[1]))
