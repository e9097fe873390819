"""PyTorch, at the settings that its guides recommend for a CPU."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

import nnfw
from benchmarks.cases import Array, Case, data, dense_weights, joined, recurrent_weights
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
    load(layer, recurrent_weights(case, seed), ORDER[case.layer])
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
    layers = [linear(W, b) for W, b in dense_weights(case, seed)]
    model = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    @torch.inference_mode()
    def forward():
        return model(x).softmax(dim=-1)

    return Built(forward, lambda: train_step(model, optimizer, x, y))


def load(layer: Any, weights: Mapping[str, Array], gates: tuple[str, ...]) -> None:
    """Copy nnfw's weights into a layer; PyTorch's second bias is 0 except for the GRU's candidate."""
    own = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    with torch.no_grad():
        for parameter, value in zip(own, joined(weights, gates), strict=True):
            parameter.copy_(torch.from_numpy(value.T))


def linear(W: Array, b: Array) -> nn.Linear:
    """Return a dense layer with nnfw's weights."""
    layer = nn.Linear(*W.shape)
    layer.load_state_dict({"weight": torch.from_numpy(W.T), "bias": torch.from_numpy(b)})
    return layer


def train_step(model: Any, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    """Take one training step and return the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def learner(network: nnfw.Network) -> tuple[Callable[..., float], Callable[..., Array]]:
    """Return a function that takes a training step of this GRU and softmax, and one that predicts classes."""
    params, dense = (layer.params for layer in network.layers)
    gru = nn.GRU(*params["Wx_z"].shape, batch_first=True)
    load(gru, params, ORDER["gru_after"])
    output = linear(dense["W"], dense["b"])
    # nnfw has one bias for each of r and z; a second one would have them learn at twice the rate.
    own = torch.arange(3 * gru.hidden_size) >= 2 * gru.hidden_size
    gru.bias_hh_l0.register_hook(lambda gradient: gradient * own)
    optimizer = torch.optim.Adam([*gru.parameters(), *output.parameters()], fused=True)

    def logits(x):
        return output(gru(x)[0][:, -1])

    def step(x, y, epoch):
        optimizer.param_groups[0]["lr"] = network.optimizer.rate(epoch)
        return train_step(logits, optimizer, torch.from_numpy(x), torch.from_numpy(y)).item()

    @torch.inference_mode()
    def predict(x):
        return logits(torch.from_numpy(x)).argmax(dim=-1).numpy()

    return step, predict
