"""LSTM: long short-term memory, of Hochreiter & Schmidhuber (1997), with a forget gate."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array
from nnfw.core.validation import FINITE
from nnfw.initializers import Constant, Initializer
from nnfw.layers.gated import Gated, RecurrentOptions
from nnfw.layers.loops import Loops, Pass, by_gate


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
        N, H, steps, σ, φ = p.steps.N, self.units, p.steps, self._gate(), self.activation
        (h, c), Wh, d, u = p.states, by_gate(p.Wh[0], 4), p.scratch("d", (N, H)), p.scratch("u", (4, N, H))
        s, a, (v,) = steps.part(p.s), steps.part(p.a), map(steps.part, p.kept)
        rows = map(steps.each, (s, s[:3], s[3], a[:3], *a, v))
        states = p.see(), steps.before(c), steps.after(c), steps.after(h)
        for s, s_ifo, s_g, ifo, i, f, o, g, v, seen_, c_, c, h, d_t, u_t in zip(
            *rows, *states, steps.first(d), steps.first(u), strict=False
        ):
            s += np.matmul(seen_, Wh, out=u_t)  # (1) to (4) x Wx + h₋ Wh + b
            σ(s_ifo, ifo)  # (1) i, (2) f, (4) o
            φ(s_g, g)  # (3) g
            np.multiply(f, c_, out=c)  # (5) f∘c₋
            c += np.multiply(i, g, out=d_t)  # (5) c
            φ(c, v)  # (6) v
            np.multiply(o, v, out=h)  # (6) h

    def _backward_steps(self, p: Pass, ds: Array, WhT: Array, dh: Array, *others: Array) -> None:
        """Fill ds (P, 4H) and complete dh (N + P, H), the last step first; dc (N, H) is that of one step."""
        N, H, m, (dc,), φ = p.steps.N, self.units, p.m, others, self.activation
        c_before, e = p.states[1][p.steps.previous], p.scratch("e", (N, H))
        for block in p.blocks():
            F, (i, f, o, g), v = self._slopes(p, block), block.part(p.a), block.part(p.kept[0])
            Fi, Ff, Fo, Fg = F  # what dc and dh are multiplied by, of many steps at once; then ds in place
            Fi *= g
            Ff *= block.part(c_before)
            Fo *= v
            Fg *= i
            Fv = φ.derivative(v, block.part(p.states[1][N:]), p.scratch("Fv", v.shape))
            Fv *= o
            factors = map(block.each, (*F, F, Fv, f))
            rows = block.now(ds), block.now(by_gate(ds, 4)), block.first(dc), block.first(e)
            for ds_i, ds_f, ds_o, ds_g, F_t, Fv_t, f_t, ds_t, ds_rows, dc_t, e_t, dh_t, d_t, dh_ in zip(
                *factors, *rows, *p.carried(block, dh, self.return_sequences), strict=False
            ):
                ds_o *= dh_t  # (6) do, (4) ds_o
                dc_t += np.multiply(dh_t, Fv_t, out=e_t)  # (6) dh∘o∘φ′
                ds_i *= dc_t  # (5) di, (1) ds_i
                ds_f *= dc_t  # (5) df, (2) ds_f
                ds_g *= dc_t  # (5) dg, (3) ds_g
                dc_t *= f_t  # (5) dc₋
                ds_rows[...] = F_t  # (1) to (4) ds, gates side by side
                np.dot(ds_t, WhT, out=d_t)  # (1) to (4) dh₋
                if m is not None:
                    d_t *= m[: len(d_t)]  # what the weights saw was h₋∘m
                if self.return_sequences:
                    dh_ += d_t  # (1) to (4) dh₋
