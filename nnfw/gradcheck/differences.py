"""Finite differences: what every gradient must agree with, whoever wrote it."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nnfw.core.typing import Array
from nnfw.model import table

Function = Callable[[Array], float]

DIRECTIONS = 3  # random ones: an error in a single entry shows in each of them
STEPS = (1e-3, 1e-5)  # the second is for where the first steps over a kink, such as relu's
SMALL = 1e-5  # a gradient below this is compared absolutely: differences see no better
LOOKED_AT = 1000  # entries that are taken one by one to find the wrong one


class CheckError(AssertionError):
    """A check has failed: the message names the verb and the array, what was found and what was expected."""


@dataclass(frozen=True)
class Report:
    """What a check has found, all of it right; it prints as a table.

    Attributes
    ----------
    subject : str
        What was checked.
    errors : dict of str to float
        The relative error of each gradient.
    passed : tuple of str
        What else was checked.

    Examples
    --------
    >>> print(Report("Dense(2)", {"dW": 2.5e-11}, ("dtype",)))
    Dense(2)  relative error
    ────────  ──────────────
    dW        2.5e-11
    dtype     passed
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
        passed = [(name, "passed") for name in self.passed]
        return table([(self.subject, "relative error"), *errors, *passed])


def derivative(name: str) -> str:
    """Return what the gradient with respect to `name` is called.

    Examples
    --------
    >>> derivative("Wx"), derivative("gru_1.Wx_z")
    ('dWx', 'gru_1.dWx_z')
    """
    owner, dot, own_name = name.rpartition(".")
    return f"{owner}{dot}d{own_name}"


def slope_along(
    f: Function, array: ArrayLike, direction: ArrayLike, step: float = 1e-3, extrapolations: int = 1
) -> float:
    """Return the derivative of `f` at `array` along `direction`; see `numeric_gradient`."""
    array, direction = np.asarray(array, np.float64), np.asarray(direction, np.float64)

    def central(h: float) -> float:
        return float(f(array + h * direction) - f(array - h * direction)) / (2 * h)

    estimates = [central(step / 2**k) for k in range(extrapolations + 1)]
    for order in range(1, extrapolations + 1):
        w = 4**order
        estimates = [(w * fine - coarse) / (w - 1) for coarse, fine in itertools.pairwise(estimates)]
    return estimates[0]


def numeric_gradient(f: Function, array: ArrayLike, step: float = 1e-3, extrapolations: int = 1) -> Array:
    """Return the gradient of `f` at `array`, entry by entry from central differences.

    Parameters
    ----------
    f : function of ndarray, to float
        It should compute in float64.
    array : array_like of float
        Where; it is not changed.
    step : float
        How far to each side an entry is moved, in its units.
    extrapolations : int
        How often the step is halved and the leading error taken out (Richardson 1911). The error falls like
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


def _slopes(f: Function, array: Array, entries: Iterable[int], step: float, extrapolations: int = 1) -> Array:
    """Return the derivatives by the given entries, counted as in ``array.ravel()``."""
    slopes = []
    for entry in entries:
        direction = np.zeros(array.shape)
        direction.flat[entry] = 1.0
        slopes.append(slope_along(f, array, direction, step, extrapolations))
    return np.array(slopes)


def compare(f: Function, array: Array, found: Array, name: str, tolerance: float, context: str = "") -> float:
    """Return the relative error of `found`, a gradient of `f` at `array`, along random directions.

    A direction asks all entries at once, however many there are. The slope along it is of the size of the
    gradient's root mean square, to which the error is relative.

    Raises
    ------
    CheckError
        If it is larger than `tolerance`; the message begins with `context`, and shows the entry of the
        gradient, by its `name`, that is most wrong.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> compare(lambda x: np.sum(x**2), x, 2 * x, "dx", tolerance=1e-6) < 1e-6
    True
    >>> compare(lambda x: np.sum(x**2), x, x, "dx", tolerance=1e-6)
    Traceback (most recent call last):
    nnfw.gradcheck.differences.CheckError: dx disagrees with finite differences, relative error 1.3
    (tolerance 1e-06): dx[2] is 3, expected 6; everywhere it is 0.5 times what is expected
    """
    found = np.asarray(found, np.float64)
    if found.shape != array.shape:
        raise CheckError(f"{context}{name} has shape {found.shape}, expected {array.shape}")
    if not np.isfinite(found).all():
        raise CheckError(f"{context}{name} is not finite")
    if not found.size:
        return 0.0
    rng = np.random.default_rng(found.size)
    scale = max(math.sqrt(np.mean(found**2)), SMALL)
    errors = [
        _error_along(f, array, found, rng.normal(size=found.shape), tolerance * scale) / scale
        for _ in range(DIRECTIONS)
    ]
    worst = float(np.max(errors))
    if worst <= tolerance:  # nan is not
        return worst
    entries = np.sort(rng.permutation(found.size)[:LOOKED_AT])
    expected = _slopes(f, array, entries.tolist(), STEPS[-1])
    raise CheckError(
        f"{context}{name} disagrees with finite differences, relative error {worst:.2g} "
        f"(tolerance {tolerance:g}): {_describe(name, found, entries, expected)}"
    )


def _error_along(f: Function, array: Array, found: Array, direction: Array, enough: float) -> float:
    """Return the error of the slope along `direction`, with the first step that makes it small enough."""
    direction = direction / np.linalg.norm(direction)
    along = float(np.vdot(found, direction))
    error = math.nan
    for step in STEPS:
        error = abs(slope_along(f, array, direction, step) - along)
        if error <= enough:
            break
    return error


def _describe(name: str, found: Array, entries: Array, expected: Array) -> str:
    """Return which of the `entries` is most wrong, and whether all are wrong in one way."""
    looked_at = found.ravel()[entries]
    worst = np.argmax(np.abs(looked_at - expected))
    index = ", ".join(str(n) for n in np.unravel_index(entries[worst], found.shape))
    entry = f"{name}[{index}] is {looked_at[worst]:.6g}, expected {expected[worst]:.6g}"
    ratio = np.vdot(looked_at, expected) / np.vdot(expected, expected) if np.any(expected) else 1.0
    alike = np.linalg.norm(looked_at - ratio * expected) < 1e-3 * np.linalg.norm(expected)
    return entry + (f"; everywhere it is {ratio:.3g} times what is expected" if alike else "")
