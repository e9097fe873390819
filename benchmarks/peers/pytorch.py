"""PyTorch, at the settings that its guides recommend for a CPU."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.cases import BATCH_SIZE, RATE, Case, chain_weights, data, joined, layer_weights
from benchmarks.peers import Built

LAYERS = {"rnn": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}
ORDER = {"rnn": ("",), "gru_after": ("_r", "_z", "_c"), "lstm": ("_i", "_f", "_g", "_o")}


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    if ":" in case.text:
        return chain(case, seed)
    return convolution(case, seed) if case.layer == "conv1d" else recurrent(case, seed)


def convolution(case: Case, seed: int) -> Built:
    """Return a convolution over time; what goes in and out has the channels before the steps."""
    *_, D, H = case.sizes
    x, dy = (torch.from_numpy(a).mT.contiguous() for a in data(case, seed))
    layer, weights = nn.Conv1d(D, H, 5), layer_weights(case, seed)
    layer.load_state_dict({"weight": torch.tensor(weights["W"].T), "bias": torch.tensor(weights["b"])})
    x.requires_grad_()

    @torch.inference_mode()
    def forward():
        return layer(x).mT

    def step():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x).backward(dy)
        return x.grad.mT

    return Built(forward, step)


def recurrent(case: Case, seed: int) -> Built:
    """Return one recurrent layer."""
    _, _, D, H = case.sizes
    x, dy = map(torch.from_numpy, data(case, seed))
    layer = LAYERS[case.layer](D, H, batch_first=True)
    own = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    with torch.no_grad():  # PyTorch's second bias is 0 except for the GRU's candidate
        for weight, value in zip(own, joined(layer_weights(case, seed), ORDER[case.layer]), strict=True):
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


def chain(case: Case, seed: int) -> Built:
    """Return dense layers, or LeNet, with a loss and Adam; LeNet's images are (N, 1, D, D)."""
    x, y = map(torch.from_numpy, data(case, seed))
    *before, weights = *case.sizes[1:-1], chain_weights(case, seed)
    parts: list[nn.Module] = []
    if case.layer == "lenet":
        x, (_, first, second, *_) = x.movedim(-1, 1).contiguous(), before
        before[0] = 1  # the channels of an image
        parts = [nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        parts += [nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    for W, _ in weights[2 if parts else 0 :]:
        parts += [nn.Linear(*W.shape), nn.ReLU()]
    model = nn.Sequential(*parts[:-1])
    trained = [part for part in model if hasattr(part, "weight")]
    for part, D, (W, b) in zip(trained, before, weights, strict=True):
        W = W.T.reshape(len(b), -1, D).swapaxes(1, 2)  # the channels before the pixels
        weight = torch.tensor(W).reshape_as(part.weight)
        part.load_state_dict({"weight": weight, "bias": torch.from_numpy(b)})
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
