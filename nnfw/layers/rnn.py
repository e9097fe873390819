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
        (h,), (Wh,), (s,), φ, steps = p.states, p.Wh, p.steps.part(p.s), self.activation, p.steps
        keeps = φ.needs_input  # the scores, for its derivative
        for seen_, s_t, h_t in zip(p.see(), steps.each(s), steps.after(h), strict=False):
            np.dot(seen_, Wh, out=h_t)  # (1) h₋ Wh
            scores = np.add(s_t, h_t, out=s_t if keeps else h_t)  # (1) x Wx + h₋ Wh + b
            φ(scores, h_t)  # (1) h

    def _backward_steps(self, p: Pass, ds: Array, WhT: Array, dh: Array, *others: Array) -> None:
        """Fill ds (P, H) and complete dh (N + P, H), the last step first."""
        h, m, φ = p.states[0][p.steps.N :], p.m, self.activation
        for block in p.blocks():
            slope = block.part(ds)
            φ.derivative(block.part(h), block.part(p.s)[0], slope)  # (1) φ′, of many steps at once
            steps = block.each(slope), *p.carried(block, dh, self.return_sequences)
            for ds_t, dh_t, d_t, dh_ in zip(*steps, strict=False):
                ds_t *= dh_t  # (1) ds = dh∘φ′
                np.dot(ds_t, WhT, out=d_t)  # (1) ds Whᵀ
                if m is not None:
                    d_t *= m[: len(d_t)]  # what the weights saw was h₋∘m
                if self.return_sequences:
                    dh_ += d_t  # (1) dh₋ += ds Whᵀ
