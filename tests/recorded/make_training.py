"""Record how PyTorch trains in float64 into training.json: ``python tests/recorded/make_training.py``.

A case is a recurrent module and a linear one, trained by Adam on batches in the order of the samples.
These are the digits, or the Japanese vowels, whose lengths differ, in the order that `shuffled` gives.
It records the shapes of its state_dict, whose values `drawn` gives, and the loss and accuracy of each epoch.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from nnfw.datasets import load_digits, load_japanese_vowels

EPOCHS, BATCH, UNITS, RATE = 30, 32, 16, 0.002


def drawn(shapes):
    rng = np.random.default_rng(0)
    return {name: rng.normal(scale=0.3, size=shape) for name, shape in shapes.items()}


def shuffled(x, y):
    order = np.random.default_rng(0).permutation(len(x))
    return [x[i] for i in order], y[order]


def fix_second_biases(recurrent):
    """Keep the bias of h as it is where nnfw has one bias and PyTorch two: all but that of c in a GRU."""
    fixed = torch.ones(len(recurrent.bias_hh_l0), dtype=torch.bool)
    if isinstance(recurrent, nn.GRU):
        fixed[2 * UNITS :] = False
    for name, bias in recurrent.named_parameters():
        if name.startswith("bias_hh"):
            bias.register_hook(lambda gradient: gradient.masked_fill(fixed, 0))


def train(recurrent, x, y):
    linear = nn.Linear(UNITS * (1 + recurrent.bidirectional), int(y.max()) + 1)
    module = nn.ModuleDict({"recurrent": recurrent, "linear": linear})
    shapes = {name: list(p.shape) for name, p in module.state_dict().items()}
    module.load_state_dict({name: torch.from_numpy(p) for name, p in drawn(shapes).items()})
    fix_second_biases(recurrent)
    x, y = [torch.from_numpy(one.astype(np.float64)) for one in x], torch.from_numpy(y)
    optimizer = torch.optim.Adam(module.parameters(), RATE)
    curves = {"shapes": shapes, "loss": [], "accuracy": []}
    for _ in range(EPOCHS):
        loss, right = 0.0, 0
        for start in range(0, len(x), BATCH):
            batch = pack_sequence(x[start : start + BATCH], enforce_sorted=False)
            labels, (_, state) = y[start : start + BATCH], recurrent(batch)
            last = state[0] if isinstance(recurrent, nn.LSTM) else state
            logits = linear(torch.cat([*last], dim=1))
            mean = nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            mean.backward()
            optimizer.step()
            loss += mean.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
        curves["loss"].append(loss / len(x))
        curves["accuracy"].append(right / len(x))
    return curves


def main():
    torch.set_default_dtype(torch.float64)
    digits, vowels = load_digits()[0], shuffled(*load_japanese_vowels()[0])
    cases = {
        "RNN": (nn.RNN(8, UNITS, batch_first=True), *digits),
        "GRU": (nn.GRU(8, UNITS, batch_first=True), *digits),
        "LSTM": (nn.LSTM(8, UNITS, batch_first=True), *digits),
        "GRU, lengths": (nn.GRU(12, UNITS, batch_first=True), *vowels),
        "Bidirectional LSTM, lengths": (nn.LSTM(12, UNITS, batch_first=True, bidirectional=True), *vowels),
    }
    curves = {name: train(*case) for name, case in cases.items()}
    Path(__file__).with_name("training.json").write_text(json.dumps(curves) + "\n")


if __name__ == "__main__":
    main()
