"""The graph of a file of ONNX: its chain of nodes, and the constants that they compute with."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array, Shape
from nnfw.exchange.onnx_forms import CELLS, DEFAULTS, DOMAIN, activation_of

CHANNELS_FIRST = ("Conv", "MaxPool", "AveragePool", "BatchNormalization")  # their axis 1 has the features


@dataclass
class Node:
    """A node, with the constants of its graph."""

    operator: str
    domain: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    arrays: dict[str, Array]

    def require(self, condition: Any, why: str) -> None:
        """Raise a LoadError unless a condition holds."""
        if not condition:
            name = f"{self.operator} {self.name!r}"
            raise LoadError(f"its node {name} {why}; nnfw reads chains of what its own layers compute")

    def operand(self, place: int, attribute: str = "") -> Array:
        """Return an input that must be constant; in old files it may be an attribute."""
        found = self.attributes.get(attribute)
        if found is None:
            constant = len(self.inputs) > place and self.inputs[place] in self.arrays
            self.require(constant, f"needs a constant as its input {place}, and has none")
            found = self.arrays[self.inputs[place]]
        return np.asarray(found)


class Graph:
    """A graph: its nodes, its constants by name, and which node computes a value."""

    def __init__(self, onnx: Any, model: Any) -> None:
        graph, to_array, value_of = model.graph, onnx.numpy_helper.to_array, onnx.helper.get_attribute_value
        self.inputs = {value.name: value.type.tensor_type for value in graph.input}
        self.output = graph.output[0].name
        self.index_types = onnx.TensorProto.INT32, onnx.TensorProto.INT64
        self.opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
        self.arrays = {a.name: to_array(a) for a in graph.initializer}
        self.nodes = []
        for node in graph.node:
            given = {a.name: value_of(a) for a in node.attribute}
            given = {name: to_array(a) if hasattr(a, "dims") else a for name, a in given.items()}
            if node.op_type == "Constant":
                [value] = given.values()
                self.arrays[node.output[0]] = np.asarray(value)
            inputs, outputs = list(node.input), list(node.output)
            self.nodes.append(Node(node.op_type, node.domain, node.name, inputs, outputs, given, self.arrays))
        self.producers = {name: node for node in self.nodes for name in node.outputs if name}

    def chain(self) -> list[tuple[Node, int]]:
        """Return the nodes from the input to the first output, each with the output of it that is used."""
        name, nodes = self.output, []
        while name in self.producers:
            node = self.producers[name]
            nodes.append((node, node.outputs.index(name)))
            computed = [one for one in node.inputs if one and one not in self.arrays]
            if node.operator in CELLS or node.domain == DOMAIN:
                computed = computed[:1]  # lengths and initial states come from elsewhere
            node.require(len(computed) == 1, f"computes with {len(computed)} values, not with one")
            name = computed[0]
        if not nodes:
            raise LoadError("it has no nodes between its input and its first output")
        return nodes[::-1]

    def start(self, first: Node) -> tuple[str, Shape]:
        """Return the axes of the input, which the first node reads, and the shape of a sample."""
        kind = next(kind for name, kind in self.inputs.items() if name in first.inputs)
        sizes: list[int | None] = [dim.dim_value or None for dim in kind.shape.dim]
        if kind.elem_type in self.index_types:
            axes = "NT"[: len(sizes)]
        else:
            time_first = first.operator in CELLS and not first.attributes.get("layout")
            by_count = {2: "ND", 3: "TND" if time_first else "NTD", 4: "NHWD"}
            if first.operator in CHANNELS_FIRST:
                by_count |= {3: "NDT", 4: "NDHW"}
            axes = by_count.get(len(sizes), "")
        known = len(axes) == len(sizes) > 0
        first.require(known, f"reads an input of {len(sizes)} axes, not of 2 to 4")
        by_letter = dict(zip(axes, sizes, strict=True))
        return axes, tuple(by_letter[axis] for axis in "THWD" if axis in by_letter)

    def is_zero(self, name: str) -> bool:
        """Whether a value is all zeros: a constant, or one that is made of such."""
        if name in self.arrays:
            return not self.arrays[name].any()
        node = self.producers.get(name)
        if node is not None and node.operator == "Expand":
            return self.is_zero(node.inputs[0])
        if node is None or node.operator != "ConstantOfShape":
            return False
        return not np.any(node.attributes.get("value", 0))


def activations_of(node: Node, directions: int) -> list[Any]:
    """Return the activations of a recurrent node: that of the gates, if there is one, and the other."""
    a, default = node.attributes, CELLS[node.operator]
    values = {key: iter(a.get(f"activation_{key}", ())) for key in ("alpha", "beta")}
    found = []
    for name in a.get("activations") or default * directions:
        operator = name.decode()
        given = {key: next(values[key], usual) for key, usual in DEFAULTS.get(operator, {}).items()}
        found.append(activation_of(operator, given))
        node.require(found[-1], f"has the activation {operator} {given or ''}, unlike any of nnfw")
    *first, last = found[: len(default)]  # of one direction: φ; σ and φ; of an LSTM σ, φ and φ
    same = found == [*first, last] * directions and first[1:] in ([], [last])
    node.require(same, "has different activations where a layer of nnfw has one")
    return [*first[:1], last]
