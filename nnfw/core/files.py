"""Files that are replaced whole or not at all."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nnfw.core.validation import file_path


@contextmanager
def replacing(path: "str | os.PathLike[str]") -> Iterator[BinaryIO]:
    """Open a new file that takes the place of the file `path` once it is written and flushed to the disk.

    On any error the old file stays and the new one is removed. A process that is killed leaves it: a file
    ``.nnfw-*.tmp`` in the same folder, which may be deleted.
    """
    path = file_path("save", "path", path)
    target = Path(os.path.realpath(path))  # a symbolic link stays, and what it refers to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to save in; create it first", path)
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "only a file can be replaced; give the path of one", path)
    temporary = target.with_name(f".nnfw-{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None:  # it says nothing but its message
            raise
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        temporary.unlink(missing_ok=True)
