"""Reading and writing the graph of an ONNX file: its chain of nodes, and their constants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array, Shape
from nnfw.core.version import __version__
from nnfw.exchange.onnx_forms import CELLS, DOMAIN, FUNCTIONS, IR, OPSET

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
            raise LoadError(f"its node {name} {why}; nnfw reads only chains of its own layers")

    def operand(self, place: int, attribute: str = "") -> Array:
        """Return an input that must be constant; in old files it may be an attribute."""
        found = self.attributes.get(attribute)
        if found is None:
            constant = len(self.inputs) > place and self.inputs[place] in self.arrays
            self.require(constant, f"needs a constant as its input {place}, but has none")
            found = self.arrays[self.inputs[place]]
        return np.asarray(found)


class Graph:
    """A graph being read: its nodes, its constants by name, and the node that computes each value."""

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
        """Return the nodes from the input to the first output, each with its output that is used."""
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
        first.require(known, f"reads an input of {len(sizes)} axes, not 2 to 4")
        by_letter = dict(zip(axes, sizes, strict=True))
        return axes, tuple(by_letter[axis] for axis in "THWD" if axis in by_letter)

    def is_zero(self, name: str) -> bool:
        """Whether a value is all zeros: a constant, or a value made of such constants."""
        if name in self.arrays:
            return not self.arrays[name].any()
        node = self.producers.get(name)
        if node is not None and node.operator == "Expand":
            return self.is_zero(node.inputs[0])
        if node is None or node.operator != "ConstantOfShape":
            return False
        return not np.any(node.attributes.get("value", 0))


class Builder:
    """A graph being written: `x` is the last value of its chain, `steps` the lengths if there are any."""

    def __init__(self, onnx: Any, lengths: str) -> None:
        self.onnx = onnx
        self.x, self.scope = "x", "input"
        self.lengths = self.steps = lengths
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.functions: dict[str, Any] = {}

    def constant(self, name: str, array: Any) -> str:
        """Add an array, in float32 if it holds floats, and return its name."""
        array = np.asarray(array, order="C")
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        name = f"{self.scope}.{name}"
        self.arrays.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, *inputs: str, output: int = 0, **attributes: Any) -> str:
        """Add a node, and return the name of its output, which may be a later one than the first.

        The definition of a function of nnfw is added to the file too.
        """
        name = f"{self.scope}.{operator}_{len(self.nodes)}"
        domain = DOMAIN if operator in FUNCTIONS else ""
        if domain:
            text = f'<opset_import: ["": {OPSET}], domain: "{DOMAIN}"> {operator} {FUNCTIONS[operator]}'
            self.functions[operator] = self.onnx.parser.parse_function(text)
        outputs = [""] * output + [name]
        make = self.onnx.helper.make_node
        self.nodes.append(make(operator, inputs, outputs, name, domain=domain, **attributes))
        return name

    def then(self, operator: str, *inputs: str, **attributes: Any) -> None:
        """Add a node that follows the last one."""
        self.x = self.node(operator, self.x, *inputs, **attributes)

    def model(self, shapes: Sequence[Shape], takes_indices: bool) -> Any:
        """Return the whole model."""
        make, kinds = self.onnx.helper, self.onnx.TensorProto

        def info(name: str, kind: int, shape: Shape) -> Any:
            return make.make_tensor_value_info(name, kind, ["N", *("T" if n is None else n for n in shape)])

        inputs = [info("x", kinds.INT64 if takes_indices else kinds.FLOAT, shapes[0])]
        inputs += [info("lengths", kinds.INT64, ())] if self.lengths else []
        nodes = [*self.nodes, make.make_node("Identity", [self.x], ["y"])]
        graph = make.make_graph(nodes, "nnfw", inputs, [info("y", kinds.FLOAT, shapes[-1])], self.arrays)
        opsets = {"": OPSET} | ({DOMAIN: 1} if self.functions else {})
        model = make.make_model(
            graph,
            functions=list(self.functions.values()),
            opset_imports=[make.make_opsetid(*one) for one in opsets.items()],
            ir_version=IR,
            producer_name="nnfw",
            producer_version=__version__,
        )
        self.onnx.checker.check_model(model, full_check=True)
        return model
