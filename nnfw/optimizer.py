"""What every optimizer shares: how a layer's gradient becomes a step of its parameters.

An optimizer is pure configuration; what it remembers of a layer is a `State` that the layer keeps, so one
optimizer can serve many layers and networks. It works in place on a layer's flat vectors.
"""

from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Annotated, Any, ClassVar

import numpy as np

from nnfw import schedules
from nnfw.arrays import Array
from nnfw.blocks import elementwise as elementwise
from nnfw.checks import AMOUNT, FRACTION, POSITIVE, boolean, checked, optional
from nnfw.clipping import clip_to_norm as clip_to_norm
from nnfw.parts import Part
from nnfw.schedules.given import scheduled


@dataclass(eq=False)
class State:
    """What an optimizer remembers of one layer.

    Attributes
    ----------
    rule : str
        The name of the optimizer's class.
    steps : int
        The number of steps done.
    slots : dict of str to ndarray
        Running means and sums, each in the shape of the layer's flat vector.
    scalars : dict of str to float
        Running numbers of the whole layer, for a rule that needs one.
    """

    rule: str
    steps: int
    slots: dict[str, Array]
    scalars: dict[str, float]
    _scratch: dict[str, Array] = field(default_factory=dict, repr=False)

    def scratch(self, like: Array, name: str = "work") -> Array:
        """Return a buffer as long as `like` for what lies in between; it is kept, its content is not."""
        buffer = self._scratch.get(name)
        if buffer is None or buffer.size < like.size:
            buffer = self._scratch[name] = np.empty_like(like)
        return buffer[: like.size]

    def part(self, block: slice) -> "State":
        """Return the state of some of the parameters; its slots are views, its scratch is the same."""
        slots = {name: slot[block] for name, slot in self.slots.items()}
        return State(self.rule, self.steps, slots, self.scalars, self._scratch)


def _rate(owner: str, name: str, value: Any) -> schedules.RateLike:
    scheduled(owner, name, value)  # refuses what stands for none; all else stays as it was given
    return float(value) if isinstance(value, Real) else value


# What a field may hold is said by its annotation: a type, and the function that checks a value of it.
Fraction = Annotated[float, FRACTION]
Amount = Annotated[float, AMOUNT]
Positive = Annotated[float, POSITIVE]
Limit = Annotated[float | None, optional(POSITIVE)]
Switch = Annotated[bool, boolean]
Rate = Annotated[schedules.RateLike, _rate]


@dataclass(eq=False, repr=False)
class Optimizer(Part):
    """The base of all optimizers: takes a rate, clips, decays, and leaves the rule to `apply`.

    Every optimizer takes these arguments beside its own, and each can be assigned anew at any time. Clipping
    comes before weight decay: by the norm of the whole network, then by value, then by the layer's norm.

    Parameters
    ----------
    learning_rate : float, callable or Schedule
        η, or a function of the epoch that returns it.
    weight_decay : float
        λ. The gradient of ``λ/2 |p|²`` is added to g (L2 regularization), biases included.
    clip_value : float, optional
        Each element of g is brought into [-clip_value, clip_value].
    clip_norm : float, optional
        The highest Euclidean norm of g of one layer; a longer g is shortened to it.
    clip_global_norm : float, optional
        The same for the gradients of all layers of a network together.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or not a number.

    Examples
    --------
    An optimizer of your own is a subclass with a rule, and the names of the vectors that it remembers:

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

    learning_rate: Rate = 0.01
    _: KW_ONLY
    weight_decay: Amount = 0.0
    clip_value: Limit = None
    clip_norm: Limit = None
    clip_global_norm: Limit = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Check each argument whenever it is assigned."""
        super().__setattr__(name, checked(self, name, value))

    def rate(self, epoch: float) -> float:
        """Return the learning rate at `epoch`."""
        if isinstance(self.learning_rate, float):
            return self.learning_rate
        return schedules.get(self.learning_rate)(epoch)

    def start(self, params: Array) -> State:
        """Return the state before the first step of a layer with the flat vector `params`."""
        slots = {name: np.zeros(params.shape, params.dtype) for name in self.slots}
        return State(type(self).__name__, 0, slots, {})

    def step(self, params: Array, grads: Array, state: State, epoch: float) -> None:
        """Change `params` in place by one step against `grads`, which stay as they are.

        Parameters
        ----------
        params, grads : ndarray
            A layer's flat vectors, of one shape and type.
        state : State
            What `start` returned for this layer; it is updated.
        epoch : float
            The time for the learning rate's schedule, fractional within an epoch.

        Raises
        ------
        ValueError
            If the vectors, or the state, do not fit.
        """
        self._check_fit(params, grads, state)
        rate = self.rate(epoch)
        state.steps += 1
        grads = self._clipped(grads, state)
        grads = self._decayed(params, grads, state, rate)
        self.apply(params, grads, state, rate)

    def apply(self, params: Array, grads: Array, state: State, rate: float) -> None:
        """Change `params` and ``state.slots`` in place: the rule itself, which a subclass writes."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rule; define apply(params, grads, state, rate)"
        )

    def _check_fit(self, params: Array, grads: Array, state: State) -> None:
        name = type(self).__name__
        if state.rule != name:
            raise ValueError(f"{name}: the state is one of {state.rule}; take a new one from start(params)")
        shape, dtype = params.shape, params.dtype
        for what, vector in (("gradient", grads), *state.slots.items()):
            if vector.shape != shape or vector.dtype != dtype:
                raise ValueError(
                    f"{name}: the {what} {vector.shape} of {vector.dtype} does not fit the parameters "
                    f"{shape} of {dtype}; both are flat vectors of one layer"
                )

    def _clipped(self, grads: Array, state: State) -> Array:
        if self.clip_value is None and self.clip_norm is None:
            return grads
        clipped = state.scratch(grads, "clipped")
        clipped[...] = grads
        if self.clip_value is not None:
            np.clip(clipped, -self.clip_value, self.clip_value, out=clipped)
        if self.clip_norm is not None:
            clip_to_norm([clipped], self.clip_norm)
        return clipped

    def _decayed(self, params: Array, grads: Array, state: State, rate: float) -> Array:
        """Return the gradient with weight decay in it: g + λ p."""
        if not self.weight_decay:
            return grads
        decayed = np.multiply(params, self.weight_decay, out=state.scratch(params, "decayed"))
        decayed += grads
        return decayed


class DecoupledDecay:
    """Mixed into an optimizer, keeps weight decay out of the gradient: p = p − η λ p, and then the rule.

    References
    ----------
    Loshchilov & Hutter 2019, "Decoupled weight decay regularization" (arXiv:1711.05101).
    """

    weight_decay: float

    def _decayed(self, params: Array, grads: Array, state: State, rate: float) -> Array:
        if self.weight_decay:
            params *= 1 - rate * self.weight_decay
        return grads
