"""The digits against scikit-learn's copy, and the claims of the synthetic tasks against numbers."""

import hashlib
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from alike import for_each

from nnfw import datasets
from nnfw.datasets import adding_problem, delayed_echo, load_digits, parity, sine_mixture

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "digits.json").read_text())
TASKS = [
    lambda seed: adding_problem(20, 9, seed=seed),
    lambda seed: parity(20, 9, seed=seed),
    lambda seed: delayed_echo(20, 9, 2, seed=seed),
    lambda seed: sine_mixture(20, 9, seed=seed),
]


def test_every_task_is_among_them():
    tasks = {name for name in datasets.__all__ if not name.startswith("load_")}
    assert tasks == {name for task in TASKS for name in task.__code__.co_names}


def mean_squared_error(y, a):
    return np.mean(np.square(np.asarray(y, dtype=np.float64) - a))


# Digits -------------------------------------------------------------------------------------------------


def test_stored_digits_are_those_of_scikit_learn():
    with np.load(files("nnfw.datasets") / "digits.npz", allow_pickle=False) as stored:
        images, labels = stored["images"], stored["labels"]
    assert images.dtype == labels.dtype == np.uint8
    assert hashlib.sha256(images.tobytes()).hexdigest() == RECORDED["images_sha256"]
    assert hashlib.sha256(labels.tobytes()).hexdigest() == RECORDED["labels_sha256"]


def test_digits_form():
    (x, y), (x_test, y_test) = load_digits()
    assert (x.shape, y.shape) == ((1438, 8, 8), (1438,))
    assert (x_test.shape, y_test.shape) == ((359, 8, 8), (359,))
    assert x.dtype == x_test.dtype == np.float32
    assert y.dtype == y_test.dtype == np.int64
    assert (x.min(), x.max()) == (0, 1)


@pytest.mark.parametrize(("fraction", "seed"), [(0.2, 0), (0.35, 3)])
def test_digits_are_split_without_loss(fraction, seed):
    with np.load(files("nnfw.datasets") / "digits.npz") as stored:
        original = zip(stored["images"].reshape(-1, 64).tolist(), stored["labels"].tolist(), strict=True)
        original = sorted(original)
    (x, y), (x_test, y_test) = load_digits(fraction, seed)
    pixels = (np.concatenate([x, x_test]) * 16).astype(int).reshape(-1, 64)
    labels = np.concatenate([y, y_test])
    assert sorted(zip(pixels.tolist(), labels.tolist(), strict=True)) == original
    assert pixels.sum() == RECORDED["pixel_sum"]
    assert np.bincount(labels).tolist() == RECORDED["class_counts"]
    share = np.array(RECORDED["class_counts"]) * len(y_test) / 1797
    assert np.abs(np.bincount(y_test) - share).max() < 1


def test_digits_depend_on_the_seed_alone():
    (x, y), (x_test, _) = load_digits()
    (again, y_again), _ = load_digits()
    _, (other_test, _) = load_digits(seed=1)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(x_test, other_test)


@pytest.mark.slow
def test_digits_can_be_told_apart_by_their_nearest_neighbour():
    (x, y), (x_test, y_test) = load_digits()
    distances = np.square(x_test.reshape(-1, 1, 64) - x.reshape(1, -1, 64)).sum(axis=-1)
    assert np.mean(y[distances.argmin(axis=1)] == y_test) > 0.96


@pytest.mark.subprocess
@pytest.mark.slow
def test_digits_load_in_a_process_that_never_saw_scikit_learn():
    code = (
        "import sys, nnfw.datasets as d; d.load_digits();"
        "assert not {'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_digits_name_their_source():
    text = (files("nnfw.datasets") / "digits.md").read_text(encoding="utf-8")
    for words in (
        "Alpaydin",
        "Kaynak",
        "10.24432/C50P49",
        "CC BY 4.0",
        "creativecommons.org/licenses/by/4.0",
    ):
        assert words in text
    assert "10.24432/C50P49" in load_digits.__doc__


def test_digits_refuse():
    with pytest.raises(ValueError, match="fraction"):
        load_digits(test_fraction=0)
    with pytest.raises(TypeError, match="nnfw calls it seed"):
        load_digits(random_state=0)


# Synthetic tasks ----------------------------------------------------------------------------------------


@for_each("make", TASKS)
def test_tasks_depend_on_the_seed_alone_and_leave_the_global_state(make):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    (x, y), (x_again, y_again), (x_other, _) = make(0), make(0), make(1)
    np.testing.assert_array_equal(x, x_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(x, x_other)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@for_each("steps", [2, 3, 10, 11])
def test_adding_problem_form(steps):
    x, y = adding_problem(500, steps)
    assert (x.shape, y.shape, y.dtype) == ((500, steps, 2), (500, 1), np.float32)
    values, marks = x[..., 0], x[..., 1]
    assert ((values >= 0) & (values < 1)).all()
    assert np.isin(marks, [0, 1]).all()
    half = steps // 2
    assert (marks[:, :half].sum(axis=1) == 1).all()
    assert (marks[:, half:].sum(axis=1) == 1).all()
    assert (marks.sum(axis=0) > 0).all()


@pytest.mark.slow
def test_adding_problem_claims():
    x, y = adding_problem(20000, 12)
    perfect = [[sum(value for value, mark in sample if mark)] for sample in x.astype(float)]
    assert mean_squared_error(y, perfect) < 1e-14
    assert mean_squared_error(y, 1) == pytest.approx(1 / 6, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert y.var() == pytest.approx(1 / 6, abs=0.005)


def test_parity_form():
    x, last = parity(300, 7)
    _, each = parity(300, 7, return_sequences=True)
    assert (x.shape, last.shape, each.shape) == ((300, 7, 1), (300,), (300, 7))
    assert last.dtype == each.dtype == np.int64
    np.testing.assert_array_equal(last, each[:, -1])
    assert set(np.unique(x)) == {0, 1}


@pytest.mark.slow
def test_parity_claims():
    x, y = parity(20000, 9, return_sequences=True)
    counted = [[sum(bits[: t + 1]) % 2 for t in range(9)] for bits in x[..., 0].astype(int).tolist()]
    np.testing.assert_array_equal(y, counted)
    for t in range(9):
        assert y[:, t].mean() == pytest.approx(0.5, abs=0.02)
    final = y[:, -1]
    share = final.mean()
    cross_entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert cross_entropy == pytest.approx(np.log(2), abs=1e-3)
    for _transient in range(9):
        others = np.delete(x[..., 0], _transient, axis=1).sum(axis=1) % 2
        assert np.mean(others == final) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("steps", "delay", "symbols"), [(10, 3, 4), (6, 5, 2), (8, 1, 7)])
@pytest.mark.slow
def test_delayed_echo_claims(steps, delay, symbols):
    x, y = delayed_echo(5000, steps, delay, symbols)
    assert (x.shape, y.shape, y.dtype) == ((5000, steps, symbols), (5000, steps), np.int64)
    assert (x.sum(axis=-1) == 1).all()
    heard = x.argmax(axis=-1)
    echo = [[0 if t < delay else heard[i, t - delay] for t in range(steps)] for i in range(5000)]
    np.testing.assert_array_equal(y, echo)
    accuracies = [np.mean(y == symbol) for symbol in range(symbols)]
    assert np.argmax(accuracies) == 0
    assert accuracies[0] == pytest.approx((delay + (steps - delay) / symbols) / steps, abs=0.01)
    np.testing.assert_allclose(np.bincount(heard.ravel()) / heard.size, 1 / symbols, atol=0.015)


def test_sine_mixture_form():
    x, y = sine_mixture(30, 25)
    assert (x.shape, y.shape, y.dtype) == ((30, 25, 1), (30, 1), np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_sine_mixture_claims(noise):
    _, clean = sine_mixture(20000, 5, noise=0)
    x, y = sine_mixture(20000, 5, noise=noise)
    assert mean_squared_error(y, clean) == pytest.approx(noise**2, abs=0.003)
    assert mean_squared_error(y, 0) == pytest.approx(1 + noise**2, abs=0.03)
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert np.square(x).mean() == pytest.approx(1 + noise**2, abs=0.03)


def test_sine_mixture_can_be_continued_from_its_past():
    """Two sines obey s[t] = p (s[t-1] + s[t-3]) - q s[t-2] - s[t-4]; p and q follow from the past."""
    x, y = sine_mixture(50, 60, noise=0)
    for s, following in zip(x[..., 0].astype(float), y[:, 0], strict=True):
        factors = np.stack([s[3:-1] + s[1:-3], -s[2:-2]], axis=1)
        (p, q), *_ = np.linalg.lstsq(factors, s[4:] + s[:-4])
        assert p * (s[-1] + s[-3]) - q * s[-2] - s[-4] == pytest.approx(following, abs=2e-5)
        cosines = np.roots([1, -p / 2, (q - 2) / 4])  # p = 2 (cos u + cos v), q = 2 + 4 cos u cos v
        periods = 2 * np.pi / np.arccos(np.clip(cosines.real, -1, 1))
        assert ((periods > 7.5) & (periods < 34)).all()


def test_sine_mixture_periods():
    x, _ = sine_mixture(40, 64, noise=0, shortest_period=16, longest_period=16)
    spectrum = np.abs(np.fft.rfft(x[..., 0], axis=1))
    assert (spectrum.argmax(axis=1) == 4).all()
    assert (np.delete(spectrum, 4, axis=1) < 1e-4).all()


@for_each(
    ("make", "error", "words"),
    [
        (lambda: adding_problem(0, 5), ValueError, "adding_problem: n "),
        (lambda: adding_problem(5, 1), ValueError, "steps must be at least 2"),
        (lambda: adding_problem(5, 2.5), TypeError, "adding_problem: steps"),
        (lambda: parity(5, 0), ValueError, "parity: steps"),
        (lambda: parity(5, 5, return_sequences=1), TypeError, "return_sequences"),
        (lambda: delayed_echo(5, 5, 5), ValueError, "delayed_echo: steps must be at least 6, got 5"),
        (lambda: delayed_echo(5, 5, 0), ValueError, "delay"),
        (lambda: delayed_echo(5, 5, 1, symbols=1), ValueError, "symbols"),
        (lambda: sine_mixture(5, 5, noise=-0.1), ValueError, "noise"),
        (lambda: sine_mixture(5, 5, shortest_period=2), ValueError, "above 2 steps"),
        (lambda: sine_mixture(5, 5, longest_period=4.0), ValueError, "shortest first"),
        (lambda: sine_mixture(5, 5, longest_period="9"), TypeError, "longest_period"),
    ],
)
def test_tasks_refuse(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert len(str(caught.value)) < 500
