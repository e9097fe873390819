"""Whole models of Keras 3 against recorded outputs; what nnfw does not have is refused by its name."""

import io
import json
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, Dense, Embedding, LayerNorm, MaxPooling, MeanPooling, Network, initializers
from nnfw.core.errors import LoadError
from nnfw.exchange import load_keras, network_from_keras

pytest.importorskip("h5py")
FOLDER = Path(__file__).parents[1] / "recorded"
RECORDED = dict(np.load(FOLDER / "keras.npz"))
FILES = {case: FOLDER / f"keras_{case}.keras" for case in ("masked", "layers", "channels", "steps")}


def model_of(case):
    with zipfile.ZipFile(FILES[case]) as archive:
        return json.loads(archive.read("config.json"))


# ---- recorded models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("of", [str, Path])
@pytest.mark.slow
def test_recorded(case, of):
    network = network_from_keras(of(FILES[case]))
    found = network.predict(RECORDED[f"{case}/x"])
    np.testing.assert_allclose(found, RECORDED[f"{case}/y"], rtol=0, atol=2e-6)
    assert network._penalty() == pytest.approx(RECORDED[f"{case}/losses"], rel=1e-6)


@pytest.mark.parametrize("case", FILES)
@pytest.mark.slow
def test_a_config_is_the_model_without_its_weights(case):
    model, network = model_of(case), network_from_keras(FILES[case])
    for given in (model, model["config"], json.dumps(model), "\n " + json.dumps(model)):
        found = network_from_keras(given)
        assert repr(found.layers) == repr(network.layers)
        assert found.shapes == network.shapes
        assert found.loss.__class__ is network.loss.__class__
        found.predict(RECORDED[f"{case}/x"])
        load_keras(found, FILES[case])
        np.testing.assert_array_equal(found.flat_params, network.flat_params)


def test_the_layers_say_all_that_keras_says():
    _, noise, both, lstm, frozen, inner, _, rnn, *_, last = network_from_keras(FILES["layers"]).layers
    assert repr(noise) == "GaussianNoise(0.1, name='gaussian_noise')"
    assert (both.merge, both.layer.reset_after, both.layer.return_sequences) == ("ave", True, True)
    assert set(both.regularizer) == {"ahead.Wx", "back.Wx"}
    assert (lstm.activation.name, lstm.forget_bias, lstm.recurrent_activation.name) == (
        "softsign",
        0.0,
        "sigmoid",
    )
    assert repr(frozen.initializer) == "Uniform(low=-0.1, high=0.2)"
    assert (frozen.trainable, last.trainable) == (False, True)
    assert isinstance(inner, Network)
    assert [type(layer) for layer in inner.layers] == [Dense, LayerNorm]
    assert inner.layers[1].epsilon == 1e-3
    assert (rnn.go_backwards, rnn.recurrent_dropout) == (True, 0.1)
    assert repr(last.bias_initializer) == "Constant(value=0.5)"


def test_convolutions_and_their_neighbours():
    conv, norm, activate, pool, _, filters, mean, *_, repeat, _ = network_from_keras(FILES["channels"]).layers
    assert (conv.kernel_size, conv.stride, conv.dilation, conv.padding) == (3, 1, 2, "causal")
    assert repr(conv.regularizer) == "{'W': [L2(strength=0.02)]}"
    assert (norm.rate, norm.epsilon) == (pytest.approx(0.2), 1e-3)
    assert (activate.activation.name, pool.pool_size, pool.stride) == ("silu", 2, 1)
    assert (filters.kernel_size, filters.stride) == ((2, 3), (2, 1))
    assert repr(filters.regularizer) == "{'W': [MaxNorm(limit=0.5)]}"
    assert (mean.pool_size, mean.stride, repeat.steps) == ((1, 2), 1, 3)


def test_a_dense_layer_of_each_step():
    _, first, inner, last = network_from_keras(FILES["steps"]).layers
    assert repr(first) == "Dense(4, activation='relu', use_bias=False, name='each_step')"
    assert (inner.layers[0].trainable, last.trainable) == (False, True)
    frozen = keras("Dense", units=3, trainable=False)
    assert not read(keras("TimeDistributed", trainable=True, layer=frozen)).layers[0].trainable


def test_it_trains_on():
    network = network_from_keras(FILES["layers"])
    assert type(network.loss).__name__ == "BinaryCrossentropy"
    before = network.flat_params.copy()
    frozen = network.layers[4].params["W"].copy()
    network.fit(RECORDED["layers/x"], [0, 1, 1], epochs=2, verbose=0)
    assert (network.flat_params != before).any()
    assert (network.layers[4].params["W"] == frozen).all()
    assert type(network_from_keras(FILES["masked"]).loss).__name__ == "CategoricalCrossentropy"


# ---- configs by hand ------------------------------------------------------------------------------------


def keras(kind, **config):
    return {"class_name": kind, "config": config}


def start(*shape):
    return keras("InputLayer", batch_shape=[None, *shape])


def read(*layers, **others):
    return network_from_keras({"layers": list(layers), **others})


def initializer(kind, **config):
    return {"kernel_initializer": keras(kind, seed=None, **config)}


def test_a_model_that_is_not_built_is_left_so():
    network = read(keras("Dense", units=3), keras("Dense", units=1))
    assert (network.shapes, network.size) == ([], 0)
    assert read(start(4), keras("Dense", units=3)).params["dense_1.W"].shape == (4, 3)
    assert read(keras("Dense", units=3), build_input_shape=(None, 4)).params["dense_1.W"].shape == (4, 3)


@for_each(
    ("given", "expected"),
    [
        (initializer("GlorotNormal", input_axes=None), "GlorotNormal()"),
        (initializer("HeUniform"), "HeUniform()"),
        (initializer("RandomNormal", mean=0.5, stddev=0.2), "Normal(std=0.2, mean=0.5)"),
        (initializer("TruncatedNormal", mean=0.0, stddev=0.2), "TruncatedNormal(std=0.2)"),
        (initializer("Orthogonal", gain=2.0), "Orthogonal(gain=2.0)"),
        (initializer("Ones"), "Ones()"),
    ],
)
def test_initializers(given, expected):
    made = read(keras("Dense", units=3, **given)).layers[0].initializer
    assert repr(made) == expected
    assert isinstance(made, initializers.Initializer)


REFUSED = [
    (
        [keras("Conv3D", name="conv", filters=3)],
        "layer 1, Conv3D 'conv': nnfw has no Conv3D; it has Activation, ",
    ),
    (
        [start(4), keras("Dense", units=1), keras("BatchNormalization", scale=False)],
        "layer 2, BatchNormalization '': nnfw has no scale=False",
    ),
    ([keras("Conv1D", filters=2, kernel_size=[3], groups=2)], "nnfw has no groups=2"),
    ([keras("Conv2D", filters=2, kernel_size=[3, 3], data_format="channels_first")], "no data_format"),
    (
        [keras("Conv1D", filters=2, kernel_size=[3], padding="same", strides=[2])],
        "with strides and padding='same' Keras pads by the size of the input; use 'valid'",
    ),
    ([keras("MaxPooling1D", pool_size=[2], strides=[1], padding="same")], "nnfw has no padding='same'"),
    (
        [keras("Conv1D", filters=2, kernel_size=[3], kernel_constraint=keras("MaxNorm", max_value=1))],
        r"no constraint MaxNorm; build it with MaxNorm, axis=\[0, 1\]",
    ),
    ([keras("Masking", mask_value=0.0)], "nnfw has no Masking; remove it, and pass lengths= to fit"),
    (
        [keras("TimeDistributed", layer=keras("Conv1D"))],
        r"no TimeDistributed; for TimeDistributed\(Dense\) use Dense, which applies to each step",
    ),
    ([keras("Dense", units=3, activation="relu6")], "nnfw has no activation='relu6'; it has elu, gelu"),
    ([keras("Dense", units=3, activation=keras("LeakyReLU"))], "nnfw has no activation={'class_name'"),
    ([keras("GRU", units=3, recurrent_activation="mish")], "nnfw has no recurrent_activation='mish'"),
    (
        [keras("Dense", units=3, **initializer("VarianceScaling"))],
        "nnfw has no kernel_initializer=VarianceScaling",
    ),
    (
        [keras("Dense", units=3, activity_regularizer=keras("L2"))],
        "nnfw has no activity_regularizer='L2'; build",
    ),
    ([keras("Dense", units=3, bias_regularizer=keras("L2"))], "nnfw has no bias_regularizer='L2'"),
    ([keras("Dense", units=3, kernel_regularizer=keras("Own"))], "nnfw has no regularizer Own"),
    ([keras("Dense", units=3, kernel_constraint=keras("NonNeg"))], "nnfw has no constraint NonNeg"),
    ([keras("Dense", units=3, kernel_constraint=keras("MaxNorm", max_value=1, axis=1))], "MaxNorm, axis=0"),
    ([keras("GRU", units=3, stateful=True)], "nnfw has no stateful=True; build it without"),
    ([keras("GRU", units=3, return_state=True)], "nnfw has no return_state=True"),
    (
        [keras("GRU", units=3, go_backwards=True, return_sequences=True)],
        "the steps in reverse, nnfw in input",
    ),
    ([keras("Dropout", rate=0.1, noise_shape=[None, 1, 3])], r"nnfw has no noise_shape=\[None, 1, 3\]"),
    ([keras("LayerNormalization", axis=[1])], r"nnfw has no axis=\[1\]"),
    ([keras("LayerNormalization", center=False)], "nnfw has no center=False"),
    ([keras("LayerNormalization", rms_scaling=True)], "nnfw has no rms_scaling=True"),
    ([keras("Dense", units=-3)], "layer 1, Dense '': Dense: units must be at least 1, got -3"),
    (
        [keras("Sequential", name="inner", layers=[keras("Conv3D")])],
        "layer 1, Sequential 'inner': layer 1, Conv3D",
    ),
    ([], "Network"),
]


@for_each(("layers", "words"), REFUSED)
def test_what_nnfw_does_not_have(layers, words):
    with pytest.raises(ValueError, match=words) as caught:
        read(*layers)
    assert len(str(caught.value)) < 500


def both(merge="concat", first=(), second=(), kind="GRU"):
    ahead = {"name": "a", "units": 3, "return_sequences": True, "go_backwards": False, **dict(first)}
    back = {**ahead, "name": "b", "go_backwards": True, **dict(second)}
    layer, backward = keras("GRU", **ahead), keras(kind, **back)
    return keras("Bidirectional", merge_mode=merge, layer=layer, backward_layer=backward)


@for_each(
    ("described", "words"),
    [
        (
            both(second={"units": 4}),
            r"its layers are GRU\(3, .* and, turned around, GRU\(4, .*requires equal ones",
        ),
        (both(second={"go_backwards": False}), "with go_backwards Keras returns"),
        (both(kind="LSTM"), r"its layers are GRU\(3, .* LSTM\(3"),
        (both(merge=None), "Bidirectional: merge must be one of 'concat', 'sum', 'mul', 'ave', got None"),
        (both(first={"activation": "mish"}), "nnfw has no activation='mish'"),
    ],
)
def test_directions_that_are_not_alike(described, words):
    assert isinstance(read(start(None, 2), both()).layers[0].layer, GRU)
    with pytest.raises(LoadError, match=f"^layer 1, Bidirectional '': {words}"):
        read(described)


def test_masked_steps():
    masked = keras("Embedding", input_dim=5, output_dim=2, mask_zero=True)
    plain = keras("Embedding", input_dim=5, output_dim=2, mask_zero=False)
    pool = keras("MaxPooling1D", pool_size=[2], strides=[2])  # Keras drops the mask there
    for layer in (keras("GlobalMaxPooling1D"), keras("Flatten"), pool):
        for last in (layer, keras("Sequential", layers=[layer])):
            with pytest.raises(
                LoadError, match="Keras includes masked steps in it; build the Embedding without"
            ):
                read(start(4), masked, last)
        read(start(4), plain, layer)
    found = read(start(None), masked, keras("GlobalAveragePooling1D")).layers
    assert [type(layer) for layer in found] == [Embedding, MeanPooling]
    assert type(read(start(4), plain, keras("GlobalMaxPooling1D")).layers[1]) is MaxPooling


def of_one(kind, **config):
    return {"layers": [keras(kind, name="one", **config)]}


@for_each(
    ("given", "words"),
    [
        (
            {"class_name": "Functional", "config": {}},
            "not a Sequential: nnfw has no Functional; for a chain use keras.Seq",
        ),
        ({"name": "dense", "units": 3}, "the config is not that of a Sequential"),
        ({"layers": [{"units": 3}]}, "^layer 1: expects a class_name and a config, got {'units': 3}"),
        (keras("Sequential", layers=[keras(["Dense"])]), "^layer 1: expects a class_name and a config"),
        (keras(["Sequential"]), r"not a Sequential: nnfw has no \['Sequential'\]"),
        (
            of_one("Bidirectional", layer={}),
            "^layer 1, Bidirectional 'one': its config has no 'backward_layer'",
        ),
        (of_one("TimeDistributed"), "^layer 1, TimeDistributed 'one': its config has no 'layer'"),
        (of_one("Dense", units=2, kernel_initializer={}), "^layer 1, Dense 'one': .* has no 'class_name'"),
        (
            of_one("Dense", units=2, kernel_initializer=keras("Ones") | {"config": []}),
            "^layer 1, Dense 'one': ",
        ),
        ({"layers": [{"class_name": "Dense"}]}, "^layer 1: expects a class_name and a config"),
        ({"layers": [start(2, 3, 4), keras("Dense", units=2)]}, r"^layer 1, Dense\(2\): expects .*2, 3, 4\)"),
        ({"layers": [start("x")]}, "the config is not that of a Sequential.*layer"),
        ({"layers": [start("x"), keras("Dense", units=2)]}, "the config is not .* whole number, got 'x'"),
        ({"layers": 3}, "the config is not that of a Sequential"),
        ("{}", "the config is not that of a Sequential"),
    ],
)
def test_what_is_no_config(given, words):
    with pytest.raises(LoadError, match=words):
        network_from_keras(given)


# ---- files ----------------------------------------------------------------------------------------------


def altered(path, **entries):
    whole = zipfile.ZipFile(io.BytesIO(FILES["layers"].read_bytes()))
    with zipfile.ZipFile(path, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, entries.get(name.partition(".")[0], whole.read(name)))
    return path


def test_other_files(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(FileNotFoundError):
        network_from_keras(path)
    path.write_bytes(b"nothing")
    with pytest.raises(LoadError, match=r"model.keras: it has no config; save it with Keras 3, model.save\("):
        network_from_keras(path)
    with pytest.raises(LoadError, match=r"model.keras: it is damaged"):
        network_from_keras(altered(path, config="{"))
    unbuilt = json.dumps(keras("Sequential", layers=[keras("Dense", units=3)]))
    with pytest.raises(
        LoadError, match=r"model.keras: it has no weights, as the model was saved before it was"
    ):
        network_from_keras(altered(path, config=unbuilt))
    strange = json.dumps(keras("Sequential", layers=[start(4), keras("Conv3D", name="c")]))
    with pytest.raises(LoadError, match=r"model.keras: layer 1, Conv3D 'c': nnfw has no Conv3D"):
        network_from_keras(altered(path, config=strange))
    other = json.dumps(keras("Sequential", layers=[start(4), keras("Dense", units=3)]))
    with pytest.raises(LoadError, match=r"model.keras: .*expects dense/vars/0 \(4, 3\), got"):
        network_from_keras(altered(path, config=other))
    with pytest.raises(TypeError, match=re.escape("network_from_keras: path must be the path of a file")):
        network_from_keras(3)


def test_the_package_is_named_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'nnfw\[keras\]'"):
        network_from_keras(FILES["layers"])
    assert network_from_keras(model_of("layers")).size
