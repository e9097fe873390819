"""Regularizers: penalties on parameters that are added to the loss, and bounds enforced after each step.

p is a parameter, λ the strength of a penalty. The gradient of a penalty is added before gradients are
clipped; a bound is enforced after the optimizer's step.

``@nnfw.regularizers.register("near_one")`` above your own class makes it available by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnfw.core.registry import Part, Registry
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, POSITIVE


class Regularizer(Part):
    """Base class of regularizers. A subclass defines the methods it needs.

    Examples
    --------
    >>> class NearOne(Regularizer):
    ...     def penalty(self, p):
    ...         return float(np.sum((p - 1) ** 2))
    ...     def add_gradient(self, p, dp):
    ...         dp += 2 * (p - 1)
    >>> NearOne().penalty(np.array([1.0, 3.0]))
    4.0
    """

    def penalty(self, p: Array) -> float:
        """Return the penalty of the parameter, which is added to the loss."""
        return 0.0

    def add_gradient(self, p: Array, dp: Array) -> None:
        """Add the penalty's gradient to `dp` in place."""

    def constrain(self, p: Array) -> None:
        """Enforce the bound on the parameter in place after a step."""


Regularizers = Regularizer | Sequence[str | Regularizer] | Mapping[str, Any]
registry = Registry("regularizer", Regularizer, {"weight_decay": "l2"})


@registry.register("l1")
class L1(Regularizer):
    """L1 penalty, λ Σ|p|, where `strength` is λ; it drives most weights close to zero."""

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = AMOUNT("L1", "strength", strength)

    def penalty(self, p: Array) -> float:
        return self.strength * float(np.abs(p).sum(dtype=np.float64))

    def add_gradient(self, p: Array, dp: Array) -> None:
        dp += self.strength * np.sign(p)


@registry.register("l2")
class L2(Regularizer):
    """L2 penalty, λ/2 Σp², with gradient λp; on all parameters, it equals `weight_decay` of an optimizer.

    `strength` is λ. Keras's ``L2(λ)`` has no factor 1/2: it is ``L2(2λ)`` here.

    Examples
    --------
    >>> L2(0.1).penalty(np.array([3.0, -4.0]))
    1.25
    """

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = AMOUNT("L2", "strength", strength)

    def penalty(self, p: Array) -> float:
        return self.strength / 2 * float(np.square(p, dtype=np.float64).sum())

    def add_gradient(self, p: Array, dp: Array) -> None:
        dp += self.strength * p


@registry.register("max_norm")
class MaxNorm(Regularizer):
    """An upper bound, `limit`, on the Euclidean norm of each unit's input weights, a column of (D, H).

    The weights of a convolution filter are a column too. A column with a larger norm is scaled down to the
    bound (Srivastava et al., JMLR 15 (2014), section 5.1).

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
        """See `Regularizer`; a column whose norm is not finite is left unchanged."""
        with np.errstate(over="ignore", under="ignore"):
            norms = np.sqrt(np.square(p).sum(axis=tuple(range(max(p.ndim - 1, 1)))))
        long = (norms > self.limit) & (norms < np.inf)
        if long.any():
            p[..., long] *= self.limit / norms[long].astype(np.float64)


def get(regularizer: Any) -> Any:
    """Return the regularizers for a name, an object, a list of them, or a dict of them by parameter.

    Examples
    --------
    >>> get("l2"), get({"Wx": "l1", "Wh": [L2(0.1), MaxNorm(2.0)]})
    (L2(), {'Wx': L1(), 'Wh': [L2(strength=0.1), MaxNorm(limit=2.0)]})
    """
    if regularizer is None:
        return None
    if isinstance(regularizer, Mapping):
        return {name: get(one) for name, one in regularizer.items()}
    if isinstance(regularizer, Sequence) and not isinstance(regularizer, str):
        return [registry.get(one) for one in regularizer]
    return registry.get(regularizer)


def assign(regularizer: Any, params: Mapping[str, Array], label: str) -> list[tuple[str, Regularizer]]:
    """Return pairs of a parameter name and its regularizer; one for the whole layer applies to matrices."""
    regularizer = get(regularizer)  # again, since the list or dict may have changed
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
    return [
        (name, one) for name, given in each.items() for one in (given if isinstance(given, list) else [given])
    ]


register = registry.register

__all__ = ["L1", "L2", "MaxNorm", "Regularizer", "get", "register", "registry"]
