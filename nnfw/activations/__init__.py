"""Activations: what a layer does to its scores ``x``, and the derivative that the way back needs.

Wherever the mathematics allows, the derivative is had from the output ``y`` alone, so that a layer keeps
one array and not two.

============  ========================  ===================================
name          y                         dy/dx
============  ========================  ===================================
linear        x                         1
relu          max(x, 0)                 1 if y > 0, else 0
leaky_relu    max(x, slope x)           1 if y > 0, else slope
elu           x, or alpha (exp x - 1)   1 if y > 0, else y + alpha
selu          scale elu(x)              scale if y > 0, else y + scale alpha
softplus      log(1 + exp x)            1 - exp(-y)
sigmoid       1 / (1 + exp(-x))         y (1 - y)
hard_sigmoid  x/6 + 1/2, within [0, 1]  1/6 if 0 < y < 1, else 0
tanh          tanh x                    1 - y²
softsign      x / (1 + |x|)             (1 - |y|)²
silu          x sigmoid(x)              needs x
gelu_tanh     x sigmoid(s(x))           needs x
gelu          x Phi(x)                  needs x
softmax       exp(x/τ) / sum exp(x/τ)   not elementwise, see `Softmax`
============  ========================  ===================================

Values are right to a few units in the last place at any finite x, far tails included, without a warning:
each is written so that no exponential overflows and nothing cancels. nan stays nan.

``@nnfw.activations.register("sine")`` above a class of your own makes it known by name.

Examples
--------
>>> import numpy as np
>>> get("leaky_relu")(np.array([-2.0, 3.0]))
array([-0.02,  3.  ])
>>> get("sigmoid")(np.array([-700.0, 0.0]))
array([9.85967654e-305, 5.00000000e-001])
"""

from nnfw.activation import Activation
from nnfw.activations.given import activations, get
from nnfw.activations.rectifiers import ELU, SELU, LeakyReLU, Linear, ReLU, Softplus
from nnfw.activations.self_gated import GELU, GELUTanh, SiLU
from nnfw.activations.softmax import Softmax
from nnfw.activations.squashing import HardSigmoid, Sigmoid, Softsign, Tanh

register = activations.register

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "GELUTanh",
    "HardSigmoid",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "activations",
    "get",
    "register",
]
