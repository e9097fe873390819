"""The types that annotations speak of."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int | None, ...]  # without the batch axis; None is an axis of any length: T
