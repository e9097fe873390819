"""Writing and reading ONNX's recurrent nodes: layout, stacked weights, and order of activations."""

from typing import Any

import numpy as np

from nnfw import layers
from nnfw.activations import Activation
from nnfw.core.typing import Array
from nnfw.exchange import onnx_forms as forms
from nnfw.exchange.dialects import directions, joined
from nnfw.exchange.onnx_graph import Builder, Graph, Node
from nnfw.layers import Layer
from nnfw.layers.gated import Gated
from nnfw.layers.recurrent import Recurrent


def write_recurrent(graph: Builder, layer: Layer) -> None:
    """Add the node of a recurrent layer, time first as in ONNX, and nodes that restore nnfw's axes."""
    inner = list(directions(layer).values())
    one = inner[0]
    cells = [joined(each, forms.ORDERS) for each in inner]
    W, R = (np.stack([cell[key].T for cell in cells]) for key in ("Wx", "Wh"))
    inputs = [graph.constant("W", W), graph.constant("R", R)]
    if one.use_bias:
        B = np.stack([np.concatenate([cell["b"], cell["bh"]]) for cell in cells])
        inputs.append(graph.constant("B", B))
    if graph.steps:
        inputs += [""] * (3 - len(inputs))
        inputs.append(graph.node("Cast", graph.steps, to=graph.onnx.TensorProto.INT32))
    direction = "bidirectional" if len(inner) > 1 else "reverse" if one.go_backwards else "forward"
    options: dict[str, Any] = {"hidden_size": one.units, "direction": direction}
    if isinstance(one, layers.GRU):
        options["linear_before_reset"] = int(one.reset_after)
    activations = activations_of(one, layer._label) * len(inner)
    options["activations"] = [forms.operator_of(a, layer._label, in_cell=True) for a in activations]
    for key in ("alpha", "beta"):
        values = [forms.attributes_of(a)[key] for a in activations if key in forms.attributes_of(a)]
        options |= {f"activation_{key}": values} if values else {}
    graph.then("Transpose", perm=[1, 0, 2])
    last = not one.return_sequences
    graph.then(type(one).__name__, *inputs, output=last, **options)
    graph.then("Transpose", perm=[1, 0, 2] if last else [2, 0, 1, 3])  # the directions before the features
    merge = layer.merge if isinstance(layer, layers.Bidirectional) else "concat"
    if merge == "concat":
        graph.then("Reshape", graph.constant("shape", np.array([0, -1] if last else [0, 0, -1])))
    else:
        graph.then(forms.MERGES[merge], graph.constant("axis", np.array([-2])), keepdims=0)


def activations_of(layer: Recurrent, label: str) -> list[Activation]:
    """Return the activations in ONNX's order: φ; σ and φ; of an LSTM σ, φ and φ."""
    if not isinstance(layer, Gated):
        return [layer.activation]
    if isinstance(layer.recurrent_activation, dict):
        raise ValueError(f"{label}: ONNX has one recurrent_activation for all gates; build it with one")
    number = len(forms.CELLS[type(layer).__name__])
    return [layer.recurrent_activation, *[layer.activation] * (number - 1)]


def read_recurrent(graph: Graph, node: Node, output: int, axes: str) -> tuple[Any, dict[str, Array], str]:
    """Return the layer of a node, its weights, and the axes of the given output for these input axes."""
    a = node.attributes
    check_recurrent(graph, node, output)
    before, *after = ("NTD", "NTPD", "NPD") if a.get("layout") else ("TND", "TPND", "PND")
    node.require(axes == before, f"of layout {a.get('layout', 0)} reads values of the axes {axes}")
    W, R = node.operand(1), node.operand(2)
    use_bias = any(node.inputs[3:4])
    B = node.operand(3) if use_bias else [None] * len(W)
    options = {"use_bias": use_bias, "return_sequences": output == 0}
    options["go_backwards"] = a.get("direction") == b"reverse"
    if node.operator == "GRU":
        options["reset_after"] = bool(a.get("linear_before_reset"))
    *σ, φ = read_activations(node, len(W))
    layer: Any = getattr(layers, node.operator)(R.shape[-1], φ, *σ, **options)
    layer = layer if len(W) == 1 else layers.Bidirectional(layer)
    weights: dict[str, Array] = {}
    for prefix, w, r, b in zip(directions(layer), W, R, B, strict=True):
        weights |= {f"{prefix}Wx": w.T, f"{prefix}Wh": r.T}
        if b is not None:
            weights[f"{prefix}b"], weights[f"{prefix}bh"] = np.split(b, 2)
    return layer, weights, after[output]


def check_recurrent(graph: Graph, node: Node, output: int) -> None:
    """Raise a LoadError for options that nnfw's recurrent layers do not have."""
    plain = not (node.attributes.get("clip") or node.attributes.get("input_forget"))
    node.require(plain, "has clip or input_forget, which nnfw lacks; export it without")
    node.require(output < 2, "returns the cell state, unlike any layer of nnfw")
    for name in node.inputs[5:]:
        zero = not name or graph.is_zero(name)
        node.require(zero, f"has {name!r}, an initial state or peepholes; export it without")
    for name in node.inputs[4:5]:
        node.require(name not in graph.arrays, "has fixed lengths; make them an input")


def read_activations(node: Node, directions: int) -> list[Any]:
    """Return the activations of a node: that of the gates, if there is one, and the other."""
    a, default = node.attributes, forms.CELLS[node.operator]
    values = {key: iter(a.get(f"activation_{key}", ())) for key in ("alpha", "beta")}
    found = []
    for name in a.get("activations") or default * directions:
        operator = name.decode()
        given = {key: next(values[key], usual) for key, usual in forms.DEFAULTS.get(operator, {}).items()}
        found.append(forms.activation_of(operator, given))
        node.require(found[-1], f"has the activation {operator} {given or ''}, unlike any of nnfw")
    *first, last = found[: len(default)]  # of one direction
    same = found == [*first, last] * directions and first[1:] in ([], [last])
    node.require(same, "has different activations, but a layer of nnfw has one")
    return [*first[:1], last]
