"""Data sets that the caller reads: by index, as PyTorch's and Keras's, without an end, of a wrong length."""

import itertools
import os
import re

import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, SGD, Adam, Checkpoint, Dense, Embedding, Flatten, LambdaCallback, Network
from nnfw.training.sampler import Sampler

rng = np.random.default_rng(0)
N, T, D, K = 11, 5, 3, 3
X, FLAT = rng.normal(size=(N, T, D)).astype("f4"), rng.normal(size=(N, D)).astype("f4")
CLASSES, STEPS = rng.integers(K, size=N), rng.normal(size=(N, T, 2)).astype("f4")
PARTS = [slice(0, 4), slice(4, 8), slice(8, N)]


def classifier(*layers, **options):
    layers = layers or (GRU(4),)
    return Network(
        [*layers, Dense(K, "softmax")], **{"loss": "cce", "optimizer": Adam(0.01), "seed": 0} | options
    )


def tagger():
    return Network([GRU(4, return_sequences=True), Dense(2)], seed=0)


def params(network):
    return network.flat_params.copy()


class Indexed:
    """Items by their index; what was asked for, and how often an epoch has ended."""

    def __init__(self, *items, length=None):
        self.items, self.length, self.asked = items, len(items) if length is None else length, []

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        assert type(index) is int
        self.asked.append(index)
        return self.items[index]


class Sequence(Indexed):
    """As Keras's: it turns its order around when an epoch has ended."""

    def on_epoch_end(self):
        self.items = self.items[::-1]


def dataset(x, y):
    """As PyTorch's: the items are samples."""
    return Indexed(*zip(x, y, strict=True))


def batched(x, y, kind=Indexed):
    return kind(*((x[part], y[part]) for part in PARTS))


# ---- samples by their index ---------------------------------------------------------------------------

EMBEDDED = rng.integers(0, 7, (N, T))
FORMS = {
    "sequences": (classifier, X, CLASSES),
    "rows": (lambda: classifier(Dense(5, "relu")), FLAT, CLASSES),
    "one-hot": (lambda: classifier(Dense(5, "relu")), FLAT, np.eye(K)[CLASSES]),
    "pictures": (lambda: classifier(Flatten()), X, CLASSES),
    "symbols": (lambda: classifier(Embedding(7, 2), GRU(3)), EMBEDDED, CLASSES),
    "steps": (tagger, X, STEPS),
    "a number": (lambda: Network([Dense(1)], seed=0), FLAT, FLAT[:, 0]),
}


@pytest.mark.parametrize("options", [{}, {"shuffle": False}], ids=["shuffled", "in order"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.slow
def test_samples_train_as_the_same_data_whole(form, options):
    make, x, y = FORMS[form]
    given, whole = make(), make()
    given.fit(
        dataset(x, y), validation_data=dataset(x[:3], y[:3]), batch_size=4, epochs=3, verbose=0, **options
    )
    whole.fit(x, y, validation_data=(x[:3], y[:3]), batch_size=4, epochs=3, verbose=0, **options)
    np.testing.assert_array_equal(params(given), params(whole))
    assert given.history == whole.history
    assert given.evaluate(dataset(x, y), batch_size=2) == whole.evaluate(x, y, batch_size=2)


def test_samples_of_unequal_length():
    lengths = rng.integers(1, T + 1, N)
    x = [one[:n] for one, n in zip(X, lengths, strict=True)]
    y = [one[:n] for one, n in zip(STEPS, lengths, strict=True)]
    for make, targets in ((classifier, CLASSES), (tagger, y)):
        given, whole = make(), make()
        given.fit(dataset(x, targets), batch_size=4, epochs=2, verbose=0)
        whole.fit(x, targets, batch_size=4, epochs=2, verbose=0)
        np.testing.assert_allclose(params(given), params(whole), rtol=0, atol=1e-6)


def test_each_sample_is_read_once_an_epoch():
    source = dataset(X, CLASSES)
    network = classifier()
    network.fit(source, batch_size=4, verbose=0)
    begun = len(source.asked) - N
    assert sorted(source.asked[begun:]) == list(range(N))
    assert source.asked[begun:] != list(range(N))  # shuffled
    assert begun <= 2


@pytest.mark.slow
def test_samples_are_resumed_to_the_bit(tmp_path):
    path, whole, broken = tmp_path / "network.npz", classifier(), classifier()
    whole.fit(dataset(X, CLASSES), batch_size=4, epochs=3, verbose=0)
    stop = LambdaCallback(
        on_batch_end=lambda run: run.network.save(path) if (run.epoch, run.batch) == (2, 2) else 0
    )
    broken.fit(dataset(X, CLASSES), batch_size=4, epochs=3, callbacks=[stop], verbose=0)
    again = Network.load(path)
    again.fit(dataset(X, CLASSES), batch_size=4, epochs=3, resume=True, verbose=0)
    np.testing.assert_array_equal(params(again), params(whole))


def test_the_rate_knows_how_long_an_epoch_of_samples_is():
    times = []
    network = classifier(optimizer=SGD(lambda epoch: times.append(epoch) or 0.01))
    network.fit(dataset(X, CLASSES), batch_size=4, verbose=0)
    assert {0, 1 / 3, 2 / 3} <= set(times)


def test_windows_of_samples():
    given, whole = tagger(), tagger()
    given.fit(dataset(X, STEPS), truncate=2, batch_size=4, verbose=0)
    whole.fit(X, STEPS, truncate=2, batch_size=4, verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))


# ---- batches by their index ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", [name for name in FORMS if name in ("sequences", "symbols", "pictures")])
@pytest.mark.parametrize("kind", [Indexed, Sequence])
@pytest.mark.slow
def test_batches_by_index_train_as_those_of_a_list(form, kind):
    make, x, y = FORMS[form]
    given, whole = make(), make()
    given.fit(batched(x, y, kind), validation_data=batched(x, y, kind), verbose=0)
    whole.fit([(x[part], y[part]) for part in PARTS], validation_data=(x, y), verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))
    assert given.history["val_loss"] == pytest.approx(whole.history["val_loss"], rel=1e-6)
    assert given.evaluate(batched(x, y, kind)) == pytest.approx(whole.evaluate(x, y), rel=1e-6)


def test_a_sequence_is_told_where_an_epoch_ends():
    given, whole = classifier(Dense(5)), classifier(Dense(5))
    given.fit(batched(FLAT, CLASSES, Sequence), epochs=2, verbose=0)
    for order in (PARTS, PARTS[::-1]):
        whole.fit([(FLAT[part], CLASSES[part]) for part in order], verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))


def test_batches_by_index_with_lengths():
    lengths = rng.integers(1, T + 1, N)
    batches = [(X[part], STEPS[part], lengths[part]) for part in PARTS]
    given, whole = tagger(), tagger()
    given.fit(Indexed(*batches), verbose=0)
    whole.fit(batches, verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))


# ---- what is refused, before anything is learnt -------------------------------------------------------

REFUSED = [
    (
        lambda: batched(FLAT, CLASSES),
        "Indexed[0], x (4, 3) and y (4,), can be a batch or one sample with a target for each step; give "
        "Indexed an __iter__ that yields the batches",
    ),
    (lambda: dataset(FLAT[:, :2, None], CLASSES), "Indexed[0] is not a batch for this network: "),
    (lambda: dataset(FLAT * np.nan, CLASSES), "x[0, 0] is nan"),
    (lambda: Indexed({"x": FLAT[0]}), "Indexed[0] must be a sample (x, y) or a batch (x, y), got dict"),
    (lambda: Indexed(), "x yields no batches; it must yield (x, y) at least once"),
    (
        lambda: type("Endless", (), {"__getitem__": lambda self, i: 1})(),
        "an object with __len__ and __getitem__; got",
    ),
    (lambda: Indexed, "y is missing"),
]


@for_each(("make", "words"), REFUSED)
@for_each("built", [False, True])
def test_what_cannot_be_read_is_refused(make, words, built):
    network = classifier(Dense(4))
    if built:
        network.fit(FLAT, CLASSES, verbose=0)
    before = params(network) if built else None
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        network.fit(make(), verbose=0)
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        network.fit(FLAT, CLASSES, validation_data=make(), verbose=0)
    assert network._built == built
    assert before is None or (params(network) == before).all()
    assert network.shapes == ([(D,), (4,), (K,)] if built else [])


def test_what_goes_wrong_later_is_named():
    samples = [*zip(FLAT, CLASSES, strict=True)]
    wrong = [
        (Indexed(*samples[:6], samples[6][:1]), r"samples \[4, 5, 6\]: a sample must be .x, y., got tuple"),
        (Indexed(*samples[:6], (samples[6][0] * np.nan, 1)), r"samples \[4, 5, 6\]: x\[2, 0\] is nan"),
        (Indexed(*samples, length=N + 2), r"Indexed has length 13, but Indexed\[11\] raises IndexError"),
        (
            batched(X, CLASSES, lambda *items: Sequence(*items, length=5)),
            r"Sequence has length 5, but Sequence\[3\] .* must be the number of its items",
        ),
    ]
    for source, words in wrong:
        network = classifier(*([] if isinstance(source, Sequence) else [Dense(4)]))
        with pytest.raises((TypeError, ValueError), match=words):
            network.fit(source, batch_size=4, shuffle=False, verbose=0)
        assert network.history.epoch == []


@pytest.mark.parametrize("make", [lambda: dataset(X, CLASSES), lambda: batched(X, CLASSES)])
def test_an_indexed_set_has_no_other_length(make):
    with pytest.raises(
        ValueError, match=r"steps_per_epoch is only for iterables .* length of Indexed is that of an epoch"
    ):
        classifier().fit(make(), steps_per_epoch=2, verbose=0)
    with pytest.raises(ValueError, match="validation_split requires whole x and y"):
        classifier().fit(make(), validation_split=0.5, verbose=0)


# ---- iterables without an end -------------------------------------------------------------------------


def endless():
    """Batches for ever."""
    return itertools.cycle([(X[part], CLASSES[part]) for part in PARTS])


class Endless:
    """Each iteration is endless."""

    def __iter__(self):
        return endless()


@pytest.mark.parametrize("make", [endless, Endless, lambda: (pair for pair in endless())])
@pytest.mark.slow
def test_an_epoch_of_an_endless_iterable_is_as_long_as_is_said(make):
    given, whole = classifier(), classifier()
    given.fit(make(), steps_per_epoch=2, epochs=3, verbose=0)
    batches = list(itertools.islice(endless(), 6))
    for epoch in range(3):
        whole.fit(batches[2 * epoch : 2 * epoch + 2], verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))
    assert given.history == whole.history


def test_no_batch_is_read_that_is_not_trained_on():
    source, network = endless(), classifier()
    network.fit(source, steps_per_epoch=2, epochs=2, verbose=0)  # takes 4
    x, _ = next(source)
    assert (x == X[PARTS[4 % 3]]).all()


def test_the_rate_knows_the_steps_of_an_epoch():
    times = []
    network = classifier(optimizer=SGD(lambda epoch: times.append(epoch) or 0.01))
    network.fit(endless(), steps_per_epoch=4, verbose=0)
    assert {0, 0.25, 0.5, 0.75} <= set(times)


@pytest.mark.parametrize("at", [(1, 1), (2, 2), (2, 3), (3, 1)])
@pytest.mark.parametrize("make", [endless, Endless])
@pytest.mark.slow
def test_an_endless_fit_is_resumed_to_the_bit(at, make, tmp_path):
    path, whole, broken = tmp_path / "network.npz", classifier(), classifier()
    for network in (whole, broken):
        network.fit(X[:2], CLASSES[:2], verbose=0)  # an earlier fit, whose epochs do not count
    whole.fit(make(), steps_per_epoch=4, epochs=3, verbose=0)
    epoch, batch = at
    stop = LambdaCallback(
        on_batch_end=lambda run: run.network.save(path) if (run.epoch, run.batch) == (epoch + 1, batch) else 0
    )
    broken.fit(make(), steps_per_epoch=4, epochs=3, callbacks=[stop], verbose=0)
    again = Network.load(path)
    again.fit(make(), steps_per_epoch=4, epochs=3, resume=True, verbose=0)
    np.testing.assert_array_equal(params(again), params(whole))


def test_another_number_of_steps_is_another_fit(tmp_path):
    network = classifier()
    network.fit(endless(), steps_per_epoch=2, callbacks=[Checkpoint(tmp_path / "n.npz")], verbose=0)
    said = (
        "continues a fit on batches as they come, 2 per epoch, but this one is on batches as they come, 3 per"
    )
    with pytest.raises(ValueError, match=said):
        Network.load(tmp_path / "n.npz").fit(endless(), steps_per_epoch=3, epochs=2, resume=True, verbose=0)


@pytest.mark.parametrize("epochs", [1, 2])
def test_an_iterable_that_ends_early_is_named(epochs):
    network = classifier()
    source = itertools.islice(endless(), 4 * epochs - 1)
    said = "islice ends after 3 batches of an epoch, but steps_per_epoch=4 takes.*itertools.cycle"
    with pytest.raises(ValueError, match=said):
        network.fit(source, steps_per_epoch=4, epochs=3, verbose=0)
    assert len(network.history.epoch) == epochs - 1


@for_each("steps", [0, -1, 1.5, True, "2"])
def test_steps_are_a_whole_number(steps):
    with pytest.raises((TypeError, ValueError), match="fit: steps_per_epoch must be"):
        classifier().fit(endless(), steps_per_epoch=steps, verbose=0)


def test_steps_go_with_batches():
    with pytest.raises(ValueError, match="steps_per_epoch is for batches; whole x and y are split by"):
        classifier().fit(X, CLASSES, steps_per_epoch=2, verbose=0)
    with pytest.raises(TypeError, match="for one that never ends, pass steps_per_epoch to fit"):
        classifier().fit((pair for pair in endless()), verbose=0)
    with pytest.raises(TypeError, match=r"list\(itertools.islice\(batches, n\)\) as validation_data and to"):
        classifier().fit(X, CLASSES, validation_data=endless(), verbose=0)


def test_the_words_of_a_sampler_of_steps():
    assert str(Sampler(None, 32, steps=7)) == "batches as they come, 7 per epoch"


# ---- lengths ------------------------------------------------------------------------------------------


class Says:
    """Three batches, and a length."""

    def __init__(self, length):
        self.length, self.made = length, 0

    def __len__(self):
        if self.length is None:
            raise TypeError("unknown")
        return self.length

    def __iter__(self):
        for part in PARTS:
            self.made += 1
            yield X[part], CLASSES[part]


@pytest.mark.parametrize("length", [3, None])
@pytest.mark.slow
def test_a_length_may_be_right_or_unknown(length):
    given, whole = classifier(), classifier()
    given.fit(Says(length), epochs=2, verbose=0)
    whole.fit([(X[part], CLASSES[part]) for part in PARTS], epochs=2, verbose=0)
    np.testing.assert_allclose(params(given), params(whole), rtol=0, atol=0)


@pytest.mark.parametrize(("length", "found"), [(N, "3"), (4, "3"), (2, "more than 2"), (1, "more than 1")])
@pytest.mark.slow
def test_a_length_that_is_wrong_is_named(length, found):
    said = f"Says has length {length}, but an epoch has {found} batches; __len__ must be the number"
    network, source = classifier(), Says(length)
    with pytest.raises(ValueError, match=said):
        network.fit(source, verbose=0)
    assert network.history.epoch == []
    assert source.made == min(length + 1, 3)
    network.fit(X, CLASSES, verbose=0)
    with pytest.raises(ValueError, match=said):
        network.evaluate(Says(length))
    with pytest.raises(ValueError, match=said):
        network.fit(X, CLASSES, validation_data=Says(length), verbose=0)


# ---- the libraries themselves -------------------------------------------------------------------------


def test_pytorch():
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    whole = classifier(Dense(5))
    whole.fit(FLAT, CLASSES, batch_size=4, epochs=2, shuffle=False, verbose=0)
    samples = data.TensorDataset(torch.from_numpy(FLAT), torch.from_numpy(CLASSES))

    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(samples[i] for i in range(N))

    sources = [
        samples,
        data.Subset(samples, range(N)),
        data.DataLoader(samples, 4),
        data.DataLoader(Stream(), 4),
    ]
    for source in sources:
        given = classifier(Dense(5))
        given.fit(source, batch_size=4, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_array_equal(params(given), params(whole))
        assert given.evaluate(source, batch_size=4) == whole.evaluate(FLAT, CLASSES, batch_size=4)


def test_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "jax"))
    keras = pytest.importorskip("keras")

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(PARTS)

        def __getitem__(self, index):
            return FLAT[PARTS[index]], CLASSES[PARTS[index]]

    given, whole = classifier(Dense(5)), classifier(Dense(5))
    given.fit(Batches(), validation_data=Batches(), epochs=2, verbose=0)
    whole.fit([(FLAT[part], CLASSES[part]) for part in PARTS], epochs=2, verbose=0)
    np.testing.assert_array_equal(params(given), params(whole))
