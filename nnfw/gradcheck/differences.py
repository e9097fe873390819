"""Finite differences, and the comparison of a gradient with them."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.model import table

Function = Callable[[Array], float]

DIRECTIONS = 3  # random: an error in a single entry shows along each of them
STEPS = (1e-3, 1e-5)  # the second where the first crosses a kink, such as that of relu
SMALL = 1e-5  # gradients below this are compared absolutely: differences are no more exact
ENTRIES = 1000  # at most so many are differentiated one by one to find the wrong one


class CheckError(AssertionError):
    """A failed check: the message names the verb and the array, what was found and what was expected."""


@dataclass(frozen=True)
class Report:
    """The result of a check that passed; it prints as a table.

    Attributes
    ----------
    subject : str
        What was checked.
    errors : dict of str to float
        The relative error of each gradient.
    passed : tuple of str
        The other checks.
    """

    subject: str
    errors: dict[str, float]
    passed: tuple[str, ...] = ()

    @property
    def worst(self) -> float:
        """The largest of the relative errors."""
        return max(self.errors.values(), default=0.0)

    def __str__(self) -> str:
        """Return the table."""
        errors = [(name, f"{error:.1e}") for name, error in self.errors.items()]
        return table([(self.subject, "relative error"), *errors, *((name, "passed") for name in self.passed)])


def derivative(name: str) -> str:
    """Return the name of the gradient with respect to `name`: gru_1.dWx_z for gru_1.Wx_z."""
    owner, dot, own_name = name.rpartition(".")
    return f"{owner}{dot}d{own_name}"


def numeric_gradient(f: Function, array: ArrayLike, step: float = 1e-3, extrapolations: int = 1) -> Array:
    """Return the gradient of `f` at `array`, entry by entry from central differences.

    Parameters
    ----------
    f : function of ndarray, to float
        It should compute in float64.
    array : array_like of float
        Where to differentiate; it is not changed.
    step : float
        How far an entry is moved to each side.
    extrapolations : int
        How often the step is halved to remove the leading error (Richardson 1911). The error falls like
        step² without, like step⁴ with one; rounding adds about 1e-16 f/step.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> error = numeric_gradient(lambda x: np.sum(x**5), x, extrapolations=0) - 5 * x**4
    >>> error.round(6)
    array([1.e-05, 4.e-05])
    >>> error = numeric_gradient(lambda x: np.sum(x**5), x) - 5 * x**4
    >>> bool(np.max(np.abs(error)) < 1e-9)
    True
    """
    array = np.asarray(array, np.float64)
    return _slopes(f, array, range(array.size), step, extrapolations).reshape(array.shape)


def _slope(f: Function, array: Array, direction: Array, step: float, extrapolations: int = 1) -> float:
    """Return the derivative of `f` at `array` along `direction`; see `numeric_gradient`."""
    steps = (step / 2**k * direction for k in range(extrapolations + 1))
    estimates = [float(f(array + h) - f(array - h)) / (2 * step / 2**k) for k, h in enumerate(steps)]
    for order in range(1, extrapolations + 1):
        estimates = [b + (b - a) / (4**order - 1) for a, b in itertools.pairwise(estimates)]
    return estimates[0]


def _slopes(f: Function, array: Array, entries: Iterable[int], step: float, extrapolations: int = 1) -> Array:
    """Return the derivatives by some entries of ``array.ravel()``."""
    slopes = []
    for entry in entries:
        direction = np.zeros(array.shape)
        direction.flat[entry] = 1.0
        slopes.append(_slope(f, array, direction, step, extrapolations))
    return np.array(slopes)


def compare(f: Function, array: Array, found: Array, name: str, tolerance: float, context: str = "") -> float:
    """Return the relative error of `found`, a gradient of `f` at `array`, or raise a CheckError.

    A random direction tests all entries at once. The slope along it is of the size of the gradient's root
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
    worst = float(np.max([_error_along(f, array, found, d, tolerance) for d in directions]))
    if worst <= tolerance:  # nan is not
        return worst
    entries = np.sort(rng.permutation(found.size)[:ENTRIES])
    expected = _slopes(f, array, entries.tolist(), STEPS[-1])
    raise CheckError(
        f"{context}{name} disagrees with finite differences, relative error {worst:.2g} "
        f"(tolerance {tolerance:g}): {_describe(name, found, entries, expected)}"
    )


def _error_along(f: Function, array: Array, found: Array, direction: Array, tolerance: float) -> float:
    """Return the relative error along `direction`, for the first step that brings it within `tolerance`."""
    direction = direction / np.linalg.norm(direction)
    along, scale, error = np.vdot(found, direction), max(math.sqrt(np.mean(found**2)), SMALL), math.nan
    for step in STEPS:
        error = abs(_slope(f, array, direction, step) - along) / scale
        if error <= tolerance:
            break
    return error


def _describe(name: str, found: Array, entries: Array, expected: Array) -> str:
    """Return the worst of the `entries`, and the factor by which all are wrong if there is one."""
    values = found.ravel()[entries]
    worst = np.argmax(np.abs(values - expected))
    index = ", ".join(map(str, np.unravel_index(entries[worst], found.shape)))
    entry = f"{name}[{index}] is {values[worst]:.6g}, expected {expected[worst]:.6g}"
    ratio = np.vdot(values, expected) / np.vdot(expected, expected) if np.any(expected) else 1.0
    alike = np.linalg.norm(values - ratio * expected) < 1e-3 * np.linalg.norm(expected)
    return entry + (f"; everywhere it is {ratio:.3g} times what is expected" if alike else "")
