"""The types that annotations speak of."""

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
else:  # matplotlib is imported when something is drawn
    Axes = Figure = Any

FilePath = str | PathLike[str]
Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int | None, ...]  # without the batch axis; None is an axis of any length: T
Sizes = tuple[int, ...]  # a shape without open axes
