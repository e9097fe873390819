"""Impute and Gaps: against loops; what is not missing but wrong is refused, and so is nan without them."""

import copy
import re

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, Dense, Network
from nnfw.data import Gaps, Impute, StandardScaler

NAN = np.nan
RNG = np.random.default_rng(61)


def with_gaps(shape, share=0.4):
    x = RNG.normal(size=shape)
    x[RNG.random(shape) < share] = NAN
    return x


def of_times(times, listed=False):
    x = np.ones((1, 3, 2))
    return Gaps().fit(x).transform(list(x) if listed else x, times)


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


@for_each("method", ["last", "mean", "zero"])
@for_each("form", ["array", "list", "read-only"])
def test_each_value(method, form):
    sequences = [with_gaps((n, 3)) for n in ((5, 5, 5) if form != "list" else (5, 2, 7))]
    data = sequences if form == "list" else np.array(sequences)
    before = copy.deepcopy(data)
    if form == "read-only":
        data.flags.writeable = False
    impute = Impute(method).fit(data)
    rows = np.concatenate(sequences)
    mean = np.array([column[~np.isnan(column)].mean() for column in rows.T])
    np.testing.assert_allclose(impute.mean, mean, rtol=1e-14, atol=1e-16)
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


def laid_out_by_loops(x, times, mean, scale):
    """One sequence (T, D) as Che et al. 2018 define value, mask and δ, value by value."""
    T, D = x.shape
    value, mask, since = np.zeros((T, D)), np.zeros((T, D)), np.zeros((T, D))
    for d in range(D):
        last = 0.0
        for t in range(T):
            if t > 0:
                gap = times[t] - times[t - 1]
                since[t, d] = gap if mask[t - 1, d] else gap + since[t - 1, d]
            if not np.isnan(x[t, d]):
                mask[t, d], last = 1, (x[t, d] - mean[d]) / scale[d]
            value[t, d] = last
    return np.concatenate([value, mask, since], axis=1)


@for_each("form", ["array", "list", "read-only"])
@for_each("timed", [False, True])
def test_each_value_of_gaps(form, timed):
    sequences = [5 + 3 * with_gaps((n, 3), 0.6) for n in ((6, 6, 6) if form != "list" else (6, 0, 1, 9))]
    sequences[0][0] = NAN
    data = sequences if form == "list" else np.array(sequences)
    before = copy.deepcopy(data)
    if form == "read-only":
        data.flags.writeable = False
    gaps = Gaps().fit(data)
    known = [column[~np.isnan(column)] for column in np.concatenate(sequences).T]
    mean, scale = np.array([one.mean() for one in known]), np.array([one.std() for one in known])
    np.testing.assert_allclose(gaps.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(gaps.scale, scale, rtol=1e-14)
    when = [np.cumsum(RNG.random(len(one))) if timed else np.arange(len(one)) for one in sequences]
    times = (when if form == "list" else np.array(when)) if timed else None
    for found, one, t in zip(gaps.transform(data, times), sequences, when, strict=True):
        np.testing.assert_allclose(found, laid_out_by_loops(one, t, mean, scale), rtol=1e-12, atol=1e-12)
    for found, expected in zip(data, before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_gaps_of_constants_and_dtypes():
    x = np.array([[[2, 7], [2, 9]]], np.float32)
    found = Gaps().fit_transform(x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[[0, -1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]]])
    assert Gaps().fit_transform(np.array([[[1], [2]]])).dtype == np.float64
    assert Gaps().fit(np.full((1, 3, 1), 0.1)).scale == 1  # np.std of these is 1e-17
    late = np.array([[0, 1, 2]]) + 1.7e9  # seconds since 1970, which float32 holds to two minutes
    np.testing.assert_array_equal(
        Gaps().fit(x).transform(np.ones((1, 3, 2), np.float32), late)[0, :, 4], [0, 1, 1]
    )


@for_each("dtype", ["uint8", "int8", "uint64", "bool"])
def test_times_of_any_dtype_are_numbers(dtype):
    times = (
        np.array([[0, 1, 1]]) if dtype == "bool" else np.array([[-100 if dtype == "int8" else 0, 27, 120]])
    )
    x = np.array([[[1.0], [NAN], [2.0]]])
    found, expected = Gaps().fit_transform(x, times=times.astype(dtype)), times[0] - times[0, 0]
    np.testing.assert_array_equal(found[0, :, 2], expected)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3)], ids=["of steps", "of values"])
def test_a_mask_becomes_gaps_in_one_line(shape):
    x, mask = RNG.normal(size=(2, 4, 3)), RNG.random(shape) < 0.5
    x[mask == 0] = NAN
    shown = Gaps().fit(np.ones((1, 1, 3))).transform(x)[..., 3:6]
    np.testing.assert_array_equal(shown, np.broadcast_to(mask.reshape(2, 4, -1), x.shape))


@for_each(
    ("call", "words"),
    [
        (lambda: Impute("median"), "method must be one of 'last', 'mean', 'zero', got 'median'"),
        (lambda: Impute().fit([[1.0, np.inf]]), r"^data\[0, 1\] is inf, which is not a missing value"),
        (lambda: Impute().fit([[1.0, NAN], [2.0, NAN]]), "feature 1 has no known value"),
        (lambda: Impute().fit_transform([[1.0, 2.0]]), r"Impute: .* \(1, 2\) has none; .* is \[data\]"),
        (lambda: Gaps().fit_transform([[1.0, 2.0]]), r"Gaps: .* \(1, 2\) has none; .* is \[data\]"),
        (lambda: Gaps().fit([[[np.inf]]]), r"^data\[0, 0\] is inf, which is not a missing value"),
        (lambda: Gaps().fit([[[1.0]]]).transform([[[1.0, 2.0]]]), "fitted to 1 features, got 2"),
        (lambda: of_times([[0, 1]]), r"times must have .* shape \(1, 3\), got \(1, 2\)"),
        (lambda: of_times(2, listed=True), r"times\[0\] must have .* shape \(3,\), got \(\)"),
        (lambda: of_times([0, 1, 2]), r"one number per step, shape \(1, 3\), got \(3,\)"),
        (lambda: of_times([[0, 2, 1]]), r"times\[0, 2\] is 1.0 after a later one"),
        (lambda: of_times([[0, NAN, 1]]), r"times\[0, 1\] is nan, but times must be finite"),
        (lambda: of_times([[0, 1, np.inf]]), r"times\[0, 2\] is inf, but times must be finite"),
        (lambda: of_times([[0, 1]], listed=True), r"times\[0\] .* shape \(3,\), got \(2,\)"),
        (lambda: of_times([[0, 1, 2]] * 2, listed=True), "one array per sequence, 1, got 2"),
        (lambda: Impute("mean").fit([[1.0]]).transform([[1.0, 2.0]]), "fitted to 1 features, got 2"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


DATES = np.array(["2020-02-28", "2020-02-29", "2020-03-02"], "datetime64[D]")
DAYS = [[0, 1, 3], [0, 1, 3]]


@for_each(
    ("times", "listed", "name"),
    [
        (np.stack([DATES, DATES]), False, "times"),
        (np.stack([DATES, DATES]) - DATES[0], False, "times"),
        ([DATES, DAYS[0]], False, "times"),
        ([DATES, DAYS[0]], True, "times[0]"),
        ([DAYS[0], DATES.tolist()], True, "times[1]"),
    ],
)
def test_times_that_are_no_numbers(times, listed, name):
    x = with_gaps((2, 3, 2), share=0.0)
    with pytest.raises(TypeError, match=rf"^{re.escape(name)} must be real numbers, got ") as caught:
        Gaps().fit(x).transform(list(x) if listed else x, times)
    assert len(str(caught.value)) < 300
    remedy = "(dates - dates.min()) / np.timedelta64(1, 'h')"
    assert str(caught.value).endswith(remedy)
    hours = eval(remedy, {"np": np, "dates": np.stack([DATES, DATES])})
    np.testing.assert_array_equal(hours, 24 * np.array(DAYS))


@pytest.mark.parametrize("kind", [Impute, Gaps])
def test_it_is_fitted_first(kind):
    with pytest.raises(RuntimeError, match=f"this {kind.__name__} is not fitted yet"):
        kind().transform(np.ones((1, 2, 3)))
