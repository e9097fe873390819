"""Record PyTorch's modules in float64 into torch.npz: ``python tests/recorded/make_torch.py``.

A case is a module that a network of nnfw has to reproduce: its state_dict as "state/..." in its order, the
input x, the lengths where sequences are packed, and the output y.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261129)
N, T, D, V = 3, 5, 4, 7
LENGTHS = torch.tensor([3, 5, 2])
arrays: dict[str, np.ndarray] = {}


class Sequences(nn.Module):
    """Symbols, a recurrent module, and a linear one of each step or of the last output."""

    def __init__(self, recurrent, width, embed=False, norm=False, bias=True, last=False):
        super().__init__()
        self.symbols = nn.Embedding(V, D, padding_idx=0) if embed else nn.Identity()
        self.recurrent, self.last = recurrent, last
        self.head = nn.Sequential(nn.LayerNorm(width) if norm else nn.Identity(), nn.Linear(width, 3, bias))

    def forward(self, x, lengths):
        x = pack_padded_sequence(self.symbols(x), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.recurrent(x)[0], batch_first=True, total_length=T)
        y = y[torch.arange(N), lengths - 1] if self.last else y
        return self.head(y)


def record(case, module, x):
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    if isinstance(module.symbols, nn.Embedding):
        module.symbols.weight.data[0] = 0
    y = module(x, LENGTHS)
    arrays.update({f"{case}/state/{name}": a.numpy() for name, a in module.state_dict().items()})
    arrays.update({f"{case}/{name}": a.detach().numpy() for name, a in {"x": x, "y": y}.items()})


options = {"batch_first": True}
symbols = torch.randint(1, V, (N, T)) * (torch.arange(T) < LENGTHS[:, None])
record("gru", Sequences(nn.GRU(D, 5, 2, bidirectional=True, **options), 10, embed=True, norm=True), symbols)
record("lstm", Sequences(nn.LSTM(D, 4, 2, **options), 4, last=True), torch.randn(N, T, D))
record("rnn", Sequences(nn.RNN(D, 4, bidirectional=True, **options), 8), torch.randn(N, T, D))
relu = nn.RNN(D, 4, bias=False, nonlinearity="relu", **options)
record("no_bias", Sequences(relu, 4, bias=False, last=True), torch.randn(N, T, D))


def record_images(case, module, x):
    module.train()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    module(x)  # moves the running statistics
    module.eval()
    arrays.update({f"{case}/state/{name}": a.numpy() for name, a in module.state_dict().items()})
    arrays.update({f"{case}/x": x.movedim(1, -1).numpy(), f"{case}/y": module(x).detach().numpy()})


convolution = [nn.Conv1d(D, 6, 3, padding=1, stride=1), nn.BatchNorm1d(6), nn.Tanh(), nn.MaxPool1d(2)]
ending = [nn.Flatten(), nn.Dropout(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3)]
record_images("steps", nn.Sequential(*convolution, *ending), torch.randn(N, D, T))
convolutions = [
    nn.Conv2d(2, 3, (3, 2)),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Conv2d(3, 4, 2, dilation=(1, 2), bias=False),
]
record_images(
    "images", nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(24, 3)), torch.randn(N, 2, 10, 9)
)
np.savez_compressed(Path(__file__).with_name("torch.npz"), lengths=LENGTHS.numpy(), **arrays)
