"""The BLAS of NumPy: its matrix products for compiled code, and its number of threads.

numba's own ``np.dot`` calls the BLAS of SciPy, which would be another package to install and import.
"""

import ctypes
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnfw.core.validation import positive_integer

# The names of the C interface in builds of NumPy. It takes sizes as integers of 32 or 64 bits: values passed
# as 64 bits are read correctly as either.
ROUTINES = "scipy_cblas_{}64_", "cblas_{}64_", "cblas_{}$NEWLAPACK$ILP64", "cblas_{}"
# The names of the functions of OpenBLAS that get or set the number of threads.
THREADS = "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"

_said = any(map(os.environ.get, ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")))  # whether the user has set it
_entering, _inside, _before = threading.Lock(), 0, 1


def address(routine: str) -> int:
    """Return the address of a routine, such as "sgemm".

    Raises
    ------
    ImportError
        If NumPy was built with a BLAS that has none of the known names.
    """
    if (function := _find(ROUTINES, routine)) is None:
        raise ImportError(f"{routine} was not found in the BLAS of NumPy {np.__version__}")
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def set_blas_threads(count: int) -> None:
    """Set the number of threads that NumPy's BLAS uses in this process.

    On idle cores, several threads speed up large networks; if other programs use the cores too, one thread
    takes a fraction of the time. If no number is set, here or by the environment variable
    ``OPENBLAS_NUM_THREADS`` when Python starts, there is one thread per core, except within `fit`, `evaluate`
    and `predict` with small products, such as those of most recurrent layers at each time step.

    Parameters
    ----------
    count : int
        The number of threads, for all computations with NumPy. It is limited to the number that OpenBLAS was
        built for, 64 in the wheels of NumPy, and more threads than the machine has cores do not help;
        `nnfw.show_config` prints the current number.

    Warns
    -----
    RuntimeWarning
        If NumPy uses a BLAS other than OpenBLAS; nothing changes then.

    Examples
    --------
    >>> set_blas_threads(1)
    """
    global _said
    count, _said = positive_integer("set_blas_threads", "count", count), True
    if (function := _find(THREADS, "set")) is None:
        warnings.warn(
            "set_blas_threads: NumPy uses a BLAS other than OpenBLAS here, whose threads cannot be set while "
            "Python runs; set OMP_NUM_THREADS, for Accelerate VECLIB_MAXIMUM_THREADS, before it starts",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        function(count)


def blas_threads() -> int | None:
    """Return the number of threads that NumPy's BLAS uses, or None if it is not OpenBLAS."""
    function = _find(THREADS, "get")
    return None if function is None else int(function())


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS use one thread within the context, unless the user has set a number.

    This applies to the whole process; if several contexts overlap, the last to end restores the number.
    """
    global _inside, _before
    with _entering:
        if not _inside:
            _before = blas_threads() or 1
        _inside += 1
        _take(1)
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if not _inside:
                _take(_before)


def _take(count: int) -> None:
    if not _said and (function := _find(THREADS, "set")) is not None:
        function(count)


@cache
def _find(names: Iterable[str], word: str) -> Any:
    """Return the first function with one of these names, in which `word` is left open; None without one."""
    filled = [name.format(word) for name in names]
    found = (library[name] for library in _libraries() for name in filled if hasattr(library, name))
    return next(found, None)


def _libraries() -> Iterator[ctypes.CDLL]:
    """Yield NumPy's core, through which its BLAS is seen too, and what its wheel brings along (Windows)."""
    core: str = np._core._multiarray_umath.__file__  # type: ignore[attr-defined]
    for path in (core, *sorted(Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"))):
        yield ctypes.CDLL(str(path))
