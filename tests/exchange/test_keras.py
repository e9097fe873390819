"""Files of Keras 3: recorded models compute the same here, and what does not fit is refused whole."""

import io
import shutil
import sys
import zipfile
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
    AveragePooling1D,
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
    MaxPooling2D,
    Network,
    Reshape,
)
from nnfw.exchange import load_keras

h5py = pytest.importorskip("h5py")
FOLDER = Path(__file__).parents[1] / "recorded"
RECORDED = dict(np.load(FOLDER / "keras.npz"))
FILES = {"masked": FOLDER / "keras_masked.keras", "chain": FOLDER / "keras_chain.weights.h5"}
FILES["images"] = FOLDER / "keras_images.weights.h5"
SEQUENCES = {"return_sequences": True}
SHAPES = {"masked": (None,), "chain": (None, 4), "images": (6, 7, 2)}
LAYERS = {
    "masked": lambda: [
        Embedding(7, 4, mask=0),
        Bidirectional(GRU(3, reset_after=True, **SEQUENCES)),
        LayerNorm(epsilon=1e-3),
        Dropout(0.1),
        LSTM(4),
        Dense(2, "tanh"),
        Dense(3, "softmax"),
    ],
    "chain": lambda: [
        GRU(3, "tanh", "hard_sigmoid", **SEQUENCES),
        Bidirectional(LSTM(2, use_bias=False, **SEQUENCES), "sum"),
        GRU(3, use_bias=False, reset_after=True, **SEQUENCES),
        RNN(4, "relu"),
        Network([Dense(3, "relu"), Dense(2, use_bias=False)]),
        Dense(1),
    ],
    "images": lambda: [
        BatchNorm(epsilon=0.1),
        Conv2D(3, (2, 3), "relu", padding="same"),
        MaxPooling2D(2),
        Conv2D(4, 2, use_bias=False),
        Reshape((4, 4)),
        Conv1D(3, 2, padding="causal", dilation=2),
        AveragePooling1D(2),
        Flatten(),
        Dense(1),
    ],
}


def built(case, dtype="float32"):
    return untrained(Network(LAYERS[case](), dtype=dtype, seed=0), *SHAPES[case])


@for_each("dtype", ["float32", "float64"])
@for_each("case", LAYERS)
@pytest.mark.slow
def test_recorded(case, dtype):
    network = built(case, dtype)
    load_keras(network, FILES[case])
    np.testing.assert_allclose(
        network.predict(RECORDED[f"{case}/x"]), RECORDED[f"{case}/y"], rtol=1e-6, atol=2e-6
    )


def test_every_array_is_used():
    network = built("chain", "float64")
    before = {name: p.copy() for name, p in network.params.items()}
    load_keras(network, FILES["chain"])
    assert all((p != before[name]).all() for name, p in network.params.items())


def test_the_optimizer_begins_anew():
    network = Network(LAYERS["chain"](), seed=0)
    network.fit(RECORDED["chain/x"], RECORDED["chain/y"], verbose=0)
    load_keras(network, FILES["chain"])
    assert all(leaf._state is None for leaf in network._leaves())


class Own(Layer):
    def compute_shapes(self, input_shape):
        self.add_parameter("g", input_shape[-1:], "ones")
        return input_shape


def changed(replace):
    layers = LAYERS["chain"]()
    replace(layers)
    return untrained(Network(layers, seed=0), 5, 4)


def put(place, *others):
    return lambda layers: layers.__setitem__(slice(place, place + 1), others)


REFUSED = [
    (
        put(0, GRU(3, reset_after=True, **SEQUENCES)),
        r"expects gru/cell/vars/2 \(2, 9\), got \(9,\); .*reset_after",
    ),
    (
        put(0, GRU(3, use_bias=False, **SEQUENCES)),
        "it has gru/cell/vars/2, for which the network has no layer",
    ),
    (
        put(2, RNN(3, **SEQUENCES)),
        r"layer 3, RNN\(3\): expects simple_rnn/cell/vars/0 \(2, 3\), got \(3, 4\)",
    ),
    (
        put(5, Dense(2)),
        r"layer 6, Dense\(2\): expects dense/vars/0 \(2, 2\), got \(2, 1\); build the same network",
    ),
    (put(5, Dense(1), Dense(1)), r"layer 7, Dense\(1\): expects dense_1/vars/0 \(1, 1\), got nothing"),
    (put(4, Dense(2)), r"expects dense/vars/0 \(4, 2\), got \(2, 1\)"),
]


@pytest.mark.parametrize(("replace", "words"), REFUSED)
@pytest.mark.slow
def test_what_does_not_fit(replace, words):
    network = changed(replace)
    before = state_of(network)
    with pytest.raises(LoadError, match=words) as caught:
        load_keras(network, FILES["chain"])
    assert str(caught.value).startswith(f"{FILES['chain']}: ")
    assert state_of(network) == before


def test_what_is_not_finite(tmp_path):
    path = tmp_path / "model.weights.h5"
    shutil.copy(FILES["chain"], path)
    with h5py.File(path, "r+") as file:
        file["layers/dense/vars/0"][...] = np.inf
    with pytest.raises(LoadError, match=r"'dense_6.W' has values that are not finite"):
        load_keras(built("chain"), path)


def test_dense_layers_in_an_order_that_is_not_known(tmp_path):
    path = tmp_path / "model.weights.h5"
    shutil.copy(FILES["chain"], path)
    with h5py.File(path, "r+") as file:
        file.move("layers/dense", "layers/time_distributed/layer")  # beside those in the Sequential
    with pytest.raises(LoadError, match=r"expects dense/vars/0 .*got nothing; .*use Dense for both"):
        load_keras(built("chain"), path)


def test_other_files(tmp_path):
    path, network = tmp_path / "model", built("chain")
    path.write_bytes(b"nothing")
    with pytest.raises(LoadError, match="model: it is damaged"):
        load_keras(network, path)
    with h5py.File(path, "w") as file:
        file["dense/kernel"] = np.ones(3)
    with pytest.raises(
        LoadError, match=r"no weights of Keras 3; save it with Keras 3, model.save\('model.keras'\)"
    ):
        load_keras(network, path)
    network.save(path)
    with pytest.raises(LoadError, match=r"it has no model.weights.h5; save it with Keras 3"):
        load_keras(network, path)
    whole = zipfile.ZipFile(io.BytesIO(FILES["masked"].read_bytes()))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", whole.read("model.weights.h5")[:9000])
    with pytest.raises(LoadError, match="model: it is damaged"):
        load_keras(built("masked"), path)


def test_what_keras_does_not_have():
    with pytest.raises(TypeError, match=r"^layer 1, Own\(\): Keras's names .*copy them by hand"):
        load_keras(untrained(Network([Own()]), 3), FILES["chain"])
    with pytest.raises(
        ValueError, match=r"^layer 2, Bidirectional\(LSTM\(2\)\): its first half reads backwards"
    ):
        load_keras(changed(put(1, Bidirectional(LSTM(2, go_backwards=True, **SEQUENCES)))), FILES["chain"])


def test_the_package_is_named_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'nnfw\[keras\]'"):
        load_keras(built("chain"), FILES["chain"])


def test_the_vector_of_the_mask_is_0():
    network = built("masked")
    load_keras(network, FILES["masked"])
    E = network.params["embedding_1.E"]
    assert (E[0] == 0).all()
    assert (E[1:] != 0).all()
