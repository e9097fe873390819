"""PyTorch, at the settings that its guides recommend for a CPU."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.cases import Array, Case, data, dense_weights, recurrent_weights, side_by_side
from nnfw.schedules import Cosine

LAYERS = {"rnn": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}
ORDER = {"rnn": ("",), "gru_after": ("_r", "_z", "_c"), "lstm": ("_i", "_f", "_g", "_o")}


def build(case: Case, seed: int) -> "Recurrent | Sequential":
    """Return the case's layer, ready to run."""
    return Sequential(case, seed) if case.layer == "dense" else Recurrent(case, seed)


class Recurrent:
    """One recurrent layer."""

    def __init__(self, case: Case, seed: int) -> None:
        _, _, D, H = case.sizes
        x, dy = data(case, seed)
        self.x, self.dy = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
        self.layer = LAYERS[case.layer](D, H, batch_first=True)
        load(self.layer, recurrent_weights(case, seed), ORDER[case.layer])

    def forward(self) -> Tensor:
        """Return the last states (N, H)."""
        with torch.inference_mode():
            return self.layer(self.x)[0][:, -1]

    def step(self) -> Tensor | None:
        """Return dx (N, T, D)."""
        self.layer.zero_grad(set_to_none=True)
        self.x.grad = None
        self.layer(self.x)[0][:, -1].backward(self.dy)
        return self.x.grad


def load(layer: Any, weights: dict[str, Array], order: tuple[str, ...]) -> None:
    """Copy nnfw's weights into a recurrent layer; PyTorch's second bias is 0 but for GRU's candidate."""
    bh = torch.zeros_like(layer.bias_hh_l0)
    if "bh_c" in weights:
        bh[-layer.hidden_size :] = torch.from_numpy(weights["bh_c"])
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(side_by_side(weights, "Wx", order).T))
        layer.weight_hh_l0.copy_(torch.from_numpy(side_by_side(weights, "Wh", order).T))
        layer.bias_ih_l0.copy_(torch.from_numpy(side_by_side(weights, "b", order)))
        layer.bias_hh_l0.copy_(bh)


def load_dense(layer: Any, W: Array, b: Array) -> None:
    """Copy nnfw's weights into a dense layer."""
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(W.T))
        layer.bias.copy_(torch.from_numpy(b))


class Sequential:
    """Dense layers with a loss and Adam."""

    def __init__(self, case: Case, seed: int) -> None:
        self.x, self.y = map(torch.from_numpy, data(case, seed))
        parts: list[nn.Module] = []
        for W, b in dense_weights(case, seed):
            parts += [nn.Linear(*W.shape), nn.ReLU()]
            load_dense(parts[-2], W, b)
        self.model = nn.Sequential(*parts[:-1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, fused=True)

    def forward(self) -> Tensor:
        """Return the outputs (N, K)."""
        with torch.inference_mode():
            return self.model(self.x).softmax(dim=-1)

    def step(self) -> Tensor:
        """Return the loss."""
        return train_step(self.model, self.optimizer, self.x, self.y)


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    """Take one training step and return the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


class Learner(nn.Module):
    """The classifier that `training` trains, from given weights."""

    def __init__(self, weights: dict[str, Array], rate: float, epochs: int) -> None:
        super().__init__()
        gru = {name.removeprefix("gru_1."): value for name, value in weights.items()}
        W, b = weights["dense_2.W"], weights["dense_2.b"]
        self.gru = nn.GRU(*gru["Wx_z"].shape, batch_first=True)
        self.dense = nn.Linear(*W.shape)
        load(self.gru, gru, ORDER["gru_after"])
        load_dense(self.dense, W, b)
        # nnfw has one bias for each of r and z; a second one would have them learn at twice the rate.
        own = torch.arange(3 * self.gru.hidden_size) >= 2 * self.gru.hidden_size
        self.gru.bias_hh_l0.register_hook(lambda gradient: gradient * own)
        self.schedule = Cosine(rate, epochs)
        self.optimizer = torch.optim.Adam(self.parameters(), fused=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (N, K)."""
        return self.dense(self.gru(x)[0][:, -1])

    def step(self, x: Array, y: Array, epoch: float) -> float:
        """Take one training step and return the loss."""
        self.optimizer.param_groups[0]["lr"] = self.schedule(epoch)
        return train_step(self, self.optimizer, torch.from_numpy(x), torch.from_numpy(y)).item()

    @torch.inference_mode()
    def predict(self, x: Array) -> Array:
        """Return the classes (N,)."""
        return self(torch.from_numpy(x)).argmax(dim=-1).numpy()
