"""Fashion-MNIST from its four files: 28 × 28 grey images of clothes, read row by row as sequences."""

import gzip
import math
from pathlib import Path

import numpy as np

from benchmarks.cases import Array

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
PARTS = ("train", 60_000), ("t10k", 10_000)
IMAGES, LABELS = "{}-images-idx3-ubyte.gz", "{}-labels-idx1-ubyte.gz"
HOW = (
    "On Debian and Ubuntu: apt install dataset-fashion-mnist. Elsewhere: take the four .gz files from "
    "https://github.com/zalandoresearch/fashion-mnist (data/fashion), and give --fashion FOLDER."
)


def missing(folder: Path) -> str:
    """Return which files are missing and how to get them, or an empty string."""
    names = [name.format(part) for part, _ in PARTS for name in (IMAGES, LABELS)]
    absent = [name for name in names if not (folder / name).is_file()]
    return f"Fashion-MNIST is left out: {folder} lacks {', '.join(absent)}. {HOW}" if absent else ""


def load(folder: Path) -> list[Array]:
    """Return x (N, 28, 28) from 0 to 1 and y (N,) of the training part, then those of the test part."""
    arrays = []
    for part, count in PARTS:
        images = read_idx(folder / IMAGES.format(part), (count, 28, 28))
        labels = read_idx(folder / LABELS.format(part), (count,))
        arrays += [images.astype(np.float32) / 255, labels.astype(np.int64)]
    return arrays


def read_idx(path: Path, shape: tuple[int, ...]) -> Array:
    """Return the bytes of an idx file; raise a ValueError unless it holds an array of exactly this shape."""
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()  # 8 stands for bytes
    size = len(header) + math.prod(shape)
    with gzip.open(path) as file:
        content = file.read(size + 1)  # no more, whatever the file unpacks to
    if len(content) != size or not content.startswith(header):
        raise ValueError(f"{path} is not an idx file of bytes of shape {shape}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
