"""The digits data set, which comes with nnfw."""

from importlib.resources import files

import numpy as np

from nnfw.core.registry import explain_keywords
from nnfw.core.typing import Array
from nnfw.data import train_test_split


@explain_keywords
def load_digits(test_fraction: float = 0.2, seed: int = 0) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return 1,797 images of handwritten digits, split into a training and a test part.

    An image of 8 by 8 pixels is a sample of its own, or a sequence of 8 pixel rows.

    Parameters
    ----------
    test_fraction : float, default 0.2
        The share of the test part; each digit has the same share in it.
    seed : int, default 0
        The same seed gives the same split, in the same random order.

    Returns
    -------
    (x, y), (x_test, y_test)
        Pixels float32 (N, 8, 8) from 0 to 1, and digits int64 (N,).

    Notes
    -----
    The data is the test partition of *Optical Recognition of Handwritten Digits* by E. Alpaydin and
    C. Kaynak, licensed under CC BY 4.0; ``digits.md`` beside this file tells where it comes from.

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
    with files("nnfw.datasets").joinpath("digits.npz").open("rb") as file, np.load(file) as stored:
        images, labels = stored["images"], stored["labels"]
    x, y = images.astype(np.float32) / 16, labels.astype(np.int64)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_fraction=test_fraction, seed=seed, stratify=True
    )
    return (x_train, y_train), (x_test, y_test)
