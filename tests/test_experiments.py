"""A learning-rate test on a copy, and repetitions with other seeds."""

import copy
import math

import numpy as np
import pytest
from alike import for_each

import nnfw
from nnfw import (
    GRU,
    SGD,
    Adam,
    Dense,
    Dropout,
    EarlyStopping,
    Network,
    compare,
    find_rate,
    repeat,
    schedules,
)
from nnfw.datasets import load_digits

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
Y = X[:, 0] * X[:, 1] + X[:, 2]


def build(seed=0, optimizer=None):
    return Network([Dense(8, "tanh"), Dropout(0.1), Dense(1)], seed=seed, optimizer=optimizer)


def test_the_losses_are_those_of_training_with_growing_rates():
    """An independent run: a step a batch, by `fit`, with a schedule of the same rates."""
    net = Network([Dense(8, "tanh", regularizer="l2"), Dense(1)], seed=0, optimizer=SGD(0.5))
    found = find_rate(net, X, Y, low=1e-3, high=1e-1, steps=12, batch_size=30)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 1e-1, 12))
    other = copy.deepcopy(net)
    other.optimizer = SGD(lambda epoch: found.rates[round(4 * epoch)])
    losses = []
    note = nnfw.LambdaCallback(on_batch_end=lambda run: losses.append(run.batch_loss))
    other.fit(X, Y, epochs=3, batch_size=30, callbacks=[note], verbose=0)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)


@pytest.mark.slow
def test_means_and_suggestion():
    found = find_rate(build(), X, Y)
    mean = total = 0.0
    for n, loss in enumerate(found.losses):
        mean, total = 0.8 * mean + loss, 0.8 * total + 1
        assert found.means[n] == pytest.approx(mean / total)
    assert found.rate == pytest.approx(found.rates[found.means.argmin()] / 10)
    assert f"try {found.rate:.1e}" in repr(found)
    assert find_rate(build(), X, Y, low=found.rate * 2).rate == found.rate * 2  # no rate is suggested untried
    axes = found.plot().axes[0]
    dots, means, line = axes.lines
    np.testing.assert_array_equal(dots.get_ydata(), found.losses)
    np.testing.assert_array_equal(means.get_ydata(), found.means)
    assert line.get_xdata()[0] == found.rate
    assert axes.get_xscale() == "log"


@pytest.mark.slow
def test_it_ends_where_the_loss_explodes():
    found = find_rate(build(optimizer=SGD()), 10 * X, 10 * Y, high=1e4)
    assert len(found.rates) == len(found.losses) < 100
    assert found.rate < found.rates[-1] / 10
    found.plot()


@pytest.mark.slow
def test_no_rate_helps_where_there_is_nothing_to_learn():
    net = Network([Dense(1, trainable=False)], seed=0)
    found = find_rate(net, X, Y)
    assert math.isnan(found.rate)
    assert "falls at no rate, 1.0e-06 to 1.0e+00; network.check(x, y)" in repr(found)
    assert len(found.plot().axes[0].lines) == 2


@pytest.mark.parametrize("optimizer", [None, Adam(0.5), SGD(schedules.Cosine(0.1, 9))], ids=repr)
@pytest.mark.slow
def test_the_network_does_not_change(optimizer):
    net, same = build(optimizer=optimizer), build(optimizer=copy.deepcopy(optimizer))
    find_rate(net, X, Y, steps=20)
    assert (net.shapes, net.size, repr(net)) == ([], 0, repr(same))
    for one in (net, same):
        one.fit(X, Y, epochs=2, verbose=0)
    find_rate(net, X, Y, steps=20)
    for one in (net, same):
        one.fit(X, Y, epochs=2, verbose=0)
    assert net.flat_params.tobytes() == same.flat_params.tobytes()
    assert repr(net) == repr(same)


@pytest.mark.slow
@pytest.mark.parametrize("make", [Adam, lambda rate: SGD(rate, momentum=0.9)], ids=["adam", "sgd"])
def test_the_suggestion_is_good(make):
    """Within 1.5 times the lowest loss of nine rates over six decades, after five epochs."""
    (x, y), _ = load_digits()
    x = x.reshape(len(x), -1)[:600]

    def net(rate):
        return Network([Dense(32, "relu"), Dense(10, "softmax")], loss="cce", optimizer=make(rate), seed=0)

    def loss(rate):
        return net(rate).fit(x, y[:600], epochs=5, verbose=0)["loss"][-1]

    suggested = find_rate(net(1e-3), x, y[:600]).rate
    assert loss(suggested) < 1.5 * min(loss(rate) for rate in np.geomspace(1e-5, 0.3, 9)) + 0.05


def test_sequences_have_lengths():
    sequences = [rng.normal(size=(n, 2)) for n in (3, 5, 2, 7)]
    net = Network([GRU(4), Dense(1)], seed=0)
    whole = find_rate(net, sequences, np.ones(4), steps=5)
    padded = np.full((4, 7, 2), 9.0)
    for row, one in zip(padded, sequences, strict=True):
        row[: len(one)] = one
    given = find_rate(net, padded, np.ones(4), lengths=[3, 5, 2, 7], steps=5)
    np.testing.assert_allclose(whole.losses, given.losses, rtol=1e-6)


# --- repeat ------------------------------------------------------------------------------------------------


def test_repetitions_are_single_fits():
    runs = repeat(build, X, Y, seeds=(3, 1), epochs=4, validation_split=0.25)
    assert list(runs.networks) == [3, 1]
    for seed, network in runs.networks.items():
        alone = build(seed)
        alone.fit(X, Y, epochs=4, validation_split=0.25, verbose=0)
        assert network.history == alone.history
        assert network.flat_params.tobytes() == alone.flat_params.tobytes()
    last = [history["val_loss"][-1] for history in runs.histories]
    np.testing.assert_array_equal(runs.values("val_loss"), last)
    row = next(line for line in repr(runs).splitlines() if line.startswith("val_loss")).split()
    assert row[1:] == [f"{n:.4g}" for n in (np.mean(last), np.std(last, ddof=1), min(last), max(last))]
    assert repr(runs).splitlines()[-1] == "2 networks, seeds 3, 1"
    assert f"<td>{np.mean(last):.4g}</td>" in runs._repr_html_()
    alone = repr(type(runs)({3: runs.networks[3]})).splitlines()
    assert [line.split()[2] for line in alone if line.startswith("val_loss")] == ["nan"]  # the deviation
    assert "learning_rate" not in repr(runs)
    runs.networks[3].history["loss"][-1] = 0.1  # of which three have a mean that is no 0.1
    same = repr(type(runs)(dict.fromkeys(range(3), runs.networks[3]))).splitlines()
    assert [line.split()[2] for line in same if line.startswith("loss")] == ["0"]


@pytest.mark.slow
def test_repetitions_count_the_restored_epoch():
    stopping = [EarlyStopping(patience=1)]
    runs = repeat(
        build, X, rng.normal(size=120), epochs=30, validation_split=0.5, callbacks=stopping, seeds=range(3)
    )
    for value, history in zip(runs.values("val_loss"), runs.histories, strict=True):
        assert value == min(history["val_loss"])
    runs.plot()


@pytest.mark.slow
def test_repetitions_can_be_compared():
    runs = {
        f"{units} units": repeat(
            lambda seed, units=units: Network([Dense(units), Dense(1)], seed=seed), X, Y, epochs=3
        )
        for units in (1, 4)
    }
    lines = compare(runs).axes[0].lines
    for line, several in zip(lines, runs.values(), strict=True):
        mean = np.mean([history["loss"] for history in several.histories], axis=0)
        np.testing.assert_allclose(line.get_ydata(), mean)


@for_each(
    ("call", "said"),
    [
        (lambda: find_rate(3, X, Y), "find_rate: network must be a Network, got 3"),
        (lambda: find_rate(build(), X, Y, low=0), "find_rate: low must be"),
        (
            lambda: find_rate(build(), X, Y, low=1.0, high=0.1),
            "high must be above low, got low 1 and high 0.1",
        ),
        (lambda: find_rate(build(), X, Y, steps=0), "find_rate: steps must be at least 1"),
        (lambda: find_rate(build(), X, Y, epochs=3), "find_rate has no argument 'epochs'"),
        (lambda: find_rate(build(), X, Y[:3]), "x has 120 samples, but y"),
        (lambda: repeat(build(), X, Y), "repeat: build must be a function"),
        (lambda: repeat(lambda seed: 3, X, Y), r"repeat: build\(0\) must be a Network, got 3"),
        (
            lambda: repeat(lambda seed: build(7), X, Y),
            r"build\(0\) must return a new network with this seed.*seed 7",
        ),
        (lambda: repeat(build, X, Y, seeds=3), "repeat: seeds must be a list"),
        (lambda: repeat(build, X, Y, seeds=[]), "repeat: seeds are empty; pass at least one"),
        (lambda: repeat(build, X, Y, epoch=3), "fit has no argument 'epoch'"),
    ],
)
def test_errors_teach(call, said):
    with pytest.raises((ValueError, TypeError), match=said):
        call()
