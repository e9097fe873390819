"""LSTM: long short-term memory, of Hochreiter & Schmidhuber (1997), with a forget gate."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array
from nnfw.core.validation import FINITE
from nnfw.initializers import Constant, Initializer
from nnfw.layers.gated import Gated, RecurrentOptions
from nnfw.layers.loops import Loops, Pass


class LSTM(Gated):
    """A gated recurrent layer that carries a cell state beside the hidden one.

    The forget gate f decides how much of the old cell state c₋ stays, the input gate i how much of the
    candidate g enters it, the output gate o how much of it is shown (h₋ and c₋ are the states before the
    step, ∘ the product element by element)::

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

    dh begins as the gradient of the step's own output, 0 if that is not returned, and dc as 0 at the last
    step; dh₋ and dc₋ are the dh and dc of the step before. The gradients of the weights are sums over all
    samples and steps, and those of x over the gates::

        dWx_i = xᵀ ds_i     dWh_i = h₋ᵀ ds_i     db_i = Σ ds_i     alike for f, g and o
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
        What b_f starts from. At 1 the cell state is kept at first, and a gradient can pass over many steps.
    **options
        See `nnfw.layers.recurrent.Recurrent`.

    Notes
    -----
    The same letters elsewhere:

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

    gates = ("i", "f", "o", "g")
    _sigma_gates = ("i", "f", "o")
    _states = ("h", "c")
    _loops = Loops("lstm", at_once=(4,), kept=("v",))

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

    def _forward_steps(self, p: Pass) -> None:
        """Turn the scores s (4, P, H) into i, f, o and g, and fill the states h and c (N + P, H)."""
        N, H, σ, φ = p.steps.N, self.units, self._gate(), self.activation
        (h, c), seen, m, s_g, (i, f, o, g), (v,), (Wh,) = p.states, p.seen, p.m, p.s[3], p.a, p.kept, p.Wh
        s, a_ifo = p.s.swapaxes(0, 1), p.a[:3].swapaxes(0, 1)  # (P, 4, H), (P, 3, H)
        u, d = p.scratch("u", (N, 4 * H)), p.scratch("d", (N, H))
        u_ifog = u.reshape(N, 4, H)
        for before, after, now in p.steps:
            h_t, c_t, v_t, g_t, s_t = h[after], c[after], v[now], g[now], s[now]
            n = len(h_t)
            np.dot(seen[before], Wh, out=u[:n])
            s_t += u_ifog[:n]
            σ(s_t[:, :3], a_ifo[now])  # (1) i, (2) f, (4) o
            φ(s_g[now], g_t)  # (3) g
            np.multiply(f[now], c[before], out=c_t)
            c_t += np.multiply(i[now], g_t, out=d[:n])  # (5) c
            φ(c_t, v_t)
            np.multiply(o[now], v_t, out=h_t)  # (6) h
            if m is not None:
                np.multiply(h_t, m[:n], out=seen[after])

    def _backward_steps(self, p: Pass, ds: Array, WhT: Array, dh: Array, *others: Array) -> None:
        """Fill ds (P, 4H) and complete dh (N + P, H), the last step first; dc (N, H) is that of one step."""
        N, H, m, (dc,), (i, f, o, g), φ = p.steps.N, self.units, p.m, others, p.a, self.activation
        c, (v,), c_before = p.states[1][N:], p.kept, p.states[1][p.steps.previous]
        (_, _, ds_o, ds_g), d = np.split(ds, 4, axis=1), p.scratch("d", (N, H))
        ds_if, dc_if = ds.reshape(p.steps.P, 4, H)[:, :2], dc[:, None]
        for rows, block in p.blocks():
            F = self._slopes(p, rows)  # what dc and dh are multiplied by, of many steps at once
            (Fi, Ff, Fo, Fg), F_if = F, F[:2].swapaxes(0, 1)
            Fi *= g[rows]
            Ff *= c_before[rows]
            Fo *= v[rows]
            Fg *= i[rows]
            Fv = φ.derivative(v[rows], c[rows], p.scratch("Fv", v[rows].shape))
            Fv *= o[rows]
            for before, after, now in block:
                k = slice(now.start - rows.start, now.stop - rows.start)
                dh_t, dh_, n = dh[after], dh[before], now.stop - now.start
                dc_t, d_t = dc[:n], d[:n]
                np.multiply(dh_t, Fo[k], out=ds_o[now])  # (6) do, (4) ds_o
                dc_t += np.multiply(dh_t, Fv[k], out=d_t)  # (6) dh∘o∘φ′
                np.multiply(dc_if[:n], F_if[k], out=ds_if[now])  # (5) di, df; (1) ds_i, (2) ds_f
                np.multiply(dc_t, Fg[k], out=ds_g[now])  # (5) dg, (3) ds_g
                dc_t *= f[now]  # (5) dc₋
                np.dot(ds[now], WhT, out=d_t)  # (1) to (4) dh₋
                if m is not None:
                    d_t *= m[:n]
                dh_ += d_t
