"""The file format: named arrays in NumPy's ``.npz``, read without trusting what the file says of itself.

The arrays are uncompressed, and ``np.load(path)`` reads them anywhere. When a file is read, every size is
compared with the bytes that are there before memory is allocated, each entry is verified against its CRC-32,
and no pickle is opened.
"""

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

NUMERIC = "biufc"  # the kinds of dtype that hold plain numbers
MAGIC = b"PK"  # the first bytes of every zip file
IGNORED = "sha256"  # a checksum that earlier files carry


def write(path: "str | os.PathLike[str]", arrays: Mapping[str, Any]) -> None:
    """Write `arrays` to the file `path`; see `replacing`."""
    with replacing(path) as file:
        np.savez(file, **arrays)


def read(file: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an open file.

    Raises
    ------
    LoadError
        If it is not such a file; damage may also raise the errors of `zipfile` and `numpy.lib.format`.
    """
    if file.read(2) != MAGIC:
        raise LoadError("it is not a network saved by nnfw, but a file of another kind")
    size = file.seek(0, os.SEEK_END)
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(file) as archive:
        _check_sizes(archive.infolist(), size)
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name in arrays:
                raise LoadError(f"the array {name!r} is there twice")
            arrays[name] = _read_array(name, archive.read(entry))
    arrays.pop(IGNORED, None)
    return arrays


@contextmanager
def naming(path: "str | os.PathLike[str]") -> Iterator[None]:
    """Turn any error of reading a file into a LoadError that names it."""
    try:
        yield
    except LoadError as error:
        text = str(error)  # names in it come from the file, and may be of any length
        raise LoadError(f"{path}: {text if len(text) < 400 else f'{text[:400]} ...'}") from error.__cause__
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise LoadError(f"{path}: it is damaged, cut short, or was not saved by nnfw ({what})") from error


def _check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Raise a LoadError if reading the entries could take more memory than the `size` bytes of the file."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            raise LoadError(f"the entry {entry.filename!r} is compressed; nnfw stores arrays as they are")
    declared = sum(entry.file_size for entry in entries)
    if declared > size:
        raise LoadError(f"its entries claim {declared} bytes, but the whole file has {size}")


def _read_array(name: str, entry: bytes) -> Array:
    """Return the array in one npy file, given as its bytes."""
    stream = io.BytesIO(entry)
    npy.read_magic(stream)
    shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
    if dtype.kind not in NUMERIC:
        what = "pickled objects, which nnfw never opens" if dtype.hasobject else f"{dtype}, not numbers"
        raise LoadError(f"the array {name!r} holds {what}")
    data = entry[stream.tell() :]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise LoadError(f"the array {name!r} claims the shape {shape} of {dtype}, but has {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C").copy()
