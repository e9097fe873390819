"""Sample weights: what each sample counts, or each of its steps."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.arrays import Array
from nnfw.doors.arrays import check_finite, numeric
from nnfw.doors.batch import without
from nnfw.doors.targets import pad_steps
from nnfw.errors import ShapeError
from nnfw.layers.lengths import valid_steps


def open_weight(
    sample_weight: ArrayLike, y: Array, lengths: Array | None, steps: bool, dtype: np.dtype[Any]
) -> Array:
    """Return the weights of samples (N,); of their steps (N, T), if the targets have `steps`."""
    N, T = len(y), y.shape[1] if steps else 0
    if steps and lengths is not None:
        sample_weight = pad_steps(sample_weight, "sample_weight", lengths, T)
    weight = numeric(sample_weight, "sample_weight")
    if weight.shape != (N,) and not (steps and weight.shape == (N, T)):
        each = f"one weight a sample, shape {(N,)}" + (f", or one a step, {(N, T)}" if steps else "")
        raise ShapeError(f"sample_weight must have {each}, got {weight.shape}")
    if weight.ndim == 2 and lengths is not None:
        weight = without(~valid_steps(lengths, T), weight)
    check_finite(weight, "sample_weight", dtype=dtype)
    if weight.min() < 0:
        place = ", ".join(map(str, np.unravel_index(weight.argmin(), weight.shape)))
        raise ValueError(f"sample_weight[{place}] is {weight.min():g}; weights must be at least 0")
    if not weight.any():
        raise ValueError("sample_weight leaves everything a weight of 0, and nothing to learn; raise some")
    return weight
