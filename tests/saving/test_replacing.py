"""What a killed process leaves beside the file that it saved goes with the next save, and nothing else."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from nnfw.saving import archive

RNG = np.random.default_rng(5)
ARRAYS = {"a": RNG.normal(size=(3, 2)), "b": RNG.integers(0, 9, 4)}
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")


def beside(path):
    """Return the names of all files in the folder but the one at `path` itself."""
    return sorted(other.name for other in path.parent.iterdir() if other != path)


def started(work):
    """Do `work` in a process of its own; return its number."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def wait_for(is_so, seconds=10.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def writing(tmp_path):
    """Return a function that has a process begin to write a path, and never end; all are killed at last."""
    children = []

    def begin(path):
        def write():
            with archive.replacing(path) as file:
                file.write(b"half")
                file.flush()
                time.sleep(60)

        before = beside(path)
        children.append(started(write))
        wait_for(lambda: any(one.stat().st_size for one in path.parent.iterdir() if one.name not in before))
        return children[-1]

    yield begin
    for child in children:
        kill(child)


def kill(child):
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except ProcessLookupError:
        pass


def read(path):
    with open(path, "rb") as file:
        return {name: array.tolist() for name, array in archive.read(file).items()}


EXPECTED = {name: array.tolist() for name, array in ARRAYS.items()}


def test_what_a_killed_process_left_is_removed_by_the_next_save(tmp_path, writing):
    path = tmp_path / "network"
    kill(writing(path))
    (left,) = beside(path)
    assert left.startswith(".nnfw-")
    assert left.endswith(".tmp")
    archive.write(path, ARRAYS)
    assert beside(path) == []
    assert read(path) == EXPECTED


def test_what_belongs_to_another_file_or_to_nobody_stays(tmp_path, writing):
    path, other = tmp_path / "network", tmp_path / "another"
    kill(writing(other))
    (left,) = beside(path)
    (tmp_path / ".nnfw-notes.tmp").write_text("mine")
    archive.write(path, ARRAYS)
    assert beside(path) == sorted([left, ".nnfw-notes.tmp"])
    archive.write(other, ARRAYS)
    assert beside(path) == [".nnfw-notes.tmp", "another"]


def test_the_file_of_a_living_process_stays(tmp_path, writing):
    path = tmp_path / "network"
    child = writing(path)
    living = beside(path)
    archive.write(path, ARRAYS)
    assert beside(path) == living
    kill(child)
    archive.write(path, ARRAYS)
    assert beside(path) == []


def test_the_file_of_another_thread_stays(tmp_path):
    path = tmp_path / "network"
    with archive.replacing(path) as file:
        thread = threading.Thread(target=archive.write, args=(path, ARRAYS))
        thread.start()
        thread.join()
        assert read(path) == EXPECTED
        file.write(b"later")
    assert path.read_bytes() == b"later"
    assert beside(path) == []


def test_it_is_locked_until_it_is_in_place(tmp_path, monkeypatch):
    """Another save, which comes between the last byte and the renaming, finds it locked."""
    path, replace = tmp_path / "network", os.replace

    def looked_for_first(source, target):
        archive.remove_abandoned(path)
        replace(source, target)

    monkeypatch.setattr(archive.os, "replace", looked_for_first)
    archive.write(path, ARRAYS)
    assert read(path) == EXPECTED


def test_one_that_is_removed_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    path, lock, removed = tmp_path / "network", archive.lock, []

    def late(file, wait=True):
        if wait and len(removed) < 2:
            removed.append(file.name)
            archive.remove_abandoned(path)
            assert not os.path.exists(file.name)
        return lock(file, wait)

    monkeypatch.setattr(archive, "lock", late)
    archive.write(path, ARRAYS)
    assert len(removed) == len(set(removed)) == 2
    assert read(path) == EXPECTED
    assert beside(path) == []


@pytest.mark.parametrize("why", ["no fcntl", "no locks on this disk"])
def test_without_locks_all_is_saved_and_nothing_else_removed(tmp_path, monkeypatch, writing, why):
    path = tmp_path / "network"
    kill(writing(path))
    left = beside(path)
    if why == "no fcntl":
        monkeypatch.setattr(archive, "fcntl", None)
    else:

        def refuse(*_):
            raise OSError(95, "not supported")

        monkeypatch.setattr(archive.fcntl, "flock", refuse)
    archive.write(path, ARRAYS)
    assert read(path) == EXPECTED
    assert beside(path) == left


def test_several_processes_save_over_one_file(tmp_path):
    """None takes the file of another: each of many saves ends well, and a kill here and there harms none."""
    path, count, saves = tmp_path / "network", 4, 40

    def save(number):
        for n in range(saves):
            archive.write(path, {"number": np.array([number, n])})
        (tmp_path / f"done {number}").touch()

    killed = [started(lambda: [save(9) for _ in range(1000)]) for _ in range(2)]
    children = [started(lambda number=number: save(number)) for number in range(count)]
    for child in killed:
        time.sleep(0.02)
        kill(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert all((tmp_path / f"done {number}").exists() for number in range(count))
    assert read(path)["number"][1] < saves
    archive.write(path, ARRAYS)
    assert not list(tmp_path.glob(".nnfw-*"))


def test_a_name_as_long_as_a_name_can_be(tmp_path):
    path = tmp_path / ("n" * 255)
    archive.write(path, ARRAYS)
    assert read(path) == EXPECTED
