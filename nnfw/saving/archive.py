"""One file of named arrays: replaced whole or not at all, and believed only after it has been checked.

The file is NumPy's own ``.npz``, its arrays uncompressed, so that ``np.load(path)`` reads it anywhere. A
reader here trusts nothing that the file says of itself: every size is held against the bytes that are there
before memory is asked for, and no pickle is ever opened. The entry ``sha256`` is a checksum of all others.

What a process that was killed while it saved leaves behind is a file ``.nnfw-*.tmp`` beside the one that it
was to replace. The next save to the same path removes it; where the system has no locks on files (Windows),
by which the one of a living process is told, it may be removed by hand.
"""

import hashlib
import io
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from nnfw.core.errors import LoadError
from nnfw.core.files import replacing
from nnfw.core.typing import Array

NUMBERS = "biufc"  # the kinds of dtype that hold plain numbers
START = b"PK"  # of every such file


def write(path: "str | os.PathLike[str]", arrays: Mapping[str, Any]) -> None:
    """Write `arrays` (C order) to the file `path`; see `replacing`."""
    with replacing(path) as file:
        np.savez(file, **arrays, sha256=checksum(arrays))


def read(file: BinaryIO) -> tuple[dict[str, Array], bool]:
    """Return the arrays of an open file, and whether they are those that were written.

    Raises
    ------
    LoadError
        If it is no such file; damage may also raise what the zip and npy formats raise.
    """
    if file.read(2) != START:
        raise LoadError("it is not a network saved by nnfw, but a file of another kind")
    size = file.seek(0, os.SEEK_END)
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(file) as archive:
        check_sizes(archive.infolist(), size)
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name in arrays:
                raise LoadError(f"the array {name!r} is there twice")
            arrays[name] = read_array(name, archive.read(entry))
    seal = arrays.pop("sha256", np.empty(0))
    return arrays, np.array_equal(seal, checksum(arrays))


@contextmanager
def named(path: "str | os.PathLike[str]") -> Iterator[None]:
    """Make a LoadError that names the file of whatever goes wrong in reading what is not to be trusted."""
    try:
        yield
    except LoadError as error:
        said = str(error)  # names in it come from the file, and may be of any length
        raise LoadError(f"{path}: {said if len(said) < 400 else f'{said[:400]} ...'}") from error.__cause__
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise LoadError(f"{path}: it is damaged, cut short, or was not saved by nnfw ({what})") from error


def check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Raise a LoadError if reading the entries could take more memory than the `size` bytes of the file."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            raise LoadError(f"the entry {entry.filename!r} is compressed; nnfw stores arrays as they are")
    declared = sum(entry.file_size for entry in entries)
    if declared > size:
        raise LoadError(f"its entries claim {declared} bytes, but the whole file has {size}")


def read_array(name: str, entry: bytes) -> Array:
    """Return the array of one npy file, given as its bytes."""
    stream = io.BytesIO(entry)
    npy.read_magic(stream)
    shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise LoadError(f"the array {name!r} holds pickled objects, which nnfw neither writes nor opens")
    if dtype.kind not in NUMBERS:
        raise LoadError(f"the array {name!r} holds {dtype}, which are no numbers")
    data = entry[stream.tell() :]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise LoadError(f"the array {name!r} claims the shape {shape} of {dtype}, but has {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C").copy()


def checksum(arrays: Mapping[str, Array]) -> Array:
    """Return the SHA-256 of all arrays and their names, as 32 bytes; the order does not matter."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return np.frombuffer(digest.digest(), np.uint8)
