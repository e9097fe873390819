"""Fit: the first and later epochs of `fit`, compared with the training loops of other frameworks.

The loops are named as in `PEERS`, call `tick` after the imports and after each epoch, and return the loss.
"""

import os
from itertools import product
from statistics import median

import numpy as np

import nnfw
from benchmarks import report
from benchmarks.measure import clock
from benchmarks.plan import BATCH_SIZE, KERNELS, PEERS, RATE, TASKS, in_rounds, task_data


def run(options) -> list[dict]:
    """Measure on one core and on all cores, and print the tables."""
    given = {"epochs": 3 if options.quick else 10, "seed": options.seed}
    results = []
    for task, threads in product(TASKS, sorted({1, os.cpu_count() or 1})):
        rounds = in_rounds("fit.measure", task, options, threads=threads, **given)
        results.append({"task": task, "threads": threads, "rounds": rounds})
    print(f"\n{table(results)}")
    return results


def measure(framework: str, work: str, epochs: int, seed: int) -> dict:
    """Return the seconds of each epoch of a task, and the mean loss of the last epoch."""
    ticks: list[float] = []
    loss = globals()[framework](work, *task_data(work, seed), epochs, seed, lambda: ticks.append(clock()))
    return {"seconds": np.diff(ticks).tolist(), "loss": float(loss)}


def table(results: list[dict]) -> str:
    """Return the epoch times, the ratios of later epochs, and the losses, by task and number of cores."""
    texts = []
    for one in results:
        cores = "1 core" if one["threads"] == 1 else f"{one['threads']} cores"
        later, rows = later_epochs(one["rounds"]), []
        for name, some in one["rounds"].items():
            first = median(run["seconds"][0] for run in some)
            row = {"": PEERS[name].title, "first epoch": f"{1e3 * first:.0f} ms"}
            row["later ones"] = f"{1e3 * median(later[name]):.1f} ms"
            for own in [own for own in KERNELS if own in later]:
                row[f"{PEERS[own].title} / it"] = report.RATIO.format(*report.spread(later[own], later[name]))
            rows.append(row | {"loss": f"{some[-1]['loss']:.3f}"})
        texts.append(f"{TASKS[one['task']]}, batches of {BATCH_SIZE}, {cores}:\n\n{report.table(rows)}")
    return "\n\n".join(texts)


def later_epochs(rounds: dict[str, list[dict]]) -> dict[str, list[float]]:
    """Return, for each framework and round, the median seconds of the epochs after the first."""
    return {name: [median(run["seconds"][1:]) for run in some] for name, some in rounds.items()}


def draw(axes, results: list[dict]) -> None:
    """Plot the times of an epoch on the digits, the shortest at the top."""
    [rounds] = [one["rounds"] for one in results if (one["task"], one["threads"]) == ("digits", 1)]
    times = {name: 1e3 * median(some) for name, some in later_epochs(rounds).items() if name != "bare"}
    names = sorted(times, key=times.__getitem__, reverse=True)
    lengths, colours = [times[name] for name in names], [report.OWN.get(name, "0.7") for name in names]
    bars = axes.barh([PEERS[name].title for name in names], lengths, 0.6, color=colours)
    axes.bar_label(bars, fmt="%.0f ms", **report.LABEL)
    axes.set_title("An epoch of fit, GRU(64) on the digits, one core")
    axes.set(xlabel="milliseconds: shorter is faster", xmargin=0.1)


def layers(task, of):
    """Return the layers of a task; nnfw and Keras have the same names for them."""
    if task == "digits":
        return [of.GRU(64), of.Dense(10, "softmax")]
    return [of.Dense(32, "relu"), of.Dense(32, "relu"), of.Dense(2, "softmax")]


def network(task, seed):
    """Return the network of nnfw for a task."""
    options = {"loss": "cce", "optimizer": nnfw.Adam(RATE), "metrics": ["accuracy"], "seed": seed}
    return nnfw.Network(layers(task, nnfw), **options)


def ours(task, x, y, epochs, seed, tick):
    """Fit with nnfw."""
    tick()
    ticks = nnfw.LambdaCallback(on_epoch_end=lambda run: tick())
    options = {"epochs": epochs, "batch_size": BATCH_SIZE, "callbacks": [ticks], "verbose": 0}
    return network(task, seed).fit(x, y, **options)["loss"][-1]


def bare(task, x, y, epochs, seed, tick):
    """Call only the verbs of nnfw, on batches that are cut once and keep their order."""
    tick()
    model = network(task, seed)
    model.build(x.shape[1:])
    model.layers[0]._needs_dx = False  # as in `fit`
    batches = [(x[i : i + BATCH_SIZE], y[i : i + BATCH_SIZE]) for i in range(0, len(x), BATCH_SIZE)]
    for _ in range(epochs):
        losses = []
        for x_batch, y_batch in batches:
            a = model.forward(x_batch, training=True)
            losses.append(model.loss(y_batch, a))
            model.backward(model.loss.gradient(y_batch, a))
            model.gradients()
            model.update(model.optimizer, 0.0)
        tick()
    return np.mean(losses)


def keras(task, x, y, epochs, seed, tick):
    """Fit with Keras on JAX."""
    import keras

    tick()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers(task, keras.layers)])
    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    ticks = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tick())
    return model.fit(x, y, BATCH_SIZE, epochs, verbose=0, callbacks=[ticks]).history["loss"][-1]


def sklearn(task, x, y, epochs, seed, tick):
    """Fit the multilayer perceptron of scikit-learn, epoch by epoch."""
    from sklearn.neural_network import MLPClassifier

    tick()
    model = MLPClassifier((32, 32), batch_size=BATCH_SIZE, learning_rate_init=RATE, random_state=seed)
    for _ in range(epochs):
        model.partial_fit(x, y, classes=[0, 1])
        tick()
    return model.loss_


def pytorch(task, x, y, epochs, seed, tick):
    """Train with PyTorch in a plain loop; indexing whole batches is faster than a DataLoader."""
    import torch

    from benchmarks.peers.pytorch import network, train_step

    tick()
    torch.manual_seed(seed)
    model, x, y = network(task), torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH_SIZE):
            total += train_step(model, optimizer, x[batch], y[batch]).item() * len(batch)
        tick()
    return total / len(x)


def skorch(task, x, y, epochs, seed, tick):
    """Fit with skorch, the scikit-learn interface of PyTorch, without its default validation."""
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback

    from benchmarks.peers.pytorch import network

    class Tick(Callback):
        def on_epoch_end(self, net, **_):
            tick()

    tick()
    torch.manual_seed(seed)
    options = {"optimizer": torch.optim.Adam, "optimizer__fused": True, "lr": RATE, "callbacks": [Tick()]}
    options |= {"criterion": torch.nn.CrossEntropyLoss, "batch_size": BATCH_SIZE, "max_epochs": epochs}
    options |= {"iterator_train__shuffle": True, "train_split": None, "verbose": 0}
    net = NeuralNetClassifier(network(task), **options)
    return net.fit(x, y).history[-1, "train_loss"]
