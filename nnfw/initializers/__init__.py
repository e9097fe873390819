"""Initializers: the values that parameters start from.

An initializer draws in float64 and then rounds to the network's dtype, so that from one seed a float32 and
a float64 network start alike. A weight (D, H) leads from D inputs, its fan-in, to H units, its fan-out.

``@nnfw.initializers.register("coins")`` above a class of your own makes it known by name.
"""

from nnfw.initializer import Initializer
from nnfw.initializers.constant import Constant, Ones, Zeros
from nnfw.initializers.distributions import Normal, TruncatedNormal, Uniform
from nnfw.initializers.given import FromFunction, Given, get, initializers
from nnfw.initializers.orthogonal import Identity, Orthogonal
from nnfw.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

register = initializers.register

__all__ = [
    "Constant",
    "FromFunction",
    "Given",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "Zeros",
    "get",
    "initializers",
    "register",
]
