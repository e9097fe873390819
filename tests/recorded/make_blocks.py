"""Record PyTorch's convolutions and windowed pooling in blocks.npz: ``python tests/recorded/make_blocks.py``.

A case has what `make_small_layers` has; axes are in nnfw's order, channels last.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261129)
N, T, D, F = 3, 6, 3, 4
SERIES, IMAGES = (N, T, D), (N, 5, 6, D)
LENGTHS = torch.tensor([4, 6, 1])
arrays: dict[str, np.ndarray] = {}


def record(case, x, y, params=(), lengths=None):
    """Keep a case, with the gradients of all that y was made from."""
    params = dict(params)
    dy = torch.randn_like(y)
    wanted = {name: p for name, p in {"x": x, **params}.items() if p.requires_grad}
    found = torch.autograd.grad(y, list(wanted.values()), dy)
    kept = {"x": x, "y": y, "dy": dy, "lengths": lengths}
    kept |= {f"params/{name}": p for name, p in params.items()}
    kept |= {f"grads/{name}": gradient for name, gradient in zip(wanted, found, strict=True)}
    arrays.update({f"{case}/{name}": a.detach().numpy() for name, a in kept.items() if a is not None})


for case, kernel, left, lengths, settings in (
    ("conv1d", (3,), 0, None, {}),
    ("conv1d_strided", (2,), 0, None, {"stride": 2, "dilation": 2}),
    ("conv1d_same", (3,), 0, LENGTHS, {"stride": 2, "padding": 1}),
    ("conv1d_causal", (3,), 4, LENGTHS, {"dilation": 2}),
    ("conv2d", (3, 3), 0, None, {}),
    ("conv2d_same", (2, 3), 0, None, {"padding": "same", "dilation": (2, 1)}),
    ("conv2d_strided", (3, 2), 0, None, {"stride": (2, 3)}),
):
    axes = len(kernel)
    x = torch.randn(SERIES if axes == 1 else IMAGES, requires_grad=True)
    W, b = torch.randn(*kernel, D, F, requires_grad=True), torch.randn(F, requires_grad=True)
    function = nn.functional.conv1d if axes == 1 else nn.functional.conv2d
    parts = [x] if lengths is None else [one[None, :n] for one, n in zip(x, lengths, strict=True)]
    padded = [nn.functional.pad(one.movedim(-1, 1), (left, 0)) for one in parts]
    outputs = [function(one, W.permute(-1, -2, *range(axes)), b, **settings) for one in padded]
    y = [one.movedim(1, -1) for one in outputs]
    y = y[0] if lengths is None else nn.utils.rnn.pad_sequence([one[0] for one in y], batch_first=True)
    record(case, x, y, {"W": W, "b": b}, lengths)
for case, module, shape in (
    ("max1d", nn.MaxPool1d(2), SERIES),
    ("max1d_strided", nn.MaxPool1d(3, 1), SERIES),
    ("average1d", nn.AvgPool1d(3, 2), SERIES),
    ("max2d", nn.MaxPool2d(2), IMAGES),
    ("max2d_strided", nn.MaxPool2d((2, 3), (1, 2)), IMAGES),
    ("average2d", nn.AvgPool2d((3, 2), 2), IMAGES),
):
    x = torch.randn(shape, requires_grad=True)
    record(case, x, module(x.movedim(-1, 1)).movedim(1, -1))
for case, shape, lengths in (("batch_norm", (7, D), None), ("batch_norm_in_time", SERIES, LENGTHS)):
    module = nn.BatchNorm1d(D, eps=0.01, momentum=0.3)
    gain, shift = (torch.randn(D, requires_grad=True) for _ in range(2))
    for _ in range(2):  # of which the first moves the running statistics
        x = (3 * torch.randn(shape) + 2).requires_grad_()
        valid = torch.ones(shape[:-1], dtype=bool) if lengths is None else torch.arange(T) < lengths[:, None]
        before = {"mean": module.running_mean.clone(), "variance": module.running_var.clone()}
        y = torch.zeros(shape)
        y[valid] = module(x[valid]) * gain + shift
    record(case, x, y, {"gain": gain, "shift": shift} | before, lengths)
    module.eval()
    after = {"mean": module.running_mean, "variance": module.running_var}
    arrays |= {f"{case}/after/{name}": a.numpy() for name, a in after.items()}
    y = torch.zeros(shape)
    y[valid] = module(x[valid]) * gain + shift
    arrays[f"{case}/after/y"] = y.detach().numpy()
for case, causal, lengths in (
    ("self_attention", False, LENGTHS),
    ("self_attention_causal", True, None),
    ("attention_pooling", None, LENGTHS),
):
    x = torch.randn(SERIES, requires_grad=True)
    counts = torch.full((N,), T) if lengths is None else lengths
    valid = torch.arange(T) < counts[:, None]
    if causal is None:
        names = {"W": (D, F), "b": (F,), "v": (F, 1)}
        params = {name: torch.randn(shape, requires_grad=True) for name, shape in names.items()}
        scores = (torch.tanh(x @ params["W"] + params["b"]) @ params["v"])[..., 0]
        weights = scores.masked_fill(~valid, -torch.inf).softmax(dim=1)
        y = torch.einsum("nt,ntd->nd", weights, x)
    else:
        names = {"Wq": (D, F), "bq": (F,), "Wk": (D, F), "bk": (F,), "Wv": (D, F), "bv": (F,)}
        params = {name: torch.randn(shape, requires_grad=True) for name, shape in names.items()}
        q, k, v = (x @ params[f"W{name}"] + params[f"b{name}"] for name in "qkv")
        seen = valid[:, None] & torch.ones(T, T, dtype=bool).tril() if causal else valid[:, None]
        y = nn.functional.scaled_dot_product_attention(q, k, v, seen) * valid[..., None]
    record(case, x, y, params, lengths)
np.savez_compressed(Path(__file__).with_name("blocks.npz"), **arrays)
