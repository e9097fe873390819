"""Targets: brought to the shape of the outputs, or to integer classes where the loss takes them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.arrays import Array
from nnfw.data import pad_sequences
from nnfw.doors.arrays import check_finite, named, numeric
from nnfw.errors import ShapeError
from nnfw.layers.bidirectional import Bidirectional
from nnfw.layers.lengths import steps_as_samples
from nnfw.layers.recurrent import Recurrent
from nnfw.loss import Loss

if TYPE_CHECKING:
    from nnfw.network import Network

# What to change in a network, and in one with recurrent layers.
ONE_A_SEQUENCE = (
    "put Flatten() before the first Dense, or pool over time, MeanPooling()",
    "build the last recurrent layer with return_sequences=False",
)
ONE_A_STEP = (
    "leave out what takes the steps away, as Flatten() and pooling do",
    "build every recurrent layer with return_sequences=True",
)


def open_targets(y: Any, x: Array, lengths: Array | None, shape: Sequence[int], network: "Network") -> Array:
    """Return targets in the one form that the network's loss takes.

    Classes for categorical cross-entropy become integers (N,) or (N, T); all else takes the shape of the
    outputs, (N, K) or (N, T, K): `shape` is that of one sample's.
    """
    (*time, K), loss = shape, network.loss
    lead = (len(x), *time)
    if lead != x.shape[:2]:
        lengths = None  # they are those of x alone
    elif lengths is not None:
        y = pad_steps(y, "y", lengths, x.shape[1])
    y = np.asarray(numeric(y, "y"))
    if y.shape[:1] != x.shape[:1]:
        raise ShapeError(f"x has {len(x)} samples, but y has shape {y.shape}; give y a row for each")
    classes = loss.takes_classes and y.shape in (lead, (*lead, 1))
    if classes or (K == 1 and y.shape == lead):
        y = y.reshape(lead if classes else (*lead, 1))
    elif y.shape != (*lead, K):
        raise ShapeError(shape_message(y, x, lead, K, network))
    check_finite(y, "y", lengths, network.dtype)
    valid = y if lengths is None else steps_as_samples(y, lengths)
    if not classes:
        check_range(valid, loss)
        return y
    check_classes(valid, K)
    return y if y.dtype.kind in "iu" else np.where(np.isfinite(y), y, 0).astype(np.int64)


def pad_steps(given: Any, name: str, lengths: Array, T: int) -> Any:
    """Return a list of what belongs to the steps, (T_i,) or (T_i, K), as one array, if it is such a list."""
    if not isinstance(given, (list, tuple)) or not all(np.ndim(one) for one in given):
        return given
    for n, (one, length) in enumerate(zip(given, lengths, strict=False)):
        if len(one) not in (length, T):
            raise ShapeError(f"{name}[{n}] has {len(one)} steps, but x[{n}] {length}; give one for each step")
    with named(name):
        return pad_sequences(given, length=T)[0]


def check_classes(y: Array, K: int) -> None:
    """Raise a ValueError for what is no class of K."""
    if y.dtype.kind == "f" and (odd := y[y != np.round(y)]).size:
        raise ValueError(
            f"y holds {odd[0]:g}, which is no class; classes are whole numbers from 0 to {K - 1}. "
            f"To learn numbers choose linear outputs and loss='mse'"
        )
    if y.min() < 0 or y.max() >= K:
        raise ValueError(
            f"y holds classes {y.min():g} to {y.max():g}, but the network's {K} outputs stand for classes 0 "
            f"to {K - 1}; LabelEncoder numbers labels from 0, or give the last layer more units"
        )


def check_range(y: Array, loss: Loss) -> None:
    """Raise a ValueError for targets that the loss has no meaning for."""
    name, (low, high) = type(loss).__name__, loss.target_range
    if y.min() < low or y.max() > high:
        raise ValueError(
            f"{name} takes targets from {low:g} to {high:g}, but y holds {y.min():g} to {y.max():g}; "
            f"LabelEncoder numbers labels from 0, MinMaxScaler scales numbers, or choose another loss"
        )
    if loss.takes_classes and not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
        raise ValueError(
            f"{name} takes classes, or rows that sum to 1, which those of y do not; scale them, or for "
            f"several labels a sample choose sigmoid outputs and loss='bce'"
        )


def shape_message(y: Array, x: Array, lead: tuple[int, ...], K: int, network: "Network") -> str:
    """Return the message for targets that fit neither form."""
    outputs, loss = (*lead, K), network.loss
    classes = f", or classes {lead}" if loss.takes_classes else f" or {lead}" if K == 1 else ""
    forms = [outputs, lead] if loss.takes_classes or K == 1 else [outputs]
    same = [form for form in forms if math.prod(form) == y.size and len(form) != y.ndim]
    remedy = f"reshape it: y.reshape{same[0]}" if same else shape_remedy(y, x, outputs, network)
    return f"y has shape {y.shape}, but the network's outputs ask for {outputs}{classes}; {remedy}"


def shape_remedy(y: Array, x: Array, outputs: tuple[int, ...], network: "Network") -> str:
    """Return what to do about targets that hold other values than the outputs."""
    *lead, _ = outputs
    columns = y.shape[-1] if y.ndim > len(lead) else 1
    recurrent = any(isinstance(leaf, (Recurrent, Bidirectional)) for leaf in network.leaves())
    if len(lead) == 2 and y.ndim == 3 and y.shape[1] != lead[1]:
        return f"give each of the {lead[1]} steps of x one target"
    if len(lead) == 2 and y.shape[1:2] != (lead[1],):
        return f"for one target a sequence {ONE_A_SEQUENCE[recurrent]}"
    if len(lead) == 1 and x.ndim == 3 and y.shape[1:2] == x.shape[1:2]:
        return f"for one target a step {ONE_A_STEP[recurrent]}"
    if columns == 1 and np.array_equal(y, np.round(y)):
        return "for integer classes choose softmax outputs and loss='cce', else give the last layer 1 unit"
    if y.ndim > len(outputs) and y.shape[: len(lead)] == (*lead,):
        values = y.size // math.prod(lead)
        return f"for all {values} values end in Dense({values}), and y.reshape{(*lead, values)}"
    return f"give the last layer as many units as y has columns, {columns}"
