"""Atomic replacement of files, and errors for files that cannot be read."""

import csv
import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from nnfw.core.errors import LoadError
from nnfw.core.typing import FilePath
from nnfw.core.validation import file_path

# Seconds: Windows does not replace a file that another program, such as a virus scanner, has open.
WAITS = (0.01, 0.1, 1.0) if os.name == "nt" else ()


@contextmanager
def replacing(path: FilePath) -> Iterator[BinaryIO]:
    """Open a new file that replaces the file `path` once it is written and flushed to the disk.

    On any error, the old file is kept and the new one is removed. A process that is killed leaves the new
    file as ``.nnfw-*.tmp`` in the same folder, which may be deleted.
    """
    path = file_path("save", "path", path)
    target = Path(os.path.realpath(path))  # a symbolic link is kept, and its target replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to save in; create it first", path)
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "only a file can be replaced; give the path of a file", path)
    temporary = target.with_name(f".nnfw-{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        for wait in WAITS:
            with suppress(PermissionError):
                os.replace(temporary, target)
                break
            time.sleep(wait)
        else:
            os.replace(temporary, target)
    except OSError as error:
        if error.errno is None:  # it has only a message
            raise
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        with suppress(OSError):  # its error would name the new file
            temporary.unlink(missing_ok=True)


def write_csv(path: FilePath, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows to a CSV file that replaces the file `path`."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


@contextmanager
def reading(owner: str, path: FilePath) -> Iterator[BinaryIO]:
    """Open the file `path`; any error while reading it becomes a LoadError that names the file."""
    path = file_path(owner, "path", path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise LoadError(f"{path}: only a file can be read, and this is a folder, a pipe or a device")
    with open(path, "rb") as file:
        try:
            yield file
        except ImportError:  # the package that reads it is missing
            raise
        except LoadError as error:
            text = str(error)  # names in it come from the file, and may be of any length
            text = text if len(text) < 400 else f"{text[:400]} ..."
            raise LoadError(f"{path}: {text}") from error.__cause__
        except Exception as error:
            what = f"{type(error).__name__}: {str(error)[:200]}"
            raise LoadError(f"{path}: it is damaged, cut short, or of another kind ({what})") from error
