"""The losses, over the outputs ``a`` and the targets ``y`` of the last axis of length K.

Where a logarithm or its slope would be infinite, they are taken a step inside: at outputs of at least
``sqrt(tiny)``, so that a slope can still be squared, and below 1 at most at the float before 1. In the joint
form with their activation (see `nnfw.joint`) the cross-entropies need no such step.

``@nnfw.losses.register("quartic")`` above a class of your own makes it known by name.
"""

from nnfw.loss import Loss
from nnfw.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, KLDivergence
from nnfw.losses.given import get, losses
from nnfw.losses.hinge import Hinge
from nnfw.losses.regression import MAE, MSE, MSLE, Huber, LogCosh, Poisson

register = losses.register

__all__ = [
    "MAE",
    "MSE",
    "MSLE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "Poisson",
    "get",
    "losses",
    "register",
]
