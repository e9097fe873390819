"""The report before a long fit: its numbers, its warnings, and the network that it leaves alone."""

import math

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    GRUD,
    RNN,
    SGD,
    Activate,
    Adam,
    BatchNorm,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Loss,
    MaxPooling,
    MaxPooling1D,
    Network,
    Optimizer,
    RepeatVector,
    ShapeError,
)
from nnfw.data import Gaps
from nnfw.datasets import load_digits
from nnfw.losses import BinaryCrossentropy, CategoricalCrossentropy
from nnfw.regularizers import Regularizer
from nnfw.sanity import Report

RNG = np.random.default_rng(2)
N, T, D, K = 60, 7, 3, 4
X = RNG.normal(size=(N, D))
SEQUENCES = RNG.normal(size=(N, T, D))
CLASSES = np.arange(N) % K
NUMBERS = X @ RNG.normal(size=(D, 1))


def classifier(*, rate=0.05, **options):
    layers = [Dense(24, "tanh"), Dropout(0.1), Dense(K, "softmax")]
    return Network(layers, loss="cce", optimizer=Adam(rate), metrics=["accuracy"], seed=1, **options)


def regressor(*layers, **options):
    return Network(
        [*(layers or [Dense(16, "tanh")]), Dense(1)], **({"optimizer": Adam(0.05), "seed": 1} | options)
    )


class Rebinds(Optimizer):
    def apply(self, params, grads, state, rate):
        params = params - rate * grads


def everything(network):
    leaves = [(leaf.flat_params.tobytes(), list(leaf._specs), leaf._place) for leaf in network._leaves()]
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    return leaves, streams, dict(network.history), list(network.history.epoch), network._built, network.shapes


def with_gaps(times):
    rng = np.random.default_rng(5)
    x = np.where(rng.random(SEQUENCES.shape) < 0.5, np.nan, SEQUENCES)
    return Gaps().fit_transform(x, times=times * rng.random((N, T)).cumsum(axis=1))


# The network, the data, and what the report warns of.
# fmt: off
WRONG = [
    (classifier, X * [1, 300, 1], CLASSES, ["1 of 3 features are not scaled: feature 1", "StandardScaler"]),
    (classifier, X + np.array([0, 0, 50]), CLASSES, ["feature 2 has mean 5", "StandardScaler"]),
    (classifier, X / 1e4, CLASSES, ["3 of 3 features are not scaled", "StandardScaler"]),
    (classifier, X, np.where(CLASSES == 2, 1, CLASSES), ["class 2 has no sample", "fewer outputs"]),
    (classifier, X, np.where(np.arange(N) < 3, np.arange(N), 3),
     ["unbalanced", "95%", "class_weight='balanced'", "nnfw.metrics.Recall('macro')"]),
    (regressor, X, NUMBERS * 1e3, ["y has mean", "StandardScaler"]),
    (regressor, X, NUMBERS + 1e3,
     ["y has mean 1e+03", "the baseline loss 2.8: the outputs are far from y; scale x and y"]),
    (lambda: Network([Dense(K, "softmax")], loss="cce", seed=1), X * 300, CLASSES,
     ["above the baseline loss 1.39: the outputs are far from y; scale x, or start from smaller weights"]),
    (lambda: Network([Dense(1)], seed=1), X, NUMBERS / 1e3,
     ["the baseline loss 2.8e-06: the outputs are far"]),
    (lambda: Network([Dense(1)], loss="hinge", seed=1), X * 300, np.where(CLASSES > 1, 1, -1),
     ["the outputs are far from y; scale x, or"]),
    (regressor, X, NUMBERS * 0 + 2.5, ["y is 2.5 everywhere", "nothing to learn"]),
    (lambda: Network([Dense(1, "tanh")], seed=0), X, NUMBERS,
     ["outputs of tanh range from -1 to 1", "linear"]),
    (lambda: Network([Dense(1, "relu")], seed=0), X, NUMBERS, ["outputs of relu range from 0 to", "MinMax"]),
    (lambda: regressor(Dense(9, "relu", bias_initializer=np.full(9, -1e3))), X, NUMBERS,
     ["dense_1 gets almost no gradient", "dead relu"]),
    (lambda: Network([Dense(K, "softmax"), Dropout(0.5)], loss="cce", seed=0), X, CLASSES,
     ["layer 2, Dropout() is the last layer", "before the last layer that has weights"]),
    (regressor, X * 0, NUMBERS, ["% of the loss of 32 samples is left", "whether y depends on x at all"]),
    (lambda: regressor(RNN(9, "relu", recurrent_initializer="ones")), np.ones((N, 99, D)), NUMBERS,
     ["the loss is", "of layer 1, RNN(9) holds inf at time step", "training would stop"]),
    (lambda: regressor(RNN(9, "linear", recurrent_initializer="ones")), np.ones((N, 7, D)), NUMBERS,
     ["a gradient has norm", "clip_global_norm=1.0"]),
    (lambda: classifier(rate=1e-9), X, CLASSES,
     ["of the loss of 32 samples is left", "another rate (now 1e-09)"]),
    (lambda: classifier(rate=1e30), X, CLASSES,
     ["of the loss of 32 samples is left", "another rate (now 1e+30)"]),
    (lambda: Network([Dense(1)], optimizer=Rebinds(), seed=0), X, NUMBERS,
     ["no weight has changed", "params -= ..."]),
    (lambda: regressor(Conv1D(4, 3), MaxPooling1D(2), GRU(4)), [*SEQUENCES[1:], SEQUENCES[0, :3]], NUMBERS,
     ["1 of 60 sequences are shorter than the windows", "padding='same'"]),
    (lambda: regressor(GRUD(9)), with_gaps(times=100.0), NUMBERS,
     ["3 of 9 features are not scaled: feature 6", "nnfw.data.Gaps scales values; pass times="]),
    (lambda: regressor(Bidirectional(GRUD(9))), with_gaps(times=100.0), NUMBERS,
     ["3 of 9 features are not scaled", "times= in a unit in which most gaps are near 1"]),
]
# fmt: on


class TestNetwork:
    @pytest.mark.parametrize("trained", [False, True])
    @pytest.mark.slow
    def test_is_left_as_it_was(self, trained):
        looked_at, fresh = classifier(), classifier()
        if trained:
            for network in (looked_at, fresh):
                network.fit(X, CLASSES, verbose=0)
        before, drawn = everything(looked_at), np.random.get_state()[1].tolist()  # noqa: NPY002
        looked_at.check(X, CLASSES, steps=20)
        assert everything(looked_at) == before
        assert np.random.get_state()[1].tolist() == drawn  # noqa: NPY002
        for network in (looked_at, fresh):
            network.fit(X, CLASSES, epochs=2, verbose=0)
        assert everything(looked_at) == everything(fresh)

    def test_report_is_printed_and_returned(self, capsys):
        report = classifier().check(X, CLASSES, steps=5)
        captured = capsys.readouterr()
        assert captured.out == f"{report}\n"
        assert captured.err == ""
        assert isinstance(report, Report)

    def test_the_same_seed_says_the_same(self):
        one, two, other = (classifier().check(X, CLASSES, steps=9, seed=seed) for seed in (0, 0, 1))
        assert str(one) == str(two) != str(other)

    @pytest.mark.parametrize(
        ("x", "y", "options", "error", "said"),
        [
            (X[..., None, None], CLASSES, {}, ShapeError, "layer 1, Dense"),
            (X, CLASSES + 1, {}, ValueError, "LabelEncoder"),
            (X * np.nan, CLASSES, {}, ValueError, r"x\[0, 0\] is nan"),
            (X, CLASSES, {"steps": 0}, ValueError, "check: steps must be at least 1"),
            (X, CLASSES, {"seed": -1}, ValueError, "check: seed must be at least 0"),
            (X, CLASSES, {"step": 3}, TypeError, "Did you mean 'steps'"),
        ],
    )
    def test_mistakes_are_refused_as_by_fit(self, x, y, options, error, said, capsys):
        network = classifier()
        before = everything(network)[0][0]
        with pytest.raises(error, match=said):
            network.check(x, y, **options)
        assert everything(network)[0][0] == before
        assert capsys.readouterr().out == ""


class TestNumbers:
    def test_of_a_linear_layer_are_those_of_the_formula(self):
        x, y = X[:20], NUMBERS[:20]
        network = untrained(Network([Dense(1)], optimizer=SGD(0.1), dtype="float64", seed=3), D)
        W = network.params["dense_1.W"].copy()
        report = network.check(x, y, steps=1)
        error = x @ W - y
        dW, db = 2 / 20 * x.T @ error, 2 / 20 * error.sum(axis=0)
        assert report.loss == pytest.approx(np.mean(error**2), rel=1e-12)
        assert report.chance == pytest.approx(np.var(y), rel=1e-12)
        assert report.gradients == {"dense_1": pytest.approx(math.hypot(np.linalg.norm(dW), db.item()))}
        moved = x @ (W - 0.1 * dW) - 0.1 * db - y
        assert report.left == pytest.approx(np.mean(moved**2) / np.mean(error**2), rel=1e-9)
        assert report.steps == 1
        for name, expected in (("mean", x.mean(0)), ("std", x.std(0)), ("low", x.min(0)), ("high", x.max(0))):
            np.testing.assert_allclose(report.scale[name], expected, rtol=1e-12)

    def test_classes_and_chance(self):
        labels = np.repeat([0, 1, 2, 3], [10, 20, 15, 15])
        report = classifier().check(X, labels, steps=1)
        assert report.classes == {0: 10, 1: 20, 2: 15, 3: 15}
        assert report.chance == pytest.approx(math.log(4))
        one_hot = classifier().check(X, np.eye(K)[labels], steps=1)
        assert (one_hot.classes, one_hot.loss) == (report.classes, report.loss)
        pair = Network([Dense(1, "sigmoid")], loss="bce", seed=0).check(X, labels > 1, steps=1)
        assert pair.classes == {0: 30, 1: 30}
        assert pair.chance == pytest.approx(math.log(2))

    def test_padding_does_not_count(self):
        lengths = RNG.integers(1, T + 1, N)
        targets = RNG.integers(0, 2, (N, T))
        valid = np.arange(T) < lengths[:, None]
        x, y = np.where(valid[..., None], SEQUENCES, 1e9), np.where(valid, targets, 77)
        network = Network([RNN(4, return_sequences=True), Dense(1, "sigmoid")], loss="bce", seed=0)
        report = network.check(x, y, lengths=lengths, steps=1)
        assert report.classes == dict(enumerate(np.bincount(targets[valid]).tolist()))
        np.testing.assert_allclose(report.scale["mean"], SEQUENCES[valid].mean(axis=0), rtol=1e-6, atol=1e-7)
        listed = network.check(
            [one[:n] for one, n in zip(SEQUENCES, lengths, strict=True)],
            [one[:n] for one, n in zip(targets, lengths, strict=True)],
            steps=1,
        )
        assert listed.classes == report.classes
        assert listed.loss == pytest.approx(report.loss, rel=1e-6)

    def test_windows_over_other_steps_than_those_of_the_sequences(self):
        decoder = regressor(GRU(9), RepeatVector(5), Conv1D(4, 3), MaxPooling())
        report = decoder.check([*SEQUENCES[1:], SEQUENCES[0, :2]], NUMBERS, steps=5)
        assert not any("shorter than the windows" in warning for warning in report.warnings)

    def test_indices_have_no_scale(self):
        network = Network(
            [Embedding(9, 4), GRU(8), Dense(K, "softmax")], loss="cce", optimizer=Adam(0.05), seed=0
        )
        report = network.check(RNG.integers(0, 9, (N, T)), CLASSES)
        assert report.scale == {}
        assert report.left < 0.1

    def test_gaps_in_a_fitting_unit_are_scaled(self):
        report = regressor(GRUD(9)).check(with_gaps(times=1.0), NUMBERS, steps=1)
        assert not [one for one in report.warnings if "not scaled" in one]

    @pytest.mark.parametrize(
        ("activation", "y"),
        [("relu", np.maximum(NUMBERS, 0)), ("tanh", np.sign(NUMBERS)), ("leaky_relu", 500 * NUMBERS)],
    )
    def test_targets_up_to_the_edge_of_the_outputs_fit(self, activation, y):
        report = Network([Dense(1, activation)], seed=0).check(X, y, steps=1)
        assert not [one for one in report.warnings if "range from" in one]

    def test_only_some_of_many_samples_are_looked_at(self, tmp_path):
        x = RNG.normal(size=(5000, D)).astype("float32")
        x.tofile(tmp_path / "x")
        mapped = np.memmap(tmp_path / "x", "float32", "r", shape=x.shape)
        report = classifier().check(mapped, np.arange(5000) % K, steps=1)
        assert sum(report.classes.values()) == 1000


class Shifted(Loss):
    """A squared error that cannot fall below 5."""

    def value(self, y, a):
        return ((a - y) ** 2).mean(axis=-1) + 5

    def slope(self, y, a):
        return 2 * (a - y) / a.shape[-1]


class Unbounded(Loss):
    """A cross-entropy that looks at no edge: perfect outputs make it 0 times infinity."""

    takes_classes = True

    def targets(self, y, a):
        return np.eye(a.shape[-1])[y].astype(a.dtype)

    def value(self, y, a):
        return -(y * np.log(a)).sum(axis=-1)

    def slope(self, y, a):
        return -y / a


def entropy(*p):
    return -sum(q * math.log(q) for q in p)


class TestLowest:
    """What perfect outputs reach is no number that the looks know of: it is the loss's own."""

    @pytest.mark.parametrize("amount", [0.1, 0.4, 0.7])
    @pytest.mark.slow
    def test_of_smoothed_classes(self, amount):
        layers = [Dense(24, "tanh"), Dense(K, "softmax")]
        network = Network(layers, loss=CategoricalCrossentropy(amount), optimizer=Adam(0.05), seed=1)
        report = network.check(X, CLASSES)
        share = amount / K
        assert report.lowest == pytest.approx(entropy(1 - amount + share, *[share] * (K - 1)), rel=1e-6)
        assert report.chance == pytest.approx(math.log(K), rel=1e-6)
        assert report.warnings == []
        assert report.left < 0.1
        assert f"the baseline loss is 1.39, outputs equal to y give {report.lowest:.3g}" in str(report)

    def test_of_smoothed_labels(self):
        layers = [Dense(24, "tanh"), Dense(3, "sigmoid")]
        network = Network(layers, loss=BinaryCrossentropy(0.3), optimizer=Adam(0.05), seed=1)
        report = network.check(X, np.stack([CLASSES > 1, CLASSES % 2, CLASSES > 9], axis=1))
        assert report.lowest == pytest.approx(entropy(0.85, 0.15), rel=1e-6)
        assert report.chance == pytest.approx(math.log(2), rel=1e-6)
        assert report.warnings == []

    def test_is_not_mistaken_for_what_is_learnt(self):
        """Next to nothing is learnt, while the loss above 0 would fall to less than its tenth."""
        network = classifier(rate=1e-9)
        network.loss = CategoricalCrossentropy(0.7)
        report = network.check(X, CLASSES, steps=20)
        assert report.left == pytest.approx(1.0, abs=1e-5)
        assert any("of the loss of 32 samples is left" in warning for warning in report.warnings)

    def test_of_a_loss_below_zero(self):
        """Poisson's loss falls below 0, and a share of it would mean nothing."""
        rates = np.exp(0.5 * X[:, :1] + 2)
        network = Network(
            [Dense(16, "tanh"), Dense(1, "softplus")], loss="poisson", optimizer=Adam(0.1), seed=1
        )
        report = network.check(X, rates)
        assert report.lowest == pytest.approx(np.mean(rates - rates * np.log(rates)), rel=1e-5)
        mean = rates.mean()
        assert report.chance == pytest.approx(np.mean(mean - rates * np.log(mean)), rel=1e-5)
        assert report.lowest < report.chance < 0 < report.left < 0.1
        assert not any("is left after" in warning for warning in report.warnings)
        assert any(f"far above the baseline loss {report.chance:.3g}" in w for w in report.warnings)

    def test_of_a_loss_of_ones_own(self):
        report = regressor(loss=Shifted()).check(X, NUMBERS)
        assert report.lowest == pytest.approx(5.0)
        assert report.chance == pytest.approx(5 + np.var(NUMBERS), rel=1e-6)
        assert report.ok
        assert report.left < 0.1

    def test_of_outputs_with_a_deviation(self):
        """A deviation below 1 has a lower loss, of which no negative share is left."""
        layers = [Dense(24, "tanh"), Dense(2)]
        report = Network(layers, loss="gaussian_nll", optimizer=Adam(0.05), seed=1).check(X, X[:, :1])
        assert report.lowest == pytest.approx(0.5 * math.log(2 * math.pi), rel=1e-5)
        assert report.left == 0
        assert report.ok

    def test_of_a_loss_that_is_not_finite_there(self):
        layers = [Dense(24, "tanh"), Dense(K, "softmax")]
        report = Network(layers, loss=Unbounded(), optimizer=Adam(0.05), seed=1).check(X, CLASSES)
        assert report.lowest == 0.0
        assert report.chance == pytest.approx(math.log(K), rel=1e-6)
        assert report.ok

    def test_is_without_penalties(self):
        class Toll(Regularizer):
            def penalty(self, p):
                return 50.0

        free, tolled = (regressor(Dense(16, "tanh", regularizer=one)) for one in (None, Toll()))
        expected, report = free.check(X, NUMBERS), tolled.check(X, NUMBERS)
        assert report.loss == pytest.approx(expected.loss + 50, rel=1e-6)
        assert (report.chance, report.left, report.steps) == (expected.chance, expected.left, expected.steps)
        assert report.ok

    def test_of_padded_sequences(self):
        lengths = RNG.integers(1, T + 1, N)
        lengths[0] = T
        y = np.array([3.0, -1.0]) + RNG.normal(size=(N, T, 2))
        layers = [RNN(4, return_sequences=True), Dense(2)]
        report = Network(layers, seed=0).check(SEQUENCES, y, lengths=lengths, steps=1)
        valid = y[np.arange(T) < lengths[:, None]]
        assert report.chance == pytest.approx(valid.var(axis=0).mean(), rel=1e-5)
        assert report.lowest == pytest.approx(0.0, abs=1e-9)


class TestVerdict:
    @pytest.mark.slow
    def test_digits_are_well(self):
        (x, y), _ = load_digits()
        network = Network([GRU(32), Dense(10, "softmax")], loss="cce", optimizer=Adam(0.01), seed=0)
        report = network.check(x, y)
        assert report.ok
        assert report.warnings == []
        assert report.left < 0.1
        assert report.steps < 500
        for part in (
            "GRU(32)",
            "(N, 10)",
            "classes    10, with 90 to 107 each of 1000 targets",
            "the baseline loss is 2.3",
        ):
            assert part in str(report)
        assert str(report).endswith("no warnings")

    @pytest.mark.slow
    def test_a_batch_is_learnt_by_the_running_statistics_too(self):
        x = np.random.default_rng(0).normal(size=(64, 6))
        y = (x[:, 0] > x[:, 1]).astype(int)
        for optimizer in (Adam(1e-2), Adam(1e-1), SGD(0.5)):
            hidden = [Dense(16), BatchNorm(), Activate("relu"), Dense(16), BatchNorm(), Activate("relu")]
            network = Network([*hidden, Dense(2, "softmax")], loss="cce", optimizer=optimizer, seed=1)
            report = network.check(x, y)
            assert report.ok, report
            assert report.steps < 100
            assert report.left <= 0.1

    def test_numbers_are_well(self):
        assert regressor().check(X, NUMBERS).ok

    @for_each(("network", "x", "y", "said"), WRONG)
    @pytest.mark.slow
    def test_what_is_wrong_is_said(self, network, x, y, said):
        report = network().check(x, y, steps=60)
        page = str(report)
        assert not report.ok
        for part in said:
            assert any(part in warning for warning in report.warnings), report.warnings
        assert all(f"! {warning}" in page for warning in report.warnings)
        assert max(map(len, report.warnings)) < 500


@pytest.mark.parametrize("activation", ["linear", "softplus", "relu"])
@pytest.mark.slow
def test_outputs_without_an_end_reach_any_target(activation):
    y = np.abs(NUMBERS) * 3e4 + 2e5
    report = Network([Dense(1, activation)], seed=0).check(X, y)
    assert not any("range from" in warning for warning in report.warnings)
    below = Network([Dense(1, "elu")], seed=0).check(X, -y)
    assert any("range from -1 to inf" in warning for warning in below.warnings)
