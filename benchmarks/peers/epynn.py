"""EpyNN, through its layers' verbs. It computes in float64."""

import numpy as np
from epynn.gru.models import GRU
from epynn.lstm.models import LSTM
from epynn.rnn.models import RNN

from benchmarks.cases import Case, data, recurrent_weights
from benchmarks.peers import Built

LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def build(case: Case, seed: int) -> Built:
    """Return one recurrent layer."""
    x, dy = (array.astype(float) for array in data(case, seed))
    layer = LAYERS[case.layer](case.sizes[-1], clip_gradients=False)
    layer.compute_shapes(x)
    weights = recurrent_weights(case, seed)
    layer.p = {rename(name): np.atleast_2d(value).astype(float) for name, value in weights.items()}

    def step():
        layer.forward(x)
        dx = layer.backward(dy)
        layer.compute_gradients()
        return dx

    return Built(lambda: layer.forward(x), step)


def rename(name: str) -> str:
    """Return EpyNN's name of a parameter: Uhh for GRU's Wx_c, Vz for Wh_z."""
    kind, _, gate = name.partition("_")
    return {"Wx": "U", "Wh": "V", "b": "b"}[kind] + {"c": "hh"}.get(gate, gate)
