"""Networks as files of ONNX: onnxruntime computes what `predict` does, and files are read back."""

import sys

import numpy as np
import pytest
from alike import for_each
from stacks import random_stack
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LastStep,
    Layer,
    LoadError,
    MaxPooling,
    MeanPooling,
    Network,
    Reshape,
    ShapeError,
)
from nnfw.exchange import from_onnx, onnx_export, to_onnx
from nnfw.layers.windows import Windowed

onnx = pytest.importorskip("onnx")
SEQUENCES = {"return_sequences": True}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.onnx"


def run(path, x, lengths=None):
    """What onnxruntime computes."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {"x": x} if lengths is None else {"x": x, "lengths": lengths}
    return session.run(["y"], feed)[0]


@pytest.mark.parametrize("tens", range(6))
@for_each("ones", range(10))
def test_random_stacks(tens, ones, path):
    seed = 10 * tens + ones
    network, x, lengths = random_stack(seed)
    to_onnx(network, path, lengths=lengths is not None)
    y = network.predict(x, lengths=lengths)
    np.testing.assert_allclose(run(path, x, lengths), y, rtol=1e-5, atol=1e-5)
    again = from_onnx(path)
    np.testing.assert_allclose(again.predict(x, lengths=lengths), y, rtol=1e-6, atol=1e-6)
    assert again.size == network.size


class Halved(Network):
    def forward(self, x, *args, **options):
        return super().forward(np.asarray(x) / 2, *args, **options)


@pytest.mark.parametrize("around", [lambda network: network, lambda network: Network([network])])
def test_a_forward_of_ones_own(around, path):
    network = untrained(around(Halved([Dense(2)])), 3)
    with pytest.raises(TypeError, match=r"Halved\(\): the ONNX form of a custom forward is not known"):
        to_onnx(network, path)
    assert not path.exists()


def conformance():
    """The cases that the onnx package makes when these of its modules are imported."""
    from onnx.backend.test.case import node
    from onnx.backend.test.case.node import gru, lstm, rnn  # noqa: F401

    kinds = {"gru", "lstm", "rnn"}
    return [case for case in node._NodeTestCases if kinds & set(case.name.split("_"))]


def test_the_conformance_cases_of_onnx(path):
    """All, 18 today: the weights become constants, and axes batch first; peepholes are refused."""
    cases, read = conformance(), []
    for case in cases:
        graph, (inputs, outputs) = case.model.graph, case.data_sets[0]
        for info, array in list(zip(graph.input, inputs, strict=True))[1:]:
            graph.initializer.append(onnx.numpy_helper.from_array(array, info.name))
            graph.input.remove(info)
        path.write_bytes(case.model.SerializeToString())
        if "peepholes" in case.name:
            del graph.node[0].input[4]  # the lengths, which are all of the steps
            graph.node[0].input.insert(4, "")
            with pytest.raises(LoadError, match=r"node LSTM .*'P', an initial state or peepholes"):
                from_onnx(path)
            continue
        time_first = not any(a.name == "layout" and a.i for a in graph.node[0].attribute)
        x, y = inputs[0], outputs[0]
        if time_first:  # (T, N, D); (T, P, N, H) or (P, N, H)
            x, y = x.swapaxes(0, 1), np.moveaxis(y, -2, 0)
        y = y.reshape(*y.shape[:-2], -1)
        np.testing.assert_allclose(from_onnx(path).predict(x), y, rtol=0, atol=1e-5, err_msg=case.name)
        read.append(case.name)
    older = tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 23)
    assert len(cases) == 18 or (older and len(cases) >= 12)
    assert len(read) == len(cases) - 1


def graph_of(path, text, kind="float[N, T, 3] x", opset=21, **arrays):
    """Write a file of such nodes and arrays."""
    header = f'<ir_version: 10, opset_import: ["": {opset}, "other": 1]>'
    model = onnx.parser.parse_model(f"{header} chain ({kind}) => (float[N, K] y) {{ {text} }}")
    for name, array in arrays.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    path.write_bytes(model.SerializeToString())
    return path


RNG = np.random.default_rng(0)
CELL = {"W": RNG.normal(size=(1, 12, 3)).astype("f4"), "R": RNG.normal(size=(1, 12, 4)).astype("f4")}
CELL["B"] = RNG.normal(size=(1, 24)).astype("f4")
V = RNG.normal(size=(2, 4)).astype("f4")


def test_a_file_of_another_program(path):
    """As other exporters write it: Squeeze, Gemm, the last step by Gather, an initial state of zeros."""
    text = """
      t = Transpose <perm = [1, 0, 2]> (x)
      h0 = ConstantOfShape (shape)
      h = Expand (h0, shape)
      a, b = GRU <hidden_size = 4, linear_before_reset = 1> (t, W, R, B, , h)
      s = Squeeze (a, one)
      u = Transpose <perm = [1, 0, 2]> (s)
      l = Gather <axis = 1> (u, last)
      g = Gemm <transB = 1> (l, V, c)
      y = Softmax (g)
    """
    c, ints = (
        np.array([1, -1], "f4"),
        {"shape": np.array([1, 2, 4]), "one": np.array([1]), "last": np.int64(-1)},
    )
    network = from_onnx(graph_of(path, text, **CELL, V=V, c=c, **ints))
    assert [type(layer).__name__ for layer in network.layers] == ["GRU", "LastStep", "Dense"]
    assert type(network.loss).__name__ == "CategoricalCrossentropy"
    x = RNG.normal(size=(2, 6, 3)).astype("f4")
    np.testing.assert_allclose(network.predict(x), run_y(path, x), rtol=0, atol=1e-6)


def run_y(path, x):
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(["y"], {"x": x})[0]


RECURRENT = "t = Transpose <perm = [1, 0, 2]> (x) {} = {} <hidden_size = 4{}> (t, W, R{})"
TURNED = "a = MatMul (x, M) s = Transpose <perm = [0, 2, 1]> (a)"  # features before steps
BACK = "y = Transpose <perm = [0, 2, 1]> (t)"
REVERSED = "a = Transpose <perm = [2, 1, 0]> (x)"
REFUSED = [
    (
        RECURRENT.format("_, y", "GRU", ", clip = 3.0", ""),
        "GRU '' has clip or input_forget.*export it without",
    ),
    (RECURRENT.format("_, _, y", "LSTM", "", ""), "returns the cell state"),
    (RECURRENT.format("_, y", "GRU", "", ", , ones"), "has fixed lengths; make them an input"),
    (RECURRENT.format("_, y", "GRU", "", ", , , some"), "'some', an initial state or peepholes"),
    (
        "h = Neg (some) " + RECURRENT.format("_, y", "GRU", "", ", , , h"),
        "'h', an initial state or peepholes",
    ),
    (
        RECURRENT.format("_, y", "GRU", ', activations = ["HardSigmoid", "Tanh"]', ""),
        "HardSigmoid {'alpha': 0.2",
    ),
    (
        RECURRENT.format("_, y", "GRU", ', activations = ["Sigmoid", "ScaledTanh"]', ""),
        "activation ScaledTanh",
    ),
    (
        RECURRENT.format("_, y", "LSTM", ', activations = ["Sigmoid", "Tanh", "Relu"]', ""),
        "has different activations, but a layer of nnfw has one",
    ),
    ("t = MatMul (x, M) _, y = GRU <hidden_size = 4> (t, W, R)", "of layout 0 reads values of the axes NTD"),
    ("a = MatMul (x, M) b = MatMul (x, M) y = Add (a, b)", "Add '' computes with 2 values"),
    ("a = MatMul (x, M) y = Add (a, ones)", "adds something other than the bias"),
    ("a = MatMul (x, M) r = Relu (a) y = Add (r, c)", "Add '' does not follow a product"),
    ("a = MatMul (x, M) y = Softmax <axis = 1> (a)", "unlike any activation"),
    (f"{TURNED} t = Add (s, c) {BACK}", "Add '' is along an axis of NDT other than the features"),
    (f"{TURNED} t = Softmax (s) {BACK}", "Softmax '' is along an axis of NDT other than the features"),
    (f"{TURNED} t = LayerNormalization (s, c) {BACK}", "is along an axis of NDT other than the features"),
    (f"{TURNED} t = MatMul (s, M) {BACK}", "is along an axis of NDT other than the features"),
    ("y = MatMul (x, c)", "is a product with 1 axes, not with 2"),
    ("y = Gemm <alpha = 2.0> (x, M)", "scales or transposes"),
    ("y = ConvTranspose (x, W)", "ConvTranspose '' is not a layer of nnfw"),
    ("y = other.MeanPooling (x)", "MeanPooling '' is not a layer of nnfw"),
    ("y = ReduceMax (x, ones)", "over the axis T of NTD is not a layer"),
    ("y = ReduceMean <keepdims = 0> (x, two)", "over the axis D of NTD"),
    ("y = ReduceMean <keepdims = 0> (x, shape)", "is over 3 axes"),
    ("y = Transpose <perm = [2, 1, 0]> (x)", "returns the axes DTN"),
    (f"{REVERSED} y = ReduceMean <keepdims = 0> (a, ones)", "returns the axes DN"),
    (f"{REVERSED} y = Gather <axis = 1> (a, last)", "returns the axes DN"),
    ("y = Squeeze (x, ones)", "damaged|drops an axis other"),
    ("a = Unsqueeze (x, ones) y = Expand (a, shape)", "adds an axis other than that of steps"),
    ("y = Expand (x, shape)", "repeats an axis other than that of steps"),
    ("y = Reshape (x, two)", r"to \[2\], unlike any layer"),
    ("y = LayerNormalization <axis = 1> (x, ones)", "is not over the features only"),
    ("y = Gather <axis = 1> (x, two)", "takes steps other than the last"),
    ("y = Flatten <axis = 0> (x)", "does not keep samples separate"),
]


@for_each(("text", "words"), REFUSED)
def test_files_that_are_refused(text, words, path):
    arrays = CELL | {"M": np.ones((3, 3), "f4"), "ones": np.array([1]), "two": np.array([2])}
    arrays |= {"c": np.ones(3, "f4"), "last": np.int64(-1), "some": np.eye(2, 4, dtype="f4")[None]}
    arrays["shape"] = np.array([1, 2, 1])
    with pytest.raises(LoadError, match=words) as caught:
        from_onnx(graph_of(path, text, **arrays))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("perm", [[0, 2, 1], [1, 0, 2]])
def test_an_activation_of_each_value_alone_has_any_order_of_axes(perm, path):
    order = f"Transpose <perm = {perm}>"
    text = f"a = MatMul (x, M) s = {order} (a) t = Tanh (s) y = {order} (t)"
    x, M = RNG.normal(size=(4, 3, 3)).astype("f4"), RNG.normal(size=(3, 3)).astype("f4")
    network = from_onnx(graph_of(path, text, M=M))
    np.testing.assert_allclose(network.predict(x), run_y(path, x), rtol=0, atol=1e-6)


def test_an_activation_alone_is_a_layer(path):
    text = "r = LeakyRelu (x) a = MatMul (r, M) b = Elu (a) y = Sigmoid (b)"  # with ONNX's default alpha
    network = from_onnx(graph_of(path, text, M=np.ones((3, 2), "f4")))
    assert [type(layer).__name__ for layer in network.layers] == ["Activate", "Dense", "Activate"]
    x = RNG.normal(size=(2, 4, 3)).astype("f4")
    np.testing.assert_allclose(network.predict(x), run_y(path, x), rtol=0, atol=1e-6)


def test_bias_and_softmax_with_time_first(path):
    order = "Transpose <perm = [1, 0, 2]>"
    text = f"a = MatMul (x, M) s = {order} (a) t = Add (s, b) u = Softmax (t) y = {order} (u)"
    text = f"b = Constant <value_floats = [0.3, -1.0, 2.0]> () {text}"
    x, M = RNG.normal(size=(4, 3, 3)).astype("f4"), RNG.normal(size=(3, 3)).astype("f4")
    network = from_onnx(graph_of(path, text, M=M))
    np.testing.assert_allclose(network.predict(x), run_y(path, x), rtol=0, atol=1e-6)


def test_a_layer_normalization_without_a_shift(path):
    network = from_onnx(graph_of(path, "y = LayerNormalization <axis = 2> (x, g)", g=V[0, :3]))
    x = RNG.normal(size=(4, 5, 3)).astype("f4")
    np.testing.assert_allclose(network.predict(x), run_y(path, x), rtol=0, atol=1e-6)


def test_the_default_axis_of_an_old_softmax(path):
    """Below opset 13 it is 1, from which on all axes are one."""
    arrays = {"M": RNG.normal(size=(3, 3)).astype("f4")}
    x = RNG.normal(size=(4, 3)).astype("f4")
    two = graph_of(path, "a = MatMul (x, M) y = Softmax (a)", "float[N, 3] x", opset=12, **arrays)
    np.testing.assert_allclose(from_onnx(two).predict(x), run_y(two, x), rtol=0, atol=1e-6)
    text = "a = MatMul (x, M) y = Softmax (a)"
    with pytest.raises(LoadError, match=r"Softmax '' has {'axis': 1}, unlike any activation"):
        from_onnx(graph_of(path, text, opset=12, **arrays))
    last = "a = MatMul (x, M) y = Softmax <axis = 2> (a)"
    assert from_onnx(graph_of(path, last, opset=12, **arrays)).layers[0].activation.name == "softmax"
    assert from_onnx(graph_of(path, text, opset=13, **arrays)).layers[0].activation.name == "softmax"


def test_a_file_that_is_none(path):
    path.write_bytes(b"nothing")
    with pytest.raises(LoadError, match=r"network.onnx: it is damaged, cut short, or of another kind"):
        from_onnx(path)
    with pytest.raises(LoadError, match=r"reads an input of 5 axes"):
        from_onnx(graph_of(path, "y = Relu (x)", "float[N, 2, 2, 2, 2] x"))


def test_a_sound_file_that_no_chain_computes(path):
    """It is not called damaged: the message has the reason of the layer or the network."""
    words = r"network.onnx: it is not a chain of layers of nnfw: "
    with pytest.raises(LoadError, match=rf"{words}.*Reshape\(") as caught:
        from_onnx(graph_of(path, "y = Reshape (x, shape)", shape=np.array([-1, 3])))
    assert isinstance(caught.value.__cause__, ShapeError)
    to_onnx(untrained(Network([Dropout(0.2)]), 3), path)
    with pytest.raises(LoadError, match=rf"{words}.*layers must hold at least one layer"):
        from_onnx(path)


class Own(Layer):
    causal = True

    def compute_shapes(self, input_shape):
        return input_shape


class Square(Activation):
    def __call__(self, x, out=None):
        return np.multiply(x, x, out=out)


GATES = {"z": "sigmoid", "r": "hard_sigmoid"}
CANNOT = [
    ([Own()], TypeError, r"layer 1, Own\(\): its ONNX form is not known; build the network without"),
    (
        [GRU(2, recurrent_activation=GATES)],
        ValueError,
        r"layer 1, GRU\(2\): .*one recurrent_activation for all",
    ),
    (
        [RNN(2, "silu")],
        ValueError,
        r"RNN\(2\): ONNX has no activation 'silu' there; use one of linear, relu",
    ),
    ([Dense(2, Square())], ValueError, r"ONNX has no activation 'Square' there; .*softmax"),
    (
        [Bidirectional(LSTM(2, go_backwards=True))],
        ValueError,
        "first half reads backwards.*go_backwards=False",
    ),
]


@for_each("base", [Layer, Windowed])
def test_a_new_layer_of_nnfw_has_no_form_until_it_is_written(base, monkeypatch):
    monkeypatch.setattr(onnx_export, "is_own", lambda kind: True)
    with pytest.raises(TypeError, match="its ONNX form is not known"):
        onnx_export.write(None, type("New", (base,), {})(), (3,))


@for_each(("layers", "error", "words"), CANNOT)
def test_what_onnx_cannot_say(layers, error, words, path):
    with pytest.raises(error, match=words):
        to_onnx(untrained(Network(layers), 5, 3), path)
    assert not path.exists()
    assert not list(path.parent.iterdir())


def test_lengths_that_cannot_be(path):
    with pytest.raises(ValueError, match=r"Flatten\(\): sequences of unequal lengths .*pool over time first"):
        to_onnx(untrained(Network([Dense(2), Flatten(), Dense(1)]), 5, 3), path, lengths=True)
    with pytest.raises(ValueError, match=r"an input \(samples, 3\) has no steps; omit lengths"):
        to_onnx(untrained(Network([Dense(2)]), 3), path, lengths=True)
    with pytest.raises(TypeError, match="lengths must be True or False"):
        to_onnx(untrained(Network([Dense(2)]), 3), path, lengths=[1, 2])


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
@pytest.mark.parametrize("backwards", [False, True, None])
def test_the_padding_is_not_read(kind, backwards, path):
    layer = Bidirectional(kind(2, **SEQUENCES))
    if backwards is not None:
        layer = kind(2, go_backwards=backwards, **SEQUENCES)
    network = untrained(Network([Dense(3), layer, Dense(2)], seed=0), None, 3)
    to_onnx(network, path, lengths=True)
    x, lengths = RNG.normal(size=(3, 5, 3)).astype("f4"), np.array([2, 5, 1])
    expected = network.predict(x, lengths=lengths)
    x[np.arange(5) >= lengths[:, None]] = np.nan
    y = run(path, x, lengths)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
    assert (y[0, 2:] == 0).all()


@pytest.mark.parametrize("pooling", [LastStep, MaxPooling, MeanPooling])
def test_sequences_without_a_step_give_zero(pooling, path):
    network = untrained(Network([Dense(3), pooling()], seed=0), None, 3)
    to_onnx(network, path, lengths=True)
    x, lengths = RNG.normal(size=(3, 5, 3)).astype("f4"), np.array([2, 0, 5])
    y = run(path, x, lengths)
    assert (y[1] == 0).all()
    np.testing.assert_allclose(y, network.predict(x, lengths=lengths), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", [LastStep, MaxPooling, MeanPooling, lambda: GRU(2)])
def test_rows_of_masks_alone_give_zero(pooling, path):
    network = untrained(Network([Embedding(5, 2, mask=0), pooling()], seed=0), None)
    to_onnx(network, path)
    x = np.array([[1, 3, 0], [0, 0, 0]])
    y = run(path, x)
    assert (y[1] == 0).all()
    np.testing.assert_allclose(y, network.predict(x), rtol=0, atol=1e-6)


def test_any_number_of_steps_unless_a_layer_fixes_it(path):
    def steps():
        return onnx.load(path).graph.input[0].type.tensor_type.shape.dim[1].dim_value

    to_onnx(untrained(Network([GRU(2), Dense(1)]), 5, 3), path)
    assert steps() == 0
    to_onnx(untrained(Network([Dense(2), Reshape(-1), Dense(1)]), 5, 3), path)
    assert steps() == 5


def test_native_nodes_alone(path):
    """Without lengths and a mask there is nothing of nnfw in the file; dropout and noise are nothing."""
    layers = [Bidirectional(GRU(2, **SEQUENCES)), Dropout(0.5), MeanPooling(), Dense(1, "relu")]
    to_onnx(untrained(Network(layers), None, 3), path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    names = [node.op_type for node in model.graph.node]
    assert names == [
        "Transpose",
        "GRU",
        "Transpose",
        "Reshape",
        "ReduceMean",
        "MatMul",
        "Add",
        "Relu",
        "Identity",
    ]
    assert not model.functions
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 21)]


def test_float64_is_written_in_float32(path):
    network = untrained(Network([LSTM(3), Dense(2)], dtype="float64", seed=0), None, 3)
    x = RNG.normal(size=(3, 5, 3))
    to_onnx(network, path)
    np.testing.assert_allclose(run(path, x.astype("f4")), network.predict(x), rtol=0, atol=1e-6)


def test_a_mask_says_where_sequences_end_unless_lengths_do(path):
    network = untrained(Network([Embedding(5, 2, mask=3), Dense(2, "sigmoid")], seed=0), None)
    x, lengths = np.array([[1, 3, 2, 3], [2, 3, 3, 1]]), np.array([4, 2])
    to_onnx(network, path)
    np.testing.assert_allclose(run(path, x), network.predict(x), rtol=0, atol=1e-6)
    assert (run(path, x)[0, 3] == 0).all()
    assert from_onnx(path).layers[0].mask == 3
    to_onnx(network, path, lengths=True)
    y = run(path, x, lengths)
    np.testing.assert_allclose(y, network.predict(x, lengths=lengths), rtol=0, atol=1e-6)
    assert (y[0, 3] > 0).all()
    assert (y[1, 2:] == 0).all()


def test_a_network_without_weights(path):
    with pytest.raises(RuntimeError, match="to_onnx: the network does not know the shape"):
        to_onnx(Network([Dense(1)]), path)


def test_the_package_is_named_if_it_is_missing(path, monkeypatch):
    network = untrained(Network([Dense(1)]), 3)
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (lambda: to_onnx(network, path), lambda: from_onnx(path)):
        with pytest.raises(ImportError, match=r"pip install 'nnfw\[onnx\]'"):
            call()
