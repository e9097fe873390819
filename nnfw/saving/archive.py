"""The file format: NumPy's ``.npz``. Each entry is verified against its CRC-32, and no pickle is opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array


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
    file.seek(0)
    with np.load(file, allow_pickle=False) as entries:
        arrays = {name: np.asarray(entries[name]) for name in entries.files}
    arrays.pop("sha256", None)  # a checksum that files of earlier versions carry
    return arrays
