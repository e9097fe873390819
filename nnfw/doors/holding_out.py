"""Which samples validate: those given, or a share of the training data held out."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.data import split_indices
from nnfw.doors.agreement import check_alike
from nnfw.doors.arrays import named
from nnfw.doors.batch import Data
from nnfw.doors.classes import class_labels
from nnfw.doors.given import Batches, check_third, open_source

if TYPE_CHECKING:
    from nnfw.network import Network


def open_validation(
    network: "Network", train: Data | Batches, given: Any, share: float, how: str
) -> tuple[Data | Batches, Data | Batches | None, str]:
    """Return what trains, what validates, and a word on how that was chosen."""
    if given is not None:
        with named("validation_data"):
            held = open_source(network, *check_pair(given))
            check_alike(network, train.first.x, held.first.x)
        return train, held, "the data given"
    if share:
        return hold_out(train, share, how, network.streams["split"])
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
