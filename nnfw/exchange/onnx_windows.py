"""Convolutions and windowed pooling in files of ONNX, which has channels before the axes of windows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw import layers as own
from nnfw.core.typing import Array
from nnfw.layers import Layer
from nnfw.layers.convolution import Convolution
from nnfw.layers.window_pooling import WindowMaximum
from nnfw.layers.windows import Windowed, Windows

POOLS: dict[str, dict[int, type[Any]]] = {  # by the number of axes of windows
    "MaxPool": {1: own.MaxPooling1D, 2: own.MaxPooling2D},
    "AveragePool": {1: own.AveragePooling1D, 2: own.AveragePooling2D},
}
CONVOLUTIONS: dict[int, type[Any]] = {1: own.Conv1D, 2: own.Conv2D}
NODES = ("Conv", *POOLS)
PLAIN = {"auto_pad": b"NOTSET", "group": 1, "ceil_mode": 0, "storage_order": 0}  # what nnfw has no other of


def write_windows(graph: Any, layer: Windowed) -> None:
    """Add a convolution, without its activation, or pooling, and what turns the axes there and back."""
    windows, n = layer._windows, layer._axes
    if graph.steps:
        graph.call("Mask", graph.steps)
    options: dict[str, Any] = {"kernel_shape": windows.size, "strides": windows.stride}
    graph.then("Transpose", perm=[0, n + 1, *range(1, n + 1)])
    if isinstance(layer, Convolution):
        options |= {"pads": pads(windows), "dilations": windows.dilation}
        W = np.moveaxis(layer.params["W"], (-1, -2), (0, 1))
        weights = [graph.constant("W", W)]
        weights += [graph.constant("b", layer.params["b"])] if layer.use_bias else []
        graph.then("Conv", *weights, **options)
    else:
        graph.then("MaxPool" if isinstance(layer, WindowMaximum) else "AveragePool", **options)
    graph.then("Transpose", perm=[0, *range(2, n + 2), 1])
    if graph.steps:
        more = sum(windows.around()) - windows.reach() + windows.stride[0]
        numbers = [
            graph.constant(name, np.int64(n)) for name, n in (("more", more), ("stride", windows.stride[0]))
        ]
        graph.steps = graph.function("Windows", graph.steps, *numbers)


def read_windows(
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


def pads(windows: Windows) -> list[int]:
    """Return the zeros before each axis, then those after each."""
    around = [windows.around(axis) for axis in range(len(windows.size))]
    return [zeros for side in zip(*around, strict=True) for zeros in side]


def one_or_all(numbers: Sequence[int]) -> Any:
    """Return a number for each axis as nnfw's layers take it."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)
