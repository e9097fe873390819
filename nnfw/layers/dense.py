"""Dense: every output is a weighted sum of all inputs, passed through an activation."""

from typing import Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import positive_integer
from nnfw.layers.activated import Activated, ActivatedOptions
from nnfw.layers.parameters import NOTHING


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
        """Return dx for dy of the output's shape, or, if `of_logits`, for ds in its place."""
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
