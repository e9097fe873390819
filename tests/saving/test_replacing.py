"""Writers that run at the same time, fail or are killed never harm the file that they replace."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from saved import data, small_network

from nnfw import GRU, Checkpoint, Dense, Network
from nnfw.core.files import replacing
from nnfw.saving import archive, save_weights

RNG = np.random.default_rng(5)
ARRAYS = {"a": RNG.normal(size=(3, 2)), "b": RNG.integers(0, 9, 4)}
EXPECTED = {name: array.tolist() for name, array in ARRAYS.items()}


def write(path, arrays):
    with replacing(path) as file:
        np.savez(file, **arrays)


def read(path):
    with open(path, "rb") as file:
        return {name: array.tolist() for name, array in archive.read(file).items()}


def started(work):
    """Do `work` in a process of its own; return its number."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def test_two_threads_write_one_file(tmp_path):
    path = tmp_path / "network"
    with replacing(path) as file:
        thread = threading.Thread(target=write, args=(path, ARRAYS))
        thread.start()
        thread.join()
        assert read(path) == EXPECTED
        file.write(b"later")
    assert path.read_bytes() == b"later"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the children use none of its threads
@pytest.mark.subprocess
@pytest.mark.slow
def test_several_processes_save_over_one_file(tmp_path):
    """Each of many saves ends well, and processes that are killed meanwhile harm none."""
    path, count, saves = tmp_path / "network", 4, 40

    def save(number):
        for n in range(saves):
            write(path, {"number": np.array([number, n])})
        (tmp_path / f"done {number}").touch()

    killed = [started(lambda: [save(9) for _ in range(1000)]) for _ in range(2)]
    children = [started(lambda number=number: save(number)) for number in range(count)]
    for child in killed:
        time.sleep(0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert all((tmp_path / f"done {number}").exists() for number in range(count))
    assert read(path)["number"][1] < saves
    write(path, ARRAYS)
    assert read(path) == EXPECTED


def test_a_name_as_long_as_a_name_can_be(tmp_path):
    path = tmp_path / ("n" * 255)
    write(path, ARRAYS)
    assert read(path) == EXPECTED


@pytest.mark.parametrize("culprit", ["builtins.open", "os.fsync", "os.replace"])
def test_errors_name_the_path_that_was_given(culprit, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "another name")

    path = tmp_path / "network"
    monkeypatch.setattr(culprit, refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*network'$") as caught:
        write(path, ARRAYS)
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_program_reads_is_waited_for(tmp_path, monkeypatch):
    """Windows lets nobody replace it meanwhile."""
    replace, path, refused = os.replace, tmp_path / "network", [PermissionError(13, "Access is denied")] * 2

    def once_it_is_free(source, target):
        if refused:
            raise refused.pop()
        replace(source, target)

    monkeypatch.setattr("os.replace", once_it_is_free)
    monkeypatch.setattr("nnfw.core.files.WAITS", (0, 0))
    write(path, ARRAYS)
    assert read(path) == EXPECTED
    assert list(tmp_path.iterdir()) == [path]


def test_errors_without_a_number_keep_their_message(tmp_path):
    with pytest.raises(OSError, match=r"^half of it was written$"), replacing(tmp_path / "network"):
        raise OSError("half of it was written")


def resaved(path):
    network = Network([GRU(2), Dense(3)], seed=0)
    network.fit(*data(0), callbacks=[Checkpoint(path)], verbose=0)


WRITERS = {
    "save": lambda path: small_network().save(path),
    "save_weights": lambda path: save_weights(small_network(), path),
    "Checkpoint": resaved,
    "to_csv": lambda path: small_network().history.to_csv(path),
    "plot": lambda path: small_network().history.plot(path),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
class TestAllWriters:
    def test_a_folder_that_is_not_there(self, writer, tmp_path):
        path = tmp_path / "nowhere" / "file.png"
        with pytest.raises(FileNotFoundError, match="no such folder to save in; create it first") as caught:
            writer(path)
        assert caught.value.filename == str(path)

    def test_a_folder_that_must_not_be_written(self, writer, tmp_path, monkeypatch):
        def refuse(path, *_, **__):
            raise PermissionError(13, "Permission denied", str(path))

        path = tmp_path / "file.png"
        monkeypatch.setattr("nnfw.core.files.open", refuse, raising=False)
        monkeypatch.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(PermissionError, match=r"Permission denied: '.*file.png'$") as caught:
            writer(path)
        assert caught.value.filename == str(path)

    @pytest.mark.slow
    def test_the_old_file_stays_when_the_disk_is_full(self, writer, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        path = tmp_path / "file.png"
        path.write_bytes(b"old")
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*file.png'$"):
            writer(path)
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file.png", b"old")]

    @pytest.mark.slow
    def test_the_home_directory(self, writer, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        writer("~/file.png")
        written = [file.name for file in tmp_path.iterdir() if file.name[0] != "."]  # matplotlib has folders
        assert written == ["file.png"]
