"""The optimizers; a line of code names the equation that it completes.

To be read in order of growing complexity: `SGD`, those that adapt the rate (`adaptive`), `Adam` and what was
made of it, `Lion`.

One letter, one meaning: p parameters, g gradient, η learning rate, λ weight decay, t the number of the step
from 1, m momentum, v a running mean or sum of g², ε what keeps a quotient by √v finite.

``@nnfw.optimizers.register("my_rule")`` above a class of your own makes it known by name.
"""

from nnfw.optimizer import Optimizer
from nnfw.optimizers.adam import Adam, AdamW, Nadam
from nnfw.optimizers.adaptive import Adagrad, RMSprop
from nnfw.optimizers.given import get, optimizers
from nnfw.optimizers.lion import Lion
from nnfw.optimizers.sgd import SGD

register = optimizers.register

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "optimizers",
    "register",
]
