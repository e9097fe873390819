"""Random chains of all layers, with data for them: what the exchange with other libraries is tried on."""

import numpy as np
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    LayerNorm,
    MaxPooling,
    MeanPooling,
    Network,
    Reshape,
)
from nnfw.activations import ELU, LeakyReLU

IN_CELLS = [
    *("tanh", "sigmoid", "relu", "hard_sigmoid", "softsign", "linear", "softplus", "elu"),
    *(ELU(0.5), LeakyReLU(0.2)),
]
OTHERS = [*IN_CELLS, "selu", "silu", "gelu", "gelu_tanh", "softmax"]


def pick(rng, options):
    return options[rng.integers(len(options))]


def recurrent(rng, sequences):
    """A recurrent layer with random arguments."""
    units = int(rng.integers(1, 6))
    options = {"return_sequences": sequences, "use_bias": bool(rng.integers(2))}
    φ = pick(rng, [*["tanh"] * 4, *IN_CELLS])
    σ = pick(rng, ["sigmoid", "sigmoid", "hard_sigmoid", "softsign"])
    two = rng.random() < 0.4
    options["go_backwards"] = not two and rng.random() < 0.3
    layer = [
        lambda: RNN(units, φ, **options),
        lambda: GRU(units, φ, σ, reset_after=bool(rng.integers(2)), **options),
        lambda: LSTM(units, φ, σ, **options),
    ][rng.integers(3)]()
    return Bidirectional(layer, pick(rng, ["concat", "concat", "sum", "mul", "ave"])) if two else layer


def dense(rng):
    return Dense(int(rng.integers(1, 6)), pick(rng, OTHERS), use_bias=bool(rng.integers(2)))


def middle(rng):
    """Layers that keep time steps."""
    kinds = [
        lambda: recurrent(rng, True),
        lambda: recurrent(rng, True),
        lambda: dense(rng),
        LayerNorm,
        lambda: Dropout(0.5),
        lambda: GaussianNoise(1.0),
        lambda: Network([dense(rng), LayerNorm()]),
    ]
    return [pick(rng, kinds)() for _ in range(rng.integers(0, 3))]


def random_stack(seed):
    """A network with random weights, inputs for it, and lengths or None."""
    rng = np.random.default_rng(seed)
    N, T, D = rng.integers(1, 5), int(rng.integers(2, 7)), int(rng.integers(1, 5))
    lengths = np.append(T, rng.integers(1, T + 1, N - 1)) if rng.random() < 0.5 else None
    symbols, mask = rng.random() < 0.3, 0 if rng.random() < 0.5 else None
    layers = [Embedding(9, 3, mask)] if symbols else []
    layers += middle(rng)
    ends = [lambda: recurrent(rng, False), LastStep, MeanPooling, MaxPooling, None]
    ends += [lambda: recurrent(rng, False)] * 2
    ends += [Flatten, lambda: Reshape((-1,))] if lengths is None else []
    end = pick(rng, ends[:-2] if symbols and mask == 0 and lengths is None else ends)
    layers += [end()] if end else []
    layers += [dense(rng)]
    layers += [Reshape((1, -1)), LayerNorm(), GRU(2), Dense(2)] if end and rng.random() < 0.2 else []
    x = rng.normal(size=(N, T, D)).astype("float32")
    if symbols:
        x = rng.integers(0, 9, size=(N, T))
        x[:, 0] = 1  # else there is nothing but the mask
    network = untrained(Network(layers, seed=seed), *((T,) if symbols else (T, D)))
    for p in network.params.values():
        p[...] = rng.normal(size=p.shape) * 0.5
    if symbols and mask == 0:
        network.layers[0].params["E"][0] = 0
    return network, x, lengths
