"""Weights to and from other libraries: their names, transposes, gate orders and biases become nnfw's.

`load_torch` and `to_torch` exchange arrays under PyTorch's names, `load_keras` reads the files of Keras 3.
``docs/dialects.md`` has the table of all.
"""

from nnfw.exchange.keras import load_keras
from nnfw.exchange.torch import load_torch, to_torch

__all__ = ["load_keras", "load_torch", "to_torch"]
