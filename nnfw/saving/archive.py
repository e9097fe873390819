"""The file format: NumPy's ``.npz``, read without trusting what the file says of itself.

Every size is compared with the bytes that are there before memory is allocated, each entry is verified
against its CRC-32, and no pickle is opened.
"""

import io
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array

NUMERIC = "biufc"  # the kinds of dtype that hold plain numbers


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Turn any error of reading a file into a LoadError that names it."""
    try:
        yield
    except LoadError as error:
        text = str(error)  # names in it come from the file, and may be of any length
        raise LoadError(f"{path}: {text if len(text) < 400 else f'{text[:400]} ...'}") from error.__cause__
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise LoadError(f"{path}: it is damaged, cut short, or was not saved by nnfw ({what})") from error


def read(file: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an open file; damage raises a LoadError, or what zipfile and NumPy raise."""
    if file.read(2) != b"PK":
        raise LoadError("it is not a network saved by nnfw, but a file of another kind")
    size = file.seek(0, os.SEEK_END)
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED:
                raise LoadError(f"the entry {entry.filename!r} is compressed; nnfw stores arrays as they are")
        if (declared := sum(entry.file_size for entry in entries)) > size:
            raise LoadError(f"its entries claim {declared} bytes, but the whole file has {size}")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name in arrays:
                raise LoadError(f"the array {name!r} is there twice")
            arrays[name] = read_array(name, archive.read(entry))
    arrays.pop("sha256", None)  # a checksum that files of earlier versions carry
    return arrays


def read_array(name: str, entry: bytes) -> Array:
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
