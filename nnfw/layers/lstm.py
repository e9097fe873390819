"""LSTM: long short-term memory, of Hochreiter & Schmidhuber (1997), with a forget gate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import FINITE, boolean
from nnfw.initializers import Constant
from nnfw.layers.base import NOTHING
from nnfw.layers.packing import Steps
from nnfw.layers.recurrent import Drop, Gated, RecurrentOptions, Room, side_by_side

if TYPE_CHECKING:
    from nnfw.initializers import Initializer


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

    and their adjoint, read upward; ds is a gradient before the activation, σ′ and φ′ its slope there::

        (6)  do = dh∘v      dc += dh∘o∘φ′
        (5)  df = dc∘c₋     di = dc∘g     dg = dc∘i     dc₋ = dc∘f
        (4)  ds_o = do∘σ′   (3)  ds_g = dg∘φ′   (2)  ds_f = df∘σ′   (1)  ds_i = di∘σ′
             dh₋ += ds_i Wh_iᵀ + ds_f Wh_fᵀ + ds_g Wh_gᵀ + ds_o Wh_oᵀ

    dh begins as the gradient of the step's own output, 0 if that is not returned, and dc as 0 at the last
    step; dh₋ and dc₋ are the dh and dc of the step before. The gradients of the weights are sums over all
    samples and steps, and those of x over the gates::

        dWx_i = xᵀ ds_i     dWh_i = h₋ᵀ ds_i     db_i = Σ ds_i     alike for f, g and o
        dx = ds_i Wx_iᵀ + ds_f Wx_fᵀ + ds_g Wx_gᵀ + ds_o Wx_oᵀ

    In the code, s holds the scores that become i, f, o and g; Fi, Ff, Fo, Fg and Fv are what the adjoint
    multiplies with and needs no gradient for. How rows are packed says `nnfw.layers.packing`, how a batch is
    read `nnfw.layers.recurrent`.

    With ``peepholes=True`` the gates see the cell state too, each unit its own: p_i∘c₋ is added within (1),
    p_f∘c₋ within (2) and p_o∘c within (4). Their adjoint, of which (4) then comes before (5)::

        (4)  dc += ds_o∘p_o      dp_o = Σ ds_o∘c
        (2)  dc₋ += ds_f∘p_f     dp_f = Σ ds_f∘c₋
        (1)  dc₋ += ds_i∘p_i     dp_i = Σ ds_i∘c₋

    The state (N, 2H) is h and c side by side.

    Parameters
    ----------
    units : int
        H, the size of h and of c.
    activation : str or Activation
        φ.
    recurrent_activation : str, Activation or dict
        σ: one for all gates, or a dict by gate, ``{"i": "sigmoid", "o": "hard_sigmoid"}``.
    peepholes : bool
        Whether the gates see the cell state, by the parameters ``p_i``, ``p_f`` and ``p_o`` (H,).
    forget_bias : float
        What b_f starts from. At 1 the cell state is kept at first, and a gradient can pass over many steps.
    return_sequences, go_backwards, use_bias, dropout, recurrent_dropout
        See `nnfw.layers.recurrent.Recurrent`.
    input_initializer, recurrent_initializer, bias_initializer
        See `nnfw.layers.recurrent.Recurrent`.
    **options
        See `Layer`.

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
    p           -                 -                  P (i o f)
    ==========  ================  =================  ================

    References
    ----------
    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber & Cummins, Neural Computation 12 (2000); peepholes: Gers, Schraudolph & Schmidhuber, JMLR 3
    (2002); the forget bias: Jozefowicz, Zaremba & Sutskever, ICML 2015, section 2.2.

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
    sigmoid_gates = ("i", "f", "o")
    at_once = (4,)
    state_arrays = 2  # h and c

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: str | Activation | Mapping[str, str | Activation] = "sigmoid",
        *,
        peepholes: bool = False,
        forget_bias: float = 1.0,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **options)
        self.peepholes = boolean("LSTM", "peepholes", peepholes)
        self.forget_bias = FINITE("LSTM", "forget_bias", forget_bias)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        shape = super().compute_shapes(input_shape)
        for gate in self.sigmoid_gates if self.peepholes else ():
            self.add_parameter(f"p_{gate}", (self.units,), "zeros")
        return shape

    def initial_bias(self, gate: str) -> "Initializer":
        """Return what fills a gate's bias: for the forget gate `forget_bias`."""
        return Constant(self.forget_bias) if gate == "f" else self.bias_initializer

    def forward_steps(
        self, s: Array, Wh: list[Array], states: Sequence[Array], steps: Steps, room: Room, drop: Drop
    ) -> dict[str, Array]:
        """Turn the input products `s` (4, P, H) into i, f, o and g, and fill h and c (N + P, H)."""
        (h, c), (Wh_all,) = states, Wh
        N, H = steps.N, self.units
        v = room("v", (steps.rows, H))
        hW, term = room("hW", (N, 4 * H)), room("term", (N, H))
        early = self.sigmoid_gates[:2] if self.peepholes else self.sigmoid_gates  # o may wait for c
        σ_early, σ_o = self.open_gates(early), self.sigmas["o"].gate
        φ = self.activation
        p_i, p_f, p_o = self._peephole_weights()
        seen = drop.views(h, steps, room)
        rows, scratch = (s, s[: len(early)], *s, v), (hW, side_by_side(hW, 4), term)
        views = steps.walk([h, c], rows, room=scratch)
        for view, seen_t in zip(views, seen, strict=True):
            h_before, h_t, c_before, c_t, ifog, early_gates, i, f, o, g, v_t, hW_t, hW_ifog, term_t = view
            drop(h_before, seen_t)
            np.dot(seen_t, Wh_all, out=hW_t)
            ifog += hW_ifog
            if self.peepholes:
                i += np.multiply(p_i, c_before, out=term_t)
                f += np.multiply(p_f, c_before, out=term_t)
            σ_early(early_gates, early_gates)  # (1) i, (2) f, and (4) o unless it waits for c
            φ(g, g)  # (3) g
            np.multiply(f, c_before, out=c_t)
            c_t += np.multiply(i, g, out=term_t)  # (5) c
            if self.peepholes:
                o += np.multiply(p_o, c_t, out=term_t)
                σ_o(o, o)  # (4) o
            φ(c_t, v_t)
            np.multiply(o, v_t, out=h_t)  # (6) h
        return dict(zip(self.gates, s, strict=True)) | {"c": c[N:], "v": v}

    def backward_steps(
        self, ds: Array, WhT: Array, dstates: Sequence[Array], steps: Steps, drop: Drop
    ) -> dict[str, Array]:
        """Fill `ds` (P, 4H) from dh (N + P, H), the steps in reverse; dc (N, H) is that of one step."""
        dh, dc = dstates
        H = self.units
        d = self._buffer("d_back", (steps.N, H))
        p_i, p_f, p_o = (self.params.get(f"p_{gate}", NOTHING) for gate in self.sigmoid_gates)
        self.c_before = steps.before_all(self.states[1])
        by_gate = (self.columns(gate, ds) for gate in self.gates)
        views = steps.walk([dh], rows=(ds, *by_gate, self.kept["f"]), room=(d, dc))
        for view, (Fi, Ff, Fo, Fg, Fv) in self.in_reverse(steps, views):
            dh_before, dh_t, ds_t, ds_i, ds_f, ds_o, ds_g, f, d_t, dc_t = view
            np.multiply(dh_t, Fo, out=ds_o)  # (6) do, (4) ds_o
            dc_t += np.multiply(dh_t, Fv, out=d_t)  # (6) dh∘o∘φ′
            if self.peepholes:
                dc_t += np.multiply(ds_o, p_o, out=d_t)  # (4)
            np.multiply(dc_t, Fi, out=ds_i)  # (5) di, (1) ds_i
            np.multiply(dc_t, Ff, out=ds_f)  # (5) df, (2) ds_f
            np.multiply(dc_t, Fg, out=ds_g)  # (5) dg, (3) ds_g
            dc_t *= f  # (5) dc₋
            if self.peepholes:
                dc_t += np.multiply(ds_i, p_i, out=d_t)  # (1)
                dc_t += np.multiply(ds_f, p_f, out=d_t)  # (2)
            np.dot(ds_t, WhT, out=d_t)
            drop(d_t, d_t)
            dh_before += d_t  # (1) to (4)
        return {}

    def factors(self, rows: slice) -> Array:
        """Return what the loop backward multiplies with, at some rows: Fi, Ff, Fo, Fg, Fv (5, R, H)."""
        i, f, o, g = (self.kept[gate][rows] for gate in self.gates)
        v, c, φ = self.kept["v"][rows], self.kept["c"][rows], self.activation
        F = self._buffer("F", (5, *v.shape))
        for gate, y, slope in zip(self.sigmoid_gates, (i, f, o), F[:3], strict=True):
            self.slope(gate, self.sigmas[gate], y, rows, slope)
        self.slope("g", φ, g, rows, F[3])
        φ.derivative(v, c, F[4])
        F[0] *= g  # (5), (1): g∘σ′
        F[1] *= self.c_before[rows]  # (5), (2): c₋∘σ′
        F[2] *= v  # (6), (4): v∘σ′
        F[3] *= i  # (5), (3): i∘φ′
        F[4] *= o  # (6): o∘φ′
        return F

    def recurrent_gradients(self, ds: Array, seen: Array) -> None:
        """Fill the gradients of Wh, and of the peepholes if there are any."""
        super().recurrent_gradients(ds, seen)
        if self.peepholes:
            c = {"i": self.c_before, "f": self.c_before, "o": self.kept["c"]}
            for gate, c_seen in c.items():
                np.einsum("ph,ph->h", self.columns(gate, ds), c_seen, out=self.grads[f"p_{gate}"])

    def scores(self, gate: str, rows: slice) -> Array:
        """Return a gate's scores (R, H), computed again: with peepholes they hold the cell state too."""
        s = super().scores(gate, rows)
        if not self.peepholes or gate == "g":
            return s
        c_seen = self.kept["c"][rows] if gate == "o" else self.c_before[rows]
        return s + c_seen * self.params[f"p_{gate}"]

    def _peephole_weights(self) -> Sequence[Array]:
        """Return p_i, p_f and p_o, as the gates' activations want their scores scaled."""
        if not self.peepholes:
            return [NOTHING] * 3
        return [self.params[f"p_{gate}"] * self.sigmas[gate].gate_scale for gate in self.sigmoid_gates]
