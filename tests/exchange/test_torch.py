"""Weights of PyTorch: recorded modules compute the same here, and what does not fit is refused whole."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from alike import for_each
from saved import state_of
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Activate,
    AveragePooling2D,
    BatchNorm,
    Bidirectional,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    LoadError,
    MaxPooling1D,
    Network,
    Reshape,
)
from nnfw.exchange import load_torch, to_torch

RECORDED = dict(np.load(Path(__file__).parents[1] / "recorded" / "torch.npz"))
LENGTHS, SEQUENCES = RECORDED["lengths"], {"return_sequences": True}
NETWORKS = {
    "gru": lambda: [
        Embedding(7, 4, mask=0),
        Bidirectional(GRU(5, reset_after=True, **SEQUENCES)),
        Dropout(0.1),
        Bidirectional(GRU(5, reset_after=True, **SEQUENCES)),
        Network([LayerNorm(), Dense(3)]),
    ],
    "lstm": lambda: [LSTM(4, **SEQUENCES), LSTM(4), Dense(3)],
    "rnn": lambda: [Bidirectional(RNN(4, **SEQUENCES)), Dense(3)],
    "no_bias": lambda: [RNN(4, "relu", use_bias=False), Dense(3, use_bias=False)],
}


def built(case, dtype="float64"):
    shape = (None,) if case == "gru" else (None, 4)
    return untrained(Network(NETWORKS[case](), dtype=dtype, seed=0), *shape)


def state_dict(case):
    start = f"{case}/state/"
    return {name.removeprefix(start): a for name, a in RECORDED.items() if name.startswith(start)}


def reproduces(network, case, tolerance=1e-12):
    y = network.predict(RECORDED[f"{case}/x"], lengths=LENGTHS)
    expected = RECORDED[f"{case}/y"].copy()
    if expected.ndim == 3:
        expected[np.arange(5) >= LENGTHS[:, None]] = 0
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance)


@pytest.fixture(params=NETWORKS)
def case(request):
    return request.param


CHANNELS_FIRST = {
    "steps": lambda: [
        Conv1D(6, 3, padding="same"),
        BatchNorm(),
        Activate("tanh"),
        MaxPooling1D(2),
        Flatten(),
        Dropout(0.5),
        Dense(5, "relu"),
        Dense(3),
    ],
    "images": lambda: [
        Network([Conv2D(3, (3, 2), "relu"), AveragePooling2D(2)]),
        Conv2D(4, 2, dilation=(1, 2), use_bias=False),
        Reshape(-1),
        Dense(3),
    ],
}


@pytest.mark.parametrize("case", CHANNELS_FIRST)
def test_convolutions_and_what_reads_their_outputs_flattened(case):
    x, theirs = RECORDED[f"{case}/x"], state_dict(case)
    network = untrained(Network(CHANNELS_FIRST[case](), dtype="float64", seed=0), *x.shape[1:])
    load_torch(network, theirs)
    np.testing.assert_allclose(network.predict(x), RECORDED[f"{case}/y"], rtol=0, atol=1e-12)
    ours = to_torch(network, like=theirs)
    theirs = {name: a for name, a in theirs.items() if "num_batches" not in name}
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], a) for name, a in theirs.items())


@pytest.mark.parametrize("norm", [BatchNorm, LayerNorm])
def test_what_is_normalized_after_it_is_flattened_has_the_channels_first(norm):
    rng, F = np.random.default_rng(0), 4 * 3
    shapes = {"0.weight": (4, 2, 3), "0.bias": (4,), "2.weight": (F,), "2.bias": (F,)}
    if norm is BatchNorm:
        shapes |= {"2.running_mean": (F,), "2.running_var": (F,)}
    shapes |= {"4.weight": (2, F), "4.bias": (2,)}
    theirs = {name: rng.uniform(0.5, 1.5, shape) for name, shape in shapes.items()}
    layers = [Conv1D(4, 3), Flatten(), norm(), Dropout(0.5), Dense(2)]
    network = untrained(Network(layers, dtype="float64", seed=0), 5, 2)
    load_torch(network, theirs)

    x = rng.normal(size=(6, 5, 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)  # (N, T', D, K)
    y = np.einsum("ntdk,fdk->nft", windows, theirs["0.weight"]) + theirs["0.bias"][:, None]
    y = y.reshape(6, F)  # with the channels first, as nn.Flatten has it
    mean, variance = y.mean(axis=1, keepdims=True), y.var(axis=1, keepdims=True)
    if norm is BatchNorm:
        mean, variance = theirs["2.running_mean"], theirs["2.running_var"]
    y = (y - mean) / np.sqrt(variance + 1e-5) * theirs["2.weight"] + theirs["2.bias"]
    y = y @ theirs["4.weight"].T + theirs["4.bias"]
    np.testing.assert_allclose(network.predict(x), y, rtol=1e-12)
    ours = to_torch(network, like=theirs)
    assert all(np.array_equal(ours[name], a) for name, a in theirs.items())


@pytest.mark.parametrize(
    "between", [[GRU(3, reset_after=True, **SEQUENCES)], [Dense(3)], [Bidirectional(LSTM(3, **SEQUENCES))]]
)
def test_what_has_its_features_last_is_flattened_alike(between):
    network = untrained(Network([Conv1D(2, 2), *between, Flatten(), Dense(4)], seed=0), 5, 3)
    *_, last = [a for name, a in to_torch(network).items() if name.endswith("weight")]
    np.testing.assert_array_equal(last, network.layers[-1].params["W"].T)


class TestRecorded:
    def test_a_state_dict(self, case):
        network = built(case)
        load_torch(network, state_dict(case))
        reproduces(network, case)

    def test_float32(self, case):
        network = built(case, "float32")
        load_torch(network, state_dict(case))
        assert network.dtype == np.float32
        reproduces(network, case, 1e-6)

    def test_a_file_of_torch_save(self, tmp_path):
        (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
        network = Network([Dense(1)])
        network.build((2,))
        with pytest.raises(
            LoadError, match=r"model.pt: it is a file of torch.save: load_torch\(network, torch.load"
        ):
            load_torch(network, tmp_path / "model.pt")

    @pytest.mark.slow
    def test_a_safetensors_file(self, case, tmp_path):
        exchange = pytest.importorskip("safetensors.numpy")
        exchange.save_file(state_dict(case), tmp_path / "weights.safetensors")
        network = built(case)
        load_torch(network, tmp_path / "weights.safetensors")
        reproduces(network, case)

    def test_out_again_under_the_same_names(self, case):
        network, theirs = built(case), state_dict(case)
        load_torch(network, theirs)
        ours = to_torch(network, like=theirs)
        assert {name: a.shape for name, a in ours.items()} == {name: a.shape for name, a in theirs.items()}
        assert all(a.flags.c_contiguous and a.flags.owndata for a in ours.values())
        for name, a in theirs.items():
            if name.startswith("recurrent.bias"):  # nnfw has one bias, but for the candidate of a GRU
                other = name.replace("_ih_", "_hh_") if "_ih_" in name else name.replace("_hh_", "_ih_")
                size = a.size if case != "gru" else 2 * a.size // 3
                expected = a[:size] + theirs[other][:size] if "_ih_" in name else np.zeros(size)
                np.testing.assert_allclose(ours[name][:size], expected, rtol=0, atol=1e-15)
                np.testing.assert_array_equal(ours[name][size:], a[size:])
            else:
                np.testing.assert_array_equal(ours[name], a)

    @pytest.mark.slow
    def test_a_network_and_its_copy(self, case):
        one, other = built(case), built(case)
        load_torch(one, state_dict(case))
        load_torch(other, to_torch(one))
        np.testing.assert_allclose(other.flat_params, one.flat_params, rtol=0, atol=1e-15)


def test_running_statistics_of_a_batch_norm():
    rng = np.random.default_rng(0)
    W, V, (gain, shift, mean) = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=(3, 4))
    x, variance = rng.normal(size=(5, 3)), rng.random(4)
    theirs = {"0.weight": W, "0.bias": np.zeros(4), "1.weight": gain, "1.bias": shift, "1.running_mean": mean}
    theirs |= {
        "1.running_var": variance,
        "1.num_batches_tracked": np.array(7),
        "3.weight": V,
        "3.bias": V[:, 0],
    }
    layers = [Dense(4), BatchNorm(), Activate("tanh"), Dense(2)]
    network = untrained(Network(layers, dtype="float64", seed=0), 3)
    load_torch(network, theirs)
    normalized = (x @ W.T - mean) / np.sqrt(variance + 1e-5)  # 1e-5 is the default of both
    expected = np.tanh(normalized * gain + shift) @ V.T + V[:, 0]
    np.testing.assert_allclose(network.predict(x), expected, rtol=1e-12)
    ours = to_torch(network, like=theirs)
    assert sorted([*ours, "1.num_batches_tracked"]) == sorted(theirs)
    assert all(np.array_equal(a, theirs[name]) for name, a in ours.items())


def test_names_of_the_layers():
    network = Network([GRU(2, reset_after=True, name="encoder"), Dense(1)], seed=0)
    assert list(to_torch(untrained(network, 5, 3))) == [
        *(f"encoder.{a}_{b}_l0" for a in ("weight", "bias") for b in ("ih", "hh")),
        "dense_2.weight",
        "dense_2.bias",
    ]


class TestWhichIsWhich:
    """Two modules of the same shapes, in another order than the layers."""

    def layers(self, first=None, second=None):
        return untrained(Network([Dense(3, name=first), Dense(3, name=second)], seed=0), 3)

    def arrays(self, *modules):
        numbers = iter(range(1, 9))
        return {
            f"{m}.{n}": np.full(s, next(numbers), "f4")
            for m in modules
            for n, s in (("weight", (3, 3)), ("bias", 3))
        }

    def file(self, folder, *modules):
        path = folder / "weights.safetensors"
        pytest.importorskip("safetensors.numpy").save_file(self.arrays(*modules), path)
        return path

    def first_of(self, network):
        return network.layers[0].params["W"][0, 0], network.layers[1].params["W"][0, 0]

    def test_a_state_dict_has_an_order(self):
        network = self.layers()
        load_torch(network, self.arrays("up", "down"))
        assert self.first_of(network) == (1, 3)

    def test_names_go_before_order(self, tmp_path):
        for source in (self.arrays("down", "up"), self.file(tmp_path, "down", "up")):
            network = self.layers("up", "down")
            load_torch(network, source)
            assert self.first_of(network) == (3, 1)

    def test_numbers_in_a_file(self, tmp_path):
        network = self.layers()
        load_torch(network, self.file(tmp_path, "net.2", "net.10"))
        assert self.first_of(network) == (1, 3)

    def test_a_file_that_does_not_say(self, tmp_path):
        network = self.layers()
        before = state_of(network)
        with pytest.raises(LoadError, match=r"down and up have the same shapes.*name='down', or pass"):
            load_torch(network, self.file(tmp_path, "up", "down"))
        assert state_of(network) == before


def without(*names):
    return lambda a: [a.pop(name) for name in names]


REFUSED = [
    (
        without("head.1.weight", "head.1.bias"),
        r"weights of 2 modules \(recurrent.l0, recurrent.l1\), but .* 3 lay",
    ),
    (
        lambda a: a.update({"more.weight": np.ones((2, 2))}),
        r"4 modules .*3 layers with weights \(layer 1, LSTM",
    ),
    (
        lambda a: a.update({"head.1.weight": np.ones((2, 4))}),
        r"layer 3, Dense\(3\): expects .*\(3, 4\).* got .*\(2, 4\)",
    ),
    (
        without("recurrent.bias_ih_l1", "recurrent.bias_hh_l1"),
        r"layer 2, LSTM\(4\): .*same units and use_bias",
    ),
    (
        lambda a: a.update({"norm.in_proj_weight": np.ones(2)}),
        "no layer .*'norm.in_proj_weight'; remove such modules",
    ),
    (lambda a: a.update({"recurrent.weight_hr_l0": np.ones(2)}), "no layer of nnfw has weights like"),
    (lambda a: a.update({"head.1.bias": np.full(3, np.nan)}), "'dense_3.b' has values that are not finite"),
    (lambda a: a.update({"head.1.bias": np.ones(3, "i4")}), "'dense_3.b' is .*int32.*save real numbers"),
]


@for_each(("change", "words"), REFUSED)
def test_what_does_not_fit(change, words):
    network, arrays = built("lstm"), state_dict("lstm")
    before = state_of(network)
    change(arrays)
    with pytest.raises(LoadError, match=words) as caught:
        load_torch(network, arrays)
    assert len(str(caught.value)) < 500
    assert state_of(network) == before


def test_a_file_is_named(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(LoadError, match=r"weights\.safetensors: it is damaged"):
        load_torch(built("lstm"), path)
    header = json.dumps({"l.weight": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(LoadError, match=r"weights\.safetensors: NumPy has no type 'BF16'"):
        load_torch(built("lstm"), path)


FORMS = [
    (GRU(2), r"layer 1, GRU\(2\): PyTorch's GRU resets after .*reset_after=True"),
    (Bidirectional(GRU(2)), r"layer 1, Bidirectional\(GRU\(2\)\): PyTorch's GRU .*reset_after=True"),
    (Bidirectional(LSTM(2, go_backwards=True)), "first half reads backwards.*go_backwards=False"),
    (LSTM(2, "relu"), "no LSTM with these activations; build it with 'tanh' and sigmoid gates"),
    (GRU(2, reset_after=True, recurrent_activation={"r": "hard_sigmoid"}), "no GRU with these activations"),
    (RNN(2, "sigmoid"), "no RNN with these activations; build it with 'tanh' or 'relu'"),
]


@for_each(("layer", "words"), FORMS)
def test_what_pytorch_does_not_have(layer, words):
    network = untrained(Network([layer, Dense(1)], seed=0), 5, 3)
    for call in (to_torch, lambda network: load_torch(network, {})):
        with pytest.raises(ValueError, match=words) as caught:
            call(network)
        assert not isinstance(caught.value, LoadError)


def test_an_own_layer():
    class Gain(Dense):
        pass

    class Other(Layer):
        def compute_shapes(self, input_shape):
            self.add_parameter("g", input_shape[-1:], "ones")
            return input_shape

    assert list(to_torch(untrained(Network([Gain(2), Flatten()]), 3))) == ["gain_1.weight", "gain_1.bias"]
    with pytest.raises(TypeError, match=r"layer 1, Other\(\): PyTorch's names .*copy them by hand"):
        to_torch(untrained(Network([Other()]), 3))


def test_a_network_without_weights():
    for call in (to_torch, lambda network: load_torch(network, {})):
        with pytest.raises(RuntimeError, match="_torch: the network does not know the shape"):
            call(Network([Dense(1)]))


def test_optimizers_begin_anew():
    network = Network([LSTM(4, **SEQUENCES), LSTM(4), Dense(3)], seed=0)
    network.fit(RECORDED["lstm/x"], RECORDED["lstm/y"], verbose=0)
    load_torch(network, state_dict("lstm"))
    assert all(leaf._state is None for leaf in network._leaves())
    assert network.history.epoch == [1]
