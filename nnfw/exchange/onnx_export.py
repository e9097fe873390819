"""Export of a network to an ONNX file, which runs in any ONNX runtime."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from nnfw import layers
from nnfw.core.errors import ShapeError
from nnfw.core.extras import extra
from nnfw.core.files import replacing
from nnfw.core.registry import is_own
from nnfw.core.typing import Array, FilePath, Shape
from nnfw.core.validation import as_network, boolean
from nnfw.exchange import onnx_forms as forms
from nnfw.exchange.dialects import outputs_first, with_mask
from nnfw.exchange.onnx_graph import Builder
from nnfw.exchange.onnx_recurrent import write_recurrent
from nnfw.layers import Layer
from nnfw.layers.base import with_samples
from nnfw.layers.convolution import Convolution
from nnfw.layers.dense import Activated
from nnfw.layers.recurrent import Recurrent
from nnfw.layers.reshaping import REMEDY
from nnfw.layers.sequential import Sequential
from nnfw.layers.window_pooling import WindowMaximum, WindowMean
from nnfw.layers.windows import Windowed
from nnfw.model import Model
from nnfw.training.interrupt import at_rest


def to_onnx(network: Model, path: FilePath, *, lengths: bool = False) -> None:
    """Export the predictions of a network to an ONNX file, in float32; an existing file is replaced.

    The input is ``x``, the output ``y``, both with the shapes of `predict`. RNN, GRU and LSTM become ONNX's
    own nodes; dropout and noise, which are active only in training, are omitted.

    Parameters
    ----------
    network : Network
        The network to export.
    path : str or path
        The file.
    lengths : bool
        Whether the model has a second input ``lengths``, int64 (N,), the valid steps of each sequence.
        Without it, the mask of an `Embedding` determines where they end, as in `predict`.

    Raises
    ------
    ValueError, TypeError
        If ONNX cannot express a layer: custom layers and activations, gates of one layer with different
        activations, or an activation that a recurrent node does not have.
    ImportError
        If the onnx package is not installed, the extra ``onnx``.
    """
    as_network("to_onnx", network)._check_ready("to_onnx")
    boolean("to_onnx", "lengths", lengths)
    onnx = extra("onnx", "onnx", "files of ONNX are written")
    with replacing(path) as file, at_rest(network, "to_onnx"):
        file.write(model_of(network, onnx, lengths).SerializeToString())


def model_of(network: Model, onnx: Any, lengths: bool) -> Any:
    """Return the model of a network."""
    leaves = list(network._units())
    for layer in network._with_inner():
        if getattr(layer, "_is_chain", False) and type(layer).forward is not Sequential.forward:
            raise TypeError(f"{layer._label}: the ONNX form of a custom forward is not known")
    shapes = shapes_of(leaves, network.shapes[0])
    has_steps = len(shapes[0]) == (1 if network._takes_indices else 2)
    if lengths and not has_steps:
        raise ValueError(f"to_onnx: an input {with_samples(shapes[0])} has no steps; omit lengths")
    graph = Builder(onnx, "lengths" if lengths else "")
    if has_steps and not lengths and isinstance(leaves[0], layers.Embedding) and leaves[0].mask is not None:
        graph.steps = graph.node("Steps", "x", graph.constant("mask", np.int64(leaves[0].mask)))
    for place, (layer, shape) in enumerate(zip(leaves, shapes[1:], strict=True), 1):
        graph.scope = f"{type(layer).__name__.lower()}_{place}"
        write(graph, layer, shape)
        if len(shape) < 2:
            graph.steps = ""  # no layer after it has time steps
    if graph.steps:
        graph.then("Mask", graph.steps)
    return graph.model(shapes, network._takes_indices)


def shapes_of(leaves: Sequence[Layer], shape: Shape) -> list[Shape]:
    """Return the shapes of the input and of all outputs, for any number of steps if the layers allow it."""

    def follow(shape: Shape) -> list[Shape]:
        return list(accumulate(leaves, lambda shape, layer: layer.compute_shapes(shape), initial=shape))

    try:
        return follow((None, *shape[1:]) if leaves[0]._takes_indices or len(shape) == 2 else shape)
    except ShapeError:
        return follow(shape)


def write(graph: Builder, layer: Layer, shape: Shape) -> None:
    """Add the nodes of a layer, with outputs of this shape; raise a TypeError unless its form is known."""
    unknown = TypeError(f"{layer._label}: its ONNX form is not known; build the network without it")
    match layer:
        case _ if not is_own(type(layer)):
            raise unknown
        case Recurrent() | layers.Bidirectional():
            write_recurrent(graph, layer)
        case layers.Dense():
            graph.then("MatMul", graph.constant("W", layer.params["W"]))
            if layer.use_bias:
                graph.then("Add", graph.constant("b", layer.params["b"]))
            write_activation(graph, layer)
        case layers.Activate():
            write_activation(graph, layer)
        case Convolution():
            write_windows(graph, layer)
            write_activation(graph, layer)
        case WindowMaximum() | WindowMean():
            write_windows(graph, layer)
        case layers.Embedding():
            E = graph.constant("E", with_mask(layer, layer.params["E"]))
            graph.x = graph.node("Gather", E, graph.x)
        case layers.LayerNorm():
            arrays = [graph.constant(key, p) for key, p in layer.params.items()]
            graph.then("LayerNormalization", *arrays, axis=-1, epsilon=layer.epsilon)
        case layers.BatchNorm():
            how = {"epsilon": layer.epsilon}
            write_channels_first(graph, "BatchNormalization", len(shape) - 1, layer.params, **how)
        case layers.MeanPooling() | layers.MaxPooling() | layers.LastStep() if graph.steps:
            graph.then(type(layer).__name__, graph.steps)
        case layers.MeanPooling() | layers.MaxPooling():
            operator = "ReduceMean" if isinstance(layer, layers.MeanPooling) else "ReduceMax"
            graph.then(operator, graph.constant("axis", np.array([1])), keepdims=0)
        case layers.LastStep():
            graph.then("Gather", graph.constant("last", np.int64(-1)), axis=1)
        case layers.RepeatVector():
            graph.then("Unsqueeze", graph.constant("axis", np.array([1])))
            graph.then("Expand", graph.constant("steps", np.array([1, layer.steps, 1])))
        case layers.Reshape():
            if graph.steps:
                said = f"{layer._label}: sequences of unequal lengths have no common size"
                raise ValueError(f"{said}; {REMEDY}")
            graph.then("Reshape", graph.constant("shape", np.array([0, *shape])))
        case layers.Dropout() | layers.GaussianNoise():
            pass  # they only act in training
        case _:
            raise unknown


def write_activation(graph: Builder, layer: Activated) -> None:
    """Add the activation of a layer."""
    operator = forms.operator_of(layer.activation, layer._label)
    if operator != "Affine":
        graph.then(operator, **forms.attributes_of(layer.activation))


def write_windows(graph: Builder, layer: Windowed) -> None:
    """Add a convolution, without its activation, or pooling."""
    if graph.steps:
        graph.then("Mask", graph.steps)
    windows, arrays = layer._windows, dict(layer.params)
    how: dict[str, Any] = {"kernel_shape": windows.size, "strides": windows.stride}
    if isinstance(layer, Convolution):
        operator = "Conv"
        arrays["W"] = outputs_first(arrays["W"])
        how |= {"pads": forms.pads(windows), "dilations": windows.dilation}
    else:
        operator = "MaxPool" if isinstance(layer, WindowMaximum) else "AveragePool"
    write_channels_first(graph, operator, layer._axes, arrays, **how)
    if graph.steps:
        more = sum(windows.around()) - windows.reach() + windows.stride[0]
        numbers = {"more": more, "stride": windows.stride[0]}
        constants = [graph.constant(name, np.int64(n)) for name, n in numbers.items()]
        graph.steps = graph.node("Windows", graph.steps, *constants)


def write_channels_first(
    graph: Builder, operator: str, axes: int, arrays: Mapping[str, Array], **how: Any
) -> None:
    """Add a node, with transpositions of the `axes` between samples and features before and after it."""
    constants = [graph.constant(name, array) for name, array in arrays.items()]
    if axes:
        graph.then("Transpose", perm=[0, axes + 1, *range(1, axes + 1)])
    graph.then(operator, *constants, **how)
    if axes:
        graph.then("Transpose", perm=[0, *range(2, axes + 2), 1])
