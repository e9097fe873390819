"""Record 20 steps of PyTorch's optimizers into optimizers.npz: ``python tests/recorded/make_optimizers.py``.

Two layers of 12 and 5 parameters follow gradients of ``log(cosh(x W)) v``, a function that is neither
quadratic nor convex, for random x; scales differ by a million between columns, and one column is always 0, so
that every epsilon shows. All settings see the same gradients.
"""

import json
from pathlib import Path

import numpy as np
import torch

STEPS, LAYERS = 20, (12, 5)
TORCH_NAMES = {"rho": "alpha", "epsilon": "eps", "initial_accumulator": "initial_accumulator_value"}
TORCH_CLASSES = {"Nadam": "NAdam"}

BASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.8, "nesterov": True}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator": 0.3, "epsilon": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.7, "epsilon": 0.01}),
    ("RMSprop", {"rho": 0.9, "centered": True, "epsilon": 0.1}),
    ("RMSprop", {"rho": 0.9, "centered": True, "momentum": 0.6, "epsilon": 0.1}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 0.05}),
    ("AdamW", {}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.05, "momentum_decay": 0.5}),
]
CLIPPED = [{"clip_value": 0.1}, {"clip_norm": 0.2}, {"clip_global_norm": 3.0}]  # each bites at times only
DECAY = {"weight_decay": 0.3}
SETTINGS = [
    *((rule, options, "constant") for rule, options in BASES),
    *((rule, options, "changing") for rule, options in BASES),
    *((rule, {**options, **DECAY}, "changing") for rule, options in BASES),
    *((rule, {**clip, **DECAY}, "changing") for rule in ("SGD", "Adam", "AdamW") for clip in CLIPPED),
]


def make_gradients(rng: np.random.Generator) -> np.ndarray:
    """Return (STEPS, 17) gradients along a random path."""
    size = sum(LAYERS)
    scale = torch.tensor(10.0 ** rng.uniform(-4, 2, size))
    scale[3] = 0.0
    found = []
    for _ in range(STEPS):
        w = torch.tensor(rng.normal(size=size), requires_grad=True)
        x, v = torch.tensor(rng.normal(size=(7, size))), torch.tensor(rng.normal(size=7))
        (torch.log(torch.cosh(x * w * scale)).mean(dim=1) @ v).backward()
        found.append(w.grad.numpy())
    return np.array(found)


def clip(layers: list[torch.nn.Parameter], value=None, norm=None, global_norm=None) -> None:
    """Clip as torch.nn.utils does, but for the 1e-6 that it adds to a norm."""
    utils = torch.nn.utils
    if value is not None:
        utils.clip_grad_value_(layers, value)
    for group, limit in (*(([layer], norm) for layer in layers), (layers, global_norm)):
        if limit is not None:
            total = utils.get_total_norm([layer.grad for layer in group])
            utils.clip_grads_with_norm_(group, limit, total - 1e-6)


def run(rule: str, options: dict, start: np.ndarray, gradients: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return (STEPS, 17): the parameters after each step."""
    clips = {name[5:]: value for name, value in options.items() if name.startswith("clip")}
    arguments = {TORCH_NAMES.get(k, k): v for k, v in options.items() if not k.startswith(("clip", "beta"))}
    if rule in ("Adam", "AdamW", "Nadam"):
        arguments["betas"] = options.get("beta_1", 0.9), options.get("beta_2", 0.999)
    layers = [torch.nn.Parameter(part) for part in torch.tensor(start).split(LAYERS)]
    optimizer = getattr(torch.optim, TORCH_CLASSES.get(rule, rule))(layers, foreach=False, **arguments)
    path = []
    for gradient, rate in zip(torch.tensor(gradients), rates, strict=True):
        for layer, part in zip(layers, gradient.split(LAYERS), strict=True):
            layer.grad = part.clone()
        clip(layers, **clips)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        path.append(torch.cat([layer.detach() for layer in layers]).numpy().copy())
    return np.array(path)


def main() -> None:
    """Write the file beside this script."""
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(20)
    start, gradients = rng.normal(size=sum(LAYERS)), make_gradients(rng)
    changing = rng.uniform(0.001, 0.2, STEPS)
    rates = {"constant": np.full(STEPS, 0.03), "changing": changing}
    paths = [run(rule, options, start, gradients, rates[name]) for rule, options, name in SETTINGS]
    np.savez_compressed(
        Path(__file__).with_name("optimizers.npz"),
        torch_version=torch.__version__,
        settings=[json.dumps(setting) for setting in SETTINGS],
        layers=LAYERS,
        start=start,
        gradients=gradients,
        **rates,
        paths=paths,
    )


if __name__ == "__main__":
    main()
