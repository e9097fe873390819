"""Nodes of ONNX that have the channels first: of convolution, windowed pooling, normalization of batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw import layers as own
from nnfw.core.typing import Array
from nnfw.exchange.onnx_graph import Source
from nnfw.layers import Layer
from nnfw.layers.convolution import Convolution
from nnfw.layers.window_pooling import WindowMaximum
from nnfw.layers.windows import Windowed, Windows

POOLS: dict[str, dict[int, type[Any]]] = {  # by the number of axes of windows
    "MaxPool": {1: own.MaxPooling1D, 2: own.MaxPooling2D},
    "AveragePool": {1: own.AveragePooling1D, 2: own.AveragePooling2D},
}
CONVOLUTIONS: dict[int, type[Any]] = {1: own.Conv1D, 2: own.Conv2D}
FLAT = {"ND": "ND", "NTD": "ND", "NHWD": "ND", "NDT": "NF", "NDHW": "NF"}  # axes after Flatten
PLAIN = {"auto_pad": b"NOTSET", "group": 1, "ceil_mode": 0, "storage_order": 0}  # what nnfw has no other of


def write_channels_first(
    graph: Any, operator: str, axes: int, arrays: Mapping[str, Array], **how: Any
) -> None:
    """Add a node, and what turns the `axes` between samples and features there and back."""
    constants = [graph.constant(name, array) for name, array in arrays.items()]
    if axes:
        graph.then("Transpose", perm=[0, axes + 1, *range(1, axes + 1)])
    graph.then(operator, *constants, **how)
    if axes:
        graph.then("Transpose", perm=[0, *range(2, axes + 2), 1])


def write_windows(graph: Any, layer: Windowed) -> None:
    """Add a convolution, without its activation, or pooling."""
    windows = layer._windows
    if graph.steps:
        graph.call("Mask", graph.steps)
    arrays, operator = dict(layer.params), "MaxPool" if isinstance(layer, WindowMaximum) else "AveragePool"
    how: dict[str, Any] = {"kernel_shape": windows.size, "strides": windows.stride}
    if isinstance(layer, Convolution):
        arrays["W"], operator = np.moveaxis(arrays["W"], (-1, -2), (0, 1)), "Conv"
        how |= {"pads": pads(windows), "dilations": windows.dilation}
    write_channels_first(graph, operator, layer._axes, arrays, **how)
    if graph.steps:
        more = sum(windows.around()) - windows.reach() + windows.stride[0]
        numbers = {"more": more, "stride": windows.stride[0]}
        constants = [graph.constant(name, np.int64(n)) for name, n in numbers.items()]
        graph.steps = graph.function("Windows", graph.steps, *constants)


def pads(windows: Windows) -> list[int]:
    """Return the zeros before each axis, then those after each."""
    around = [windows.around(axis) for axis in range(len(windows.size))]
    return [zeros for side in zip(*around, strict=True) for zeros in side]


def one_or_all(numbers: Sequence[int]) -> Any:
    """Return a number for each axis as nnfw's layers take it."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


class ChannelReader(Source):
    """Read these nodes, and what flattens or repeats; the letter F stands for features, channels first."""

    def read_windows(self, node: Any, a: dict[str, Any]) -> None:
        """Add a convolution, so far without an activation, or windowed pooling."""
        self.require(node, self.axes in ("NDT", "NDHW"), f"slides windows over the axes {self.axes}")
        W, b = (self.operand(node, i) if len(node.input) > i else None for i in (1, 2))
        layer, weights = layer_of(node.op_type, a, W, b, len(self.axes) - 2)
        self.require(node, layer, f"has {a}, unlike any layer of nnfw")
        self.add(layer, weights)

    def read_batch_norm(self, node: Any, a: dict[str, Any]) -> None:
        """Add a BatchNorm."""
        fits = self.axes[1:2] == "D" and not a.get("training_mode")
        self.require(node, fits, f"is in training, or along another axis of {self.axes} than the features")
        names = ("gain", "shift", "mean", "variance")
        weights = {name: self.operand(node, i) for i, name in enumerate(names, 1)}
        self.add(own.BatchNorm(epsilon=a.get("epsilon", 1e-5)), weights)

    def read_flatten(self, node: Any) -> None:
        """Add Flatten."""
        axes = FLAT.get(self.axes, "")
        self.require(node, axes, f"does not keep the samples apart, or flattens {self.axes}")
        self.add(own.Flatten(), axes=axes)

    def channels_last(self, W: Array) -> Array:
        """Return W (C·T, H) with its rows in the order of nnfw, (T·C, H), for C channels that come first."""
        sizes = (getattr(layer, "filters", None) for layer in reversed(self.layers))
        C: Any = next(filter(None, sizes), self.channels)
        return W.reshape(C, -1, W.shape[1]).swapaxes(0, 1).reshape(W.shape)

    def read_repeat(self, node: Any) -> None:
        """Add RepeatVector, of Unsqueeze and then Expand."""
        if node.op_type == "Unsqueeze":
            alone = self.axes == "ND" and self.operand(node, 1, "axes").tolist() == [1]
            self.require(node, alone, "adds another axis than that of steps")
            self.axes = "N1D"
            return
        sizes = self.operand(node, 1).tolist()
        alone = self.axes == "N1D" and sizes[::2] == [1, 1]
        self.require(node, alone, "repeats another axis than that of steps")
        self.add(own.RepeatVector(sizes[1]), axes="NTD")


def layer_of(
    operator: str, given: Mapping[str, Any], W: Array | None, b: Array | None, axes: int
) -> tuple[Layer | None, dict[str, Array]]:
    """Return the layer of a node over some axes, and its weights; None if nnfw has none that computes it."""
    ones = (1,) * axes
    size = tuple(given.get("kernel_shape", ones if W is None else W.shape[2:]))
    stride, dilation = (tuple(given.get(name, ones)) for name in ("strides", "dilations"))
    around = list(given.get("pads", (0, 0) * axes))
    paddings = ["valid", "same", "causal"][: {1: 3, 2: 2}.get(axes, 0)]
    fits = [one for one in paddings if pads(Windows(size, stride, dilation, one)) == around]
    plain = all(given.get(name, value) == value for name, value in PLAIN.items())
    if not (plain and fits):
        return None, {}
    k, s, d = (one_or_all(n) for n in (size, stride, dilation))
    if W is None:
        pools = fits[0] == "valid" and set(dilation) == {1}
        return (POOLS[operator][axes](k, s) if pools else None), {}
    options = {"stride": s, "dilation": d, "padding": fits[0], "use_bias": b is not None}
    weights = {"W": np.moveaxis(W, (0, 1), (-1, -2))} | ({} if b is None else {"b": b})
    return CONVOLUTIONS[axes](len(W), k, **options), weights
