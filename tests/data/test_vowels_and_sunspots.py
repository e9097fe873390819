"""The Japanese vowels and the sunspots against what their sources say of them."""

import subprocess
import sys
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, Adam, Dense, Network
from nnfw.data import StandardScaler, sliding_windows
from nnfw.datasets import load_japanese_vowels, load_sunspots

FIRST_FRAME = [  # of ae.train
    *[1.860936, -0.207383, 0.261557, -0.214562, -0.171253, -0.118167],
    *[-0.277557, 0.025668, 0.126701, -0.306756, -0.213076, 0.088728],
]
LAST_FRAME = [  # of ae.test
    *[1.177449, -0.404080, 0.052026, -0.284812, 0.429840, -0.203484],
    *[-0.072393, -0.080955, -0.244424, -0.001849, -0.016634, 0.224688],
]


@pytest.fixture(scope="module")
def vowels():
    return load_japanese_vowels()


# Japanese vowels ----------------------------------------------------------------------------------------


def test_vowels_are_as_the_source_describes_them(vowels):
    (x, y), (x_test, y_test) = vowels
    assert (len(x), len(x_test)) == (270, 370)
    assert np.bincount(y).tolist() == [30] * 9
    assert np.bincount(y_test).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths, lengths_test = [len(item) for item in x], [len(item) for item in x_test]
    assert (min(lengths), max(lengths), sum(lengths)) == (7, 26, 4274)
    assert (min(lengths_test), max(lengths_test), sum(lengths_test)) == (7, 29, 5687)
    np.testing.assert_array_equal(x[0][0], np.float32(FIRST_FRAME))
    np.testing.assert_array_equal(x_test[-1][-1], np.float32(LAST_FRAME))


def test_vowels_form(vowels):
    for x, y in vowels:
        assert isinstance(x, list)
        assert all(item.dtype == np.float32 and item.shape[1:] == (12,) for item in x)
        assert (y.dtype, y.shape) == (np.int64, (len(x),))
        assert (np.diff(y) >= 0).all()  # in the order of the speakers


def test_vowels_are_cut_where_the_utterances_end(vowels):
    """Frames overlap, so that neighbours are alike; the last of one and the first of the next are not."""
    for x, _ in vowels:
        within = np.median([np.abs(np.diff(item, axis=0)).mean() for item in x])
        between = np.median([np.abs(b[0] - a[-1]).mean() for a, b in pairwise(x)])
        assert between > 2.5 * within


def test_stored_vowels_are_the_decimals_of_the_source(vowels):
    with np.load(files("nnfw.datasets") / "japanese_vowels.npz", allow_pickle=False) as stored:
        for part, (x, y) in zip(("train", "test"), vowels, strict=True):
            frames = np.concatenate(x)
            assert stored[f"{part}_millionths"].dtype == np.int32
            written = [f"{value:.6f}" for value in frames[::50].ravel()]
            assert written == [f"{value / 1e6:.6f}" for value in stored[f"{part}_millionths"][::50].ravel()]
            assert stored[f"{part}_lengths"].tolist() == [len(item) for item in x]
            assert stored[f"{part}_speakers"].tolist() == (y + 1).tolist()


def test_each_call_gives_vowels_of_its_own(vowels):
    (x, y), _ = load_japanese_vowels()
    x[0][:], y[:] = 0, 0
    np.testing.assert_array_equal(load_japanese_vowels()[0][0][0], vowels[0][0][0])
    assert load_japanese_vowels()[0][1].max() == 8


def test_speakers_can_be_told_apart_by_their_mean_frame(vowels):
    (x, y), (x_test, y_test) = vowels
    means, means_test = (np.array([item.mean(axis=0) for item in part]) for part in (x, x_test))
    distances = np.square(means_test[:, None] - means).sum(axis=-1)
    assert np.mean(y[distances.argmin(axis=1)] == y_test) > 0.9
    assert np.mean(y_test == 2) == pytest.approx(0.238, abs=5e-4)


@pytest.mark.slow
def test_a_network_takes_the_vowels_as_they_are(vowels):
    (x, y), (x_test, y_test) = vowels
    network = Network(
        [GRU(16), Dense(9, "softmax")], loss="cce", optimizer=Adam(0.01), metrics=["accuracy"], seed=0
    )
    network.fit(x, y, epochs=12, verbose=0)
    assert network.evaluate(x_test, y_test)["accuracy"] > 0.85


# Sunspots -----------------------------------------------------------------------------------------------


def test_sunspots_form():
    years, activity = load_sunspots()
    assert (years.dtype, activity.dtype) == (np.int64, np.float64)
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert activity.shape == (309,)
    assert [f"{value:.1f}" for value in activity] == [str(value) for value in activity.tolist()]


@for_each(
    ("year", "number"),
    [(1700, 5), (1711, 0), (1750, 83.4), (1810, 0), (1848, 124.7), (1920, 37.6), (1957, 190.2), (2008, 2.9)],
)
def test_sunspots_of_single_years(year, number):
    years, activity = load_sunspots()
    assert activity[years == year].tolist() == [number]


def test_sunspots_of_the_whole():
    years, activity = load_sunspots()
    assert (activity.min(), activity.max()) == (0, 190.2)
    assert years[activity.argmax()] == 1957
    assert activity[years <= 1979].var() == pytest.approx(1495.6, abs=0.05)
    spectrum = np.abs(np.fft.rfft(activity - activity.mean()))
    assert 309 / spectrum.argmax() == pytest.approx(11.0, abs=0.2)  # years of a cycle


def test_sunspots_repeat_what_linear_forecasts_reach():
    """An autoregression over 12 years, by least squares: between persistence and the network of 1990."""
    years, activity = load_sunspots()
    x, y = sliding_windows(activity, 12)
    years, x, y = years[12:], np.insert(x[..., 0], 0, 1, axis=1), y[:, 0]
    past, test = years <= 1920, (years > 1920) & (years <= 1955)
    assert (past.sum(), test.sum()) == (209, 35)
    weights, *_ = np.linalg.lstsq(x[past], y[past])
    assert np.mean((x[test] @ weights - y[test]) ** 2) / 1535 == pytest.approx(0.126, abs=0.002)


def test_sunspots_can_be_scaled_as_one_feature():
    years, activity = load_sunspots()
    scaled = StandardScaler().fit(activity[years <= 1920, None]).transform(activity[:, None])
    assert scaled[years <= 1920].std() == pytest.approx(1)


# Both ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "load", "said"),
    [
        (
            "japanese_vowels",
            load_japanese_vowels,
            [
                "Kudo",
                "Toyama",
                "Shimbo",
                "10.24432/C5NS47",
                "CC BY 4.0",
                "creativecommons.org/licenses/by/4.0",
            ],
        ),
        ("sunspots", load_sunspots, ["public domain", "National Geophysical Data Center", "2015"]),
    ],
)
def test_sources_are_named(name, load, said):
    text = (files("nnfw.datasets") / f"{name}.md").read_text(encoding="utf-8")
    for words in said:
        assert words in " ".join(text.split())
    assert f"{name}.md" in load.__doc__
    assert said[0] in load.__doc__


@pytest.mark.subprocess
@pytest.mark.slow
def test_both_load_where_nothing_is_installed_that_they_came_from():
    code = (
        "import sys, nnfw.datasets as d; d.load_japanese_vowels(); d.load_sunspots();"
        "assert not {'aeon', 'statsmodels', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
