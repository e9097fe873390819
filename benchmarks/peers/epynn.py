"""EpyNN, through its layers' verbs. It computes in float64 and knows no other optimizer than SGD."""

import numpy as np
from epynn.commons.loss import loss_functions
from epynn.commons.maths import relu, softmax
from epynn.dense.models import Dense
from epynn.gru.models import GRU
from epynn.lstm.models import LSTM
from epynn.rnn.models import RNN
from epynn.settings import se_hPars

from benchmarks.cases import Array, Case, data, dense_weights, recurrent_weights

LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def build(case: Case, seed: int) -> "Recurrent | Sequential":
    """Return the case's layer, ready to run."""
    return Sequential(case, seed) if case.layer == "dense" else Recurrent(case, seed)


def rename(name: str) -> str:
    """Return EpyNN's name of a parameter: Uhh for GRU's Wx_c, Vz for Wh_z."""
    kind, _, gate = name.partition("_")
    return {"Wx": "U", "Wh": "V", "b": "b"}[kind] + {"c": "hh"}.get(gate, gate)


class Recurrent:
    """One recurrent layer."""

    def __init__(self, case: Case, seed: int) -> None:
        self.x, self.dy = (array.astype(np.float64) for array in data(case, seed))
        self.layer = LAYERS[case.layer](case.sizes[-1], clip_gradients=False)
        self.layer.compute_shapes(self.x)
        weights = recurrent_weights(case, seed)
        self.layer.p = {rename(name): np.atleast_2d(value).astype(float) for name, value in weights.items()}

    def forward(self) -> Array:
        """Return the last states (N, H)."""
        return self.layer.forward(self.x)

    def step(self) -> Array:
        """Return dx (N, T, D)."""
        self.layer.forward(self.x)
        dx = self.layer.backward(self.dy)
        self.layer.compute_gradients()
        return dx


class Sequential:
    """Dense layers with a loss and SGD."""

    def __init__(self, case: Case, seed: int) -> None:
        _, _, *hidden, K = case.sizes
        x, y = data(case, seed)
        self.x, self.y = x.astype(np.float64), np.eye(K)[y]
        self.layers = [Dense(H, relu, se_hPars=se_hPars) for H in hidden]
        self.layers.append(Dense(K, softmax, se_hPars=se_hPars))
        for layer, (W, b) in zip(self.layers, dense_weights(case, seed), strict=True):
            layer.p = {"W": W.astype(float), "b": b[None].astype(float)}
            layer.e, layer.lrate = 0, [1e-4]
        self.loss = loss_functions("CCE", "softmax")

    def forward(self) -> Array:
        """Return the outputs (N, K)."""
        a = self.x
        for layer in self.layers:
            a = layer.forward(a)
        return a

    def step(self) -> float:
        """Return the loss."""
        a = self.forward()
        loss = self.loss(self.y, a).mean()
        dy = self.loss(self.y, a, deriv=True)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
            layer.compute_gradients()
            layer.update_parameters()
        return loss
