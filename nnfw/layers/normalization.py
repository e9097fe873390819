"""Normalization to mean 0 and variance 1: of the features of a sample, or of a feature over a batch."""

from typing import ClassVar, Unpack

import numpy as np

from nnfw.core.lengths import check_lengths, valid_steps, without
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import POSITIVE, SHARE
from nnfw.core.vectors import repeated, total
from nnfw.kernels import kernel
from nnfw.layers.base import Layer, Options
from nnfw.layers.packing import rows_of
from nnfw.layers.parameters import NOTHING
from nnfw.optimizers import Optimizer


class LayerNorm(Layer):
    """Normalize over the last axis, then scale and shift each feature by learned parameters.

    ::

        (1)  centred = x - mean(x)
        (2)  scale = 1 / √(mean(centred²) + ε)          (N, 1), or (N, T, 1)
        (3)  normalized = centred scale
        (4)  y = normalized∘gain + shift          (N, D) -> (N, D), or (N, T, D) -> (N, T, D)

    and backward::

        (4)      dnormalized = dy∘gain
        (3 to 1) dx = (dnormalized - mean(dnormalized) - normalized mean(dnormalized∘normalized)) scale

    Each sample and step is normalized on its own, so training and inference are the same.

    Parameters
    ----------
    epsilon : float
        ε > 0.
    **options
        See `Layer`.

    References
    ----------
    Ba, Kiros & Hinton 2016, "Layer normalization" (arXiv:1607.06450).

    Examples
    --------
    >>> layer = LayerNorm()
    >>> _ = layer.compute_shapes((4,))
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0, 4.0]])).round(2)
    array([[-1.34, -0.45,  0.45,  1.34]], dtype=float32)
    """

    causal = True
    _adjustable = ("epsilon",)

    def __init__(self, *, epsilon: float = 1e-5, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.epsilon = POSITIVE("LayerNorm", "epsilon", epsilon)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape, (D,) or (T, D)."""
        self._features(input_shape, (2, 3), "Reshape merges several axes into one")
        self.add_parameter("gain", input_shape[-1:], "ones")
        self.add_parameter("shift", input_shape[-1:], "zeros")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, of the shape of x."""
        x = np.ascontiguousarray(x, self.dtype)
        self.check_input(x, len(self.params["gain"]))
        normalized = self._scratch("normalized", x.shape) if training else np.empty_like(x)
        scale, y = np.empty((*x.shape[:-1], 1), self.dtype), np.empty_like(x)
        rows = [rows_of(array) for array in (x, normalized, scale, y)]
        if run := kernel("layer_norm_forward"):
            run(*rows, self.params["gain"], self.params["shift"], self.epsilon)
        else:
            self._forward_rows(*rows)
        if training:
            self.cache = {"normalized": normalized, "scale": scale}
        return y

    def _forward_rows(self, x: Array, normalized: Array, scale: Array, y: Array) -> None:
        """Fill `normalized` (M, D), `scale` (M, 1) and y (M, D) for the rows x (M, D)."""
        np.subtract(x, means(x), out=normalized)  # (1)
        normalized -= means(normalized)  # (1) again: the mean of features far from 0 was rounded
        np.square(normalized, out=y)
        scale[...] = 1 / np.sqrt(means(y) + self.epsilon)  # (2)
        normalized *= scale  # (3)
        np.multiply(normalized, self.params["gain"], out=y)  # (4)
        y += self.params["shift"]  # (4)

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of x."""
        normalized, scale = self._recall("normalized", "backward"), self.cache["scale"]
        dy = np.ascontiguousarray(self._check_gradient(dy, normalized.shape))
        self.cache = {**self.cache, "dy": dy}
        if not self._needs_dx:
            return NOTHING
        dx = np.empty_like(dy)
        rows = [rows_of(array) for array in (dy, normalized, scale, dx)]
        if run := kernel("layer_norm_backward"):
            run(*rows, self.params["gain"])
        else:
            self._backward_rows(*rows)
        return dx

    def _backward_rows(self, dy: Array, normalized: Array, scale: Array, dx: Array) -> None:
        """Fill dx (M, D) for the gradients dy (M, D) of the rows."""
        gain = self.params["gain"]
        np.multiply(dy, gain, out=dx)  # (4)
        mean, along = means(dx), np.vecdot(dx, normalized)[:, None] / len(gain)
        dx -= normalized * along  # (2)
        dx -= mean  # (1)
        dx *= scale  # (3)

    def gradients(self) -> None:
        """Fill the gradients of gain and shift: (4), over all samples and steps at once."""
        dy = self._recall("dy", "gradients")
        product = np.multiply(dy, self.cache["normalized"], out=self._scratch("product", dy.shape))
        total(product, self.grads["gain"])  # (4)
        total(dy, self.grads["shift"])  # (4)


class BatchNorm(Layer):
    """Normalize each feature over a batch, then scale and shift it by learned parameters.

    A batch has M rows of D features, one for each sample, or for each of its valid steps or pixels::

        (1)  mean = Σ x / M     variance = Σ (x - mean)² / M          (D,)
        (2)  scale = 1 / √(variance + ε)
        (3)  normalized = (x - mean) scale
        (4)  y = normalized∘gain + shift          of the shape of x

    and backward::

        (4)      dnormalized = dy∘gain     dgain = Σ dy∘normalized     dshift = Σ dy
        (3 to 1) dx = (dnormalized - Σ dnormalized / M - normalized Σ dnormalized∘normalized / M) scale

    In inference, mean and variance are the running ones, which each update moves towards those of its batch::

        (5)  running = running + rate (that of the batch - running)

    with the unbiased variance, M / (M - 1) times that of (1). They are the parameters ``mean`` and
    ``variance``, which no optimizer updates, so that files, copies and callbacks keep them with the others. A
    batch of one row has no variance: the running statistics normalize it and do not change, as with
    ``trainable=False`` on the layer or on a network that it is part of. Sample weights apply to the loss;
    rows of weight 0 count in (1), as in other libraries.

    Parameters
    ----------
    epsilon : float
        ε > 0.
    rate : float
        From 0 to 1: how far a batch moves the running statistics. This is `momentum` in PyTorch, and
        ``1 - momentum`` in Keras.
    **options
        See `Layer`.

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization" (arXiv:1502.03167).

    Examples
    --------
    >>> layer = BatchNorm()
    >>> _ = layer.compute_shapes((1,))
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0], [3.0], [5.0]]), training=True).ravel().round(2)
    array([-1.22,  0.  ,  1.22], dtype=float32)
    >>> layer.forward(np.array([[1.0]])).round(2)  # before any update the running mean is 0, the variance 1
    array([[1.]], dtype=float32)
    """

    causal = takes_lengths = True
    _adjustable = ("epsilon", "rate")
    _statistics = ("mean", "variance")
    _homes: ClassVar = {"BatchNorm(rate=...): that is PyTorch's {0}, and Keras's {0} is 1 - rate": "momentum"}

    def __init__(self, *, epsilon: float = 1e-5, rate: float = 0.1, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.epsilon = POSITIVE("BatchNorm", "epsilon", epsilon)
        self.rate = SHARE("BatchNorm", "rate", rate)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the input's shape, (D,), (T, D) or (H, W, D)."""
        self._features(input_shape, (2, 3, 4))
        for name, start in (("gain", "ones"), ("shift", "zeros"), ("mean", "zeros"), ("variance", "ones")):
            self.add_parameter(name, input_shape[-1:], start)
        return input_shape

    def forward(self, x: Array, training: bool = False, lengths: Array | None = None) -> Array:
        """Return y, of the shape of x; steps beyond the `lengths` (N,) are ignored, with output 0."""
        gain, shift, mean, variance = (self.params[name] for name in ("gain", "shift", "mean", "variance"))
        x, padding = np.asarray(x, self.dtype), None
        self.check_input(x, len(gain), axes=(2, 3, 4))
        if lengths is not None:
            padding = ~valid_steps(check_lengths(self._label, lengths, *x.shape[:2]), x.shape[1])
        M = x[..., 0].size if padding is None else int(padding.size - padding.sum())
        of_batch = training and M > 1 and not is_frozen(self)
        if of_batch:
            mean = total(without(padding, x)) / M  # (1)
        normalized = without(padding, x - repeated(mean, x))
        if of_batch:
            rest = total(normalized) / M  # (1) again: the mean of features far from 0 was rounded
            mean, normalized = mean + rest, without(padding, normalized - repeated(rest, x))
            variance = total(normalized * normalized) / M  # (1)
        scale = 1 / np.sqrt(variance + self.epsilon)  # (2)
        normalized *= repeated(scale, x)  # (3)
        y = np.multiply(normalized, repeated(gain, x), out=None if training else normalized)  # (4)
        y += repeated(shift, x)  # (4)
        y = without(padding, y)
        if training:
            self.cache = {"normalized": normalized, "scale": scale}
            if padding is not None:
                self.cache["padding"] = padding
            if of_batch:
                self.cache.update(mean=mean, variance=variance, M=np.array(M, self.dtype))
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx, of the shape of x."""
        normalized, padding = self._recall("normalized", "backward"), self.cache.get("padding")
        dy = without(padding, self._check_gradient(dy, normalized.shape))
        factor = repeated(self.params["gain"] * self.cache["scale"], dy)
        product = dy * normalized
        self.cache.update(dgain=total(product), dshift=total(dy))  # (4)
        if not self._needs_dx:
            return NOTHING
        if "M" not in self.cache:
            return dy * factor
        M, dgain, dshift = (self.cache[name] for name in ("M", "dgain", "dshift"))
        dx: Array = dy - repeated(dshift / M, dy)  # (1)
        dx -= np.multiply(normalized, repeated(dgain / M, dy), out=product)  # (2)
        dx *= factor  # (4), (3)
        return without(padding, dx)

    def gradients(self) -> None:
        """Fill the gradients of gain and shift: (4); those of the running statistics are 0."""
        self._require("dshift", "gradients")
        self.flat_grads[...] = 0
        for name in ("gain", "shift"):
            self.grads[name][...] = self.cache[f"d{name}"]

    def update(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step of the optimizer, and move the running statistics: (5)."""
        running = {name: self.params[name].copy() for name in self._statistics}
        super().update(optimizer, epoch)  # which may apply weight decay to them too
        if "M" in self.cache and not is_frozen(self):
            M = self.cache["M"]
            running["mean"] += self.rate * (self.cache["mean"] - running["mean"])
            running["variance"] += self.rate * (self.cache["variance"] * (M / (M - 1)) - running["variance"])
        for name, statistic in running.items():
            self.params[name][...] = statistic


def is_frozen(layer: Layer | None) -> bool:
    """Whether a layer is frozen, either itself or as part of a frozen chain."""
    while layer is not None and layer.trainable:
        layer = layer._owner() if layer._owner else None
    return layer is not None


def means(x: Array) -> Array:
    """Return the mean (M, 1) of each row of x (M, D), as one product."""
    D = x.shape[1]
    return (x @ (np.ones(D, x.dtype) / D))[:, None]
