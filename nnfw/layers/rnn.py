"""RNN: the simple recurrent layer of Elman."""

from collections.abc import Sequence

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.packing import Steps
from nnfw.layers.recurrent import Drop, Recurrent, Room


class RNN(Recurrent):
    """A simple recurrent layer.

    ::

        (1)  h = φ(x Wx + h₋ Wh + b)     (N, D) (D, H) + (N, H) (H, H) + (H,) -> (N, H)

    and its adjoint, φ′ being the slope of φ there, had from h::

        (1)  ds = dh∘φ′     dh₋ += ds Whᵀ     dx = ds Wxᵀ
             dWx = xᵀ ds    dWh = h₋ᵀ ds      db = Σ ds       over all samples and steps

    h₋ is the state before the step. dh begins as the gradient of the step's own output, 0 if that is not
    returned; dh₋ is the dh of the step before. The parameters are ``Wx``, ``Wh`` and ``b``.

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ.
    return_sequences, go_backwards, use_bias, dropout, recurrent_dropout
        See `nnfw.layers.recurrent.Recurrent`.
    input_initializer, recurrent_initializer, bias_initializer
        See `nnfw.layers.recurrent.Recurrent`.
    **options
        See `Layer`.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> layer = RNN(2, return_sequences=True)
    >>> layer.compute_shapes((7, 3))
    (7, 2)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 7, 3))).shape
    (5, 7, 2)
    """

    gates = ("",)

    def forward_steps(
        self, s: Array, Wh: list[Array], states: Sequence[Array], steps: Steps, room: Room, drop: Drop
    ) -> dict[str, Array]:
        """Fill the states h (N + P, H) from the input products `s` (1, P, H)."""
        (h,), (Wh_all,) = states, Wh
        φ = self.activation
        seen = drop.views(h, steps, room)
        for (h_before, h_t, s_t), seen_t in zip(steps.walk([h], rows=(s[0],)), seen, strict=True):
            drop(h_before, seen_t)
            np.dot(seen_t, Wh_all, out=h_t)
            h_t += s_t  # (1) x Wx + h₋ Wh + b
            φ(h_t, h_t)  # (1) h
        return {}

    def backward_steps(
        self, ds: Array, WhT: Array, dstates: Sequence[Array], steps: Steps, drop: Drop
    ) -> dict[str, Array]:
        """Fill `ds` (P, H) from dh (N + P, H), the steps in reverse."""
        (dh,) = dstates
        self.slope("", self.activation, self.kept["h"], slice(None), ds)  # (1) φ′, at all steps
        d = self._buffer("d", (steps.N, self.units))
        for dh_before, dh_t, ds_t, d_t in reversed(list(steps.walk([dh], rows=(ds,), room=(d,)))):
            ds_t *= dh_t  # (1) ds = dh∘φ′
            np.dot(ds_t, WhT, out=d_t)
            drop(d_t, d_t)
            dh_before += d_t  # (1) dh₋ += ds Whᵀ
        return {}
