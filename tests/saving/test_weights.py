"""Parameters go out to a safetensors file and come in again, all or none."""

import json
import struct
import sys

import numpy as np
import pytest
from overnight import X, new_network, train
from saved import bits, state_of
from untrained import untrained

from nnfw import GRU, Dense, Layer, LoadError, Network
from nnfw.saving import load_weights, save_weights

exchange = pytest.importorskip("safetensors.numpy")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def built(**options):
    return untrained(Network([GRU(4), Dense(3)], **options), *X.shape[1:])


class TestRoundTrip:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_gives_the_same_bits(self, dtype, path):
        one, other = built(dtype=dtype), built(dtype=dtype)
        save_weights(one, path)
        load_weights(other, path)
        assert bits(one.predict(X)) == bits(other.predict(X))

    def test_is_read_by_the_package_itself(self, path):
        network = built()
        save_weights(network, path)
        arrays = exchange.load_file(path)
        assert {name: bits(a) for name, a in arrays.items()} == {
            name: bits(np.ascontiguousarray(p)) for name, p in network.params.items()
        }

    def test_of_a_single_number(self, path):
        class Shift(Layer):
            def compute_shapes(self, input_shape):
                self.add_parameter("s", (), "normal")
                return input_shape

        one, other = (untrained(Network([Dense(1), Shift()], seed=seed), 2) for seed in (0, 1))
        save_weights(one, path)
        load_weights(other, path)
        np.testing.assert_array_equal(other.flat_params, one.flat_params)

    def test_from_another_precision(self, path):
        one, other = built(dtype="float64"), built()
        save_weights(one, path)
        load_weights(other, path)
        np.testing.assert_array_equal(other.params["dense_2.W"], one.params["dense_2.W"].astype("float32"))

    @pytest.mark.slow
    def test_optimizers_begin_anew_and_the_history_stays(self, path):
        network = train(new_network())
        save_weights(network, path)
        load_weights(network, path)
        assert all(leaf._state is None for leaf in network._leaves())
        assert network._training_state is None
        assert network.history.epoch == [1, 2, 3, 4, 5, 6]


BREAKS = [
    (lambda a: a.pop("gru_1.Wx_z"), "the parameter 'gru_1.Wx_z' is missing.*or rename its arrays as in"),
    (lambda a: a.update({"gru_1.wx_z": a.pop("gru_1.Wx_z")}), r"'gru_1.Wx_z' is missing\. Did you mean"),
    (
        lambda a: a.update(more=np.ones(2)),
        r"'more', which is not a parameter of the network\. Load it into a network",
    ),
    (
        lambda a: a.update({"dense_2.b": np.ones(4, "f4")}),
        r"is \(4,\) of float32, .* expects \(3,\) of .*sizes",
    ),
    (lambda a: a.update({"dense_2.b": np.ones(1, "f4")}), r"'dense_2.b' is \(1,\) of float32"),
    (lambda a: a.update({"dense_2.W": np.ones((3, 4), "f4")}), r"is \(3, 4\) .*; save its transpose"),
    (lambda a: a.update({"dense_2.b": np.ones(3, "i4")}), "of int32, but the network expects.*real numbers"),
    (lambda a: a.update({"dense_2.b": np.array([0, np.nan, 1])}), "not finite in float32; save them before"),
    (lambda a: a.update({"dense_2.b": np.array([0, 1e99, 1])}), "not finite in float32; .* dtype='float64'"),
]


class TestAllOrNothing:
    @pytest.mark.parametrize(("change", "message"), BREAKS)
    def test_what_does_not_fit(self, change, message, path):
        network = built(seed=0)
        before = state_of(network)
        arrays = {name: np.ascontiguousarray(p) + 1 for name, p in network.params.items()}
        change(arrays)
        exchange.save_file(arrays, path)
        with pytest.raises(LoadError, match=message) as caught:
            load_weights(network, path)
        assert str(caught.value).startswith(f"{path}: ")
        assert state_of(network) == before

    def test_what_is_broken(self, path):
        network, rng = built(seed=0), np.random.default_rng(0)
        save_weights(network, path)
        before, whole = state_of(network), path.read_bytes()
        for length in rng.integers(len(whole), size=30):
            path.write_bytes(whole[:length])
            with pytest.raises(LoadError):
                load_weights(network, path)
        path.write_bytes(b"hello")
        with pytest.raises(LoadError, match="damaged, cut short"):
            load_weights(network, path)
        assert state_of(network) == before

    def test_numbers_that_numpy_does_not_have(self, path):
        header = json.dumps({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        with pytest.raises(LoadError, match="no type 'BF16'; convert the arrays to F32"):
            load_weights(built(), path)

    def test_old_file_stays_when_writing_fails(self, path, monkeypatch):
        network = built()
        save_weights(network, path)
        before = path.read_bytes()
        monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            save_weights(built(), path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    def test_network_without_weights(self, path):
        network = Network([Dense(3)])
        for name, verb in (("save_weights", save_weights), ("load_weights", load_weights)):
            with pytest.raises(RuntimeError, match=f"^{name}: the network does not know the shape"):
                verb(network, path)
            with pytest.raises(TypeError, match=f"^{name}: network must be a Network, got "):
                verb(path, network)
        network.compute_shapes((2,))
        for name, verb in (("save_weights", save_weights), ("load_weights", load_weights)):
            with pytest.raises(RuntimeError, match=rf"^{name}: .* no weights yet in layer 1, Dense\(3\)"):
                verb(network, path)
        assert not path.exists()

    def test_package_is_named_if_it_is_missing(self, path, monkeypatch):
        monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
        with pytest.raises(ImportError, match=r"pip install 'nnfw\[safetensors\]'"):
            save_weights(built(), path)
        assert not path.exists()
