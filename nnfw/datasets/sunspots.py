"""The yearly sunspot numbers, which come with nnfw: the oldest benchmark of forecasting."""

from importlib.resources import files

import numpy as np

from nnfw.core.typing import Array


def load_sunspots() -> tuple[Array, Array]:
    """Return how many sunspots there were in each year from 1700 to 2008.

    Returns
    -------
    years : ndarray of int64, (309,)
    activity : ndarray of float64, (309,)
        Yearly means of the (Wolf) sunspot number, to one decimal: from 0 to 190.2.

    Notes
    -----
    The usual split since Weigend et al. is to train on 1700 to 1920, and to forecast each of the years 1921
    to 1955, and of 1956 to 1979, which are harder, from the true years before it. The usual measure is the
    average relative variance: over the M years that are forecast::

        arv = sum((activity - forecast)**2) / (M * 1535)

    It is the mean squared error over one variance, said to be that of the whole series, whichever years are
    forecast. (In this copy the variance of 1700 to 1979 is 1495.6.) Always answering the mean is at about 1,
    and the network of Weigend et al. at 0.086 for 1921 to 1955 and 0.35 for 1956 to 1979.

    The numbers are in the public domain; ``sunspots.md`` beside this file tells where they come from. They
    are those of before 2015, when the whole series was revised.

    References
    ----------
    Weigend, A. S., Huberman, B. A. & Rumelhart, D. E. (1990). Predicting the future: a connectionist
    approach. International Journal of Neural Systems 1(3), 193-209. https://doi.org/10.1142/S0129065790000102

    Examples
    --------
    >>> from nnfw.data import sliding_windows
    >>> years, activity = load_sunspots()
    >>> x, y = sliding_windows(activity, window=12)
    >>> training, test = years[12:] <= 1920, (years[12:] > 1920) & (years[12:] <= 1955)
    >>> x[training].shape, x[test].shape
    ((209, 12, 1), (35, 12, 1))
    >>> same_as_last_year = x[test, -1]
    >>> arv = np.mean((y[test] - same_as_last_year) ** 2) / 1535
    >>> print(f"{arv:.3f}")
    0.416
    """
    with files("nnfw.datasets").joinpath("sunspots.npz").open("rb") as file, np.load(file) as stored:
        return stored["years"].astype(np.int64), stored["tenths"] / 10
