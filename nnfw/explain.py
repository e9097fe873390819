"""Explanations: how much an output of a network depends on each value of its input.

Everything is computed on a copy without the noise of training, so the outputs are those of
``network.predict``, and the network does not change. `nnfw.plots.attribution` plots the results.
"""

import copy
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import as_indices, check_finite, numeric
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import cleared
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import as_network, optional, positive_integer
from nnfw.layers.base import Layer
from nnfw.layers.parameters import NOTHING
from nnfw.model import Model
from nnfw.training.adapters import as_data, as_inputs
from nnfw.training.batches import Batch
from nnfw.training.compatibility import output_shape
from nnfw.training.guard import check_outputs

ROWS = 256  # samples that are processed at a time
UNITS = "it is one of the units of the last layer"
TOLERANCE = 1e-3  # of the sum of integrated gradients: absolute, and relative to the change of the output
PANELS = (1, 2, 4, 8, 16)  # the parts of the path, integrated one by one, until this is reached
POINTS = 50  # in each part


@explain_keywords
def gradient(
    network: Model, x: Any, *, output: ArrayLike | None = None, lengths: ArrayLike | None = None
) -> Array:
    """Return the gradient of one output of each sample with respect to the input, of the input's shape.

    If the input holds indices, it is the gradient with respect to their vectors (N, T, H) from the
    `Embedding`; its sum over the last axis is one number per symbol.

    Parameters
    ----------
    network : Network
        A network with weights, for example after `fit`.
    x : array_like (N, D) or (N, T, D), or list of arrays (T_i, D)
        The input, in any form that ``network.predict`` takes.
    output : int, or array_like of int (N,), optional
        The index of the output, from K, for all samples or for each; by default the largest of each sample.
        If the outputs are (N, T, K), a pair of step and output, (t, k).
    lengths : array_like of int (N,), optional
        The number of valid steps of each sequence; beyond them, the gradient is 0.

    Examples
    --------
    >>> from nnfw import Dense, Network
    >>> network = Network([Dense(1)], seed=0)
    >>> history = network.fit(np.eye(3), [0.5, 1.0, 2.0], verbose=0)
    >>> bool(np.allclose(gradient(network, [[1.0, 2.0, 3.0]]), network.params["dense_1.W"].T))
    True
    """
    network, batch = _opened(network, x, lengths, "gradient")
    start, samples = np.zeros_like(batch.x), np.arange(len(batch.x))
    chosen, _ = _output(network, batch, start, output, "gradient")
    return _path_gradients(network, batch, start, chosen, [(1.0, 1.0)], samples)


@explain_keywords
def integrated_gradients(
    network: Model,
    x: Any,
    *,
    baseline: ArrayLike = 0.0,
    output: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    steps: int | None = None,
) -> Array:
    """Return the contribution of each value of the input to one output, relative to a baseline input.

    ::

        (1)  a = (x − x₀)∘∫ ∂f(x₀ + u (x − x₀))/∂x du,  u from 0 to 1
        (2)  Σ a = f(x) − f(x₀)

    The integral is computed by Gauss-Legendre quadrature. A value that equals its baseline gets 0, so the
    meaning of the result depends on the baseline: it should be an uninformative input, such as a mean.

    Parameters
    ----------
    network, x, output, lengths
        See `gradient`.
    baseline : float, or array_like of shape (D,) or that of x
        x₀: for all values, for each feature, or for each value.
    steps : int, optional
        The number of points at which to compute the gradient. By default 50, doubled, up to 800, while the
        error of (2) exceeds a thousandth: trained networks are steep, and relu has kinks.

    Warns
    -----
    RuntimeWarning
        If the final error exceeds a thousandth; more `steps` reduce it.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", ICML 2017, arXiv:1703.01365.

    Examples
    --------
    >>> from nnfw import Dense, Network
    >>> network = Network([Dense(8, "tanh"), Dense(1)], seed=0)
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> history = network.fit(x, x[:, 0] * x[:, 1], epochs=5, verbose=0)
    >>> a = integrated_gradients(network, x)
    >>> change = network.predict(x) - network.predict(np.zeros_like(x))
    >>> bool(np.allclose(a.sum(axis=1), change[:, 0], atol=1e-5))
    True
    """
    owner = "integrated_gradients"
    steps = optional(positive_integer)(owner, "steps", steps)
    network, batch = _opened(network, x, lengths, owner)
    x = batch.x
    start = numeric(baseline, "baseline")
    if start.shape not in ((), x.shape[-1:], x.shape):
        said = f"{owner}: baseline must be a number, or have the shape {x.shape[-1:]}, one per feature"
        raise ShapeError(f"{said}, or that of x, {x.shape}; got {start.shape}")
    check_finite(start, "baseline")
    start = cleared(np.broadcast_to(start, x.shape).astype(x.dtype), batch.lengths)
    u, weights = np.polynomial.legendre.leggauss(steps or POINTS)
    chosen, change = _output(network, batch, start, output, owner)
    attributions, left = np.zeros_like(x), np.arange(len(x))  # the samples that need more points
    for panels in (1,) if steps else PANELS:
        along = [((1 + u) / 2 + panel) / panels for panel in range(panels)]
        points = zip(np.concatenate(along), np.tile(weights / 2 / panels, panels), strict=True)
        mean = _path_gradients(network, batch, start, chosen, points, left)
        attributions[left] = mean * (x - start)[left]  # (1)
        total = attributions.reshape(len(x), -1).sum(axis=1, dtype=np.float64)
        missed = np.abs(total - change)
        left = np.flatnonzero(~(missed <= TOLERANCE * np.maximum(1, np.abs(change))))
        if not len(left):
            return attributions
    n = int(missed.argmax())
    warnings.warn(
        f"{owner}: the values for sample {n} sum to {total[n]:.4g}, but its output differs from that of the "
        f"baseline by {change[n]:.4g}; use more than steps={panels * len(u)}",
        RuntimeWarning,
        stacklevel=3,
    )
    return attributions


def probe(network: Model, x: Any, y: Any, lengths: Any, owner: str) -> tuple[Model, Batch]:
    """Return a copy of a network that draws no noise in training, and the data as one batch for it.

    A network without weights or optimizer gets those that its first fit would use. Without `y`, the copy
    computes the same as ``network.predict``: it is frozen, so that `BatchNorm` uses its running statistics.
    """
    quiet = copy.deepcopy(as_network(owner, network))
    if y is not None:
        batch = as_data(quiet, x, y, lengths).batch()
    else:
        x, counts = as_inputs(quiet._first, x, lengths, quiet._input_dtype)
        output_shape(quiet, x, counts)
        batch = Batch(np.asarray(x, quiet._input_dtype, order="C"), NOTHING, counts, None, len(x))
    quiet._build()
    quiet._with_optimizer()
    for leaf in quiet._leaves():
        leaf.trainable = leaf.trainable and y is not None
        for layer in (leaf, *vars(leaf).values()):  # Bidirectional consists of two
            if isinstance(layer, Layer):
                vars(layer).update(dict.fromkeys(layer._noisy, 0.0))
    return quiet, batch


def _opened(network: Model, x: Any, lengths: Any, owner: str) -> tuple[Model, Batch]:
    """Return `probe` of a network with weights; of indices, what the Embedding makes of them is the input."""
    quiet, batch = probe(network, x, None, lengths, owner)
    network._check_ready(owner)
    batch = batch._replace(x=cleared(batch.x, batch.lengths))
    if quiet._takes_indices:
        first = quiet._first
        batch = batch._replace(x=first.forward(batch.x))
        passed: dict[str, Any] = {"forward": lambda x, training=False: x, "backward": lambda dy: dy}
        vars(first).update(passed, _takes_indices=False)
    return quiet, batch


def _forward(network: Model, batch: Batch, x: Array, rows: Array, training: bool = False) -> Array:
    """Return the outputs for inputs in place of some rows of a batch."""
    return network.forward(x, training, None if batch.lengths is None else batch.lengths[rows])


def _output(
    network: Model, batch: Batch, start: Array, output: ArrayLike | None, owner: str
) -> tuple[Array, Array]:
    """Return what `_chosen` does, and f(x) − f(start) (N,) of that output."""
    x, rows = batch.x, _parts(np.arange(len(batch.x)))
    with np.errstate(all="ignore"):  # non-finite values are reported
        a, a0 = (
            np.concatenate([_forward(network, batch, one[part], part) for part in rows]) for one in (x, start)
        )
    check_outputs(network, owner, batch, a)
    chosen = _chosen(a, output, owner)
    return chosen, ((a - a0) * chosen).reshape(len(x), -1).sum(axis=1, dtype=np.float64)


def _path_gradients(
    network: Model,
    batch: Batch,
    start: Array,
    chosen: Array,
    points: Iterable[tuple[float, float]],
    samples: Array,
) -> Array:
    """Return the weighted sum of the gradients of some `samples` at ``start + u (x − start)``.

    `points` are the pairs of u and its weight.
    """
    points, x, totals = list(points), batch.x, []
    for rows in _parts(samples):
        way = x[rows] - start[rows]
        total = np.zeros(way.shape)
        for u, weight in points:
            _forward(network, batch, start[rows] + np.asarray(u, x.dtype) * way, rows, training=True)
            total += weight * network.backward(chosen[rows])
        totals.append(total)
    return np.concatenate(totals).astype(network.dtype)


def _parts(samples: Array) -> list[Array]:
    """Return samples in parts that are computed at once."""
    return np.split(samples, range(ROWS, len(samples), ROWS))


def _chosen(a: Array, output: ArrayLike | None, owner: str) -> Array:
    """Return an array like the outputs `a`, (N, K) or (N, T, K), that is 1 at each sample's chosen one."""
    chosen, K, steps = np.zeros_like(a), a.shape[-1], a.ndim == 3
    wanted = np.empty(0) if output is None else numeric(output, "output")
    if output is None and not steps:
        wanted = a.argmax(axis=1)
    if wanted.shape not in (((2,),) if steps else ((), (len(a),))):
        pair = f"a pair (t, k): one of {a.shape[1]} steps, and one of" if steps else "one of"
        got = "none" if output is None else f"an array of shape {wanted.shape}"
        raise ShapeError(f"{owner}: output must be {pair} the {K} outputs, got {got}")
    if steps:
        t = as_indices(wanted[:1], "output", a.shape[1], "it is a time step")
        chosen[:, t, as_indices(wanted[1:], "output[1:]", K, UNITS)] = 1
    else:
        chosen[np.arange(len(a)), as_indices(np.atleast_1d(wanted), "output", K, UNITS)] = 1
    return chosen


__all__ = ["gradient", "integrated_gradients"]
