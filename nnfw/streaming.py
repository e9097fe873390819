"""Streaming: a sequence that arrives one time step after another, and its outputs as they become known."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.errors import NonFiniteError, ShapeError
from nnfw.core.typing import Array
from nnfw.core.validation import positive_integer
from nnfw.initializers import Initializer
from nnfw.layers.base import Layer
from nnfw.model import Model
from nnfw.training.guard import is_finite

TRAINING = ("_specs", "flat_grads", "_state", "optimizer", "regularizer", "_noise")  # what no step reads


def snapshots(layers: Iterable[Layer]) -> list[Layer]:
    """Return copies of layers that keep the weights of now; what only training needs is not copied."""
    layers = list(layers)
    shared = {
        id(part): part
        for layer in layers
        for name, part in vars(layer).items()
        if name in TRAINING or isinstance(part, Initializer)
    }
    return copy.deepcopy(layers, shared)


class Stream:
    """What a network makes of a sequence, step by step; `Network.stream` opens one.

    After t steps its outputs are those of ``network.predict`` on these t steps, whatever is still to come.
    It works with the weights that the network has when it is opened or reset: training that goes on meanwhile
    changes nothing in it.

    Parameters
    ----------
    network : Network
        With its weights, and all of its layers causal.
    samples : int, optional
        N sequences side by side; a single one, without the batch axis, if not given.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4, return_sequences=True), Dense(2)], seed=0)
    >>> x = np.random.default_rng(0).normal(size=(1, 5, 3))
    >>> history = network.fit(x, x[..., :2], verbose=0)
    >>> y = network.predict(x)
    >>> stream = network.stream()
    >>> outputs = [stream.step(x_t) for x_t in x[0]]
    >>> np.allclose(outputs, y[0], atol=1e-6)
    True
    """

    def __init__(self, network: Model, samples: int | None = None) -> None:
        self.network, self.samples = network, samples
        self.N = 1 if samples is None else positive_integer("stream", "samples", samples)
        check_causal(network)
        lead = () if samples is None else (self.N,)
        self.shape = lead if network._takes_indices else (*lead, network.shapes[0][-1])
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence, with the weights that the network has now."""
        self.steppers = [layer._stepper(self.N) for layer in snapshots(self.network._leaves())]

    def step(self, x_t: ArrayLike) -> Array:
        """Take the next time step, and return the network's output for it.

        Parameters
        ----------
        x_t : array_like (D,), or (N, D) if the stream is of N samples
            The features of one step; for a network of indices a whole number, or N of them.

        Returns
        -------
        ndarray (K,) or (N, K)
            The output.

        Raises
        ------
        ShapeError, ValueError
            If `x_t` has another shape, or holds what is not finite; the stream has not moved then.
        NonFiniteError
            If the output is not finite; the stream has moved, and begins anew with `reset`.
        """
        x = self._opened(x_t)
        for stepper in self.steppers:
            x = stepper(x)
        y = np.asarray(x[:, 0] if x.ndim == 3 else x)
        if not is_finite(y):
            culprits = [one.layer._label for one in self.steppers if not is_finite(one.layer.flat_params)]
            found = f"a parameter of {culprits[0]} is not finite" if culprits else "the output is not finite"
            raise NonFiniteError(f"step: {found}; reset() begins anew, with the weights of the network then")
        return y[0] if self.samples is None else y

    @property
    def state(self) -> list[Any]:
        """What the layers remember, one copy each, None where there is nothing; it can be assigned again."""
        return [copy.copy(stepper.state) for stepper in self.steppers]

    @state.setter
    def state(self, state: list[Any]) -> None:
        shapes = [None if stepper.state is None else stepper.state.shape for stepper in self.steppers]
        if [None if part is None else np.shape(part) for part in state] != shapes:
            raise ShapeError(f"state must be what a stream of this network had as its state: shapes {shapes}")
        for stepper, part in zip(self.steppers, state, strict=True):
            if part is not None:
                stepper.state = part

    def copy(self) -> "Stream":
        """Return a stream of the same weights that stands where this one does, and goes its own way then."""
        other = copy.copy(self)
        other.steppers = [copy.copy(stepper) for stepper in self.steppers]
        other.state = self.state
        return other

    def _opened(self, x_t: ArrayLike) -> Array:
        """Return one step as the first layer takes it: (N, 1, D), or indices (N, 1)."""
        x = np.asarray(x_t)
        if x.shape != self.shape:
            raise ShapeError(
                f"step: x_t must have shape {self.shape}, the features of one time step, got {x.shape}"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise ValueError("step: x_t holds nan or an infinity; fill it, or leave this step out")
        if x.dtype.kind not in "fiub":
            raise TypeError(f"step: x_t must be real numbers, got {x.dtype}")
        x = x.reshape(self.N, 1, *self.shape[len(self.shape) - (not self.network._takes_indices) :])
        if self.network._takes_indices:
            self.network._first._check_values(x)
        return x.astype(self.network._input_dtype, copy=False)


def check_causal(network: Model) -> None:
    """Raise a ValueError if a layer needs to know what is still to come."""
    for leaf in network._leaves():
        if not leaf.causal:
            raise ValueError(
                f"{leaf._label} needs the whole sequence before its first output, so it cannot go step by "
                f"step; predict(x) takes it whole (a layer of your own says causal = True if it can)"
            )
