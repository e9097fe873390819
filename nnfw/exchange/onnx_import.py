"""A file of ONNX as a network: a chain of nodes, read from the input to the first output.

Each value on the way has its axes as letters: N samples, T steps, P directions of a recurrent node, D
features, H rows and W columns of images. Nodes that move, merge or drop axes change the letters, so that a
file may have time or channels first or not.
"""

import copy
from typing import Any

import numpy as np

from nnfw import layers as own
from nnfw.core.errors import LoadError
from nnfw.core.files import reading
from nnfw.core.typing import Array, FilePath
from nnfw.exchange.gates import directions, loss_of, parted
from nnfw.exchange.onnx_forms import DEFAULTS, DOMAIN, FORMS, MERGES, ORDERS, activation_of, load_onnx
from nnfw.exchange.onnx_graph import CELLS, Source
from nnfw.layers import Layer
from nnfw.layers.activated import Activated
from nnfw.layers.recurrent import Recurrent
from nnfw.network import Network
from nnfw.saving.archive import assign, check_weights

POOLS: dict[str, type[Layer]] = {"ReduceMean": own.MeanPooling, "ReduceMax": own.MaxPooling}
MERGED = {operator: merge for merge, operator in MERGES.items()}


def from_onnx(path: FilePath) -> Network:
    """Return the network of a file of ONNX: of one that `to_onnx` wrote, or of another that is a chain.

    It predicts the file's first output, batch first whatever the file's order of axes. The loss follows from
    the last activation; assign ``network.loss`` another one for further training.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    LoadError
        If the file is damaged, or computes what no chain of nnfw's layers does.
    ImportError
        If the onnx package, the extra ``onnx``, is not installed.
    """
    onnx = load_onnx()
    with reading("from_onnx", path) as file:
        reader = Reader(onnx, onnx.load_model_from_string(file.read()))
        try:
            return reader.network()
        except LoadError:
            raise
        except ValueError as error:  # of a layer or of the network
            raise LoadError(f"it computes what no chain of nnfw's layers does: {error}") from error


class Reader(Source):
    """Read the nodes of a chain one by one: `axes` are those of the output of the layers read so far."""

    def network(self) -> Network:
        """Return the network with its weights."""
        nodes = self.chain()
        self.axes, shape = self.start(nodes)
        self.channels = shape[-1]
        for node, name in nodes:
            self.read(node, name)
        known = self.axes.replace("P", "") in ("ND", "NTD", "TND", "NDT", "NHWD", "NDHW")
        self.require(nodes[-1][0], known, f"gives the axes {self.axes}, not samples, steps, features")
        network = Network(self.layers, loss=loss_of(self.layers))
        network.build(shape)
        found: dict[str, Array] = {}
        for name, layer, weights in zip(network._names, self.layers, self.weights, strict=True):
            found |= {f"{name}.{key}": p for key, p in parted(layer, weights, ORDERS).items()}
        check_weights(found, network.params)
        assign(network, "from_onnx", found)
        return network

    def read(self, node: Any, name: str) -> None:
        """Read one node, of which the output `name` is used."""
        a, operator = self.attributes(node), node.op_type
        match operator:
            case "Identity" | "Dropout":
                pass
            case "Mask" if node.domain == DOMAIN:
                pass
            case "MeanPooling" | "MaxPooling" | "LastStep" if node.domain == DOMAIN:
                self.add(getattr(own, operator)(), axes="ND")
            case "RNN" | "GRU" | "LSTM":
                self.read_recurrent(node, list(node.output).index(name))
            case "Conv" | "MaxPool" | "AveragePool":
                self.read_windows(node, a)
            case "BatchNormalization":
                self.read_batch_norm(node, a)
            case "MatMul":
                self.read_product(node, self.operand(node, 1))
            case "Gemm":
                plain = (a.get("alpha", 1), a.get("beta", 1), a.get("transA", 0)) == (1, 1, 0)
                self.require(node, plain, "scales or transposes its input")
                W = self.operand(node, 1)
                self.read_product(node, W.T if a.get("transB") else W)
                if len(node.input) > 2:
                    self.read_bias(node)
            case "Add":
                self.read_bias(node)
            case "Gather":
                self.read_gather(node, a.get("axis", 0))
            case "LayerNormalization":
                last = a.get("axis", -1) in (-1, len(self.axes) - 1)
                self.require(node, last, "is not over the features alone")
                self.require_features_last(node)
                gain = self.operand(node, 1)
                shift = self.operand(node, 2) if len(node.input) > 2 else np.zeros_like(gain)
                self.add(own.LayerNorm(epsilon=a.get("epsilon", 1e-5)), {"gain": gain, "shift": shift})
            case "Transpose":
                self.axes = "".join(self.axes[i] for i in a["perm"])
            case "Unsqueeze" | "Expand":
                self.read_repeat(node)
            case "Squeeze":
                one = self.letter(node) == "P" and isinstance(self.layers[-1], Recurrent)
                self.require(node, one, "drops another axis than that of one direction")
                self.axes = self.axes.replace("P", "")
            case "Reshape":
                self.read_reshape(node, [int(n) for n in self.operand(node, 1, "shape")])
            case "Flatten":
                self.require(node, a.get("axis", 1) == 1, "does not keep the samples apart")
                self.read_flatten(node)
            case "ReduceMean" | "ReduceMax" | "ReduceSum" | "ReduceProd":
                self.read_reduction(node, self.letter(node), a.get("keepdims", 1))
            case _:
                self.read_activation(node, a)

    # ---- recurrent nodes ----------------------------------------------------------------------------

    def read_recurrent(self, node: Any, output: int) -> None:
        """Add a recurrent layer, or a Bidirectional one."""
        a: dict[str, Any] = {"direction": b"forward", "layout": 0, "linear_before_reset": 0}
        a |= self.attributes(node)
        self.check_recurrent(node, a, output)
        W, R = self.operand(node, 1), self.operand(node, 2)
        use_bias = any(node.input[3:4])
        B = self.operand(node, 3) if use_bias else [None] * len(W)
        *σ, φ = self.activations(node, a, len(W))
        options = {"use_bias": use_bias, "return_sequences": output == 0}
        options["go_backwards"] = a["direction"] == b"reverse"
        if node.op_type == "GRU":
            options["reset_after"] = bool(a["linear_before_reset"])
        layer: Any = getattr(own, node.op_type)(R.shape[-1], φ, *σ, **options)
        layer = layer if len(W) == 1 else own.Bidirectional(layer)
        weights: dict[str, Array] = {}
        for prefix, w, r, b in zip(directions(layer), W, R, B, strict=True):
            weights |= {f"{prefix}Wx": w.T, f"{prefix}Wh": r.T}
            if b is not None:
                weights[f"{prefix}b"], weights[f"{prefix}bh"] = np.split(b, 2)
        self.add(layer, weights, [["TPND", "PND"], ["NTPD", "NPD"]][a["layout"]][output])

    def check_recurrent(self, node: Any, a: dict[str, Any], output: int) -> None:
        """Raise a LoadError for what nnfw's recurrent layers do not have."""
        plain = not (a.get("clip") or a.get("input_forget"))
        self.require(node, plain, "has clip or input_forget, which nnfw does not; export it without")
        self.require(node, output < 2, "gives the cell state, which no layer of nnfw does")
        fits = self.axes == ("NTD" if a["layout"] else "TND")
        self.require(node, fits, f"of layout {a['layout']} reads values of the axes {self.axes}")
        for name in node.input[5:]:
            zero = not name or self.is_zero(name)
            self.require(node, zero, f"has {name!r}, an initial state or peepholes; export it without")
        for name in node.input[4:5]:
            self.require(node, name not in self.arrays, "has fixed lengths; make them an input")

    def activations(self, node: Any, a: dict[str, Any], directions: int) -> list[Any]:
        """Return the activations of nnfw's layer: that of the gates, if there is one, and the other."""
        default = CELLS[node.op_type]
        values = {key: iter(a.get(f"activation_{key}", ())) for key in ("alpha", "beta")}
        found = []
        for name in a.get("activations") or default * directions:
            operator = name.decode()
            given = {key: next(values[key], usual) for key, usual in DEFAULTS.get(operator, {}).items()}
            found.append(activation_of(operator, given))
            self.require(node, found[-1], f"has the activation {operator} {given or ''}, unlike any of nnfw")
        *first, last = found[: len(default)]
        same = found == [*first, last] * directions and first[1:] in ([], [last])
        self.require(node, same, "has different activations where a layer of nnfw has one")
        return [*first[:1], last]

    # ---- other nodes --------------------------------------------------------------------------------

    def read_product(self, node: Any, W: Array) -> None:
        """Add a Dense layer, so far without a bias and an activation."""
        self.require(node, W.ndim == 2, f"is a product with {W.ndim} axes, not with 2")
        if self.axes == "NF":
            W, self.axes = self.channels_last(W), "ND"
        self.require_features_last(node)
        self.add(own.Dense(W.shape[1], use_bias=False), {"W": W})

    def require_features_last(self, node: Any) -> None:
        """Raise a LoadError for a node along the last axis unless that is all of the features."""
        along = self.axes[-1:] == "D" and "P" not in self.axes
        self.require(node, along, f"is along another axis than the features of {self.axes}")

    def dense(self, node: Any) -> Any:
        """Return the Dense layer that a node belongs to, which has no activation yet."""
        layer = self.layers[-1] if self.layers else None
        free = isinstance(layer, own.Dense) and layer.activation.name == "linear"
        self.require(node, free, "does not follow a product, as in a Dense layer")
        return layer

    def read_bias(self, node: Any) -> None:
        """Give the Dense layer before it its bias."""
        self.require_features_last(node)
        layer = self.dense(node)
        b = next(self.arrays[one] for one in node.input[::-1] if one in self.arrays)
        fits = b.shape == (layer.units,) and not layer.use_bias
        self.require(node, fits, "adds something else than the one bias of a Dense layer")
        layer.use_bias, self.weights[-1]["b"] = True, b

    def read_activation(self, node: Any, a: dict[str, Any]) -> None:
        """Give the layer before it its activation, or add one alone."""
        known = node.op_type in {operator for operator, _ in FORMS.values()} - {"Affine"}
        self.require(node, known, "is no layer of nnfw")
        if node.op_type == "Softmax":  # the others are of each value alone
            self.require_features_last(node)
            axis = a.get("axis", -1 if self.opset >= 13 else 1)
            a = {"axis": -1 if axis == len(self.axes) - 1 else axis}
        activation: Any = activation_of(node.op_type, a)
        self.require(node, activation, f"has {a}, unlike any activation of nnfw")
        before = self.layers[-1] if self.layers else None
        if isinstance(before, Activated) and before.activation.name == "linear":
            before.activation = activation
        else:
            self.add(own.Activate(activation))

    def read_gather(self, node: Any, axis: int) -> None:
        """Add an Embedding, or LastStep."""
        if node.input[0] in self.arrays:
            E = self.operand(node, 0)
            self.require(node, axis == 0 and not self.layers, "is not the first node, as an Embedding is")
            steps = (one for one in self.graph.node if (one.domain, one.op_type) == (DOMAIN, "Steps"))
            mask = next((int(self.arrays[one.input[1]]) for one in steps), None)
            self.add(own.Embedding(E.shape[0], E.shape[1], mask), {"E": E}, self.axes + "D")
        else:
            last = self.axes[axis] == "T" and self.operand(node, 1).tolist() == -1
            self.require(node, last, "takes other steps than the last")
            self.add(own.LastStep(), axes=self.axes.replace("T", ""))

    def read_reshape(self, node: Any, sizes: list[int]) -> None:
        """Follow the axes where directions and features become one; else it is a layer."""
        if self.axes in ("NDT", "NDHW") and len(sizes) == 2:
            self.read_flatten(node)
            return
        if self.axes.endswith("PD") and len(sizes) == len(self.axes) - 1:
            self.axes = self.axes.replace("P", "")
            return
        kept = self.axes in ("ND", "NTD", "NHWD") and len(sizes) in (2, 3, 4) and 0 not in sizes[1:]
        self.require(node, kept, f"gives the axes {self.axes} the shape {sizes}, which no layer of nnfw does")
        self.add(own.Reshape(tuple(sizes[1:])), axes=("ND", "NTD", "NHWD")[len(sizes) - 2])

    def read_reduction(self, node: Any, letter: str, kept: int) -> None:
        """Add pooling over time, or find how two directions become one."""
        if letter == "T" and "P" not in self.axes and node.op_type in POOLS and not kept:
            self.add(POOLS[node.op_type](), axes=self.axes.replace("T", ""))
            return
        two = letter == "P" and isinstance(self.layers[-1], own.Bidirectional)
        fits = two and node.op_type in MERGED and not kept
        self.require(node, fits, f"over the axis {letter} of {self.axes} is no layer of nnfw")
        self.layers[-1] = own.Bidirectional(copy.copy(self.layers[-1].layer), MERGED[node.op_type])
        self.axes = self.axes.replace("P", "")
