"""What every optimizer shares: how a layer's gradient becomes a step of its parameters.

An optimizer is pure configuration; what it remembers of a layer is a `State` that the layer keeps, so one
optimizer can serve many layers and networks. It works in place on a layer's flat vectors.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Annotated, Any, ClassVar, TypeVar, cast

import numpy as np

from nnfw import schedules
from nnfw.arrays import Array
from nnfw.checks import boolean, number
from nnfw.parts import Part

BLOCK = 1 << 17  # elements: long vectors are worked through in pieces that stay in the processor's cache

Rule = TypeVar("Rule", bound=Callable[..., None])


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


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, size, BLOCK))


def elementwise(rule: Rule) -> Rule:
    """Decorate a rule that treats each parameter by itself, so that a long vector can be taken in blocks.

    The rule is called once a block, and therefore changes nothing but `params` and ``state.slots``.
    """

    @functools.wraps(rule)
    def by_blocks(self: Any, params: Array, grads: Array, state: State, *args: Any, **kwargs: Any) -> None:
        if params.size <= BLOCK:
            return rule(self, params, grads, state, *args, **kwargs)
        for block in _blocks(params.size):
            rule(self, params[block], grads[block], state.part(block), *args, **kwargs)
        return None

    return cast(Rule, by_blocks)


def norm_of(vector: Array) -> float:
    """Return the Euclidean norm. Divided by the largest element, no square is too large or too small."""
    largest = float(np.abs(vector).max())
    if not 0.0 < largest < math.inf:
        return largest
    scaled = np.divide(vector, largest, dtype=np.float64)
    return largest * math.sqrt(np.dot(scaled, scaled))


def clip_to_norm(vectors: Sequence[Array], limit: float) -> float:
    """Scale `vectors` in place so that their common Euclidean norm is at most `limit`.

    A norm that is not finite leaves them as they are: there is no direction to keep.

    Parameters
    ----------
    vectors : sequence of ndarray
        Flat vectors, taken as one long one.
    limit : float
        The highest norm, > 0.

    Returns
    -------
    float
        The norm before.

    References
    ----------
    Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), algorithm 1. (PyTorch adds 1e-6 to the norm.)

    Examples
    --------
    >>> a, b = np.array([3.0, 0.0]), np.array([4.0])
    >>> clip_to_norm([a, b], limit=1.0), a, b
    (5.0, array([0.6, 0. ]), array([0.8]))
    """
    norm = math.hypot(*(norm_of(vector[block]) for vector in vectors for block in _blocks(vector.size)))
    if limit < norm < math.inf:
        for vector in vectors:
            vector *= limit / norm
    return norm


# What a field may hold is said by its annotation: a type, and the function that checks a value of it.


def _rate(owner: str, name: str, value: Any) -> schedules.RateLike:
    schedules.get(value, f"{owner}: {name}")
    return float(value) if isinstance(value, Real) else value


def _limit(owner: str, name: str, value: Any) -> float | None:
    return None if value is None else number(owner, name, value, low=0.0, open_low=True)


Share = Annotated[float, functools.partial(number, low=0.0, high=1.0, open_high=True)]
Amount = Annotated[float, functools.partial(number, low=0.0)]
Positive = Annotated[float, functools.partial(number, low=0.0, open_low=True)]
Limit = Annotated[float | None, _limit]
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
        """Check each argument by its annotation whenever it is assigned."""
        declared = self.__dataclass_fields__.get(name)
        for check in getattr(declared and declared.type, "__metadata__", ()):
            value = check(type(self).__name__, name, value)
        super().__setattr__(name, value)

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
