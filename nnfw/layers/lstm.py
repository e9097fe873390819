"""LSTM: long short-term memory, of Hochreiter & Schmidhuber (1997), with a forget gate."""

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array
from nnfw.core.validation import FINITE
from nnfw.initializers import Constant, Initializer
from nnfw.layers.gated import Gated, RecurrentOptions
from nnfw.layers.loops import Loops, Pass, by_gate


class LSTM(Gated):
    """A gated recurrent layer with a cell state in addition to the hidden state.

    The forget gate f controls how much of the old cell state c₋ is kept, the input gate i how much of the
    candidate g is added, and the output gate o how much of the result is output (h₋ and c₋ are the states
    before the step, ∘ the elementwise product)::

        (1)  i = σ(x Wx_i + h₋ Wh_i + b_i)     input gate
        (2)  f = σ(x Wx_f + h₋ Wh_f + b_f)     forget gate
        (3)  g = φ(x Wx_g + h₋ Wh_g + b_g)     candidate
        (4)  o = σ(x Wx_o + h₋ Wh_o + b_o)     output gate
        (5)  c = f∘c₋ + i∘g                    new cell state
        (6)  h = o∘v,  v = φ(c)                new hidden state

    and backward (the adjoint), read upward; ds is a gradient before the activation, σ′ and φ′ its
    derivative there::

        (6)  do = dh∘v      dc += dh∘o∘φ′
        (5)  df = dc∘c₋     di = dc∘g     dg = dc∘i     dc₋ = dc∘f
        (4)  ds_o = do∘σ′   (3)  ds_g = dg∘φ′   (2)  ds_f = df∘σ′   (1)  ds_i = di∘σ′
             dh₋ += ds_i Wh_iᵀ + ds_f Wh_fᵀ + ds_g Wh_gᵀ + ds_o Wh_oᵀ

    dh starts as the gradient of the step's own output, 0 if that is not returned, and dc as 0 at the last
    step; dh₋ and dc₋ are the dh and dc of the step before. The cache holds every dh, but no dc, which
    is ds_g / (i∘φ′). The gradients of the weights are sums over all samples and steps, those of x over the
    gates::

        dWx_i = xᵀ ds_i     dWh_i = h₋ᵀ ds_i     db_i = Σ ds_i     same for f, g and o
        dx = ds_i Wx_iᵀ + ds_f Wx_fᵀ + ds_g Wx_gᵀ + ds_o Wx_oᵀ

    The state (N, 2H) is h and c side by side.

    Parameters
    ----------
    units : int
        H, the size of h and of c.
    activation : str or Activation
        φ.
    recurrent_activation : str, Activation or dict
        σ: one for all gates, or a dict by gate, ``{"i": "sigmoid", "o": "hard_sigmoid"}``.
    forget_bias : float
        The initial value of b_f. At 1, the cell state is kept at first, and gradients pass over many steps.
    **options
        See `nnfw.layers.recurrent.Recurrent`.

    Notes
    -----
    Notation elsewhere:

    ==========  ================  =================  ================
    nnfw        Keras             PyTorch            ONNX
    ==========  ================  =================  ================
    i f o g     i f o c           i f o g            i f o c
    gate order  i f c o           i f g o            i o f c
    Wx, Wh      kernel,           weight_ih_l0ᵀ,     Wᵀ, Rᵀ
                recurrent_kernel  weight_hh_l0ᵀ
    b           bias              bias_ih + bias_hh  Wb + Rb
    b_f at 1    by default        no                 no
    ==========  ================  =================  ================

    References
    ----------
    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber & Cummins, Neural Computation 12 (2000); the forget bias: Jozefowicz, Zaremba & Sutskever,
    ICML 2015, section 2.2.

    Examples
    --------
    >>> layer = LSTM(4)
    >>> layer.compute_shapes((7, 3))
    (4,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> y = layer.forward(np.ones((5, 7, 3)), training=True)
    >>> y.shape, layer.cache["c"].shape, layer.final_state.shape
    ((5, 4), (5, 7, 4), (5, 8))
    """

    gates = ("i", "f", "o", "g")  # those with σ first
    _sigma_gates = ("i", "f", "o")
    _loops = Loops("lstm", states=("h", "c"), kept=("v",), factors=5)

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: str | Activation | Mapping[str, str | Activation] = "sigmoid",
        *,
        forget_bias: float = 1.0,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **options)
        self.forget_bias = FINITE("LSTM", "forget_bias", forget_bias)

    def _bias_initializer(self, gate: str) -> Initializer:
        return Constant(self.forget_bias) if gate == "f" else self.bias_initializer

    def _forward_steps(self, p: Pass, Wh: list[Array]) -> None:
        """Turn the scores into i, f, o and g, and fill the states h and c: ``i[t]`` (n, H) is i at step t."""
        σ, φ, W = self._gate(), self.activation, by_gate(Wh[0], 4)
        (s, s_ifo, s_g), (ifo, i, f, o, g), (v,), (c_, c), (e, w) = p.once(self._forward_views)
        h_, h, seen, m = p.around()  # seen: h₋, or h₋∘m with recurrent dropout
        for t in range(len(s)):
            if m:
                np.multiply(h_[t], m[t], out=seen[t])
            s[t] += np.matmul(seen[t], W, out=w[t])  # (1) to (4) x Wx + h₋ Wh + b, times `gate_scale`
            σ(s_ifo[t], ifo[t])  # (1) i, (2) f, (4) o
            φ(s_g[t], g[t])  # (3) g
            np.multiply(f[t], c_[t], out=c[t])  # (5) f∘c₋
            c[t] += np.multiply(i[t], g[t], out=e[t])  # (5) c
            φ(c[t], v[t])  # (6) v
            np.multiply(o[t], v[t], out=h[t])  # (6) h

    def _forward_views(self, p: Pass) -> list[list[list[Array]]]:
        """Return lists with one view a step: the scores, those of i, f, o and of g; i, f, o as one; all four.

        Then come v, c₋ and c, and memory for intermediates of one gate and for the products of all.
        """
        steps, (_, c) = p.steps, p.states
        gates = steps.cut(p.s, p.s[:3], p.s[3]), steps.cut(p.a[:3], *p.a)
        return [*gates, steps.cut(*p.kept), [*steps.around(c)], steps.first(p.e, p.w)]

    def _backward_steps(self, p: Pass) -> None:
        """Fill ds and complete the gradients dh of the states, the last step first; dc is one step's."""
        c_before, c = p.before(p.states[1]), p.steps.shaped(p.states[1][p.steps.N :])
        for block, F, *views in p.once(self._backward_views):
            (i, _, o, g), v, φ, m = block.part(p.a), block.part(p.kept[0]), self.activation, p.masks(block)
            self._slopes(p, block, F)
            Fi, Ff, Fo, Fg, slope = F  # the factors of dc and dh, for ds and for dh∘o∘φ′
            Fi *= g
            Ff *= block.part(c_before)
            Fo *= v
            Fg *= i
            φ.derivative(v, block.part(c), slope)
            slope *= o
            (ds_i, ds_f, ds_o, ds_g, slope, ds), (side_by_side, ds_ifog, f), (e,), (dh, d, dh_) = views
            (dc,) = block.first(*p.others)
            for t in reversed(range(len(block))):
                ds_o[t] *= dh[t]  # (6) do, (4) ds_o
                dc[t] += np.multiply(dh[t], slope[t], out=e[t])  # (6) dh∘o∘φ′
                ds_i[t] *= dc[t]  # (5) di, (1) ds_i
                ds_f[t] *= dc[t]  # (5) df, (2) ds_f
                ds_g[t] *= dc[t]  # (5) dg, (3) ds_g
                dc[t] *= f[t]  # (5) dc₋
                side_by_side[t][...] = ds[t]  # (1) to (4) ds
                np.dot(ds_ifog[t], p.WhT, out=d[t])  # (1) to (4) dh₋
                if m:
                    d[t] *= m[t]  # the weights multiply h₋∘m
                if p.sequences:  # otherwise d[t] is dh_[t]
                    dh_[t] += d[t]  # (1) to (4) dh₋

    def _backward_views(self, p: Pass) -> list[tuple[Any, ...]]:
        """Return, for each block of steps, the block, its factors F, and lists with one view a step."""
        views, rows = [], [*map(p.steps.shaped, (by_gate(p.ds, 4), p.ds)), p.a[1]]
        for block, F in p.blocks:
            cut = block.cut(*F, F[:4]), block.cut(*map(block.part, rows))
            views.append((block, F, *cut, block.first(p.e), p.carried(block)))
        return views
