"""Record scikit-learn into metrics.json and ranks.json: ``python tests/recorded/make_metrics.py``."""

import json
from pathlib import Path

import numpy as np
from sklearn import metrics as sk

AVERAGES = ("macro", "micro", "weighted")
rng = np.random.default_rng(20)


def outputs(n, k):
    """Return outputs without ties, with few digits."""
    values = rng.permutation(n * k) / (n * k)
    return (values.reshape(n, k) if k > 1 else values).round(4)


def lean(a, y, amount):
    """Return outputs that favour the true class by up to `amount`."""
    return (a + np.eye(a.shape[1])[y] * rng.uniform(0, amount, (len(a), 1))).round(5)


def classification_cases():
    """Yield the name, the classes and the outputs of each case."""
    y = rng.integers(0, 2, 61)
    yield "binary_one_output", y, (0.6 * outputs(61, 1) + 0.4 * y * rng.random(61)).round(5)
    yield "binary_one_output_never_positive", y, 0.49 * outputs(61, 1)
    yield "binary_one_output_no_positive", np.zeros(13, int), outputs(13, 1)
    y = rng.integers(0, 2, 53)
    yield "binary_two_outputs", y, lean(outputs(53, 2), y, 0.7)
    y = rng.integers(0, 3, 59)
    yield "three", y, lean(outputs(59, 3), y, 0.6)
    y = rng.integers(0, 10, 97)
    yield "ten", y, lean(outputs(97, 10), y, 0.8)
    y = rng.choice(4, 71, p=[0.85, 0.09, 0.04, 0.02])
    yield "unbalanced", y, lean(outputs(71, 4), y, 0.3)
    y = rng.choice([0, 1, 3], 41)
    yield "class_absent_from_y", y, lean(outputs(41, 4), y, 0.4)
    y = rng.integers(0, 4, 43)
    yield "class_never_decided", y, lean(outputs(43, 4), y, 0.4) - [0, 0, 9, 0]
    y = rng.choice([0, 2, 3], 37)
    yield "class_in_neither", y, lean(outputs(37, 5), y, 0.4) - [0, 9, 0, 0, 0]
    y = rng.integers(0, 3, 31)
    yield "all_wrong", y, outputs(31, 3) - 2 * np.eye(3)[y]
    yield "all_right", y, outputs(31, 3) + 2 * np.eye(3)[y]
    yield "one_class_only", np.full(17, 2), outputs(17, 3)


def ratios(suffix, **options):
    """Return functions for the five ratios; of the negatives, class by class against the rest."""

    def of_negatives(score):
        def measure(y, decided):
            if options["average"] == "binary":
                return score(y, decided, pos_label=0, zero_division=0.0)
            classes = np.union1d(y, decided)
            truth, said = y[:, None] != classes, decided[:, None] != classes
            if options["average"] == "micro":
                return score(truth.ravel(), said.ravel(), zero_division=0.0)
            each = [score(t, s, zero_division=0.0) for t, s in zip(truth.T, said.T, strict=True)]
            weights = (~truth).sum(axis=0) if options["average"] == "weighted" else None
            return np.average(each, weights=weights)

        return measure

    def of_positives(score):
        return lambda y, decided: score(y, decided, zero_division=0.0, **options)

    return {
        f"precision{suffix}": of_positives(sk.precision_score),
        f"recall{suffix}": of_positives(sk.recall_score),
        f"f1{suffix}": of_positives(sk.f1_score),
        f"specificity{suffix}": of_negatives(sk.recall_score),
        f"negative_predictive_value{suffix}": of_negatives(sk.precision_score),
    }


def classify(y, a):
    """Return the expected value of each metric, under nnfw's name for it."""
    k = max(2, a[:1].size)
    decided = a.argmax(axis=1) if a.ndim == 2 else (a > 0.5).astype(int)
    measures = ratios("", average="binary" if k == 2 else "macro")
    for average in AVERAGES + (("binary",) if k == 2 else ()):
        measures |= ratios(f"_{average}", average=average)
    expected = {name: float(measure(y, decided)) for name, measure in measures.items()}
    for guesses in range(1, k if k > 2 else 1):
        score = sk.top_k_accuracy_score(y, a, k=guesses, labels=range(k))
        expected[f"top_{guesses}_accuracy"] = float(score)
    return expected | {
        "accuracy": float(sk.accuracy_score(y, decided)),
        "matthews_correlation": float(sk.matthews_corrcoef(y, decided)),
        "confusion_matrix": sk.confusion_matrix(y, decided, labels=range(k)).tolist(),
    }


def regression_cases():
    """Yield the name, the targets and the outputs of each case."""
    for name, shape, offset in (("line", (47,), 0.0), ("many", (43, 3), 5.0), ("offset", (41, 2), -1e3)):
        y = rng.normal(offset, [1.0, 3.0, 0.2][: shape[-1]] if len(shape) > 1 else 1.0, shape).round(4)
        yield name, y, (y + rng.normal(0.1, 0.5, shape)).round(4)
    y = rng.normal(size=(29, 3)).round(4)
    y[:, 1] = 0.25  # of 0.1, scikit-learn takes the rounding of the mean for a spread: R2 = -4e31
    yield "constant_missed", y, (y + rng.normal(0.1, 0.5, y.shape)).round(4)
    yield "constant_met", y, y + np.array([0.25, 0.0, -0.5])


def regress(y, a):
    """Return the expected value of each metric, under nnfw's name for it."""
    mse = float(sk.mean_squared_error(y, a))
    mae, r2 = float(sk.mean_absolute_error(y, a)), float(sk.r2_score(y, a))
    return {"mae": mae, "mse": mse, "rmse": mse**0.5, "r2": r2}


def label_cases():
    """Yield the name, the labels and the outputs of each case of several labels a sample."""
    y = (rng.random((53, 4)) < [0.5, 0.3, 0.1, 0.7]).astype(int)
    yield "labels", y, (0.6 * outputs(53, 4) + 0.4 * y * rng.random((53, 4))).round(5)
    y = (rng.random((31, 3)) < 0.4).astype(int)
    y[:, 1] = 0
    yield "label_never_there", y, outputs(31, 3)
    yield "label_never_decided", y[:, ::-1].copy(), outputs(31, 3) * [1, 1, 0.4]
    yield "labels_mostly_right", y, (0.5 * outputs(31, 3) + 0.5 * y).round(5)
    yield "label_alone", y[:, :1].copy(), outputs(31, 1)[:, None]


def label(y, a):
    """Return the expected value of each metric, under nnfw's name for it."""
    decided = (a > 0.5).astype(int)
    expected = {"multi_label_accuracy": 1 - sk.hamming_loss(y, decided)}
    ratios = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    for name, score in ratios.items():
        for average, infix in (("micro", ""), ("macro", "macro_")):
            options = {"average": average if y.shape[1] > 1 else "binary", "zero_division": 0.0}
            expected[f"multi_label_{infix}{name}"] = float(score(y, decided, **options))
    each = [sk.matthews_corrcoef(*pair) for pair in zip(y.T, decided.T, strict=True)]
    pooled = sk.matthews_corrcoef(y.ravel(), decided.ravel())
    matthews = {"_": float(pooled), "_macro_": float(np.mean(each))}
    return expected | {f"multi_label{infix}matthews_correlation": v for infix, v in matthews.items()}


def rank_cases():
    """Yield the classes, outputs with many ties, and weights of each case, some of them 0."""
    for n, k in ((9, 1), (80, 1), (61, 2), (40, 4), (301, 3)):
        y = np.concatenate([np.arange(max(k, 2)), rng.integers(0, max(k, 2), n - max(k, 2))])
        a = rng.random((n, k)) + 0.5 * (y[:, None] == (np.arange(k) if k > 1 else 1))
        a = (a / a.sum(axis=1, keepdims=True) if k > 1 else a / 2).round(1)
        yield y, a, rng.integers(0, 4, n) * rng.choice([0.3, 1.0, 2.5], n) + (np.arange(n) < max(k, 2))


def rank(y, a, weight):
    """Return the mean over the classes, or the value of class 1 of two, without weights and with them."""
    k = a.shape[1]
    each = [(y == c, a[:, min(c, k - 1)]) for c in (range(k) if k > 2 else [1])]
    scores = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
    return {
        name: [float(np.mean([f(*one, sample_weight=w) for one in each])) for w in (None, weight)]
        for name, f in scores.items()
    }


if __name__ == "__main__":
    cases = {}
    groups = ((classify, classification_cases()), (regress, regression_cases()), (label, label_cases()))
    for measure_all, group in groups:
        for case, y, a in group:
            cases[case] = {"y": y.tolist(), "a": a.tolist(), "expected": measure_all(y, a)}
    lines = ",\n".join(f"{json.dumps(case)}: {json.dumps(content)}" for case, content in cases.items())
    Path(__file__).with_name("metrics.json").write_text(f"{{\n{lines}\n}}\n")
    ranks = [
        {
            "y": y.tolist(),
            "a": a.tolist(),
            "weight": weight.round(3).tolist(),
            "expected": rank(y, a, weight.round(3)),
        }
        for y, a, weight in rank_cases()
    ]
    Path(__file__).with_name("ranks.json").write_text("[\n" + ",\n".join(map(json.dumps, ranks)) + "\n]\n")
