"""Adapters: convert the caller's inputs, lengths, targets and weights to checked arrays in one form."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnfw.core.arrays import as_array, as_indices, check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import check_lengths, cleared, steps_as_samples
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import named
from nnfw.data import pad_sequences
from nnfw.layers.base import Layer
from nnfw.layers.normalization import BatchNorm
from nnfw.layers.validation import check_memory
from nnfw.losses import Loss
from nnfw.model import Model
from nnfw.training.batches import Data
from nnfw.training.compatibility import check_metrics, check_output, check_steps, least_steps, output_shape


def as_data(network: Model, x: Any, y: Any, lengths: Any = None, sample_weight: Any = None) -> Data:
    """Return the caller's data as arrays that fit the network, its loss and its metrics."""
    x, lengths = as_inputs(network._first, x, lengths, network._input_dtype)
    shape = [n for n in output_shape(network, x, lengths) if n is not None]  # all known, as those of x are
    K, steps = shape[-1], len(shape) > 1
    check_memory(network._leaves(), network.dtype)
    check_output(network._last, K, network.loss)
    if steps and lengths is not None and not network.loss.of_sequences:
        check_steps(network, x.shape[1])
    if network.loss.of_sequences:
        y, steps = as_labels(y, x, lengths, shape, network), False
    else:
        y = as_targets(y, x, lengths, shape, network)
    weight = None if sample_weight is None else as_weight(sample_weight, y, lengths, steps, network.dtype)
    least = None if lengths is None else least_steps(network, x.shape[1])
    data = Data(x, y, lengths, weight, network._input_dtype, steps, least)
    check_metrics(network.metrics, data, K, network.loss)
    return data


def as_inputs(first: Layer, x: Any, lengths: Any, dtype: np.dtype[Any]) -> tuple[Array, Array | None]:
    """Return inputs for the first layer, and lengths (N,), or None if all steps are valid.

    Inputs are (N, D), (N, T, D), or a list of (T_i, D) or (T_i,); indices are (N, T), or a list of (T_i,).
    They are converted to `dtype` batch by batch. A memory map may exceed the memory, and is not read here.
    """
    axes = 1 if first._takes_indices else 2  # of one sequence
    counts = None
    if is_ragged(x, first):
        if lengths is not None:
            raise ValueError("x is a list of sequences, which have their own lengths; omit lengths")
        with named("x"):
            x, counts = pad_sequences(x)
        x = x[..., None] if x.ndim == axes else x  # one feature
    else:
        x = numeric(x, "x")
        if x.ndim < 2 or x.size == 0:
            said = f"x must be (samples, features) or (samples, steps, features) and not empty, got {x.shape}"
            raise ShapeError(f"{said}; a single sample is x[None], a single feature x[..., None]")
        counts = None if lengths is None else as_lengths(lengths, x, axes)
    if not isinstance(x, np.memmap):
        check_finite(x, "x", counts, dtype)
        first._check_values(cleared(x, counts))
    if lengths is None:
        counts = first._find_lengths(x, counts)
    return x, None if counts is None or np.all(counts == x.shape[1]) else counts


def is_ragged(x: Any, first: Layer) -> bool:
    """Return whether `x` is a list of sequences for the first layer, not of the rows of one array.

    Sequences are (T_i,) of indices, (T_i, D) of features, or (T_i,) of one feature if a layer takes sequences
    only; lists, and indices in any form, are rows if all have the same length, and are not empty.
    """
    if not isinstance(x, (list, tuple)) or not x:
        return False
    axes = as_array(x[0], "x[0]").ndim
    rows_too = not first.takes_lengths or isinstance(first, BatchNorm)  # an array (D,) is one of these
    if axes not in ((1,) if first._takes_indices else (2,) if rows_too else (1, 2)):
        return False
    if hasattr(x[0], "shape") and not first._takes_indices:
        return True
    steps = {as_array(one, f"x[{n}]").shape[:1] for n, one in enumerate(x)}
    return len(steps) > 1 or (0,) in steps


def as_lengths(lengths: ArrayLike, x: Array, axes: int) -> Array:
    """Return lengths as integers (N,) that fit x (N, T, D), or indices (N, T)."""
    if x.ndim != 1 + axes:
        said = f"lengths require x of shape (samples, steps, features), got x {x.shape}"
        raise ShapeError(f"{said}; omit them; pass weights as sample_weight, or 4th in validation_data")
    counts = numeric(lengths, "lengths")
    if counts.dtype.kind not in "iu":
        said = f"lengths must be whole numbers, the number of steps of each sequence, got {counts.dtype}"
        remedy = "lengths.astype(int) converts them; pass weights as sample_weight, or 4th in validation_data"
        remedy = "a mask (N, T) has lengths.sum(axis=1)" if counts.dtype == bool else remedy
        raise TypeError(f"{said}; {remedy}")
    return check_lengths("x", counts, len(x), x.shape[1])


def as_targets(y: Any, x: Array, lengths: Array | None, shape: Sequence[int], network: Model) -> Array:
    """Return targets in the form that the network's loss takes; `shape` is that of one sample's outputs.

    Classes for categorical cross-entropy become integers (N,) or (N, T); other targets become (N, M) or
    (N, T, M), where M is the number of outputs except for losses with several outputs per target.
    """
    (*time, K), loss = shape, network.loss
    lead, M = (len(x), *time), K // loss.outputs_per_target
    as_x = lead == x.shape[:2]  # else the targets have no steps, or not those of x
    if lengths is not None and (as_x or is_by_step(y, lengths)):
        y = pad_steps(y, "y", lengths, x.shape[1])
    lengths = lengths if as_x else None
    y = np.asarray(numeric(y, "y"))
    if y.shape[:1] != x.shape[:1]:
        raise ShapeError(f"x has {len(x)} samples, but y has shape {y.shape}; y must have one row per sample")
    classes = loss.takes_classes and y.shape in (lead, (*lead, 1))
    if classes or (M == 1 and y.shape == lead):
        y = y.reshape(lead if classes else (*lead, 1))
    elif y.shape != (*lead, M):
        raise ShapeError(shape_message(y, x, lead, M, loss))
    remedy = "drop such samples, or fill in any number and give them, or the step, sample_weight=0"
    check_finite(y, "y", lengths, network.dtype, remedy)
    valid = y if lengths is None else steps_as_samples(y, lengths)
    if valid.size:  # else no sequence has a step
        check_classes(valid, K) if classes else check_range(valid, loss)
    if not classes:
        return y
    return y if y.dtype.kind in "iu" else np.where(np.isfinite(y), y, 0).astype(np.int64)


def as_labels(y: Any, x: Array, lengths: Array | None, shape: Sequence[int], network: Model) -> Array:
    """Return the labels of sequences in the form of `CTC`, after the steps of their outputs: (N, 1 + L)."""
    if len(shape) != 2:
        said = f"CTC requires an output for each time step, but the network returns {shape} for a sequence"
        raise ShapeError(f"{said}; build recurrent layers with return_sequences=True, and remove pooling")
    with named("y"):
        labels = pad_sequences(y)[0] if isinstance(y, list | tuple) else np.asarray(numeric(y, "y"))
    labels = labels if labels.any() else labels.astype(np.int64)  # NumPy makes floats of empty lists
    if labels.ndim != 2 or len(labels) != len(x):
        raise ShapeError(f"y must hold labels for {len(x)} sequences, (N, L) or a list, got {labels.shape}")
    labels = as_indices(labels, "y", shape[1], "0 is the blank and the padding; labels start at 1")
    steps = network.count_steps(np.full(len(x), x.shape[1]) if lengths is None else lengths)
    counts = np.count_nonzero(labels, axis=1)
    repeats = ((labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > 0)).sum(axis=1)
    gaps = (np.diff(labels > 0, axis=1) & (labels[:, 1:] > 0)).any(axis=1)
    wrongs = {"has a 0, the blank, before a label, but labels are numbered from 1": gaps}
    wrongs["has more labels, plus blanks between equal ones, than x has steps"] = counts + repeats > steps
    for what, wrong in wrongs.items():
        if wrong.any():
            raise ValueError(f"y[{wrong.argmax()}] {what}; correct it, or drop the sample")
    return np.column_stack([steps, labels])


def is_by_step(values: Any, lengths: Array) -> bool:
    """Return whether `values` is a list with one value for each step of sequences of unequal length."""
    if not isinstance(values, (list, tuple)) or np.ptp(lengths) == 0:
        return False
    rows = (one for one in values if hasattr(one, "__len__") and getattr(one, "ndim", True))
    return [len(one) for one in rows] == lengths.tolist()


def pad_steps(values: Any, name: str, lengths: Array, T: int) -> Any:
    """Return a list of values for each step, (T_i,) or (T_i, K), as one array; other values unchanged."""
    if not isinstance(values, (list, tuple)) or not all(np.ndim(one) for one in values):
        return values
    for n, (one, length) in enumerate(zip(values, lengths, strict=False)):
        if len(one) not in (length, T):
            raise ShapeError(f"{name}[{n}] has {len(one)} steps, but x[{n}] has {length}; they must be equal")
    with named(name):
        return pad_sequences(values, length=T)[0]


def check_classes(y: Array, K: int) -> None:
    """Raise a ValueError for targets that are not classes 0 to K - 1."""
    if y.dtype.kind == "f" and (odd := y[y != np.round(y)]).size:
        said = f"y holds {odd[0]:g}, which is not a class; classes are whole numbers from 0 to {K - 1}"
        raise ValueError(f"{said}. For regression use linear outputs and loss='mse'")
    if y.min() < 0 or y.max() >= K:
        known = "; where the class is unknown put any, with sample_weight=0" if y.min() < 0 else ""
        raise ValueError(
            f"y holds classes {y.min():g} to {y.max():g}, but the network's {K} outputs are for classes 0 "
            f"to {K - 1}; encode labels by LabelEncoder, or give the last layer more units{known}"
        )


def check_range(y: Array, loss: Loss) -> None:
    """Raise a ValueError for targets for which the loss is not defined."""
    name, (low, high) = type(loss).__name__, loss.target_range
    if y.min() < low or y.max() > high:
        said = f"{name} takes targets from {low:g} to {high:g}, but y holds {y.min():g} to {y.max():g}"
        remedy = "encode labels by LabelEncoder, scale numbers by MinMaxScaler, or use another loss"
        if loss.fused_with == "sigmoid" and y.shape[-1] == 1 and y.min() == 0 and not np.any(y % 1):
            K = int(y.max()) + 1
            remedy = f"for {K} classes end with Dense({K}, 'softmax') and use loss='cce'; else {remedy}"
        raise ValueError(f"{said}; {remedy}")
    if loss.takes_classes and not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
        said = f"{name} takes classes, or rows that sum to 1, but those of y do not; normalize them"
        raise ValueError(f"{said}, or for several labels per sample use sigmoid outputs and loss='bce'")


def shape_message(y: Array, x: Array, lead: tuple[int, ...], M: int, loss: Loss) -> str:
    """Return the message for targets whose shape fits neither classes nor outputs."""
    classes = f", or class indices {lead}" if loss.takes_classes else f" or {lead}" if M == 1 else ""
    forms = [(*lead, M), lead] if classes else [(*lead, M)]
    same = [form for form in forms if math.prod(form) == y.size and len(form) != y.ndim]
    remedy = (
        f"reshape it: y.reshape{same[0]}" if same else shape_remedy(y, x, lead, M, loss.outputs_per_target)
    )
    return f"y has shape {y.shape}, but the network's outputs require {(*lead, M)}{classes}; {remedy}"


def shape_remedy(y: Array, x: Array, lead: tuple[int, ...], M: int, P: int) -> str:
    """Return the remedy for targets other than M per sample or step with P outputs each."""
    columns = y.shape[-1] if y.ndim > len(lead) else 1
    by_step = y.ndim == 3 or (y.ndim == 2 and y.shape[1] not in (1, M))
    if len(lead) == 2 and by_step and y.shape[1] != lead[1]:
        return f"give one target for each of the {lead[1]} steps of x"
    if len(lead) == 2 and y.shape[1:2] != (lead[1],):
        return (
            "for one target per sequence, build the last recurrent layer with return_sequences=False, or put "
            "Flatten() before the first Dense, or MeanPooling() over time"
        )
    if len(lead) == 1 and x.ndim == 3 and y.shape[1:2] == x.shape[1:2]:
        return (
            "for one target per step, build every recurrent layer with return_sequences=True, and remove "
            "layers that drop the time axis, such as Flatten() and pooling"
        )
    if columns == 1 and np.array_equal(y, np.round(y)):
        return "for integer classes use softmax outputs and loss='cce', else give the last layer 1 unit"
    if y.ndim > len(lead) + 1 and y.shape[: len(lead)] == lead:
        values = y.size // math.prod(lead)
        return f"for all {values} values end with Dense({values * P}), and use y.reshape{(*lead, values)}"
    each = f"{P} times " if P > 1 else ""
    return f"give the last layer {each}as many units as y has columns, {P * columns}"


def as_weight(sample_weight: Any, y: Array, lengths: Array | None, steps: bool, dtype: Any) -> Array:
    """Return the weights of samples (N,), or of steps (N, T) if the targets have `steps`."""
    N, T = len(y), y.shape[1] if steps else 0
    if steps and lengths is not None:
        sample_weight = pad_steps(sample_weight, "sample_weight", lengths, T)
    weight = numeric(sample_weight, "sample_weight")
    if weight.shape != (N,) and not (steps and weight.shape == (N, T)):
        each = f"one weight per sample, shape {(N,)}" + (f", or one per step, {(N, T)}" if steps else "")
        raise ShapeError(f"sample_weight must have {each}, got {weight.shape}")
    if steps and lengths is not None:  # a sequence without steps has no weight
        weight = cleared(weight, lengths) if weight.ndim == 2 else weight * (lengths > 0)
    check_finite(weight, "sample_weight", dtype=dtype)
    if weight.min() < 0:
        place = ", ".join(map(str, np.unravel_index(weight.argmin(), weight.shape)))
        raise ValueError(f"sample_weight[{place}] is {weight.min():g}, but weights must be at least 0")
    return weight
