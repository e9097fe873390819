"""Steps of which only the direction counts."""

from dataclasses import dataclass

import numpy as np

from nnfw.arrays import Array
from nnfw.blocks import elementwise
from nnfw.optimizer import DecoupledDecay, Fraction, Optimizer, Rate, State
from nnfw.optimizers.given import optimizers
from nnfw.optimizers.means import blend


@optimizers.register("lion")
@dataclass(eq=False, repr=False)
class Lion(DecoupledDecay, Optimizer):
    """Steps of one length for every parameter: only the sign of a mean of g counts. Form of the paper.

    ::

        (1)  p = p − η λ p
        (2)  p = p − η sign(β₁ m + (1 − β₁) g)
        (3)  m = β₂ m + (1 − β₂) g

    Parameters
    ----------
    learning_rate : float, callable or Schedule
        η: 3 to 10 times smaller than one that is good for AdamW, with λ as many times larger.
    beta_1, beta_2 : float
        β₁ and β₂, in [0, 1).

    References
    ----------
    Chen et al. 2023, "Symbolic discovery of optimization algorithms" (arXiv:2302.06675), algorithm 2.

    Examples
    --------
    >>> optimizer, p = Lion(0.1), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.9, 2.1])
    """

    slots = ("momentum",)

    learning_rate: Rate = 0.0001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.99

    @elementwise
    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equations 2 and 3."""
        m, work = state.slots["momentum"], state.scratch(params)
        direction = np.multiply(m, self.beta_1, out=state.scratch(params, "direction"))
        direction += np.multiply(grads, 1 - self.beta_1, out=work)
        np.sign(direction, out=work)  # in place it would take several times as long
        params -= np.multiply(work, rate, out=work)  # (2)
        blend(m, grads, self.beta_2, work)  # (3)
