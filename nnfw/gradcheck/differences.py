"""Finite differences, the comparison of gradients with them, and the check of a whole network."""

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from nnfw.core.output import table
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import POSITIVE, as_network
from nnfw.model import Model
from nnfw.training import adapters

Function = Callable[[Array], float]

DIRECTIONS = 3  # random: an error in a single entry shows along each of them
STEPS = (1e-3, 1e-5)  # the second where the first crosses a kink, such as that of relu
SMALL = 1e-5  # gradients below this are compared absolutely: differences are not more exact
ENTRIES = 1000  # at most this many are differentiated one by one to find the wrong one


class CheckError(AssertionError):
    """A failed check; the message gives the verb, the array, the value found and the value expected."""


@dataclass(frozen=True)
class Report:
    """The result of a passed check; it prints as a table."""

    subject: str  # what was checked
    errors: dict[str, float]  # the relative error of each gradient
    passed: tuple[str, ...] = ()  # the other checks

    @property
    def worst(self) -> float:
        """The largest of the relative errors."""
        return max(self.errors.values(), default=0.0)

    def __str__(self) -> str:
        errors = [(name, f"{error:.1e}") for name, error in self.errors.items()]
        return table([(self.subject, "relative error"), *errors, *((name, "passed") for name in self.passed)])


def check_network(
    network: Model, x: object, y: object, *, lengths: ArrayLike | None = None, tolerance: float = 1e-6
) -> Report:
    """Check the gradients of a network's loss at its current weights, by finite differences in float64.

    If loss and output activation are fused in training, they are fused here too. All passes draw the same
    noise. The network is not changed.

    Parameters
    ----------
    network : Network
        The network, built or not.
    x, y, lengths
        A few samples, in any form of arrays that ``network.fit`` takes.
    tolerance : float
        The maximum relative error of a gradient.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4), Dense(3, "softmax")], loss="cce", seed=0)
    >>> x = np.random.default_rng(0).normal(size=(6, 5, 2))
    >>> check_network(network, x, [0, 1, 2, 0, 1, 2]).worst < 1e-6
    True
    """
    exact = copy.deepcopy(as_network("check_network", network))
    tolerance = POSITIVE("check_network", "tolerance", tolerance)
    exact._dtype = np.dtype(np.float64)
    batch = adapters.as_data(exact, x, y, lengths).batch()
    exact.initialize()
    for name, p in network.params.items():
        exact.params[name][...] = p
    found = copy.deepcopy(exact)
    found._compute_gradients(batch)
    kept = copy.deepcopy(exact)
    first, second = (kept.forward(batch.x, training=True, lengths=batch.lengths).copy() for _ in range(2))
    noisy = not np.array_equal(first, second, equal_nan=True)

    def loss_at(name: str, p: Array) -> float:
        moved = copy.deepcopy(exact) if noisy else kept  # a copy draws the same noise again
        for parameter, value in (exact.params | {name: p}).items():
            moved.params[parameter][...] = value
        a = moved.forward(batch.x, training=True, lengths=batch.lengths)
        return moved.loss(batch.y, a, batch.weight) + moved._penalty()

    errors = {}
    for name, p in exact.params.items():
        if name not in exact._statistics:
            gradient = gradient_name(name)
            errors[gradient] = compare(partial(loss_at, name), p, found.grads[name], gradient, tolerance)
    return Report(f"loss {network.loss!r}", errors)


def gradient_name(name: str) -> str:
    """Return the name of the gradient of a parameter: ``dW``, ``gru_1.dWx_z``."""
    owner, dot, own_name = name.rpartition(".")
    return f"{owner}{dot}d{own_name}"


def numeric_gradient(f: Function, array: ArrayLike, step: float = 1e-3, extrapolations: int = 1) -> Array:
    """Return the gradient of `f` at `array`, computed entry by entry with central differences.

    Parameters
    ----------
    f : function of ndarray, to float
        The function, which should compute in float64.
    array : array_like of float
        The point at which to differentiate; it is not changed.
    step : float
        The distance by which an entry is moved to each side.
    extrapolations : int
        The number of times the step is halved to remove the leading error (Richardson 1911). The error
        decreases as step² without it, as step⁴ with one; rounding adds about 1e-16 f/step.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> error = numeric_gradient(lambda x: np.sum(x**5), x) - 5 * x**4
    >>> bool(np.max(np.abs(error)) < 1e-9)
    True
    """
    array = np.asarray(array, np.float64)
    gradient, direction = np.empty(array.shape), np.zeros(array.shape)
    for entry in range(array.size):
        direction.flat[entry] = 1.0
        gradient.flat[entry] = slope(f, array, direction, step, extrapolations)
        direction.flat[entry] = 0.0
    return gradient


def slope(f: Function, array: Array, direction: Array, step: float, extrapolations: int = 1) -> float:
    """Return the derivative of `f` at `array` along `direction`; see `numeric_gradient`."""
    steps = [step / 2**k for k in range(extrapolations + 1)]
    estimates = [float(f(array + h * direction) - f(array - h * direction)) / (2 * h) for h in steps]
    for order in range(1, extrapolations + 1):
        estimates = [b + (b - a) / (4**order - 1) for a, b in itertools.pairwise(estimates)]
    return estimates[0]


def compare(f: Function, array: Array, found: Array, name: str, tolerance: float, context: str = "") -> float:
    """Return the relative error of `found`, a gradient of `f` at `array`, or raise a CheckError.

    A random direction tests all entries at once. The slope along it has the magnitude of the gradient's root
    mean square, to which the error is relative. The message begins with `context`.
    """
    array, found = np.asarray(array, np.float64), np.asarray(found, np.float64)
    if found.shape != array.shape:
        raise CheckError(f"{context}{name} has shape {found.shape}, expected {array.shape}")
    if not np.isfinite(found).all():
        raise CheckError(f"{context}{name} is not finite")
    if not found.size:
        return 0.0
    rng = np.random.default_rng(found.size)
    directions = rng.normal(size=(DIRECTIONS, *found.shape))
    worst = float(np.max([error_along(f, array, found, d, tolerance) for d in directions]))
    if worst <= tolerance:  # nan is not
        return worst
    said = f"{context}{name} disagrees with finite differences, relative error {worst:.2g}"
    raise CheckError(f"{said} (tolerance {tolerance:g}): {worst_entry(f, array, found, name)}")


def error_along(f: Function, array: Array, found: Array, direction: Array, tolerance: float) -> float:
    """Return the relative error along `direction`, for the first step that brings it within `tolerance`."""
    direction = direction / np.linalg.norm(direction)
    along, scale = np.vdot(found, direction), max(math.sqrt(np.mean(found**2)), SMALL)
    for step in STEPS:
        error = abs(slope(f, array, direction, step) - along) / scale
        if error <= tolerance:
            break
    return float(error)


def worst_entry(f: Function, array: Array, found: Array, name: str) -> str:
    """Return the entry with the largest error, and the factor by which all are wrong if there is one."""
    entries = np.sort(np.random.default_rng(0).permutation(found.size)[:ENTRIES])

    def at(values: Array) -> float:
        moved = array.copy()
        moved.flat[entries] = values
        return f(moved)

    expected, values = numeric_gradient(at, array.flat[entries], STEPS[-1]), found.flat[entries]
    worst = np.argmax(np.abs(values - expected))
    index = ", ".join(map(str, np.unravel_index(entries[worst], found.shape)))
    entry = f"{name}[{index}] is {values[worst]:.6g}, expected {expected[worst]:.6g}"
    ratio = np.vdot(values, expected) / np.vdot(expected, expected) if np.any(expected) else 1.0
    alike = np.linalg.norm(values - ratio * expected) < 1e-3 * np.linalg.norm(expected)
    return entry + (f"; everywhere it is {ratio:.3g} times the expected value" if alike else "")
