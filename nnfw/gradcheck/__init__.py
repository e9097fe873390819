"""Checks of a layer's contract, and of the gradients of a layer or a network, by finite differences."""

import copy
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.core.validation import whole_number
from nnfw.gradcheck.contract import Sizes, Trial, input_shapes, promises
from nnfw.gradcheck.differences import CheckError, Report, compare, derivative, numeric_gradient
from nnfw.layers.base import Layer
from nnfw.model import Model
from nnfw.training import adapters

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

    It checks shapes, memory, dtypes, lengths and initial states, and all gradients by finite differences in
    float64. The layer is not changed: a new one is built from its `config`.

    Parameters
    ----------
    layer : Layer
        Built or not.
    input_shape : tuple of int, optional
        Of one sample, (D,) or (T, D); by default those of both that the layer takes.
    x : ndarray (N, ...), optional
        The input, instead of random numbers; integers have no gradient.
    samples, seed : int
        N, at least 2, and the seed of the weights and data.
    tolerance : float
        The largest relative error that a gradient may have.
    training_differs : bool
        Whether the layer is meant to compute something else in training, as dropout does.

    Raises
    ------
    CheckError
        At the first part of the contract that is not kept; it is an AssertionError.

    Examples
    --------
    >>> from nnfw import GRU
    >>> check_layer(GRU(3)).worst < 1e-6
    True

    A gradient that is wrong by a factor:

    >>> from nnfw import Dense
    >>> class Wrong(Dense):
    ...     def gradients(self):
    ...         super().gradients()
    ...         self.grads["b"][...] /= 3
    >>> check_layer(Wrong(2))
    Traceback (most recent call last):
    nnfw.gradcheck.differences.CheckError: Wrong(2): gradients: input (samples, 5): db disagrees with finite
    differences, relative error 2.8 (tolerance 1e-06): db[1] is -0.0870544, expected -0.261163; everywhere it
    is 0.333 times what is expected
    """
    samples = whole_number("check_layer", "samples", samples, low=2)
    errors: dict[str, float] = {}
    for shape in input_shapes(layer, input_shape, x):
        trial = Trial(layer, shape, x, samples, seed, tolerance, training_differs)
        for promise in promises(layer):
            promise(trial)
        errors |= {name: max(error, errors.get(name, 0.0)) for name, error in trial.errors.items()}
    passed = (promise.__name__.replace("_", " ") for promise in promises(layer))
    return Report(repr(layer), errors, tuple(passed))


def check_network(
    network: Model, x: object, y: object, *, lengths: ArrayLike | None = None, tolerance: float = 1e-6
) -> Report:
    """Check the gradients of a network's loss at its current weights, by finite differences in float64.

    Where loss and output activation are fused in training, they are here. The noise of all passes is the
    same. The network is not changed.

    Parameters
    ----------
    network : Network
        Built or not.
    x, y, lengths
        A few samples, in any form of arrays that ``network.fit`` takes.
    tolerance : float
        The largest relative error that a gradient may have.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4), Dense(3, "softmax")], loss="cce", seed=0)
    >>> x = np.random.default_rng(0).normal(size=(6, 5, 2))
    >>> check_network(network, x, [0, 1, 2, 0, 1, 2]).worst < 1e-6
    True
    """
    exact = copy.deepcopy(network)
    exact._dtype = np.dtype(np.float64)
    batch = adapters.as_data(exact, x, y, lengths).batch()
    exact.initialize()
    for name, p in network.params.items():
        exact.params[name][...] = p
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
