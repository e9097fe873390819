"""Files that are replaced whole or not at all."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from nnfw.core.validation import file_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def replacing(path: "str | os.PathLike[str]") -> Iterator[BinaryIO]:
    """Open a new file for the file `path`, which stays as it is until the new one is on the disk.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    OSError
        If `path` is a folder or a device, or cannot be written; an old file is left as it was.
    """
    path = file_path("save", "path", path)
    target = Path(os.path.realpath(path))  # behind a link, the file that it leads to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such folder to save in; create it first", f"{target.parent}"
        )
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "only a file can be replaced; give the path of one", f"{target}")
    remove_abandoned(target)
    file = create_beside(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, file.name)
            if not fcntl:
                file.close()  # Windows moves no open file; elsewhere its lock is held until it is in place
            os.replace(file.name, target)
    finally:
        Path(file.name).unlink(missing_ok=True)


def create_beside(target: Path) -> BinaryIO:
    """Open a new file beside `target`, and lock it: a lock ends with its process, however that ends."""
    while True:
        file = open(target.with_name(f"{beginning(target)}{uuid.uuid4().hex}.tmp"), "xb")  # noqa: SIM115
        lock(file)
        if os.path.exists(file.name):
            return file
        file.close()  # another process took it for abandoned, before it was locked


def remove_abandoned(target: Path) -> None:
    """Remove what processes that were killed while they wrote `target` left: files that none has locked."""
    for path in target.parent.glob(f"{beginning(target)}*.tmp"):
        with suppress(OSError), open(path, "r+b") as file:
            if lock(file, wait=False):
                path.unlink()


def beginning(target: Path) -> str:
    """Return what the names of files begin with that are to replace `target`, however long its own is."""
    return f".nnfw-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def lock(file: BinaryIO, wait: bool = True) -> bool:
    """Lock a file for this process, and return whether that was possible."""
    with suppress(OSError):
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
    return False
