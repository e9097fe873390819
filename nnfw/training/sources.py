"""Batches that the caller makes: data that are larger than the memory, or made as they are needed."""

import copy
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, named, numeric
from nnfw.data import split_indices
from nnfw.model import Model
from nnfw.training.adapters import open_data
from nnfw.training.batches import Batch, Data
from nnfw.training.compatibility import check_alike

WITH_WHOLE_DATA = (
    "goes with x and y as a whole; batches carry no weights, but can hold a sample several times"
)


class Batches:
    """A data set that is given batch by batch, and is checked as it comes.

    Parameters
    ----------
    network : Network
        What they must fit.
    given : iterable
        Each time it is iterated over, it yields the (x, y) or (x, y, lengths) of all batches of an epoch.

    Attributes
    ----------
    first : Data
        The first of them.
    """

    def __init__(self, network: Model, given: Iterable[Any]) -> None:
        self.network, self.given = network, check_again(given)
        self.counted: int | None = None
        self.size: None = None  # the number of samples, which is not known
        first = next(iter(self.given), None)
        if first is None:
            raise ValueError("there is no batch in what was given; it must yield (x, y) at least once")
        self.first = self._open(0, first)

    def count(self, batch_size: int) -> int | None:
        """Return the number of batches, or None as long as they have not been counted."""
        known: int | None = getattr(self.given, "__len__", lambda: self.counted)()
        return known

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator[Data]:
        """Yield the batches after the first few."""
        number = skip - 1
        for number, pair in enumerate(islice(self.given, skip, None), skip):
            yield self._open(number, pair)
        self.counted = number + 1

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield all batches."""
        return (part.batch() for part in self.parts(batch_size))

    def _open(self, number: int, pair: Any) -> Data:
        with named(f"batch {number + 1}"):  # counted as `fit` counts them
            if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
                raise TypeError(f"a batch must be (x, y) or (x, y, lengths), got {type(pair).__name__}")
            check_third(*pair[2:])
            part = open_data(self.network, *pair)
            if number and part.x.shape[2:] != self.first.x.shape[2:]:
                raise ShapeError(
                    f"x has shape {part.x.shape}, but that of the first batch {self.first.x.shape}"
                )
        return part


def open_source(
    network: Model,
    x: Any,
    y: Any = None,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Data | Batches:
    """Return the data, whole or batch by batch, checked as far as they are known."""
    if y is not None:
        return open_data(network, x, y, lengths, sample_weight)
    batches = Batches(network, x)
    if lengths is not None:
        raise ValueError("lengths go with x and y; batches bring their own, as (x, y, lengths)")
    if sample_weight is not None:
        raise ValueError(f"sample_weight {WITH_WHOLE_DATA}")
    return batches


def check_again(given: Any) -> Iterable[Any]:
    """Return what was given if it can be iterated over once an epoch."""
    if inspect.isgeneratorfunction(given):
        raise TypeError(
            f"{given.__name__} is a function that yields batches; make it the __iter__ of a class, and give "
            f"an object of that, which can be iterated over once an epoch"
        )
    if not isinstance(given, Iterable) or hasattr(given, "shape"):
        raise TypeError(
            f"y is missing: give targets beside x, or instead of both an iterable of batches (x, y); "
            f"got {type(given).__name__} alone"
        )
    if iter(given) is given:
        raise TypeError(
            "batches must be something that can be iterated over once an epoch, as a list or an object whose "
            f"__iter__ begins anew; got {type(given).__name__}, which is used up after one"
        )
    return given


def check_third(lengths: Any = None) -> None:
    """Raise a TypeError for fractions beside x and y: weights, as other libraries have them in this place."""
    if lengths is not None and numeric(lengths, "lengths").dtype.kind == "f":
        raise TypeError(
            "the third of (x, y, lengths) must be whole numbers, the steps of each sequence; if these are "
            "weights give fit x and y as a whole, and them as sample_weight"
        )


def weigh_classes(network: Model, data: Data | Batches, class_weight: Any) -> Data:
    """Return the data, each sample or step weighed by its class too; see `class_factors`."""
    if isinstance(data, Batches):
        raise ValueError(f"class_weight {WITH_WHOLE_DATA}")
    *_, K = network.shapes[-1]
    rows = slice(None) if data.rows is None else data.rows
    y = data.y[rows]
    valid = np.ones(y.shape[: 1 + data.steps], bool)
    if data.steps and data.lengths is not None:
        valid = valid_steps(data.lengths[rows], y.shape[1])
    factor = np.zeros(valid.shape)
    factor[valid] = class_factors(class_weight, class_labels(y[valid]), K or 0)
    if data.weight is not None:
        factor = (factor.T * data.weight[rows].T).T  # (n, T) times (n, T), or times (n,)
    if not factor.any():
        raise ValueError("class_weight leaves everything a weight of 0, and nothing to learn; raise some")
    weight = np.ones((len(data.x), *factor.shape[1:]))
    weight[rows] = factor
    return replace(data, weight=weight)


def class_factors(class_weight: Any, labels: Array | None, K: int) -> Array:
    """Return the weight of each label's class (M,); ``"balanced"`` gives every class the same total."""
    if labels is None:
        raise ValueError(
            "class_weight needs one class a sample, or step, as target; weigh others by sample_weight"
        )
    present, members = np.unique(labels, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        class_weight = dict(zip(present.tolist(), len(labels) / (len(present) * members), strict=True))
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight must be 'balanced' or a dict of weights by class, as {{0: 1.0, 1: 3.0}}, "
            f"got {type(class_weight).__name__}"
        )
    classes = range(max(K, 2))
    for key, weight in class_weight.items():
        if key not in classes:
            raise ValueError(f"class_weight has a weight for {key!r}; the classes are 0 to {classes[-1]}")
        AMOUNT("fit", f"class_weight[{key!r}]", weight)
    for key in present.tolist():
        if key not in class_weight:
            raise ValueError(f"class_weight has no weight for class {key}; give one for every class in y")
    return np.array([class_weight[label] for label in present.tolist()])[np.searchsorted(present, labels)]


def class_labels(y: Array) -> Array | None:
    """Return the class of each sample (N,) if the targets are classes, else None."""
    if y.ndim == 1:
        return y
    if y.ndim != 2 or not np.isin(y, (0, 1)).all():
        return None
    if y.shape[1] == 1:
        return y[:, 0].astype(np.int64)
    return y.argmax(axis=1) if np.all(y.sum(axis=1) == 1) else None


def open_validation(
    network: Model, train: Data | Batches, given: Any, share: float, how: str
) -> tuple[Data | Batches, Data | Batches | None, str]:
    """Return what trains, what validates, and a word on how that was chosen."""
    if given is not None:
        with named("validation_data"):
            held = open_source(network, *check_pair(given))
            check_alike(network, train.first.x, held.first.x)
        return train, held, "the data given"
    if share:
        return hold_out(train, share, how, network._streams["split"])
    return train, None, "none"


def hold_out(
    whole: Data | Batches, share: float, how: str, rng: np.random.Generator
) -> tuple[Data, Data, str]:
    """Return the samples that train, those held out, and a word on how these were chosen.

    `rng` is not advanced, so that every fit on the same data holds the same samples out.
    """
    if isinstance(whole, Batches):
        raise ValueError("fit: validation_split needs x and y as a whole; for given batches, validation_data")
    N = len(whole)
    if N < 2:
        raise ValueError("fit: validation_split needs at least 2 samples, got 1; give validation_data")
    labels = None if whole.steps else class_labels(whole.y)
    if how == "auto":
        how = "random" if labels is None else "stratified"
    if how == "stratified" and labels is None:
        raise ValueError("fit: split='stratified' needs one class a sample as target; use 'random' or 'tail'")
    if how == "tail":
        held = min(max(round(N * share), 1), N - 1)
        train, held_out = np.split(np.arange(N), [N - held])
    else:
        by = labels if how == "stratified" else None
        train, held_out = split_indices(N, share, copy.deepcopy(rng), by)
    return whole.subset(train), whole.subset(held_out), f"{how}, {len(held_out)} of {N} samples"


def check_pair(given: Any) -> tuple[Any, ...]:
    """Return (x, y) or (x, y, lengths) if that is what was given, else the iterable of such batches alone."""
    of_batches = isinstance(given, list) and all(isinstance(one, tuple) for one in given)
    if isinstance(given, (tuple, list)) and not of_batches:
        if len(given) not in (2, 3):
            raise TypeError("must be (x, y) or (x, y, lengths)")
        check_steps_given(*given)
        return tuple(given)
    return (given,)


def check_steps_given(x: Any, y: Any, lengths: Any = None) -> None:
    """Raise an error for what can only be weights, which other libraries have in the place of lengths."""
    check_third(lengths)
    ones = np.size(lengths) > 1 and np.array_equal(lengths, np.ones(np.shape(lengths)))
    if ones and any(steps > 1 for steps in getattr(x, "shape", ())[1:2]):
        raise ValueError(
            f"the third of (x, y, lengths) gives every sequence 1 step, but x has {x.shape[1]}; if these are "
            f"weights leave them out: fit's sample_weight is for the samples of x alone"
        )
