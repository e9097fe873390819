"""What cannot fit into the memory of the machine is refused before any of it is allocated."""

import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnfw.layers.layer import Layer
from nnfw.layers.parameters import count

UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
COPIES = 2  # the parameters and their gradients; most optimizers remember as much again


def check_memory(leaves: Iterable[Layer], dtype: np.dtype[Any]) -> None:
    """Raise a ValueError if the parameters that the layers have declared cannot fit into the memory."""
    needed, memory = 0, physical_memory()
    for leaf in leaves:
        size = count(leaf.specs)
        needed += COPIES * size * dtype.itemsize
        if needed > memory:
            raise ValueError(
                f"{leaf.label} has {size:.3g} parameters: with their gradients and the layers before, "
                f"{in_bytes(needed)}, and this machine has {in_bytes(memory)}; take fewer units, or features"
            )


def physical_memory() -> float:
    """Return the bytes of the machine's memory, infinity where they cannot be asked for."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # os.sysconf is POSIX's
        return math.inf


def in_bytes(count: float) -> str:
    """Return a number of bytes in the unit that suits it.

    Examples
    --------
    >>> in_bytes(8e15), in_bytes(1.5e9)
    ('8 PB', '1.5 GB')
    """
    power = min(int(math.log10(max(count, 1)) // 3), len(UNITS) - 1)
    return f"{count / 1000**power:.3g} {UNITS[power]}"
