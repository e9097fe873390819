"""Record GRU-D, written for PyTorch's autograd, in grud.npz: ``python tests/recorded/make_grud.py``.

A case has what `make_small_layers` has, and an initial state. The equations are those of Che et al. 2018
(arXiv:1606.01865), with the names there, of sequences that are read one by one. The weights W, U and V of a
gate are leaves of the graph, and are put together under nnfw's names for the record alone.
"""

from pathlib import Path

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261130)
N, T, D, H = 3, 6, 3, 4
LENGTHS = torch.tensor([4, 6, 1])
GATES = "rzh"  # the names of the paper; nnfw calls h̃ the candidate c
arrays: dict[str, np.ndarray] = {}


def leaf(*shape):
    return torch.randn(shape, requires_grad=True)


def step(x, m, delta, h, p):
    """Equations 4 to 11 of the paper for one sequence, with the mean of x at 0."""
    gamma_x = torch.exp(-torch.clamp(p["w_gamma_x"] * delta + p["b_gamma_x"], min=0))
    gamma_h = torch.exp(-torch.clamp(delta @ p["W_gamma_h"] + p["b_gamma_h"], min=0))
    x_hat = m * x + (1 - m) * (gamma_x * x)
    h = gamma_h * h
    r, z = (
        torch.sigmoid(x_hat @ p[f"W_{g}"] + h @ p[f"U_{g}"] + m @ p[f"V_{g}"] + p[f"b_{g}"]) for g in "rz"
    )
    new = torch.tanh(x_hat @ p["W_h"] + (r * h) @ p["U_h"] + m @ p["V_h"] + p["b_h"])
    return (1 - z) * h + z * new


def in_nnfw(p):
    """Return arrays of the paper's shapes under nnfw's names; z there is 1 - z here, so its signs change."""
    found = {"Wd_x": p["w_gamma_x"], "bd_x": p["b_gamma_x"], "Wd_h": p["W_gamma_h"], "bd_h": p["b_gamma_h"]}
    for gate in GATES:
        sign, ours = (-1, "z") if gate == "z" else (1, {"r": "r", "h": "c"}[gate])
        found[f"Wx_{ours}"] = sign * torch.cat([p[f"W_{gate}"], p[f"V_{gate}"]])
        found[f"Wh_{ours}"] = sign * p[f"U_{gate}"]
        found[f"b_{ours}"] = sign * p[f"b_{gate}"]
    return found


for case, lengths, start in (
    ("grud", None, True),
    ("grud_last", LENGTHS, False),
    ("grud_reverse", LENGTHS, True),
):
    p = {"w_gamma_x": leaf(D), "b_gamma_x": leaf(D), "W_gamma_h": leaf(D, H), "b_gamma_h": leaf(H)}
    for gate in GATES:
        p |= {f"W_{gate}": leaf(D, H), f"U_{gate}": leaf(H, H), f"V_{gate}": leaf(D, H), f"b_{gate}": leaf(H)}
    m = (torch.rand(N, T, D) < 0.5).double()
    inputs = [torch.randn(N, T, D), m, torch.rand(N, T, D) * 3]
    inputs = [one.requires_grad_() for one in inputs]
    initial = leaf(N, H) if start else torch.zeros(N, H)
    rows = []
    for n in range(N):
        count = T if lengths is None else int(lengths[n])
        steps = reversed(range(count)) if case.endswith("reverse") else range(count)
        h, states = initial[n], [torch.zeros(H)] * T
        for t in steps:
            h = states[t] = step(*(one[n, t] for one in inputs), h, p)
        rows.append(h if case.endswith("last") else torch.stack(states))
    y = torch.stack(rows)
    dy = torch.randn_like(y)
    wanted = inputs + list(p.values()) + ([initial] if start else [])
    gradients = torch.autograd.grad(y, wanted, dy)
    dx, (dp, *d_initial) = (
        torch.cat(gradients[:3], dim=-1),
        (gradients[3 : 3 + len(p)], *gradients[3 + len(p) :]),
    )
    kept = {"x": torch.cat(inputs, dim=-1), "y": y, "dy": dy, "grads/x": dx}
    kept |= {f"params/{name}": a for name, a in in_nnfw(p).items()}
    kept |= {f"grads/{name}": a for name, a in in_nnfw(dict(zip(p, dp, strict=True))).items()}
    kept |= {"lengths": lengths} if lengths is not None else {}
    kept |= {"initial_state": initial, "grads/initial_state": d_initial[0]} if start else {}
    arrays |= {f"{case}/{name}": a.detach().numpy() for name, a in kept.items()}
np.savez_compressed(Path(__file__).with_name("grud.npz"), **arrays)
