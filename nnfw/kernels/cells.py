"""The loops over time of RNN, GRU and LSTM, compiled.

Each computes what the cell's own loop in NumPy does, which is the definition: the same packed rows (see
`nnfw.layers.packing`), the same equations under the same numbers. Two things differ. The scores of all gates
of a row lie side by side, so that one product adds to them all; and what follows a product is done row by
row, while the row is in the cache. Each inner loop writes one array: LLVM then finds that nothing overlaps,
and takes as many numbers at once as the processor can.

``steps`` (T, 4) holds where the rows of each step begin among the states before it, the states after it and
the scores, and how many they are. ``m`` (N, H) is the mask of recurrent dropout and ``seen`` is h∘m; without
dropout m has no rows, and seen is h.

All of this is one file, since numba compiles again what its cache holds when that file changes, and no other.
"""

import math

import numba
import numpy as np
from llvmlite import binding
from llvmlite.ir import FunctionType, Undefined, VectorType
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.numpy_support import as_dtype

from nnfw.kernels import blas

# "contract": a product and a sum may be rounded together. Nothing is assumed of NaN and infinity.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


# ---- products ---------------------------------------------------------------------------------------------

BY_ROWS, AS_IT_IS, TRANSPOSED = 101, 111, 112  # in the C interface of BLAS: the orders of a matrix
ROWS, LINE = 4, 64  # of a tile: its rows, and the bytes of each
MANY = 1 << 19  # multiplications from which on BLAS is faster, which copies all of b first


def blas_routine(number, name, axes):
    """Return a routine ``c = keep c + a b`` of NumPy's BLAS, of 3 axes, or of 2 where a and c are rows."""
    binding.add_symbol(f"nnfw_{name}", blas.address(name))
    settings, sizes, array = [types.int32] * axes, [types.int64] * axes, [types.uintp, types.int64]
    signature = types.void(*settings, *sizes, number, *array, *array, number, *array)
    return types.ExternalFunction(f"nnfw_{name}", signature)


ROUTINES = {
    number: (blas_routine(number, f"{letter}gemm", 3), blas_routine(number, f"{letter}gemv", 2))
    for number, letter in ((types.float32, "s"), (types.float64, "d"))
}


@intrinsic
def add_tile(_, a, b, c):
    """Compute c += a b, where c is a tile: ROWS rows of LINE bytes, which stay in registers meanwhile.

    LLVM does not find that in a loop by itself, so these are its own instructions: a sum, a vector of a whole
    row of the tile, begins as that of c; for each k it gains a[i, k] times row k of b.
    """

    def write(context, builder, _, arrays):
        kinds, size, index = (a, b, c), a.dtype.bitwidth // 8, cgutils.intp_t
        a_, b_, c_ = (context.make_array(k)(context, builder, x) for k, x in zip(kinds, arrays, strict=True))
        row = VectorType(context.get_value_type(a.dtype), LINE // size)
        name, takes = f"llvm.fmuladd.v{row.count}f{8 * size}", FunctionType(row, [row] * 3)
        multiply_add = cgutils.get_or_insert_function(builder.module, takes, name)
        firsts = VectorType(cgutils.int32_t, row.count)(None)  # 0, so often: where a shuffle takes from

        def at(kind, array, i, k):
            return cgutils.get_item_pointer(context, builder, kind, array, [i, k])

        def row_at(kind, array, i):
            return builder.bitcast(at(kind, array, i, index(0)), row.as_pointer())

        rows = [row_at(c, c_, index(i)) for i in range(ROWS)]
        sums = [cgutils.alloca_once_value(builder, builder.load(place, align=size)) for place in rows]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, a_.shape)[1]) as loop:
            b_k = builder.load(row_at(b, b_, loop.index), align=size)
            for i, total in enumerate(sums):
                one = builder.load(at(a, a_, index(i), loop.index))
                one = builder.insert_element(row(Undefined), one, cgutils.int32_t(0))
                a_ik = builder.shuffle_vector(one, one, firsts)
                builder.store(builder.call(multiply_add, [a_ik, b_k, builder.load(total)]), total)
        for place, total in zip(rows, sums, strict=True):
            builder.store(builder.load(total), place, align=size)
        return context.get_dummy_value()

    return types.void(a, b, c), write


def product(a, b, c, keep):
    """Compute c = keep c + a b, of matrices whose rows are contiguous; keep is 0 or 1."""


@overload(product)
def _product(a, b, c, keep):
    (gemm, gemv), number = ROUTINES[a.dtype], as_dtype(a.dtype).type
    columns = LINE // as_dtype(a.dtype).itemsize

    def compute(a, b, c, keep):
        (n, k), m, size = a.shape, b.shape[1], a.itemsize
        matrix = b.ctypes.data, b.strides[0] // size
        if n >= ROWS and (m % columns or n * k * m >= MANY):
            rows, sums = (a.ctypes.data, a.strides[0] // size), (c.ctypes.data, c.strides[0] // size)
            gemm(BY_ROWS, AS_IT_IS, AS_IT_IS, n, m, k, number(1), *rows, *matrix, number(keep), *sums)
            return
        if not keep:
            c[:, :] = 0
        whole = n - n % ROWS
        for j in range(0, m, columns):
            for i in range(0, whole, ROWS):
                add_tile(a[i : i + ROWS], b[:, j : j + columns], c[i : i + ROWS, j : j + columns])
        for i in range(whole, n):
            row, sums = a[i].ctypes.data, c[i].ctypes.data
            gemv(BY_ROWS, TRANSPOSED, k, m, number(1), *matrix, row, 1, number(1), sums, 1)

    return compute


# ---- activations ------------------------------------------------------------------------------------------


def tanh(x):
    """Return the hyperbolic tangent."""


def sigmoid(x):
    """Return the sigmoid."""


def tanh_slope(y):
    """Return the derivative of the hyperbolic tangent where it is y."""


def sigmoid_slope(y):
    """Return the derivative of the sigmoid where it is y."""


def activations(Float, Int, mantissa, bias, degree):
    """Return these four for a floating type, given its bits of mantissa and the bias of its exponent.

    tanh |x| = −e / (2 + e) with e = exp(y) − 1, y = −2 |x|. For the exponential, y = k log 2 + r with k whole
    and |r| ≤ ½ log 2: exp(r) − 1 is a polynomial, and 2ᵏ is put together from its bits. There is no branch
    and no call, so that LLVM takes several numbers at once. The error is at most 3 units in the last place.
    """
    half, one, two, least = Float(0.5), Float(1), Float(2), Float(-40)
    per_log2, high, low = Float(1 / math.log(2)), Float(355 / 512), Float(math.log(2) - 355 / 512)
    whole = Float(1.5 * 2**mantissa)  # what is added to it is rounded to a whole number, its last bits
    shift, exponent_0 = Int(mantissa), Int(bias << mantissa)
    first, *others = [Float(1 / math.factorial(n)) for n in range(degree, 1, -1)]
    coefficients = tuple(others)

    def compute_tanh(x):
        y = -two * abs(x)
        y = least if y < least else y
        k_bits = y * per_log2 + whole  # k, in the last bits
        k = k_bits - whole
        r = y - k * high - k * low
        p = first
        for coefficient in coefficients:
            p = p * r + coefficient
        p = p * r * r + r  # exp(r) − 1
        power = Int((Float(k_bits).view(Int) << shift) + exponent_0).view(Float)
        e = p * power + (power - one)  # power is 2ᵏ
        return Float(math.copysign(e / (two + e), x))

    return {
        tanh: compute_tanh,
        sigmoid: lambda x: half + half * tanh(half * x),
        tanh_slope: lambda y: one - y * y,
        sigmoid_slope: lambda y: y * (one - y),
    }


ACTIVATIONS = {
    types.float32: activations(np.float32, np.int32, mantissa=23, bias=127, degree=7),
    types.float64: activations(np.float64, np.int64, mantissa=52, bias=1023, degree=13),
}
overload(tanh)(lambda x: ACTIVATIONS[x][tanh])
overload(sigmoid)(lambda x: ACTIVATIONS[x][sigmoid])
overload(tanh_slope)(lambda y: ACTIVATIONS[y][tanh_slope])
overload(sigmoid_slope)(lambda y: ACTIVATIONS[y][sigmoid_slope])


# ---- what the cells share ---------------------------------------------------------------------------------


@compiled
def step_of(steps, t):
    """Return before, after, now and n of a step."""
    return steps[t, 0], steps[t, 1], steps[t, 2], steps[t, 3]


@compiled
def thirds(row):
    """Return the parts of the row for z, r and c."""
    H = len(row) // 3
    return row[:H], row[H : 2 * H], row[2 * H :]


@compiled
def quarters(row):
    """Return the parts of the row for i, f, o and g."""
    H = len(row) // 4
    return row[:H], row[H : 2 * H], row[2 * H : 3 * H], row[3 * H :]


@compiled
def mask(h, m, out):
    """Compute out = h∘m for the rows of one step, if there is a mask."""
    for k in range(min(len(h), len(m))):
        h_k, m_k, out_k = h[k], m[k], out[k]
        for j in range(len(h_k)):
            out_k[j] = h_k[j] * m_k[j]


@compiled
def carry(ds, WhT, m, d, dh_):
    """Compute dh₋ += (ds Whᵀ)∘m for the rows of one step; d is scratch memory."""
    if len(m) == 0:
        product(ds, WhT, dh_, 1)
    else:
        product(ds, WhT, d, 0)
        for k in range(len(d)):
            dh_k, d_k, m_k = dh_[k], d[k], m[k]
            for j in range(len(d_k)):
                dh_k[j] += d_k[j] * m_k[j]


# ---- RNN --------------------------------------------------------------------------------------------------


@compiled
def rnn_forward(steps, s, h, seen, m, Wh):
    """Fill h from the input products s (P, H)."""
    for t in range(len(steps)):
        before, after, now, n = step_of(steps, t)
        product(seen[before : before + n], Wh, s[now : now + n], 1)
        for k in range(n):
            s_t, h_t = s[now + k], h[after + k]
            for j in range(len(h_t)):
                h_t[j] = tanh(s_t[j])  # (1) h
        mask(h[after : after + n], m, seen[after : after + n])


@compiled
def rnn_backward(steps, s, h, seen, m, ds, dh, WhT):
    """Fill ds (P, H) and complete dh (N + P, H)."""
    d = np.empty_like(h[: len(h) - len(s)])
    for t in range(len(steps) - 1, -1, -1):
        before, after, now, n = step_of(steps, t)
        for k in range(n):
            ds_t, dh_t, h_t = ds[now + k], dh[after + k], h[after + k]
            for j in range(len(h_t)):
                ds_t[j] = dh_t[j] * tanh_slope(h_t[j])  # (1) ds = dh∘φ′
        carry(ds[now : now + n], WhT, m, d[:n], dh[before : before + n])  # (1) dh₋ += ds Whᵀ


# ---- GRU --------------------------------------------------------------------------------------------------


@compiled
def gru_forward(steps, s, h, seen, m, q, Wh_zr, Wh_c):
    """Turn the scores s (P, 3H) into z, r and c; fill h and q."""
    H = h.shape[1]
    for t in range(len(steps)):
        before, after, now, n = step_of(steps, t)
        product(seen[before : before + n], Wh_zr, s[now : now + n, : 2 * H], 1)
        for k in range(n):
            zr, (_, r, _), q_t, seen_ = s[now + k, : 2 * H], thirds(s[now + k]), q[now + k], seen[before + k]
            for j in range(2 * H):
                zr[j] = sigmoid(zr[j])  # (1) z, (2) r
            for j in range(H):
                q_t[j] = r[j] * seen_[j]  # (3) q = r∘h₋
        product(q[now : now + n], Wh_c, s[now : now + n, 2 * H :], 1)
        for k in range(n):
            (z, _, c), h_, h_t = thirds(s[now + k]), h[before + k], h[after + k]
            for j in range(H):
                c[j] = tanh(c[j])  # (3) c
            for j in range(H):
                h_t[j] = c[j] + z[j] * (h_[j] - c[j])  # (4) h
        mask(h[after : after + n], m, seen[after : after + n])


@compiled
def gru_backward(steps, s, h, seen, m, q, ds, dh, WhT):
    """Fill ds (P, 3H) and complete dh (N + P, H)."""
    H, one = h.shape[1], h.dtype.type(1)
    d = np.empty_like(h[: len(h) - len(s)])
    for t in range(len(steps) - 1, -1, -1):
        before, after, now, n = step_of(steps, t)
        for k in range(n):
            (z, _, c), (ds_z, _, ds_c) = thirds(s[now + k]), thirds(ds[now + k])
            h_, dh_t = h[before + k], dh[after + k]
            for j in range(H):
                ds_z[j] = dh_t[j] * (h_[j] - c[j]) * sigmoid_slope(z[j])  # (4) dz, (1) ds_z
            for j in range(H):
                ds_c[j] = dh_t[j] * (one - z[j]) * tanh_slope(c[j])  # (4) dc, (3) ds_c
        product(ds[now : now + n, 2 * H :], WhT[2 * H :], d[:n], 0)  # (3) dq
        for k in range(n):
            (_, r, _), (_, ds_r, _) = thirds(s[now + k]), thirds(ds[now + k])
            seen_, d_t = seen[before + k], d[k]
            for j in range(H):
                ds_r[j] = d_t[j] * seen_[j] * sigmoid_slope(r[j])  # (3) dr, (2) ds_r
            d_t *= r  # (3) dq∘r
        product(ds[now : now + n, : 2 * H], WhT[: 2 * H], d[:n], 1)  # (2), (1) dh₋
        mask(d[:n], m, d[:n])
        add_kept(s[now : now + n], d[:n], dh[after : after + n], dh[before : before + n])  # (4) dh∘z


@compiled
def add_kept(s, d, dh, dh_):
    """Compute dh₋ += d + dh∘z for the rows of one step."""
    for k in range(len(d)):
        (z, _, _), d_t, dh_t, dh_k = thirds(s[k]), d[k], dh[k], dh_[k]
        for j in range(len(d_t)):
            dh_k[j] += d_t[j] + dh_t[j] * z[j]


@compiled
def gru_after_forward(steps, s, h, seen, m, u, Wh, bh_c):
    """Turn the scores s (P, 3H) into z, r and c, with (3') in place of (3); fill h and u."""
    H = h.shape[1]
    for t in range(len(steps)):
        before, after, now, n = step_of(steps, t)
        u[now : now + n] = bh_c
        product(seen[before : before + n], Wh[:, 2 * H :], u[now : now + n], 1)  # (3') u = h₋ Wh_c + bh_c
        product(seen[before : before + n], Wh[:, : 2 * H], s[now : now + n, : 2 * H], 1)
        for k in range(n):
            zr, (z, r, c), u_t = s[now + k, : 2 * H], thirds(s[now + k]), u[now + k]
            h_, h_t = h[before + k], h[after + k]
            for j in range(2 * H):
                zr[j] = sigmoid(zr[j])  # (1) z, (2) r
            for j in range(H):
                c[j] = tanh(c[j] + r[j] * u_t[j])  # (3') c
            for j in range(H):
                h_t[j] = c[j] + z[j] * (h_[j] - c[j])  # (4) h
        mask(h[after : after + n], m, seen[after : after + n])


@compiled
def gru_after_backward(steps, s, h, seen, m, u, du, ds, dh, WhT):
    """Fill ds (P, 3H) and du (P, H), and complete dh (N + P, H)."""
    H, one = h.shape[1], h.dtype.type(1)
    d = np.empty_like(h[: len(h) - len(s)])
    for t in range(len(steps) - 1, -1, -1):
        before, after, now, n = step_of(steps, t)
        for k in range(n):
            (z, r, c), (ds_z, ds_r, ds_c) = thirds(s[now + k]), thirds(ds[now + k])
            u_t, du_t, h_, dh_t = u[now + k], du[now + k], h[before + k], dh[after + k]
            for j in range(H):
                ds_z[j] = dh_t[j] * (h_[j] - c[j]) * sigmoid_slope(z[j])  # (4) dz, (1) ds_z
            for j in range(H):
                ds_c[j] = dh_t[j] * (one - z[j]) * tanh_slope(c[j])  # (4) dc, (3') ds_c
            for j in range(H):
                ds_r[j] = ds_c[j] * u_t[j] * sigmoid_slope(r[j])  # (3') dr, (2) ds_r
            for j in range(H):
                du_t[j] = ds_c[j] * r[j]  # (3') du
        product(du[now : now + n], WhT[2 * H :], d[:n], 0)  # (3') dh₋
        product(ds[now : now + n, : 2 * H], WhT[: 2 * H], d[:n], 1)  # (2), (1) dh₋
        mask(d[:n], m, d[:n])
        add_kept(s[now : now + n], d[:n], dh[after : after + n], dh[before : before + n])  # (4) dh∘z


# ---- LSTM -------------------------------------------------------------------------------------------------


@compiled
def lstm_forward(steps, s, h, c, seen, m, v, Wh):
    """Turn the scores s (P, 4H) into i, f, o and g; fill h, c and v."""
    H = h.shape[1]
    for t in range(len(steps)):
        before, after, now, n = step_of(steps, t)
        product(seen[before : before + n], Wh, s[now : now + n], 1)
        for k in range(n):
            ifo, (i, f, o, g) = s[now + k, : 3 * H], quarters(s[now + k])
            h_t, c_t, c_, v_t = h[after + k], c[after + k], c[before + k], v[now + k]
            for j in range(3 * H):
                ifo[j] = sigmoid(ifo[j])  # (1) i, (2) f, (4) o
            for j in range(H):
                g[j] = tanh(g[j])  # (3) g
            for j in range(H):
                c_t[j] = f[j] * c_[j] + i[j] * g[j]  # (5) c
            for j in range(H):
                v_t[j] = tanh(c_t[j])  # (6) v
            for j in range(H):
                h_t[j] = o[j] * v_t[j]  # (6) h
        mask(h[after : after + n], m, seen[after : after + n])


@compiled
def lstm_backward(steps, s, h, c, seen, m, v, ds, dh, dc, WhT):
    """Fill ds (P, 4H) and complete dh (N + P, H); dc (N, H) is that of one step."""
    H = h.shape[1]
    d = np.empty_like(dc)
    for t in range(len(steps) - 1, -1, -1):
        before, after, now, n = step_of(steps, t)
        for k in range(n):
            (i, f, o, g), (ds_i, ds_f, ds_o, ds_g) = quarters(s[now + k]), quarters(ds[now + k])
            c_, v_t, dh_t, dc_t = c[before + k], v[now + k], dh[after + k], dc[k]
            for j in range(H):
                ds_o[j] = dh_t[j] * v_t[j] * sigmoid_slope(o[j])  # (6) do, (4) ds_o
            for j in range(H):
                dc_t[j] += dh_t[j] * o[j] * tanh_slope(v_t[j])  # (6) dh∘o∘φ′
            for j in range(H):
                ds_i[j] = dc_t[j] * g[j] * sigmoid_slope(i[j])  # (5) di, (1) ds_i
            for j in range(H):
                ds_f[j] = dc_t[j] * c_[j] * sigmoid_slope(f[j])  # (5) df, (2) ds_f
            for j in range(H):
                ds_g[j] = dc_t[j] * i[j] * tanh_slope(g[j])  # (5) dg, (3) ds_g
            for j in range(H):
                dc_t[j] *= f[j]  # (5) dc₋
        carry(ds[now : now + n], WhT, m, d[:n], dh[before : before + n])  # (1) to (4) dh₋
