"""CTC against PyTorch's recorded values, all paths one by one, finite differences, and in a network."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, LSTM, Adam, Bidirectional, Conv1D, Dense, Network, ShapeError
from nnfw.core.alignments import edit_distance
from nnfw.core.logits import LOGITS
from nnfw.losses import CTC
from nnfw.metrics import LabelErrorRate, Running

with np.load(Path(__file__).with_name("recorded") / "losses.npz") as file:
    RECORDED = {name: file[name] for name in file.files if name.startswith("ctc/")}
CASES = sorted({name.split("/")[1] for name in RECORDED})
RNG = np.random.default_rng(0)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def packed(labels, lengths):
    return np.column_stack([lengths, labels])


def merged(path):
    """What a path of symbols spells."""
    return tuple(k for k, _ in itertools.groupby(path) if k)


def by_all_paths(labels, p):
    """The probability of labels: the sum over all paths of T symbols that spell them."""
    T, K = p.shape
    wanted = tuple(k for k in labels if k)
    paths = (path for path in itertools.product(range(K), repeat=T) if merged(path) == wanted)
    return sum(np.prod(p[range(T), path]) for path in paths)


@for_each("case", CASES)
@for_each("fused", [True, False])
def test_value_and_gradient_are_those_of_pytorch(case, fused):
    r = {name.split("/")[2]: array for name, array in RECORDED.items() if name.split("/")[1] == case}
    y, a, loss = packed(r["labels"], r["lengths"]), softmax(r["x"]), CTC()
    if fused:
        LOGITS.enter(a, ("softmax", r["x"]))
    value, gradient, of_logits = loss.with_gradient(y, a)
    assert of_logits is fused
    np.testing.assert_allclose(loss.per_sample(y, a), r["values"], rtol=1e-12)
    assert value == pytest.approx(r["values"].mean(), rel=1e-12)
    if not fused:  # through the softmax
        gradient = a * (gradient - (a * gradient).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(gradient, r["gradient"], rtol=1e-9, atol=1e-13)


def test_it_is_the_sum_over_all_paths():
    for labels in ([1, 2], [1, 1], [2, 0], [0, 0]):
        for T in range(max(2, sum(map(bool, labels)) + (labels == [1, 1])), 6):
            p = softmax(RNG.normal(size=(1, 6, 3)))
            found = CTC()(packed([labels], [T]), p)
            assert np.exp(-found) == pytest.approx(by_all_paths(labels, p[0, :T]), rel=1e-12)


def test_without_a_step_nothing_is_spelled_for_sure():
    p, empty = softmax(RNG.normal(size=(3, 4, 3))), [[0, 0], [2, 0], [0, 0]]
    y = packed(empty, [0, 0, 4])
    blanks = -np.log(p[2, :, 0]).sum()
    np.testing.assert_allclose(CTC().per_sample(y, p), [0, np.inf, blanks], rtol=1e-12)
    np.testing.assert_allclose(CTC().per_sample(y[:, :1], p), [0, 0, blanks], rtol=1e-12)
    assert not CTC().gradient(y[:2], p[:2]).any()
    network = Network([GRU(4, return_sequences=True), Dense(3, "softmax")], loss="ctc", seed=0)
    x = RNG.normal(size=(2, 5, 2))
    network.build((5, 2))
    alone = network.evaluate(x[:1], [[1, 2]])["loss"]
    both = network.evaluate(x, [[1, 2], [0, 0]], lengths=[5, 0])["loss"]
    assert both == pytest.approx(alone / 2, rel=1e-6)


@pytest.mark.slow
def test_the_gradient_is_the_slope_and_weights_count():
    y, a = packed([[1, 2, 2], [3, 0, 0]], [6, 4]), softmax(RNG.normal(size=(2, 6, 4)))
    for weight in (None, np.array([0.5, 2.0])):
        expected = np.empty_like(a)
        for index in np.ndindex(a.shape):
            up, down = a.copy(), a.copy()
            up[index] += 1e-6
            down[index] -= 1e-6
            expected[index] = (CTC()(y, up, weight) - CTC()(y, down, weight)) / 2e-6
        np.testing.assert_allclose(CTC().gradient(y, a, weight), expected, rtol=1e-6, atol=1e-8)
    single = CTC().per_sample(y, a)
    assert CTC()(y, a, [0.5, 2.0]) == pytest.approx((0.5 * single[0] + 2 * single[1]) / 2)


def test_the_gradient_of_confident_outputs_is_that_of_double_precision():
    s = np.random.default_rng(0).normal(size=(2, 60, 5)).astype("float32") * 40
    y, found = packed(np.random.default_rng(1).integers(1, 5, (2, 20)), [60, 50]), []
    for logits in (s, s.astype("float64")):
        a = softmax(logits)  # much of it is below 1e-19, and some 0
        LOGITS.enter(a, ("softmax", logits))
        found.append(CTC().with_gradient(y, a)[1])
    np.testing.assert_allclose(*found, rtol=0, atol=1e-5 * np.abs(found[1]).max())


@pytest.mark.slow
def test_nothing_underflows_in_a_thousand_steps():
    s = RNG.normal(size=(1, 1000, 5)).astype("float32") * 20
    a = softmax(s)
    LOGITS.enter(a, ("softmax", s))
    value, gradient, _ = CTC().with_gradient(packed(RNG.integers(1, 5, (1, 200)), [1000]), a)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_the_gradient_of_many_steps_keeps_the_digits_of_the_outputs():
    rng = np.random.default_rng(0)  # with one that others draw from, the test would depend on its place
    a, y = softmax(rng.normal(size=(2, 500, 8)) * 3), packed(rng.integers(1, 8, (2, 100)), [500, 400])
    loss, single = CTC(), a.astype("float32")
    exact, found = loss.gradient(y, a) * a, loss.gradient(y, single) * single
    assert found.dtype == loss.per_sample(y, single).dtype == loss.value(y, single).dtype == np.float32
    assert abs(found - exact).max() < 2e-6 * abs(exact).max()  # α in float32: 3e-3


def test_labels_are_decoded():
    a = np.eye(4)[[[1, 1, 0, 1, 3, 3, 2], [0, 0, 2, 2, 0, 0, 1]]]
    assert [row.tolist() for row in CTC().decode(a)] == [[1, 1, 3, 2], [2, 1]]
    assert [row.tolist() for row in CTC().decode(a, [3, 6])] == [[1], [2]]
    assert LabelErrorRate()(packed([[1, 3, 2, 0], [2, 1, 1, 1]], [7, 7]), a) == (1 + 2) / 7


def test_batches_without_labels_do_not_change_the_share_of_wrong_ones():
    a = np.eye(4)[[[1, 1, 0, 1, 3, 3, 2], [0, 0, 2, 2, 0, 0, 1], [0, 0, 0, 0, 0, 0, 3]]]
    y = packed([[1, 3, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]], [7, 7, 7])
    running = Running(LabelErrorRate())
    for part in range(3):
        running.add(y[part : part + 1], a[part : part + 1])
    assert running.result() == LabelErrorRate()(y, a) == (1 + 2 + 1) / 3
    assert LabelErrorRate()(y[1:], a[1:]) == 3.0  # of no label, as of one


def test_edit_distances_are_those_of_the_recursion():
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        change = distance(a[:-1], b[:-1]) + (a[-1] != b[-1])
        return min(change, distance(a[:-1], b) + 1, distance(a, b[:-1]) + 1)

    for _ in range(30):
        a, b = (RNG.integers(1, 4, RNG.integers(0, 6)) for _ in range(2))
        assert edit_distance(a, b) == distance(a.tolist(), b.tolist())


# ---- in a network ---------------------------------------------------------------------------------------


def spoken(n, seed):
    """Labels, each heard over some steps with pauses between: x (T_i, 5), y (L_i,)."""
    rng, xs, ys = np.random.default_rng(seed), [], []
    for _ in range(n):
        labels, steps = rng.integers(1, 4, rng.integers(1, 5)), []
        for k in labels:
            steps += [0] * rng.integers(1, 3) + [k] * rng.integers(1, 4)
        xs.append(np.eye(5)[[*steps, 0]] + 0.3 * rng.normal(size=(len(steps) + 1, 5)))
        ys.append(labels)
    return xs, ys


def reader(**options):
    layers = [Bidirectional(GRU(12, return_sequences=True)), Dense(4, "softmax")]
    given = {"loss": "ctc", "optimizer": Adam(0.01), "metrics": ["label_error_rate"], "seed": 0} | options
    return Network(layers, **given)


@pytest.mark.slow
def test_a_network_learns_to_read_labels_without_their_times(tmp_path):
    network, (x, y) = reader(), spoken(200, 0)
    network.fit(x, y, epochs=25, batch_size=16, validation_data=spoken(30, 1), verbose=0)
    assert network.history["val_label_error_rate"][-1] < 0.1
    new, truth = spoken(50, 2)
    found = network.evaluate(new, truth)
    lengths = [len(one) for one in new]
    read = network.loss.decode(network.predict(new), lengths)
    wrong = sum(edit_distance(a, b) for a, b in zip(read, truth, strict=True))
    assert found["label_error_rate"] == pytest.approx(wrong / sum(map(len, truth)))
    network.save(tmp_path / "network")
    assert Network.load(tmp_path / "network").evaluate(new, truth) == found


@pytest.mark.slow
def test_labels_come_as_lists_or_padded_and_steps_with_lengths_or_without():
    x, y = spoken(6, 3)
    losses = [
        reader().fit(x, given, epochs=2, verbose=0)["loss"] for given in (y, [one.tolist() for one in y])
    ]
    L = max(map(len, y))
    padded = np.array([[*one, *[0] * (L - len(one))] for one in y])
    for kind in ("int64", "uint8", "uint64"):
        losses.append(reader().fit(x, padded.astype(kind), epochs=2, verbose=0)["loss"])
    assert all(one == losses[0] for one in losses)
    equal = np.stack([one[:4] for one in spoken(60, 4)[0] if len(one) >= 4][:6])
    network = reader()
    network.fit(equal, [[1], [2], [3, 1], [1, 2], [2], [3]], verbose=0)
    assert network.evaluate(equal, [[]] * 6) == network.evaluate(equal, np.zeros((6, 1), int))  # of silence


@pytest.mark.slow
def test_lengths_follow_the_strides_of_a_convolution():
    x, y = spoken(8, 5)
    x = [np.repeat(one, 2, axis=0) for one in x]
    layers = [
        Conv1D(8, 3, "tanh", stride=2, padding="same"),
        LSTM(6, return_sequences=True),
        Dense(4, "softmax"),
    ]
    network = Network(layers, loss="ctc", seed=0)
    network.fit(x, y, epochs=2, verbose=0)
    a = [network.predict(one[None]) for one in x]
    expected = np.mean([CTC()(packed([label], [a_.shape[1]]), a_) for a_, label in zip(a, y, strict=True)])
    assert network.evaluate(x, y)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_the_check_takes_it():
    x, y = spoken(40, 6)
    report = reader().check(x, y, steps=300)
    assert report.lowest == 0.0
    assert report.loss < 2 * report.chance


@for_each(
    ("change", "error", "words"),
    [
        ({"y": [[1], [2]]}, ShapeError, "labels for 3 sequences"),
        ({"y": [[1], [2], [4]]}, ValueError, r"y\[2, 0\] is 4, but must be one of the 4 numbers from 0 to 3"),
        ({"y": [[1], [2], [0.5]]}, TypeError, "y must be integers"),
        ({"y": [[1, 0, 2], [2], [3]]}, ValueError, r"y\[0\] has a 0, the blank, before a label, .* from 1;"),
        ({"y": [[1], [1, 1, 1], [3]]}, ValueError, r"y\[1\] has more labels, plus blanks between equal ones"),
        ({"layers": [GRU(3), Dense(4, "softmax")]}, ShapeError, "return_sequences=True"),
        ({"layers": [GRU(3, return_sequences=True), Dense(4)]}, ValueError, "end with Dense"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, error, words):
    given = {"layers": [GRU(3, return_sequences=True), Dense(4, "softmax")], "y": [[1], [2], [3]]} | change
    network = Network(given["layers"], loss="ctc")
    with pytest.raises(error, match=words):
        network.fit(RNG.normal(size=(3, 4, 2)), given["y"], verbose=0)


def test_wrong_targets_called_directly():
    a = softmax(RNG.normal(size=(2, 4, 3)))
    wrong = [[4, 1]], [[5, 1], [4, 1]], [[4, 3], [4, 1]], [[4.0, 1.0], [4.0, 1.0]]
    for y in (
        *wrong,
        [[-1, 1], [4, 1]],
        [[4, -1], [4, 1]],
        [[4, 1, 0, 2], [4, 1, 2, 0]],
        [[4, 0, 1], [4, 1, 2]],
    ):
        with pytest.raises(ShapeError, match="CTC: targets must be integers"):
            CTC()(y, a)
    with pytest.raises(ShapeError, match="label_error_rate is for loss='ctc'"):
        LabelErrorRate()([[4, 1], [4, 1]], a[:, 0])
    with pytest.raises(ShapeError, match="outputs must be"):
        CTC().decode(a[0])
