"""The layers beside PyTorch's: outputs and gradients in float64, as they are recorded."""

from pathlib import Path

import numpy as np
import pytest
from built import build
from numpy.testing import assert_allclose

from nnfw import (
    GRU,
    GRUD,
    LSTM,
    RNN,
    AttentionPooling,
    AveragePooling1D,
    AveragePooling2D,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    LastStep,
    LayerNorm,
    MaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    MeanPooling,
    SelfAttention,
)

RECORDED = {}
for name in ("layers", "small_layers", "blocks", "grud"):
    with np.load(Path(__file__).parents[1] / "recorded" / f"{name}.npz") as file:
        RECORDED |= dict(file)
SMALL = {
    "embedding": Embedding(9, 6),
    "embedding_masked": Embedding(9, 6, mask=3),
    "embedding_flat": Embedding(9, 6, mask=0),
    "layer_norm": LayerNorm(),
    "layer_norm_in_time": LayerNorm(epsilon=0.3),
    "last": LastStep(),
    "last_with_lengths": LastStep(),
    "mean": MeanPooling(),
    "mean_with_lengths": MeanPooling(),
    "max": MaxPooling(),
    "max_with_lengths": MaxPooling(),
    "conv1d": Conv1D(4, 3),
    "conv1d_strided": Conv1D(4, 2, stride=2, dilation=2),
    "conv1d_same": Conv1D(4, 3, stride=2, padding="same"),
    "conv1d_causal": Conv1D(4, 3, dilation=2, padding="causal"),
    "conv2d": Conv2D(4, 3),
    "conv2d_same": Conv2D(4, (2, 3), padding="same", dilation=(2, 1)),
    "conv2d_strided": Conv2D(4, (3, 2), stride=(2, 3)),
    "max1d": MaxPooling1D(2),
    "max1d_strided": MaxPooling1D(3, 1),
    "average1d": AveragePooling1D(3, 2),
    "max2d": MaxPooling2D(2),
    "max2d_strided": MaxPooling2D((2, 3), (1, 2)),
    "average2d": AveragePooling2D((3, 2), 2),
    "self_attention": SelfAttention(4),
    "self_attention_causal": SelfAttention(4, causal=True),
    "attention_pooling": AttentionPooling(4),
    "grud": GRUD(4, return_sequences=True),
    "grud_last": GRUD(4),
    "grud_reverse": GRUD(4, return_sequences=True, go_backwards=True),
}
# Where the gradients of a case are, with the names of what they begin with.
KINDS = {"grads": ("y", "dy"), "sequence": ("y", "dy"), "last": ("h_last", "dh_last")}


def recorded(case, *folders):
    """Return the arrays of a case, or of a folder in it, by name."""
    prefix = "/".join([case, *folders, ""])
    names = {key.removeprefix(prefix): array for key, array in RECORDED.items() if key.startswith(prefix)}
    return {name: array for name, array in names.items() if "/" not in name}


def layer_of(case, kind):
    """Return the layer of nnfw that a case asks for."""
    params = recorded(case, "params")
    if case in SMALL:
        return SMALL[case]
    if case.startswith("linear"):
        return Dense(params["W"].shape[1])
    H = recorded(case)["h_last"].shape[1]
    settings = {
        "go_backwards": case.endswith("_reverse"),
        "use_bias": "no_bias" not in case,
        "return_sequences": kind == "sequence",
    }
    if case.startswith("lstm"):
        return LSTM(H, **settings)
    if case.startswith("gru"):
        return GRU(H, reset_after=True, **settings)
    return RNN(H, "relu" if "relu" in case else "tanh", **settings)


CASES = {key.partition("/")[0] for key in RECORDED}
CASES = sorted(CASES - {"batch_norm", "batch_norm_in_time"})  # these two: see test_normalization.py
RUNS = [(case, kind) for case in CASES for kind in KINDS if recorded(case, kind)]


def test_every_recorded_case_is_used():
    assert {case for case, _ in RUNS} == set(CASES)
    assert set(SMALL) <= set(CASES)


@pytest.mark.parametrize(("case", "kind"), RUNS)
def test_outputs_and_gradients_are_those_of_pytorch(case, kind):
    arrays, params, gradients = recorded(case), recorded(case, "params"), recorded(case, kind)
    options = {name: arrays[name] for name in ("lengths", "initial_state") if name in arrays}
    x, (y, dy) = arrays["x"].copy(), KINDS[kind]
    if "lengths" in options:
        x[np.arange(x.shape[1]) >= arrays["lengths"][:, None]] = np.nan  # must never be read
    layer = build(layer_of(case, kind), x.shape[1:])
    assert set(params) == set(layer.params)
    for name, p in layer.params.items():
        p[...] = params[name]
    for training in (False, True):
        assert_allclose(layer.forward(x, training, **options), arrays[y], rtol=0, atol=1e-12)
    dx = layer.backward(arrays[dy])
    layer.gradients()
    found = layer.grads | ({"x": dx} if x.dtype.kind == "f" else {})
    if "initial_state" in options:
        found |= {"initial_state": layer.initial_gradient}
    assert set(found) == set(gradients)
    for name, gradient in gradients.items():
        assert_allclose(found[name], gradient, rtol=0, atol=1e-12, err_msg=name)
