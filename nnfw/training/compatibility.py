"""Checks that outputs and loss, targets and metrics, and all data sets of a fit are compatible."""

import math
from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from nnfw import activations
from nnfw.activations import Activation
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import named
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.layers.stepping import check_remembers
from nnfw.losses import GaussianNLL, Loss, MixtureDensity, Quantile
from nnfw.metrics import ClassMetric, Coverage, FunctionMetric, Metric, MultiLabel, Pinball, RankMetric
from nnfw.model import Model
from nnfw.training.batches import Data

PROBABILITIES = {"sigmoid": "probabilities from 0 to 1", "softmax": "probabilities that sum to 1"}
TRIED = 64  # samples that metrics are tried on before training, or up to twice as many


def output_shape(network: Model, x: Array, lengths: Array | None) -> Shape:
    """Return the shape of the outputs for x; the network keeps T open once lengths are unequal."""
    any_length = (None, *x.shape[2:])
    was_open = network.shapes[:1] == [any_length]
    shape = network.compute_shapes(x.shape[1:])
    if was_open or lengths is not None:
        with suppress(ShapeError, TypeError):  # a layer that needs T explains itself in forward
            network.compute_shapes(any_length)
    return shape


def least_steps(network: Model, T: int) -> int:
    """Return the number of steps that a batch must have: all T if the network needs them, else a window's."""
    is_open = network.shapes[0][:1] == (None,) and network.shapes[-1][-1] is not None
    return 1 + int(np.sum(network.count_steps(np.arange(1, T)) == 0)) if is_open else T


def check_output(last: Layer, K: int, loss: Loss) -> None:
    """Raise a ValueError if the loss does not take the outputs of the last layer."""
    activation, P = getattr(last, "activation", None), loss.outputs_per_target
    if loss.fused_with not in (None, getattr(activation, "name", None)):
        with named(f"{type(loss).__name__}: fused_with"):
            activations.registry.get(str(loss.fused_with))  # else it would never be fused
    if K % P:
        said = f"{last._label}: {loss!r} takes {P} outputs per target, but {K} is not a multiple of {P}"
        raise ValueError(f"{said}; end with Dense({P}) for one target per sample")
    if activation is None:
        return
    if K == 1 and not activation.elementwise:
        raise ValueError(
            f"{last._label}: {activation.name} over 1 unit is always 1, and cannot learn; use one unit per "
            f"class, or for two classes Dense(1, 'sigmoid') and loss='bce', and for regression Dense(1)"
        )
    low = loss.lowest_output
    if low > -math.inf and at_large_inputs(activation, K).min() < low:
        raise ValueError(
            f"{last._label}: {type(loss).__name__} requires outputs of at least {low:g}, but those of "
            f"{activation.name} can be lower; end with Dense({K}, 'softplus'), or 'softmax' for proportions"
        )
    if isinstance(loss, GaussianNLL | MixtureDensity) and activation(np.full((1, K), -1e9)).min() > -8:
        said = f"{last._label}: {type(loss).__name__} requires unbounded outputs, as logarithms are"
        raise ValueError(f"{said}, but those of {activation.name} are bounded below; end with Dense({K})")
    if loss.fused_with not in PROBABILITIES:
        return
    a = at_large_inputs(activation, K)
    inside = a.min() >= 0 and a.max() <= 1
    if not inside or (loss.fused_with == "softmax" and not np.allclose(a.sum(axis=-1), 1)):
        units = max(K, 2) if loss.fused_with == "softmax" else K
        labels = "two classes" if K == 1 else "independent labels"
        other = f"for {labels} use loss='bce'" if inside else "for regression use loss='mse'"
        raise ValueError(
            f"{last._label}: {type(loss).__name__} requires {PROBABILITIES[loss.fused_with]}, but "
            f"{activation.name} outputs are not; end with Dense({units}, {loss.fused_with!r}), or {other}"
        )


def at_large_inputs(activation: Activation, K: int) -> Array:
    """Return outputs (2, K) by which any activation, built-in or custom, is judged."""
    return activation(np.outer([-8.0, 8.0], np.linspace(1.0, 2.0, K)))


def check_exclusive(network: Model, threshold: float | None) -> None:
    """Raise a ValueError unless the outputs stand for classes of which each sample has exactly one."""
    K, loss = network.shapes[-1][-1] or 1, network.loss
    activation = getattr(network._last, "activation", None)
    if K > 1 and threshold is not None:
        said = f"predict_classes: the largest of {K} outputs wins, so threshold={threshold:g} has no effect"
        raise ValueError(f"{said}; network.predict(x) > {threshold:g} applies it to each output")
    if K > 1 and loss.fused_with == "sigmoid" and (activation is None or activation.elementwise):
        said = f"predict_classes: the outputs are {K} independent labels"
        raise ValueError(f"{said}; use network.predict(x) > {loss.threshold:g} for each")
    bounded = activation is not None and np.abs(at_large_inputs(activation, K)).max() <= 1
    decided = bounded or loss.takes_classes or math.isfinite(loss.target_range[1])
    if threshold is None and (not decided or loss.outputs_per_target > 1):
        decides = "network.predict(x).argmax(axis=-1)" if K > 1 else "predict_classes(x, threshold=0.5)"
        raise ValueError(
            f"predict_classes: {type(loss).__name__} on such outputs predicts numbers, not classes; use "
            f"predict{'' if loss.outputs_per_target > 1 else f', or if they stand for classes, {decides}'}"
        )


def check_metrics(metrics: Iterable[Metric], data: Data, K: int, loss: Loss) -> None:
    """Raise, before training, the error of a metric for these targets; functions are not tried.

    Up to 127 samples or steps represent the data, evenly spaced so that sorted classes are all included.
    """
    y = some(data.y)
    if data.steps:
        y = some(steps_as_samples(y, None if data.lengths is None else some(data.lengths)))
    if not len(y):
        return  # none of these samples has a step
    steps = (int(y[:, 0].max()),) if loss.of_sequences else ()
    outputs = np.full((len(y), *steps, K), 1 / max(K, 2), np.float32)
    for metric in metrics:
        a = outputs if metric.of_outputs else loss.estimate(outputs)
        if isinstance(metric, FunctionMetric):
            continue
        with named(f"metric {metric.name!r}"):
            check_quantiles(metric, loss)
            one = metric.metric if isinstance(metric, MultiLabel) else metric
            binary = one is not metric or a.shape[-1] == 1
            if binary and isinstance(one, ClassMetric) and one.threshold == 0.5 != loss.threshold:
                fitting = f"{type(one).__name__}(threshold={loss.threshold!r})"
                said = f"the threshold for outputs of {type(loss).__name__} is {loss.threshold:g}, not 0.5"
                raise ValueError(f"{said}; use {fitting if one is metric else f'MultiLabel({fitting})'}")
            if isinstance(one, RankMetric):
                metric.statistics(y, a)  # its value needs two classes, of which these samples may lack one
            elif np.ndim(metric(y, a)):
                raise TypeError("it returns no single number for the history; call it on y and predict(x)")


def check_quantiles(metric: Metric, loss: Loss) -> None:
    """Raise a ValueError if a metric of quantiles is given other outputs, or quantiles of other levels."""
    if isinstance(metric, Coverage) and loss.outputs_per_target == 1:
        said = f"it needs an interval, but outputs for {loss!r} are one number per target"
        raise ValueError(f"{said}; loss=Quantile([0.1, 0.5, 0.9]) predicts one")
    if isinstance(metric, Coverage | Pinball) and isinstance(loss, GaussianNLL | MixtureDensity):
        said = f"it needs quantiles, but outputs for {type(loss).__name__} are parameters of a distribution"
        raise ValueError(f"{said}; Quantile predicts quantiles, and backtest measures coverage of intervals")
    if isinstance(loss, Quantile) and isinstance(metric, Pinball) and metric.levels != loss.levels:
        raise ValueError(f"its levels are not those of the loss, {loss!r}; use Pinball({[*loss.levels]})")


def some(a: Array) -> Array:
    """Return enough of the rows of an array to try metrics on."""
    return a[:: max(1, len(a) // TRIED)]


def check_alike(network: Model, train: Data, validation: Data) -> None:
    """Raise a ShapeError if the parameters for training inputs do not fit validation inputs."""

    def needed(data: Data) -> list[tuple[int, ...]]:
        output_shape(network, data.x, data.lengths)
        return [spec.shape for leaf in network._leaves() for spec in leaf._specs.values()]

    for_validation = needed(validation)  # first: the network keeps the shapes of the training data
    if for_validation != needed(train):
        said = f"x has shape {validation.x.shape}, but the training x has {train.x.shape}"
        raise ShapeError(f"{said}; both must have the same features")


def check_steps(chain: Sequential, T: int) -> None:
    """Raise a ShapeError unless all layers keep the T time steps of the inputs, which the lengths count."""
    (steps, *_), *shapes = chain.shapes  # read once: another thread may compute those of other data
    for layer, shape in zip(chain.layers, shapes, strict=True):
        if isinstance(layer, Sequential):
            check_steps(layer, T)
        elif len(shape) < 2 or shape[0] != steps or layer.count_steps(T) != T:
            raise ShapeError(
                f"lengths count the {T} time steps of x, but {layer._label} does not keep them; omit "
                f"lengths, or have all layers return sequences, with padded convolutions of stride 1; a "
                f"decoder of numbers may end with Flatten()"
            )


def check_truncation(network: Model, train: Data) -> None:
    """Raise a ValueError unless sequences can be processed window by window."""
    for leaf in network._leaves():
        # It keeps state that its forward does not accept:
        remembers = hasattr(leaf, "step_stream") and not leaf._takes_state
        if not leaf.causal or remembers:
            said = f"fit: truncate cuts sequences into windows, but {leaf._label} needs whole sequences"
            raise ValueError(f"{said}; drop truncate, or use a recurrent layer that only reads forwards")
    check_remembers(network)
    if not train.steps or train.y.shape[1] != train.x.shape[1]:
        said = "fit: truncate needs an output and a target for each time step"
        raise ValueError(f"{said}; build every recurrent layer with return_sequences=True, or drop truncate")
