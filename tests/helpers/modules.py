"""All modules of nnfw; those that numba compiles only where it is installed."""

import importlib
import importlib.util
import pkgutil

import nnfw

COMPILED = {"nnfw.kernels.adam", "nnfw.kernels.cells"}
NAMES = {module.name for module in pkgutil.walk_packages(nnfw.__path__, "nnfw.")}
MODULES = [
    importlib.import_module(name)
    for name in sorted(NAMES if importlib.util.find_spec("numba") else NAMES - COMPILED)
]
