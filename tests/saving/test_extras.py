"""A file that is enough: what predictions need is saved with the network, comes back, and runs nothing."""

import copy
import datetime
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from saved import contents, rewrite, round_trip, small_network, state_of

from nnfw import GRU, Adam, Checkpoint, Dense, Embedding, Network
from nnfw.core.errors import LoadError
from nnfw.data import LabelEncoder, MinMaxScaler, Preparation, StandardScaler, Vocabulary

X = np.random.default_rng(0).normal(3, 5, size=(12, 2))
NAMES = np.array(["pear", "apple", "fig"] * 4)
DAYS = np.array(["2020-01-01", "2021-05-05"], "M8[D]")


def whole(tmp_path, extras, network=None):
    network = network or small_network()
    network.save(tmp_path / "network", extras=extras)
    return Network.load(tmp_path / "network").extras


def test_a_file_predicts_from_raw_data_to_names(tmp_path):
    scaler, encoder = StandardScaler(), LabelEncoder()
    x, y = scaler.fit_transform(X), encoder.fit_transform(NAMES)
    network = Network([Dense(8, "tanh"), Dense(3, "softmax")], loss="cce", seed=0)
    network.fit(x, y, epochs=3, verbose=0)
    network.save(tmp_path / "n", extras={"scaler": scaler, "classes": encoder, "note": "fruit"})
    assert network.extras == {}
    loaded = Network.load(tmp_path / "n")
    found = loaded.predict_classes(loaded.extras["scaler"].transform(X))
    expected = encoder.inverse_transform(network.predict_classes(x))
    assert loaded.extras["classes"].inverse_transform(found).tolist() == expected.tolist()
    assert loaded.extras["note"] == "fruit"
    assert state_of(loaded) == state_of(network)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(-1, 1)], ids=repr)
def test_scalers(scaler, tmp_path):
    found = whole(tmp_path, {"s": scaler.fit(X)})["s"]
    assert (type(found), repr(found)) == (type(scaler), repr(scaler))
    for name in ("offset", "scale"):
        assert getattr(found, name).tobytes() == getattr(scaler, name).tobytes()
    np.testing.assert_array_equal(
        found.inverse_transform(found.transform(X)), scaler.inverse_transform(scaler.transform(X))
    )


@pytest.mark.parametrize(
    "labels",
    [
        NAMES,
        [3, 1, 2],
        [2.5, -1.0],
        DAYS,
        [True, False],
        [10**30, -1],
        ["a\x00", "b"],
        np.array([b"x", b"y"]),
        ["ä", "€"],
    ],
    ids=repr,
)
@pytest.mark.slow
def test_encoders_of_any_labels(labels, tmp_path):
    encoder = LabelEncoder().fit(labels)
    found = whole(tmp_path, {"e": encoder})["e"]
    assert found.classes.dtype == encoder.classes.dtype
    assert found.classes.tolist() == encoder.classes.tolist()
    assert [type(one) for one in found.classes.tolist()] == [type(one) for one in encoder.classes.tolist()]
    assert found.transform(labels).tolist() == encoder.transform(labels).tolist()


@pytest.mark.parametrize(
    "vocabulary",
    [
        Vocabulary.of_characters("hello"),
        Vocabulary.of_words("To be, or not to be.", unknown="<unknown>", padding=True),
    ],
)
def test_vocabularies(vocabulary, tmp_path):
    network = Network([Embedding(len(vocabulary), 2), GRU(2), Dense(1)], seed=0)
    found = whole(tmp_path, {"v": vocabulary}, network)["v"]
    assert (found.config, found.numbers) == (vocabulary.config, vocabulary.numbers)
    text = vocabulary.decode(range(1, len(vocabulary)))
    assert found.encode(text).tolist() == vocabulary.encode(text).tolist()


def test_plain_values(tmp_path):
    extras = {
        "names": NAMES,
        "array": X.astype("f4"),
        "days": DAYS,
        "list": list(np.unique(NAMES)),
        "nested": {"a": [1, 2.5, None, True], "b": {"c": "d"}, 3: ("x", float("inf"))},
        "number": np.float32(0.5),
        "nothing": None,
        "rule": Adam(0.5),
        "unfitted": LabelEncoder(),
        "ragged": np.array([[1], [2, 3], "x"], object),
        "equal": np.array([None, [1, 2]], object)[1:],
    }
    found = whole(tmp_path, extras)
    assert list(found) == list(extras)
    for name in ("names", "array", "days", "ragged", "equal"):
        assert (found[name].dtype, found[name].shape) == (extras[name].dtype, extras[name].shape)
        assert found[name].tolist() == extras[name].tolist()
    for name in ("list", "nested", "number", "nothing"):
        assert found[name] == extras[name]
    assert repr(found["rule"]) == repr(extras["rule"])
    with pytest.raises(RuntimeError, match="LabelEncoder is not fitted yet"):
        found["unfitted"].transform(["a"])


def test_one_object_under_two_names_stays_one(tmp_path):
    scaler = StandardScaler().fit(X)
    found = whole(tmp_path, {"x": scaler, "y": [scaler]})
    assert found["x"] is found["y"][0]


class Clip(Preparation):
    """A preparation of one's own."""

    learned = ("highest",)

    def __init__(self, share=1.0):
        self.share = share

    def fit(self, data):
        self.highest = float(np.max(data)) * self.share
        return self


def test_ones_own_preparation_is_given_as_custom(tmp_path):
    network = small_network()
    network.extras = {"clip": Clip(0.5).fit(X)}
    with pytest.raises(LoadError, match=re.escape("pass it with Network.load(path, custom={'Clip': Clip})")):
        round_trip(network, tmp_path)
    found = round_trip(network, tmp_path, custom={"Clip": Clip}).extras["clip"]
    assert (type(found), found.share, found.highest) == (Clip, 0.5, network.extras["clip"].highest)


# ---- where they are kept --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_network_keeps_them(tmp_path):
    network = small_network()
    network.extras["scaler"] = StandardScaler().fit(X)
    again = round_trip(round_trip(network, tmp_path), tmp_path)
    assert again.extras["scaler"].offset.tolist() == network.extras["scaler"].offset.tolist()
    assert copy.deepcopy(again).extras.keys() == pickle.loads(pickle.dumps(again)).extras.keys() == {"scaler"}
    assert whole(tmp_path, {"other": 1}, again) == {"other": 1}  # in their place
    assert whole(tmp_path, {}, again) == {}
    assert again.extras.keys() == {"scaler"}


@pytest.mark.slow
def test_a_checkpoint_keeps_them(tmp_path):
    network = Network([Dense(1)], seed=0)
    network.extras = {"scaler": StandardScaler().fit(X)}
    network.fit(X, X[:, 0], epochs=2, callbacks=[Checkpoint(tmp_path / "n")], verbose=0)
    loaded = Network.load(tmp_path / "n")
    loaded.fit(X, X[:, 0], epochs=3, callbacks=[Checkpoint(tmp_path / "n")], resume=True, verbose=0)
    assert (
        Network.load(tmp_path / "n").extras["scaler"].scale.tolist()
        == network.extras["scaler"].scale.tolist()
    )


def test_a_network_within_another_keeps_its_own(tmp_path):
    inner, scaler = Network([Dense(2)]), MinMaxScaler().fit(X)
    inner.extras = {"scaler": scaler, "again": scaler}
    outer = Network([inner, Dense(1)], seed=0)
    outer.extras = {"scaler": StandardScaler().fit(X), "inner": scaler}
    outer.fit(X, X[:, 0], verbose=0)
    loaded = round_trip(outer, tmp_path)
    within = loaded.layers[0].extras
    assert within["scaler"] is within["again"] is loaded.extras["inner"]
    assert (type(within["scaler"]), type(loaded.extras["scaler"])) == (MinMaxScaler, StandardScaler)
    assert within["scaler"].scale.tolist() == scaler.scale.tolist()


def test_the_file_is_read_without_nnfw(tmp_path):
    small_network().save(tmp_path / "n", extras={"scaler": StandardScaler().fit(X)})
    with np.load(tmp_path / "n", allow_pickle=False) as file:
        assert file["extras['scaler'].offset"].tolist() == pytest.approx(X.mean(axis=0).tolist())
    assert not any("pickle" in name for name in zipfile.ZipFile(tmp_path / "n").namelist())


def test_a_file_of_an_earlier_version_has_none():
    path = Path(__file__).parent / "versions" / "0.1.0.npz"
    assert "extras" not in json.loads(contents(path)["description"].tobytes())["state"]
    assert Network.load(path).extras == {}


# ---- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        ([1], r"save: extras must be a dict by name, such as .*, got \[1\] \(list\)"),
        ({1: 2}, "save: extras must be a dict by name"),
        ("scaler", "save: extras must be a dict by name"),
        ({"s": object()}, r"^extras\['s'\]: a object cannot be saved; numbers, strings, lists"),
        ({"s": {"deep": [{1}]}}, r"^extras\['s'\]\['deep'\]\[0\]: a set cannot be saved"),
        (
            {"e": LabelEncoder().fit([datetime.date(2020, 1, 1)])},
            r"^extras\['e'\].classes\[0\]: a date cannot",
        ),
    ],
)
def test_what_cannot_be_saved(extras, said, tmp_path):
    network = small_network()
    network.save(tmp_path / "n")
    before = (tmp_path / "n").read_bytes()
    with pytest.raises(TypeError, match=said):
        network.save(tmp_path / "n", extras=extras)
    assert (tmp_path / "n").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["n"]
    if "must be" in said:
        with pytest.raises(TypeError, match=said.replace("save", "Network")):
            network.extras = extras
    assert network.extras == {}


def forged(path, change):
    arrays = contents(path)
    description = json.loads(arrays["description"].tobytes())
    change(description["state"]["extras"]["dict"][0][1], arrays)
    rewrite(path, arrays | {"description": np.frombuffer(json.dumps(description).encode(), np.uint8)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one, arrays: one["learned"].update(transform=1),
            "it does not learn offset, scale, transform",
        ),
        (lambda one, arrays: one.update({"class": "Loss.MSE"}), "it does not learn offset, scale"),
        (lambda one, arrays: arrays["extras['s'].scale"].__setitem__(0, np.nan), "its scale is not finite"),
        (lambda one, arrays: arrays.pop("extras['s'].scale"), "the array .* is missing"),
        (lambda one, arrays: one.update({"class": "os.system"}), "this nnfw has no os.system"),
        (lambda one, arrays: one["learned"].update(scale={"eval": "1"}), "which is not valid"),
    ],
)
@pytest.mark.slow
def test_a_forged_extra_is_refused(change, said, tmp_path):
    small_network().save(tmp_path / "n", extras={"s": StandardScaler().fit(X)})
    forged(tmp_path / "n", change)
    with pytest.raises(LoadError, match=said):
        Network.load(tmp_path / "n")


@pytest.mark.parametrize("extras", [[], 3, {"dict": [[1, 2]]}, {"array": "dense_1.W"}])
@pytest.mark.slow
def test_forged_extras_are_refused(extras, tmp_path):
    small_network().save(tmp_path / "n")
    arrays = contents(tmp_path / "n")
    description = json.loads(arrays["description"].tobytes())
    description["state"]["extras"] = extras
    rewrite(
        tmp_path / "n", arrays | {"description": np.frombuffer(json.dumps(description).encode(), np.uint8)}
    )
    with pytest.raises(LoadError):
        Network.load(tmp_path / "n")
