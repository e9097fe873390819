"""Record how PyTorch trains in float64 into training.json: ``python tests/recorded/make_training.py``.

A case is a recurrent module and a linear one on the digits, trained by Adam on the samples in their order. It
holds the shapes of its state_dict, whose values `drawn` gives, and the mean loss and accuracy of each epoch.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nnfw.datasets import load_digits

EPOCHS, BATCH, UNITS, RATE = 30, 32, 16, 0.003


def drawn(shapes):
    rng = np.random.default_rng(0)
    return {name: rng.normal(scale=0.3, size=shape) for name, shape in shapes.items()}


def train(recurrent, x, y):
    linear = nn.Linear(UNITS, 10)
    module = nn.ModuleDict({"recurrent": recurrent, "linear": linear})
    shapes = {name: list(p.shape) for name, p in module.state_dict().items()}
    state = {name: torch.from_numpy(p) for name, p in drawn(shapes).items()}
    module.load_state_dict(state)
    single = 2 * UNITS if isinstance(recurrent, nn.GRU) else len(recurrent.bias_hh_l0)
    # nnfw has one bias where PyTorch adds two: the second keeps its value here.
    recurrent.bias_hh_l0.register_hook(lambda g: torch.cat([0 * g[:single], g[single:]]))
    optimizer = torch.optim.Adam(module.parameters(), RATE)
    curves = {"shapes": shapes, "loss": [], "accuracy": []}
    for _ in range(EPOCHS):
        loss, right = 0.0, 0
        for start in range(0, len(x), BATCH):
            batch, labels = x[start : start + BATCH], y[start : start + BATCH]
            logits = linear(recurrent(batch)[0][:, -1])
            one = nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            one.backward()
            optimizer.step()
            loss += one.item() * len(batch)
            right += int((logits.argmax(1) == labels).sum())
        curves["loss"].append(loss / len(x))
        curves["accuracy"].append(right / len(x))
    return curves


def main():
    torch.set_default_dtype(torch.float64)
    (x, y), _ = load_digits()
    x = torch.from_numpy(np.asarray(x, np.float64))
    y = torch.from_numpy(np.asarray(y)).long()
    if y.ndim == 2:
        y = y.argmax(1)
    options = {"input_size": x.shape[2], "hidden_size": UNITS, "batch_first": True}
    modules = {"RNN": nn.RNN(**options), "GRU": nn.GRU(**options), "LSTM": nn.LSTM(**options)}
    curves = {name: train(module, x, y) for name, module in modules.items()}
    Path(__file__).with_name("training.json").write_text(json.dumps(curves) + "\n")


if __name__ == "__main__":
    main()
