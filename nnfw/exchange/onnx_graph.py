"""The graph of a file of ONNX: its chain of nodes, what they are made of, and those with channels first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw import layers as own
from nnfw.core.errors import LoadError
from nnfw.core.typing import Array, Shape
from nnfw.exchange.gates import outputs_last, reordered
from nnfw.exchange.onnx_forms import DOMAIN, pads
from nnfw.layers import Layer
from nnfw.layers.windows import Windows

# The recurrent nodes, and the activations of a direction by default:
CELLS = {"RNN": [b"Tanh"], "GRU": [b"Sigmoid", b"Tanh"], "LSTM": [b"Sigmoid", b"Tanh", b"Tanh"]}
POOLS: dict[str, dict[int, type[Any]]] = {  # by the number of axes of windows
    "MaxPool": {1: own.MaxPooling1D, 2: own.MaxPooling2D},
    "AveragePool": {1: own.AveragePooling1D, 2: own.AveragePooling2D},
}
CONVOLUTIONS: dict[int, type[Any]] = {1: own.Conv1D, 2: own.Conv2D}
FLAT = {"ND": "ND", "NTD": "ND", "NHWD": "ND", "NDT": "NF", "NDHW": "NF"}  # axes after Flatten
PLAIN = {"auto_pad": b"NOTSET", "group": 1, "ceil_mode": 0, "storage_order": 0}  # what nnfw has no other of
CHANNELS_FIRST = ("Conv", "MaxPool", "AveragePool", "BatchNormalization")  # their axis 1 has the features


class Source:
    """A graph with its constants by name, and the layers that have been read from it.

    `axes` are the letters of the axes of the value that is read; F stands for features, channels first.
    """

    def __init__(self, onnx: Any, model: Any) -> None:
        graph = model.graph
        self.onnx, self.graph, self.axes = onnx, graph, ""
        self.channels: int | None = None  # D of the input
        self.layers: list[Any] = []
        self.weights: list[dict[str, Array]] = []  # of each layer, as `joined` names them
        self.opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
        self.arrays = {a.name: onnx.numpy_helper.to_array(a) for a in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output if name}
        for node in graph.node:
            if node.op_type == "Constant":
                ((_, value),) = self.attributes(node).items()
                array = onnx.numpy_helper.to_array(value) if hasattr(value, "dims") else np.asarray(value)
                self.arrays[node.output[0]] = array

    def require(self, node: Any, condition: Any, why: str) -> None:
        """Raise a LoadError unless a condition holds."""
        if not condition:
            name = f"{node.op_type} {node.name!r}"
            raise LoadError(f"its node {name} {why}; nnfw reads chains of what its own layers compute")

    def add(self, layer: Any, weights: dict[str, Array] | None = None, axes: str = "") -> None:
        """Add a layer with its weights, and give the axes of its output if they are others than before."""
        self.layers.append(layer)
        self.weights.append(weights or {})
        self.axes = axes or self.axes

    def chain(self) -> list[tuple[Any, str]]:
        """Return the nodes from the input to the first output, each with the output of it that is used."""
        name, nodes = self.graph.output[0].name, []
        while name in self.producers:
            node = self.producers[name]
            nodes.append((node, name))
            computed = [one for one in node.input if one and one not in self.arrays]
            if node.op_type in CELLS or node.domain == DOMAIN:
                computed = computed[:1]  # lengths and initial states come from elsewhere
            self.require(node, len(computed) == 1, f"computes with {len(computed)} values, not with one")
            name = computed[0]
        if not nodes:
            raise LoadError("it has no nodes between its input and its first output")
        return nodes[::-1]

    def start(self, nodes: list[tuple[Any, str]]) -> tuple[str, Shape]:
        """Return the axes of the input, and the shape of a sample."""
        first = nodes[0][0]
        source = next(one for one in self.graph.input if one.name in first.input)
        kind = source.type.tensor_type
        sizes: list[int | None] = [dim.dim_value or None for dim in kind.shape.dim]
        if kind.elem_type in (self.onnx.TensorProto.INT32, self.onnx.TensorProto.INT64):
            axes = "NT"[: len(sizes)]
        else:
            time_first = first.op_type in CELLS and not self.attributes(first).get("layout")
            by_count = {2: "ND", 3: "TND" if time_first else "NTD", 4: "NHWD"}
            if first.op_type in CHANNELS_FIRST:
                by_count |= {3: "NDT", 4: "NDHW"}
            axes = by_count.get(len(sizes), "")
        known = len(axes) == len(sizes) > 0
        self.require(first, known, f"reads an input of {len(sizes)} axes, not of 2 to 4")
        by_letter = dict(zip(axes, sizes, strict=True))
        return axes, tuple(by_letter[axis] for axis in "THWD" if axis in by_letter)

    def attributes(self, node: Any) -> dict[str, Any]:
        """Return a node's attributes by name."""
        return {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}

    def operand(self, node: Any, place: int, attribute: str = "") -> Array:
        """Return an input of a node that must be constant; in old files it may be an attribute."""
        found = self.attributes(node).get(attribute)
        if found is None:
            constant = len(node.input) > place and node.input[place] in self.arrays
            self.require(node, constant, f"needs a constant as its input {place}, and has none")
            found = self.arrays[node.input[place]]
        return np.asarray(found)

    def letter(self, node: Any) -> str:
        """Return the letter of the one axis that a node names."""
        axes = self.operand(node, 1, "axes").ravel()
        self.require(node, axes.size == 1, f"is over {axes.size} axes")
        return self.axes[int(axes[0])]

    def is_zero(self, name: str) -> bool:
        """Whether a value is all zeros: a constant, or one that is made of such."""
        if name in self.arrays:
            return not self.arrays[name].any()
        node = self.producers.get(name)
        if node is not None and node.op_type == "Expand":
            return self.is_zero(node.input[0])
        if node is None or node.op_type != "ConstantOfShape":
            return False
        value = self.attributes(node).get("value")
        return value is None or not self.onnx.numpy_helper.to_array(value).any()

    # ---- nodes that have the channels first, and what flattens or repeats ---------------------------

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
        return reordered(W, (C, -1))

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
    weights = {"W": outputs_last(W)} | ({} if b is None else {"b": b})
    return CONVOLUTIONS[axes](len(W), k, **options), weights


def one_or_all(numbers: Sequence[int]) -> Any:
    """Return a number for each axis as nnfw's layers take it."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)
