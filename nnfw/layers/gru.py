"""GRU: the gated recurrent unit of Cho et al. (2014).

This is one step of it and the backward pass (adjoint) of that step, in plain NumPy. The layer below computes
the same, for sequences of unequal length too, with the memory of all steps laid out beforehand:

>>> def sigmoid(s):
...     return 0.5 + 0.5 * np.tanh(s / 2)
>>> def step(x, h_, p):  # x (N, D), the state before h_ (N, H), parameters by name
...     z = sigmoid(x @ p["Wx_z"] + h_ @ p["Wh_z"] + p["b_z"])  # (1)
...     r = sigmoid(x @ p["Wx_r"] + h_ @ p["Wh_r"] + p["b_r"])  # (2)
...     q = r * h_
...     c = np.tanh(x @ p["Wx_c"] + q @ p["Wh_c"] + p["b_c"])  # (3)
...     return z * h_ + (1 - z) * c, (x, h_, z, r, q, c)  # (4)
>>> def step_backward(dh, kept, p):
...     x, h_, z, r, q, c = kept
...     ds_z = dh * (h_ - c) * z * (1 - z)  # (4) dz, (1) ds_z
...     ds_c = dh * (1 - z) * (1 - c**2)  # (4) dc, (3) ds_c
...     dq = ds_c @ p["Wh_c"].T  # (3)
...     ds_r = dq * h_ * r * (1 - r)  # (3) dr, (2) ds_r
...     dh_ = dh * z + dq * r + ds_r @ p["Wh_r"].T + ds_z @ p["Wh_z"].T
...     dx, grads = 0, {}
...     for gate, ds, seen in (("z", ds_z, h_), ("r", ds_r, h_), ("c", ds_c, q)):
...         dx = dx + ds @ p[f"Wx_{gate}"].T
...         grads |= {f"Wx_{gate}": x.T @ ds, f"Wh_{gate}": seen.T @ ds, f"b_{gate}": ds.sum(axis=0)}
...     return dx, dh_, grads

The layer and these two functions, over three steps:

>>> rng, layer = np.random.default_rng(0), GRU(4, return_sequences=True)
>>> layer.compute_shapes((3, 5))
(3, 4)
>>> layer.initialize(rng, "float64")
>>> x, dy, h, kept = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 4)), np.zeros((2, 4)), []
>>> y, dx = layer.forward(x, training=True), layer.backward(dy)
>>> layer.gradients()
>>> for t in range(3):
...     h, kept_t = step(x[:, t], h, layer.params)
...     kept.append(kept_t)
...     assert np.allclose(y[:, t], h)
>>> dh, total = np.zeros((2, 4)), dict.fromkeys(layer.params, 0)
>>> for t in (2, 1, 0):
...     dx_t, dh, grads = step_backward(dy[:, t] + dh, kept[t], layer.params)
...     total = {name: total[name] + grads[name] for name in grads}
...     assert np.allclose(dx[:, t], dx_t)
>>> all(np.allclose(layer.grads[name], total[name]) for name in layer.params)
True
"""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from nnfw.activations import ONE, Activation
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import boolean
from nnfw.core.vectors import Scratch
from nnfw.layers.gated import Gated, RecurrentOptions
from nnfw.layers.loops import Loops, Pass, Weights, by_gate
from nnfw.layers.packing import Walk


class GRU(Gated):
    """A gated recurrent layer.

    The update gate z decides how much of the old state stays, the reset gate r how much of it the
    candidate c sees (h₋ is the state before the step, ∘ the product element by element)::

        (1)  z = σ(x Wx_z + h₋ Wh_z + b_z)             update gate
        (2)  r = σ(x Wx_r + h₋ Wh_r + b_r)             reset gate
        (3)  c = φ(x Wx_c + q Wh_c + b_c),  q = r∘h₋   candidate
        (4)  h = z∘h₋ + (1−z)∘c                        new state

    and backward, read upward; ds is a gradient before the activation, σ′ and φ′ its derivative there::

        (4)  dz = dh∘(h₋−c)      dc = dh∘(1−z)                  dh₋ += dh∘z
        (3)  ds_c = dc∘φ′        dq = ds_c Wh_cᵀ     dr = dq∘h₋     dh₋ += dq∘r
        (2)  ds_r = dr∘σ′        dh₋ += ds_r Wh_rᵀ
        (1)  ds_z = dz∘σ′        dh₋ += ds_z Wh_zᵀ

    dh begins as the gradient of the step's own output, 0 if that is not returned; dh₋ is the dh of the step
    before. The gradients of the weights are sums over all samples and steps, and those of x over the gates::

        dWx_z = xᵀ ds_z     dWh_z = h₋ᵀ ds_z     db_z = Σ ds_z     alike for r and c, but dWh_c = qᵀ ds_c
        dx = ds_z Wx_zᵀ + ds_r Wx_rᵀ + ds_c Wx_cᵀ

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
    **options
        See `nnfw.layers.recurrent.Recurrent`.

    Notes
    -----
    The same letters elsewhere; in Chung et al. (2014, arXiv:1412.3555) z and 1−z are swapped:

    ============  =================  ==================  ===================  ====================
    nnfw          Keras              PyTorch             ONNX                 Cho et al.
    ============  =================  ==================  ===================  ====================
    z             z, as here         z, as here          z, as here           z, as here
    r             r                  r                   r                    r
    c             hh                 n                   h                    h̃
    gate order    z r c              r z c               z r c                -
    Wx, Wh        kernel,            weight_ih_l0ᵀ,      Wᵀ, Rᵀ               W, U
                  recurrent_kernel   weight_hh_l0ᵀ
    b, bh         bias[0], bias[1]   bias_ih, bias_hh    B                    -
    reset_after   True by default    always True         linear_before_reset  False
                                                         (0 by default)
    ============  =================  ==================  ===================  ====================

    Keras and PyTorch have a second bias for z and r too; b_z and b_r here are the sums of both.

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
    _sigma_gates = ("z", "r")

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
        self._loops = Loops("gru", at_once=(2, 1), kept=("q",))  # (3) needs r before
        if self.reset_after:
            self._loops = Loops("gru_after", at_once=(3,), kept=("u",), made=("du",))

    def _weights(self, scratch: Scratch) -> Weights:
        Wx_b, Wh = super()._weights(scratch)
        if not self.reset_after:
            return Wx_b, Wh
        return Wx_b, [*Wh, self.params["bh_c"] if self.use_bias else np.zeros(self.units, self.dtype)]

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        shape = super().compute_shapes(input_shape)
        if self.reset_after and self.use_bias:
            self.add_parameter("bh_c", (self.units,), self.bias_initializer)
        return shape

    def _forward_steps(self, p: Pass) -> None:
        """Turn the scores s (3, P, H) into z, r and c, and fill the states h (N + P, H)."""
        if self.reset_after:
            self._forward_reset_after(p)
            return
        N, H, steps, σ, φ = p.steps.N, self.units, p.steps, self._gate(), self.activation
        (h,), (Wh_zr, Wh_c), u = p.states, p.Wh, p.scratch("u", (3, N, H))
        Wh_zr = by_gate(Wh_zr, 2)
        s, a, (q,) = steps.part(p.s), steps.part(p.a), map(steps.part, p.kept)
        rows = map(steps.each, (s[:2], s[2], a[:2], *a, q))
        for s_zr, s_c, zr, z, r, c, q, seen_, h_, h_t, u_zr, u_c in zip(
            *rows, p.see(), steps.before(h), steps.after(h), *map(steps.first, (u[:2], u[2])), strict=False
        ):
            s_zr += np.matmul(seen_, Wh_zr, out=u_zr)  # (1), (2) x Wx + h₋ Wh + b
            σ(s_zr, zr)  # (1) z, (2) r
            np.multiply(r, seen_, out=q)  # (3) q = r∘h₋
            s_c += np.dot(q, Wh_c, out=u_c)  # (3) x Wx_c + q Wh_c + b_c
            φ(s_c, c)  # (3) c
            np.subtract(h_, c, out=h_t)
            h_t *= z  # (4) z∘(h₋−c)
            h_t += c  # (4) h = c + z∘(h₋−c)

    def _backward_steps(self, p: Pass, ds: Array, WhT: Array, dh: Array, *others: Array) -> None:
        """Fill ds (P, 3H) and complete dh (N + P, H), the last step first."""
        if self.reset_after:
            self._backward_reset_after(p, ds, WhT, dh, *others)
            return
        H, m, e = self.units, p.m, p.scratch("e", (p.steps.N, self.units))
        WhT_zr, WhT_c = WhT[: 2 * H], WhT[2 * H :]
        for block in p.blocks():
            F, (z, r, _) = self._factors(p, block, p.seen_before), block.part(p.a)
            factors = map(block.each, (*F, F, z, r))
            rows = map(block.now, (by_gate(ds, 3), ds[:, : 2 * H]))
            for ds_z, ds_r, ds_c, F_t, z_t, r_t, ds_rows, ds_zr, e_t, dh_t, d_t, dh_ in zip(
                *factors, *rows, block.first(e), *p.carried(block, dh, self.return_sequences), strict=False
            ):
                ds_z *= dh_t  # (4) dz, (1) ds_z
                ds_c *= dh_t  # (4) dc, (3) ds_c
                np.dot(ds_c, WhT_c, out=e_t)  # (3) dq
                ds_r *= e_t  # (3) dr, (2) ds_r
                ds_rows[...] = F_t  # (1) to (3) ds, gates side by side
                np.dot(ds_zr, WhT_zr, out=d_t)  # (2), (1) dh₋
                e_t *= r_t  # (3) dq∘r
                d_t += e_t  # (3) dh₋
                if m is not None:
                    d_t *= m[: len(d_t)]  # what the weights saw was h₋∘m
                d_t += np.multiply(dh_t, z_t, out=e_t)  # (4) dh∘z
                if self.return_sequences:
                    dh_ += d_t  # (1) to (4) dh₋

    def _forward_reset_after(self, p: Pass) -> None:
        """Run the forward loop with (3') in place of (3)."""
        N, H, steps, σ, φ = p.steps.N, self.units, p.steps, self._gate(), self.activation
        (h,), (Wh, bh_c), w = p.states, p.Wh, p.scratch("w", (3, N, H))
        Wh = by_gate(Wh, 3)
        s, a, (u,) = steps.part(p.s), steps.part(p.a), map(steps.part, p.kept)
        rows = map(steps.each, (s[:2], s[2], a[:2], *a, u))
        for s_zr, s_c, zr, z, r, c, u, seen_, h_, h_t, w_t, w_zr, w_c in zip(
            *rows, p.see(), steps.before(h), steps.after(h), *map(steps.first, (w, w[:2], w[2])), strict=False
        ):
            np.matmul(seen_, Wh, out=w_t)
            s_zr += w_zr  # (1), (2) x Wx + h₋ Wh + b
            σ(s_zr, zr)  # (1) z, (2) r
            np.add(w_c, bh_c, out=u)  # (3') u = h₋ Wh_c + bh_c
            s_c += np.multiply(r, u, out=w_c)  # (3') x Wx_c + b_c + r∘u
            φ(s_c, c)  # (3') c
            np.subtract(h_, c, out=h_t)
            h_t *= z  # (4) z∘(h₋−c)
            h_t += c  # (4) h = c + z∘(h₋−c)

    def _backward_reset_after(self, p: Pass, ds: Array, WhT: Array, dh: Array, du: Array) -> None:
        """Run the backward loop with (3') in place of (3)."""
        H, m, e = self.units, p.m, p.scratch("e", (p.steps.N, self.units))
        WhT_zr, WhT_c = WhT[: 2 * H], WhT[2 * H :]
        for block in p.blocks():
            F, (z, r, _) = self._factors(p, block, p.kept[0]), block.part(p.a)
            factors = map(block.each, (*F, F, z, r))
            rows = map(block.now, (by_gate(ds, 3), ds[:, : 2 * H], du))
            for ds_z, ds_r, ds_c, F_t, z_t, r_t, ds_rows, ds_zr, du_t, e_t, dh_t, d_t, dh_ in zip(
                *factors, *rows, block.first(e), *p.carried(block, dh, self.return_sequences), strict=False
            ):
                ds_z *= dh_t  # (4) dz, (1) ds_z
                ds_c *= dh_t  # (4) dc, (3') ds_c
                ds_r *= ds_c  # (3') dr, (2) ds_r
                np.multiply(ds_c, r_t, out=du_t)  # (3') du
                ds_rows[...] = F_t  # (1) to (3') ds, gates side by side
                np.dot(du_t, WhT_c, out=d_t)  # (3') dh₋
                d_t += np.dot(ds_zr, WhT_zr, out=e_t)  # (2), (1) dh₋
                if m is not None:
                    d_t *= m[: len(d_t)]  # what the weights saw was h₋∘m
                d_t += np.multiply(dh_t, z_t, out=e_t)  # (4) dh∘z
                if self.return_sequences:
                    dh_ += d_t  # (1) to (4) dh₋

    def _factors(self, p: Pass, block: Walk, reset: Array) -> Array:
        """Return what dh and dq, or with (3') ds_c, are multiplied by to become ds, of many steps at once."""
        F, (z, _, c) = self._slopes(p, block), block.part(p.a)
        (Fz, Fr, Fc), t = F, p.scratch("t", c.shape)
        Fz *= np.subtract(block.part(p.h_before), c, out=t)
        Fr *= block.part(reset)
        Fc *= np.subtract(ONE, z, out=t)
        return F

    def _recurrent_gradients(self, p: Pass, ds: Array) -> None:
        """Fill the gradients of Wh, and of bh_c if there is one."""
        H, seen = self.units, p.seen_before
        np.matmul(seen.T, ds[:, : 2 * H], out=self._grad_blocks["Wh"][:, : 2 * H])  # (1), (2)
        seen_c, ds_c = (seen, p.rows["du"]) if self.reset_after else (p.rows["q"], ds[:, 2 * H :])
        np.matmul(seen_c.T, ds_c, out=self.grads["Wh_c"])  # (3') or (3)
        if "bh_c" in self.grads:
            np.sum(p.rows["du"], axis=0, out=self.grads["bh_c"])  # (3')
