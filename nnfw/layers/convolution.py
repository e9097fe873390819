"""Conv1D and Conv2D: one affine map with shared weights, applied to the window at every step or pixel."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import one_of, positive_integer
from nnfw.core.vectors import blocks, repeated, total
from nnfw.layers.dense import Activated, ActivatedOptions
from nnfw.layers.windows import Windowed, sizes, windows_over


class Convolution(Activated, Windowed):
    """The base of convolutions over one axis (time) or two (rows and columns of images).

    ::

        (1)  u = the values of x in each window          (N, T, D) -> (N, T', K D)
        (2)  s = u W + b = Σₖ xₖ Wₖ + b                  (N, T', K D) (K D, F) + (F,) -> (N, T', F)
        (3)  y = φ(s)

    and backward, with ds for the windows, and dxₖ for the values at position k of each window::

        (3)  ds = dy∘φ′
        (2)  dxₖ = ds Wₖᵀ     dW = uᵀ ds     db = Σ ds
        (1)  dx = Σₖ dxₖ, each at the place of xₖ

    xₖ (N, T', D) is every ``stride``-th step of x, from step ``k dilation`` on (a cross-correlation, as in
    PyTorch and Keras). For images T and K are two axes each.

    Parameters
    ----------
    filters : int
        F, the number of outputs at each position.
    kernel_size : int, or for images a pair
        K, the number of values in a window along each axis.
    activation : str or Activation
        φ.
    stride, dilation : int, or for images a pair
        The steps from one window to the next, and from one value within a window to the next.
    padding : {"valid", "same", "causal"}
        "valid": windows lie within the data, and T' = ⌊(T - reach) / stride⌋ + 1, where the reach of a window
        is ``(K - 1) dilation + 1`` steps. With zero padding, T' = ⌈T / stride⌉: "same" centres a window at
        each stride-th step, and "causal", for sequences only, ends one there.
    use_bias : bool
        Whether b is added.
    initializer, bias_initializer : str or Initializer
        Fill ``W``, (K, D, F) or (K, K, D, F), and ``b`` (F,).
    **options
        See `Layer`.
    """

    _paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    _extent = property(lambda self: f"{self.filters}, {self.kernel_size}")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        activation: str | Activation = "linear",
        *,
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        padding: Literal["valid", "same", "causal"] = "valid",
        **options: Unpack[ActivatedOptions],
    ) -> None:
        super().__init__(activation, **options)
        owner = type(self).__name__
        self.filters = positive_integer(owner, "filters", filters)
        self.kernel_size = sizes(self, "kernel_size", kernel_size)
        self.stride, self.dilation = sizes(self, "stride", stride), sizes(self, "dilation", dilation)
        self.padding = one_of(*self._paddings)(owner, "padding", padding)
        self._windows = windows_over(self._axes, self.kernel_size, self.stride, self.dilation, self.padding)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T', F) for (T, D), or for images (H', W', F) for (H, W, D)."""
        counts = self._counts(input_shape)
        self._add_parameters((*self._windows.size, input_shape[-1], self.filters))
        return (*counts, self.filters)

    def slide(self, x: Array, training: bool) -> Array:
        """Return y (N, ..., F) for the padded x."""
        W = self.params["W"]
        if x.shape[-1] != W.shape[-2]:
            raise ShapeError(f"{self._label}: expects {W.shape[-2]} features, got {x.shape}")
        view, W = self._windows.view(x), W.reshape(-1, self.filters)
        counts = view.shape[: self._axes + 1]
        s = np.empty((*counts, self.filters), self.dtype)
        for part in blocks(len(view), view[:1].size):
            np.matmul(_unfold(view[part]), W, out=s[part].reshape(-1, self.filters))  # (1), (2)
        if self.use_bias:
            s += repeated(self.params["b"], s)  # (2)
        y = self._activate(s, training)  # (3)
        if training:
            self.cache["padded"] = x
        return y

    def spread(self, ds: Array, dx: Array) -> None:
        """Add the contribution of each window to the padded dx, which is 0."""
        W, rows = self.params["W"], ds.reshape(-1, self.filters)
        for place, dx_k in zip(np.ndindex(W.shape[:-2]), self._windows.taps(dx), strict=True):
            dx_k += np.dot(rows, W[place].T).reshape(dx_k.shape)  # (2), (1)

    def gradients(self) -> None:
        """Fill dW and db: (2), over all windows of all samples."""
        ds, view = self._recall("ds", "gradients"), self._windows.view(self.cache["padded"])
        dW = self.grads["W"].reshape(-1, self.filters)
        dW[...] = 0
        for part in blocks(len(view), view[:1].size):
            dW += _unfold(view[part]).T @ ds[part].reshape(-1, self.filters)  # (2)
        if self.use_bias:
            total(ds, self.grads["b"])  # (2)


def _unfold(view: Array) -> Array:
    """Return a copy of the windows (N, *counts, *size, D), one row each: (N T', K D).

    Of one channel the memory is (*size, D, N, *counts): so longer runs are copied.
    """
    half = view.ndim // 2
    order = np.roll(range(view.ndim), half if view.shape[-1] == 1 else 0)  # its own inverse
    u = np.ascontiguousarray(view.transpose(order))
    return u.transpose(order).reshape(-1, np.prod(view.shape[half:]))


class Conv1D(Convolution):
    """A convolution over time: (N, T, D) -> (N, T', F); see `Convolution` for the equations and arguments.

    Each sequence gives the same outputs as it would alone. With ``padding="causal"`` and stride 1, no output
    depends on a later step, and `Network.stream` works.

    Parameters
    ----------
    filters, kernel_size, stride, dilation : int
        F, K, the steps from one window to the next, and those from value to value within a window.
    activation, padding, use_bias, initializer, bias_initializer, **options
        See `Convolution`.

    References
    ----------
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86;
    van den Oord et al. 2016, "WaveNet" (arXiv:1609.03499), for causal and dilated convolutions.

    Examples
    --------
    >>> layer = Conv1D(1, 2, padding="causal", initializer=np.array([[[-1.0]], [[1.0]]]))
    >>> layer.compute_shapes((4, 1))
    (4, 1)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[[1.0], [3.0], [6.0], [4.0]]])).ravel()  # how much each differs from the last
    array([ 1.,  2.,  3., -2.], dtype=float32)
    """

    takes_lengths = True
    _paddings = ("valid", "same", "causal")

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no output depends on a later step of the input, and each step has an output."""
        return self.padding == "causal" and self.stride == 1

    def start_stream(self, N: int) -> Array:
        """Return the contents of the window for N sequences before their first step: zeros."""
        before, _ = self._windows.around()
        return np.zeros((N, before, self.params["W"].shape[1]), self.dtype)

    def step_stream(self, x: Array, state: Array) -> tuple[Array, Array]:
        """Return y (N, 1, F) for the next step x (N, 1, D), and the new contents of the window."""
        x = np.concatenate([state, np.asarray(x, self.dtype)], axis=1)
        return self.slide(x, training=False), x[:, 1:]


class Conv2D(Convolution):
    """A convolution over images: (N, H, W, D) -> (N, H', W', F), channels last; see `Convolution`.

    Give single-channel images (N, H, W) as ``x[..., None]``, or put a `Reshape` before the layer.

    Parameters
    ----------
    filters : int
        F.
    kernel_size, stride, dilation : int or pair of int
        For rows and columns; see `Convolution`.
    activation, padding, use_bias, initializer, bias_initializer, **options
        See `Convolution`.

    Examples
    --------
    >>> layer = Conv2D(6, 5, "relu", padding="same")
    >>> layer.compute_shapes((28, 28, 1))
    (28, 28, 6)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.params["W"].shape, layer.forward(np.ones((2, 28, 28, 1))).shape
    ((5, 5, 1, 6), (2, 28, 28, 6))
    """

    _axes = 2
