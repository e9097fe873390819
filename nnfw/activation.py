"""What every activation shares: a value, its derivative, and how a gradient passes back through both."""

from typing import ClassVar

import numpy as np

from nnfw.arrays import Array
from nnfw.parts import Part


class Activation(Part):
    """The base of all activations; one of your own needs ``__call__`` and `derivative`, and nothing else.

    Pass the object itself to a layer, or make it known by name too, with
    ``@nnfw.activations.register("sine")`` above the class.
    Activations of one class with equal arguments are equal.

    Attributes
    ----------
    elementwise : bool
        Whether each output depends on its own score only (False for softmax).
    needs_input : bool
        Whether `derivative` needs ``x`` besides ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> class Sine(Activation):
    ...     needs_input = True
    ...
    ...     def __call__(self, x, out=None):
    ...         return np.sin(x, out=out)
    ...
    ...     def derivative(self, y, x=None, out=None):
    ...         return np.cos(x, out=out)
    >>> sine, x = Sine(), np.array([0.0, np.pi / 2])
    >>> y = sine(x)
    >>> y
    array([0., 1.])
    >>> sine.backward(np.array([2.0, 2.0]), y, x).round(3)
    array([2., 0.])
    """

    elementwise: ClassVar[bool] = True
    temperature: float = 1.0  # what scores are divided by; only softmax has another
    needs_input: ClassVar[bool] = False
    gate_scale: ClassVar[float] = 1.0  # what scores are multiplied with before `gate`

    def __init_subclass__(cls) -> None:
        """Have a class that computes another value not inherit the gate of the old one."""
        super().__init_subclass__()
        if "__call__" in vars(cls) and "gate" not in vars(cls):
            cls.gate, cls.gate_scale = Activation.gate, Activation.gate_scale  # type: ignore[method-assign]

    @property
    def name(self) -> str:
        """The registered name; the name of the class where there is none."""
        return vars(type(self)).get("known_as") or type(self).__name__

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        """Return the value at `x`, of the same shape and dtype; `out` may be `x` itself."""
        raise NotImplementedError(f"{self.name}: define __call__(self, x, out=None)")

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        """Return dy/dx elementwise, from the output `y` (and `x` if `needs_input`); `out` must not be `y`."""
        raise NotImplementedError(f"{self.name}: define derivative(self, y, x=None, out=None)")

    def backward(self, dy: Array, y: Array, x: Array | None = None) -> Array:
        """Return dx, the gradient with respect to the scores, from the gradient `dy` of the output `y`."""
        return dy * self.derivative(y, x)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return the value as a recurrent gate needs it: the same, unless a faster form is close enough."""
        return self(x, out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and type(other) is type(self) and other.config == self.config

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.config.items())))

    def _given(self, x: Array | None) -> Array:
        if x is None:
            raise TypeError(f"{self.name}: the derivative needs the input; call derivative(y, x), got x=None")
        return x


def destination(x: Array, out: Array | None = None) -> Array:
    """Return where to write a result: `out`, or a new array of the shape and (floating) dtype of `x`."""
    return np.empty_like(x, dtype=np.result_type(x, 0.0), subok=False) if out is None else out


def decay(x: Array, out: Array | None = None) -> Array:
    """Return exp(-abs(x)), which never overflows; `out` may be `x`."""
    return np.exp(np.negative(np.abs(x, out=out), out=out), out=out)
