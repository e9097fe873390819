"""RNN: the simple recurrent layer of Elman."""

from typing import Any

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

    h₋ is the state before the step. dh starts as the gradient of the step's own output, 0 if that is not
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

    def _forward_steps(self, p: Pass, Wh: list[Array]) -> None:
        """Fill the states h from the input products: ``h[t]`` (n, H) is h after step t."""
        (s,), (W,), φ = p.once(self._forward_views), Wh, self.activation
        keeps = φ.needs_input  # the scores, for its derivative
        h_, h, seen, m = p.around()  # seen: h₋, or h₋∘m with recurrent dropout
        for t in range(len(s)):
            if m:
                np.multiply(h_[t], m[t], out=seen[t])
            np.dot(seen[t], W, out=h[t])  # (1) h₋ Wh
            scores = np.add(s[t], h[t], out=s[t] if keeps else h[t])  # (1) x Wx + h₋ Wh + b
            φ(scores, h[t])  # (1) h

    def _forward_views(self, p: Pass) -> list[list[Array]]:
        """Return a list with the view of the scores at each step."""
        return p.steps.cut(*p.s)

    def _backward_steps(self, p: Pass) -> None:
        """Fill ds and complete the gradients dh of the states, the last step first."""
        h, φ = p.steps.shaped(p.states[0][p.steps.N :]), self.activation
        for block, slope, ds, dh, d, dh_ in p.once(self._backward_views):
            φ.derivative(block.part(h), block.part(p.s)[0], slope)  # (1) ds begins as φ′ of many steps
            m = p.masks(block)
            for t in reversed(range(len(block))):
                ds[t] *= dh[t]  # (1) ds = dh∘φ′
                np.dot(ds[t], p.WhT, out=d[t])  # (1) ds Whᵀ
                if m:
                    d[t] *= m[t]  # the weights multiply h₋∘m
                if p.sequences:  # otherwise d[t] is dh_[t]
                    dh_[t] += d[t]  # (1) dh₋ += ds Whᵀ

    def _backward_views(self, p: Pass) -> list[tuple[Any, ...]]:
        """Return, for each block of steps, the block, its part of ds, and lists with one view a step."""
        ds, views = p.steps.shaped(p.ds), []
        for block, _ in p.blocks:
            slope = block.part(ds)
            views.append((block, slope, *block.cut(slope), *p.carried(block)))
        return views
