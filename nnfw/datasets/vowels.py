"""The Japanese vowels, which come with nnfw: sequences of unequal length."""

from importlib.resources import files

import numpy as np

from nnfw.core.typing import Array


def load_japanese_vowels() -> tuple[tuple[list[Array], Array], tuple[list[Array], Array]]:
    """Return 640 utterances of two vowels, by nine men who are to be told apart, in the original split.

    Each says /ae/; a frame of 25.6 ms, one every 6.4 ms, is described by the first 12 coefficients of its
    cepstrum as linear prediction (LPC) gives it. The test part was recorded on other occasions. Utterances
    stand in the order of their speakers.

    Returns
    -------
    (x, y), (x_test, y_test)
        270 and 370 sequences, a list of float32 arrays (T_i, 12) with lengths T_i from 7 to 29; and speakers
        int64 (N,), from 0 to 8.

    Notes
    -----
    The data is *Japanese Vowels* by M. Kudo, J. Toyama and M. Shimbo, licensed under CC BY 4.0;
    ``japanese_vowels.md`` beside this file tells where it comes from. Each speaker has 30 training
    utterances, and 24 to 88 test utterances: always naming the most frequent one is right in 0.238 of the
    test. The authors' own classifier reaches 0.941, and hidden Markov models 0.962.

    References
    ----------
    Kudo, M., Toyama, J. & Shimbo, M. (1999). Multidimensional curve classification using passing-through
    regions. Pattern Recognition Letters 20(11-13), 1103-1111.

    Kudo, M., Toyama, J. & Shimbo, M. (1999). Japanese Vowels. UCI Machine Learning Repository.
    https://doi.org/10.24432/C5NS47

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_japanese_vowels()
    >>> len(x), len(x_test), x[0].shape, x[1].shape
    (270, 370, (20, 12), (26, 12))
    >>> y[:3], y[-3:]
    (array([0, 0, 0]), array([8, 8, 8]))
    """
    with files("nnfw.datasets").joinpath("japanese_vowels.npz").open("rb") as file, np.load(file) as stored:
        kept = dict(stored)
    return _part(kept, "train"), _part(kept, "test")


def _part(kept: dict[str, Array], part: str) -> tuple[list[Array], Array]:
    frames = (kept[f"{part}_millionths"] / 1e6).astype(np.float32)
    ends = np.cumsum(kept[f"{part}_lengths"], dtype=np.int64)
    return np.split(frames, ends[:-1]), kept[f"{part}_speakers"].astype(np.int64) - 1
