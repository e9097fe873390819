"""RNN: the simple recurrent layer of Elman."""

import numpy as np

from nnfw.joint import Array
from nnfw.layers.recurrent import Recurrent, Room
from nnfw.layers.steps import Steps


class RNN(Recurrent):
    """A simple recurrent layer.

    ::

        (1)  h = φ(x Wx + h₋ Wh + b)     (N, D) (D, H) + (N, H) (H, H) + (H,) -> (N, H)

    h₋ is the state before the step. Its parameters are ``Wx``, ``Wh`` and ``b``.

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ.
    return_sequences, go_backwards, use_bias, input_initializer, recurrent_initializer, bias_initializer
        See `nnfw.layers.recurrent.Recurrent`.
    optimizer, trainable, name
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

    def forward_steps(self, s: Array, h: Array, steps: Steps, room: Room) -> dict[str, Array]:
        """Fill the states `h` (N + P, H) from the input products `s` (1, P, H)."""
        Wh, φ = self.blocks["Wh"], self.activation.gate
        views = zip(steps.before(h), steps.split(s[0]), steps.after(h), strict=True)
        for h_before, s_t, h_t in views:
            np.matmul(h_before, Wh, out=h_t)  # (1) h₋ Wh
            h_t += s_t  # (1) + x Wx + b
            φ(h_t, h_t)  # (1) φ
        return {}

    def backward_steps(self, dh: Array, ds: Array, steps: Steps) -> dict[str, Array]:
        """Fill `ds` (P, H) from `dh` (N + P, H), the steps in reverse."""
        WhT = self.blocks["Wh"].T
        ds[...] = self.slope("", self.activation, self.kept["h"])  # (1) φ′, all steps at once
        d = self.buffer("d", (steps.N, self.units))
        views = zip(steps.before(dh), steps.split(ds), steps.after(dh), steps.room(d), strict=True)
        for dh_before, ds_t, dh_t, d_t in reversed(list(views)):
            ds_t *= dh_t  # (1) ds = dh φ′
            np.matmul(ds_t, WhT, out=d_t)
            dh_before += d_t  # (1) dh₋ += ds Whᵀ
        return {}
