"""Sampler: the division of an epoch into batches, and their order."""

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
    """The way in which each epoch takes the data.

    Examples
    --------
    >>> print(Sampler(30, 8, shuffle=True, truncate=20))
    30 samples in batches of 8, shuffled, in windows of 20 steps
    """

    samples: int | None  # N; None for batches made by the caller
    batch_size: int  # samples per batch
    shuffle: bool = True  # whether the samples are in a new order in each epoch
    bucket: bool = False  # whether the samples of a batch are of similar length
    truncate: int | None = None  # time steps of a window, if batches are taken window by window
    steps: int | None = None  # batches per epoch, if the caller's iterable never ends

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size", "truncate"):
            if getattr(self, name) is not None:
                positive_integer("fit", name, getattr(self, name))
        boolean("fit", "shuffle", self.shuffle)
        if boolean("fit", "bucket", self.bucket) and not self.shuffle:
            raise ValueError("fit: bucket=True shuffles the batches; it requires shuffle=True")

    def order(self, data: Data | Any, rng: np.random.Generator) -> Array | None:
        """Return the order of the samples for the next epoch; None for the order of the data."""
        if not self.shuffle or data.size is None:
            return None
        order = rng.permutation(data.size)
        if not self.bucket or not isinstance(data, Data) or (steps := data.steps_of_samples) is None:
            return order
        return gather_by_length(order, steps, self.batch_size, rng)

    def updates(self, data: Data | Any) -> int | None:
        """Return the number of updates in an epoch, or None if it is not known."""
        count = data.count(self.batch_size)
        if self.truncate is None or count is None:
            return count
        if not isinstance(data, Data) or data.steps_of_samples is not None:
            return None  # the longest sequence of each batch decides how many windows it has
        return count * math.ceil(data.longest / self.truncate)

    def __str__(self) -> str:
        words = ["batches as they come" + (f", {self.steps} per epoch" if self.steps else "")]
        if self.samples is not None:
            words = [f"{self.samples} samples in batches of {self.batch_size}"]
            words.append("shuffled" if self.shuffle else "not shuffled")
        words += ["bucketed by length"] if self.bucket else []
        words += [f"in windows of {self.truncate} steps"] if self.truncate else []
        return ", ".join(words)
