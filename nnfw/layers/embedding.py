"""Embedding: a learned vector for each symbol."""

from typing import Unpack

import numpy as np

from nnfw import initializers
from nnfw.core.arrays import first_where
from nnfw.core.errors import ShapeError
from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import positive_integer, whole_number
from nnfw.initializers import InitializerLike
from nnfw.layers.base import Layer, Options, with_samples


class Embedding(Layer):
    """A table E (V, H) of one vector for each of V symbols; the input holds their indices.

    ::

        (1)  y = E[x]          (N, T) -> (N, T, H), or (N,) -> (N, H)

    and backward, for each symbol v::

        (1)  dE[v] = Σ dy      over the steps that used v

    Parameters
    ----------
    vocabulary : int
        V, the number of symbols: indices are 0 to V - 1.
    units : int
        H, the size of a vector.
    mask : int, optional
        The index that stands for no symbol. Its vector is 0 and stays 0. If this is the first layer of a
        network, masks at the end of a sequence are padding, from which the lengths are derived. A sequence
        that begins with masks is refused, unless lengths are given: then each mask within them is a step.
    initializer : str, Initializer or ndarray (V, H)
        Fills ``E``; an array gives pretrained vectors.
    **options
        See `Layer`; ``trainable=False`` freezes the vectors.

    Examples
    --------
    >>> layer = Embedding(3, 2, initializer=np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]))
    >>> layer.compute_shapes((None,))
    (None, 2)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[2, 1]]))
    array([[[3., 4.],
            [1., 2.]]], dtype=float32)
    >>> layer.forward(np.array([[2, 3]]))
    Traceback (most recent call last):
    ValueError: Embedding(3, 2): x[0, 1] is 3, but indices must be whole numbers from 0 to 2; use a
    larger vocabulary, or map such symbols to an index of their own within it
    """

    _takes_indices = causal = True
    _extent = property(lambda self: f"{self.vocabulary}, {self.units}")

    def __init__(
        self,
        vocabulary: int,
        units: int,
        mask: int | None = None,
        *,
        initializer: InitializerLike = "uniform",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        self.vocabulary = positive_integer("Embedding", "vocabulary", vocabulary)
        self.units = positive_integer("Embedding", "units", units)
        self.mask = None if mask is None else whole_number("Embedding", "mask", mask)
        if self.mask is not None and self.mask >= self.vocabulary:
            raise ValueError(
                f"Embedding: mask must be one of the indices, 0 to {self.vocabulary - 1}, got {mask}; "
                f"a vocabulary of {self.mask + 1} includes it"
            )
        self.initializer = initializers.get(initializer)

    def _check_values(self, x: Array) -> None:
        """Raise a ValueError at the first value that is no index."""
        whole = x.dtype.kind != "f" or np.array_equal(x, np.floor(x))
        if whole and (x.size == 0 or (x.min() >= 0 and x.max() < self.vocabulary)):
            return
        wrong = ~((x >= 0) & (x < self.vocabulary) & (x == np.floor(x)))
        remedy = "use a larger vocabulary, or map such symbols to an index of their own within it"
        if self._place not in (None, 1):
            remedy = "it reads the input of the network and must come before all other layers"
        raise ValueError(
            f"{self._label}: {first_where(wrong, x, 'x')}, but indices must be whole numbers "
            f"from 0 to {self.vocabulary - 1}; {remedy}"
        )

    def _find_lengths(self, x: Array, lengths: Array | None = None) -> Array | None:
        """Return the steps (N,) up to the last that is not the mask; the known ones if there is no mask."""
        if self.mask is None or x.ndim != 2:
            return lengths
        symbols = x != self.mask
        if lengths is not None:
            symbols &= valid_steps(lengths, x.shape[1])
        in_front = symbols.any(axis=1) & ~symbols[:, 0]
        if in_front.any():
            raise ValueError(
                f"{self._label}: x[{in_front.argmax()}] begins with the mask {self.mask}, but padding must "
                f"be at the end, as in nnfw.data.pad_sequences (Keras: padding='post'); if the mask is a "
                f"valid step, pass x as one array, with lengths"
            )
        return np.where(symbols.any(axis=1), x.shape[1] - symbols[:, ::-1].argmax(axis=1), 0)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T,), and (H,) for ()."""
        if len(input_shape) > 1:
            said = f"{self._label}: expects indices (samples, steps) or (samples,)"
            remedy = "x.argmax(axis=-1) converts one-hot rows, and x[..., 0] rows of one index"
            raise ShapeError(f"{said}, got {with_samples(input_shape)}; {remedy}")
        self.add_parameter("E", (self.vocabulary, self.units), self.initializer)
        return (*input_shape, self.units)

    def initialize(self, rng: np.random.Generator, dtype: str = "float32") -> None:
        """Allocate and fill E; the mask's row is 0."""
        super().initialize(rng, dtype)
        if self.mask is not None:
            self.params["E"][self.mask] = 0

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the vectors (N, T, H) for the indices (N, T), or (N, H) for (N,)."""
        E, x = self.params["E"], np.asarray(x)
        if x.ndim not in (1, 2):
            raise ShapeError(f"{self._label}: expects indices (samples, steps) or (samples,), got {x.shape}")
        self._check_values(x)
        x = x.astype(np.intp, copy=False)
        y = E.take(x, axis=0)  # (1)
        if self.mask is not None:
            y[x == self.mask] = 0
        if training:
            self.cache = {"x": x}
        return y

    def backward(self, dy: Array) -> Array:
        """Return zeros of the shape of x: there is no gradient with respect to an index."""
        x = self._recall("x", "backward")
        self.cache = {"x": x, "dy": self._check_gradient(dy, (*x.shape, self.units))}
        return np.zeros(x.shape, self.dtype)

    def gradients(self) -> None:
        """Fill dE: (1), each row the sum of dy over the steps that used it, in their order."""
        dy, dE = self._recall("dy", "gradients"), self.grads["E"]
        rows = self.cache["x"].ravel()
        dE[...] = 0
        # Entry by entry: np.add.at is several times faster on one axis than on rows, and than sorting.
        entries = np.add.outer(rows * self.units, np.arange(self.units))
        np.add.at(dE.reshape(-1), entries.ravel(), dy.ravel())  # (1)
        if self.mask is not None:
            dE[self.mask] = 0
