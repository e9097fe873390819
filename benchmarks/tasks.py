"""Tasks: accuracy on recorded and synthetic data, compared with scikit-learn and published results."""

from functools import partial
from importlib import import_module
from runpy import run_path

import numpy as np
from tqdm import tqdm

import nnfw
from benchmarks import report
from benchmarks.measure import ROOT, apart, clock
from nnfw.data import StandardScaler, pad_sequences
from nnfw.datasets import load_japanese_vowels
from nnfw.schedules import Cosine

NEEDS = "scikit-learn", "aeon"
HE = {"padding": "same", "initializer": "he_normal"}


def example(name: str, make: str, N: int = 0):
    """Return the data that an example loads or generates, N for training and N for test, and its network."""
    names = run_path(str(ROOT / "examples" / f"{name}.py"))
    return (names[make](N, 0), names[make](N, 1)) if N else names[make](), names["build"]


def sequences(name: str, kind: str):
    """Return the Japanese vowels, scaled, or a set of the UCR archive included in aeon, and a network."""
    if name == "vowels":
        (x, y), (x_test, y_test) = load_japanese_vowels()
        scaler = StandardScaler().fit(x)
        x, x_test = scaler.transform(x), scaler.transform(x_test)
    else:
        load = getattr(import_module("aeon.datasets"), f"load_{name}")
        (x, y), (x_test, y_test) = ((x.swapaxes(1, 2), y) for x, y in map(load, ("train", "test")))
        y, y_test = (np.searchsorted(np.unique(y), some) for some in (y, y_test))

    def build(epochs: int, seed: int) -> nnfw.Network:
        given = {"optimizer": nnfw.Adam(Cosine(3e-3, epochs)), "metrics": ["accuracy"], "seed": seed}
        return nnfw.Network([*layers(kind), nnfw.Dense(len(set(y)), "softmax")], loss="cce", **given)

    return ((x, y), (x_test, y_test)), build


def layers(kind):
    """Return two GRUs or two convolutions with max pooling, or an FCN (arXiv:1611.06455)."""
    if kind == "GRU":
        twice = (nnfw.GRU(64, return_sequences=True) for _ in range(2))
        return [*map(nnfw.Bidirectional, twice), nnfw.MaxPooling()]
    if kind == "Conv1D":
        return [*(nnfw.Conv1D(64, 3, "relu", **HE) for _ in range(2)), nnfw.MaxPooling(), nnfw.Dropout(0.5)]
    blocks = []  # with a quarter of the filters of Wang, Yan & Oates 2017
    for filters, size in ((32, 8), (64, 5), (32, 3)):
        blocks += [nnfw.Conv1D(filters, size, **HE), nnfw.BatchNorm(), nnfw.Activate("relu")]
    return [*blocks, nnfw.MeanPooling()]


vowels, italy, gun_point = (partial(sequences, s) for s in ("vowels", "italy_power_demand", "gunpoint"))
TASKS = {  # function returning the data, ((x, y), (x_test, y_test)), and the network by (epochs, seed);
    # epochs, batch size, and the means of ten runs of Ismail Fawaz et al. 2019 (arXiv:1809.04356)
    "digits, Conv2D": (partial(example, "digits_conv", "load_digits"), 30, 64, "-"),
    "music, GRU": (partial(example, "music", "clips", 600), 30, 32, "-"),
    "protein, LSTM": (partial(example, "protein", "peptides", 1000), 30, 32, "-"),
    "Japanese vowels, Conv1D": (partial(vowels, "Conv1D"), 40, 16, "FCN 0.993 ± 0.002"),
    "Japanese vowels, GRU": (partial(vowels, "GRU"), 40, 16, "TWIESN 0.965 ± 0.007"),
    "ItalyPowerDemand, Conv1D": (partial(italy, "FCN"), 100, 16, "FCN 0.961 ± 0.003"),
    "ItalyPowerDemand, GRU": (partial(italy, "GRU"), 100, 16, "TWIESN 0.880 ± 0.022"),
    "GunPoint, Conv1D": (partial(gun_point, "FCN"), 100, 16, "FCN 1.000 ± 0.000"),
    "GunPoint, GRU": (partial(gun_point, "GRU"), 100, 16, "TWIESN 0.961 ± 0.023"),
}


def run(options) -> dict:
    """Train five networks for each task, and print the table."""
    less = {"epochs": 2, "seeds": 2} if options.quick else {}
    results = {task: apart("tasks.measure", 1, task=task, **less) for task in tqdm(TASKS, unit="task")}
    print(f"\nTest accuracy, for the networks its mean and standard deviation\n\n{table(results)}")
    return results


def measure(task: str, epochs: int = 0, seeds: int = 5) -> dict:
    """Return the test accuracies of the networks, the seconds of a fit, and scikit-learn's accuracies."""
    load, usual, batch_size, _ = TASKS[task]
    ((x, y), (x_test, y_test)), build = load()
    options = {"seeds": range(seeds), "epochs": epochs or usual, "batch_size": batch_size}
    start = clock()
    networks = nnfw.repeat(partial(build, options["epochs"]), x, y, **options).networks.values()
    seconds = (clock() - start) / seeds
    accuracies = [network.evaluate(x_test, y_test)["accuracy"] for network in networks]
    T = max(map(len, [*x, *x_test]))
    rows, test = (pad_sequences(some, length=T)[0].reshape(len(some), -1) for some in (x, x_test))
    others = {name: model.fit(rows, y).score(test, y_test) for name, model in classifiers().items()}
    return {"accuracies": accuracies, "seconds": seconds, "others": others}


def classifiers() -> dict:
    """Return classifiers of scikit-learn, which take a sequence as one row of numbers."""
    from sklearn import dummy, linear_model, pipeline, preprocessing, svm

    models = svm.SVC(), linear_model.LogisticRegression(max_iter=1000), dummy.DummyClassifier()
    scaled = (pipeline.make_pipeline(preprocessing.StandardScaler(), model) for model in models)
    return dict(zip(("SVM", "logistic", "one answer"), scaled, strict=True))


def table(results: dict[str, dict]) -> str:
    """Return a row for each task."""
    rows = []
    for task, found in results.items():
        own = f"{np.mean(found['accuracies']):.3f} ± {np.std(found['accuracies']):.3f}"
        others = {name: f"{accuracy:.3f}" for name, accuracy in found["others"].items()}
        others |= {"published": TASKS[task][-1]}
        rows.append({"": task, "nnfw": own, "a fit": f"{found['seconds']:.0f} s"} | others)
    return report.table(rows)
