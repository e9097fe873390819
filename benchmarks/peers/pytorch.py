"""PyTorch, with the settings that its guides recommend for a CPU."""

import torch
from torch import nn

from benchmarks.peers.ours import weights
from benchmarks.plan import Built, Case, data
from nnfw.exchange.torch import ORDERS

LAYERS = {"rnn": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, ready to run."""
    x, y = map(torch.from_numpy, data(case, seed))
    params = [one.values() for one in weights(case, seed, ORDERS)]
    return (chain if ":" in case.text else layer)(case, params, x, y)


def layer(case, params, x, dy) -> Built:
    """Return one recurrent layer, or a convolution over time, which has the channels before the steps."""
    _, _, D, H = case.sizes
    convolution = case.layer == "conv1d"
    model = nn.Conv1d(D, H, 5) if convolution else LAYERS[case.layer](D, H, batch_first=True)
    run = model if convolution else lambda x: model(x)[0][:, -1]
    turn = (lambda a: a.mT) if convolution else (lambda a: a)
    fill(model, params[0])
    x, dy = turn(x).contiguous().requires_grad_(), turn(dy).contiguous()

    def step():
        model.zero_grad(set_to_none=True)
        x.grad = None
        run(x).backward(dy)
        return turn(x.grad)

    return Built(torch.inference_mode()(lambda: turn(run(x))), step)


def chain(case, params, x, y) -> Built:
    """Return dense layers, or LeNet, with a loss and Adam; LeNet's images are (N, 1, D, D)."""
    widths, parts, arrays = [*case.sizes[1:-1]], [], []
    if case.layer == "lenet":
        x, (_, first, second, *_) = x.movedim(-1, 1).contiguous(), widths
        widths[0] = 1  # the channels of an image
        parts = [nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        parts += [nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    for D, (W, b) in zip(widths, params, strict=True):
        parts += [nn.Linear(*W.shape), nn.ReLU()] if W.ndim == 2 else []
        arrays += [W.reshape(-1, D, len(b)), b]  # the channels come before the pixels
    model = nn.Sequential(*parts[:-1])
    fill(model, arrays)
    adam = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    return Built(torch.inference_mode()(lambda: model(x).softmax(-1)), lambda: train_step(model, adam, x, y))


def fill(model, arrays):
    """Set the parameters to those of nnfw, whose axes are in the opposite order."""
    with torch.no_grad():
        for p, a in zip(model.parameters(), arrays, strict=True):
            p.copy_(torch.from_numpy(a.T).reshape_as(p))


def train_step(model, optimizer, x, y):
    """Take one training step and return the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def network(task: str) -> nn.Module:
    """Return the network of a task of `fit`."""
    if task == "digits":
        gru = nn.GRU(8, 64, batch_first=True)
        gru.register_forward_hook(lambda gru, x, outputs: outputs[0][:, -1])  # the last state is read
        return nn.Sequential(gru, nn.Linear(64, 10))
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
