"""Optimizers: the rules by which a step updates the parameters, from simple to complex.

The comment on a line names the equation that it completes, in these letters: p parameters, g gradient, η
learning rate, λ weight decay, t the number of the step from 1, m momentum, v a running mean or sum of g²,
ε a small constant that keeps divisions by √v finite.

``@nnfw.optimizers.register("my_rule")`` above your own class makes it available by name.
"""

import math
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Annotated, Any, ClassVar

import numpy as np

from nnfw import kernels, schedules
from nnfw.core import vectors
from nnfw.core.registry import Part, Registry, Searchable
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, FRACTION, POSITIVE, boolean, check_fields, optional
from nnfw.core.vectors import Scratch, clip_to_norm


def rate_like(owner: str, name: str, value: Any) -> schedules.RateLike:
    """Return a learning rate in its stored form: a number as a float, a function or schedule unchanged."""
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
    scratch: Scratch = field(default_factory=Scratch, repr=False)

    def part(self, block: slice) -> "State":
        """Return the state of a block of the parameters: views of the slots, the same scalars and scratch."""
        slots = {name: slot[block] for name, slot in self.slots.items()}
        return State(self.rule, self.steps, slots, self.scalars, self.scratch)


@dataclass(eq=False, repr=False)
class Optimizer(Part, Searchable):
    """Base class of optimizers. A subclass defines `apply`, and lists the names of its vectors in `slots`.

    Those that hold sums or means of squares, and so are never negative, can also be listed in `squares`.

    Every optimizer takes these arguments besides its own, and each can be reassigned at any time. Clipping
    comes before weight decay: by the norm of the whole network, then by value, then by the layer's norm.

    Parameters
    ----------
    learning_rate : float, callable or Schedule
        η, or a function that returns it for the epoch.
    weight_decay : float
        λ. The gradient λ p of ``λ/2 |p|²`` is added to g (L2 regularization), also for biases. In a
        `decoupled` rule, p = p − η λ p precedes the step instead (arXiv:1711.05101).
    clip_value : float, optional
        Each element of g is clipped to [-clip_value, clip_value].
    clip_norm, clip_global_norm : float, optional
        The maximum Euclidean norm of the gradient of one layer, and of all layers of a network together; a
        larger gradient is scaled down to it.

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
    # Whether each parameter is updated independently, as by the rules of this module: a long vector is then
    # updated in blocks, and one step may update several layers.
    separable: ClassVar[bool] = False

    learning_rate: Rate = 0.01
    _: KW_ONLY
    weight_decay: Amount = 0.0
    clip_value: Limit = None
    clip_norm: Limit = None
    clip_global_norm: Limit = None

    def __init_subclass__(cls) -> None:
        """Note whether the rule is one of this module."""
        super().__init_subclass__()
        cls.separable = {cls.step.__module__, cls.apply.__module__} == {__name__}

    def __post_init__(self) -> None:
        """Check each argument."""
        check_fields(self)

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
        """Update `params` in place by one step, given `grads`, which do not change.

        Both are flat vectors, of one layer or of several concatenated. `state`, which `start` returned for
        `params`, is updated; a schedule is called with `epoch`, which is fractional within an epoch.
        """
        owner = type(self).__name__
        shapes = {vector.shape for vector in (params, grads, *state.slots.values())}
        if state.rule != owner or len(shapes) > 1:
            slots = {name: slot.shape for name, slot in state.slots.items()}
            raise ValueError(
                f"{owner}: parameters {params.shape}, gradients {grads.shape} and the state of {state.rule} "
                f"{slots} do not match; all vectors must have one shape, and start(params) returns the state"
            )
        rate = self.rate(epoch)
        state.steps += 1
        state.scratch.dtype = params.dtype
        if self.clip_value is not None or self.clip_norm is not None:
            grads = self._clipped(grads, state.scratch("clipped", grads.shape))
        if self.weight_decay and self.decoupled:
            params *= 1 - rate * self.weight_decay
        elif self.weight_decay:
            decayed = np.multiply(params, self.weight_decay, out=state.scratch("decayed", params.shape))
            grads = np.add(decayed, grads, out=decayed)
        if params.size <= vectors.BLOCK or not self.separable:
            self.apply(params, grads, state, rate)
            return
        for block in vectors.blocks(params.size):
            self.apply(params[block], grads[block], state.part(block), rate)

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Update `params` and ``state.slots`` in place by the rule."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(params, grads, state, rate)")

    def _clipped(self, grads: Array, clipped: Array) -> Array:
        """Return the gradient clipped by value, then by norm, in `clipped`."""
        clipped[...] = grads
        if self.clip_value is not None:
            np.clip(clipped, -self.clip_value, self.clip_value, out=clipped)
        if self.clip_norm is not None:
            clip_to_norm([clipped], self.clip_norm)
        return clipped


NESTEROV = "SGD(0.01, momentum=0.9, nesterov=True)"
OTHER_NAMES = {"momentum": "SGD(0.01, momentum=0.9)", "nag": NESTEROV, "nesterov": NESTEROV}
registry = Registry("optimizer", Optimizer, OTHER_NAMES)


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
    """Stochastic gradient descent with optional momentum, in PyTorch's form: m does not include η.

    ::

        (1)  m = μ m + g
        (2)  p = p − η m              or, with nesterov, p = p − η (g + μ m)

    `momentum` is μ, in [0, 1). Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and
    momentum in deep learning".
    """

    slots = ("momentum",)

    momentum: Fraction = 0.0
    nesterov: Switch = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov=True needs momentum, such as momentum=0.9")

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        direction, work = grads, state.scratch("work", params.shape)
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
    """Division by the root of the sum of all past g², so rare features keep a high rate. PyTorch's form.

    ::

        (1)  v = v + g²
        (2)  p = p − η g / (√v + ε)

    `epsilon` is ε, and `initial_accumulator` the initial v. Duchi, Hazan & Singer 2011, JMLR 12.
    """

    slots = squares = ("accumulator",)

    epsilon: Positive = 1e-10
    initial_accumulator: Amount = 0.0

    def start(self, params: Array) -> State:
        """Return the state before the first step, with v at its initial value."""
        state = super().start(params)
        state.slots["accumulator"].fill(self.initial_accumulator)
        return state

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        v, work = state.slots["accumulator"], state.scratch("work", params.shape)
        v += np.square(grads, out=work)  # (1)
        params -= np.multiply(over_root(grads, v, self.epsilon, work), rate, out=work)  # (2)


@registry.register("rmsprop")
@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """Division by the root of a running mean of g². PyTorch's form, with ε outside the root.

    ::

        (1)  v = ρ v + (1 − ρ) g²
        (2)  a = ρ a + (1 − ρ) g, with centered; else a = 0
        (3)  m = μ m + g / (√(v − a²) + ε)
        (4)  p = p − η m

    `rho`, `epsilon` and `momentum` are ρ, ε and μ. With `centered`, g is divided by its standard deviation,
    and steps are very large where g hardly changes. Tieleman & Hinton 2012, "Neural networks for machine
    learning", lecture 6.5; centered: Graves 2013 (arXiv:1308.0850).
    """

    slots = ("velocity", "mean", "momentum")
    squares = ("velocity",)

    rho: Fraction = 0.99
    epsilon: Positive = 1e-8
    momentum: Fraction = 0.0
    centered: Switch = False

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        v, work = state.slots["velocity"], state.scratch("work", params.shape)
        plain = params.ndim == 1 and not (self.centered or self.momentum)
        if plain and (rmsprop := kernels.kernel("rmsprop")):
            rmsprop(params, grads, v, self.rho, 1 - self.rho, rate, self.epsilon)
            return
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

    `beta_1`, `beta_2` and `epsilon` are β₁, β₂ and ε. Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1, where
    m and v have the factors 1 − β₁ and 1 − β₂; they cancel in m̂ and v̂.

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
        m, v, work = state.slots["momentum"], state.slots["velocity"], state.scratch("work", params.shape)
        c = math.sqrt(sum_of_weights(self.beta_2, state.steps))  # √v / √v̂, by which the fraction is expanded
        of_m, of_g, weights = self._numerator(state)
        rate, epsilon = c * (rate / weights), c * self.epsilon
        if params.ndim == 1 and (adam := kernels.kernel("adam")):
            adam(params, grads, m, v, self.beta_1, self.beta_2, of_m, of_g, rate, epsilon)
            return
        m *= self.beta_1
        m += grads  # (1)
        v *= self.beta_2
        v += np.square(grads, out=work)  # (2)
        direction = m
        if of_g:
            direction = np.multiply(m, of_m, out=state.scratch("direction", m.shape))
            direction += np.multiply(grads, of_g, out=work)
        step = over_root(direction, v, epsilon, work)
        step *= rate
        params -= step  # (3)

    def _numerator(self, state: State) -> tuple[float, float, float]:
        """Return the factors of m and g in the numerator of the step, and what their sum is divided by."""
        return 1.0, 0.0, sum_of_weights(self.beta_1, state.steps)


@registry.register("adamw")
@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay, p = p − η λ p before each step, in PyTorch's form.

    Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2.
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

    `momentum_decay` is ψ: μ increases from about β₁ / 2 to β₁; for ψ = 0 it stays at β₁ / 2. Dozat 2016,
    "Incorporating Nesterov momentum into Adam", ICLR workshop.
    """

    learning_rate: Rate = 0.002
    momentum_decay: Amount = 0.004

    def start(self, params: Array) -> State:
        """Return the state before the first step, including the product Π of the momenta so far."""
        state = super().start(params)
        state.scalars["momentum_product"] = 1.0
        return state

    def step(self, params: Array, grads: Array, state: State, epoch: float) -> None:
        """See `Optimizer.step`; Π is that of the previous steps until the step has been taken."""
        super().step(params, grads, state, epoch)
        state.scalars["momentum_product"] *= self._momentum(state.steps)

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * math.pow(0.96, self.momentum_decay * t))

    def _numerator(self, state: State) -> tuple[float, float, float]:
        now, ahead = self._momentum(state.steps), self._momentum(state.steps + 1)  # (3)
        product = state.scalars["momentum_product"] * now
        return ahead * (1 - self.beta_1) / (1 - product * ahead), (1 - now) / (1 - product), 1.0  # (4)


@registry.register("lion")
@dataclass(eq=False, repr=False)
class Lion(Optimizer):
    """Steps of ±η, by the sign of a running mean of g, in the form of the paper.

    ::

        (1)  p = p − η λ p
        (2)  p = p − η sign(β₁ m + (1 − β₁) g)
        (3)  m = β₂ m + (1 − β₂) g

    `beta_1` and `beta_2` are β₁ and β₂; use η 3 to 10 times smaller than for AdamW, and λ larger by the same
    factor. Chen et al. 2023, "Symbolic discovery of optimization algorithms" (arXiv:2302.06675), algorithm 2.
    """

    slots = ("momentum",)
    decoupled = True

    learning_rate: Rate = 0.0001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.99

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        m, work = state.slots["momentum"], state.scratch("work", params.shape)
        direction = np.multiply(m, self.beta_1, out=state.scratch("direction", m.shape))
        direction += np.multiply(grads, 1 - self.beta_1, out=work)
        np.sign(direction, out=work)  # in place, it would take several times as long
        params -= np.multiply(work, rate, out=work)  # (2)
        blend(m, grads, self.beta_2, work)  # (3)


get = registry.get
register = registry.register

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Lion", "Nadam", "Optimizer", "RMSprop", "get", "register", "registry",
]  # fmt: skip
