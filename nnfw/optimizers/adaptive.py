"""Rates that adapt, parameter by parameter, to the size of the gradients so far."""

from dataclasses import dataclass

import numpy as np

from nnfw.arrays import Array
from nnfw.blocks import elementwise
from nnfw.optimizer import Amount, Fraction, Optimizer, Positive, State, Switch
from nnfw.optimizers.given import optimizers
from nnfw.optimizers.means import blend, over_root


@optimizers.register("adagrad")
@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Divides by the root of all squares so far: rare features keep a high rate. PyTorch's form.

    ::

        (1)  v = v + g²
        (2)  p = p − η g / (√v + ε)

    Parameters
    ----------
    epsilon : float
        ε, > 0.
    initial_accumulator : float
        The value that v starts from.

    References
    ----------
    Duchi, Hazan & Singer 2011, JMLR 12.

    Examples
    --------
    >>> optimizer, p = Adagrad(0.1), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.9, 2.1])
    """

    slots = ("accumulator",)

    epsilon: Positive = 1e-10
    initial_accumulator: Amount = 0.0

    def start(self, params: Array) -> State:
        """Return a state whose accumulator holds `initial_accumulator`."""
        state = super().start(params)
        state.slots["accumulator"].fill(self.initial_accumulator)
        return state

    @elementwise
    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equations 1 and 2."""
        v, work = state.slots["accumulator"], state.scratch(params)
        v += np.square(grads, out=work)  # (1)
        params -= np.multiply(over_root(grads, v, self.epsilon, work), rate, out=work)  # (2)


@optimizers.register("rmsprop")
@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """Divides by the root of a running mean of squares. PyTorch's form: ε stands outside the root.

    ::

        (1)  v = ρ v + (1 − ρ) g²
        (2)  a = ρ a + (1 − ρ) g, if centered; else a = 0
        (3)  m = μ m + g / (√(v − a²) + ε)
        (4)  p = p − η m

    Parameters
    ----------
    rho : float
        ρ, in [0, 1).
    epsilon : float
        ε, > 0.
    momentum : float
        μ, in [0, 1).
    centered : bool
        Divide by the standard deviation of g. Where g hardly changes, steps grow very long.

    References
    ----------
    Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6.5; centered: Graves 2013
    (arXiv:1308.0850).

    Examples
    --------
    >>> optimizer, p = RMSprop(0.01), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p.round(4)
    array([0.9, 2.1])
    """

    slots = ("velocity", "mean", "momentum")

    rho: Fraction = 0.99
    epsilon: Positive = 1e-8
    momentum: Fraction = 0.0
    centered: Switch = False

    @elementwise
    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equations 1 to 4."""
        v, work = state.slots["velocity"], state.scratch(params)
        blend(v, np.square(grads, out=work), self.rho, work)  # (1)
        if self.centered:
            a = state.slots["mean"]
            blend(a, grads, self.rho, work)  # (2)
            v = np.subtract(v, np.square(a, out=work), out=work)
            np.maximum(v, 0.0, out=v)  # rounding can take it below 0
        direction = over_root(grads, v, self.epsilon, work)
        if self.momentum:
            direction = m = state.slots["momentum"]
            m *= self.momentum
            m += work  # (3)
        params -= np.multiply(direction, rate, out=work)  # (4)
