"""Optimizers: the rules by which a step changes the parameters, from simple to rich.

The comment on a line names the equation that it completes, in these letters: p parameters, g gradient, η
learning rate, λ weight decay, t the number of the step from 1, m momentum, v a running mean or sum of g²,
ε a small constant that keeps quotients by √v finite.

``@nnfw.optimizers.register("my_rule")`` above your own class makes it available by name.
"""

import math
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Annotated, Any, ClassVar

import numpy as np

from nnfw import schedules
from nnfw.core import vectors
from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, FRACTION, POSITIVE, boolean, checked, optional
from nnfw.core.vectors import clip_to_norm


def rate_like(owner: str, name: str, value: Any) -> schedules.RateLike:
    """Return a learning rate as it is kept: a number as a float, a function or schedule as it is."""
    schedules.scheduled(owner, name, value)
    return float(value) if isinstance(value, Real) else value


# A field's annotation is its type and the check of its value.
Rate = Annotated[schedules.RateLike, rate_like]
Fraction = Annotated[float, FRACTION]
Amount = Annotated[float, AMOUNT]
Positive = Annotated[float, POSITIVE]
Limit = Annotated[float | None, optional(POSITIVE)]
Switch = Annotated[bool, boolean]


@dataclass(eq=False)
class State:
    """The state of an optimizer for one vector of parameters."""

    rule: str  # the name of the optimizer's class
    steps: int  # done so far
    slots: dict[str, Array]  # running means and sums, each of the shape of the vector
    scalars: dict[str, float]  # running numbers that hold for the whole vector
    _scratch: dict[str, Array] = field(default_factory=dict, repr=False)

    def scratch(self, like: Array, name: str = "work") -> Array:
        """Return a scratch buffer of the length of `like`; the memory is kept between steps."""
        buffer = self._scratch.get(name)
        if buffer is None or buffer.size < like.size:
            buffer = self._scratch[name] = np.empty_like(like)
        return buffer[: like.size]

    def part(self, block: slice) -> "State":
        """Return the state of a block of the parameters: views of the slots, the same scalars and scratch."""
        slots = {name: slot[block] for name, slot in self.slots.items()}
        return State(self.rule, self.steps, slots, self.scalars, self._scratch)


@dataclass(eq=False, repr=False)
class Optimizer(Part):
    """Base class of optimizers. A subclass defines `apply`, and in `slots` the names of its vectors.

    Those of them that hold sums or means of squares it can also name in `squares`: they are never negative.

    Every optimizer takes these arguments beside its own, and each can be reassigned at any time. Clipping
    comes before weight decay: by the norm of the whole network, then by value, then by the layer's norm.

    Parameters
    ----------
    learning_rate : float, callable or Schedule
        η, or a function of the epoch that returns it.
    weight_decay : float
        λ. The gradient λ p of ``λ/2 |p|²`` is added to g (L2 regularization), also for biases. In a
        `decoupled` rule p = p − η λ p precedes the step instead (arXiv:1711.05101).
    clip_value : float, optional
        Each element of g is clipped to [-clip_value, clip_value].
    clip_norm, clip_global_norm : float, optional
        The largest Euclidean norm of the gradient of one layer, and of all layers of a network together; a
        longer gradient is scaled down to it.

    Examples
    --------
    >>> class HeavyBall(Optimizer):
    ...     slots = ("last",)
    ...     def apply(self, params, grads, state, rate):
    ...         state.slots["last"][...] = 0.9 * state.slots["last"] - rate * grads
    ...         params += state.slots["last"]
    >>> optimizer, p = HeavyBall(0.1), np.array([1.0, 2.0])
    >>> state = optimizer.start(p)
    >>> for epoch in range(2):
    ...     optimizer.step(p, p.copy(), state, epoch)
    >>> p
    array([0.72, 1.44])
    """

    slots: ClassVar[tuple[str, ...]] = ()
    squares: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False

    learning_rate: Rate = 0.01
    _: KW_ONLY
    weight_decay: Amount = 0.0
    clip_value: Limit = None
    clip_norm: Limit = None
    clip_global_norm: Limit = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Check each argument whenever it is assigned."""
        super().__setattr__(name, checked(self, name, value))

    @property
    def separable(self) -> bool:
        """Whether each parameter is treated by itself, as by the rules of this module.

        A long vector is then taken in blocks, and one step may serve several layers.
        """
        rule = type(self)
        return rule.step is Optimizer.step and rule.apply.__module__ == __name__

    def rate(self, epoch: float) -> float:
        """Return the learning rate at `epoch`."""
        if isinstance(self.learning_rate, float):
            return self.learning_rate
        return schedules.get(self.learning_rate)(epoch)

    def start(self, params: Array) -> State:
        """Return the state before the first step of the flat vector `params`."""
        slots = {name: np.zeros(params.shape, params.dtype) for name in self.slots}
        return State(type(self).__name__, 0, slots, {})

    def step(self, params: Array, grads: Array, state: State, epoch: float) -> None:
        """Change `params` in place by one step against `grads`, which stay as they are.

        Both are flat vectors, of one layer or of several end to end. `state`, which `start` returned for
        `params`, is updated; a schedule is called with `epoch`, which is fractional within an epoch.
        """
        owner, given = type(self).__name__, (grads, *state.slots.values())
        if state.rule != owner or any(vector.shape != params.shape for vector in given):
            slots = {name: slot.shape for name, slot in state.slots.items()}
            raise ValueError(
                f"{owner}: parameters {params.shape}, gradients {grads.shape} and the state of {state.rule} "
                f"{slots} do not fit; all vectors have one shape, and start(params) returns the state"
            )
        rate = self.rate(epoch)
        self._count(state)
        if self.clip_value is not None or self.clip_norm is not None:
            grads = self._clipped(grads, state)
        if self.weight_decay:
            grads = self._decayed(params, grads, state, rate)
        if params.size <= vectors.BLOCK or not self.separable:
            self.apply(params, grads, state, rate)
        else:
            for block in vectors.blocks(params.size):
                self.apply(params[block], grads[block], state.part(block), rate)

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Change `params` and ``state.slots`` in place by the rule."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rule; define apply(params, grads, state, rate)"
        )

    def _count(self, state: State) -> None:
        state.steps += 1

    def _clipped(self, grads: Array, state: State) -> Array:
        """Return the gradient clipped by value, then by norm."""
        clipped = state.scratch(grads, "clipped")
        clipped[...] = grads
        if self.clip_value is not None:
            np.clip(clipped, -self.clip_value, self.clip_value, out=clipped)
        if self.clip_norm is not None:
            clip_to_norm([clipped], self.clip_norm)
        return clipped

    def _decayed(self, params: Array, grads: Array, state: State, rate: float) -> Array:
        """Return g + λ p; or, with decoupled decay, shrink p by η λ p and return g."""
        if self.decoupled:
            params *= 1 - rate * self.weight_decay
            return grads
        decayed = np.multiply(params, self.weight_decay, out=state.scratch(params, "decayed"))
        return np.add(decayed, grads, out=decayed)


registry = Registry("optimizer", Optimizer, synonyms={"momentum": "sgd", "nag": "sgd", "nesterov": "sgd"})


def blend(average: Array, new: Array, keep: float, work: Array) -> None:
    """Compute average = keep average + (1 − keep) new in place; `work` may be `new`."""
    np.multiply(new, 1 - keep, out=work)
    average *= keep
    average += work


def sum_of_weights(keep: float, steps: int) -> float:
    """Return the sum of the weights, 1 + keep + … + keep^(steps − 1)."""
    return (1 - keep**steps) / (1 - keep)


def over_root(numerator: Array, squares: Array, epsilon: float, work: Array) -> Array:
    """Return numerator / (√squares + epsilon) in `work`, which may be `squares`."""
    np.sqrt(squares, out=work)
    work += epsilon
    return np.divide(numerator, work, out=work)


@registry.register("sgd")
@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with optional momentum. PyTorch's form: m does not contain η.

    ::

        (1)  m = μ m + g
        (2)  p = p − η m              or, with nesterov, p = p − η (g + μ m)

    Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".

    Parameters
    ----------
    momentum : float
        μ, in [0, 1). At 0, m is g.
    nesterov : bool
        Use Nesterov momentum, which evaluates one step ahead.

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
            raise ValueError("SGD: nesterov=True needs momentum, as momentum=0.9")

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        direction, work = grads, state.scratch(params)
        if self.momentum:
            direction = m = state.slots["momentum"]
            m *= self.momentum
            m += grads  # (1)
            if self.nesterov:
                direction = np.multiply(m, self.momentum, out=work)
                direction += grads
        params -= np.multiply(direction, rate, out=work)  # (2)


@registry.register("adagrad")
@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Division by the root of the sum of g² so far, so that rare features keep a high rate. PyTorch's form.

    ::

        (1)  v = v + g²
        (2)  p = p − η g / (√v + ε)

    Duchi, Hazan & Singer 2011, JMLR 12.

    Parameters
    ----------
    epsilon, initial_accumulator : float
        ε, and the first value of v.
    """

    slots = squares = ("accumulator",)

    epsilon: Positive = 1e-10
    initial_accumulator: Amount = 0.0

    def start(self, params: Array) -> State:
        """Return the state before the first step, with `initial_accumulator` in place of zeros."""
        state = super().start(params)
        state.slots["accumulator"].fill(self.initial_accumulator)
        return state

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        v, work = state.slots["accumulator"], state.scratch(params)
        v += np.square(grads, out=work)  # (1)
        params -= np.multiply(over_root(grads, v, self.epsilon, work), rate, out=work)  # (2)


@registry.register("rmsprop")
@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """Division by the root of a running mean of g². PyTorch's form, with ε outside the root.

    ::

        (1)  v = ρ v + (1 − ρ) g²
        (2)  a = ρ a + (1 − ρ) g, if centered; else a = 0
        (3)  m = μ m + g / (√(v − a²) + ε)
        (4)  p = p − η m

    Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6.5; centered: Graves 2013
    (arXiv:1308.0850).

    Parameters
    ----------
    rho, epsilon, momentum : float
        ρ in [0, 1), ε, and μ in [0, 1).
    centered : bool
        Divide by the standard deviation of g. Steps are very long where g hardly changes.
    """

    slots = ("velocity", "mean", "momentum")
    squares = ("velocity",)

    rho: Fraction = 0.99
    epsilon: Positive = 1e-8
    momentum: Fraction = 0.0
    centered: Switch = False

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
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


@registry.register("adam")
@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """Steps from running means of g and g², each a sum divided by the sum of its weights. PyTorch's form.

    ::

        (1)  m = β₁ m + g
        (2)  v = β₂ v + g²
        (3)  p = p − η m̂ / (√v̂ + ε),  m̂ = m / (1 + β₁ + … + β₁ᵗ⁻¹),  v̂ = v / (1 + β₂ + … + β₂ᵗ⁻¹)

    Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1, where m and v have the factors 1 − β₁ and 1 − β₂; they
    cancel in m̂ and v̂.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        β₁ and β₂ in [0, 1), and ε.

    Examples
    --------
    >>> optimizer, p = Adam(0.1), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.9, 2.1])
    """

    slots = ("momentum", "velocity")
    squares = ("velocity",)

    learning_rate: Rate = 0.001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Positive = 1e-8

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
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


@registry.register("adamw")
@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay, p = p − η λ p before each step, in PyTorch's form.

    Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2.

    Examples
    --------
    >>> optimizer, p = AdamW(0.1, weight_decay=0.5), np.array([1.0, 2.0])
    >>> optimizer.step(p, np.array([50.0, -0.5]), optimizer.start(p), epoch=0.0)
    >>> p
    array([0.85, 2.  ])
    """

    decoupled = True

    _: KW_ONLY
    weight_decay: Amount = 0.01


@registry.register("nadam")
@dataclass(eq=False, repr=False)
class Nadam(Adam):
    """Adam with Nesterov momentum. PyTorch's form.

    ::

        (1), (2) of Adam
        (3)  μₜ = β₁ (1 − ½ 0.96^(ψ t)),  Πₜ = μ₁ μ₂ … μₜ
        (4)  a = μₜ₊₁ (1 − β₁) m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ)
        (5)  p = p − η a / (√v̂ + ε)

    Dozat 2016, "Incorporating Nesterov momentum into Adam", ICLR workshop.

    Parameters
    ----------
    momentum_decay : float
        ψ. μ rises from about β₁ / 2 to β₁; at ψ = 0 it stays at β₁ / 2.
    """

    learning_rate: Rate = 0.002
    momentum_decay: Amount = 0.004

    def start(self, params: Array) -> State:
        """Return the state before the first step, with the product Π of the momenta so far."""
        state = super().start(params)
        state.scalars["momentum_product"] = 1.0
        return state

    def _count(self, state: State) -> None:
        super()._count(state)
        state.scalars["momentum_product"] *= self._momentum(state.steps)  # (3)

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * math.pow(0.96, self.momentum_decay * t))

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        product = state.scalars["momentum_product"]
        now, ahead = self._momentum(state.steps), self._momentum(state.steps + 1)
        of_m, of_g = ahead * (1 - self.beta_1) / (1 - product * ahead), (1 - now) / (1 - product)
        direction = np.multiply(self._sum(grads, state), of_m, out=state.scratch(params, "ahead"))
        direction += np.multiply(grads, of_g, out=state.scratch(params))  # (4)
        self._descend(params, direction, state, rate)  # (5)


@registry.register("lion")
@dataclass(eq=False, repr=False)
class Lion(Optimizer):
    """Steps of ±η, by the sign of a running mean of g. The paper's form.

    ::

        (1)  p = p − η λ p
        (2)  p = p − η sign(β₁ m + (1 − β₁) g)
        (3)  m = β₂ m + (1 − β₂) g

    Chen et al. 2023, "Symbolic discovery of optimization algorithms" (arXiv:2302.06675), algorithm 2.

    Parameters
    ----------
    learning_rate : float, callable or Schedule
        η: 3 to 10 times smaller than for AdamW, with λ as many times larger.
    beta_1, beta_2 : float
        β₁ and β₂, in [0, 1).
    """

    slots = ("momentum",)
    decoupled = True

    learning_rate: Rate = 0.0001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.99

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        m, work = state.slots["momentum"], state.scratch(params)
        direction = np.multiply(m, self.beta_1, out=state.scratch(params, "direction"))
        direction += np.multiply(grads, 1 - self.beta_1, out=work)
        np.sign(direction, out=work)  # in place it would take several times as long
        params -= np.multiply(work, rate, out=work)  # (2)
        blend(m, grads, self.beta_2, work)  # (3)


get = registry.get
register = registry.register

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Lion", "Nadam", "Optimizer", "RMSprop", "get", "register", "registry",
]  # fmt: skip
