"""nnfw, through its verbs; the other frameworks use its weights."""

import numpy as np

import nnfw
from benchmarks.plan import Built, Case, data


def build(case: Case, seed: int) -> Built:
    """Return the case's layer, or its chain of layers with a loss and Adam, ready to run."""
    x, y = data(case, seed)
    layers, rng = parts(case), np.random.default_rng(seed + 1)
    model = nnfw.Network(layers, loss="cce", optimizer=nnfw.Adam(1e-3)) if ":" in case.text else layers[0]
    model.compute_shapes(x.shape[1:])
    model.initialize(rng)
    for layer in layers:
        for _, p in sorted(layer.params.items()):
            fan_in = np.prod(p.shape[:-1]) if p.ndim > 1 else 100  # a signal keeps nine tenths of its size
            p[...] = 0.9 * np.sqrt(3 / fan_in) * rng.uniform(-1, 1, p.shape)
    layers[0]._needs_dx = ":" not in case.text  # of a chain it has none in `fit`, nor in PyTorch

    def step():
        model.forward(x, training=True)
        dx = model.backward(y)
        model.gradients()
        return dx

    def train():
        a = model.forward(x, training=True)
        loss, dy, of_logits = model.loss.with_gradient(y, a)
        model.backward(dy, of_logits)
        model.gradients()
        model.update(model.optimizer, 0.0)
        return loss

    return Built(lambda: model.forward(x), train if ":" in case.text else step, model)


def parts(case: Case) -> list[nnfw.Layer]:
    """Return one recurrent layer, a convolution over time, dense layers, or LeNet."""
    _, _, *hidden, last = case.sizes
    if case.layer == "conv1d":
        return [nnfw.Conv1D(last, 5)]
    if ":" not in case.text:
        options = {"reset_after": True} if case.layer == "gru_after" else {}
        return [getattr(nnfw, case.layer.removesuffix("_after").upper())(last, **options)]
    layers: list[nnfw.Layer] = []
    if case.layer == "lenet":
        first, second, *hidden = hidden
        layers = [nnfw.Conv2D(first, 5, "relu", padding="same"), nnfw.MaxPooling2D(2)]
        layers += [nnfw.Conv2D(second, 5, "relu"), nnfw.MaxPooling2D(2), nnfw.Flatten()]
    return [*layers, *(nnfw.Dense(H, "relu") for H in hidden), nnfw.Dense(last, "softmax")]


def weights(case: Case, seed: int, orders) -> list[dict[str, np.ndarray]]:
    """Return the parameters of each layer that has any, the gates side by side in the order of a dialect."""
    from nnfw.exchange.dialects import joined  # not above, since an earlier nnfw may not have it

    model = build(case, seed).model
    return [joined(layer, orders) for layer in getattr(model, "layers", [model]) if layer.params]
