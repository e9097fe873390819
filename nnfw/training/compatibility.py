"""What must fit each other: outputs and loss, targets and metrics, training and validation data."""

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.core.validation import named
from nnfw.layers.base import Layer
from nnfw.losses import Loss
from nnfw.metrics import ClassMetric, FunctionMetric, Metric, MultiLabel
from nnfw.model import Model
from nnfw.training.batches import Data

if TYPE_CHECKING:
    from nnfw.layers.sequential import Sequential


SPLITS = ("auto", "stratified", "random", "tail")
PROBABILITIES = {"sigmoid": "probabilities from 0 to 1", "softmax": "probabilities that sum to 1"}


def check_output(last: Layer, K: int, loss: Loss) -> None:
    """Raise a ValueError if a loss of probabilities has no meaning for the outputs of the last layer.

    The activation is judged by what it makes of far scores, so that one of your own is judged alike.
    """
    activation = last.activation
    if activation is None:
        return
    if K == 1 and not activation.elementwise:
        raise ValueError(
            f"{last._label}: {activation.name} over 1 unit always gives 1, and nothing can be learnt; take a "
            f"unit for each class, or for two classes Dense(1, 'sigmoid') and loss='bce'"
        )
    if loss.fused_with not in PROBABILITIES:
        return
    a = activation(np.outer([-8.0, 8.0], np.linspace(1.0, 2.0, K)))
    inside = a.min() >= 0 and a.max() <= 1
    if not inside or (loss.fused_with == "softmax" and not np.allclose(a.sum(axis=-1), 1)):
        units = max(K, 2) if loss.fused_with == "softmax" else K
        other = "labels independent of each other loss='bce'" if inside else "numbers of any kind loss='mse'"
        raise ValueError(
            f"{last._label}: {type(loss).__name__} is for {PROBABILITIES[loss.fused_with]}, which the outputs of "
            f"{activation.name} are not; end in Dense({units}, {loss.fused_with!r}), or choose for {other}"
        )


def check_exclusive(network: Model, K: int, threshold: float | None) -> None:
    """Raise a ValueError if the K outputs are not those of classes of which a sample has one.

    Only a single output has a `threshold`.
    """
    if K > 1 and threshold is not None:
        raise ValueError(
            f"predict_classes: of {K} outputs the largest wins, threshold={threshold:g} or not; "
            f"network.predict(x) > {threshold:g} holds each of them against it"
        )
    activation = network._last.activation
    if K > 1 and network.loss.fused_with == "sigmoid" and (activation is None or activation.elementwise):
        raise ValueError(
            f"predict_classes: the outputs are {K} independent labels; network.predict(x) > "
            f"{network.loss.threshold:g} decides each"
        )


def check_metrics(metrics: Iterable[Metric], data: Data, K: int, loss: Loss) -> None:
    """Raise what a metric says of such targets now, instead of after the first step.

    Functions are not tried: they may look at anything.
    """
    y, steps = data.y, data.y.shape[1:2] if data.steps else ()
    a = np.broadcast_to(np.float32(1 / max(K, 2)), (len(data), *steps, K))
    if data.steps:
        y, a = steps_as_samples(y, data.lengths), steps_as_samples(a, data.lengths)
    for metric in metrics:
        if isinstance(metric, FunctionMetric):
            continue
        with named(f"metric {metric.name!r}"):
            fitting = deciding_at(metric, K, loss.threshold)
            if fitting is not None:
                raise ValueError(
                    f"outputs for {type(loss).__name__} decide at {loss.threshold:g}; give {fitting!r}"
                )
            if np.ndim(metric(y, a)):
                raise TypeError("it gives no single number for the history; call it on y and predict(x)")


def deciding_at(metric: Metric, K: int, threshold: float) -> Metric | None:
    """Return a metric like one that decides single outputs elsewhere, but at `threshold`; else None."""
    if isinstance(metric, MultiLabel):
        each = deciding_at(metric.metric, 1, threshold)
        return None if each is None else MultiLabel(each, metric.average)
    if K > 1 or not isinstance(metric, ClassMetric) or not metric.threshold == 0.5 != threshold:
        return None
    fitting = copy.copy(metric)
    fitting.threshold = threshold
    return fitting


def check_alike(network: Model, train: Array, held: Array) -> None:
    """Raise a ShapeError if a network built for the x to train on could not take the x to validate on."""

    def needed(x: Array) -> list[tuple[int, ...]]:
        network.compute_shapes(x.shape[1:])
        return [spec.shape for leaf in network._leaves() for spec in leaf._specs.values()]

    if needed(held) != needed(train):  # in this order: the network is left as it is for training
        raise ShapeError(
            f"x has shape {held.shape}, but the x to train on {train.shape}; give both the same features"
        )


def check_steps(chain: "Sequential", T: int) -> None:
    """Raise a ShapeError unless outputs have the time steps of the inputs, which the lengths count."""
    from nnfw.layers.sequential import Sequential

    for layer, shape in zip(chain.layers, chain.shapes[1:], strict=True):
        if isinstance(layer, Sequential):
            check_steps(layer, T)
        elif len(shape) < 2 or shape[0] != T:
            raise ShapeError(
                f"lengths count the {T} time steps of x, but {layer._label} does not keep them: those of the "
                f"outputs are others; leave lengths out, or have all layers return sequences"
            )


def check_truncation(network: Model, train: Data) -> None:
    """Raise a ValueError unless sequences can be taken window by window."""
    for leaf in network._leaves():
        if not leaf.causal:
            raise ValueError(
                f"fit: truncate cuts sequences into windows, but {leaf._label} needs them whole; leave "
                f"truncate out, or take a layer that reads forwards only"
            )
    if not train.steps or train.y.shape[1] != train.x.shape[1]:
        raise ValueError(
            "fit: truncate needs an output and a target for each time step; build every recurrent layer with "
            "return_sequences=True, or leave truncate out"
        )


def check_split(split: Any) -> None:
    """Raise a ValueError unless `split` is one of the ways to hold samples out."""
    if split not in SPLITS:
        raise ValueError(f"fit: split must be one of {', '.join(map(repr, SPLITS))}, got {split!r}")
