"""Data sets read by the caller: iterables of batches, and objects with ``__len__`` and ``__getitem__``."""

import inspect
import math
import reprlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from operator import length_hint
from typing import Any

import numpy as np

from nnfw.core.arrays import as_array
from nnfw.core.typing import Array
from nnfw.core.validation import named
from nnfw.model import Model
from nnfw.training.adapters import as_data
from nnfw.training.batches import Data


class Batches:
    """A data set that the caller yields batch by batch; each batch is checked when it arrives.

    Each iteration over `source` yields the (x, y) or (x, y, lengths) of all batches of an epoch; with
    `steps`, one iterator yields `steps` batches for each epoch. The first batch is read at once, and the
    first epoch continues from it, so that no batch is dropped.
    """

    size: int | None = None  # the number of samples, not known
    group: Any = None  # see `Data`

    def __init__(self, network: Model, source: Any, steps: int | None = None) -> None:
        self.network, self.source, self.steps = network, source, steps
        self.counted: int | None = None
        begun = self._begin()
        first = next(begun, None)
        if first is None:
            raise ValueError("x yields no batches; it must yield (x, y) at least once")
        self.first = self._checked(1, first)
        self.begun: Iterator[Any] | None = chain([first], begun)

    def count(self, batch_size: int) -> int | None:
        """Return the number of batches; None if it is unknown before the end of the first epoch."""
        return self.declared or self.counted

    @property
    def declared(self) -> int:
        """The number of batches given by `steps` or the length of the source; 0 if neither is."""
        return self.steps or length_hint(self.source)

    def pass_over(self, epochs: int) -> None:
        """Skip the batches that these epochs have taken from the single iterator of all epochs."""
        if self.steps:
            self.begun = islice(self.begun or self._begin(), epochs * self.steps, None)

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator[Data]:
        """Yield the batches after the first `skip`."""
        batches = self.begun or self._begin()
        self.begun = batches if self.steps else None
        number, declared = 0, self.declared
        for number, batch in enumerate(islice(batches, self.steps), 1):
            if number > (declared or number):
                raise self._miscounted(f"more than {declared}")
            if number > skip:
                yield self._checked(number, batch)
        if number < max(skip, 1) and not self.steps:
            said = f"{type(self.source).__name__} yields only {number} batches when iterated over again"
            raise ValueError(f"{said}; each iteration must yield all batches of an epoch")
        if number != (declared or number):
            raise self._miscounted(str(number))
        self.counted = number
        getattr(self.source, "on_epoch_end", lambda: None)()  # a Keras Sequence changes its order there

    def _begin(self) -> Iterator[Any]:
        if is_indexed(self.source):
            return map(self._item, range(len(self.source)))
        return begin(self.source, endless=self.steps is not None)

    def _item(self, index: int) -> Any:
        try:
            return self.source[index]
        except IndexError as error:
            kind, size = type(self.source).__name__, len(self.source)
            said = f"{kind} has length {size}, but {kind}[{index}] raises IndexError"
            raise ValueError(f"{said}; __len__ must be the number of its items") from error

    def _checked(self, number: int, batch: Any) -> Data:
        with named(f"batch {number}"):
            if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
                kind = type(batch).__name__
                raise TypeError(
                    f"a batch must be (x, y) or (x, y, lengths), got {kind}; whole x and y are two arguments"
                )
            return as_data(self.network, *batch)

    def _miscounted(self, number: str) -> ValueError:
        kind = type(self.source).__name__
        if self.steps:
            return ValueError(
                f"{kind} ends after {number} batches of an epoch, but steps_per_epoch={self.steps} takes as "
                f"many per epoch from one iterator; pass one that never ends, e.g. itertools.cycle(batches), "
                f"or omit steps_per_epoch if each iteration is an epoch"
            )
        said = f"{kind} has length {self.declared}, but an epoch has {number} batches"
        return ValueError(f"{said}; __len__ must be the number of batches")


class Samples(Batches):
    """A data set read sample by sample as ``source[i]``, like a PyTorch ``Dataset``."""

    size: int
    steps = None

    def __init__(self, network: Model, source: Any) -> None:
        self.network, self.source, self.size = network, source, len(source)
        self.first = self._part([0])

    def count(self, batch_size: int) -> int:
        """Return the number of batches."""
        return math.ceil(self.size / batch_size)

    def parts(self, batch_size: int, order: Array | None = None, skip: int = 0) -> Iterator[Data]:
        """Yield the samples of each batch after the first `skip`, in an `order`; the last may be smaller."""
        order = np.arange(self.size) if order is None else order
        for start in range(skip * batch_size, self.size, batch_size):
            yield self._part(order[start : start + batch_size].tolist())

    def _part(self, indices: list[int]) -> Data:
        samples = [self._item(index) for index in indices]
        with named(f"samples {reprlib.repr(indices)}"):
            return as_data(self.network, *collated(samples))


def read(network: Model, source: Any, steps: int | None = None) -> Batches:
    """Return the data set of an iterable or an indexed object; see `nnfw.Network.fit` for `steps`."""
    if is_indexed(source) and len(source):
        if steps is not None:
            said = "steps_per_epoch is only for iterables of batches that never end"
            raise ValueError(f"{said}; the length of {type(source).__name__} is that of an epoch")
        if holds_samples(network, source):
            return Samples(network, source)
    return Batches(network, source, steps)


def begin(source: Any, endless: bool = False) -> Iterator[Any]:
    """Return an iterator over the batches; raise a TypeError unless `source` gives one for every epoch."""
    begun = None
    if isinstance(source, Iterable) and not hasattr(source, "shape"):
        begun = iter(source)
    if inspect.isgeneratorfunction(source) or (begun is not None and not endless and iter(source) is begun):
        raise TypeError(
            "a generator of batches is exhausted after one epoch; pass a list of batches, or an object of a "
            "class whose __iter__ yields them all; for one that never ends, pass steps_per_epoch to fit, and "
            "list(itertools.islice(batches, n)) as validation_data and to evaluate"
        )
    if begun is None:
        raise TypeError(
            f"y is missing: pass targets with x, or instead of both an iterable of batches (x, y), or an "
            f"object with __len__ and __getitem__; got only {type(source).__name__}"
        )
    return begun


def is_indexed(source: Any) -> bool:
    """Whether a data set is read by index, like a PyTorch ``Dataset`` or a Keras ``Sequence``."""
    has = [hasattr(source, name) for name in ("__getitem__", "__len__", "__iter__", "shape")]
    return has == [True, True, False, False] and not isinstance(source, type)


def holds_samples(network: Model, source: Any) -> bool:
    """Whether the items of an indexed data set are samples, not batches: only one of these fits the network.

    If it has ``on_epoch_end``, and so is a Keras ``Sequence``, they are batches.
    """
    if hasattr(source, "on_epoch_end"):
        return False
    item = source[0]
    kind, network = type(source).__name__, network._in_use()
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        raise TypeError(f"{kind}[0] must be a sample (x, y) or a batch (x, y), got {type(item).__name__}")
    refused: dict[str, Exception] = {}
    for reading in ("batch", "sample"):
        try:
            with network._unchanged_if_refused():
                as_data(network, *(item if reading == "batch" else collated([item])))
        except (TypeError, ValueError) as error:
            refused[reading] = error
    if not refused:
        raise ValueError(
            f"{kind}[0], x {np.shape(item[0])} and y {np.shape(item[1])}, can be a batch or one sample with "
            f"a target for each step; give {kind} an __iter__ that yields the batches (x, y) of an epoch"
        )
    if len(refused) == 2:
        said = f"{kind}[0] is not a batch for this network: {refused['batch']}"
        raise ValueError(f"{said}; nor is it a sample: {refused['sample']}")
    return "batch" in refused


def collated(samples: list[Any]) -> tuple[list[Array], list[Array]]:
    """Return samples (x_i, y_i) as the list of all x_i and the list of all y_i."""
    for sample in samples:
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            raise TypeError(f"a sample must be (x, y), got {type(sample).__name__}")
    x, y = zip(*samples, strict=True)
    return [as_array(one, "x") for one in x], [as_array(one, "y") for one in y]
