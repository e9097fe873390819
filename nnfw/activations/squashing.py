"""What squashes any score into an interval: 0 to 1 for a share or a gate, -1 to 1 for a state."""

import numpy as np

from nnfw.activation import Activation, decay
from nnfw.activations.given import activations
from nnfw.arrays import Array

HALF = np.array(0.5, np.float32)  # exact in every type; at a recurrent layer's sizes a float costs as much


@activations.register("sigmoid")
class Sigmoid(Activation):
    """The logistic function, y = 1 / (1 + exp(-x)) = exp(min(x, 0)) / (1 + exp(-|x|)).

    A probability must be right in its left tail too: sigmoid(-700) is 1e-304 and its logarithm -700. This
    takes two exponentials. A gate only multiplies by its value, so that an error of one unit in the last
    place of 1 is lost in what it lets through: `gate` is one tanh, and its left tail ends in 0.

    Examples
    --------
    >>> x = np.array([-50.0, 0.0])
    >>> Sigmoid()(x)
    array([1.92874985e-22, 5.00000000e-01])
    >>> Sigmoid().gate(x)
    array([0. , 0.5])
    """

    gate_scale = 0.5

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        numerator = np.exp(np.minimum(x, 0))
        denominator = np.add(1, decay(x, out), out=out)
        return np.divide(numerator, denominator, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.multiply(y, np.subtract(1, y, out=out), out=out)

    def gate(self, x: Array, out: Array | None = None) -> Array:
        """Return 1/2 + 1/2 tanh(x), the fast form for half a score, right to one ulp of 1."""
        t = np.tanh(x, out=out)
        return np.add(np.multiply(t, HALF, out=out), HALF, out=out)


@activations.register("hard_sigmoid")
class HardSigmoid(Activation):
    """Three straight lines near the sigmoid, y = max(0, min(1, x/6 + 1/2)); the derivative at the kinks is 0.

    This is the form of Keras 3 and PyTorch; older Keras and ONNX have x/5 + 1/2.
    """

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y = np.add(x, 3, out=out)  # (x + 3)/6, because x/6 + 1/2 cancels near x = -3
        y = np.minimum(np.maximum(y, 0, out=out), 6, out=out)
        return np.divide(y, 6, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        inside = np.sign(np.multiply(y, np.subtract(1, y), out=out), out=out)  # 1 if 0 < y < 1; nan is kept
        return np.divide(inside, 6, out=out)


@activations.register("tanh")
class Tanh(Activation):
    """The hyperbolic tangent."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.subtract(1, np.square(y, out=out), out=out)


@activations.register("softsign")
class Softsign(Activation):
    """The slow sign, y = x / (1 + |x|): it saturates like 1/|x| and not like exp(-|x|) (Bergstra 2009)."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        return np.divide(x, np.add(1, np.abs(x)), out=out)

    def derivative(self, y: Array, x: Array | None = None, out: Array | None = None) -> Array:
        return np.square(np.subtract(1, np.abs(y, out=out), out=out), out=out)
