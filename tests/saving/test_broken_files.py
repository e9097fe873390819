"""A file that is damaged, forged or foreign is refused with what is wrong, and runs nothing."""

import functools
import json
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
from fuzz import Trial, damage, forge
from saved import contents, rewrite, small_network, state_of

from nnfw import Network
from nnfw.core.errors import LoadError
from nnfw.saving import load_weights, save_weights

NETWORK = small_network()
STATE = state_of(NETWORK)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "network"
    NETWORK.save(path)
    return path.read_bytes()


@pytest.fixture
def path(saved, tmp_path):
    """The file of `NETWORK`."""
    (tmp_path / "network").write_bytes(saved)
    return tmp_path / "network"


def refuse(path, message):
    with pytest.raises(LoadError, match=message) as caught:
        Network.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 500 + len(str(path))


# --- damage ------------------------------------------------------------------------------------------------


class TestDamage:
    @pytest.mark.slow
    def test_any_flipped_bit(self, path):
        rng, whole, messages = np.random.default_rng(0), path.read_bytes(), []
        assert len(whole) < 8_000
        for place in rng.choice(len(whole), 300, replace=False):
            broken = bytearray(whole)
            broken[place] ^= 1 << rng.integers(8)
            path.write_bytes(broken)
            try:
                loaded = Network.load(path)
            except LoadError as error:
                messages.append(str(error))
            else:
                assert state_of(loaded) == STATE  # a date, or another field that nobody reads
        assert len(messages) > 200
        assert all(m.startswith(f"{path}: ") and len(m) < 500 + len(str(path)) for m in messages)

    @pytest.mark.slow
    def test_any_truncation(self, path):
        whole = path.read_bytes()
        for length in {0, 1, 2, 4, 30, *range(0, len(whole), 97), len(whole) - 1}:
            path.write_bytes(whole[:length])
            refuse(path, "it is damaged, cut short|it is not a network saved by nnfw")


# --- forgeries: a valid archive whose content was changed --------------------------------------------------


def redraw(path, change):
    rewrite(path, change(contents(path)))


def redescribe(path, change):
    def altered(arrays):
        description = json.loads(arrays["description"].tobytes())
        change(description)
        return arrays | {"description": np.frombuffer(json.dumps(description).encode(), np.uint8)}

    redraw(path, altered)


ARRAYS = [
    ("dense_1.W", lambda a: None, "the array 'dense_1.W' is missing"),
    ("dense_2.optimizer.momentum", lambda a: None, "the array 'dense_2.optimizer.momentum' is missing"),
    ("description", lambda a: None, "not a network saved by nnfw: it lacks the description"),
    ("dense_3.W", lambda a: np.ones(3), "the array 'dense_3.W', which is not part of the network"),
    ("dense_1.W", lambda a: a[:1], r"'dense_1.W' is \(1, 2\) of float32, but .* expects \(2, 2\) of float32"),
    ("dense_1.b", lambda a: a.astype("f8"), r"'dense_1.b' is \(2,\) of float64, .* \(2,\) of float32"),
    ("dense_1.b", lambda a: a.astype(">f4"), r"of >f4, but the network expects \(2,\) of float32"),
    ("dense_1.b", lambda a: a.astype("U"), "'dense_1.b' is .* of <U32, but the network expects"),
    ("dense_1.optimizer.velocity", lambda a: a[1:], r"velocity' is \(5,\) of float32, .* expects \(6,\)"),
    ("dense_1.optimizer.velocity", lambda a: a.astype("f8"), r"velocity' is \(6,\) of float64"),
    ("dense_1.optimizer.velocity", lambda a: -a, r"state of Adam for .*Dense\(2\) has an invalid 'velocity'"),
    ("dense_1.optimizer.velocity", lambda a: a * np.inf, "invalid 'velocity'"),
    ("dense_2.optimizer.momentum", lambda a: a * np.nan, "invalid 'momentum'"),
]
TEXTS = [
    (
        '"version": 1',
        '"version": 2',
        r"it has format 2, written by .*nnfw reads formats up to 1; install a newer",
    ),
    ('"version": 1', '"version": 0', "version must be at least 1"),
    ('"version": 1', '"version": "1"', "version must be a whole number"),
    ("nnfw network", "other network", "not a network saved by nnfw"),
    ("Layer.Dense", "Layer.Flux", "this nnfw has no Layer.Flux; a newer version may have it"),
    ("Layer.Dense", "os.system", "this nnfw has no os.system"),
    ("Layer.Dense", "Loss.MSE", "MSE cannot be built .*MSE has no argument 'units'"),
    ("Layer.Dense", "Schedule.Schedule", "Schedule cannot be built"),
    ("Layer.Network", "Layer.Dense", "Dense cannot be built"),
    ('"units": 2', '"units": -2', "Dense cannot be built .*units must be at least 1, got -2"),
    ('"units": 2', '"size": 2', "Dense cannot be built .*no argument 'size'"),
    ('"units": 2', f'"units": {10**15}', r"its layers have the shapes .*000,\), .* were saved"),
    ('"seed": 1', '"seed": NaN', "Network cannot be built .*seed must be a whole number"),
    ('"seed": 1', '"seed": {"eval": "1"}', "'eval': '1'}, which is not valid"),
    ('"seed": 1', '"seed": {"same": 999}', "IndexError"),
    ('"seed": 1', '"seed": {"array": "dense_1.b"}', "Network cannot be built .*seed must be a whole number"),
    ('"seed": 1', '"seed": ' + "[" * 9000 + "]" * 9000, "RecursionError"),
    ('"seed": 1', '"seed": {"custom": "system"}', "it needs 'system', which is not part of nnfw"),
    ('{"dtype": "float32"}', '{"dtype": "V9999999999"}', "which is not valid"),
    ('null, "trainable": true}}', 'null, "trainable": 7}}', "Network cannot be built .*True or False"),
    ('null, "trainable": true}}', 'null, "units": 7}}', "Network cannot be built .*units"),
    ('"built": true', '"built": 7', "built must be True or False"),
    ('"epoch": [1, 2]', '"epoch": [1]', "its history does not have one number per epoch"),
    ('"restored": null', '"restored": 3', "its history has no epoch 3, which is given as restored"),
    ('"start": 0', '"start": -1', "start must be at least 0"),
    ("[9, 32, true, false, null, null]", "[9, 0, true, false, null, null]", "batch_size must be at least 1"),
    (
        "[9, 32, true, false, null, null]",
        '[9, 32, true, false, "all", null]',
        "truncate must be a whole number",
    ),
    ("[9, 32, true, false, null, null]", "[9, 32, true, false, null, null, 1]", "positional arguments"),
    ('"memories": []', '"memories": [["1. EarlyStopping()", ["best"]]]', "sequence element"),
    ('"shuffle": null, "sums": null', '"shuffle": {}, "sums": 1', "PCG64"),
    ('"PCG64"', '"MT19937"', "PCG64"),
    ('"steps": 2', '"steps": -2', "steps must be at least 0"),
    ('"steps": 2', '"bricks": 2', "KeyError: 'steps'"),
    ('"steps": 2', f'"steps": {10**400}', "OverflowError"),
    ('"start": 0', f'"start": {10**400}', "OverflowError"),
    ('"epoch": [1, 2]', '"epoch": [1, "2"]', "epoch must be a whole number"),
    ('"epoch": [1, 2]', f'"epoch": [1, {10**400}]', "OverflowError"),
    ('"mae": [', '"mae": ["low", ', "not have one number per epoch"),
    ('"learning_rate": [0.001, ', '"learning_rate": ["low", ', "not have one number per epoch"),
    ('"scalars": {"dict": []}', '"scalars": {"dict": [["decay", 0.5]]}', "state of Adam .* invalid 'decay'"),
    ('"scalars": {"dict": []}', '"scalars": {"dict": [["t", {"float": "inf"}]]}', "invalid 't'"),
    ('"slots": ["momentum", "velocity"]', '"slots": ["momentum"]', "invalid 'velocity'"),
    ('"slots": ["momentum", "velocity"]', '"slots": ["momentum", "mass"]', "optimizer.mass' is missing"),
]
DESCRIPTIONS = [
    (b"", "lacks the description"),
    (b"[]", "lacks the description"),
    (b"{", "JSONDecodeError"),
    (b'"\xff"', "UnicodeDecodeError"),
    (b"[" * 100_000, "RecursionError"),
    (b'{"format": "nnfw network", "version": 1}', "KeyError: 'network'"),
]


class TestForgeries:
    def test_without_a_change_is_the_same_network(self, path):
        redraw(path, lambda arrays: arrays)
        assert state_of(Network.load(path)) == STATE

    @pytest.mark.slow
    def test_checksum_of_an_earlier_file_is_ignored(self, path):
        redraw(path, lambda arrays: arrays | {"sha256": np.zeros(32, np.uint8)})
        assert state_of(Network.load(path)) == STATE

    @pytest.mark.parametrize(("name", "change", "message"), ARRAYS)
    def test_of_arrays(self, name, change, message, path):
        def altered(arrays):
            arrays = arrays | {name: change(arrays.get(name))}
            return {name: array for name, array in arrays.items() if array is not None}

        redraw(path, altered)
        refuse(path, message)

    @pytest.mark.parametrize(("old", "new", "message"), TEXTS)
    def test_of_the_description(self, old, new, message, path):
        def altered(arrays):
            text = arrays["description"].tobytes().decode()
            assert old in text
            return arrays | {"description": np.frombuffer(text.replace(old, new).encode(), np.uint8)}

        redraw(path, altered)
        refuse(path, message)

    @pytest.mark.parametrize(("text", "message"), DESCRIPTIONS)
    def test_instead_of_the_description(self, text, message, path):
        redraw(path, lambda arrays: arrays | {"description": np.frombuffer(text, np.uint8)})
        refuse(path, message)

    def test_layers_that_ask_for_more_memory_than_there_is(self, path):
        def altered(description):
            description["network"]["config"]["layers"][0]["config"]["units"] = 10**15
            description["state"]["shapes"][1]["tuple"] = [10**15]

        redescribe(path, altered)
        refuse(path, rf"'dense_1.W' is \(2, 2\) of float32, but the network expects \(2, {10**15}\)")

    def test_state_of_an_optimizer_that_was_replaced_is_kept(self, path):
        """The next update discards it, but for its numbers nothing is known of it."""
        network = small_network()
        network.optimizer = "sgd"
        network.save(path)
        assert state_of(Network.load(path)) == state_of(network)
        redraw(path, lambda arrays: arrays | {"dense_1.optimizer.velocity": np.full(6, np.nan, "f4")})
        refuse(path, "the state of Adam for .* has an invalid 'velocity'")

    def test_fit_that_stands_inside_a_batch(self, path):
        """Earlier versions could resume between two windows of a batch, and kept the state of the layers."""

        def interrupted(window, state):
            kept = {"window": window, "state": state}
            redescribe(path, lambda description: description["state"]["standing"].update(kept))

        interrupted(0, None)
        assert state_of(Network.load(path)) == STATE
        interrupted(3, [None, None])
        refuse(path, "stopped inside a batch, from where it can no longer be resumed")

    def test_names_of_any_length_make_no_long_message(self, path):
        def altered(description):
            description["state"]["layers"][0]["slots"] = ["velocity" * 1000]

        redescribe(path, altered)
        with pytest.raises(
            LoadError, match=r"the array 'dense_1.optimizer.velocityvelocity.* \.\.\.$"
        ) as caught:
            Network.load(path)
        assert len(str(caught.value)) < 500 + len(str(path))

    def test_part_in_place_of_the_network(self, path):
        redescribe(
            path, lambda description: description.update(network=description["network"]["config"]["loss"])
        )
        refuse(path, "it holds MSE, not a Network")

    def test_order_in_memory_does_not_matter(self, path):
        rewrite(path, {name: np.asfortranarray(array) for name, array in contents(path).items()})
        assert state_of(Network.load(path)) == STATE


# --- foreign and hostile files -----------------------------------------------------------------------------


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def npy(header, data):
    text = header.encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


HEADERS = [
    f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**15},), }}",
    f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**62}, 4), }}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<V8', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').mkdir('code')",
    "{" * 5000,
]


class TestForeignFiles:
    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    @pytest.mark.parametrize("read", [Network.load, functools.partial(load_weights, NETWORK)])
    def test_pipes_and_devices_are_not_opened(self, read, tmp_path):
        """Reading one could wait for ever."""
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", "/dev/zero", "/dev/null"):
            with pytest.raises(LoadError, match=f"^{re.escape(str(path))}: only a file can be read"):
                read(path)
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        with pytest.raises(LoadError, match="link: only a file can be read"):
            read(tmp_path / "link")

    @pytest.mark.parametrize("read", [Network.load, functools.partial(load_weights, NETWORK)])
    def test_folders(self, read, tmp_path):
        with pytest.raises(LoadError, match="only a file can be read, and this is a folder"):
            read(tmp_path)

    def test_weights_alone_name_what_reads_them(self, path):
        save_weights(NETWORK, path)
        refuse(path, "a file of another kind; nnfw.saving.load_weights reads safetensors, nnfw.exchange ONNX")
        NETWORK.save(path)
        with pytest.raises(LoadError, match=r"it is a whole network; Network.load\(path\) reads it"):
            load_weights(NETWORK, path)

    @pytest.mark.parametrize("start", [b"", b"P", b"hello\n", b"\x89PNG\r\n", b"\x93NUMPY\x01\x00"])
    def test_other_kinds(self, start, tmp_path):
        (tmp_path / "file").write_bytes(start)
        refuse(tmp_path / "file", "it is not a network saved by nnfw, but a file of another kind")

    def test_pickles_are_not_opened(self, tmp_path):
        sign = tmp_path / "sign"
        (tmp_path / "pickle").write_bytes(pickle.dumps(Bomb(sign)))
        refuse(tmp_path / "pickle", "a file of another kind")
        np.savez(tmp_path / "file.npz", description=np.array([Bomb(sign)], object))
        refuse(tmp_path / "file.npz", "Object arrays cannot be loaded when allow_pickle=False")
        assert not sign.exists()

    def test_archives_of_others(self, tmp_path):
        np.savez(tmp_path / "file.npz", x=np.ones(3))
        refuse(tmp_path / "file.npz", "lacks the description of.*, nnfw.exchange ONNX, Keras and PyTorch")

    def test_sizes_that_the_directory_claims(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "file", "w") as file:
            file.writestr("description.npy", b"x")
            file.filelist[0].file_size = file.filelist[0].compress_size = 10**15
        refuse(tmp_path / "file", "damaged")

    @pytest.mark.parametrize("header", HEADERS)
    def test_headers_of_arrays(self, header, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with zipfile.ZipFile(tmp_path / "file", "w") as file:
            file.writestr("description.npy", npy(header, bytes(8)))
        refuse(tmp_path / "file", "damaged")
        assert not (tmp_path / "code").exists()


# --- chance ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("change", [damage, forge])
def test_files_changed_at_random(change, tmp_path):
    """A few of those that `fuzz` tries as a command; each is refused, or a whole network."""
    trial = Trial(tmp_path, seed=1)
    for _ in range(100):
        trial.load(change)
    assert trial.seen["refused"] > 50


@pytest.mark.slow
def test_compressed_entries_are_refused_before_they_are_read(tmp_path):
    """A file of a megabyte that would fill a gigabyte."""
    path = tmp_path / "network.npz"
    with open(path, "wb") as file:
        np.savez_compressed(file, description=np.zeros(10**7, np.uint8))
    assert path.stat().st_size < 10**5
    with pytest.raises(LoadError, match="compressed entries"):
        Network.load(path)
