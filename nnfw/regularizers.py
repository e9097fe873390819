"""Regularizers: what holds parameters small, by a term added to the loss or by a bound kept after each step.

One letter, one meaning: p a parameter, λ the strength of a penalty. A penalty's value is part of the loss
that training makes small, its gradient is added to the parameter's before clipping, and a bound is restored
after the optimizer's step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, POSITIVE
from nnfw.core.vectors import norm_of


class Regularizer(Part):
    """The base of regularizers; one of your own writes the methods it needs.

    Examples
    --------
    A penalty on weights that are far from 1:

    >>> class NearOne(Regularizer):
    ...     def penalty(self, p):
    ...         return float(np.sum((p - 1) ** 2))
    ...
    ...     def add_gradient(self, p, dp):
    ...         dp += 2 * (p - 1)
    >>> NearOne().penalty(np.array([1.0, 3.0]))
    4.0
    """

    def penalty(self, p: Array) -> float:
        """Return what the parameter adds to the loss."""
        return 0.0

    def add_gradient(self, p: Array, dp: Array) -> None:
        """Add the penalty's gradient to `dp` in place."""

    def constrain(self, p: Array) -> None:
        """Bring the parameter back within its bound, in place, after a step."""


Regularizers = Regularizer | list[Regularizer] | dict[str, Any]

regularizers: Registry[Regularizer] = Registry(
    "regularizer", Regularizer, {"weight_decay": "l2", "ridge": "l2"}
)
register = regularizers.register


@regularizers.register("l1")
class L1(Regularizer):
    """A penalty λ Σ|p|, which makes weights that are of no use exactly or nearly zero.

    Parameters
    ----------
    strength : float
        λ, at least 0.

    Examples
    --------
    >>> L1(0.5).penalty(np.array([3.0, -4.0]))
    3.5
    """

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = AMOUNT("L1", "strength", strength)

    def penalty(self, p: Array) -> float:
        """Return λ Σ|p|."""
        return self.strength * float(np.abs(p).sum(dtype=np.float64))

    def add_gradient(self, p: Array, dp: Array) -> None:
        """Add λ sign(p)."""
        dp += self.strength * np.sign(p)


@regularizers.register("l2")
class L2(Regularizer):
    """A penalty λ/2 Σp², whose gradient is λp: what `weight_decay` of an optimizer is for all parameters.

    Keras's ``L2(λ)`` has no half: it is ``L2(2λ)`` here.

    Parameters
    ----------
    strength : float
        λ, at least 0.

    Examples
    --------
    >>> L2(0.1).penalty(np.array([3.0, -4.0]))
    1.25
    """

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = AMOUNT("L2", "strength", strength)

    def penalty(self, p: Array) -> float:
        """Return λ/2 Σp²."""
        return self.strength / 2 * float(np.square(p, dtype=np.float64).sum())

    def add_gradient(self, p: Array, dp: Array) -> None:
        """Add λ p."""
        dp += self.strength * p


@regularizers.register("max_norm")
class MaxNorm(Regularizer):
    """A bound on the weights into each unit: a column of (D, H) that is longer is shortened to it.

    Parameters
    ----------
    limit : float
        The highest Euclidean norm of a column, above 0.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014),
    section 5.1.

    Examples
    --------
    >>> p = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> MaxNorm(1.0).constrain(p)
    >>> p
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = POSITIVE("MaxNorm", "limit", limit)

    def constrain(self, p: Array) -> None:
        """Multiply each column that is too long by limit / norm; one that is not finite stays as it is."""
        with np.errstate(over="ignore", under="ignore"):
            lengths = np.sqrt(np.square(p).sum(axis=0, keepdims=True))[0]
        long = lengths > self.limit
        if not long.any():
            return
        columns, lengths = p[:, long], lengths[long].astype(np.float64)
        for n in np.flatnonzero(np.isinf(lengths)):  # squares may overflow where the norm does not
            lengths[n] = norm_of(columns[:, n])
        share = np.divide(self.limit, lengths, out=np.ones_like(lengths), where=lengths < np.inf)
        p[:, long] = columns * share


def get(given: Any) -> Any:
    """Return the regularizers for a name, an object, a list of them, or a dict of them by parameter.

    Examples
    --------
    >>> get("l2"), get({"Wx": "l1", "Wh": [L2(0.1), MaxNorm(2.0)]})
    (L2(), {'Wx': L1(), 'Wh': [L2(strength=0.1), MaxNorm(limit=2.0)]})
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        return {name: get(one) for name, one in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [regularizers.get(one) for one in given]
    return regularizers.get(given)


def assign(regularizer: Any, params: Mapping[str, Array], label: str) -> list[tuple[str, Regularizer]]:
    """Return which regularizers act on which parameters: one for all is for those that are matrices.

    Raises
    ------
    ValueError
        If a dict names a parameter that is not there.
    """
    if not isinstance(regularizer, Mapping):
        each = dict.fromkeys([name for name, p in params.items() if p.ndim > 1], regularizer)
    else:
        each = {}
        for given, one in regularizer.items():
            names = [name for name in params if name == given or name.startswith(f"{given}_")]
            if not names:
                raise ValueError(
                    f"{label}: regularizer names {given!r}, but its parameters are {', '.join(params)}"
                )
            each |= dict.fromkeys(names, one)
    listed = {name: one if isinstance(one, list) else [one] for name, one in each.items()}
    return [(name, regularizer) for name, several in listed.items() for regularizer in several]
