"""The plan of a fit: what an epoch is cut into, and in which order."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnfw.core.typing import Array
from nnfw.core.validation import boolean, positive_integer
from nnfw.data import gather_by_length
from nnfw.training.batches import Data


@dataclass(frozen=True)
class Sampler:
    """How each epoch takes the data.

    Parameters
    ----------
    samples : int or None
        N; None where the batches come as they come.
    batch_size : int
        Samples a batch.
    shuffle : bool
        Whether each epoch takes the samples in a new order.
    bucket : bool
        Whether the samples of a batch are of similar length.
    truncate : int or None
        Time steps of a window, if a batch is taken window by window.

    Examples
    --------
    >>> print(Sampler(30, 8, shuffle=True, truncate=20))
    30 samples in batches of 8, shuffled, in windows of 20 steps
    """

    samples: int | None
    batch_size: int
    shuffle: bool = True
    bucket: bool = False
    truncate: int | None = None

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size", "truncate"):
            if getattr(self, name) is not None:
                positive_integer("fit", name, getattr(self, name))
        boolean("fit", "shuffle", self.shuffle)
        if boolean("fit", "bucket", self.bucket) and not self.shuffle:
            raise ValueError("fit: bucket=True shuffles the batches; it goes with shuffle=True only")

    def order(self, data: Data | Any, rng: np.random.Generator) -> Array | None:
        """Return the order of the samples for the next epoch; None is the order in which they come."""
        if not self.shuffle or data.size is None:
            return None
        order = rng.permutation(len(data))
        if not self.bucket or data.lengths is None:
            return order
        rows = slice(None) if data.rows is None else data.rows
        return gather_by_length(order, data.lengths[rows], self.batch_size, rng)

    def updates(self, data: Data | Any) -> int | None:
        """Return the number of updates in an epoch, or None as long as it is not known.

        Examples
        --------
        >>> from nnfw.training.batches import Data
        >>> data = Data(np.zeros((30, 90, 1)), np.zeros((30, 90, 1)), None, None, np.dtype("f4"), steps=True)
        >>> Sampler(30, 8).updates(data), Sampler(30, 8, truncate=20).updates(data)
        (4, 20)
        """
        count = data.count(self.batch_size)
        if self.truncate is None or count is None:
            return count
        if data.size is None or data.lengths is not None:
            return None  # each batch has as many windows as its longest sequence asks for
        return count * math.ceil(data.longest / self.truncate)

    def __str__(self) -> str:
        """Return the plan in words."""
        if self.samples is None:
            said = ["batches as they are given"]
        else:
            said = [f"{self.samples} samples in batches of {self.batch_size}"]
            said.append("shuffled" if self.shuffle else "not shuffled")
        said += ["gathered by length"] if self.bucket else []
        said += [f"in windows of {self.truncate} steps"] if self.truncate else []
        return ", ".join(said)
