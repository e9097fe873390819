"""Initializers: distributions by their moments and bounds, matrices by their products, from fixed seeds."""

import copy
import inspect
import math

import numpy as np
import pytest
from alike import for_each

from nnfw import initializers as module
from nnfw.initializers import (
    Constant,
    FromFunction,
    Given,
    Identity,
    Initializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
    get,
    registry,
)

NAMES = registry.names()
D, H = 300, 500
VARIANCES = {"glorot": 2 / (D + H), "he": 2 / D, "lecun": 1 / D}
MATRICES = [
    "orthogonal",
    "identity",
    *(f"{rule}_{kind}" for rule in VARIANCES for kind in ("uniform", "normal")),
]


def drawn(initializer, shape=(D, H), dtype="float64", seed=0):
    return get(initializer)(np.random.default_rng(seed), shape, dtype)


def standard_errors(values, mean, variance, kurtosis):
    """Return how many standard errors the sample's mean and variance lie off, for the true moments."""
    n = values.size
    off_mean = (values.mean() - mean) / math.sqrt(variance / n)
    off_variance = (((values - mean) ** 2).mean() - variance) / (variance * math.sqrt((kurtosis - 1) / n))
    return np.abs([off_mean, off_variance])


def kurtosis(values):
    z = (values - values.mean()) / values.std()
    return (z**4).mean()


# --- what all of them promise ---------------------------------------------------------------------------


@for_each("name", NAMES)
def test_same_seed_same_values_in_either_precision(name):
    shape = (7, 5)
    double = drawn(name, shape, "float64", seed=3)
    single = drawn(name, shape, "float32", seed=3)
    assert double.shape == single.shape == shape
    assert (double.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(double, drawn(name, shape, "float64", seed=3))
    np.testing.assert_array_equal(single, double.astype(np.float32))
    if name not in ("zeros", "ones", "constant", "identity"):
        assert np.abs(double - drawn(name, shape, "float64", seed=4)).max() > 1e-3


@for_each("name", NAMES)
def test_values_are_a_fresh_writable_array_in_row_order(name):
    initializer, rng = get(name), np.random.default_rng(0)
    first = initializer(rng, (3, 5))
    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    before, first[...] = first.copy(), 9.0
    assert not (initializer(np.random.default_rng(0), (3, 5)) == 9.0).any()
    np.testing.assert_array_equal(initializer(np.random.default_rng(0), (3, 5)), before)


@for_each("name", sorted(set(NAMES) - set(MATRICES)))
@for_each("shape", [(6,), (2, 3, 4)])
def test_values_do_not_depend_on_the_number_of_axes(name, shape):
    values = drawn(name, (math.prod(shape), 1))
    np.testing.assert_array_equal(drawn(name, shape), values.reshape(shape))


CUBES = [name for name in MATRICES if name in ("orthogonal", "identity")]


@for_each(("name", "shape"), [(name, (6,)) for name in MATRICES] + [(name, (2, 3, 4)) for name in CUBES])
def test_fans_need_two_axes(name, shape):
    with pytest.raises(ValueError, match=r"\(inputs, units\)") as error:
        drawn(name, shape)
    assert str(shape) in str(error.value)
    assert type(get(name)).__name__ in str(error.value)


def test_the_fans_of_a_convolution_count_its_window():
    values = drawn("glorot_uniform", (5, 5, 30, 40))
    assert np.abs(values).max() == pytest.approx(np.sqrt(6 / (25 * (30 + 40))), rel=1e-3)
    values = drawn("he_normal", (3, 200, 100))
    assert values.std() == pytest.approx(np.sqrt(2 / (3 * 200)), rel=0.02)


def test_only_a_generator_is_a_source():
    for rng in (0, None, np.random.RandomState(0)):
        with pytest.raises(TypeError, match="default_rng"):
            Normal()(rng, (2, 2))


def test_global_random_state_is_left_alone():
    before = copy.deepcopy(np.random.get_state()[1])  # noqa: NPY002
    for name in NAMES:
        drawn(name, (4, 4))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# --- distributions --------------------------------------------------------------------------------------


@for_each("rule", VARIANCES)
@for_each("seed", range(3))
def test_variance_scaling(rule, seed):
    uniform, normal = drawn(f"{rule}_uniform", seed=seed), drawn(f"{rule}_normal", seed=seed)
    variance = VARIANCES[rule]
    assert standard_errors(uniform, 0.0, variance, 1.8).max() < 4
    assert standard_errors(normal, 0.0, variance, 3.0).max() < 4
    assert kurtosis(uniform) == pytest.approx(1.8, abs=0.02)
    assert kurtosis(normal) == pytest.approx(3.0, abs=0.06)
    limit = math.sqrt(3 * variance)
    assert 0.999 * limit < np.abs(uniform).max() <= limit
    assert np.abs(normal).max() > 4 * math.sqrt(variance)  # not cut


def test_fan_in_is_the_first_axis():
    assert drawn("he_normal", (1000, 10)).std() == pytest.approx(math.sqrt(2 / 1000), rel=0.05)
    assert drawn("he_normal", (10, 1000)).std() == pytest.approx(math.sqrt(2 / 10), rel=0.05)
    assert drawn("lecun_uniform", (1000, 10)).std() == pytest.approx(math.sqrt(1 / 1000), rel=0.05)


def test_uniform_and_normal():
    values = drawn(Uniform(-1.0, 3.0))
    assert values.min() >= -1.0
    assert values.max() < 3.0
    assert standard_errors(values, 1.0, 16 / 12, 1.8).max() < 4
    values = drawn(Normal(mean=0.7, std=0.2))
    assert standard_errors(values, 0.7, 0.04, 3.0).max() < 4
    assert standard_errors(drawn("normal"), 0.0, 0.0025, 3.0).max() < 4
    assert standard_errors(drawn("uniform"), 0.0, 0.01 / 12, 1.8).max() < 4


@pytest.mark.parametrize("seed", range(3))
def test_truncated_normal(seed):
    """The moments of a normal cut at c = ±2 follow from its density φ: e.g. variance 1 - 2 c φ(c) / P."""
    c = 2.0
    density, inside = math.exp(-c * c / 2) / math.sqrt(2 * math.pi), math.erf(c / math.sqrt(2))
    variance = 1 - 2 * c * density / inside
    fourth = 3 - 2 * (c**3 + 3 * c) * density / inside
    assert math.sqrt(variance) == pytest.approx(0.8796, abs=5e-5)  # as the docstring says

    values = drawn(TruncatedNormal(mean=0.3, std=0.5), seed=seed)
    z = (values - 0.3) / 0.5
    assert np.abs(z).max() <= c + 1e-12
    assert np.abs(z).max() > 1.999
    assert standard_errors(z, 0.0, variance, fourth / variance**2).max() < 4
    assert kurtosis(z) == pytest.approx(fourth / variance**2, abs=0.03)
    # not clipped: in the last 1 % before the cut lie no more values than its density asks for
    assert np.mean(np.abs(z) > 1.98) == pytest.approx(2 * 0.02 * density * 1.02 / inside, rel=0.2)


def test_truncated_normal_keeps_what_lies_inside():
    plain, cut = drawn(Normal(1.0)), drawn(TruncatedNormal(1.0))
    np.testing.assert_array_equal(plain[np.abs(plain) <= 2], cut[np.abs(plain) <= 2])


# --- matrices -------------------------------------------------------------------------------------------


@for_each("gain", [1.0, 0.3, -2.0])
@for_each("shape", [(40, 40), (17, 53), (53, 17), (1, 5), (5, 1)])
def test_orthogonal(shape, gain):
    Q = drawn(Orthogonal(gain), shape)
    product = Q.T @ Q if shape[0] >= shape[1] else Q @ Q.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-13)


def test_orthogonal_in_float32():
    Q = drawn("orthogonal", (64, 64), "float32")
    np.testing.assert_allclose(Q.T @ Q, np.eye(64), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
@pytest.mark.slow
def test_orthogonal_is_uniform(shape):
    """Over all orthogonal matrices an entry has mean 0 and mean square 1 / the longer side.

    Without the sign correction the QR of LAPACK favours one sign on the diagonal.
    """
    rng, n = np.random.default_rng(5), 4000
    Q = np.stack([Orthogonal()(rng, shape, "float64") for _ in range(n)])
    long = max(shape)
    np.testing.assert_allclose(Q.mean(axis=0), 0.0, atol=4.5 / math.sqrt(n * long))
    np.testing.assert_allclose((Q**2).mean(axis=0), 1 / long, atol=4.5 * math.sqrt(2 / n) / long)
    if shape == (3, 3):
        assert np.linalg.det(Q).mean() == pytest.approx(0.0, abs=4 / math.sqrt(n))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_identity(shape):
    expected = np.zeros(shape)
    for i in range(min(shape)):
        expected[i, i] = 0.5
    np.testing.assert_array_equal(drawn(Identity(0.5), shape), expected)
    np.testing.assert_array_equal(drawn("identity", shape), 2 * expected)


def test_constants():
    np.testing.assert_array_equal(drawn("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(drawn("ones", (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(drawn(Constant(-1.5), (2, 3)), [[-1.5] * 3] * 2)


# --- given values, functions, names ---------------------------------------------------------------------


def test_an_array_is_taken_as_it_is():
    vectors = np.random.default_rng(1).standard_normal((4, 3))
    initializer = get(vectors)
    assert isinstance(initializer, Given)
    expected = vectors.copy()
    vectors[...] = 0.0
    np.testing.assert_array_equal(drawn(initializer, (4, 3)), expected)
    drawn(initializer, (4, 3))[...] = 7.0
    np.testing.assert_array_equal(drawn(initializer, (4, 3), "float32"), expected.astype(np.float32))
    assert repr(initializer) == "Given(array of shape (4, 3))"
    with pytest.raises(ValueError, match=r"Given.*\(4, 3\).*\(3, 4\)"):
        drawn(initializer, (3, 4))


def test_a_function_is_asked_for_float64():
    seen = []

    def ramp(rng, shape, dtype):
        seen.append(np.dtype(dtype))
        return rng.random() * np.arange(np.prod(shape), dtype=dtype).reshape(shape) / 3

    values = drawn(ramp, (2, 3), "float32", seed=2)
    assert isinstance(get(ramp), FromFunction)
    assert seen == [np.float64]
    expected = np.random.default_rng(2).random() * np.arange(6.0).reshape(2, 3) / 3
    np.testing.assert_array_equal(values, expected.astype(np.float32))
    with pytest.raises(ValueError, match=r"FromFunction.*\(5,\).*\(2, 3\)"):
        drawn(lambda rng, shape, dtype: np.ones(5), (2, 3))
    with pytest.raises(ValueError, match=r"FromFunction: values\[0, 0\] is nan"):
        drawn(lambda rng, shape, dtype: np.full(shape, np.nan), (2, 3))
    with pytest.raises(ValueError, match=r"Constant: values\[0\] is 1e\+39, beyond the largest .* float32"):
        drawn(Constant(1e39), (2,), "float32")


def test_a_variance_of_ones_own():
    class Tenth(VarianceScaling):
        def variance(self, D, H):
            return 0.1 / (D * H)

    assert standard_errors(drawn(Tenth), 0.0, 0.1 / (D * H), 1.8).max() < 4


def test_names():
    assert set(NAMES) == {"zeros", "ones", "constant", "normal", "uniform", "truncated_normal", *MATRICES}
    public = {getattr(module, name) for name in module.__all__}
    classes = {c for c in public if inspect.isclass(c) and issubclass(c, Initializer)}
    assert classes - {Initializer, VarianceScaling, Given, FromFunction} == set(registry.factories.values())
    for name in NAMES:
        title = "".join(word.title() for word in name.split("_"))
        assert type(get(name)) is getattr(module, title)
    for synonym, name in registry.synonyms.items():
        assert name in NAMES
        with pytest.raises(ValueError, match=f"nnfw calls it '{name}'"):
            get(synonym)
    part = Orthogonal(2.0)
    assert get(part) is part
    assert isinstance(get(Orthogonal), Orthogonal)
    for wrong in (3, None, int, [1.0]):
        with pytest.raises(TypeError, match="initializer must be a name"):
            get(wrong)


@for_each(
    ("build", "error"),
    [
        (lambda: Constant("1"), TypeError),
        (lambda: Constant(np.nan), ValueError),
        (lambda: Uniform(1.0, 1.0), ValueError),
        (lambda: Uniform(0.1), ValueError),
        (lambda: Uniform(low=None), TypeError),
        (lambda: Normal(std=-1.0), ValueError),
        (lambda: Normal(mean=np.inf), ValueError),
        (lambda: TruncatedNormal(std=-1.0), ValueError),
        (lambda: Orthogonal(gain="1"), TypeError),
        (lambda: Identity(gain=np.inf), ValueError),
    ],
)
def test_arguments_are_checked(build, error):
    with pytest.raises(error, match=r"^[A-Z]\w+: (value|low|high|mean|std|gain) must be "):
        build()
