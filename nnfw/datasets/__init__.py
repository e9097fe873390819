"""Small data sets: real ones, and synthetic tasks with known scores of a perfect and a constant model.

The real ones are stored beside this file, each with its source and license in a ``.md``. A task takes the
number of samples `n`, their length `steps` and a `seed`, and returns inputs x, float32 (N, T, D), and targets
y; its docstring gives the scores of a perfect and a constant model. The same seed gives the same data.
"""

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, FINITE, boolean, positive_integer, seeded, whole_number
from nnfw.data import one_hot, train_test_split

__all__ = [
    "adding_problem", "delayed_echo", "load_digits", "load_el_nino", "load_japanese_vowels",
    "load_sunspots", "parity", "sine_mixture",
]  # fmt: skip


def _stored(name: str) -> dict[str, Array]:
    from importlib.resources import files  # its import takes long

    with files("nnfw.datasets").joinpath(name).open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


@explain_keywords
def load_digits(test_fraction: float = 0.2, seed: int = 0) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return 1,797 images of handwritten digits: (x, y), (x_test, y_test).

    x is float32 (N, 8, 8) from 0 to 1, 8 pixel rows that also serve as a sequence; y is int64 (N,). The
    source is Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49, CC BY 4.0: see ``digits.md``.

    Parameters
    ----------
    test_fraction : float, default 0.2
        The fraction of test samples, the same for each digit.
    seed : int, default 0
        The same seed gives the same split.

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
    """Return utterances of /ae/ and which of nine men speaks each: (x, y), (x_test, y_test).

    The original split has 270 and 370 sequences, a list of float32 arrays (T_i, 12) with lengths T_i from 7
    to 29, in the order of their speakers, int64 (N,) from 0 to 8. A frame holds the first 12 coefficients of
    the LPC cepstrum of 25.6 ms, one every 6.4 ms. The most frequent speaker makes up 0.238 of the test set;
    the authors' classifier has an accuracy of 0.941, and hidden Markov models 0.962. The source is Kudo,
    Toyama & Shimbo (1999), Multidimensional curve classification using passing-through regions, Pattern
    Recognition Letters 20(11-13), https://doi.org/10.24432/C5NS47, CC BY 4.0: see ``japanese_vowels.md``.

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

    They are the yearly means of the (Wolf) number to one decimal, 0 to 190.2, before its revision in 2015,
    in the public domain: see ``sunspots.md``. The usual split trains on 1700 to 1920, and forecasts each year
    of 1921 to 1955 and of 1956 to 1979 from the true values of earlier years. The usual score is the average
    relative variance over M years, ``sum((activity - forecast)**2) / (M * 1535)``: about 1 for the mean,
    0.086 and 0.35 for the network of Weigend, Huberman & Rumelhart (1990), Predicting the future: a
    connectionist approach, International Journal of Neural Systems 1(3), doi:10.1142/S0129065790000102.

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


def load_el_nino() -> tuple[Array, Array]:
    """Return the months of 1950 to 2010 and their sea surface temperatures: both (732,).

    The months are ``datetime64[M]``; the temperatures in °C, float64, are means over the Pacific Ocean off
    Ecuador and Peru (Niño 1+2, 0 to 10° S, 90 to 80° W), which vary with the season and, every few years,
    with El Niño; in the public domain: see ``el_nino.md``.

    Examples
    --------
    >>> months, temperature = load_el_nino()
    >>> print(months[0], temperature[0], months[-1], temperature[-1])
    1950-01 23.11 2010-12 22.07
    """
    months = np.arange("1950-01", "2011-01", dtype="datetime64[M]")
    return months, _stored("el_nino.npz")["thousandths"] / 1000


# ---- tasks --------------------------------------------------------------------------------------------


def adding_problem(n: int, steps: int, seed: int = 0) -> tuple[Array, Array]:
    """Add the two marked numbers of a sequence: a test of memory over long spans.

    x (N, T, 2) holds numbers from 0 to 1, and marks: 1 at one step of each half (a middle step belongs to the
    second), else 0; y (N, 1) is the sum of the two marked numbers, float32; T is at least 2. A perfect model
    has a mean squared error of 0, and the best constant prediction, 1, has 1/6 = 0.167 (Hochreiter &
    Schmidhuber 1997, section 5.4; in the form of Arjovsky, Shah & Bengio 2016, arXiv:1511.06464).

    Examples
    --------
    >>> x, y = adding_problem(n=100, steps=50)
    >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=1), y[:, 0]))
    True
    """
    positive_integer("adding_problem", "n", n)
    whole_number("adding_problem", "steps", steps, low=2)
    rng = seeded("adding_problem", "seed", seed)
    half, samples = steps // 2, np.arange(n)
    x = np.zeros((n, steps, 2), dtype=np.float32)
    x[..., 0] = rng.random((n, steps), dtype=np.float32)
    first, second = rng.integers(0, half, n), rng.integers(half, steps, n)
    x[samples, first, 1] = x[samples, second, 1] = 1
    y = x[samples, first, 0] + x[samples, second, 0]
    return x, y[:, None]


def parity(n: int, steps: int, return_sequences: bool = False, seed: int = 0) -> tuple[Array, Array]:
    """Classify whether a sequence of bits has an odd number of ones: a test of exact memory of one bit.

    x (N, T, 1) holds bits 0 and 1, equally likely; y is 1 for an odd number of ones, else 0, int64 (N,). With
    `return_sequences`, y (N, T) is the parity of the bits so far, which is much easier to learn. A perfect
    model has an accuracy of 1 and a binary cross-entropy of 0. A constant prediction, or any that ignores a
    bit, has 0.5 and ln 2 = 0.693 (Bengio, Simard & Frasconi 1994, IEEE Transactions on Neural
    Networks 5(2)).

    Examples
    --------
    >>> x, y = parity(n=100, steps=8, return_sequences=True)
    >>> bool((y == x[..., 0].cumsum(axis=1) % 2).all())
    True
    """
    n, steps = positive_integer("parity", "n", n), positive_integer("parity", "steps", steps)
    boolean("parity", "return_sequences", return_sequences)
    bits = seeded("parity", "seed", seed).integers(0, 2, (n, steps))
    odd = np.bitwise_xor.accumulate(bits, axis=1)
    return bits[..., None].astype(np.float32), odd if return_sequences else odd[:, -1]


def delayed_echo(n: int, steps: int, delay: int, symbols: int = 4, seed: int = 0) -> tuple[Array, Array]:
    """Repeat each symbol `delay` steps later: a test of how many symbols a model can store at once.

    x (N, T, K) holds one-hot symbols, K >= 2 and all equally likely; y (N, T) holds the numbers
    ``y[t] = x[t - delay]``, and 0 for t < delay, int64. A perfect model has an accuracy of 1. The best
    constant prediction, symbol 0, has ``(delay + (steps - delay) / symbols) / steps`` (Jaeger 2001, Short
    term memory in echo state networks, GMD Report 152).

    Examples
    --------
    >>> x, y = delayed_echo(n=1, steps=6, delay=2)
    >>> bool((y[0, 2:] == x[0, :-2].argmax(axis=1)).all()), y[0, :2]
    (True, array([0, 0]))
    """
    n, delay = positive_integer("delayed_echo", "n", n), positive_integer("delayed_echo", "delay", delay)
    whole_number("delayed_echo", "symbols", symbols, low=2)
    whole_number("delayed_echo", "steps", steps, low=delay + 1)
    heard = seeded("delayed_echo", "seed", seed).integers(0, symbols, (n, steps))
    y = np.zeros_like(heard)
    y[:, delay:] = heard[:, :-delay]
    return one_hot(heard, symbols), y


def sine_mixture(
    n: int,
    steps: int,
    noise: float = 0.1,
    shortest_period: float = 8.0,
    longest_period: float = 32.0,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Forecast the next value y (N, 1) of a noisy sum of two sines x (N, T, 1).

    The signal is ``s[t] = sin(2 pi t / p + a) + sin(2 pi t / q + b)``; periods p, q and phases a, b are drawn
    for each sample, the periods between the shortest and the longest, in steps and above 2. `noise` is the
    standard deviation of the Gaussian noise added to every value; that of the signal is 1. A perfect model
    has a mean squared error of ``noise**2``, and always predicting 0 has ``1 + noise**2``.

    Examples
    --------
    >>> sine_mixture(n=100, steps=40)[1].shape
    (100, 1)
    """
    n, steps = positive_integer("sine_mixture", "n", n), positive_integer("sine_mixture", "steps", steps)
    noise = AMOUNT("sine_mixture", "noise", noise)
    shortest = FINITE("sine_mixture", "shortest_period", shortest_period)
    longest = FINITE("sine_mixture", "longest_period", longest_period)
    if not 2 < shortest <= longest:
        periods = f"{shortest:g} to {longest:g}"
        raise ValueError(f"sine_mixture: periods must be above 2 steps, shortest first, got {periods}")
    rng = seeded("sine_mixture", "seed", seed)
    period = rng.uniform(shortest, longest, (2, n, 1))
    phase = rng.uniform(0, 2 * np.pi, (2, n, 1))
    signal = np.sin(2 * np.pi * np.arange(steps + 1) / period + phase).sum(axis=0)
    values = (signal + noise * rng.standard_normal((n, steps + 1))).astype(np.float32)
    return values[:, :-1, None], values[:, -1:]
