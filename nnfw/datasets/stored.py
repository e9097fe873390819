"""The data sets that come with nnfw: digits, Japanese vowels and sunspots."""

from importlib.resources import files

import numpy as np

from nnfw.core.registry import explain_keywords
from nnfw.core.typing import Array
from nnfw.data import train_test_split


def _stored(name: str) -> dict[str, Array]:
    """Return the arrays of a file beside this one."""
    with files("nnfw.datasets").joinpath(name).open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


@explain_keywords
def load_digits(test_fraction: float = 0.2, seed: int = 0) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return 1,797 images of handwritten digits: (x, y), (x_test, y_test).

    x is float32 (N, 8, 8) from 0 to 1, 8 pixel rows that also serve as a sequence; y is int64 (N,). The data
    is licensed under CC BY 4.0; ``digits.md`` beside this file gives its source.

    Parameters
    ----------
    test_fraction : float, default 0.2
        The share of the test part; each digit has the same share in it.
    seed : int, default 0
        The same seed gives the same split.

    References
    ----------
    Alpaydin, E. & Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning
    Repository. https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_digits()
    >>> x.shape, x_test.shape
    ((1438, 8, 8), (359, 8, 8))
    """
    stored = _stored("digits.npz")
    x, y = stored["images"].astype(np.float32) / 16, stored["labels"].astype(np.int64)
    x, x_test, y, y_test = train_test_split(x, y, test_fraction=test_fraction, seed=seed, stratify=True)
    return (x, y), (x_test, y_test)


def load_japanese_vowels() -> tuple[tuple[list[Array], Array], tuple[list[Array], Array]]:
    """Return utterances of /ae/ and which of nine men says each: (x, y), (x_test, y_test).

    The original split has 270 and 370 sequences, a list of float32 arrays (T_i, 12) with lengths T_i from 7
    to 29, in the order of their speakers, int64 (N,) from 0 to 8. A frame holds the first 12 coefficients of
    the LPC cepstrum of 25.6 ms, one every 6.4 ms. The most frequent speaker makes 0.238 of the test; the
    authors' classifier reaches an accuracy of 0.941, and hidden Markov models 0.962. The data is licensed
    under CC BY 4.0; ``japanese_vowels.md`` beside this file gives its source.

    References
    ----------
    Kudo, M., Toyama, J. & Shimbo, M. (1999). Multidimensional curve classification using passing-through
    regions. Pattern Recognition Letters 20(11-13), 1103-1111. Data: https://doi.org/10.24432/C5NS47

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_japanese_vowels()
    >>> len(x), len(x_test), x[0].shape, x[1].shape
    (270, 370, (20, 12), (26, 12))
    """
    stored = _stored("japanese_vowels.npz")

    def part(name: str) -> tuple[list[Array], Array]:
        frames = (stored[f"{name}_millionths"] / 1e6).astype(np.float32)
        ends = np.cumsum(stored[f"{name}_lengths"], dtype=np.int64)
        return np.split(frames, ends[:-1]), stored[f"{name}_speakers"].astype(np.int64) - 1

    return part("train"), part("test")


def load_sunspots() -> tuple[Array, Array]:
    """Return the years 1700 to 2008 and their sunspot numbers: int64 and float64, both (309,).

    They are the yearly means of the (Wolf) number to one decimal, 0 to 190.2, as before its revision in 2015.
    The usual split trains on 1700 to 1920, and forecasts each year of 1921 to 1955 and of 1956 to 1979 from
    the true years before it. The usual measure is the average relative variance over M years,
    ``sum((activity - forecast)**2) / (M * 1535)``: about 1 for the mean, 0.086 and 0.35 for the network of
    Weigend et al. The numbers are in the public domain; ``sunspots.md`` beside this file gives their source.

    References
    ----------
    Weigend, A. S., Huberman, B. A. & Rumelhart, D. E. (1990). Predicting the future: a connectionist
    approach. International Journal of Neural Systems 1(3), 193-209. https://doi.org/10.1142/S0129065790000102

    Examples
    --------
    >>> from nnfw.data import sliding_windows
    >>> years, activity = load_sunspots()
    >>> x, y = sliding_windows(activity, window=12)
    >>> test = (years[12:] > 1920) & (years[12:] <= 1955)
    >>> same_as_last_year = x[test, -1]
    >>> print(f"{np.sum((y[test] - same_as_last_year) ** 2) / (test.sum() * 1535):.3f}")
    0.416
    """
    stored = _stored("sunspots.npz")
    return stored["years"].astype(np.int64), stored["tenths"] / 10
