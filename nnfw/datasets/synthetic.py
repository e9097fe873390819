"""Tasks whose answers are known: each docstring gives what a perfect model and a constant answer reach.

Each task takes the number of samples `n` and their length `steps`, and returns inputs x, float32 (N, T, D),
and targets y. The same `seed` gives the same data.
"""

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, FINITE, boolean, positive_integer, whole_number
from nnfw.data import one_hot


def adding_problem(n: int, steps: int, seed: int = 0) -> tuple[Array, Array]:
    """Add the two marked numbers of a sequence: a test of memory over long spans.

    x (N, T, 2) holds numbers from 0 to 1, and marks: 1 at one step of each half (a middle step belongs to the
    second), else 0; y (N, 1) is the sum of the two marked numbers, float32; T is at least 2. A perfect model
    reaches a mean squared error of 0, the best constant answer, 1, reaches 1/6 = 0.167.

    References
    ----------
    Hochreiter, S. & Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8), section 5.4;
    in the form of Arjovsky, Shah & Bengio (2016), arXiv:1511.06464.

    Examples
    --------
    >>> x, y = adding_problem(n=100, steps=50)
    >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=1), y[:, 0]))
    True
    """
    positive_integer("adding_problem", "n", n)
    whole_number("adding_problem", "steps", steps, low=2)
    rng = np.random.default_rng(seed)
    half, samples = steps // 2, np.arange(n)
    x = np.zeros((n, steps, 2), dtype=np.float32)
    x[..., 0] = rng.random((n, steps), dtype=np.float32)
    first, second = rng.integers(0, half, n), rng.integers(half, steps, n)
    x[samples, first, 1] = x[samples, second, 1] = 1
    y = x[samples, first, 0] + x[samples, second, 0]
    return x, y[:, None]


def parity(n: int, steps: int, return_sequences: bool = False, seed: int = 0) -> tuple[Array, Array]:
    """Classify whether a sequence of bits has an odd number of ones: a test of exact memory of one bit.

    x (N, T, 1) holds bits 0 and 1, equally likely; y is 1 for an odd number of ones, else 0, int64 (N,), or
    (N, T) with `return_sequences`. A perfect model reaches an accuracy of 1 and a binary cross-entropy of 0.
    A constant answer, or any that ignores a bit, reaches 0.5 and ln 2 = 0.693.

    Parameters
    ----------
    return_sequences : bool, default False
        Ask for the parity of the bits so far at every step, which is much easier to learn.

    References
    ----------
    Bengio, Y., Simard, P. & Frasconi, P. (1994). Learning long-term dependencies with gradient descent is
    difficult. IEEE Transactions on Neural Networks 5(2).

    Examples
    --------
    >>> x, y = parity(n=100, steps=8, return_sequences=True)
    >>> bool((y == x[..., 0].cumsum(axis=1) % 2).all())
    True
    """
    n, steps = positive_integer("parity", "n", n), positive_integer("parity", "steps", steps)
    boolean("parity", "return_sequences", return_sequences)
    bits = np.random.default_rng(seed).integers(0, 2, (n, steps))
    odd = np.bitwise_xor.accumulate(bits, axis=1)
    return bits[..., None].astype(np.float32), odd if return_sequences else odd[:, -1]


def delayed_echo(n: int, steps: int, delay: int, symbols: int = 4, seed: int = 0) -> tuple[Array, Array]:
    """Repeat each symbol `delay` steps later: a test of how many symbols a model holds at once.

    x (N, T, K) holds one-hot symbols, y (N, T) the numbers ``y[t] = x[t - delay]``, and 0 for t < delay,
    int64. A perfect model reaches an accuracy of 1. The best constant answer, symbol 0, reaches
    ``(delay + (steps - delay) / symbols) / steps``.

    Parameters
    ----------
    delay, symbols : int
        Steps from a symbol to its echo, < T; and the number of symbols K >= 2, all equally likely.

    References
    ----------
    Jaeger, H. (2001). Short term memory in echo state networks. GMD Report 152.

    Examples
    --------
    >>> x, y = delayed_echo(n=1, steps=6, delay=2)
    >>> bool((y[0, 2:] == x[0, :-2].argmax(axis=1)).all()), y[0, :2]
    (True, array([0, 0]))
    """
    n, delay = positive_integer("delayed_echo", "n", n), positive_integer("delayed_echo", "delay", delay)
    whole_number("delayed_echo", "symbols", symbols, low=2)
    whole_number("delayed_echo", "steps", steps, low=delay + 1)
    heard = np.random.default_rng(seed).integers(0, symbols, (n, steps))
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
    """Forecast the next value y (N, 1) of a sum of two sines in noise x (N, T, 1).

    The signal is ``s[t] = sin(2 pi t / p + a) + sin(2 pi t / q + b)``; periods p, q and phases a, b are drawn
    for each sample. A perfect model reaches a mean squared error of ``noise**2``, the noise of the value to
    forecast. Always answering 0 reaches ``1 + noise**2``.

    Parameters
    ----------
    noise : float, default 0.1
        The standard deviation of the normal noise in every value; the signal's own is 1.
    shortest_period, longest_period : float, default 8.0 and 32.0
        The range of the periods in steps, above 2; all in between are equally likely.

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
        raise ValueError(f"sine_mixture: periods must be above 2 steps, the shortest first, got {periods}")
    rng = np.random.default_rng(seed)
    period = rng.uniform(shortest, longest, (2, n, 1))
    phase = rng.uniform(0, 2 * np.pi, (2, n, 1))
    signal = np.sin(2 * np.pi * np.arange(steps + 1) / period + phase).sum(axis=0)
    values = (signal + noise * rng.standard_normal((n, steps + 1))).astype(np.float32)
    return values[:, :-1, None], values[:, -1:]
