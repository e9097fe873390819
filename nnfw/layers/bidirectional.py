"""Bidirectional: a recurrent layer and a second one that reads in the opposite direction."""

import weakref
from collections.abc import Callable, Sequence
from typing import Literal, Unpack

import numpy as np

from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import one_of
from nnfw.layers.base import Layer, Options
from nnfw.layers.parameters import Cache
from nnfw.layers.recurrent import DROPOUTS, Recurrent

# How the outputs h and k become y, and how its gradient dy is shared between them.
MERGES: dict[str, tuple[Callable[[Array, Array], Array], Callable[..., Sequence[Array]]]] = {
    "concat": (lambda h, k: np.concatenate([h, k], axis=-1), lambda dy, h, k: np.split(dy, 2, axis=-1)),
    "sum": (lambda h, k: h + k, lambda dy, h, k: (dy, dy)),
    "mul": (lambda h, k: h * k, lambda dy, h, k: (dy * k, dy * h)),
    "ave": (lambda h, k: (h + k) / 2, lambda dy, h, k: (dy / 2, dy / 2)),
}


class Bidirectional(Layer):
    """Read each sequence in both directions, with two layers of one kind, each with its own weights.

    ::

        (1)  y = [h, k]        "concat", (N, T, 2H) or (N, 2H)
             y = h + k         "sum"
             y = h∘k           "mul"
             y = (h + k) / 2   "ave"

    h is the output of the layer, k that of the second one, which reads from the last valid step to the first.
    With `return_sequences`, both belong to the same step of the input; without it, each is the state after
    all steps. The parameters are ``ahead.Wx_z`` ..., then ``back.Wx_z`` ...; the state (N, S) and its
    gradient are those of both side by side. Their caches are ``ahead.cache`` and ``back.cache``.

    Parameters
    ----------
    layer : RNN, GRU or LSTM
        The first layer; the second is created with the same arguments, dropout included.
    merge : {"concat", "sum", "mul", "ave"}
        How to merge the two outputs.
    **options
        See `Layer`; pass `optimizer`, `regularizer` and `trainable` here, not to the inner layer.

    References
    ----------
    Schuster & Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45
    (1997).

    Examples
    --------
    >>> from nnfw import GRU
    >>> layer = Bidirectional(GRU(4, return_sequences=True))
    >>> layer.compute_shapes((7, 3))
    (7, 8)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 7, 3))).shape, layer.ahead.params["Wx_z"].shape
    ((5, 7, 8), (3, 4))
    """

    takes_lengths = _takes_state = _settled = True
    _extent = property(lambda self: f"{type(self.layer).__name__}({self.layer._extent})")
    ahead: Recurrent
    back: Recurrent
    directions: tuple[Recurrent, Recurrent]

    def __init__(
        self,
        layer: Recurrent,
        merge: Literal["concat", "sum", "mul", "ave"] = "concat",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        self.layer = self._checked(layer)
        self.merge = one_of(*MERGES)("Bidirectional", "merge", merge)
        back = type(layer)(**layer.config | {"go_backwards": not layer.go_backwards})
        vars(self).update(ahead=layer, back=back, directions=(layer, back))  # assignment is refused
        self._state_size = 2 * layer._state_size
        self._bind()

    def _checked(self, layer: Recurrent) -> Recurrent:
        if not isinstance(layer, Recurrent):
            raise TypeError(f"Bidirectional: layer must be an RNN, GRU or LSTM object, got {layer!r:.80}")
        if layer._owned:
            raise ValueError(
                f"Bidirectional: {layer!r} is already part of a network; use copy.deepcopy(layer)"
            )
        for name, default in (("optimizer", None), ("regularizer", None), ("trainable", True)):
            if getattr(layer, name) is not default:
                raise ValueError(
                    f"Bidirectional: give {name} to Bidirectional(..., {name}=...), not to the "
                    f"{type(layer).__name__} inside: both directions share it"
                )
        return layer

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, 2H) or (T, H) for (T, D) if the inner layer returns sequences, else (2H,) or (H,)."""
        for name, inner in zip(("ahead", "back"), self.directions, strict=True):
            try:
                shape = inner.compute_shapes(input_shape)
            except ShapeError as error:
                raise ShapeError(f"{self._label}: {error}") from None
            for parameter, spec in inner._specs.items():
                block = f"{name}.{spec.block}"
                self.add_parameter(f"{name}.{parameter}", spec.shape, spec.initializer, block)
        return (*shape[:-1], 2 * self.layer.units) if self.merge == "concat" else shape

    def _check_values(self, x: Array) -> None:
        self.layer._check_values(x)

    def _bind(self) -> None:
        """Make the views of `Layer`; the inner layers' vectors are the two halves of this layer's."""
        super()._bind()
        halves = zip(np.split(self.flat_params, 2), np.split(self.flat_grads, 2), strict=True)
        for inner, (params, grads) in zip(self.directions, halves, strict=True):
            vars(inner).update(flat_params=params, flat_grads=grads, cache=Cache())
            inner._owner, inner._settled = weakref.ref(self), True
            inner._adjustable = DROPOUTS if inner is self.ahead else ()
            inner._bind()

    def forward(
        self,
        x: Array,
        training: bool = False,
        lengths: Array | None = None,
        initial_state: Array | None = None,
    ) -> Array:
        """Return y (N, T, 2H) or (N, 2H), with H in place of 2H if `merge` is not "concat".

        The second half of `initial_state` is the state of `back` before it reads the last step.
        """
        states: Sequence[Array | None] = (None, None)
        if initial_state is not None:
            states = np.array_split(np.atleast_1d(initial_state), 2, axis=-1)
        if training:
            self.ahead._noise = self.back._noise = self._noise
            vars(self.back).update({name: getattr(self.ahead, name) for name in DROPOUTS})
        h = self.ahead.forward(x, training, lengths, states[0])
        k = self.back.forward(x, training, lengths, states[1])
        y = MERGES[self.merge][0](h, k)  # (1)
        if training:
            self.cache = {"h": h, "k": k, "y": y}
        return y

    @property
    def final_state(self) -> Array:
        """The state (N, S) after the last step in each direction, from the last training pass."""
        self._recall("y", "final_state")
        return np.concatenate([inner.final_state for inner in self.directions], axis=1)

    @property
    def initial_gradient(self) -> Array:
        """The gradient with respect to the initial state (N, S), from the last `backward`."""
        return np.concatenate([inner.initial_gradient for inner in self.directions], axis=1)

    def backward(self, dy: Array) -> Array:
        """Return dx (N, T, D), the sum over both directions, given dy of the output's shape."""
        dy = self._check_gradient(dy)
        dh, dk = MERGES[self.merge][1](dy, self.cache["h"], self.cache["k"])  # (1)
        self.ahead._needs_dx = self.back._needs_dx = self._needs_dx
        return self.ahead.backward(dh) + self.back.backward(dk)

    def gradients(self) -> None:
        """Fill the gradients of both layers."""
        for inner in self.directions:
            inner.gradients()
