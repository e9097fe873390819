"""Import of an ONNX file as a network: a chain of nodes, read from the input to the first output.

Each intermediate value has its axes as letters: N samples, T steps, P directions of a recurrent node, D
features, H rows and W columns of images. Nodes that move, merge or drop axes change the letters, so that time
and channels may come first or last in a file.
"""

import copy
from typing import Any

import numpy as np

from nnfw import layers
from nnfw.core.errors import LoadError
from nnfw.core.extras import extra
from nnfw.core.files import reading
from nnfw.core.typing import Array, FilePath
from nnfw.exchange.dialects import loss_of, parted, reordered
from nnfw.exchange.onnx_forms import DOMAIN, FORMS, MERGES, ORDERS, activation_of, windowed_layer
from nnfw.exchange.onnx_graph import Graph, Node
from nnfw.exchange.onnx_recurrent import read_recurrent
from nnfw.layers.dense import Activated
from nnfw.layers.recurrent import Recurrent
from nnfw.network import Network
from nnfw.saving.archive import assign, check_weights

REDUCED = {"ReduceMean": layers.MeanPooling, "ReduceMax": layers.MaxPooling}
FLAT = {"ND": "ND", "NTD": "ND", "NHWD": "ND", "NDT": "NF", "NDHW": "NF"}  # axes after Flatten
MERGED: dict[str, Any] = {operator: merge for merge, operator in MERGES.items()}


def from_onnx(path: FilePath) -> Network:
    """Return the network for an ONNX file, written by `to_onnx` or any other whose graph is a chain.

    It predicts the first output of the file, batch first regardless of the file's order of axes. The loss
    follows from the last activation; assign ``network.loss`` to train with another one.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    LoadError
        If the file is damaged, or no chain of nnfw's layers computes the same.
    ImportError
        If the onnx package, the extra ``onnx``, is not installed.
    """
    onnx = extra("onnx", "onnx", "files of ONNX are read")
    with reading("from_onnx", path) as file:
        graph = Graph(onnx, onnx.load_model_from_string(file.read()))
        try:
            return Reader(graph).network()
        except LoadError:
            raise
        except ValueError as error:  # from a layer or the network
            raise LoadError(f"it is not a chain of layers of nnfw: {error}") from error


class Reader:
    """Reads the nodes of a chain one by one; `axes` are those of the output of the layers read so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, graph.chain()
        self.axes, self.shape = graph.start(self.nodes[0][0])
        self.layers: list[Any] = []
        self.weights: list[dict[str, Array]] = []  # of each layer, as `joined` names them

    def network(self) -> Network:
        """Return the network with its weights."""
        for node, output in self.nodes:
            self.read(node, output)
        known = self.axes.replace("P", "") in ("ND", "NTD", "TND", "NDT", "NHWD", "NDHW")
        node.require(known, f"returns the axes {self.axes}, not samples, steps, features")
        network = Network(self.layers, loss=loss_of(self.layers))
        network.build(self.shape)
        found: dict[str, Array] = {}
        for name, layer, weights in zip(network._names, self.layers, self.weights, strict=True):
            found |= {f"{name}.{key}": p for key, p in parted(layer, weights, ORDERS).items()}
        check_weights(found, network.params)
        assign(network, "from_onnx", found)
        return network

    def read(self, node: Node, output: int) -> None:
        """Read one node, whose given output is used."""
        a = node.attributes
        match node.operator:
            case "Identity" | "Dropout":
                pass
            case "Mask" if node.domain == DOMAIN:
                pass
            case "MeanPooling" | "MaxPooling" | "LastStep" if node.domain == DOMAIN:
                self.add(getattr(layers, node.operator)(), axes="ND")
            case "RNN" | "GRU" | "LSTM":
                self.add(*read_recurrent(self.graph, node, output, self.axes))
            case "Conv" | "MaxPool" | "AveragePool":
                node.require(self.axes in ("NDT", "NDHW"), f"slides windows over the axes {self.axes}")
                W, b = (node.operand(i) if len(node.inputs) > i else None for i in (1, 2))
                layer, weights = windowed_layer(node.operator, a, W, b, len(self.axes) - 2)
                node.require(layer, f"has {a}, unlike any layer of nnfw")
                self.add(layer, weights)
            case "MatMul":
                self.read_product(node, node.operand(1))
            case "Gemm":
                plain = (a.get("alpha", 1), a.get("beta", 1), a.get("transA", 0)) == (1, 1, 0)
                node.require(plain, "scales or transposes its input")
                W = node.operand(1)
                self.read_product(node, W.T if a.get("transB") else W)
                if len(node.inputs) > 2:
                    self.read_bias(node)
            case "Add":
                self.read_bias(node)
            case "Gather":
                self.read_gather(node, a.get("axis", 0))
            case "LayerNormalization":
                last = a.get("axis", -1) in (-1, len(self.axes) - 1)
                node.require(last, "is not over the features only")
                self.require_features_last(node)
                gain = node.operand(1)
                shift = node.operand(2) if len(node.inputs) > 2 else np.zeros_like(gain)
                self.add(layers.LayerNorm(epsilon=a.get("epsilon", 1e-5)), {"gain": gain, "shift": shift})
            case "BatchNormalization":
                fits = self.axes[1:2] == "D" and not a.get("training_mode")
                node.require(fits, f"is in training, or along an axis of {self.axes} other than features")
                names = ("gain", "shift", "mean", "variance")
                weights = {name: node.operand(i) for i, name in enumerate(names, 1)}
                self.add(layers.BatchNorm(epsilon=a.get("epsilon", 1e-5)), weights)
            case "Transpose":
                self.axes = "".join(self.axes[i] for i in a["perm"])
            case "Unsqueeze":
                alone = self.axes == "ND" and node.operand(1, "axes").tolist() == [1]
                node.require(alone, "adds an axis other than that of steps")
                self.axes = "N1D"
            case "Expand":
                sizes = node.operand(1).tolist()
                alone = self.axes == "N1D" and sizes[::2] == [1, 1]
                node.require(alone, "repeats an axis other than that of steps")
                self.add(layers.RepeatVector(sizes[1]), axes="NTD")
            case "Squeeze":
                one = self.letter(node) == "P" and isinstance(self.layers[-1], Recurrent)
                node.require(one, "drops an axis other than that of one direction")
                self.axes = self.axes.replace("P", "")
            case "Reshape":
                self.read_reshape(node, [int(n) for n in node.operand(1, "shape")])
            case "Flatten":
                node.require(a.get("axis", 1) == 1, "does not keep samples separate")
                self.read_flatten(node)
            case "ReduceMean" | "ReduceMax" | "ReduceSum" | "ReduceProd":
                self.read_reduction(node, self.letter(node), a.get("keepdims", 1))
            case _:
                self.read_activation(node)

    def add(self, layer: Any, weights: dict[str, Array] | None = None, axes: str = "") -> None:
        """Add a layer with its weights; pass the axes of its output if they differ from before."""
        self.layers.append(layer)
        self.weights.append(weights or {})
        self.axes = axes or self.axes

    def letter(self, node: Node) -> str:
        """Return the letter of the one axis that a node names."""
        axes = node.operand(1, "axes").ravel()
        node.require(axes.size == 1, f"is over {axes.size} axes")
        return self.axes[int(axes[0])]

    def require_features_last(self, node: Node) -> None:
        """Raise a LoadError for a node along the last axis unless that axis holds all features."""
        along = self.axes[-1:] == "D" and "P" not in self.axes
        node.require(along, f"is along an axis of {self.axes} other than the features")

    def read_flatten(self, node: Node) -> None:
        """Add Flatten."""
        axes = FLAT.get(self.axes, "")
        node.require(axes, f"does not keep samples separate, or flattens {self.axes}")
        self.add(layers.Flatten(), axes=axes)

    def channels_last(self, W: Array) -> Array:
        """Return W (C·T, H) with its rows in the order of nnfw, (T·C, H), for C channels that come first."""
        sizes = (getattr(layer, "filters", None) for layer in reversed(self.layers))
        C: Any = next(filter(None, sizes), self.shape[-1])
        return reordered(W, (C, -1))

    def read_product(self, node: Node, W: Array) -> None:
        """Add a Dense layer, so far without a bias and an activation."""
        node.require(W.ndim == 2, f"is a product with {W.ndim} axes, not with 2")
        if self.axes == "NF":
            W, self.axes = self.channels_last(W), "ND"
        self.require_features_last(node)
        self.add(layers.Dense(W.shape[1], use_bias=False), {"W": W})

    def read_bias(self, node: Node) -> None:
        """Set the bias of the preceding Dense layer."""
        self.require_features_last(node)
        layer: Any = self.layers[-1] if self.layers else None
        free = isinstance(layer, layers.Dense) and layer.activation.name == "linear"
        node.require(free, "does not follow a product, as in a Dense layer")
        b = next(self.graph.arrays[one] for one in node.inputs[::-1] if one in self.graph.arrays)
        fits = b.shape == (layer.units,) and not layer.use_bias
        node.require(fits, "adds something other than the bias of a Dense layer")
        layer.use_bias, self.weights[-1]["b"] = True, b

    def read_activation(self, node: Node) -> None:
        """Set the activation of the preceding layer, or add it as a layer."""
        known = node.operator in {operator for operator, _ in FORMS.values()} - {"Affine"}
        node.require(known, "is not a layer of nnfw")
        a = node.attributes
        if node.operator == "Softmax":  # the others are elementwise
            self.require_features_last(node)
            axis = a.get("axis", -1 if self.graph.opset >= 13 else 1)
            a = {"axis": -1 if axis == len(self.axes) - 1 else axis}
        activation: Any = activation_of(node.operator, a)
        node.require(activation, f"has {a}, unlike any activation of nnfw")
        before = self.layers[-1] if self.layers else None
        if isinstance(before, Activated) and before.activation.name == "linear":
            before.activation = activation
        else:
            self.add(layers.Activate(activation))

    def read_gather(self, node: Node, axis: int) -> None:
        """Add an Embedding, or LastStep."""
        if node.inputs[0] in self.graph.arrays:
            E = node.operand(0)
            node.require(axis == 0 and not self.layers, "is not the first node, as an Embedding is")
            steps = (one for one in self.graph.nodes if (one.domain, one.operator) == (DOMAIN, "Steps"))
            mask = next((int(self.graph.arrays[one.inputs[1]]) for one in steps), None)
            self.add(layers.Embedding(E.shape[0], E.shape[1], mask), {"E": E}, self.axes + "D")
        else:
            last = self.axes[axis] == "T" and node.operand(1).tolist() == -1
            node.require(last, "takes steps other than the last")
            self.add(layers.LastStep(), axes=self.axes.replace("T", ""))

    def read_reshape(self, node: Node, sizes: list[int]) -> None:
        """Track the axes if directions and features are merged; otherwise add a layer."""
        if self.axes in ("NDT", "NDHW") and len(sizes) == 2:
            self.read_flatten(node)
            return
        if self.axes.endswith("PD") and len(sizes) == len(self.axes) - 1:
            self.axes = self.axes.replace("P", "")
            return
        kept = self.axes in ("ND", "NTD", "NHWD") and len(sizes) in (2, 3, 4) and 0 not in sizes[1:]
        node.require(kept, f"reshapes the axes {self.axes} to {sizes}, unlike any layer of nnfw")
        self.add(layers.Reshape(tuple(sizes[1:])), axes=("ND", "NTD", "NHWD")[len(sizes) - 2])

    def read_reduction(self, node: Node, letter: str, kept: int) -> None:
        """Add pooling over time, or determine how two directions are merged."""
        if letter == "T" and "P" not in self.axes and node.operator in REDUCED and not kept:
            self.add(REDUCED[node.operator](), axes=self.axes.replace("T", ""))
            return
        two = letter == "P" and isinstance(self.layers[-1], layers.Bidirectional)
        fits = two and node.operator in MERGED and not kept
        node.require(fits, f"over the axis {letter} of {self.axes} is not a layer of nnfw")
        self.layers[-1] = layers.Bidirectional(copy.copy(self.layers[-1].layer), MERGED[node.operator])
        self.axes = self.axes.replace("P", "")
