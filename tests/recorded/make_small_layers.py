"""Record PyTorch's small layers in small_layers.npz: ``python tests/recorded/make_small_layers.py``.

A case is what one layer of nnfw has to reproduce: the input x, "params/...", the lengths if there are any,
the output y, the gradient dy that the adjoint is started from, and what it finds, "grads/...".
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240612)
N, T, D, V, MASK = 4, 5, 6, 9, 3
LENGTHS = torch.tensor([3, 5, 1, 4])
VALID = (torch.arange(T) < LENGTHS[:, None])[..., None]
arrays: dict[str, np.ndarray] = {}


def record(case, x, y, params=(), lengths=None):
    """Keep a case, with the gradients of all that y was made from."""
    params = dict(params)
    dy = torch.randn_like(y)
    wanted = {name: p for name, p in {"x": x, **params}.items() if p.requires_grad}
    found = torch.autograd.grad(y, list(wanted.values()), dy)
    kept = {"x": x, "y": y, "dy": dy, "lengths": lengths} | {
        f"params/{name}": p for name, p in params.items()
    }
    kept |= {f"grads/{name}": gradient for name, gradient in zip(wanted, found, strict=True)}
    arrays.update({f"{case}/{name}": a.detach().numpy() for name, a in kept.items() if a is not None})


def last(x):
    return x[torch.arange(N), LENGTHS - 1]


def mean(x):
    return x.masked_fill(~VALID, 0).sum(dim=1) / LENGTHS[:, None]


def largest(x):
    return x.masked_fill(~VALID, -torch.inf).max(dim=1).values


for case, shape, mask in (
    ("embedding", (N, T), None),
    ("embedding_masked", (N, T), MASK),
    ("embedding_flat", (N,), 0),
):
    x = torch.randint(V, shape)
    x[-1] = 0 if mask is None else mask
    module = nn.Embedding(V, D, padding_idx=mask)
    record(case, x, module(x), {"E": module.weight})
for case, shape, epsilon in (("layer_norm", (N, D), 1e-5), ("layer_norm_in_time", (N, T, D), 0.3)):
    x = (3 * torch.randn(shape) + 2).requires_grad_()
    module = nn.LayerNorm(D, epsilon)
    nn.init.normal_(module.weight)
    nn.init.normal_(module.bias)
    record(case, x, module(x), {"gain": module.weight, "shift": module.bias})
for case, pool, whole in (
    ("last", last, lambda x: x[:, -1]),
    ("mean", mean, lambda x: x.mean(dim=1)),
    ("max", largest, lambda x: x.max(dim=1).values),
):
    x = torch.randn(N, T, D, requires_grad=True)
    record(case, x, whole(x))
    record(f"{case}_with_lengths", x, pool(x), lengths=LENGTHS)
np.savez_compressed(Path(__file__).with_name("small_layers.npz"), **arrays)
