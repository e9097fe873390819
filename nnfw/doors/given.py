"""Batches that the caller makes: data that are larger than the memory, or made as they are needed."""

import inspect
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.doors.arrays import named, numeric
from nnfw.doors.batch import Batch, Data
from nnfw.doors.opening import open_data
from nnfw.errors import ShapeError

if TYPE_CHECKING:
    from nnfw.network import Network


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

    def __init__(self, network: "Network", given: Iterable[Any]) -> None:
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
    network: "Network",
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
