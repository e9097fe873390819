"""Labels: one-hot rows, and labels of any kind as class numbers and back."""

import reprlib
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.validation import first_where, positive_integer
from nnfw.data.preparation import Preparation


def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = "float32") -> Array:
    """Return class numbers (N,) or (N, T) as one-hot rows (..., K): 1 at the class and 0 elsewhere.

    Parameters
    ----------
    labels : array_like of int, (N,) or (N, T)
        Class numbers from 0 to K - 1.
    classes : int, optional
        K; by default one more than the largest label. Give it where the data might lack the last class.
    dtype : dtype, default "float32"

    Examples
    --------
    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    codes = np.asarray(labels)
    if codes.ndim not in (1, 2):
        raise ValueError(f"labels must have shape (samples,) or (samples, steps), got {codes.shape}")
    if classes is None:
        if codes.size == 0:
            raise ValueError("labels are empty, which leaves the number of classes open; give classes=")
        classes = max(int(codes.max()) + 1, 1) if codes.dtype.kind in "iu" else 1
    classes = positive_integer("one_hot", "classes", classes)
    _check_class_numbers("labels", codes, classes)
    rows = np.zeros((*codes.shape, classes), dtype)
    np.put_along_axis(rows, codes[..., None], 1, axis=-1)
    return rows


def _check_class_numbers(name: str, codes: Array, classes: int) -> None:
    """Raise an error unless all values are integers from 0 to classes - 1."""
    if codes.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be integers, got dtype {codes.dtype}; turn whole numbers with .astype(int), "
            "any other labels with LabelEncoder"
        )
    wrong = (codes < 0) | (codes >= classes)
    if wrong.any():
        raise ValueError(
            f"{first_where(wrong, codes, name)}, but {classes} classes are numbered from 0 to {classes - 1}; "
            "LabelEncoder turns any labels into such numbers"
        )


class LabelEncoder(Preparation):
    """Encode labels of one kind (strings, numbers or dates) as class numbers 0 to K - 1, in sorted order.

    Labels may have any shape, which is kept. In a list ``1`` and ``"1"`` are two labels. After `fit`,
    `classes` (K,) holds the distinct labels in the order of their numbers.

    Examples
    --------
    >>> encoder = LabelEncoder()
    >>> encoder.fit_transform(["pear", "apple", "pear"])
    array([1, 0, 1])
    >>> encoder.inverse_transform([0, 0])
    array(['apple', 'apple'], dtype='<U5')
    >>> encoder.transform(["paer"])
    Traceback (most recent call last):
    ValueError: unknown label 'paer'. Did you mean 'pear'? The classes are ['apple', 'pear'].
    """

    learned = ("classes",)
    classes: Array

    def fit(self, data: ArrayLike) -> Self:
        """Find the classes of `data`: labels of any shape that have a common order, none of them nan."""
        labels = _labels(data)
        values = labels.ravel().tolist()
        try:
            distinct = sorted(set(values))
        except TypeError:
            kinds = ", ".join(sorted({type(value).__name__ for value in values}))
            raise TypeError(f"labels must be of one kind that can be sorted, got {kinds}") from None
        if not distinct:
            raise ValueError("labels are empty; fit the encoder to the training labels")
        if any(value != value for value in distinct):
            raise ValueError("labels hold nan; name the missing label, or drop its samples")
        classes = np.array(distinct, dtype=None if labels.dtype == object else labels.dtype)
        # NumPy's own dtypes cannot hold every label: huge integers, strings that end in NUL.
        self.classes = classes if classes.tolist() == distinct else np.array(distinct, dtype=object)
        return self

    def transform(self, data: ArrayLike) -> Array:
        """Return the number of each label, int64 in the shape of `data`."""
        labels, known = _labels(data), self.classes.tolist()
        numbers = {label: number for number, label in enumerate(known)}
        try:
            codes = [numbers[label] for label in labels.ravel().tolist()]
        except KeyError as error:
            label = error.args[0]
            raise ValueError(
                f"unknown label {reprlib.repr(label)}.{nearest(str(label), map(str, known))} "
                f"The classes are {reprlib.repr(known)}."
            ) from None
        return np.array(codes, dtype=np.int64).reshape(labels.shape)

    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Return the label of each class number, in the shape of `codes`."""
        numbers = np.asarray(codes)
        _check_class_numbers("codes", numbers, len(self.classes))
        return self.classes[numbers]


def _labels(data: ArrayLike) -> Array:
    """Return labels as an array; those of a list as Python's objects."""
    labels = data if isinstance(data, np.ndarray) else np.array(data, dtype=object)
    if labels.ndim == 0:
        raise TypeError(f"labels must be a list or an array, got {type(data).__name__}")
    return labels
