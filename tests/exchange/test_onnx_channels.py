"""Convolutions, windowed pooling and BatchNorm as files of ONNX, and files with channels first."""

import numpy as np
import pytest
from alike import for_each
from test_onnx import graph_of, run, run_y
from untrained import untrained

from nnfw import (
    GRU,
    Activate,
    AveragePooling1D,
    AveragePooling2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    LastStep,
    LoadError,
    MaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    MeanPooling,
    Network,
    RepeatVector,
    Reshape,
)
from nnfw.exchange import from_onnx, to_onnx

pytest.importorskip("onnx")
RNG = np.random.default_rng(8)
SEQUENCES = {
    "valid": [Conv1D(4, 3, "tanh"), MeanPooling()],
    "strided": [Conv1D(4, 2, "relu", stride=2, padding="same"), GRU(3), Dense(2)],
    "causal": [Conv1D(4, 3, "gelu", padding="causal", dilation=2, use_bias=False), LastStep()],
    "twice": [Conv1D(4, 2, "silu", stride=2), Conv1D(3, 2, padding="same"), MaxPooling()],
    "pooled": [Conv1D(4, 2, padding="same"), MaxPooling1D(2), AveragePooling1D(3, 1), MeanPooling()],
    "normalized": [BatchNorm(epsilon=0.1), Activate("silu"), GRU(3), BatchNorm(), Dense(2)],
    "steps": [Conv1D(4, 3, "softmax", padding="same", dilation=2), Dense(2)],
}
IMAGES = {
    "LeNet": [Conv2D(3, 3, "relu"), MaxPooling2D(2), Conv2D(4, 2, "tanh"), Flatten(), Dense(2, "softmax")],
    "same": [Conv2D(3, (2, 3), padding="same", stride=(2, 1)), AveragePooling2D((2, 3), 1), Flatten()],
    "normalized": [BatchNorm(), Conv2D(3, 2, "relu"), BatchNorm(), Flatten(), Dense(2)],
    "images": [Conv2D(3, 2, "relu", dilation=(1, 2), use_bias=False)],
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.onnx"


def check(network, path, x, lengths=None):
    """ONNX and the file read again compute what the network predicts."""
    for p in network.params.values():
        p[...] = RNG.normal(size=p.shape)
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            layer.params["variance"][...] = RNG.uniform(0.5, 2.0, layer.params["variance"].shape)
    to_onnx(network, path, lengths=lengths is not None)
    y = network.predict(x, lengths=lengths)
    again = from_onnx(path)
    np.testing.assert_allclose(again.predict(x, lengths=lengths), y, rtol=1e-6, atol=1e-6)
    for read, layer in zip(again.layers, network.layers, strict=True):
        assert isinstance(layer, type(read))  # Flatten is written as what it derives from, Reshape
    np.testing.assert_allclose(run(path, x, lengths), y, rtol=1e-5, atol=1e-5)


@for_each("with_lengths", [False, True])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name, with_lengths, path):
    x = RNG.normal(size=(4, 9, 3)).astype("f4")
    network = untrained(Network(SEQUENCES[name], seed=0), None, 3)
    check(network, path, x, np.array([9, 1, 4, 6]) if with_lengths else None)


@pytest.mark.parametrize("name", IMAGES)
def test_images(name, path):
    x = RNG.normal(size=(4, 6, 7, 2)).astype("f4")
    check(untrained(Network(IMAGES[name], seed=0), 6, 7, 2), path, x)


def test_an_encoder_and_a_decoder(path):
    layers = [GRU(3), RepeatVector(4), GRU(2, return_sequences=True), Dense(2)]
    check(untrained(Network(layers, seed=0), None, 3), path, RNG.normal(size=(4, 6, 3)).astype("f4"))


def test_pixels_become_images(path):
    x = RNG.normal(size=(4, 6, 7)).astype("f4")
    layers = [Reshape((6, 7, 1)), Conv2D(3, 3, "relu"), Flatten(), Dense(2)]
    check(untrained(Network(layers, seed=0), 6, 7), path, x)


W1, W2 = RNG.normal(size=(4, 3, 2)).astype("f4"), RNG.normal(size=(4, 3, 2, 2)).astype("f4")
B = RNG.normal(size=4).astype("f4")


def test_a_file_of_another_program(path):
    text = (
        "c = Conv <pads = [0, 0], strides = [2]> (x, W, b) r = Relu (c) y = MaxPool <kernel_shape = [2]> (r)"
    )
    network = from_onnx(graph_of(path, text, "float[N, 3, T] x", W=W1, b=B))
    assert repr(network.layers[0]) == "Conv1D(4, 2, activation='relu', stride=2)"
    x = RNG.normal(size=(2, 3, 9)).astype("f4")
    np.testing.assert_allclose(network.predict(x.swapaxes(1, 2)).swapaxes(1, 2), run_y(path, x), atol=1e-6)


LENET = """
  c = Conv <pads = [1, 1, 1, 1]> (x, K, k) n = BatchNormalization (c, g, s, m, v) r = Relu (n)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r) f = {}
  h = Gemm <transB = 1> (f, V, b) y = Softmax (h)
"""
FIVE = ("g", "s", "m", "v")


@pytest.mark.parametrize("flatten", ["Flatten (p)", "Reshape (p, flat)"])
def test_images_with_channels_first(flatten, path):
    """As PyTorch writes a chain: the rows of the product after Flatten are put in another order."""
    arrays = {name: RNG.uniform(0.5, 2.0, 5).astype("f4") for name in FIVE}
    arrays |= {"K": RNG.normal(size=(5, 3, 3, 3)).astype("f4"), "k": RNG.normal(size=5).astype("f4")}
    arrays |= {"V": RNG.normal(size=(4, 5 * 3 * 2)).astype("f4") / 20, "b": B, "flat": np.array([-1, 30])}
    network = from_onnx(graph_of(path, LENET.format(flatten), "float[N, 3, 6, 4] x", **arrays))
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Conv2D", "BatchNorm", "Activate", "MaxPooling2D", "Flatten", "Dense"]
    x = RNG.normal(size=(2, 3, 6, 4)).astype("f4")
    np.testing.assert_allclose(network.predict(np.moveaxis(x, 1, -1)), run_y(path, x), rtol=0, atol=1e-6)


@for_each(
    ("node", "words"),
    [
        ("Conv <pads = [1, 2, 3, 4]> (c, W)", "unlike any layer of nnfw"),
        ("Conv <pads = [1, 0, 0, 0]> (c, W)", "unlike any layer of nnfw"),
        ('Conv <auto_pad = "SAME_LOWER"> (c, W)', "unlike any layer of nnfw"),
        ("Conv <group = 3> (c, G)", "unlike any layer of nnfw"),
        ("MaxPool <kernel_shape = [2, 2], ceil_mode = 1> (c)", "unlike any layer of nnfw"),
        ("MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (c)", "unlike any layer of nnfw"),
        ("AveragePool <kernel_shape = [2, 2], dilations = [2, 1]> (c)", "unlike any layer of nnfw"),
        ("BatchNormalization <training_mode = 1> (c, D, D, D, D)", "is in training, or along an axis of"),
        ("Flatten <axis = 2> (c)", "does not keep samples separate"),
        ("Flatten (c)", "returns the axes NF"),
    ],
)
def test_files_that_are_refused(node, words, path):
    text = f"c = MaxPool <kernel_shape = [1, 1]> (x) y = {node}"
    G = RNG.normal(size=(3, 1, 2, 2)).astype("f4")
    graph_of(path, text, "float[N, 3, 6, 7] x", W=W2, G=G, D=np.ones(3, "f4"))
    with pytest.raises(LoadError, match=words):
        from_onnx(path)
