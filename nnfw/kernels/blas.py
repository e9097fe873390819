"""The BLAS of NumPy, for compiled code: the same products, by the same threads.

numba's own ``np.dot`` calls that of SciPy, which would be one more package to install and to import.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# The names under which builds of NumPy find the C interface. Sizes may be integers of 32 or 64 bits there:
# passed as 64 bits they are read rightly as both.
NAMES = "scipy_cblas_{}64_", "cblas_{}64_", "cblas_{}$NEWLAPACK$ILP64", "cblas_{}"


def address(routine: str) -> int:
    """Return where a routine begins, as "sgemm".

    Raises
    ------
    ImportError
        If NumPy was built with a BLAS that has none of the known names.
    """
    for library in _libraries():
        for name in NAMES:
            if hasattr(library, name.format(routine)):
                return ctypes.cast(library[name.format(routine)], ctypes.c_void_p).value or 0
    raise ImportError(f"{routine} was not found in the BLAS of NumPy {np.__version__}")


def _libraries() -> Iterator[ctypes.CDLL]:
    """Yield NumPy's core, through which its BLAS is seen too, and what its wheel brings along (Windows)."""
    core: str = np._core._multiarray_umath.__file__  # type: ignore[attr-defined]
    for path in (core, *sorted(Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"))):
        yield ctypes.CDLL(str(path))
