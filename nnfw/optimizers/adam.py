"""Adam, and what was made of it: momentum and a rate of its own for each parameter."""

import math
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from nnfw.arrays import Array
from nnfw.blocks import elementwise
from nnfw.optimizer import Amount, DecoupledDecay, Fraction, Optimizer, Positive, Rate, State
from nnfw.optimizers.given import optimizers
from nnfw.optimizers.means import over_root, sum_of_weights


@optimizers.register("adam")
@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """Means of g and g² in which the past fades: sums, divided by the sums of their weights. PyTorch's form.

    ::

        (1)  m = β₁ m + g
        (2)  v = β₂ v + g²
        (3)  p = p − η m̂ / (√v̂ + ε),  m̂ = m / (1 + β₁ + … + β₁ᵗ⁻¹),  v̂ = v / (1 + β₂ + … + β₂ᵗ⁻¹)

    The paper has m and v with the factors 1 − β₁ and 1 − β₂, which m̂ and v̂ do not depend on.

    Parameters
    ----------
    beta_1, beta_2 : float
        β₁ and β₂, in [0, 1).
    epsilon : float
        ε, > 0.

    References
    ----------
    Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1.

    Examples
    --------
    >>> optimizer, p = Adam(0.1), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.9, 2.1])
    """

    slots = ("momentum", "velocity")

    learning_rate: Rate = 0.001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Positive = 1e-8

    @elementwise
    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equations 1 to 3."""
        m = self._sum(grads, state)
        self._descend(params, m, state, rate / sum_of_weights(self.beta_1, state.steps))

    def _sum(self, grads: Array, state: State) -> Array:
        """Compute equations 1 and 2, and return m."""
        m, v = state.slots["momentum"], state.slots["velocity"]
        m *= self.beta_1
        m += grads  # (1)
        v *= self.beta_2
        v += np.square(grads, out=state.scratch(grads))  # (2)
        return m

    def _descend(self, params: Array, direction: Array, state: State, rate: float) -> None:
        """Compute p = p − rate direction / (√v̂ + ε), the fraction expanded by c = √v / √v̂."""
        v, work = state.slots["velocity"], state.scratch(params)
        c = math.sqrt(sum_of_weights(self.beta_2, state.steps))
        step = over_root(direction, v, c * self.epsilon, work)
        step *= c * rate
        params -= step  # (3)


@optimizers.register("adamw")
@dataclass(eq=False, repr=False)
class AdamW(DecoupledDecay, Adam):
    """Adam with decoupled weight decay. PyTorch's form: the decay, too, is scaled by the learning rate.

    ::

        (1)  p = p − η λ p
        (2)  the step of Adam, without λ

    Parameters
    ----------
    weight_decay : float
        λ.

    References
    ----------
    Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2.

    Examples
    --------
    >>> optimizer, p = AdamW(0.1, weight_decay=0.5), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.85, 2.  ])
    """

    _: KW_ONLY
    weight_decay: Amount = 0.01


@optimizers.register("nadam")
@dataclass(eq=False, repr=False)
class Nadam(Adam):
    """Adam that looks one step of the momentum ahead, as Nesterov does. PyTorch's form.

    ::

        (1), (2) of Adam
        (3)  μₜ = β₁ (1 − ½ 0.96^(ψ t)),  Πₜ = μ₁ μ₂ … μₜ
        (4)  a = μₜ₊₁ (1 − β₁) m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ)
        (5)  p = p − η a / (√v̂ + ε)

    Parameters
    ----------
    momentum_decay : float
        ψ. μ rises from about β₁ / 2 to β₁; at 0 it stays there.

    References
    ----------
    Dozat 2016, "Incorporating Nesterov momentum into Adam", ICLR workshop.

    Examples
    --------
    >>> optimizer, p = Nadam(0.1), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p.round(4)
    array([0.8944, 2.1056])
    """

    learning_rate: Rate = 0.002
    momentum_decay: Amount = 0.004

    def start(self, params: Array) -> State:
        """Return a state that also holds the product of the momenta so far."""
        return replace(super().start(params), scalars={"momentum_product": 1.0})

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Compute equation 3, once for the layer, and leave the rest to `_look_ahead`."""
        now, ahead = self._momentum(state.steps), self._momentum(state.steps + 1)
        product = state.scalars["momentum_product"] * now  # (3)
        state.scalars["momentum_product"] = product
        of_m, of_g = ahead * (1 - self.beta_1) / (1 - product * ahead), (1 - now) / (1 - product)
        self._look_ahead(params, grads, state, of_m, of_g, rate)

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * math.pow(0.96, self.momentum_decay * t))

    @elementwise
    def _look_ahead(
        self, params: Array, grads: Array, state: State, of_m: float, of_g: float, rate: float
    ) -> None:
        ahead = np.multiply(self._sum(grads, state), of_m, out=state.scratch(params, "ahead"))
        ahead += np.multiply(grads, of_g, out=state.scratch(params))  # (4)
        self._descend(params, ahead, state, rate)  # (5)
