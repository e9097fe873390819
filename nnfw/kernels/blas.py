"""The BLAS of NumPy: its products for compiled code, and the threads that share the work of large ones.

numba's own ``np.dot`` calls that of SciPy, which would be one more package to install and to import.
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

# The names under which builds of NumPy find the C interface. Sizes may be integers of 32 or 64 bits there:
# passed as 64 bits they are read rightly as both.
ROUTINES = "scipy_cblas_{}64_", "cblas_{}64_", "cblas_{}$NEWLAPACK$ILP64", "cblas_{}"
# Those of the functions of OpenBLAS that get, or set, the number of threads.
THREADS = "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"

_said = any(map(os.environ.get, ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")))  # by the user
_entering, _inside, _before = threading.Lock(), 0, 1


def address(routine: str) -> int:
    """Return where a routine begins, as "sgemm".

    Raises
    ------
    ImportError
        If NumPy was built with a BLAS that has none of the known names.
    """
    if (function := _find(ROUTINES, routine)) is None:
        raise ImportError(f"{routine} was not found in the BLAS of NumPy {np.__version__}")
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def set_blas_threads(count: int) -> None:
    """Have NumPy's BLAS compute with so many threads in this process, from now on.

    On idle cores several pay in large networks; where other programs use the cores too, one thread takes a
    fraction of the time. Without a number that is set, here or by the environment variable
    ``OPENBLAS_NUM_THREADS`` when Python starts, there is one for each core, but within a `fit` of short
    steps, for which one is enough.

    Parameters
    ----------
    count : int
        The number of threads, for all that computes with NumPy. More than OpenBLAS was built for, 64 in the
        wheels of NumPy, count as that many, and more than the machine has cores do not help;
        `nnfw.show_config` prints how many there are.

    Warns
    -----
    RuntimeWarning
        If NumPy has another BLAS than OpenBLAS; nothing changes then.

    Examples
    --------
    >>> set_blas_threads(1)
    """
    global _said
    count, _said = positive_integer("set_blas_threads", "count", count), True
    if (function := _find(THREADS, "set")) is None:
        warnings.warn(
            "set_blas_threads: NumPy has another BLAS than OpenBLAS here, whose threads cannot be set while "
            "Python runs; set OMP_NUM_THREADS before it starts",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        function(count)


def blas_threads() -> int | None:
    """Return how many threads NumPy's BLAS computes with, or None if it is not OpenBLAS."""
    function = _find(THREADS, "get")
    return None if function is None else int(function())


@contextmanager
def one_thread() -> Iterator[None]:
    """Have BLAS compute with one thread meanwhile, unless the user has said with how many.

    This holds for the whole process; where several overlap, the last that ends puts the number back.
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
