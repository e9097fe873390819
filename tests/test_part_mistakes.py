"""Mistakes with activations, initializers, losses and metrics: each is refused by name and teaches."""

import numpy as np
import pytest
from alike import for_each
from refusals import mistakes

from nnfw import Initializer, Loss, Metric, ShapeError, losses, metrics
from nnfw.activations import ELU, LeakyReLU
from nnfw.initializers import Constant, Normal, Orthogonal, Uniform

# fmt: off
MISTAKES = [
    ("a slope of infinity", lambda s: LeakyReLU(np.inf), ValueError, "LeakyReLU: slope", "finite"),
    ("an alpha in words", lambda s: ELU("1"), TypeError, "ELU: alpha", "number"),
    ("a uniform one upside down", lambda s: Uniform(1.0, -1.0), ValueError, "Uniform", "low"),
    ("a spread below 0", lambda s: Normal(-0.1), ValueError, "Normal: std", "-0.1"),
    ("a constant of NaN", lambda s: Constant(np.nan), ValueError, "Constant: value", "finite"),
    ("a gain in words", lambda s: Orthogonal("relu"), TypeError, "Orthogonal: gain", "number"),
    ("no generator", lambda s: Constant(1.0)(3, (2,)), TypeError, "rng must be", "default_rng"),
    ("targets out of a loss's range", lambda s: losses.get("bce")([[2.0]], [[0.5]]),
     ValueError, "targets", "between 0 and 1"),
    ("a slope for another shape", lambda s: losses.get("mse").gradient([1.0, 2.0], [[1.0], [2.0]]),
     ShapeError, "(2,)", "give targets (2, 1)"),
    ("outputs before targets", lambda s: losses.get("cce")([[0.5, 0.5]], [1]),
     ShapeError, "CategoricalCrossentropy: outputs must be", "y comes first, then a"),
    ("weights for another shape", lambda s: losses.get("mse")([[1.0]], [[2.0]], [1.0, 2.0]),
     ShapeError, "weight", "(1,)"),
    ("one output for two", lambda s: losses.get("mae")([[1.0]], [[1.0, 2.0]]),
     ShapeError, "(1, 1)", "(1, 2)"),
    ("a regression of labels", lambda s: metrics.MultiLabel("mse"),
     TypeError, "MultiLabel: metric", "like 'f1' and 'roc_auc'"),
    ("classes for outputs", lambda s: metrics.get("accuracy")([0, 1, 1], [2, 1, 0]),
     ValueError, "K=1", "pass outputs as a, not predicted classes"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)


@for_each(
    ("base", "use", "said"),
    [
        (Loss, lambda part: part([[1.0]], [[1.0]]), r"value\(y, a\)"),
        (Loss, lambda part: part.gradient([[1.0]], [[1.0]]), r"slope\(y, a\)"),
        (Metric, lambda part: part([[1.0]], [[1.0]]), r"statistics\(y, a\)"),
        (Metric, lambda part: part.result(np.ones(1)), r"result\(s\)"),
        (Initializer, lambda part: part(np.random.default_rng(0), (2,), "float32"), r"draw\(rng, shape\)"),
    ],
)
def test_a_class_of_ones_own_is_told_what_it_must_define(base, use, said):
    with pytest.raises(NotImplementedError, match=f"^Mine must define {said}$"):
        use(type("Mine", (base,), {})())
