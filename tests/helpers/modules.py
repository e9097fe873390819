"""All modules of nnfw, but for those whose optional package is not installed."""

import importlib
import importlib.util
import pkgutil

from compiled_modules import COMPILED

import nnfw

NEEDS = {f"nnfw.kernels.{name}": "numba" for name in COMPILED}
NEEDS |= {f"nnfw.distributed.{name}": "mpi4py" for name in ("group", "parallel", "shares")}
NEEDS |= {"nnfw.distributed": "mpi4py", "nnfw.sklearn": "sklearn"}
NAMES = {module.name for module in pkgutil.walk_packages(nnfw.__path__, "nnfw.")}
MODULES = [
    importlib.import_module(name)
    for name in sorted(NAMES)
    if name not in NEEDS or importlib.util.find_spec(NEEDS[name])
]
