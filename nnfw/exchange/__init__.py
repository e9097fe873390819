"""Conversion of weights and networks to and from other libraries, with their names, gate orders and biases.

`load_torch` and `to_torch` exchange arrays under PyTorch's names, `load_keras` reads the weights of Keras 3
and `network_from_keras` whole models, `to_onnx` and `from_onnx` write and read networks as ONNX files.
``docs/dialects.md`` has a table of all names.
"""

from nnfw.exchange.keras import load_keras
from nnfw.exchange.keras_model import network_from_keras
from nnfw.exchange.onnx_export import to_onnx
from nnfw.exchange.onnx_import import from_onnx
from nnfw.exchange.torch import load_torch, to_torch

__all__ = ["from_onnx", "load_keras", "load_torch", "network_from_keras", "to_onnx", "to_torch"]
