"""PyTorch, at the settings that its guides recommend for a CPU."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.cases import BATCH_SIZE, RATE, Case, data, dense_weights, joined, recurrent_weights
from benchmarks.peers import Built

LAYERS = {"rnn": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}
ORDER = {"rnn": ("",), "gru_after": ("_r", "_z", "_c"), "lstm": ("_i", "_f", "_g", "_o")}


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    return dense(case, seed) if case.layer == "dense" else recurrent(case, seed)


def recurrent(case: Case, seed: int) -> Built:
    """Return one recurrent layer."""
    _, _, D, H = case.sizes
    x, dy = map(torch.from_numpy, data(case, seed))
    layer = LAYERS[case.layer](D, H, batch_first=True)
    own = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    with torch.no_grad():  # PyTorch's second bias is 0 except for the GRU's candidate
        for weight, value in zip(own, joined(recurrent_weights(case, seed), ORDER[case.layer]), strict=True):
            weight.copy_(torch.from_numpy(value.T))
    x.requires_grad_()

    @torch.inference_mode()
    def forward():
        return layer(x)[0][:, -1]

    def step():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x)[0][:, -1].backward(dy)
        return x.grad

    return Built(forward, step)


def dense(case: Case, seed: int) -> Built:
    """Return dense layers with a loss and Adam."""
    x, y = map(torch.from_numpy, data(case, seed))
    parts: list[nn.Module] = []
    for W, b in dense_weights(case, seed):
        parts += [nn.Linear(*W.shape), nn.ReLU()]
        parts[-2].load_state_dict({"weight": torch.from_numpy(W.T), "bias": torch.from_numpy(b)})
    model = nn.Sequential(*parts[:-1])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    @torch.inference_mode()
    def forward():
        return model(x).softmax(dim=-1)

    return Built(forward, lambda: train_step(model, optimizer, x, y))


def train_step(model: Any, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    """Take one training step and return the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


class Classifier(nn.Module):
    """A GRU, whose last state a dense layer reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.output = nn.GRU(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        """Return the logits."""
        return self.output(self.gru(x)[0][:, -1])


def network(task: str) -> nn.Module:
    """Return the network of a task of `fit`."""
    if task == "digits":
        return Classifier()
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))


def train(task, x, y, epochs, seed, tick):
    """Train the network of a task in a plain loop; indexing whole batches is faster than a DataLoader."""
    torch.manual_seed(seed)
    model, x, y = network(task), torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH_SIZE):
            total += train_step(model, optimizer, x[batch], y[batch]).item() * len(batch)
        tick()
    return total / len(x)
