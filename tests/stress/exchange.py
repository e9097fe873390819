"""Random networks exchanged with other libraries, live: both sides compute the same.

``python tests/stress/exchange.py`` writes 300 chains of all layers as files of ONNX, runs them in onnxruntime
and reads them back; the tests do 60 (`test_onnx.py`). Where PyTorch or Keras is installed, it takes 100
modules of PyTorch in and out, and 100 models of Keras in: their weights, and the whole models.
"""

import paths  # isort: skip  # noqa: F401 (first, so that the others are found)

import argparse
import importlib.util
import os
import sys
import tempfile

import numpy as np
from stacks import pick, random_stack
from untrained import untrained

from nnfw import GRU, LSTM, RNN, Bidirectional, Dense, Embedding, LayerNorm, Network
from nnfw.exchange import from_onnx, load_keras, load_torch, network_from_keras, to_onnx, to_torch

V, D = 7, 3


def with_onnx(seed, folder):
    """Return the greatest differences: of onnxruntime, and of the file read back."""
    import onnxruntime

    network, x, lengths = random_stack(seed)
    path = f"{folder}/network.onnx"
    to_onnx(network, path, lengths=lengths is not None)
    y = network.predict(x, lengths=lengths)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    there = session.run(["y"], {"x": x} if lengths is None else {"x": x, "lengths": lengths})[0]
    back = from_onnx(path).predict(x, lengths=lengths)
    return apart(there, y, np.abs(y).max()), apart(back, y, np.abs(y).max())


def apart(a, b, scale=1.0):
    """The greatest difference, relative where the values are large."""
    return float(np.abs(a - b).max() / max(1.0, scale))


def plan(rng, torch):
    """Random layers as words: the kind and its arguments; nnfw's network of them, and inputs."""
    parts = [("embedding", {})] if rng.random() < 0.3 else []
    for _ in range(rng.integers(1, 4)):
        kind = pick(rng, ["rnn", "gru", "lstm"])
        options = {
            "units": int(rng.integers(1, 6)),
            "bias": bool(rng.integers(2)),
            "two": bool(rng.integers(2)),
        }
        options["φ"] = pick(rng, ["tanh", "relu"]) if kind == "rnn" else "tanh"
        options["after"] = torch or bool(rng.integers(2))
        parts.append((kind, options))
        parts += [("norm", {})] * int(rng.integers(2))
    parts.append(("dense", {"units": int(rng.integers(1, 4)), "bias": bool(rng.integers(2))}))
    network = Network([own(kind, **options) for kind, options in parts], dtype="float64", seed=0)
    symbols = parts[0][0] == "embedding"
    x = rng.integers(0, V, (3, 5), "i4") if symbols else rng.normal(size=(3, 5, D))
    return parts, untrained(network, *((None,) if symbols else (None, D))), x


def own(kind, units=D, bias=True, two=False, φ="tanh", after=True):
    """The layer of nnfw."""
    if kind in ("embedding", "norm", "dense"):
        of_kind = {"embedding": lambda: Embedding(V, D), "norm": lambda: LayerNorm(epsilon=1e-3)}
        return of_kind.get(kind, lambda: Dense(units, use_bias=bias))()
    options = {"return_sequences": True, "use_bias": bias} | ({"reset_after": after} if kind == "gru" else {})
    layer = {"rnn": RNN, "gru": GRU, "lstm": LSTM}[kind](units, φ, **options)
    return Bidirectional(layer) if two else layer


def with_torch(seed, folder):
    """Return the greatest differences: of weights that come from PyTorch, and of such that go there."""
    import torch
    from torch import nn

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    parts, network, x = plan(np.random.default_rng(seed), torch=True)

    def part(kind, width, units=D, bias=True, two=False, φ="tanh", after=True):
        """Return PyTorch's module, and the number of its outputs."""
        if kind in ("embedding", "norm"):
            return (nn.Embedding(V, D), D) if kind == "embedding" else (nn.LayerNorm(width, eps=1e-3), width)
        if kind == "dense":
            return nn.Linear(width, units, bias), units
        options = {"nonlinearity": φ} if kind == "rnn" else {}
        module = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
        options |= {"batch_first": True, "bias": bias, "bidirectional": two}
        return module(width, units, **options), units * (1 + two)

    modules, width = nn.ModuleList(), D
    for kind, options in parts:
        module, width = part(kind, width, **options)
        modules.append(module)

    def run():
        y = torch.from_numpy(x)
        for module in modules:
            y = module(y)
            y = y[0] if isinstance(y, tuple) else y
        return y.detach().numpy()

    load_torch(network, modules.state_dict())
    there = apart(run(), network.predict(x))
    for p in network.params.values():
        p[...] = np.random.default_rng(seed).normal(size=p.shape) * 0.5
    arrays = to_torch(network, like=modules.state_dict())
    modules.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    return there, apart(run(), network.predict(x))


def with_keras(seed, folder):
    """Return the greatest differences: of weights that come from Keras, and of the whole model."""
    import keras
    from keras import layers

    rng = np.random.default_rng(seed)
    parts, network, x = plan(rng, torch=False)

    def part(kind, units=D, bias=True, two=False, φ="tanh", after=True):
        if kind in ("embedding", "norm"):
            return layers.Embedding(V, D) if kind == "embedding" else layers.LayerNormalization()
        if kind == "dense":
            return layers.Dense(units, use_bias=bias)
        options = {"return_sequences": True, "use_bias": bias} | (
            {"reset_after": after} if kind == "gru" else {}
        )
        layer = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[kind](units, φ, **options)
        return layers.Bidirectional(layer) if two else layer

    model = keras.Sequential([keras.Input(x.shape[1:]), *(part(k, **o) for k, o in parts)])
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    path = f"{folder}/model.keras"
    model.save(path)
    load_keras(network, path)
    whole = network_from_keras(path)
    for described in (model.get_config(), model.to_json()):
        assert repr(network_from_keras(described).layers) == repr(whole.layers)
    y = np.asarray(model(x))
    return apart(y, network.predict(x)), apart(y, whole.predict(x), np.abs(y).max())  # whole: of float32


TRIALS = {  # what must be installed, the trial, how many, and the greatest difference that is rounding
    "onnx": ("onnxruntime", with_onnx, 300, 1e-5),
    "torch": ("torch", with_torch, 100, 1e-6),
    "keras": ("keras", with_keras, 100, 1e-6),
}


def main():
    """Try each library that is installed, and return 1 if a difference is not rounding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TRIALS)
    parser.add_argument("--stacks", type=int, help="how many of each")
    options = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    failed = False
    for name, (package, trial, count, limit) in TRIALS.items():
        if options.only not in (None, name):
            continue
        if importlib.util.find_spec(package) is None:
            print(f"{name}: not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = {seed: max(trial(seed, folder)) for seed in range(options.stacks or count)}
        worst = max(found, key=found.get)
        failed |= not found[worst] <= limit
        print(f"{name}: {len(found)} networks, the greatest difference {found[worst]:.1e} (number {worst})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
