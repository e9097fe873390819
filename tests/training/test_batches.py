"""Batches: parts of the data without copies, padding without weight, and files larger than the memory."""

import sys

import numpy as np
import pytest
from processes import NEW, limited, run

from nnfw.training import batches
from nnfw.training.batches import Data

N, T, D, K = 12, 5, 2, 3
RNG = np.random.default_rng(0)
FLAT = RNG.integers(0, 9, (N, 4)).astype("float32")
SEQUENCES = RNG.integers(0, 9, (N, T, D)).astype("float32")
LENGTHS = np.array([3, 5, 1, 4, 2, 5, 3, 1, 4, 2, 5, 3])
CLASSES = np.tile(np.arange(K), N // K)
STEP_CLASSES = RNG.integers(0, K, (N, T))


def test_a_part_is_no_copy():
    data = Data(FLAT, CLASSES, None, np.arange(N), np.dtype("float64"), steps=False)
    part = data.subset(np.array([7, 2, 9, 4])).subset(np.array([3, 0]))
    assert part.x is FLAT
    assert len(part) == 2
    batch = part.batch()
    np.testing.assert_array_equal(batch.x, FLAT[[4, 7]])
    np.testing.assert_array_equal(batch.y, CLASSES[[4, 7]])
    np.testing.assert_array_equal(batch.weight, [4, 7])
    assert (batch.x.dtype, batch.valid, batch.lengths) == (np.float64, 2, None)


def test_a_part_of_a_slice_is_a_view():
    data = Data(FLAT, CLASSES, None, None, FLAT.dtype, steps=False)
    first, second, last = data.parts(5)
    assert [len(part) for part in (first, second, last)] == [5, 5, 2]
    assert np.shares_memory(second.batch().x, FLAT)
    np.testing.assert_array_equal(second.batch().x, FLAT[5:10])
    np.testing.assert_array_equal(second.subset(slice(1, 3)).batch().y, CLASSES[6:8])
    np.testing.assert_array_equal(second.subset(np.array([4, 0])).batch().y, CLASSES[[9, 5]])
    assert [len(part) for part in data.parts(5, skip=2)] == [2]


@pytest.mark.parametrize("trimmed", [False, True])
def test_batches_take_every_sample_once_in_the_order_given(trimmed):
    least = 1 if trimmed else None
    data = Data(SEQUENCES, STEP_CLASSES, LENGTHS, None, np.dtype("float32"), steps=True, least=least)
    order = np.random.default_rng(3).permutation(N)
    cut = [part.batch() for part in data.parts(5, order)]
    assert [len(batch.x) for batch in cut] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate([batch.lengths for batch in cut]), LENGTHS[order])
    for batch in cut:
        steps = batch.lengths.max() if trimmed else T
        assert batch.x.shape[1] == batch.y.shape[1] == steps
        valid = np.arange(steps) < batch.lengths[:, None]
        assert batch.valid == valid.sum() == batch.lengths.sum()
        assert not batch.y[~valid].any()
        # The loss is a mean over all N·T steps: so weighted, it is one over the valid ones.
        assert (batch.weight is None) == valid.all()
        weight = 1.0 if batch.weight is None else batch.weight
        np.testing.assert_allclose(weight, valid * valid.size / valid.sum(), rtol=1e-6)


class Counted(np.ndarray):
    """An array that counts the samples that are gathered from it, call by call."""

    def __getitem__(self, index):
        rows = index[0] if isinstance(index, tuple) else index
        if isinstance(rows, np.ndarray):
            self.reads.append(len(rows))
        return np.asarray(super().__getitem__(index))


@pytest.mark.parametrize(
    ("bytes_at_once", "reads"), [(0, [3, 3, 3, 2]), (400, [3, 3, 3, 2]), (600, [6, 5]), (10**5, [11])]
)
def test_small_batches_are_gathered_together(bytes_at_once, reads, monkeypatch):
    monkeypatch.setattr(batches, "GATHERED", bytes_at_once)  # a batch of 3 has 240 bytes
    x = SEQUENCES.astype("float64").view(Counted)
    x.reads = []
    whole = Data(x, STEP_CLASSES, LENGTHS, RNG.random(N), np.dtype("float32"), steps=True)
    data, order = whole.subset(np.arange(1, N)), RNG.permutation(N - 1)
    cut = [part.batch() for part in data.parts(3, order)]
    assert x.reads == reads
    for number, batch in enumerate(cut):
        alone = data.subset(order[3 * number : 3 * number + 3]).batch()
        for one, other in zip(batch[:5], alone[:5], strict=True):
            np.testing.assert_array_equal(one, other)
    [last] = data.parts(3, order, skip=3)
    np.testing.assert_array_equal(last.batch().x, cut[3].x)


@limited
@pytest.mark.subprocess
@pytest.mark.slow
def test_twenty_gigabytes_in_two(tmp_path):
    """A sparse file takes no disk; what is read of it takes memory only while it is used."""
    rows = 20 * 10**9 // (4 * 200 * 1000)
    with open(tmp_path / "x", "wb") as file:
        file.truncate(rows * 4 * 200 * 1000)
    script = (
        NEW
        + f"""
import resource
x = np.memmap({str(tmp_path / "x")!r}, "float32", "r", shape=({rows}, 200, 1000))
stop = LambdaCallback(on_batch_end=lambda run: run.stop("seen enough") if run.batch == 4 else None)
network = Network([GRU(8), Dense(2, "softmax")], loss="cce", seed=0)
network.fit(x, np.arange({rows}) % 2, batch_size=16, validation_split=0.1, callbacks=[stop], verbose=0)
assert network.predict(x[:300]).shape == (300, 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    )
    done = run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 2 * 10**9
