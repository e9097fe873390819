"""GRU: the gated recurrent unit of Cho et al. (2014)."""

from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np

from nnfw.activations import Activation
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import boolean
from nnfw.layers.packing import Steps
from nnfw.layers.recurrent import Drop, Gated, RecurrentOptions, Room, side_by_side


class GRU(Gated):
    """A gated recurrent layer.

    The update gate z decides how much of the old state stays, the reset gate r how much of it the
    candidate c may see (h₋ is the state before the step, ∘ the product element by element)::

        (1)  z = σ(x Wx_z + h₋ Wh_z + b_z)             update gate
        (2)  r = σ(x Wx_r + h₋ Wh_r + b_r)             reset gate
        (3)  c = φ(x Wx_c + q Wh_c + b_c),  q = r∘h₋   candidate
        (4)  h = z∘h₋ + (1−z)∘c                        new state

    and their adjoint, read upward; ds is a gradient before the activation, σ′ and φ′ its slope there::

        (4)  dz = dh∘(h₋−c)      dc = dh∘(1−z)                  dh₋ += dh∘z
        (3)  ds_c = dc∘φ′        dq = ds_c Wh_cᵀ     dr = dq∘h₋     dh₋ += dq∘r
        (2)  ds_r = dr∘σ′        dh₋ += ds_r Wh_rᵀ
        (1)  ds_z = dz∘σ′        dh₋ += ds_z Wh_zᵀ

    dh begins as the gradient of the step's own output, 0 if that is not returned; dh₋ is the dh of the step
    before. The gradients of the weights are sums over all samples and steps, and those of x over the gates::

        dWx_z = xᵀ ds_z     dWh_z = h₋ᵀ ds_z     db_z = Σ ds_z     alike for r and c, but dWh_c = qᵀ ds_c
        dx = ds_z Wx_zᵀ + ds_r Wx_rᵀ + ds_c Wx_cᵀ

    In the code, s holds the scores that become z, r and c; Fz, Fr and Fc are what the adjoint multiplies with
    and needs no gradient for. How rows are packed says `nnfw.layers.packing`, how a batch is read
    `nnfw.layers.recurrent`.

    With ``reset_after=True`` the reset gate acts after the matrix product, as in cuDNN::

        (3')  c = φ(x Wx_c + b_c + r∘u),  u = h₋ Wh_c + bh_c
              ds_c = dc∘φ′    dr = ds_c∘u    du = ds_c∘r    dh₋ += du Wh_cᵀ
              dWh_c = h₋ᵀ du    dbh_c = Σ du

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ.
    recurrent_activation : str, Activation or dict
        σ: one for both gates, or a dict by gate, ``{"z": "sigmoid", "r": "hard_sigmoid"}``.
    reset_after : bool
        Which form of (3).
    return_sequences, go_backwards, use_bias, dropout, recurrent_dropout
        See `nnfw.layers.recurrent.Recurrent`.
    input_initializer, recurrent_initializer, bias_initializer
        See `nnfw.layers.recurrent.Recurrent`.
    **options
        See `Layer`.

    Notes
    -----
    The same letters elsewhere. Where "z and 1−z swapped" is said, z there weighs the candidate:

    ============  =================  ==================  ==================  ====================
    nnfw          Keras              PyTorch             ONNX                Cho et al.
    ============  =================  ==================  ==================  ====================
    z             z, as here         z, as here          z, as here          z, as here
    r             r                  r                   r                   r
    c             hh                 n                   h                   h̃
    gate order    z r c              r z c               z r c               -
    Wx, Wh        kernel,            weight_ih_l0ᵀ,      Wᵀ, Rᵀ              W, U
                  recurrent_kernel   weight_hh_l0ᵀ
    b, bh         bias[0], bias[1]   bias_ih, bias_hh    B                   -
    reset_after   True by default    always True         linear_before_      False
                                                         reset, default 0
    ============  =================  ==================  ==================  ====================

    Keras and PyTorch have a second bias for z and r too; it is added to the first, so b_z and b_r here
    are the sums. In Chung et al. (2014, arXiv:1412.3555) z and 1−z are swapped.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014, arXiv:1406.1078, equations 5 to 8.

    Examples
    --------
    >>> layer = GRU(4)
    >>> layer.compute_shapes((7, 3))
    (4,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> y = layer.forward(np.ones((5, 7, 3)), training=True)
    >>> y.shape, layer.cache["z"].shape
    ((5, 4), (5, 7, 4))
    """

    gates = ("z", "r", "c")
    sigmoid_gates = ("z", "r")
    at_once = (2, 1)  # c waits for r

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: str | Activation | Mapping[str, str | Activation] = "sigmoid",
        *,
        reset_after: bool = False,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **options)
        self.reset_after = boolean("GRU", "reset_after", reset_after)

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        shape = super().compute_shapes(input_shape)
        if self.reset_after and self.use_bias:
            self.add_parameter("bh_c", (self.units,), self.bias_initializer)
        return shape

    def forward_steps(
        self, s: Array, Wh: list[Array], states: Sequence[Array], steps: Steps, room: Room, drop: Drop
    ) -> dict[str, Array]:
        """Turn the input products `s` (3, P, H) into z, r and c, and fill the states h (N + P, H)."""
        (h,) = states
        N, H = steps.N, self.units
        k = room("k", (steps.rows, H))  # q of (3), or u of (3')
        hW, term = room("hW", (N, 2 * H)), room("term", (N, H))
        (Wh_zr, Wh_c), bh_c = Wh, self.params.get("bh_c", 0.0)
        φ, σ = self.activation, self.open_gates(self.sigmoid_gates)
        seen = drop.views(h, steps, room)
        views = steps.walk([h], rows=(s[:2], *s, k), room=(hW, side_by_side(hW, 2), term))
        for (h_before, h_t, zr, z, r, c, k_t, hW_t, hW_zr, term_t), seen_t in zip(views, seen, strict=True):
            drop(h_before, seen_t)
            np.dot(seen_t, Wh_zr, out=hW_t)
            zr += hW_zr
            σ(zr, zr)  # (1) z, (2) r
            if self.reset_after:
                np.dot(seen_t, Wh_c, out=k_t)
                k_t += bh_c  # (3') u = h₋ Wh_c + bh_c
                np.multiply(r, k_t, out=term_t)
            else:
                np.multiply(r, seen_t, out=k_t)  # (3) q = r∘h₋
                np.dot(k_t, Wh_c, out=term_t)
            c += term_t
            φ(c, c)  # (3), (3') c
            np.subtract(h_before, c, out=h_t)
            h_t *= z
            h_t += c  # (4) h = c + z∘(h₋−c)
        return dict(zip(self.gates, s, strict=True)) | {"u" if self.reset_after else "q": k}

    def backward_steps(
        self, ds: Array, WhT: Array, dstates: Sequence[Array], steps: Steps, drop: Drop
    ) -> dict[str, Array]:
        """Fill `ds` (P, 3H) from dh (N + P, H), the steps in reverse."""
        (dh,) = dstates
        H = self.units
        d, e = self._buffer("d_back", (steps.N, H)), self._buffer("e_back", (steps.N, H))
        du = self._buffer("du", (steps.rows, H)) if self.reset_after else ds[:, 2 * H :]
        Wh_zrT, Wh_cT = WhT[: 2 * H], WhT[2 * H :]
        by_gate = (self.columns(gate, ds) for gate in self.gates)
        rows = (ds[:, : 2 * H], *by_gate, du, self.kept["z"], self.kept["r"])
        for view, (Fz, Fr, Fc) in self.in_reverse(steps, steps.walk([dh], rows, room=(d, e))):
            dh_before, dh_t, ds_zr, ds_z, ds_r, ds_c, du_t, z, r, d_t, e_t = view
            np.multiply(dh_t, Fz, out=ds_z)  # (4) dz, (1) ds_z
            np.multiply(dh_t, Fc, out=ds_c)  # (4) dc, (3) ds_c
            if self.reset_after:
                np.multiply(ds_c, Fr, out=ds_r)  # (3') dr, (2) ds_r
                np.multiply(ds_c, r, out=du_t)  # (3') du
                np.dot(du_t, Wh_cT, out=d_t)  # (3') du Wh_cᵀ
            else:
                np.dot(ds_c, Wh_cT, out=d_t)  # (3) dq
                np.multiply(d_t, Fr, out=ds_r)  # (3) dr, (2) ds_r
                d_t *= r  # (3) dq∘r
            d_t += np.dot(ds_zr, Wh_zrT, out=e_t)  # (2), (1)
            drop(d_t, d_t)
            dh_before += d_t
            dh_before += np.multiply(dh_t, z, out=e_t)  # (4) dh∘z
        return {"du": du} if self.reset_after else {}

    def factors(self, rows: slice) -> Array:
        """Return what the loop backward multiplies with, at some rows: Fz, Fr, Fc (3, R, H)."""
        z, r, c = (self.kept[gate][rows] for gate in self.gates)
        h_before = self.h_before[rows]
        reset = self.kept["u"][rows] if self.reset_after else self.seen[rows]
        F, d = self._buffer("F", (3, *z.shape)), self._buffer("f", z.shape)
        self.slope("z", self.sigmas["z"], z, rows, F[0])
        self.slope("r", self.sigmas["r"], r, rows, F[1])
        self.slope("c", self.activation, c, rows, F[2])
        F[0] *= np.subtract(h_before, c, out=d)  # (4), (1): (h₋−c)∘σ′
        F[1] *= reset  # (3), (2): h₋∘σ′ or u∘σ′
        F[2] *= np.subtract(1, z, out=d)  # (4), (3): (1−z)∘φ′
        return F

    def recurrent_gradients(self, ds: Array, seen: Array) -> None:
        """Fill the gradients of Wh, and of bh_c if there is one."""
        H = self.units
        np.matmul(seen.T, ds[:, : 2 * H], out=self._grad_blocks["Wh"][:, : 2 * H])  # (1), (2)
        if self.reset_after:
            np.matmul(seen.T, self.kept["du"], out=self.grads["Wh_c"])  # (3')
        else:
            np.matmul(self.kept["q"].T, ds[:, 2 * H :], out=self.grads["Wh_c"])  # (3)
        if "bh_c" in self.grads:
            np.sum(self.kept["du"], axis=0, out=self.grads["bh_c"])  # (3')

    def scores(self, gate: str, rows: slice) -> Array:
        """Return a gate's scores (R, H), computed again: c sees h₋ only through the reset gate."""
        if gate != "c":
            return super().scores(gate, rows)
        s = self.kept["x"][rows] @ self.params["Wx_c"] + (self.params["b_c"] if self.use_bias else 0)
        if self.reset_after:
            return s + self.kept["r"][rows] * self.kept["u"][rows]
        return s + self.kept["q"][rows] @ self.params["Wh_c"]
