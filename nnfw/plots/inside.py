"""Access to a network for plots: its layers by name, and the recurrent ones among them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array
from nnfw.core.validation import one_of

Directions = Mapping[str, Any]  # the recurrent layers of one layer: itself, or the two of a bidirectional one


def recurrent(owner: str, network: Any) -> dict[str, Directions]:
    """Return the recurrent layers of a network by name, of which there must be one."""
    found: dict[str, Directions] = {}
    for name, leaf in network._named_leaves():
        if hasattr(leaf, "directions"):
            found[name] = dict(zip(("ahead", "back"), leaf.directions, strict=True))
        elif hasattr(leaf, "gates"):
            found[name] = {"": leaf}
    if not found:
        raise ValueError(f"{owner}: the network has no recurrent layer; it needs an RNN, a GRU or an LSTM")
    return found


def pick(owner: str, found: Mapping[str, Directions], name: str | None) -> Directions:
    """Return the layer of this name, by default the first."""
    if name is None:
        return next(iter(found.values()))
    return found[one_of(*found)(owner, "layer", name)]


def over_samples(values: Array, lengths: Array, sample: int | None) -> Array:
    """Return the valid steps (T, ...) of one sample of (N, T, ...), or at each step the mean over samples.

    Examples
    --------
    >>> over_samples(np.array([[1.0, 2.0], [3.0, 9.0]]), np.array([2, 1]), None)
    array([2., 2.])
    """
    T = lengths.max() if sample is None else lengths[sample]
    if not T:
        raise ValueError("x has no step to draw; pass sequences with steps, or another sample")
    if sample is not None:
        return np.asarray(values[sample, :T])
    valid = valid_steps(lengths, T).reshape(len(values), T, *[1] * (values.ndim - 2))
    total = np.sum(values[:, :T], axis=0, where=valid, dtype=np.float64)
    return np.asarray(total / valid.sum(axis=0))
