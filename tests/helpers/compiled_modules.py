"""The modules of `nnfw.kernels` that numba compiles: all but the one for the threads of BLAS."""

import pkgutil

from nnfw import kernels

COMPILED = sorted({module.name for module in pkgutil.iter_modules(kernels.__path__)} - {"blas"})
