"""GRU: the gated recurrent unit of Cho et al. (2014).

The following is one step and its backward pass (adjoint) in plain NumPy. The layer below computes the same,
also for sequences of unequal length, with the memory of all steps allocated in advance:

>>> def sigmoid(s):
...     return 0.5 + 0.5 * np.tanh(s / 2)
>>> def step(x, h_, params):  # x (N, D), the state before h_ (N, H), parameters by name
...     z = sigmoid(x @ params["Wx_z"] + h_ @ params["Wh_z"] + params["b_z"])  # (1)
...     r = sigmoid(x @ params["Wx_r"] + h_ @ params["Wh_r"] + params["b_r"])  # (2)
...     q = r * h_  # (3)
...     c = np.tanh(x @ params["Wx_c"] + q @ params["Wh_c"] + params["b_c"])  # (3)
...     return z * h_ + (1 - z) * c, (x, h_, z, r, q, c)  # (4)
>>> def step_backward(dh, kept, params):
...     x, h_, z, r, q, c = kept
...     ds_z = dh * (h_ - c) * z * (1 - z)  # (4) dz, (1) ds_z
...     ds_c = dh * (1 - z) * (1 - c**2)  # (4) dc, (3) ds_c
...     dq = ds_c @ params["Wh_c"].T  # (3)
...     ds_r = dq * h_ * r * (1 - r)  # (3) dr, (2) ds_r
...     dh_ = dh * z + dq * r + ds_r @ params["Wh_r"].T + ds_z @ params["Wh_z"].T  # (4) to (1)
...     dx, grads = 0, {}
...     for gate, ds, seen in (("z", ds_z, h_), ("r", ds_r, h_), ("c", ds_c, q)):
...         dx = dx + ds @ params[f"Wx_{gate}"].T
...         grads |= {f"Wx_{gate}": x.T @ ds, f"Wh_{gate}": seen.T @ ds, f"b_{gate}": ds.sum(axis=0)}
...     return dx, dh_, grads

Comparison of the layer with these two functions over three steps:

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

from nnfw.activations import Activation
from nnfw.core.typing import Array, Shape
from nnfw.core.validation import boolean
from nnfw.core.vectors import Scratch, total
from nnfw.layers.gated import RecurrentOptions, ResetGated
from nnfw.layers.loops import Loops, Pass, Weights, by_gate
from nnfw.layers.packing import rows_of


class GRU(ResetGated):
    """A gated recurrent layer.

    The update gate z controls how much of the old state is kept, the reset gate r how much of it enters the
    candidate c (h₋ is the state before the step, ∘ the elementwise product)::

        (1)  z = σ(x Wx_z + h₋ Wh_z + b_z)             update gate
        (2)  r = σ(x Wx_r + h₋ Wh_r + b_r)             reset gate
        (3)  c = φ(x Wx_c + q Wh_c + b_c),  q = r∘h₋   candidate
        (4)  h = z∘h₋ + (1−z)∘c                        new state

    and backward, read upward; ds is a gradient before the activation, σ′ and φ′ its derivative there::

        (4)  dz = dh∘(h₋−c)      dc = dh∘(1−z)                  dh₋ += dh∘z
        (3)  ds_c = dc∘φ′        dq = ds_c Wh_cᵀ     dr = dq∘h₋     dh₋ += dq∘r
        (2)  ds_r = dr∘σ′        dh₋ += ds_r Wh_rᵀ
        (1)  ds_z = dz∘σ′        dh₋ += ds_z Wh_zᵀ

    dh starts as the gradient of the step's own output, 0 if that is not returned; dh₋ is the dh of the step
    before. The gradients of the weights are sums over all samples and steps, and those of x over the gates::

        dWx_z = xᵀ ds_z     dWh_z = h₋ᵀ ds_z     db_z = Σ ds_z     same for r and c, but dWh_c = qᵀ ds_c
        dx = ds_z Wx_zᵀ + ds_r Wx_rᵀ + ds_c Wx_cᵀ

    With ``reset_after=True``, the reset gate is applied after the matrix product, as in cuDNN::

        (3')  c = φ(x Wx_c + b_c + r∘u),  u = h₋ Wh_c + bh_c   candidate
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
        Whether to use (3') in place of (3).
    **options
        See `nnfw.layers.recurrent.Recurrent`.

    Notes
    -----
    Notation elsewhere; in Chung et al. (2014, arXiv:1412.3555), z and 1−z are swapped:

    ============  =================  ==================  ===================  ====================
    nnfw          Keras              PyTorch             ONNX                 Cho et al.
    ============  =================  ==================  ===================  ====================
    z             z, as here         z, as here          z, as here           z, as here
    r             r                  r                   r                    r
    c             hh                 n                   h                    h̃
    gate order    z r c              r z c               z r c                –
    Wx, Wh        kernel,            weight_ih_l0ᵀ,      Wᵀ, Rᵀ               W, U
                  recurrent_kernel   weight_hh_l0ᵀ
    b, bh         bias[0], bias[1]   bias_ih, bias_hh    B                    –
    reset_after   True by default    always True         linear_before_reset  False
                                                         (0 by default)
    ============  =================  ==================  ===================  ====================

    Keras and PyTorch have a second bias for z and r too; here, b_z and b_r are the sums of both.

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
    >>> layer.cache
    <cache: x (5, 7, 3), z (5, 7, 4), r (5, 7, 4), c (5, 7, 4), q (5, 7, 4), h (5, 7, 4)>
    """

    _loops = Loops("gru", splits=(2,), kept=("q",), factors=4)  # (3) needs r before

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
        after = Loops("gru_after", kept=("u",), made=("du",), factors=4)
        self._loops = after if self.reset_after else GRU._loops

    def _weights(self, scratch: Scratch) -> Weights:
        weights = super()._weights(scratch)
        if self.reset_after:
            weights.Wh.append(self.params["bh_c"] if self.use_bias else np.zeros(self.units, self.dtype))
        return weights

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, D) if `return_sequences`, else (H,)."""
        shape = super().compute_shapes(input_shape)
        if self.reset_after and self.use_bias:
            self.add_parameter("bh_c", (self.units,), self.bias_initializer)
        return shape

    def _forward_steps(self, p: Pass, Wh: list[Array]) -> None:
        """Turn the scores into z, r and c, and fill the states h: ``z[t]`` (n, H) is z at step t."""
        if self.reset_after:
            self._forward_reset_after(p, *Wh)
            return
        σ, φ, Wh_zr, Wh_c = self._gate(), self.activation, by_gate(Wh[0], 2), Wh[1]
        (s_zr, s_c), (zr, z, r, c), (q,), (_, w_zr, w_c) = p.once(self._forward_views)
        h_, h, seen, m = p.around()  # seen: h₋, or h₋∘m with recurrent dropout
        for t in range(len(h)):
            if m:
                np.multiply(h_[t], m[t], out=seen[t])
            s_zr[t] += np.matmul(seen[t], Wh_zr, out=w_zr[t])  # (1), (2) x Wx + h₋ Wh + b, times `gate_scale`
            σ(s_zr[t], zr[t])  # (1) z, (2) r
            np.multiply(r[t], seen[t], out=q[t])  # (3) q = r∘h₋
            s_c[t] += np.dot(q[t], Wh_c, out=w_c[t])  # (3) x Wx_c + q Wh_c + b_c
            φ(s_c[t], c[t])  # (3) c
            np.subtract(h_[t], c[t], out=h[t])  # (4) h₋−c
            h[t] *= z[t]  # (4) z∘(h₋−c)
            h[t] += c[t]  # (4) h = c + z∘(h₋−c)

    def _backward_steps(self, p: Pass) -> None:
        """Fill ds and complete the gradients dh of the states, the last step first."""
        if self.reset_after:
            self._backward_reset_after(p)
            return
        WhT_zr, WhT_c = p.WhT[: 2 * self.units], p.WhT[2 * self.units :]
        h_before, seen_before = p.before(p.states[0]), p.before(p.seen)
        for block, F, *views in p.once(self._backward_views):
            self._factors(p, block, F, h_before, seen_before)  # ds_z begins as (h₋−c)∘σ′, and so on
            (ds_z, ds_r, ds_c, ds), (side_by_side, ds_zr), _, (z, r), (e,), (dh, d, dh_) = views
            m = p.masks(block)
            for t in reversed(range(len(block))):
                ds_z[t] *= dh[t]  # (4) dz, (1) ds_z
                ds_c[t] *= dh[t]  # (4) dc, (3) ds_c
                np.dot(ds_c[t], WhT_c, out=e[t])  # (3) dq
                ds_r[t] *= e[t]  # (3) dr, (2) ds_r
                side_by_side[t][...] = ds[t]  # (1) to (3) ds
                np.dot(ds_zr[t], WhT_zr, out=d[t])  # (2), (1) dh₋
                e[t] *= r[t]  # (3) dq∘r
                d[t] += e[t]  # (3) dh₋
                if m:
                    d[t] *= m[t]  # the weights multiply h₋∘m
                d[t] += np.multiply(dh[t], z[t], out=e[t])  # (4) dh∘z
                if p.sequences:  # otherwise d[t] is dh_[t]
                    dh_[t] += d[t]  # (1) to (4) dh₋

    def _forward_reset_after(self, p: Pass, Wh: Array, bh_c: Array) -> None:
        """Run the forward loop with (3') in place of (3)."""
        σ, φ, W = self._gate(), self.activation, by_gate(Wh, 3)
        (s_zr, s_c), (zr, z, r, c), (u,), (w, w_zr, w_c) = p.once(self._forward_views)
        h_, h, seen, m = p.around()  # seen: h₋, or h₋∘m with recurrent dropout
        for t in range(len(h)):
            if m:
                np.multiply(h_[t], m[t], out=seen[t])
            np.matmul(seen[t], W, out=w[t])  # h₋ Wh of all gates
            s_zr[t] += w_zr[t]  # (1), (2) x Wx + h₋ Wh + b, times `gate_scale`
            σ(s_zr[t], zr[t])  # (1) z, (2) r
            np.add(w_c[t], bh_c, out=u[t])  # (3') u = h₋ Wh_c + bh_c
            s_c[t] += np.multiply(r[t], u[t], out=w_c[t])  # (3') x Wx_c + b_c + r∘u
            φ(s_c[t], c[t])  # (3') c
            np.subtract(h_[t], c[t], out=h[t])  # (4) h₋−c
            h[t] *= z[t]  # (4) z∘(h₋−c)
            h[t] += c[t]  # (4) h = c + z∘(h₋−c)

    def _backward_reset_after(self, p: Pass) -> None:
        """Run the backward loop with (3') in place of (3)."""
        WhT_zr, WhT_c, h_before = p.WhT[: 2 * self.units], p.WhT[2 * self.units :], p.before(p.states[0])
        for block, F, *views in p.once(self._backward_views):
            self._factors(p, block, F, h_before, p.kept[0])  # ds_z begins as (h₋−c)∘σ′, and so on
            (ds_z, ds_r, ds_c, ds), (side_by_side, ds_zr), (du,), (z, r), (e,), (dh, d, dh_) = views
            m = p.masks(block)
            for t in reversed(range(len(block))):
                ds_z[t] *= dh[t]  # (4) dz, (1) ds_z
                ds_c[t] *= dh[t]  # (4) dc, (3') ds_c
                ds_r[t] *= ds_c[t]  # (3') dr, (2) ds_r
                np.multiply(ds_c[t], r[t], out=du[t])  # (3') du
                side_by_side[t][...] = ds[t]  # (1) to (3') ds
                np.dot(du[t], WhT_c, out=d[t])  # (3') dh₋
                d[t] += np.dot(ds_zr[t], WhT_zr, out=e[t])  # (2), (1) dh₋
                if m:
                    d[t] *= m[t]  # the weights multiply h₋∘m
                d[t] += np.multiply(dh[t], z[t], out=e[t])  # (4) dh∘z
                if p.sequences:  # otherwise d[t] is dh_[t]
                    dh_[t] += d[t]  # (1) to (4) dh₋

    def _recurrent_gradients(self, p: Pass) -> None:
        """Fill the gradients of Wh, and of bh_c if there is one."""
        H, seen = self.units, p.seen[p.steps.previous]
        np.matmul(seen.T, p.ds[:, : 2 * H], out=self._grad_blocks["Wh"][:, : 2 * H])  # (1), (2)
        seen_c, ds_c = (seen, p.made[0]) if self.reset_after else (rows_of(p.kept[0]), p.ds[:, 2 * H :])
        np.matmul(seen_c.T, ds_c, out=self.grads["Wh_c"])  # (3') h₋ᵀ du, or (3) qᵀ ds_c
        if "bh_c" in self.grads:
            total(p.made[0], self.grads["bh_c"])  # (3') Σ du
