"""The threads of NumPy's BLAS, which share the work of large matrix products."""

import warnings
from collections.abc import Callable

from nnfw.core.validation import positive_integer
from nnfw.kernels.blas import _libraries

# The names under which builds of NumPy find the functions of OpenBLAS; "get" or "set" is left open.
NAMES = "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"


def set_blas_threads(count: int) -> None:
    """Have NumPy's BLAS compute with so many threads in this process, from now on.

    The products of a recurrent network of 32 units are too short to be shared, and where other programs use
    the cores too, one thread takes a fraction of the time. On idle cores more pay from 64 units on. The
    environment variable ``OPENBLAS_NUM_THREADS`` says the same when Python starts.

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
    count = positive_integer("set_blas_threads", "count", count)
    if (function := _function("set")) is None:
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
    function = _function("get")
    return None if function is None else int(function())


def _function(verb: str) -> Callable[..., int] | None:
    """Return the function of OpenBLAS that gets, or sets, the number of threads."""
    names = [name.format(verb) for name in NAMES]
    found = (library[name] for library in _libraries() for name in names if hasattr(library, name))
    return next(found, None)
