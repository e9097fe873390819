"""Layers with an activation φ: their base, `Dense`, in which every output is a weighted sum, and φ alone."""

from typing import Unpack

import numpy as np

from nnfw import activations, initializers
from nnfw.activations import Activation
from nnfw.core.logits import LOGITS
from nnfw.core.typing import Array, Converted, Shape
from nnfw.core.validation import boolean, positive_integer
from nnfw.core.vectors import product, repeated, total
from nnfw.initializers import InitializerLike
from nnfw.layers.base import Layer, Options
from nnfw.layers.parameters import NOTHING


class ActivatedOptions(Options, total=False):
    """The arguments of every layer with an activation; `Dense` describes them."""

    use_bias: bool
    initializer: InitializerLike
    bias_initializer: InitializerLike


class Activated(Layer):
    """The base of layers that add a bias and apply an activation, y = φ(s): `Dense`, and the convolutions."""

    activation: Converted[Activation, str | Activation]  # φ
    _adjustable: tuple[str, ...] = ("activation",)

    def __init__(
        self,
        activation: str | Activation = "linear",
        *,
        use_bias: bool = True,
        initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
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
        """Return y = φ(s), which may be in the memory of s; in training, keep what the derivative needs."""
        keep = self._keeps_logits or (training and self.activation.needs_input)
        y = self.activation(s, out=None if keep else s)
        if training:
            self.cache = {"y": y} | ({"s": s} if keep else {})
        if self._keeps_logits:
            LOGITS.enter(y, (self.activation.name, s))
        return y

    def _before_activation(self, dy: Array, of_logits: bool) -> Array:
        """Return ds for dy of the output's shape, which is ds already if it is `of_logits`."""
        dy, cache = self._check_gradient(dy), self.cache
        ds = dy if of_logits else self.activation.backward(dy, cache["y"], cache.get("s"))
        cache["ds"] = ds
        return ds


class Dense(Activated):
    """A fully connected layer.

    ::

        (1)  s = x W + b          (N, D) (D, H) + (H,) -> (N, H)
        (2)  y = φ(s)

    and the backward pass (adjoint), read upward; φ′ is the derivative of φ at s, ∘ the elementwise product::

        (2)  ds = dy∘φ′
        (1)  dx = ds Wᵀ     dW = xᵀ ds     db = Σ ds     over all samples and steps

    Softmax multiplies dy by its Jacobian instead; if the loss is fused with the activation, ds comes directly
    from the loss: see `nnfw.core.logits`. Each step of an input (N, T, D) counts as a sample: (N, T, H).

    Parameters
    ----------
    units : int
        H, the number of outputs.
    activation : str or Activation
        φ.
    use_bias : bool
        Whether b is added; it is by default.
    initializer, bias_initializer : str or Initializer
        Fill ``W`` and ``b``, by default "glorot_uniform" and "zeros".
    **options
        See `Layer`.

    Examples
    --------
    >>> layer = Dense(2, "relu")
    >>> layer.compute_shapes((3,))
    (2,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.params["W"][...] = [[1, -1], [0, 0], [0, 0]]
    >>> layer.forward(np.array([[2.0, 5.0, 5.0]]))
    array([[2., 0.]], dtype=float32)
    """

    causal = True

    def __init__(
        self, units: int, activation: str | Activation = "linear", **options: Unpack[ActivatedOptions]
    ) -> None:
        super().__init__(activation, **options)
        self.units = positive_integer("Dense", "units", units)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (H,) for (D,), and (T, H) for (T, D)."""
        D = self._features(input_shape, (2, 3), "x.reshape(len(x), -1) merges several axes into one")
        self._add_parameters((D, self.units))
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y (N, H) for x (N, D), or (N, T, H) for (N, T, D)."""
        W = self.params["W"]
        x = np.asarray(x, self.dtype, order="C")  # read row by row here and in `gradients`
        self.check_input(x, len(W))
        s = product(x, W)  # (1)
        if self.use_bias:
            s += repeated(self.params["b"], s)  # (1)
        y = self._activate(s, training)  # (2)
        if training:
            self.cache["x"] = x
        return y

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx for dy of the output's shape, or, if `of_logits`, for ds in its place."""
        ds = self._before_activation(dy, of_logits)  # (2)
        return product(ds, self.params["W"].T) if self._needs_dx else NOTHING  # (1)

    def gradients(self) -> None:
        """Fill dW and db: (1), over all samples and steps at once."""
        D, H = self.params["W"].shape
        ds = self._recall("ds", "gradients").reshape(-1, H)
        x = self.cache["x"].reshape(-1, D)
        np.dot(x.T, ds, out=self.grads["W"])  # (1)
        if self.use_bias:
            total(ds, self.grads["b"])  # (1)


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
        return self._before_activation(dy, of_logits)
