"""GRU-D: a GRU for sequences with missing values, whose inputs and state decay (Che et al. 2018)."""

import numpy as np

from nnfw.core.arrays import first_where
from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, Shape
from nnfw.core.vectors import total
from nnfw.initializers import Constant
from nnfw.layers.base import with_samples
from nnfw.layers.gated import ResetGated
from nnfw.layers.loops import Loops, Pass, by_gate
from nnfw.layers.packing import Steps, rows_of
from nnfw.layers.parameters import NOTHING

FORM = "values, mask and time since the last value side by side, as nnfw.data.Gaps returns them"
START = 0.1  # initial weight of the decays, whose gradient is 0 at 0


class GRUD(ResetGated):
    """A gated recurrent layer for sequences with missing values: GRU-D.

    The input (N, T, 3D) is the output of `nnfw.data.Gaps` for sequences (N, T, D): x, the value or else the
    last known one, with the mean at 0; the mask m, 1 where the value is known, else 0; and δ, the time since
    the previous known value. A missing value decays to the mean, and the state decays with it (h₋ is the
    state before the step, ∘ the elementwise product)::

        (1)  γ_x = exp(−max(0, δ∘Wd_x + bd_x))       decay of the values
        (2)  u = [v, m],  v = (m + (1−m)∘γ_x)∘x      values and mask
        (3)  γ_h = exp(−max(0, δ Wd_h + bd_h))       decay of the state
        (4)  k = γ_h∘h₋                              decayed state
        (5)  z = σ(u Wx_z + k Wh_z + b_z)            update gate
        (6)  r = σ(u Wx_r + k Wh_r + b_r)            reset gate
        (7)  c = φ(u Wx_c + q Wh_c + b_c),  q = r∘k  candidate
        (8)  h = z∘k + (1−z)∘c                       new state

    and backward, read upward; ds is a gradient before the activation, σ′ and φ′ its derivative there, that of
    a decay being −γ, and 0 where γ is 1::

        (8)  dz = dh∘(k−c)    dc = dh∘(1−z)     dk = dh∘z
        (7)  ds_c = dc∘φ′     dq = ds_c Wh_cᵀ   dr = dq∘k    dk += dq∘r
        (6)  ds_r = dr∘σ′     dk += ds_r Wh_rᵀ
        (5)  ds_z = dz∘σ′     dk += ds_z Wh_zᵀ
        (4)  dγ_h = dk∘h₋     dh₋ += dk∘γ_h
        (3)  ds_h = −dγ_h∘γ_h     dδ = ds_h Wd_hᵀ
        (2)  dγ_x = dv∘(1−m)∘x    dx = dv∘(m + (1−m)∘γ_x)   dm += dv∘(1−γ_x)∘x
        (1)  ds_x = −dγ_x∘γ_x     dδ += ds_x∘Wd_x

    dh starts as the gradient of the step's own output, 0 if that is not returned; dh₋ is the dh of the step
    before; dv and dm are the halves of du. The gradients of the weights are sums over all samples and steps,
    and that of u is one over the gates::

        dWx_z = uᵀ ds_z    dWh_z = kᵀ ds_z    db_z = Σ ds_z     same for r, and for c with q in place of k
        dWd_h = δᵀ ds_h    dbd_h = Σ ds_h     dWd_x = Σ δ∘ds_x  dbd_x = Σ ds_x
        du = ds_z Wx_zᵀ + ds_r Wx_rᵀ + ds_c Wx_cᵀ

    ``Wx_z``, ``Wx_r`` and ``Wx_c`` are (2D, H), values above mask; ``Wd_x`` and ``bd_x`` are (D,), ``Wd_h``
    (D, H) and ``bd_h`` (H,). With `go_backwards`, x and δ still refer to the original order of the data.

    Parameters
    ----------
    units : int
        H, the size of the state.
    activation : str or Activation
        φ.
    recurrent_activation : str, Activation or dict
        σ: one for both gates, or a dict by gate.
    **options
        See `nnfw.layers.recurrent.Recurrent`. `dropout` applies to u, and `recurrent_dropout` to k.

    References
    ----------
    Che, Purushotham, Cho, Sontag & Liu, "Recurrent neural networks for multivariate time series with missing
    values", Scientific Reports 8 (2018), arXiv:1606.01865; its z is 1 − z here.

    Examples
    --------
    >>> from nnfw.data import Gaps
    >>> nan = float("nan")
    >>> x = Gaps().fit_transform(np.array([[[1.0], [nan], [nan], [3.0]]]))  # one sequence of four steps
    >>> x.shape
    (1, 4, 3)
    >>> layer = GRUD(4)
    >>> layer.compute_shapes((4, 3))
    (4,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> y = layer.forward(x, training=True)
    >>> layer.cache["u"][0].round(2)  # the value -1 decays to the mean, 0
    array([[-1.  ,  1.  ],
           [-0.9 ,  0.  ],
           [-0.82,  0.  ],
           [ 1.  ,  1.  ]], dtype=float32)
    """

    _loops = Loops("grud", splits=(2,), kept=("q", "k"), made=("dk",), factors=4)  # (7) needs r before

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return (T, H) for (T, 3D) if `return_sequences`, else (H,)."""
        T, width = input_shape if len(input_shape) == 2 else (None, None)
        if not width or width % 3:
            raise ShapeError(f"{self._label}: expects {FORM}, got {with_samples(input_shape)}")
        D, H = width // 3, self.units
        shape = super().compute_shapes((T, 2 * D))
        self.add_parameter("Wd_x", (D,), Constant(START))
        self.add_parameter("bd_x", (D,), "zeros")
        self.add_parameter("Wd_h", (D, H), Constant(START / D))
        self.add_parameter("bd_h", (H,), "zeros")
        return shape

    def check_input(self, x: Array, features: int | None, axes: tuple[int, ...] = (2, 3)) -> None:
        """Raise a ShapeError unless `x` has the columns of x, m and δ, matching the `features` of u."""
        super().check_input(x, features and features // 2 * 3, axes)

    def _check_values(self, x: Array) -> None:
        """Raise a ValueError if there is a mask other than 0 and 1, or a time less than 0."""
        if x.shape[-1] % 3:
            return  # `compute_shapes` will raise the error
        _, m, δ = np.split(x, 3, axis=-1)
        for wrong, array, name in ((np.abs(m * (m - 1)) > 0, m, "the mask"), (δ < 0, δ, "the time")):
            if wrong.any():
                raise ValueError(f"{self._label}: expects {FORM}; {first_where(wrong, array, name)}")

    def _forward_inputs(self, x: Array, out: Array, steps: Steps) -> dict[str, Array]:
        """Fill u (P, 2D); return it with both decays."""
        D, params = out.shape[1] // 2, self.params
        packed = steps.pack(x, np.empty((steps.P, 3 * D), self.dtype))
        x, m, δ = np.split(packed, 3, axis=1)
        γ_x = decay(δ * params["Wd_x"] + params["bd_x"])  # (1)
        np.multiply(m + (1 - m) * γ_x, x, out=out[:, :D])  # (2) v
        out[:, D:] = m  # (2) u
        γ_h = decay(np.dot(δ, params["Wd_h"]) + params["bd_h"])  # (3)
        return {"x": packed, "u": out, "gamma_x": γ_x, "gamma_h": γ_h}

    def _seen(self, p: Pass) -> Array:
        """Return the rows of k as the recurrent weights see it, masked with recurrent dropout."""
        return p.kept[1] if p.m is None else p.steps.shaped(p.seen[p.steps.N :])

    def _forward_steps(self, p: Pass, Wh: list[Array]) -> None:
        """Turn the scores into z, r and c, and fill the states h: ``z[t]`` (n, H) is z at step t."""
        steps, σ, φ, Wh_zr, Wh_c = p.steps, self._gate(), self.activation, by_gate(Wh[0], 2), Wh[1]
        (s_zr, s_c), (zr, z, r, c), (q, k), (_, w_zr, w_c) = p.once(self._forward_views)
        (h_, h), m = steps.around(p.states[0]), p.masks(steps)
        seen, γ = steps.cut(self._seen(p), steps.shaped(p.inputs["gamma_h"]))
        for t in range(len(h)):
            np.multiply(γ[t], h_[t], out=k[t])  # (4) k
            if m:
                np.multiply(k[t], m[t], out=seen[t])
            s_zr[t] += np.matmul(seen[t], Wh_zr, out=w_zr[t])  # (5), (6) u Wx + k Wh + b, times `gate_scale`
            σ(s_zr[t], zr[t])  # (5) z, (6) r
            np.multiply(r[t], seen[t], out=q[t])  # (7) q = r∘k
            s_c[t] += np.dot(q[t], Wh_c, out=w_c[t])  # (7) u Wx_c + q Wh_c + b_c
            φ(s_c[t], c[t])  # (7) c
            np.subtract(k[t], c[t], out=h[t])  # (8) k−c
            h[t] *= z[t]  # (8) z∘(k−c)
            h[t] += c[t]  # (8) h = c + z∘(k−c)

    def _backward_steps(self, p: Pass) -> None:
        """Fill ds and dk, and complete the gradients dh of the states, the last step first."""
        WhT_zr, WhT_c = p.WhT[: 2 * self.units], p.WhT[2 * self.units :]
        γ_rows, seen = p.steps.shaped(p.inputs["gamma_h"]), self._seen(p)
        for block, F, *views in p.once(self._backward_views):
            self._factors(p, block, F, p.kept[1], seen)  # ds_z begins as (k−c)∘σ′, and so on
            (ds_z, ds_r, ds_c, ds), (side_by_side, ds_zr), (dk,), (z, r), (e,), (dh, _, dh_) = views
            m, (γ,) = p.masks(block), block.cut(block.part(γ_rows))
            for t in reversed(range(len(block))):
                ds_z[t] *= dh[t]  # (8) dz, (5) ds_z
                ds_c[t] *= dh[t]  # (8) dc, (7) ds_c
                np.dot(ds_c[t], WhT_c, out=e[t])  # (7) dq
                ds_r[t] *= e[t]  # (7) dr, (6) ds_r
                side_by_side[t][...] = ds[t]  # (5) to (7) ds
                np.dot(ds_zr[t], WhT_zr, out=dk[t])  # (6), (5) dk
                e[t] *= r[t]  # (7) dq∘r
                dk[t] += e[t]  # (7) dk
                if m:
                    dk[t] *= m[t]  # the weights multiply k∘m
                dk[t] += np.multiply(dh[t], z[t], out=e[t])  # (8) dh∘z
                dh_[t] += np.multiply(dk[t], γ[t], out=e[t])  # (4) dh₋

    def _backward_inputs(self, p: Pass) -> Array:
        """Return dx, dm and dδ side by side (P, 3D), if they are needed; keep ds_x and ds_h."""
        dv, dm = np.split(super()._backward_inputs(p), 2, axis=1)
        x, m, _ = np.split(p.inputs["x"], 3, axis=1)
        γ_x, γ_h, (dk,) = p.inputs["gamma_x"], p.inputs["gamma_h"], p.made
        ds_h = np.where(γ_h < 1, -dk * p.states[0][p.steps.previous] * γ_h, 0)  # (4) dγ_h, (3) ds_h
        ds_x = np.where(γ_x < 1, -dv * (1 - m) * x * γ_x, 0)  # (2) dγ_x, (1) ds_x
        rows = {"ds_x": ds_x, "ds_h": ds_h}
        p.inputs |= rows
        self.cache.update(rows)
        if not self._needs_dx:
            return NOTHING
        dx = dv * (m + (1 - m) * γ_x)  # (2) dx
        dm += dv * (1 - γ_x) * x  # (2) dm
        dδ = ds_h @ self.params["Wd_h"].T + ds_x * self.params["Wd_x"]  # (3), (1) dδ
        return np.concatenate([dx, dm, dδ], axis=1)

    def _recurrent_gradients(self, p: Pass) -> None:
        """Fill the gradients of Wh, and of both decays."""
        if not self._needs_dx:
            self._backward_inputs(p)  # which `backward` has not called
        H, grads, (*_, δ) = self.units, self.grads, np.split(p.inputs["x"], 3, axis=1)
        ds_x, ds_h = p.inputs["ds_x"], p.inputs["ds_h"]
        seen = rows_of(self._seen(p))
        np.matmul(seen.T, p.ds[:, : 2 * H], out=self._grad_blocks["Wh"][:, : 2 * H])  # (5), (6)
        np.matmul(rows_of(p.kept[0]).T, p.ds[:, 2 * H :], out=grads["Wh_c"])  # (7)
        np.matmul(δ.T, ds_h, out=grads["Wd_h"])  # (3)
        total(ds_h, grads["bd_h"])  # (3)
        total(δ * ds_x, grads["Wd_x"])  # (1)
        total(ds_x, grads["bd_x"])  # (1)


def decay(s: Array) -> Array:
    """Return exp(−max(0, s))."""
    return np.exp(-np.maximum(s, 0))
