"""Running means, in which the past fades, and steps divided by the root of one."""

import numpy as np

from nnfw.arrays import Array


def blend(average: Array, new: Array, keep: float, work: Array) -> None:
    """Compute average = keep average + (1 − keep) new in place; `work` may be `new`."""
    np.multiply(new, 1 - keep, out=work)
    average *= keep
    average += work


def sum_of_weights(keep: float, steps: int) -> float:
    """Return the sum 1 + keep + keep² + … of as many weights as there are steps."""
    return (1 - keep**steps) / (1 - keep)


def over_root(numerator: Array, squares: Array, epsilon: float, work: Array) -> Array:
    """Return numerator / (√squares + epsilon) in `work`, which may be `squares`."""
    np.sqrt(squares, out=work)
    work += epsilon
    return np.divide(numerator, work, out=work)
