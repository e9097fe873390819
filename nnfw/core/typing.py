"""The types used in annotations."""

from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import DTypeLike as DTypeLike

    Array = np.ndarray[Any, np.dtype[Any]]
else:  # matplotlib is imported when something is drawn, and `help` shows the names of types
    Axes = Figure = Any
    Array = np.ndarray
    ArrayLike, DTypeLike = (type(n, (), {"__module__": "numpy.typing"}) for n in ("ArrayLike", "DTypeLike"))

FilePath = str | PathLike[str]
Shape = tuple[int | None, ...]  # without the batch axis; None is an axis of any length: T
Sizes = tuple[int, ...]  # a shape without open axes
Precision = Literal["float32", "float64"] | type[np.floating[Any]] | np.dtype[Any]
Verbosity = int | Literal["auto"]  # 0, 1, 2

Kept = TypeVar("Kept", covariant=True)
Given = TypeVar("Given", contravariant=True)


class Converted(Generic[Kept, Given]):
    """An attribute that is assigned in other forms than it keeps, such as by name; for annotations only."""

    if TYPE_CHECKING:

        def __get__(self, part: object, owner: Any = None) -> Kept: ...

        def __set__(self, part: object, value: Given) -> None: ...
