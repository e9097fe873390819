"""Losses against PyTorch's recorded ones, finite differences, and mpmath at the edges of the floats."""

import gc
import inspect
import itertools
import json
import re
import weakref
from pathlib import Path

import mpmath
import numpy as np
import pytest
from alike import for_each

from nnfw import SGD, Adam, Dense, Network, ShapeError, losses
from nnfw.activations import Tanh
from nnfw.core.logits import LOGIT_GRADIENTS, LOGITS
from nnfw.losses import (
    MAE,
    MSE,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MixtureDensity,
    Quantile,
)

with np.load(Path(__file__).with_name("recorded") / "losses.npz") as file:
    RECORDED = dict(file)
CASES = json.loads(str(RECORDED.pop("cases")))
BY_WEIGHTS = CategoricalCrossentropy(divide_by="weights")
NAMES = [name for name in losses.registry.names() if not losses.get(name).of_sequences]  # see test_ctc
HUGE = {"float32": (50.0, 800.0, 3e38), "float64": (50.0, 800.0, 1e300, 1.7e308)}


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def targets_and_outputs(name, shape, rng, dtype="float64"):
    """Return random targets and outputs that lie in the domain of every kind of loss."""
    wide = (*shape[:-1], shape[-1] * losses.get(name).outputs_per_target)
    y, a = rng.uniform(0.05, 0.95, shape), rng.uniform(0.1, 0.9, wide)
    if losses.get(name).fused_with == "softmax" or name == "kl_divergence":
        y, a = softmax(y), softmax(a)
    return y.astype(dtype), a.astype(dtype)


def central_differences(function, x, step=1e-6):
    """Return the derivatives of `function` (a number) by the entries of `x`, to about step²."""
    slope = np.empty_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        slope[index] = (function(up) - function(down)) / (2 * step)
    return slope


def with_logits(a, logits, activation):
    """Return a copy of the outputs, entered with their logits as an output layer does."""
    a = np.array(a)
    LOGITS.enter(a, (activation, logits))
    return a


def outputs(logits, activation):
    """Return what an output layer returns for the logits."""
    a = softmax(logits) if activation == "softmax" else 0.5 + 0.5 * np.tanh(0.5 * logits)
    return with_logits(a, logits, activation)


def logit_gradient(loss, y, a, weight=None):
    """Return the gradient with respect to the logits, which `gradient` and `with_gradient` must agree on."""
    dy = loss.gradient(y, a, weight)
    value, ds, of_logits = loss.with_gradient(y, a, weight)
    assert of_logits
    assert value == loss(y, a, weight)
    assert type(dy) is type(ds) is np.ndarray
    np.testing.assert_array_equal(LOGIT_GRADIENTS.of(dy), ds)
    return ds


# --- PyTorch --------------------------------------------------------------------------------------


@for_each("case", CASES)
def test_agrees_with_pytorch(case):
    r = {key.split("/")[1]: value for key, value in RECORDED.items() if key.startswith(case + "/")}
    activation = CASES[case]["activation"]
    loss = type(losses.get(CASES[case]["loss"]))(**CASES[case]["config"])
    y, a = r["y"], with_logits(r["a"], r["x"], activation) if activation else r["x"]
    single = r["values"].size if r["values"].shape == r["x"].shape[:-1] else None
    close = {"rtol": 1e-12, "atol": 1e-14}

    np.testing.assert_allclose(loss(y, a), r["mean"], **close)
    by_output = not np.isclose(r["sum"], r["mean"] * single)  # PyTorch then sums over the K outputs too
    np.testing.assert_allclose(loss(y, a) * (r["y"].size if by_output else single), r["sum"], **close)
    np.testing.assert_allclose(
        loss.per_sample(y, a), r["values"].reshape(len(r["values"]), -1).mean(1), **close
    )
    gradient = (lambda *given: logit_gradient(loss, *given)) if activation else loss.gradient
    np.testing.assert_allclose(gradient(y, a), r["gradient"], **close)
    np.testing.assert_allclose(loss(y, a, r["weight"]), r["weighted"], **close)
    np.testing.assert_allclose(gradient(y, a, r["weight"]), r["weighted_gradient"], **close)

    loss.divide_by, factor = "weights", r["weight"].size / r["weight"].sum()
    np.testing.assert_allclose(loss(y, a, r["weight"]), factor * r["weighted"], **close)
    np.testing.assert_allclose(gradient(y, a, r["weight"]), factor * r["weighted_gradient"], **close)
    np.testing.assert_allclose(loss(y, a), r["mean"], **close)


def test_every_loss_is_recorded():
    assert {type(losses.get(case["loss"])) for case in CASES.values()} == {
        type(losses.get(name)) for name in NAMES
    }


@pytest.mark.parametrize("axes", [2, 3])
def test_weights_of_classes_divide_as_in_pytorch(axes):
    r = {
        name: RECORDED[f"class_weights/{axes}/{name}"]
        for name in ("a", "x", "y", "weight", "loss", "gradient")
    }
    a, weight = with_logits(r["a"], r["x"], "softmax"), r["weight"][r["y"]]
    assert BY_WEIGHTS(r["y"], a, weight) == pytest.approx(float(r["loss"]), rel=1e-12)
    np.testing.assert_allclose(logit_gradient(BY_WEIGHTS, r["y"], a, weight), r["gradient"], atol=1e-14)


@pytest.mark.parametrize("case", ["flat", "time"])
def test_weights_of_samples_divide_as_in_keras(case):
    r = {name: RECORDED[f"keras_weights/{case}/{name}"] for name in ("a", "y", "weight", "loss")}
    assert BY_WEIGHTS(r["y"], r["a"], r["weight"]) == pytest.approx(float(r["loss"]), rel=1e-6)


# --- finite differences, weights, the time axis ---------------------------------------------------


@for_each("divide_by", ["samples", "weights"])
@for_each("shape", [(2, 3), (2, 2, 3), (3, 1)])
@for_each("name", NAMES)
def test_gradient_is_the_slope_of_the_loss(name, shape, divide_by):
    rng = np.random.default_rng(1)
    loss, weight = losses.get(name), rng.uniform(0.0, 2.0, shape[:-1])
    loss.divide_by = divide_by
    y, a = targets_and_outputs(name, shape, rng)
    for w in (None, weight, weight[:, 0]) if weight.ndim == 2 else (None, weight):
        expected = central_differences(lambda moved, w=w: loss(y, moved, w), a)
        np.testing.assert_allclose(loss.gradient(y, a, w), expected, rtol=1e-6, atol=1e-9)


@for_each("smoothing", [0.0, 0.3])
@for_each("shape", [(4, 3), (2, 4, 3)])
@for_each("cls", [BinaryCrossentropy, CategoricalCrossentropy])
def test_the_fused_gradient_is_the_slope_by_the_logits(cls, shape, smoothing):
    rng = np.random.default_rng(2)
    loss = cls(label_smoothing=smoothing)
    s, weight = 3 * rng.standard_normal(shape), rng.uniform(0.0, 2.0, shape[:-1])
    y = rng.uniform(size=shape)  # rows of any sum: the slope is that of the value all the same
    expected = central_differences(lambda moved: loss(y, outputs(moved, cls.fused_with), weight), s)
    gradient = logit_gradient(loss, y, outputs(s, cls.fused_with), weight)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


@for_each("name", NAMES)
def test_the_fused_and_the_ordinary_form_are_one_loss(name):
    """Where both are accurate they agree, so the ordinary path is the same function of the outputs."""
    loss = losses.get(name)
    if loss.fused_with is None:
        return
    rng = np.random.default_rng(3)
    s = rng.standard_normal((6, 4))
    y = softmax(rng.standard_normal((6, 4)))
    a = outputs(s, loss.fused_with)
    np.testing.assert_allclose(loss(y, np.array(a)), loss(y, a), rtol=1e-13)
    through = loss.gradient(y, np.array(a))
    if loss.fused_with == "sigmoid":
        through = through * a * (1 - a)
    else:
        through = a * (through - (a * through).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(through, logit_gradient(loss, y, a), rtol=1e-12, atol=1e-16)


@for_each("name", NAMES)
def test_weights_count_samples(name):
    rng = np.random.default_rng(4)
    loss = losses.get(name)
    y, a = targets_and_outputs(name, (4, 3, 5), rng)
    single = np.array([[loss(y[i, t][None], a[i, t][None]) for t in range(3)] for i in range(4)])
    assert loss(y, a) == pytest.approx(single.mean(), rel=1e-14)
    np.testing.assert_allclose(loss.per_sample(y, a), single.mean(axis=1), rtol=1e-14)

    weight = np.array([[1, 0, 2], [1, 1, 1], [0, 0, 0], [3, 0, 0.5]])
    assert loss(y, a, weight) == pytest.approx((weight * single).sum() / 12, rel=1e-14)
    assert loss(y, a, [1, 2, 0, 1]) == pytest.approx((np.array([1, 2, 0, 1]) @ single).sum() / 12, rel=1e-14)
    gradient = loss.gradient(y, a, weight)
    assert not gradient[weight == 0].any()
    np.testing.assert_allclose(gradient, loss.gradient(y, a) * weight[..., None], rtol=1e-14)
    np.testing.assert_array_equal(
        loss.gradient(y, a, [1, 2, 0, 1]), loss.gradient(y, a, np.outer([1, 2, 0, 1], np.ones(3)))
    )


def test_a_weight_of_each_sample_when_samples_are_as_many_as_steps():
    rng = np.random.default_rng(5)
    y, a, weight = rng.standard_normal((3, 3, 2)), rng.standard_normal((3, 3, 2)), np.array([1.0, 0.0, 2.0])
    assert MSE()(y, a, weight) == pytest.approx((MSE().per_sample(y, a) * weight).mean(), rel=1e-14)
    assert not MSE().gradient(y, a, weight)[1].any()


@for_each("scale", [1e-300, 1e-42, 3.0, 1e30])
def test_divided_by_their_sum_weights_have_no_scale(scale):
    rng = np.random.default_rng(7)
    y, a = rng.normal(size=(2, 4, 3, 2)).astype("float32")
    weight, loss = rng.integers(0, 3, (4, 3)) + 0.5, MSE(divide_by="weights")
    assert loss(y, a, scale * weight) == pytest.approx(loss(y, a, weight), rel=1e-6)
    np.testing.assert_allclose(loss.gradient(y, a, scale * weight), loss.gradient(y, a, weight), rtol=1e-5)
    assert loss(y, a, np.full(4, scale)) == pytest.approx(loss(y, a), rel=1e-6)


def test_weights_of_0_alone_give_no_loss_and_no_gradient():
    y, a = np.ones((2, 3, 1)), np.zeros((2, 3, 1))
    for loss in (MSE(), MSE(divide_by="weights")):
        assert loss(y, a, [0, 0]) == 0.0
        np.testing.assert_array_equal(loss.gradient(y, a, np.zeros((2, 3))), 0)


class RelativeError(Loss):
    """A loss that has no value where a target is 0, as padding is."""

    def value(self, y, a):
        return (np.abs(a - y) / np.abs(y)).mean(axis=-1)

    def slope(self, y, a):
        return np.where(a > y, 1, -1) / np.abs(y) / a.shape[-1]


class Distance(Loss):
    def value(self, y, a):
        return np.abs(a - y).sum(axis=-1)

    def slope(self, y, a):
        return np.where(a > y, 1, -1)  # whole numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_slope_of_whole_numbers_is_weighed_as_any_other(dtype):
    y, a = np.random.default_rng(9).normal(size=(2, 4, 3, 2)).astype(dtype)
    weight = np.array([0.25, 0.5, 0.0, 1.5])
    expected = np.where(a > y, 1, -1) * weight[:, None, None] / 12
    np.testing.assert_allclose(Distance().gradient(y, a, weight), expected, rtol=1e-6)


@pytest.mark.parametrize("divide_by", ["samples", "weights"])
def test_a_loss_of_ones_own_need_not_be_defined_where_the_weight_is_0(divide_by):
    rng, loss = np.random.default_rng(10), RelativeError()
    loss.divide_by = divide_by
    x, y = ([rng.normal(size=(n, *shape)) for n in (2, 5, 0, 3)] for shape in ((3,), ()))
    y[3][1], known = 0.0, [np.ones(len(one)) for one in y]
    known[3][1] = 0.0  # a target that is not known
    network = Network([Dense(1)], loss=loss, optimizer=SGD(0.1), dtype="float64", seed=0)
    network.build((None, 3))
    W, b = (p.copy() for p in network.params.values())

    rows, targets = np.concatenate(x)[:, None], np.concatenate(y)[:, None, None]
    counted = np.concatenate(known) > 0
    rows, targets = rows[counted], targets[counted]
    terms = 9 if divide_by == "weights" else 10
    total = float((np.abs(rows @ W + b - targets) / np.abs(targets)).sum())
    slope = np.sign(rows @ W + b - targets) / np.abs(targets)
    assert network.evaluate(x, y, sample_weight=known)["loss"] == pytest.approx(total / terms, rel=1e-12)
    history = network.fit(x, y, sample_weight=known, verbose=0)
    assert history["loss"] == pytest.approx([total / terms], rel=1e-12)
    np.testing.assert_allclose(
        network.params["dense_1.W"], W - 0.1 * np.einsum("ntd,ntk->dk", rows, slope) / terms, rtol=1e-12
    )


def twice_as_large(base):
    """A loss twice as large, which says so of the outputs alone, and not of the logits."""

    class Doubled(base):
        def value(self, y, a):
            return 2 * super().value(y, a)

        def slope(self, y, a):
            return 2 * super().slope(y, a)

    return Doubled


@pytest.mark.parametrize(
    ("base", "end"),
    [
        (CategoricalCrossentropy, "softmax"),
        (losses.Focal, "softmax"),
        (losses.OrdinalCrossentropy, "softmax"),
        (BinaryCrossentropy, "sigmoid"),
    ],
)
def test_a_subclass_of_a_fused_loss_is_computed_as_it_says(base, end):
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
    y = np.eye(2)[y] if end == "sigmoid" else y
    one, other = (
        Network([Dense(2, end)], loss=loss(), optimizer=SGD(0.1), dtype="float64", seed=0)
        for loss in (base, twice_as_large(base))
    )
    one.build((3,))
    other.build((3,))
    before = one.flat_params.copy()
    assert other.evaluate(x, y)["loss"] == pytest.approx(2 * one.evaluate(x, y)["loss"], rel=1e-12)
    histories = [network.fit(x, y, verbose=0)["loss"][0] for network in (one, other)]
    assert histories[1] == pytest.approx(2 * histories[0], rel=1e-12)
    np.testing.assert_allclose(other.flat_params - before, 2 * (one.flat_params - before), rtol=1e-9)


def test_a_subclass_with_all_forms_of_its_own_stays_fused():
    class Doubled(twice_as_large(BinaryCrossentropy)):
        def value(self, y, a):
            pytest.fail("it is fused")

        slope = value

        def value_from_logits(self, y, logits):
            return 2 * super().value_from_logits(y, logits)

        def slope_from_logits(self, y, a):
            return 2 * super().slope_from_logits(y, a)

    network = Network([Dense(1, "sigmoid")], loss=Doubled(), seed=0)
    assert network.fit([[1.0], [2.0]], [0, 1], verbose=0)["loss"][0] > 0


@pytest.mark.parametrize(
    ("given", "end", "hint"),
    [
        ("sofmax", "softmax", ". Did you mean 'softmax'?"),
        ("sgmoid", "linear", ". Did you mean 'sigmoid'?"),
        ("swish", "silu", "; nnfw calls it 'silu'."),
    ],
)
def test_a_misspelt_activation_to_fuse_with_is_refused(given, end, hint):
    class Own(MSE):
        fused_with, value, slope = given, MSE.value, MSE.slope

    network = Network([Dense(2, end)], loss=Own(), seed=0)
    with pytest.raises(
        ValueError, match=re.escape(f"Own: fused_with: unknown activation '{given}'{hint} Known")
    ):
        network.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert not network.params
    Own.fused_with = "Tilted"  # an activation of one's own that is not registered
    tilted = type("Tilted", (Tanh,), {})
    Network([Dense(2, tilted())], loss=Own(), seed=0).fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)


def test_the_order_of_classes_counts():
    loss, answers = losses.get("ordinal"), np.eye(5) * 0.8 + 0.04
    assert np.all(np.diff(loss.per_sample(np.zeros(5, int), answers)) > 0)
    assert np.all(np.diff(loss.per_sample(np.full(5, 4), answers)) < 0)
    off = loss.per_sample(np.full(5, 2), answers)
    np.testing.assert_allclose(off, off[::-1], rtol=1e-13)


def test_two_classes_are_always_in_an_order():
    a, y = softmax(np.random.default_rng(8).normal(size=(6, 2))), np.array([0, 1, 1, 0, 1, 1])
    for smoothing in (0.0, 0.2):
        ordinal = losses.OrdinalCrossentropy(smoothing)
        same = CategoricalCrossentropy(smoothing)
        assert ordinal(y, a) == pytest.approx(same(y, a), rel=1e-13)
        np.testing.assert_allclose(ordinal.gradient(y, a), same.gradient(y, a), rtol=1e-13)


@pytest.mark.parametrize("dtype", HUGE)
@pytest.mark.slow
def test_an_order_at_any_logit(dtype):
    loss = losses.OrdinalCrossentropy()
    for s in extreme_logits(dtype):
        for y in range(3):
            with np.errstate(over="ignore"):
                a = outputs(s[None], "softmax").astype(dtype)
            value, ds, _ = loss.with_gradient([y], with_logits(a, s[None], "softmax"))
            assert value >= 0
            assert np.isfinite(ds).all()
            assert ds.sum() == pytest.approx(0, abs=1e-6)
            if abs(s).max() < 1000:
                with mpmath.workdps(700):
                    e = [mpmath.exp(mpmath.mpf(float(v))) for v in s]
                    right = [sum(e[k:]) if y >= k else sum(e[:k]) for k in (1, 2)]
                    exact = float(-sum(mpmath.log(part / sum(e)) for part in right))
                assert value == pytest.approx(exact, rel=1e-5 if dtype == "float32" else 1e-12, abs=1e-300)


@pytest.mark.parametrize("scale", [1, 30, 1e3, 1e30])
def test_the_gradient_of_an_order_goes_to_the_largest_logits_of_a_side(scale):
    """Against the softmax of all classes less that of each side alone, by one loop for each threshold."""
    K, rng = 6, np.random.default_rng(11)
    z, y = scale * rng.normal(size=(40, K)), rng.integers(0, K, size=40)
    expected = np.zeros_like(z)
    for n in range(len(z)):
        for k in range(K - 1):
            side = np.arange(K) > k if y[n] > k else np.arange(K) <= k
            expected[n] += outputs(z[n], "softmax")
            expected[n, side] -= outputs(z[n, side], "softmax")
    a = with_logits(outputs(z, "softmax"), z, "softmax")
    _, ds, of_logits = losses.OrdinalCrossentropy().with_gradient(y, a)
    assert of_logits
    np.testing.assert_allclose(ds * len(z), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_network_learns_classes_in_an_order():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(200, 3))
    y = np.digitize(x @ [1.0, 2.0, -1.0], [-2, -0.5, 0.5, 2])
    layers = [Dense(16, "tanh"), Dense(5, "softmax")]
    network = Network(layers, loss="ordinal", optimizer=Adam(0.02), metrics=["accuracy"], seed=0)
    network.fit(x, y, epochs=60, class_weight="balanced", verbose=0)
    found, classes = network.evaluate(x, y), network.predict_classes(x)
    assert found["accuracy"] == np.mean(classes == y) > 0.9
    assert found["loss"] == pytest.approx(network.loss(y, network.predict(x)), rel=1e-4)
    assert np.abs(classes - y).max() <= 1
    given = Network([Dense(2, "sigmoid")], loss="ordinal")
    with pytest.raises(ValueError, match=r"probabilities that sum to 1.*Dense\(2, 'softmax'\)"):
        given.fit(x, y > 2, verbose=0)


# --- the fused form at the edges ------------------------------------------------------------------


def exact_cce(y, s):
    """Return -Σ y log softmax(s) by mpmath, for exponents of any size."""
    with mpmath.workdps(340):
        s = [mpmath.mpf(float(v)) for v in s]
        total = mpmath.log(mpmath.fsum(mpmath.exp(v - max(s)) for v in s)) + max(s)
        return float(mpmath.fsum(mpmath.mpf(float(p)) * (total - v) for p, v in zip(y, s, strict=True)))


def exact_bce(y, s):
    with mpmath.workdps(340):
        each = [
            p * mpmath.log1p(mpmath.exp(-v)) + (1 - p) * mpmath.log1p(mpmath.exp(v))
            if abs(v) < 2000
            else mpmath.mpf(max(v, 0)) - p * v
            for p, v in ((mpmath.mpf(float(p)), mpmath.mpf(float(v))) for p, v in zip(y, s, strict=True))
        ]
        return float(mpmath.fsum(each) / len(each))


def to_few_units(expected, dtype):
    info = np.finfo(dtype)
    return pytest.approx(expected, rel=float(8 * info.eps), abs=float(info.tiny))


def extreme_logits(dtype):
    rng = np.random.default_rng(6)
    for size in HUGE[dtype]:
        yield np.array([size, -size, 0.0], dtype)
        yield np.array([-size, size, size], dtype)
        yield (rng.uniform(-1, 1, 3) * size).astype(dtype)
        yield (rng.uniform(0.9999, 1, 3) * size).astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_cce_is_exact_at_any_logit(dtype, smoothing):
    """Relatively exact: also a loss of 1e-40 keeps its digits, and one of 1e300 does not overflow."""
    loss, checked = CategoricalCrossentropy(label_smoothing=smoothing), 0
    largest = float(np.finfo(dtype).max)
    for s in extreme_logits(dtype):
        a = outputs(0.25 * s, "softmax")  # the value must come from the logits alone
        for k in range(3):
            y = np.eye(3)[k] * (1 - smoothing) + smoothing / 3
            expected = exact_cce(y.astype(dtype), s)
            if expected < largest:
                found = loss([k], with_logits(a[None], s[None], "softmax"))
                assert found == to_few_units(expected, dtype)
                checked += 1
    assert checked >= 24


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_bce_is_exact_at_any_logit(dtype, smoothing):
    loss, rng = BinaryCrossentropy(label_smoothing=smoothing), np.random.default_rng(7)
    for s in extreme_logits(dtype):
        y = rng.integers(0, 2, 3).astype(dtype)
        expected = exact_bce(y * (1 - smoothing) + np.asarray(smoothing / 2, dtype), s)
        found = loss(y[None], with_logits(np.full((1, 3), 0.5, dtype), s[None], "sigmoid"))
        assert found == to_few_units(expected, dtype)


def test_nothing_cancels_where_a_soft_target_meets_a_large_logit():
    s, y = np.array([[1e6, -1e6]]), np.array([[1 - 1e-9, 1e-9]])
    found = BinaryCrossentropy()(y, with_logits(np.array([[1.0, 0.0]]), s, "sigmoid"))
    assert found == to_few_units(exact_bce(y[0], s[0]), "float64")


@pytest.mark.parametrize("size", [1.0, 50.0, 800.0])
def test_a_mixture_is_exact_at_any_logit_of_its_weights(size):
    rng, loss = np.random.default_rng(15), MixtureDensity(3)
    y, (w, m, s) = rng.normal(), rng.normal(size=(3, 3)) * [[size], [1], [1]]

    def exact(*w):
        e = [mpmath.exp(v) for v in w]
        parts = zip(e, m, np.exp(2 * s) + 1e-6, strict=True)
        return -mpmath.log(sum(v * mpmath.npdf(y, k, mpmath.sqrt(var)) for v, k, var in parts) / sum(e))

    a = np.concatenate([w, m, s])[None]
    with mpmath.workdps(50):
        slope = [float(mpmath.diff(exact, tuple(w), n)) for n in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]]
        assert loss([[y]], a) == pytest.approx(float(exact(*w)), rel=1e-13)
    np.testing.assert_allclose(loss.gradient([[y]], a)[0, :3], slope, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(loss.estimate(a), [[softmax(w) @ m]], rtol=1e-13)


@pytest.mark.parametrize("size", [50.0, 800.0, 1e300])
def test_a_confident_mistake_keeps_its_gradient(size):
    s = np.array([[size, -size], [-size, size]])
    a = outputs(s, "softmax")
    gradient = logit_gradient(CategoricalCrossentropy(), [1, 1], a)
    np.testing.assert_allclose(gradient, [[0.5, -0.5], [0.0, 0.0]], atol=1e-40)
    assert CategoricalCrossentropy()([1, 1], a) == pytest.approx(size, rel=1e-15)

    y, b = [[0, 1], [0, 1]], outputs(s, "sigmoid")
    gradient = logit_gradient(BinaryCrossentropy(), y, b)
    np.testing.assert_allclose(gradient, [[0.25, -0.25], [0, 0]], atol=1e-20)
    assert BinaryCrossentropy()(y, b) == pytest.approx(size / 2, rel=1e-15)


def test_a_tiny_loss_keeps_its_digits():
    s = np.array([[0.0, -100.0, -101.0]])
    expected = np.exp(-100.0) + np.exp(-101.0)
    assert CategoricalCrossentropy()([0], with_logits(softmax(s), s, "softmax")) == pytest.approx(
        expected, rel=1e-13, abs=0
    )


@for_each("other", [lambda a: a[:1], lambda a: a.copy(), lambda a: a * 1.0, np.array])
def test_the_ordinary_form_for_all_but_the_very_output(other):
    a = other(with_logits(np.full((1, 2), 0.5), np.array([[3.0, 1.0]]), "softmax"))
    loss = CategoricalCrossentropy()
    assert loss([0], a) == pytest.approx(np.log(2.0))
    gradient = loss.gradient([0], a)
    assert LOGIT_GRADIENTS.of(gradient) is None
    assert not loss.with_gradient([0], a)[2]
    np.testing.assert_array_equal(gradient, [[-2.0, 0.0]])


@pytest.mark.parametrize(("name", "activation"), [("cce", "sigmoid"), ("bce", "softmax"), ("mse", "softmax")])
def test_the_ordinary_form_after_another_activation(name, activation):
    a, y = np.full((1, 2), 0.5), np.array([[1.0, 0.0]])
    marked = with_logits(a, np.array([[3.0, 1.0]]), activation)
    loss = losses.get(name)
    assert loss(y, marked) == loss(y, a)
    assert LOGIT_GRADIENTS.of(loss.gradient(y, marked)) is None
    assert not loss.with_gradient(y, marked)[2]
    np.testing.assert_array_equal(loss.gradient(y, marked), loss.gradient(y, a))


def test_padding_of_zeros_costs_nothing():
    """An all-zero one-hot row, as padding has, gives no loss and no gradient even without a weight."""
    s = np.random.default_rng(8).standard_normal((2, 4))
    y = np.array([[0.0, 1, 0, 0], [0, 0, 0, 0]])
    a = with_logits(softmax(s), s, "softmax")
    assert CategoricalCrossentropy().per_sample(y, a)[1] == 0.0
    assert not logit_gradient(CategoricalCrossentropy(), y, a)[1].any()


# --- the logits on their way through a network ----------------------------------------------------


FUSED = [("cce", "softmax"), ("bce", "sigmoid")]


def at_logits(s, loss, activation):
    """Return a network of which the logits are its inputs, and its outputs at `s` from a training pass."""
    network = Network([Dense(s.shape[-1], activation)], loss=loss, seed=0, dtype="float64")
    network.compute_shapes(s.shape[1:])
    network.initialize()
    network.params["dense_1.W"][...] = np.eye(s.shape[-1])
    return network, network.forward(s, training=True)


@for_each(("loss", "activation"), FUSED)
@for_each("size", [1.0, 50.0, 800.0, 1e300])
def test_by_hand_a_network_is_exact_at_any_finite_logit(loss, activation, size):
    s, y = size * np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    network, a = at_logits(s, loss, activation)
    assert type(a) is np.ndarray
    dx = network.backward(network.loss.gradient(y, a))
    expected = (a - y) / len(s) / (s.shape[1] if loss == "bce" else 1)
    np.testing.assert_array_equal(dx, expected)
    assert np.abs(dx[0]).min() > 0.1  # the confident mistake
    value, ds, of_logits = network.loss.with_gradient(y, a)
    np.testing.assert_array_equal(network.backward(ds, of_logits=of_logits), dx)
    assert value == network.loss(y, a)


def doubled(dy):
    dy *= 2.0
    return dy


@for_each("change", [lambda dy: 2.0 * dy, doubled])
@for_each(("loss", "activation"), FUSED)
def test_a_scaled_gradient_gives_a_scaled_result(loss, activation, change):
    rng = np.random.default_rng(13)
    s, y = rng.standard_normal((5, 3)), softmax(rng.standard_normal((5, 3)))
    network, a = at_logits(s, loss, activation)
    once = network.backward(network.loss.gradient(y, a))
    twice = network.backward(change(network.loss.gradient(y, a)))
    np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-12)


@pytest.mark.parametrize(("loss", "activation"), FUSED)
@pytest.mark.slow
def test_logits_and_their_gradients_live_as_long_as_their_arrays(loss, activation):
    network, a = at_logits(np.random.default_rng(14).standard_normal((5, 3)), loss, activation)
    dy = network.loss.gradient(softmax(a), a)
    kept = [weakref.ref(LOGITS.of(a)[1]), weakref.ref(LOGIT_GRADIENTS.of(dy))]
    gc.collect()
    sizes = len(LOGITS._known), len(LOGIT_GRADIENTS._known)
    network.cache = {}
    for layer in network.layers:
        layer.cache = {}
    del a, dy
    gc.collect()
    assert [ref() for ref in kept] == [None, None]
    assert (len(LOGITS._known), len(LOGIT_GRADIENTS._known)) == (sizes[0] - 1, sizes[1] - 1)


@pytest.mark.slow
def test_an_array_entered_again_has_its_last_companion():
    a = np.zeros(2)
    LOGITS.enter(a, ("softmax", np.ones(2)))
    LOGITS.enter(a, ("sigmoid", np.ones(2)))
    gc.collect()
    assert LOGITS.of(a)[0] == "sigmoid"


# --- the ordinary form at the edges ---------------------------------------------------------------


@for_each("dtype", ["float32", "float64"])
@for_each("name", NAMES)
def test_outputs_of_0_and_1_give_finite_numbers_that_can_be_squared(name, dtype):
    loss = losses.get(name)
    y, a = (
        np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype),
        np.array([[0, 1], [0, 1], [1, 0], [1, 0]], dtype),
    )
    a = loss.as_outputs(a)
    assert np.isfinite(loss(y, a))
    assert np.isfinite(loss.gradient(y, a) ** 2).all()
    if name in ("cce", "bce", "kl_divergence", "poisson"):
        assert loss.gradient(y, a)[0, 0] < -1e6  # towards 1, and steeply


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_steps_inside_are_those_of_the_docstring(dtype):
    info = np.finfo(dtype)
    zero, one = np.zeros((1, 1), dtype), np.ones((1, 1), dtype)
    bce = BinaryCrossentropy()
    assert bce(one, zero) == pytest.approx(-0.5 * np.log(float(info.tiny)), rel=1e-6)
    assert bce(zero, one) == pytest.approx(-np.log(float(info.epsneg)), rel=1e-6)
    assert bce.gradient(zero, one)[0, 0] == pytest.approx(1 / float(info.epsneg), rel=1e-6)
    msle = losses.get("msle")
    assert msle.gradient(one, -one)[0, 0] < -1.0 / info.epsneg
    assert msle(one, -5 * one) == msle(one, -one)


@pytest.mark.slow
def test_log_cosh_is_right_to_a_few_units_in_the_last_place():
    d = np.concatenate([np.logspace(-150, 300, 1001), np.linspace(0.9, 1.1, 101)])
    with mpmath.workdps(340):
        expected = [
            float(mpmath.log(mpmath.cosh(v)) if v < 1e3 else v - mpmath.log(2)) for v in map(mpmath.mpf, d)
        ]
    for sign in (1, -1):
        found = LogCosh().per_sample(np.zeros((len(d), 1)), sign * d[:, None])
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert LogCosh()([[0.0]], [[0.0]]) == 0.0


# --- targets, types, shapes -----------------------------------------------------------------------


def test_cross_entropy_alone_takes_classes():
    classes = ["cce", "categorical_crossentropy", "focal", "ordinal", "ordinal_crossentropy"]
    assert [name for name in NAMES if losses.get(name).takes_classes] == classes


def test_classes_and_their_one_hot_rows_are_the_same():
    rng = np.random.default_rng(9)
    for shape in ((6, 4), (2, 3, 4)):
        s = rng.standard_normal(shape)
        classes = rng.integers(0, 4, shape[:-1])
        rows = np.eye(4, dtype=int)[classes]
        for a in (softmax(s), with_logits(softmax(s), s, "softmax")):
            for smoothing in (0.0, 0.2):
                loss = CategoricalCrossentropy(label_smoothing=smoothing)
                for y in (rows, classes.astype(np.uint8), rows.astype(bool)):
                    assert loss(y, a) == loss(classes, a)
                    np.testing.assert_array_equal(loss.gradient(y, a), loss.gradient(classes, a))


def test_there_is_no_slope_at_a_kink():
    np.testing.assert_array_equal(Hinge().gradient([[1], [-1]], [[1.0], [-1.0]]), 0.0)
    for loss in (MAE(), Quantile([0.3])):
        np.testing.assert_array_equal(loss.gradient([[0.0], [2.0]], [[0.0], [2.0]]), 0.0)


def test_hinge_reads_0_as_minus_1():
    rng = np.random.default_rng(10)
    bits, a = rng.integers(0, 2, (5, 3)), rng.standard_normal((5, 3))
    for y in (bits, bits.astype(bool), bits.astype(float)):
        assert Hinge()(y, a) == Hinge()(2 * bits - 1, a)
        np.testing.assert_array_equal(Hinge().gradient(y, a), Hinge().gradient(2 * bits - 1, a))


@for_each("name", NAMES)
def test_the_dtype_of_the_outputs_is_kept(name):
    floats = "float32", "float64"
    for dtype, y_dtype in itertools.product(floats, (*floats, "int64", "uint8", "bool")):
        keeps_the_dtype(name, dtype, y_dtype)


def keeps_the_dtype(name, dtype, y_dtype):
    rng = np.random.default_rng(11)
    loss = losses.get(name)
    y, a = np.eye(5)[rng.integers(0, 5, 4)].astype(y_dtype), targets_and_outputs(name, (4, 5), rng, dtype)[1]
    before = y.copy(), a.copy()
    a.setflags(write=False)
    y.setflags(write=False)
    for given in (a, with_logits(a, np.log(a), loss.fused_with)) if loss.fused_with else (a,):
        assert type(loss(y, given)) is float
        assert loss.per_sample(y, given).dtype == dtype
        assert loss.gradient(y, given, np.ones(4)).dtype == loss.gradient(y, given).dtype == dtype
        assert loss.gradient(y, given).shape == a.shape
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(a, before[1])


@pytest.mark.slow
def test_the_mean_of_many_float32_losses_is_taken_in_float64():
    a = np.full((2_000_000, 1), 0.1, np.float32)
    assert MSE()(np.zeros_like(a), a) == pytest.approx(float(a[0, 0] ** 2), rel=1e-12)


def test_lists_integers_and_strided_arrays():
    assert MSE()([[1, 2]], [[3, 5]]) == 6.5
    rng = np.random.default_rng(12)
    a = rng.standard_normal((3, 8, 4)).transpose(1, 2, 0)[::2]
    y = np.asfortranarray(rng.standard_normal(a.shape))
    assert MSE()(y, a) == pytest.approx(MSE()(y.copy(order="C"), a.copy(order="C")), rel=1e-15)
    s = with_logits(softmax(a), a, "softmax")
    expected = CategoricalCrossentropy()(softmax(y), with_logits(softmax(a).copy(), a.copy(), "softmax"))
    assert CategoricalCrossentropy()(softmax(y), s) == pytest.approx(expected, rel=1e-15)


@for_each("name", NAMES)
def test_nothing_is_broadcast(name):
    loss, shapes = losses.get(name), [(4,), (4, 1), (1, 3), (3,), (4, 3, 1), (3, 4)]
    a = loss.as_outputs(np.full((4, 3), 0.5))
    for shape, call in itertools.product(shapes, (loss, loss.per_sample, loss.gradient)):
        with pytest.raises(ValueError, match="nothing is broadcast") as error:
            call(np.ones(shape), a)
        for part in (
            f"{type(loss).__name__}: ",
            f"shape {shape}",
            f"shape {a.shape}",
            "give targets (4, 3), or",
        ):
            assert part in str(error.value)
        assert ("integers of shape (4,)" in str(error.value)) is loss.takes_classes
        assert ("for each target" in str(error.value)) is (loss.outputs_per_target > 1)
        assert len(str(error.value)) < 500


@for_each(
    ("name", "y", "a", "message"),
    [
        ("cce", [0, 3], np.full((2, 3), 0.3), "classes 0 to 3.*0 to 2"),
        ("cce", [0, -1], np.full((2, 3), 0.3), "classes -1 to 0"),
        ("cce", [0.0, 1.0], np.full((2, 3), 0.3), "integers of shape"),
        ("cce", [[0], [1]], np.full((2, 3), 0.3), r"integers of shape \(2,\)"),
        ("cce", [[-1, 1, 1]], np.full((1, 3), 0.3), "between 0"),
        ("bce", [[-1], [1]], np.full((2, 1), 0.3), "between 0 and 1, got -1 to 1"),
        ("bce", [[0], [2]], np.full((2, 1), 0.3), "between 0 and 1"),
        ("bce", [[0.0], [np.nan]], np.full((2, 1), 0.3), "between 0 and 1"),
        ("hinge", [[0], [2]], np.full((2, 1), 0.3), "between -1 and 1"),
        ("poisson", [[-1]], [[1.0]], "between 0"),
        ("poisson", [[np.nan]], [[1.0]], "between 0"),
        ("msle", [[-1]], [[1.0]], "between 0"),
        ("kl_divergence", [[-1]], [[1.0]], "between 0"),
        ("mse", [1.0], [1.0], r"\(samples, 1\)"),
        ("mse", np.empty((0, 2)), np.empty((0, 2)), "not empty"),
    ],
)
def test_errors_teach(name, y, a, message):
    for call in (losses.get(name), losses.get(name).gradient):
        with pytest.raises(ValueError, match=message):
            call(y, a)


@for_each("name", NAMES)
def test_outputs_that_predict_targets_have_them_as_their_estimate(name):
    loss, y = losses.get(name), np.random.default_rng(16).uniform(size=(4, 2, 3))
    np.testing.assert_allclose(loss.estimate(loss.as_outputs(y)), y, rtol=1e-14)


@for_each("name", [name for name in NAMES if losses.get(name).target_range[0] == -np.inf])
def test_a_target_of_nan_shows_where_any_target_makes_sense(name):
    loss = losses.get(name)
    assert np.isnan(loss([[np.nan], [0.5]], loss.as_outputs(np.full((2, 1), 0.5))))


@for_each("weight", [np.ones(3), np.ones((2, 2)), np.ones((2, 3, 1)), 1.0])
def test_weights_that_do_not_fit(weight):
    for call in (MSE(), MSE().gradient):
        with pytest.raises(ValueError, match=r"\(2,\) or \(2, 3\)"):
            call(np.ones((2, 3, 4)), np.ones((2, 3, 4)), weight)


# --- names, arguments, own losses -----------------------------------------------------------------


def test_names():
    aliases = {
        "mean_squared_error": "mse",
        "mean_absolute_error": "mae",
        "binary_crossentropy": "bce",
        "categorical_crossentropy": "cce",
        "mean_squared_logarithmic_error": "msle",
        "pinball": "quantile",
        "ordinal_crossentropy": "ordinal",
    }
    expected = {"mse", "mae", "msle", "huber", "log_cosh", "bce", "cce", "kl_divergence", "poisson", "hinge"}
    expected |= {"focal", "ordinal", "quantile", "gaussian_nll", "mixture_density"}
    assert losses.registry.names() == [
        *NAMES[: NAMES.index("quantile")],
        "ctc",
        *NAMES[NAMES.index("quantile") :],
    ]
    assert set(NAMES) == expected | set(aliases)
    for alias, name in aliases.items():
        assert type(losses.get(alias)) is type(losses.get(name))
    for synonym, name in losses.registry.synonyms.items():
        assert name in NAMES
        with pytest.raises(ValueError, match=f"nnfw calls it '{name}'"):
            losses.get(synonym)
    huber = Huber(2.0)
    assert losses.get(huber) is huber
    assert losses.get(Huber).config == {"delta": 1.0, "divide_by": "samples"}


def test_every_public_loss_is_registered():
    classes = {
        c for _, c in inspect.getmembers(losses, inspect.isclass) if issubclass(c, Loss) and c is not Loss
    }
    assert classes == set(losses.registry.factories.values())


@for_each(
    ("build", "error"),
    [
        (lambda: Huber(delta=0.0), ValueError),
        (lambda: Huber(delta=-1.0), ValueError),
        (lambda: Huber(delta=np.inf), ValueError),
        (lambda: Huber(delta="1"), TypeError),
        (lambda: BinaryCrossentropy(label_smoothing=1.0), ValueError),
        (lambda: BinaryCrossentropy(label_smoothing=-0.1), ValueError),
        (lambda: CategoricalCrossentropy(label_smoothing=1.0), ValueError),
        (lambda: CategoricalCrossentropy(label_smoothing=None), TypeError),
    ],
)
def test_arguments_are_checked(build, error):
    with pytest.raises(error, match=r"^(Huber: delta|\w+Crossentropy: label_smoothing) must be"):
        build()


@for_each("name", [*NAMES, "ctc"])
def test_every_loss_can_divide_by_the_sum_of_the_weights(name):
    loss = losses.get(name)
    again = type(loss)(**{**loss.config, "divide_by": "weights"})
    assert repr(again) == f"{type(loss).__name__}(divide_by='weights')"
    with pytest.raises(ValueError, match="divide_by must be one of 'samples', 'weights', got 'batch'"):
        loss.divide_by = "batch"
    with pytest.raises(
        TypeError, match="no argument 'reduction'; leave it out: divide_by='weights' is Keras's mean_with"
    ):
        type(loss)(reduction="mean_with_sample_weight")


def test_numpy_scalars_as_arguments_do_not_widen():
    y, a = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    assert Huber(np.float64(0.5)).gradient(y, a).dtype == np.float32
    assert BinaryCrossentropy(np.float64(0.5)).gradient(y, a).dtype == np.float32


class Product(Loss):
    """A loss whose slope is the very array of its targets."""

    def value(self, y, a):
        return (y * a).sum(axis=-1)

    def slope(self, y, a):
        return y


def test_an_own_loss():
    y, a = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    assert Product()(y, a) == (17 + 53) / 2
    np.testing.assert_array_equal(Product().gradient(y, a), y / 2)
    np.testing.assert_array_equal(y, [[1, 2], [3, 4]])
    assert Product(divide_by="weights")(y, a, [1, 3]) == (17 + 3 * 53) / 4


def test_an_own_loss_with_arguments_of_its_own_alone():
    class Scaled(Product):
        def __init__(self, scale):
            self.scale = scale

    loss = Scaled(2.0)
    assert (loss.divide_by, loss.config, repr(loss)) == ("samples", {"scale": 2.0}, "Scaled(2.0)")
    assert loss(np.ones((2, 1)), np.ones((2, 1)), [1, 3]) == 2.0


def test_a_value_that_keeps_the_last_axis_is_told():
    class Unreduced(Product):
        def value(self, y, a):
            return y * a

    with pytest.raises(ValueError, match=r"Unreduced.value must return.*\(2,\), got \(2, 3\).*axis=-1"):
        Unreduced()(np.ones((2, 3)), np.ones((2, 3)))


@for_each("returned", [None, 4.0, np.ones(2), np.ones((2, 1))])
def test_a_slope_of_another_shape_is_told(returned):
    class Short(Product):
        def slope(self, y, a):
            return returned

    for method in (Short().gradient, Short().with_gradient):
        with pytest.raises(ShapeError, match=r"Short.slope must return .* \(2, 3\), got \("):
            method(np.ones((2, 3)), np.ones((2, 3)))


def test_a_value_that_is_not_returned_is_told():
    class Silent(Product):
        def value(self, y, a):
            pass

    with pytest.raises(ShapeError, match=r"Silent.value must return .* \(2,\), got \(\)"):
        Silent()(np.ones((2, 3)), np.ones((2, 3)))
