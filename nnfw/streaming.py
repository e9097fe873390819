"""Streaming: a sequence is passed one time step at a time, and each output is returned immediately."""

import copy
from typing import Any

import numpy as np
from numpy.linalg import norm

from nnfw.core import notebook
from nnfw.core.arrays import check_finite, numeric
from nnfw.core.errors import NonFiniteError, ShapeError
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import positive_integer
from nnfw.initializers import Initializer
from nnfw.layers.stepping import check_remembers, fits, shapes_of, start, step_of, step_through, whole_only
from nnfw.model import Model
from nnfw.training.interrupt import at_rest

TRAINING = ("_specs", "flat_grads", "_state", "optimizer", "regularizer", "_noise")  # read only in training


class Stream:
    """The outputs of a network for a sequence, step by step; created by `Network.stream`.

    After t steps, its outputs are those of ``network.predict`` on these t steps. It uses the weights that the
    network has when the stream is created or reset, even if training continues in the meantime.

    Parameters
    ----------
    network : Network
        A built network with only causal layers.
    samples : int, optional
        N, the number of parallel sequences; by default a single one, without the batch axis.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4, return_sequences=True), Dense(2)], seed=0)
    >>> x = np.random.default_rng(0).normal(size=(1, 5, 3))
    >>> history = network.fit(x, x[..., :2], verbose=0)
    >>> stream = network.stream()
    >>> outputs = [stream.step(x_t) for x_t in x[0]]
    >>> np.allclose(outputs, network.predict(x)[0], atol=1e-6)
    True
    """

    def __init__(self, network: Model, samples: int | None = None) -> None:
        self.network, self.samples = network, samples
        self.N = 1 if samples is None else positive_integer("stream", "samples", samples)
        for layer in network._with_inner():
            if base := whole_only(layer):
                raise ValueError(
                    f"{layer._label} uses the forward of {base}, which reads whole sequences, and cannot "
                    f"compute step by step; use predict(x) for whole sequences"
                )
        check_remembers(network)
        for leaf in network._units():
            if not leaf.causal:
                raise ValueError(
                    f"{leaf._label} needs the whole sequence before its first output: use predict(x), or "
                    f"Flatten() last to forecast (a custom layer sets causal = True if it does not need it)"
                )
        self._first, self._dtype = network._first, network._input_dtype
        self._features = () if network._takes_indices else (network.shapes[0][-1],)
        self.shape = (*(() if samples is None else (self.N,)), *self._features)
        self.reset()

    def reset(self) -> None:
        """Start a new sequence, with the current weights of the network."""
        layers, leaves = list(self.network._units()), self.network._leaves()
        parts = [(name, part) for leaf in leaves for name, part in vars(leaf).items()]
        shared = {id(part): part for name, part in parts if name in TRAINING or isinstance(part, Initializer)}
        with at_rest(self.network, "stream"):  # the weights between two updates, if another thread trains
            self._layers = copy.deepcopy(layers, shared)
        self._steps = [step_of(layer) for layer in self._layers]
        self._states = [start(layer, self.N) for layer in self._layers]
        self._begun = np.zeros(self.N, bool)  # whether a sequence has had a symbol that is not the mask

    def step(self, x_t: ArrayLike) -> Array:
        """Return the output, (K,) or (N, K), for the next time step.

        Parameters
        ----------
        x_t : array_like (D,), or (N, D) if the stream has N samples
            The features of one step; for a network that takes indices, one integer or N integers.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If `x_t` has a wrong shape or type, is not finite, or starts a sequence with the mask of an
            `Embedding`; the state of the stream is unchanged.
        NonFiniteError
            If the output is not finite; call `reset` before further steps.
        """
        x = numeric(x_t, "x_t")
        if x.shape != self.shape:
            raise ShapeError(f"step: x_t must have shape {self.shape} for one time step, got {x.shape}")
        check_finite(x, "x_t")
        x = x.reshape(self.N, 1, *self._features)
        self._first._check_values(x)
        x = np.asarray(x, self._dtype, order="C")
        self._begin(x)
        with np.errstate(all="ignore"):  # non-finite values are reported
            x = step_through(self._steps, x, self._states)
        y = np.asarray(x[:, 0] if x.ndim == 3 else x)
        if not np.isfinite(y).all():
            raise NonFiniteError(
                f"step: the output holds {y[~np.isfinite(y)][0]}, due to the weights or to earlier inputs; "
                f"reset() begins a new sequence, with the current weights of the network"
            )
        return y[0] if self.samples is None else y

    def _begin(self, x: Array) -> None:
        """Raise a ValueError if a sequence begins with the mask of an `Embedding`: that is padding."""
        symbols = self._first._find_lengths(x)  # 0 for a mask, 1 for another; None without a mask
        if symbols is None:
            return
        begun = self._begun | (symbols > 0)
        if not begun.all():
            raise ValueError(
                f"step: sequence {begun.argmin()} begins with the mask of {self._first._label}; this "
                f"is padding, so omit it in front, and step through the symbols only"
            )
        self._begun = begun

    @property
    def state(self) -> list[Any]:
        """A copy of the state of each layer, None for layers without one; it can be assigned."""
        return copy.deepcopy(self._states)

    @state.setter
    def state(self, state: list[Any]) -> None:
        states = copy.deepcopy(list(state))
        if not fits(states, [start(layer, self.N) for layer in self._layers]):
            shapes = shapes_of(self._states)
            raise ShapeError(f"state must be the state of a stream of this network, with shapes {shapes}")
        self._states = states
        self._begun = np.ones(self.N, bool)

    def __repr__(self) -> str:
        """Show how many sequences it takes, and the shape of a step."""
        return f"<Stream of {self.N} sequence{'s' * (self.N > 1)}; a step takes {self.shape}>"

    def _repr_html_(self) -> str:
        """Show in a notebook what each layer remembers."""
        rows = [
            (name, "-" if state is None else f"{state.shape}, norm {norm(state):.3g}")
            for (name, _), state in zip(self.network._named_leaves(), unnested(self._states), strict=True)
        ]
        return notebook.table([("layer", "state"), *rows], repr(self)[1:-1])

    def copy(self) -> "Stream":
        """Return an independent stream with the same weights and state."""
        other = copy.copy(self)
        other._states = self.state
        return other


def unnested(states: list[Any]) -> list[Any]:
    """Return the states in nested lists as one flat list."""
    return [one for state in states for one in (unnested(state) if isinstance(state, list) else [state])]
