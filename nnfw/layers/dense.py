"""Dense: every output is a weighted sum of all inputs, passed through an activation."""

from typing import TYPE_CHECKING, Unpack

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import positive_integer
from nnfw.layers.activated import Activated
from nnfw.layers.base import Options, with_samples
from nnfw.layers.parameters import NOTHING

if TYPE_CHECKING:
    from nnfw.activations import Activation
    from nnfw.initializers import Initializer


class Dense(Activated):
    """A fully connected layer.

    ::

        (1)  s = x W + b          (N, D) (D, H) + (H,) -> (N, H)
        (2)  y = φ(s)

    and the backward pass (adjoint), read upward, with φ′ the slope of φ at s and ∘ the elementwise product::

        (2)  ds = dy∘φ′
        (1)  dx = ds Wᵀ     dW = xᵀ ds     db = Σ ds     over all samples and steps

    Softmax multiplies dy by its Jacobian instead; and where the loss is fused with the activation, ds comes
    straight from the loss: see `nnfw.core.logits`. Each step of an input (N, T, D) is a sample: (N, T, H).

    Parameters
    ----------
    units : int
        H, the number of outputs.
    activation : str or Activation
        φ.
    use_bias : bool
        Whether b is added.
    initializer, bias_initializer : str or Initializer
        Fill ``W`` and ``b``.
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
        self,
        units: int,
        activation: "str | Activation" = "linear",
        *,
        use_bias: bool = True,
        initializer: "str | Initializer" = "glorot_uniform",
        bias_initializer: "str | Initializer" = "zeros",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            activation,
            use_bias=use_bias,
            initializer=initializer,
            bias_initializer=bias_initializer,
            **options,
        )
        self.units = positive_integer("Dense", "units", units)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (H,) for (D,), and (T, H) for (T, D)."""
        if len(input_shape) not in (1, 2) or input_shape[-1] is None:
            raise ShapeError(
                f"{self._label}: expects (samples, features) or (samples, steps, features), "
                f"got {with_samples(input_shape)}; x.reshape(len(x), -1) makes one axis of several"
            )
        D, H = input_shape[-1], self.units
        self._add_parameters((D, H))
        return (*input_shape[:-1], H)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y (N, H) for x (N, D), or (N, T, H) for (N, T, D)."""
        W = self.params["W"]
        x = np.asarray(x, self.dtype)
        self.check_input(x, len(W))
        s = x @ W  # (1)
        if self.use_bias:
            s += self.params["b"]  # (1)
        y = self._activate(s, training)  # (2)
        if training:
            self.cache["x"] = x
        return y

    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        """Return dx, for dy of the output's shape; or for ds in its place, if it is `of_logits`."""
        ds = self._slope(dy, of_logits)  # (2)
        return ds @ self.params["W"].T if self._needs_dx else NOTHING  # (1)

    def gradients(self) -> None:
        """Fill dW and db: (1), over all samples and steps at once."""
        D, H = self.params["W"].shape
        ds = self._recall("ds", "gradients").reshape(-1, H)
        x = self.cache["x"].reshape(-1, D)
        np.matmul(x.T, ds, out=self.grads["W"])  # (1)
        if self.use_bias:
            np.add.reduce(ds, axis=0, out=self.grads["b"])  # (1)
