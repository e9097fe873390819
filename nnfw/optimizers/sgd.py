"""Steps down the gradient, and along what is left of the steps before."""

from dataclasses import dataclass

import numpy as np

from nnfw.arrays import Array
from nnfw.blocks import elementwise
from nnfw.optimizer import Fraction, Optimizer, State, Switch
from nnfw.optimizers.given import optimizers


@optimizers.register("sgd")
@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted. PyTorch's form: m is free of η.

    ::

        (1)  m = μ m + g
        (2)  p = p − η m              or, with nesterov, p = p − η (g + μ m)

    Parameters
    ----------
    momentum : float
        μ, in [0, 1). At 0, m is g.
    nesterov : bool
        Look one step of the momentum ahead.

    References
    ----------
    Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".

    Examples
    --------
    >>> optimizer, p = SGD(0.1, momentum=0.9), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([0.5, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.95, 2.05])
    """

    slots = ("momentum",)

    momentum: Fraction = 0.0
    nesterov: Switch = False

    def __post_init__(self) -> None:
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov looks ahead along the momentum; give one, as momentum=0.9")

    @elementwise
    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equations 1 and 2."""
        direction, work = grads, state.scratch(params)
        if self.momentum:
            direction = m = state.slots["momentum"]
            m *= self.momentum
            m += grads  # (1)
            if self.nesterov:
                direction = np.multiply(m, self.momentum, out=work)
                direction += grads
        params -= np.multiply(direction, rate, out=work)  # (2)
