"""Tasks: what networks learn of recorded and of made data, beside scikit-learn and published results."""

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from runpy import run_path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import nnfw
from benchmarks import report
from benchmarks.measure import ROOT, apart, clock
from nnfw.data import StandardScaler, pad_sequences
from nnfw.datasets import load_japanese_vowels
from nnfw.schedules import Cosine

HE = {"padding": "same", "initializer": "he_normal"}


class Task(NamedTuple):
    """Data and a network, and how it is trained."""

    load: Callable[[], Any]  # ((x, y), (x_test, y_test)), and the network by (epochs, seed)
    epochs: int
    batch_size: int = 32
    published: str = "-"


def example(name: str, make: str, N: int = 0) -> Any:
    """Return the data that an example loads, or makes, N to learn from and N others; and its network."""
    names = run_path(str(ROOT / "examples" / f"{name}.py"))
    return (names[make](N, 0), names[make](N, 1)) if N else names[make](), names["build"]


def vowels(layers: Callable[[], list[nnfw.Layer]]) -> Any:
    """Return the Japanese vowels, each feature with mean 0 and deviation 1, and a network for them."""
    (x, y), (x_test, y_test) = load_japanese_vowels()
    scaler = StandardScaler().fit(x)
    return ((scaler.transform(x), y), (scaler.transform(x_test), y_test)), partial(classifier, layers, 9)


def archive(name: str, layers: Callable[[], list[nnfw.Layer]]) -> Any:
    """Return a set of the UCR archive that aeon carries within, and a network for it."""
    load = getattr(import_module("aeon.datasets"), f"load_{name}")
    (x, y), (x_test, y_test) = load("train"), load("test")
    classes, y = np.unique(y, return_inverse=True)
    split = (x.swapaxes(1, 2), y), (x_test.swapaxes(1, 2), np.searchsorted(classes, y_test))
    return split, partial(classifier, layers, len(classes))


def classifier(layers: Callable[[], list[nnfw.Layer]], K: int, epochs: int, seed: int) -> nnfw.Network:
    """Return a network for K classes."""
    given = {"optimizer": nnfw.Adam(Cosine(3e-3, epochs)), "metrics": ["accuracy"], "seed": seed}
    return nnfw.Network([*layers(), nnfw.Dense(K, "softmax")], loss="cce", **given)


def recurrent() -> list[nnfw.Layer]:
    """Return two bidirectional GRUs, whose largest states are read."""
    return [*(nnfw.Bidirectional(nnfw.GRU(64, return_sequences=True)) for _ in range(2)), nnfw.MaxPooling()]


def convolutional() -> list[nnfw.Layer]:
    """Return two convolutions, whose largest values are read."""
    return [*(nnfw.Conv1D(64, 3, "relu", **HE) for _ in range(2)), nnfw.MaxPooling(), nnfw.Dropout(0.5)]


def fully_convolutional() -> list[nnfw.Layer]:
    """Return the FCN of Wang, Yan & Oates 2017 (arXiv:1611.06455), with a quarter of its filters."""
    layers: list[nnfw.Layer] = []
    for filters, size in ((32, 8), (64, 5), (32, 3)):
        layers += [nnfw.Conv1D(filters, size, **HE), nnfw.BatchNorm(), nnfw.Activate("relu")]
    return [*layers, nnfw.MeanPooling()]


# Published are the means and deviations of ten runs by Ismail Fawaz et al. 2019 (arXiv:1809.04356).
italy, gun_point = partial(archive, "italy_power_demand"), partial(archive, "gunpoint")
TASKS = {
    "digits, Conv2D": Task(partial(example, "digits_conv", "load_digits"), 30, 64),
    "music, GRU": Task(partial(example, "music", "clips", 600), 30),
    "protein, LSTM": Task(partial(example, "protein", "peptides", 1000), 30),
    "Japanese vowels, Conv1D": Task(partial(vowels, convolutional), 40, 16, "FCN 0.993 ± 0.002"),
    "Japanese vowels, GRU": Task(partial(vowels, recurrent), 40, 16, "TWIESN 0.965 ± 0.007"),
    "ItalyPowerDemand, Conv1D": Task(partial(italy, fully_convolutional), 100, 16, "FCN 0.961 ± 0.003"),
    "ItalyPowerDemand, GRU": Task(partial(italy, recurrent), 100, 16, "TWIESN 0.880 ± 0.022"),
    "GunPoint, Conv1D": Task(partial(gun_point, fully_convolutional), 100, 16, "FCN 1.000 ± 0.000"),
    "GunPoint, GRU": Task(partial(gun_point, recurrent), 100, 16, "TWIESN 0.961 ± 0.023"),
}


def run(options: argparse.Namespace) -> None:
    """Train five networks for each task, and report it as a table and JSON."""
    if lacking := [name for name in ("sklearn", "aeon") if not find_spec(name)]:
        print(f"tasks is left out, without {' and '.join(lacking)}. To have it: pip install 'nnfw[bench]'")
        return
    less = {"epochs": 2, "seeds": 2} if options.quick else {}
    results = {task: apart("tasks.measure", 1, task=task, **less) for task in tqdm(TASKS, unit="task")}
    print(f"\nTest accuracy, of the networks its mean and deviation\n\n{table(results)}")
    report.save("tasks", options, results)


def measure(task: str, epochs: int = 0, seeds: int = 5) -> dict[str, Any]:
    """Return the test accuracy of each network, the seconds of a fit, and the accuracy of scikit-learn's."""
    given = TASKS[task]
    ((x, y), (x_test, y_test)), build = given.load()
    epochs, start = epochs or given.epochs, clock()
    options = {"seeds": range(seeds), "epochs": epochs, "batch_size": given.batch_size}
    networks = nnfw.repeat(partial(build, epochs), x, y, **options).networks.values()
    seconds = (clock() - start) / seeds
    accuracies = [network.evaluate(x_test, y_test)["accuracy"] for network in networks]
    T = max(map(len, [*x, *x_test]))
    rows, test = (pad_sequences(some, length=T)[0].reshape(len(some), -1) for some in (x, x_test))
    others = {name: model.fit(rows, y).score(test, y_test) for name, model in classifiers().items()}
    return {"accuracies": accuracies, "seconds": seconds, "others": others}


def classifiers() -> dict[str, Any]:
    """Return scikit-learn's, which read a sequence as one row of numbers."""
    from sklearn import dummy, linear_model, pipeline, preprocessing, svm

    models = svm.SVC(), linear_model.LogisticRegression(max_iter=1000), dummy.DummyClassifier()
    scaled = (pipeline.make_pipeline(preprocessing.StandardScaler(), model) for model in models)
    return dict(zip(("SVM", "logistic", "one answer"), scaled, strict=True))


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a row for each task."""
    rows = []
    for task, found in results.items():
        own = f"{np.mean(found['accuracies']):.3f} ± {np.std(found['accuracies']):.3f}"
        others = map("{:.3f}".format, found["others"].values())
        rows.append([task, own, f"{found['seconds']:.0f} s", *others, TASKS[task].published])
    return report.table(["", "nnfw", "a fit", *found["others"], "published"], rows)
