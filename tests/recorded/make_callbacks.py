"""Record Keras's and PyTorch's callbacks in callbacks.json: ``python tests/recorded/make_callbacks.py``.

Each row is one callback on a series of numbers, one an epoch, all of them eighths, so that no comparison
depends on rounding: its settings, and what it did by the end of each epoch.
"""

import itertools
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import torch

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

RATE, FACTOR, EPOCHS = 1.0, 0.5, 20
rng = np.random.default_rng(11)


def series():
    """Return numbers that fall at first, then rise and fall by chance, with ties."""
    steps = rng.choice([-2, -1, 0, 0, 1, 2], EPOCHS) - (np.arange(EPOCHS) < 5)
    return (np.cumsum(steps) / 8 + 2).tolist()


def model_with(rate=RATE):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(rate))
    return model


def epochs_of(callback, values):
    """Run a Keras callback, and yield the model after each epoch; its weight is the number of the epoch."""
    model = model_with()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, {"value": value})
        yield model
        if model.stop_training:
            break
    callback.on_train_end()


def keras_early_stopping(values, **settings):
    """Return the last epoch, and the one whose weights the model is left with."""
    callback = keras.callbacks.EarlyStopping("value", restore_best_weights=True, **settings)
    models = list(epochs_of(callback, values))
    return len(models), int(models[-1].get_weights()[0][0, 0])


def keras_plateau(values, patience, **settings):
    """Return the rate after each epoch."""
    callback = keras.callbacks.ReduceLROnPlateau("value", FACTOR, patience, **settings)
    return [float(model.optimizer.learning_rate) for model in epochs_of(callback, values)]


def torch_plateau(values, patience, min_delta, min_lr, **settings):
    """Return the rate after each epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=FACTOR,
        patience=patience,
        threshold=min_delta,
        threshold_mode="abs",
        min_lr=min_lr,
        eps=0.0,
        **settings,
    )
    rates = []
    for value in values:
        optimizer.step()
        scheduler.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def keras_checkpoint(values, mode):
    """Return the epochs that are saved."""
    saved = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "best.keras")
        callback = keras.callbacks.ModelCheckpoint(path, "value", save_best_only=True, mode=mode)
        for epoch, _ in enumerate(epochs_of(callback, values), 1):
            saved += [epoch] * path.exists()
            path.unlink(missing_ok=True)
    return saved


rows = {"early_stopping": [], "keras_plateau": [], "torch_plateau": [], "checkpoint": []}
for mode in ("min", "max"):
    sign = 1 if mode == "min" else -1
    for patience, min_delta in itertools.product((1, 2, 4), (0.0, 0.125, 0.25)):
        values = [sign * value for value in series()]
        settings = {"mode": mode, "patience": patience, "min_delta": min_delta}
        last, kept = keras_early_stopping(values, **settings)
        rows["early_stopping"].append(settings | {"values": values, "last": last, "kept": kept})
    for patience, min_delta, cooldown in itertools.product((1, 3), (0.0, 0.125), (0, 1, 2, 4)):
        values = [sign * value for value in series()]
        settings = {"mode": mode, "patience": patience, "min_delta": min_delta, "cooldown": cooldown}
        settings["min_lr"] = float(rng.choice([0.0, 0.2]))
        for peer, plateau in (("keras_plateau", keras_plateau), ("torch_plateau", torch_plateau)):
            rows[peer].append(settings | {"values": values, "rates": plateau(values, **settings)})
    for _ in range(3):
        values = [sign * value for value in series()]
        saved = keras_checkpoint(values, mode)
        rows["checkpoint"].append({"mode": mode, "values": values, "saved": saved})
kinds = (
    f'"{kind}": [\n' + ",\n".join(json.dumps(row) for row in table) + "\n]" for kind, table in rows.items()
)
Path(__file__).with_name("callbacks.json").write_text("{\n" + ",\n".join(kinds) + "\n}\n")
