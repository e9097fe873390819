"""Attention: a weighted mean over the steps of a sequence, with weights computed from the sequence."""

import math
from typing import Any, Unpack

import numpy as np

from nnfw import initializers
from nnfw.activations import Softmax
from nnfw.core.lengths import check_lengths, valid_steps, without
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import boolean, positive_integer
from nnfw.core.vectors import blocks, product, total
from nnfw.initializers import InitializerLike
from nnfw.layers.base import Layer, Options
from nnfw.layers.parameters import NOTHING

SOFTMAX = Softmax()


class Attention(Layer):
    """The base of both layers: their constructor, and the checks of their input (N, T, D)."""

    takes_lengths = True

    def __init__(
        self, units: int, *, initializer: InitializerLike = "glorot_uniform", **options: Unpack[Options]
    ) -> None:
        super().__init__(**options)
        self.units = positive_integer(type(self).__name__, "units", units)
        self.initializer = initializers.get(initializer)

    def _enter(self, x: Array, features: int, lengths: Array | None) -> tuple[Array, Array]:
        """Return x (N, T, D) with 0 in the padding, and which steps are valid (N, T)."""
        x = np.asarray(x, self.dtype)
        self.check_input(x, features, axes=(3,))
        N, T, _ = x.shape
        valid = valid_steps(check_lengths(self._label, lengths, N, T), T)
        return x if lengths is None else without(~valid, x), valid


class AttentionPooling(Attention):
    """A weighted mean over the steps of each sequence, with learned weights: (N, T, D) -> (N, D).

    ::

        (1)  k = tanh(x W + b)          (N, T, D) (D, H) -> (N, T, H)
        (2)  e = k v                    (N, T, H) (H,) -> (N, T)
        (3)  a = softmax(e), over the valid steps of each sequence
        (4)  y = Σₜ aₜ xₜ               (N, T) (N, T, D) -> (N, D)

    and backward::

        (4)  daₜ = dy·xₜ                dxₜ = aₜ dy
        (3)  de = a∘(da - Σ a∘da)
        (2)  dk = de vᵀ                 dv = Σ kᵀ de
        (1)  ds = dk∘(1 - k²)           dx += ds Wᵀ     dW = Σ xᵀ ds     db = Σ ds

    After ``forward(x, training=True)``, the weights a are in ``cache["weights"]``. The output for a sequence
    without steps is 0.

    Parameters
    ----------
    units : int
        H.
    initializer : str or Initializer
        Fills ``W`` and ``v``.
    **options
        See `Layer`.

    References
    ----------
    Yang et al. 2016, "Hierarchical attention networks for document classification", NAACL-HLT, section 2.2.

    Examples
    --------
    >>> layer = AttentionPooling(4)
    >>> layer.compute_shapes((None, 3))
    (3,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> y = layer.forward(np.ones((1, 5, 3)), training=True, lengths=[2])
    >>> layer.cache["weights"]
    array([[0.5, 0.5, 0. , 0. , 0. ]], dtype=float32)
    """

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (D,) for (T, D)."""
        D, H = self._features(input_shape, (3,)), self.units
        self.add_parameter("W", (D, H), self.initializer)
        self.add_parameter("b", (H,), "zeros")
        self.add_parameter("v", (H, 1), self.initializer)
        return (D,)

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return y (N, D) for x (N, T, D); steps beyond the `lengths` (N,) have weight 0."""
        W, b, v = (self.params[name] for name in ("W", "b", "v"))
        x, valid = self._enter(x, len(W), lengths)
        k = np.tanh(product(x, W) + b)  # (1)
        e = product(k, v)[..., 0]  # (2)
        a = softmax_where(valid, e)  # (3)
        y: Array = (a[:, None] @ x)[:, 0]  # (4)
        if training:
            self.cache = {"x": x, "k": k, "weights": a, "y": y}
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy (N, D)."""
        dy = self._check_gradient(dy)
        x, k, a = (self.cache[name] for name in ("x", "k", "weights"))
        da = (x @ dy[..., None])[..., 0]  # (4)
        de = SOFTMAX.backward(da, a)  # (3)
        ds = de[..., None] * self.params["v"][:, 0]  # (2)
        ds *= 1 - k * k  # (1)
        self.cache.update(de=de, ds=ds)
        if not self._needs_dx:
            return NOTHING
        return a[..., None] * dy[:, None] + product(ds, self.params["W"].T)  # (4), (1)

    def gradients(self) -> None:
        """Fill dW and db, (1), and dv, (2), over all samples and steps at once."""
        ds = self._recall("ds", "gradients").reshape(-1, self.units)
        x, k = self.cache["x"].reshape(-1, len(self.params["W"])), self.cache["k"].reshape(-1, self.units)
        np.matmul(x.T, ds, out=self.grads["W"])  # (1)
        total(ds, self.grads["b"])  # (1)
        np.matmul(k.T, self.cache["de"].reshape(-1, 1), out=self.grads["v"])  # (2)


class SelfAttention(Attention):
    """Single-head attention of each step over all steps of its sequence: (N, T, D) -> (N, T, H).

    ::

        (1)  q, k, v = x Wq + bq, x Wk + bk, x Wv + bv          each (N, T, H)
        (2)  e = q kᵀ / √H                                      (N, T, T)
        (3)  a = softmax(e), over the valid steps, if causal only those up to its own
        (4)  y = a v                                            (N, T, T) (N, T, H) -> (N, T, H)

    and backward::

        (4)  da = dy vᵀ                   dv = aᵀ dy
        (3)  de = a∘(da - Σ a∘da)
        (2)  dq = de k / √H               dk = deᵀ q / √H
        (1)  dx = dq Wqᵀ + dk Wkᵀ + dv Wvᵀ     dWq = Σ xᵀ dq     dbq = Σ dq     and so on

    There is no output projection; `Residual`, `LayerNorm` and `Dense` turn the layer into a transformer
    block. It knows the order of the steps only from x, for example from a recurrent layer or a convolution
    before it. After ``forward(x, training=True)``, the weights a are in ``cache["weights"]``, a row per step.

    Parameters
    ----------
    units : int
        H.
    causal : bool
        Whether each step attends to no later ones; `Network.stream` then works, and keeps all steps.
    initializer : str or Initializer
        Fills ``Wq``, ``Wk`` and ``Wv``.
    **options
        See `Layer`.

    References
    ----------
    Vaswani et al. 2017, "Attention is all you need" (arXiv:1706.03762), equation 1.

    Examples
    --------
    >>> layer = SelfAttention(4, causal=True)
    >>> layer.compute_shapes((3, 2))
    (3, 4)
    >>> layer.initialize(np.random.default_rng(0))
    >>> y = layer.forward(np.ones((1, 3, 2)), training=True)
    >>> layer.cache["weights"].round(2)
    array([[[1.  , 0.  , 0.  ],
            [0.5 , 0.5 , 0.  ],
            [0.33, 0.33, 0.33]]], dtype=float32)
    """

    def __init__(
        self,
        units: int,
        *,
        causal: bool = False,
        initializer: InitializerLike = "glorot_uniform",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(units, initializer=initializer, **options)
        self.causal = boolean("SelfAttention", "causal", causal)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D)."""
        D, H = self._features(input_shape, (3,)), self.units
        for name in "qkv":
            self.add_parameter(f"W{name}", (D, H), self.initializer, block="W")
            self.add_parameter(f"b{name}", (H,), "zeros", block="b")
        return (input_shape[0], H)

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return y (N, T, H) for x (N, T, D); steps beyond the `lengths` (N,) are ignored, with output 0."""
        x, valid = self._enter(x, len(self.params["Wq"]), lengths)
        q, k, v = self._project(x)  # (1)
        (N, T, _), earlier = x.shape, np.tri(x.shape[1], dtype=bool) if self.causal else np.True_
        y, a = np.empty(v.shape, self.dtype), np.empty((N if training else 0, T, T), self.dtype)
        for n in blocks(N, T * T):
            out = a[n] if training else None
            weights = self._weigh(q[n], k[n], valid[n, None] & earlier, out)  # (2), (3)
            np.matmul(weights, v[n], out=y[n])  # (4)
        y[~valid] = 0
        if training:
            self.cache = {"x": x, "q": q, "k": k, "v": v, "weights": a, "valid": valid, "y": y}
        return y

    def _project(self, x: Array) -> Any:
        """Return q, k and v (N, T, H): (1)."""
        return np.split(product(x, self._blocks["W"]) + self._blocks["b"], 3, axis=-1)

    def _weigh(self, q: Array, k: Array, seen: Any, out: Array | None = None) -> Array:
        """Return the weights a of the steps that are seen: (2), (3)."""
        return softmax_where(seen, np.matmul(q / math.sqrt(self.units), k.swapaxes(1, 2), out=out))

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), given dy (N, T, H)."""
        dy = self._check_gradient(dy)
        q, k, v, a, valid = (self.cache[name] for name in ("q", "k", "v", "weights", "valid"))
        dy, ds = without(~valid, dy), np.empty((*a.shape[:2], 3 * self.units), self.dtype)
        q, k = q / math.sqrt(self.units), k / math.sqrt(self.units)  # (2) / √H
        dq, dk, dv = np.split(ds, 3, axis=-1)
        for n in blocks(len(a), a[:1].size):
            np.matmul(a[n].swapaxes(1, 2), dy[n], out=dv[n])  # (4)
            de = SOFTMAX.backward(dy[n] @ v[n].swapaxes(1, 2), a[n])  # (4) da, (3)
            np.matmul(de, k[n], out=dq[n])  # (2)
            np.matmul(de.swapaxes(1, 2), q[n], out=dk[n])  # (2)
        self.cache["ds"] = ds
        return product(ds, self._blocks["W"].T) if self._needs_dx else NOTHING  # (1)

    def gradients(self) -> None:
        """Fill the gradients of all three projections: (1), over all samples and steps at once."""
        ds = self._recall("ds", "gradients").reshape(-1, 3 * self.units)
        x = self.cache["x"].reshape(-1, len(self._blocks["W"]))
        np.matmul(x.T, ds, out=self._grad_blocks["W"])  # (1)
        total(ds, self._grad_blocks["b"])  # (1)

    def start_stream(self, N: int) -> Array:
        """Return the k and v of N sequences before their first step, which are empty."""
        return np.zeros((N, 0, 2 * self.units), self.dtype)

    def step_stream(self, x: Array, state: Array) -> tuple[Array, Array]:
        """Return y (N, 1, H) for the next step x (N, 1, D), and k and v of all steps so far."""
        q, *new = self._project(np.asarray(x, self.dtype))
        state = np.concatenate([state, np.concatenate(new, axis=-1)], axis=1)
        k, v = np.split(state, 2, axis=-1)
        return self._weigh(q, k, np.True_) @ v, state


def softmax_where(seen: Any, e: Array) -> Array:
    """Return the softmax over the last axis of the elements `seen`, 0 for the others, in the memory of e."""
    np.copyto(e, -np.inf, where=~seen)
    e -= e.max(axis=-1, keepdims=True, initial=np.finfo(e.dtype).min)
    np.exp(e, out=e)
    total = e.sum(axis=-1, keepdims=True)
    e /= total + (total == 0)
    return e
