"""Writers that run at the same time, or are killed, never harm the file that they replace."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from nnfw.core.files import replacing
from nnfw.saving import archive

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
@pytest.mark.subprocess
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


def test_errors_without_a_number_keep_their_message(tmp_path):
    with pytest.raises(OSError, match=r"^half of it was written$"), replacing(tmp_path / "network"):
        raise OSError("half of it was written")
