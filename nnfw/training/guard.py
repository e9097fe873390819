"""The guard: no step of a fit is taken from, or to, a NaN or an infinity, and none is given as an answer.

It costs one pass over the gradients a step, or over what they are made from where that is less. As long as
these, the rate and all that is remembered are of sane size, no rule of `nnfw.optimizers` can overflow; else
what a step changes is kept, looked at, and put back if it went wrong. Only when something is found,
`nnfw.training.anomaly` searches for where it began.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnfw import optimizers
from nnfw.core.errors import NonFiniteError
from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.layers.dense import Dense
from nnfw.model import Model
from nnfw.optimizers import Optimizer, State
from nnfw.regularizers import MaxNorm, Regularizer
from nnfw.training import anomaly

if TYPE_CHECKING:
    from nnfw.training.batches import Batch, Place
    from nnfw.training.loop import Run


# Within these bounds a step moves no parameter by more than 1e33, far from the largest float32, 3e38.
LARGE = 1e10  # of the norm of a layer's gradient, of its parameters, and of what its optimizer remembers
HIGHEST_RATE = 1e3
LOWEST_EPSILON = 1e-20
BOUNDS = (Regularizer.constrain, MaxNorm.constrain)  # which enlarge nothing

WIDE = 1 << 16  # parameters of a layer, from which on it takes time to read their gradient


class Guard:
    """Watches the steps of one fit.

    Parameters
    ----------
    run : Run
        Its network is built.

    Attributes
    ----------
    wary : bool
        Whether a number has been seen from which a step could overflow, or NumPy has been told to raise what
        could break one off; from then on each step is looked at.
    """

    def __init__(self, run: "Run") -> None:
        self.run = run
        self._leaves = [leaf for leaf in run.network._leaves() if leaf.size]
        self.wide = [leaf for leaf in self._leaves if type(leaf) is Dense and leaf.size >= WIDE]
        self.narrow = [leaf for leaf in self._leaves if leaf not in self.wide]
        raises = not {"raise", "call"}.isdisjoint(np.geterr().values())
        self.wary = raises or not are_small(vector for leaf in self._leaves for vector in memory(leaf))

    def check_loss(self, batch: "Batch", loss: float) -> None:
        """Raise a NonFiniteError unless the loss of a batch is finite."""
        if not math.isfinite(loss):
            raise self._error(batch, anomaly.search(self.run.network, batch) or f"the loss is {loss}")

    def step(self, batch: "Batch", epoch: float) -> None:
        """Update the network from its gradients.

        If one of them, a parameter after the step or what an optimizer remembers is not finite, a
        NonFiniteError is raised, and the network is as it was.
        """
        if not (are_small(leaf.flat_grads for leaf in self.narrow) and all(map(is_bounded, self.wide))):
            self.wary = True
            for leaf in self._leaves:
                if not np.isfinite(leaf.flat_grads).all():
                    found = anomaly.search(self.run.network, batch)
                    raise self._error(batch, found or f"a gradient of {leaf._label} is not finite")
        network, optimizer = self.run.network, self.run.optimizer
        if self.wary or not all(is_tame(leaf, rule, epoch) for leaf, rule in network._rules(optimizer)):
            self._careful_update(batch, epoch)
        else:
            network.update(optimizer, epoch)

    def _careful_update(self, batch: "Batch", epoch: float) -> None:
        """Update, look at all that has changed, and put it back unless it is finite."""
        before = [(leaf.flat_params.copy(), copy_of(leaf._state)) for leaf in self._leaves]
        try:
            self.run.network.update(self.run.optimizer, epoch)
            if found := next((found for leaf in self._leaves for found in overflow(leaf) if found), ""):
                raise self._error(batch, found)
        except BaseException:
            for leaf, (params, state) in zip(self._leaves, before, strict=True):
                leaf.flat_params[...], leaf._state = params, state
            raise

    def _error(self, batch: "Batch", found: str) -> NonFiniteError:
        return NonFiniteError(anomaly.explain(self.run, batch, found))


def is_finite(a: Array) -> bool:
    """Whether an array holds no NaN and no infinity; if its norm is finite, no more need be looked at."""
    return bool(np.vdot(a, a) < math.inf or np.isfinite(a).all())


def check_answer(
    network: Model, asked: str, a: Array, x: Array, lengths: Array | None, place: "Place"
) -> None:
    """Raise a NonFiniteError unless the outputs `a` for a batch `x` are finite; `asked` is what for.

    So must be x itself, which no door has read if it is in a file: a gate makes 1 of an infinity.
    """
    if not (is_finite(a) and is_finite(anomaly.without_padding(x, lengths))):
        found = anomaly.search_answer(network, x, lengths, place) or "an output is not finite"
        raise NonFiniteError(f"{asked}: {anomaly.explain_answer(network, x, lengths, found)}")


def check_measured(network: Model, asked: str, loss: float, a: Array, batch: "Batch") -> None:
    """Raise a NonFiniteError unless the loss of a batch, whose outputs `a` are finite, is finite."""
    if not math.isfinite(loss):
        with np.errstate(all="ignore"):
            found = anomaly.in_losses(network.loss.per_sample(batch.y, a), batch.place)
        cause = anomaly.explain_answer(network, batch.x, batch.lengths, found or f"the loss is {loss}")
        raise NonFiniteError(f"{asked}: {cause}")


def are_small(arrays: Iterable[Array], limit: float = LARGE) -> bool:
    """Whether the norms of arrays are below a limit; that of one with a NaN or an infinity is not."""
    return all(np.vdot(a, a) < limit**2 for a in arrays)  # which overflows without a word


def is_bounded(leaf: Layer) -> bool:
    """Whether the norm of a wide dense layer's gradient is below `LARGE`.

    Its factors tell, which are far smaller where there are few samples: as dW = xᵀ ds, |dW| <= |x| |ds|.
    """
    factors = leaf.cache["x"], leaf.cache["ds"]
    by_factors = leaf.regularizer is None and sum(a.size for a in factors) < leaf.size
    return (by_factors and are_small(factors, LARGE**0.5)) or are_small([leaf.flat_grads])


def is_tame(leaf: Layer, rule: Optimizer, epoch: float) -> bool:
    """Whether no step of a layer can lead from small numbers to an overflow, or break off."""
    rate = rule.rate(epoch)
    return (
        type(leaf).update is Layer.update
        and getattr(optimizers, type(rule).__name__, None) is type(rule)
        and rate <= HIGHEST_RATE
        and rate * rule.weight_decay <= 1
        and getattr(rule, "epsilon", 1.0) >= LOWEST_EPSILON
        and all(type(one).constrain in BOUNDS for *_, one in leaf._regularized())
    )


def memory(leaf: Layer) -> list[Array]:
    """Return all vectors of a layer that an update changes: the parameters, and the optimizer's slots."""
    return [leaf.flat_params, *(leaf._state.slots.values() if leaf._state else ())]


def overflow(leaf: Layer) -> Iterator[str]:
    """Yield for each parameter of a layer, and each slot of its optimizer, what is not finite, or nothing."""
    for name, p in leaf.params.items():
        yield anomaly.in_weights(f"after the update, parameter {name}", p, leaf)
    for name, slot in leaf._state.slots.items() if leaf._state else ():
        yield anomaly.in_weights(f"after the update, the optimizer's {name}", slot, leaf)


def copy_of(state: State | None) -> State | None:
    """Return what is left of an optimizer's memory when the one in use is changed."""
    if state is None:
        return None
    slots = {name: slot.copy() for name, slot in state.slots.items()}
    return replace(state, slots=slots, scalars=dict(state.scalars))
