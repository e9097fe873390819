"""Kernels compiled by numba: loops over time, layer norm, cross-entropy, steps of Adam and similar rules.

``pip install "nnfw[fast]"`` installs numba. The NumPy code in the layers, losses and optimizers is the
reference implementation, and runs wherever numba is not installed or cannot be used.
"""

import functools
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from nnfw.core.output import show
from nnfw.core.suggest import nearest
from nnfw.core.version import __version__
from nnfw.kernels.blas import blas_threads, set_blas_threads

__all__ = ["set_blas_threads", "set_kernels", "show_config"]

Choice = Literal["auto", "compiled", "numpy"]
CHOICES = get_args(Choice)

_choice = os.environ.get("NNFW_KERNELS", "auto")


def set_kernels(choice: Choice) -> None:
    """Choose the kernels of this process, like the environment variable ``NNFW_KERNELS``.

    Parameters
    ----------
    choice : {"auto", "compiled", "numpy"}
        "auto" is "compiled" if numba can be used, else "numpy".

    Raises
    ------
    RuntimeError
        For "compiled" if numba cannot be used.

    Examples
    --------
    >>> set_kernels("numba")
    Traceback (most recent call last):
    ValueError: kernels (or NNFW_KERNELS) must be one of auto, compiled, numpy, got 'numba'.
        Did you mean 'numpy'?
    """
    global _choice
    _check(choice)
    _choice = choice


def show_config() -> None:
    """Print the versions, the threads of NumPy's BLAS, and which kernels are in use and why."""
    built = np.show_config(mode="dicts").get("Build Dependencies", {})  # without what NumPy was built without
    blas = built.get("blas", {}).get("name", "no BLAS")
    show(f"nnfw {__version__}, Python {platform.python_version()}, NumPy {np.__version__} ({blas})")
    if threads := blas_threads():
        hint = "; set_blas_threads(1) is faster on a busy machine" if threads > 1 else ""
        show(f"threads of BLAS: {threads}{hint}")
    if _in_use(_choice):
        show(f"kernels: compiled by numba {sys.modules['numba'].__version__}")
    else:
        show(f"kernels: NumPy ({'as chosen' if _choice == 'numpy' else _obstacle()})")


def kernel(name: str) -> Callable[..., None] | None:
    """Return the compiled kernel of this name, or None if NumPy is to be used."""
    return _in_use(_choice).get(name)


def are_new() -> bool:
    """Whether compiled kernels are in use that no training has compiled and cached yet."""
    in_use = _in_use(_choice)
    if not in_use:
        return False
    folder = Path(in_use["rnn_backward"].stats.cache_path)  # type: ignore[attr-defined]
    return not any(folder.glob("cells.*_backward-*.nbi"))


@functools.cache
def _in_use(choice: str) -> dict[str, Callable[..., None]]:
    """Return the compiled kernels by name, or none where NumPy is to be used."""
    _check(choice)
    return {} if choice == "numpy" or _obstacle() else _kernels()


def _check(choice: str) -> None:
    if choice not in CHOICES:
        known, hint = ", ".join(CHOICES), nearest(str(choice), CHOICES)
        raise ValueError(f"kernels (or NNFW_KERNELS) must be one of {known}, got {choice!r}.{hint}")
    if choice == "compiled" and _obstacle():
        raise RuntimeError(f"compiled kernels cannot be used: {_obstacle()}")


@functools.cache
def _kernels() -> dict[str, Callable[..., None]]:
    """Return all kernels by name. Here numba is imported, when the first one is needed."""
    from nnfw.kernels import cells, losses, normalization, optimizers

    return vars(cells) | vars(losses) | vars(normalization) | vars(optimizers)


@functools.cache
def _obstacle() -> str:
    """Return why compiled kernels cannot be used; "" if they can: steps of an RNN are tried."""
    try:
        steps, number = np.array([[0, 5, 0, 5]]), np.float32
        for H in (1, 16):  # a product by BLAS; tiles, and one row by BLAS
            s, h, Wh = np.ones((5, H), number), np.ones((10, H), number), np.full((H, H), 1 / H, number)
            _kernels()["rnn_forward"](steps, s, h, h, s[:0], Wh)
            if not np.allclose(h[5:], np.tanh(2)):
                return "numba computes wrong numbers on this machine"
        return ""
    except ModuleNotFoundError:
        return 'numba is not installed: pip install "nnfw[fast]"'
    except Exception as error:  # whatever prevents numba from working
        hint = "; set NUMBA_CACHE_DIR to a folder that can be written" if "no locator" in str(error) else ""
        return f"numba cannot be used: {type(error).__name__}: {error}{hint}"
