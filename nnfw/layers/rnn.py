"""RNN: the simple recurrent layer of Elman."""

import numpy as np

from nnfw.core.typing import Array
from nnfw.layers.loops import Loops, Pass
from nnfw.layers.recurrent import Recurrent


class RNN(Recurrent):
    """A simple recurrent layer.

    ::

        (1)  h = φ(x Wx + h₋ Wh + b)     (N, D) (D, H) + (N, H) (H, H) + (H,) -> (N, H)

    and backward (the adjoint), φ′ being the derivative of φ there::

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
    **options
        See `nnfw.layers.recurrent.Recurrent`.

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
    _loops = Loops("rnn")

    def _forward_steps(self, p: Pass) -> None:
        """Fill the states h (N + P, H) from the input products s (1, P, H)."""
        (h,), (Wh,), (s,), seen, m, φ = p.states, p.Wh, p.s, p.seen, p.m, self.activation
        keeps = φ.needs_input  # the scores, for its derivative
        for before, after, now in p.steps:
            h_t, s_t = h[after], s[now]
            np.dot(seen[before], Wh, out=h_t)
            scores = np.add(s_t, h_t, out=s_t if keeps else h_t)  # (1) x Wx + h₋ Wh + b
            φ(scores, h_t)  # (1) h
            if m is not None:
                np.multiply(h_t, m[: len(h_t)], out=seen[after])

    def _backward_steps(self, p: Pass, ds: Array, WhT: Array, dh: Array, *others: Array) -> None:
        """Fill ds (P, H) and complete dh (N + P, H), the last step first."""
        h, (s,), m, φ = p.states[0][p.steps.N :], p.s, p.m, self.activation
        d = p.scratch("d", (p.steps.N, self.units))
        for rows, block in p.blocks():
            φ.derivative(h[rows], s[rows], ds[rows])  # (1) φ′, of many steps at once
            for before, after, now in block:
                ds_t, dh_ = ds[now], dh[before]
                d_t = d[: len(dh_)]
                ds_t *= dh[after]  # (1) ds = dh∘φ′
                np.dot(ds_t, WhT, out=d_t)
                if m is not None:
                    d_t *= m[: len(d_t)]
                dh_ += d_t  # (1) dh₋ += ds Whᵀ
