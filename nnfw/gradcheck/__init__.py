"""Checks in one line: of all that a layer promises, and of a network's gradients."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.core.validation import whole_number
from nnfw.gradcheck.contract import promises
from nnfw.gradcheck.differences import CheckError, Report, compare, derivative, numeric_gradient
from nnfw.gradcheck.trial import Sizes, Trial, input_shapes, verbs_named
from nnfw.history import History
from nnfw.layers.base import Layer
from nnfw.network import Network
from nnfw.training import adapters
from nnfw.training.batches import Batch

__all__ = ["CheckError", "Report", "check_layer", "check_network", "numeric_gradient"]


def check_layer(
    layer: Layer,
    input_shape: Sizes | None = None,
    *,
    x: Array | None = None,
    samples: int = 3,
    seed: int = 0,
    tolerance: float = 1e-6,
    training_differs: bool = False,
) -> Report:
    """Check that a layer keeps the contract of the six verbs, with random weights and data.

    Shapes, memory, dtypes, the order of calls, lengths and initial states are checked, and all gradients
    by finite differences in float64. The layer is left as it is: a new one is built from its `config`.

    Parameters
    ----------
    layer : Layer
        Any, built or not.
    input_shape : tuple of int, optional
        Of one sample, (D,) or (T, D); by default both are tried, as far as the layer takes them.
    x : ndarray (N, ...), optional
        The input, where random numbers will not do; integers have no gradient.
    samples : int
        N, at least 2.
    seed : int
        Of the weights and data.
    tolerance : float
        The largest relative error that a gradient may have.
    training_differs : bool
        Whether the layer is meant to do something else in training, as dropout is.

    Returns
    -------
    Report
        The relative error of each gradient, and what else was checked; it prints as a table.

    Raises
    ------
    CheckError
        At the first promise that is not kept, or if a verb raises anything. It is an AssertionError.

    Examples
    --------
    >>> from nnfw import GRU
    >>> check_layer(GRU(3)).worst < 1e-6
    True

    A layer of one's own, with a mistake in its last line:

    >>> class Gain(Layer):
    ...     def compute_shapes(self, input_shape):
    ...         self.add_parameter("g", input_shape[-1:], "ones")
    ...         return input_shape
    ...
    ...     def forward(self, x, training=False):
    ...         if training:
    ...             self.cache = {"x": x}
    ...         return x * self.params["g"]
    ...
    ...     def backward(self, dy):
    ...         self.cache["dy"] = dy
    ...         return dy * self.params["g"]
    ...
    ...     def gradients(self):
    ...         x, dy = self.cache["x"], self.cache["dy"]
    ...         np.mean(x * dy, axis=tuple(range(x.ndim - 1)), out=self.grads["g"])
    >>> check_layer(Gain())
    Traceback (most recent call last):
    nnfw.gradcheck.differences.CheckError: Gain(): gradients: dg disagrees with finite differences, relative
    error 3.9 (tolerance 1e-06): dg[4] is -0.658686, expected -1.97606; everywhere it is 0.333 times what is
    expected (input (samples, 5))
    """
    samples = whole_number("check_layer", "samples", samples, low=2)
    errors: dict[str, float] = {}
    for shape in input_shapes(layer, input_shape, x):
        with verbs_named(layer, shape):
            trial = Trial(layer, shape, x, samples, seed, tolerance, training_differs)
            for promise in promises(layer):
                promise(trial)
        errors |= {name: max(error, errors.get(name, 0.0)) for name, error in trial.errors.items()}
    checked = (promise.__name__.replace("_", " ") for promise in promises(layer))
    return Report(repr(layer), errors, tuple(checked))


def check_network(
    network: Network, x: object, y: object, *, lengths: ArrayLike | None = None, tolerance: float = 1e-6
) -> Report:
    """Check the gradients of a network's loss by finite differences, with its weights of now, in float64.

    It is checked as it is trained: through the joint form of loss and output activation, where there is one,
    with noise held still. The network is left as it is.

    Parameters
    ----------
    network : Network
        Built or not.
    x, y, lengths
        A few samples, in any form that ``network.fit`` takes.
    tolerance : float
        The largest relative error that a gradient may have.

    Returns
    -------
    Report
        The relative error of each parameter's gradient; it prints as a table.

    Raises
    ------
    CheckError
        If a gradient is wrong. It is an AssertionError.

    Examples
    --------
    >>> from nnfw import GRU, Dense
    >>> network = Network([GRU(4), Dense(3, "softmax")], loss="cce", seed=0)
    >>> x = np.random.default_rng(0).normal(size=(6, 5, 2))
    >>> check_network(network, x, [0, 1, 2, 0, 1, 2]).worst < 1e-6
    True
    """
    exact, batch = in_float64(network, x, y, lengths)
    found = copy.deepcopy(exact)
    a = found.forward(batch.x, training=True, lengths=batch.lengths)
    found.backward(exact.loss.gradient(batch.y, a, batch.weight))
    found.gradients()

    def loss_at(name: str, p: Array) -> float:
        moved = copy.deepcopy(exact)
        moved.params[name][...] = p
        a = moved.forward(batch.x, training=True, lengths=batch.lengths)
        return moved.loss(batch.y, a, batch.weight) + moved._penalty()

    errors = {}
    for name, p in exact.params.items():
        gradient = derivative(name)
        errors[gradient] = compare(partial(loss_at, name), p, found.grads[name], gradient, tolerance)
    return Report(f"loss {network.loss!r}", errors)


def in_float64(network: Network, x: object, y: object, lengths: ArrayLike | None) -> tuple[Network, Batch]:
    """Return a copy of the network in float64, with the same weights, and all the data as one batch."""
    exact = copy.deepcopy(network)
    exact.history = History()
    data = replace(adapters.as_data(exact, x, y, lengths), dtype=np.dtype("float64"))
    exact.initialize(dtype="float64")
    for name, p in network.params.items():
        exact.params[name][...] = p
    return exact, data.batch()
