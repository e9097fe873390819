"""The base of layers with an activation: φ, a bias, and the logits for the loss; and φ as a layer."""

from typing import Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activations import Activation
from nnfw.core.logits import LOGITS
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import boolean
from nnfw.initializers import Initializer
from nnfw.layers.base import Layer, Options


class ActivatedOptions(Options, total=False):
    """The arguments of every layer with an activation; `Dense` describes them."""

    use_bias: bool
    initializer: str | Initializer
    bias_initializer: str | Initializer


class Activated(Layer):
    """The base of layers that add a bias and apply an activation, y = φ(s): `Dense`, and the convolutions."""

    activation: Activation  # φ
    _adjustable: tuple[str, ...] = ("activation",)

    def __init__(
        self,
        activation: str | Activation = "linear",
        *,
        use_bias: bool = True,
        initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)
        self.use_bias = boolean(type(self).__name__, "use_bias", use_bias)
        self.initializer = initializers.get(initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def _add_parameters(self, shape: Shape) -> None:
        """Declare W of this shape (..., H), and b (H,)."""
        self.add_parameter("W", shape, self.initializer)
        if self.use_bias:
            self.add_parameter("b", shape[-1:], self.bias_initializer)

    def _activate(self, s: Array, training: bool) -> Array:
        """Return y = φ(s), which may be in the memory of s; in training, keep what `_slope` needs."""
        keep = self._keeps_logits or (training and self.activation.needs_input)
        y = self.activation(s, out=None if keep else s)
        if training:
            self.cache = {"y": y} | ({"s": s} if keep else {})
        if self._keeps_logits:
            LOGITS.enter(y, (self.activation.name, s))
        return y

    def _slope(self, dy: Array, of_logits: bool) -> Array:
        """Return ds for dy of the output's shape, which is ds already if it is `of_logits`."""
        dy, cache = self._check_gradient(dy), self.cache
        ds = dy if of_logits else self.activation.backward(dy, cache["y"], cache.get("s"))
        cache["ds"] = ds
        return ds


class Activate(Activated):
    """An activation alone, y = φ(x), to follow a layer without an `activation` argument, as `BatchNorm`.

    Parameters
    ----------
    activation : str or Activation
        φ.
    name : str, optional
        See `Layer`.

    Examples
    --------
    >>> Activate("relu").forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    causal = True
    _extent = property(lambda self: self.activation.name)

    def __init__(self, activation: str | Activation, *, name: str | None = None) -> None:
        Layer.__init__(self, name=name)
        self.activation = activations.get(activation)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x."""
        return self._activate(np.array(x, self.dtype), training)

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx, of the shape of dy; see `Dense.backward` for logits."""
        return self._slope(dy, of_logits)
