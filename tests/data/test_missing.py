"""Impute: by hand and against loops; what is not missing but wrong is refused, and so is nan without it."""

import copy

import numpy as np
import pytest

from nnfw import GRU, Dense, Network
from nnfw.data import Impute, StandardScaler

NAN = np.nan
RNG = np.random.default_rng(61)


def with_gaps(shape, share=0.4):
    x = RNG.normal(size=shape)
    x[RNG.random(shape) < share] = NAN
    return x


def by_loops(x, method, mean):
    """One sequence (T, D), value by value."""
    y = x.copy()
    for d in range(x.shape[1]):
        last = mean[d]
        for t in range(len(x)):
            if np.isnan(x[t, d]):
                y[t, d] = {"last": last, "mean": mean[d], "zero": 0.0}[method]
            else:
                last = x[t, d]
    return np.concatenate([y, np.isnan(x)], axis=1)


@pytest.mark.parametrize("method", ["last", "mean", "zero"])
@pytest.mark.parametrize("form", ["array", "list", "read-only"])
def test_each_value(method, form):
    sequences = [with_gaps((n, 3)) for n in ((5, 5, 5) if form != "list" else (5, 2, 7))]
    data = sequences if form == "list" else np.array(sequences)
    before = copy.deepcopy(data)
    if form == "read-only":
        data.flags.writeable = False
    impute = Impute(method).fit(data)
    rows = np.concatenate(sequences)
    mean = np.array([column[~np.isnan(column)].mean() for column in rows.T])
    np.testing.assert_allclose(impute.mean, mean, rtol=1e-14)
    for found, one in zip(impute.transform(data), sequences, strict=True):
        np.testing.assert_allclose(found, by_loops(one, method, mean), rtol=1e-14)
    bare = Impute(method, indicators=False).fit_transform(data)
    for found, one in zip(bare, sequences, strict=True):
        np.testing.assert_allclose(found, by_loops(one, method, mean)[:, :3], rtol=1e-14)
    for found, expected in zip(data, before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_samples_without_steps_and_dtypes():
    x = np.array([[1.0, NAN], [3.0, 4.0]], np.float32)
    y = Impute("mean").fit_transform(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, [[1, 4, 0, 1], [3, 4, 0, 0]])
    assert Impute("zero").fit_transform(np.array([[1, 2]])).dtype == np.float64


def test_the_mean_is_that_of_the_training_data():
    impute = Impute("mean", indicators=False).fit([[1.0], [3.0]])
    np.testing.assert_array_equal(impute.transform([[NAN], [10.0]]), [[2.0], [10.0]])


def test_a_network_is_trained_on_what_is_filled_and_refuses_what_is_not():
    x = with_gaps((12, 6, 3))
    network = Network([GRU(4), Dense(1)], seed=0)
    with pytest.raises(ValueError, match=r"is nan: every value must be finite; fill"):
        network.fit(x, np.zeros(12), verbose=0)
    filled = StandardScaler().fit_transform(Impute().fit_transform(x))
    network.fit(filled, np.zeros(12), verbose=0)
    assert network.shapes[0] == (6, 6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Impute("median"), "method must be one of 'last', 'mean', 'zero', got 'median'"),
        (lambda: Impute().fit([[1.0, np.inf]]), r"the data\[0, 1\] is inf, which is not missing but wrong"),
        (lambda: Impute().fit([[1.0, NAN], [2.0, NAN]]), "feature 1 has no known value"),
        (lambda: Impute().fit_transform([[1.0, 2.0]]), r"samples \(1, 2\) have none; one series is"),
        (lambda: Impute("mean").fit([[1.0]]).transform([[1.0, 2.0]]), "fitted to 1 features, got 2"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_it_is_fitted_first():
    with pytest.raises(RuntimeError, match="this Impute is not fitted yet"):
        Impute().transform(np.ones((1, 2, 3)))
