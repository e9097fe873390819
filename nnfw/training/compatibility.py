"""Whether the outputs and the loss, the targets and the metrics, and all the data of a fit go together."""

from collections.abc import Iterable

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.core.validation import named
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.losses import Loss
from nnfw.metrics import ClassMetric, FunctionMetric, Metric, MultiLabel
from nnfw.model import Model
from nnfw.training.batches import Data

PROBABILITIES = {"sigmoid": "probabilities from 0 to 1", "softmax": "probabilities that sum to 1"}
TRIED = 64  # samples that metrics are tried on before training


def check_output(last: Layer, K: int, loss: Loss) -> None:
    """Raise a ValueError if the loss takes probabilities, and the outputs of the last layer are none.

    The activation is judged by its values at large inputs, so that custom ones are judged alike.
    """
    activation = last.activation
    if activation is None:
        return
    if K == 1 and not activation.elementwise:
        raise ValueError(
            f"{last._label}: {activation.name} over 1 unit always gives 1, and cannot learn; take a unit "
            f"for each class, or for two classes Dense(1, 'sigmoid') and loss='bce'"
        )
    if loss.fused_with not in PROBABILITIES:
        return
    a = activation(np.outer([-8.0, 8.0], np.linspace(1.0, 2.0, K)))
    inside = a.min() >= 0 and a.max() <= 1
    if not inside or (loss.fused_with == "softmax" and not np.allclose(a.sum(axis=-1), 1)):
        units = max(K, 2) if loss.fused_with == "softmax" else K
        other = "independent labels loss='bce'" if inside else "numbers of any kind loss='mse'"
        raise ValueError(
            f"{last._label}: {type(loss).__name__} is for {PROBABILITIES[loss.fused_with]}, and outputs of "
            f"{activation.name} are none; end in Dense({units}, {loss.fused_with!r}), or for {other}"
        )


def check_exclusive(network: Model, K: int, threshold: float | None) -> None:
    """Raise a ValueError unless the K outputs stand for classes of which each sample has one."""
    if K > 1 and threshold is not None:
        raise ValueError(
            f"predict_classes: of {K} outputs the largest wins, and threshold={threshold:g} has no effect; "
            f"network.predict(x) > {threshold:g} compares each of them with it"
        )
    activation = network._last.activation
    if K > 1 and network.loss.fused_with == "sigmoid" and (activation is None or activation.elementwise):
        raise ValueError(
            f"predict_classes: the outputs are {K} independent labels; network.predict(x) > "
            f"{network.loss.threshold:g} decides each"
        )


def check_metrics(metrics: Iterable[Metric], data: Data, K: int, loss: Loss) -> None:
    """Raise the error of a metric for such targets before training; functions are not tried.

    Up to 127 samples, evenly spaced so that sorted classes are all there, stand for the data.
    """
    some = slice(None, None, max(1, len(data) // TRIED))
    y = data.y[some]
    if data.steps:
        y = steps_as_samples(y, None if data.lengths is None else data.lengths[some])
    a = np.full((len(y), K), 1 / max(K, 2), np.float32)
    for metric in metrics:
        if isinstance(metric, FunctionMetric):
            continue
        with named(f"metric {metric.name!r}"):
            one = metric.metric if isinstance(metric, MultiLabel) else metric if K == 1 else None
            if isinstance(one, ClassMetric) and one.threshold == 0.5 != loss.threshold:
                fitting = f"{type(one).__name__}(threshold={loss.threshold!r})"
                raise ValueError(
                    f"outputs for {type(loss).__name__} decide at {loss.threshold:g}, and not at 0.5; give "
                    f"{fitting if one is metric else f'MultiLabel({fitting})'}"
                )
            if np.ndim(metric(y, a)):
                raise TypeError("it gives no single number for the history; call it on y and predict(x)")


def check_alike(network: Model, x: Array, x_validation: Array) -> None:
    """Raise a ShapeError if the parameters for training inputs do not fit validation inputs."""

    def needed(x: Array) -> list[tuple[int, ...]]:
        network.compute_shapes(x.shape[1:])
        return [spec.shape for leaf in network._leaves() for spec in leaf._specs.values()]

    if needed(x_validation) != needed(x):  # in this order: the network keeps the shapes of the training data
        raise ShapeError(
            f"x has shape {x_validation.shape}, but the x to train on {x.shape}; give both the same features"
        )


def check_steps(chain: Sequential, T: int) -> None:
    """Raise a ShapeError unless all layers keep the T time steps of the inputs, which the lengths count."""
    for layer, shape in zip(chain.layers, chain.shapes[1:], strict=True):
        if isinstance(layer, Sequential):
            check_steps(layer, T)
        elif len(shape) < 2 or shape[0] != T:
            raise ShapeError(
                f"lengths count the {T} time steps of x, but {layer._label} does not keep them; leave "
                f"lengths out, or have all layers return sequences"
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
