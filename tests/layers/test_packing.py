"""Packed rows: every movement of `Steps` against loops over samples and time steps, which know no rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnfw.layers.packing import Unpacked, steps_of

D = 3


def tried_on(*strategies):
    """Decorate a test to be tried on some batches."""
    return lambda test: settings(max_examples=25)(given(*strategies)(test))


class Loops:
    """What is read when, found by looping: `read` lists (sample, time) row by row, `steps` step by step."""

    def __init__(self, N, T, lengths, backwards, window=None):
        self.N, self.T = N, T
        self.lengths = [T] * N if lengths is None else [int(n) for n in lengths]
        start, stop = window or (0, T)
        self.ranked = sorted(range(N), key=lambda n: -self.lengths[n])  # Python's sort is stable
        self.steps = []
        for t in range(start, stop):
            active = [n for n in self.ranked if t < self.lengths[n]]
            self.steps.append([(n, self.lengths[n] - 1 - t if backwards else t) for n in active])
        while self.steps and not self.steps[-1]:
            self.steps.pop()
        self.read = [pair for step in self.steps for pair in step]

    def state_rows(self):
        """Return for each sample the rows of its states, in the order of time: the initial one, and so on."""
        rows = {n: [rank] for rank, n in enumerate(self.ranked)}
        for row, (n, _) in enumerate(self.read):
            rows[n].append(self.N + row)
        return rows


@st.composite
def batches(draw, windows=False):
    N, T = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    lengths = draw(st.none() | st.lists(st.integers(1, T), min_size=N, max_size=N).map(np.array))
    batch = (N, T, lengths, draw(st.booleans()))
    longest = T if lengths is None else max(lengths)
    start = draw(st.integers(0, longest - 1)) if windows else 0
    window = (start, draw(st.integers(start + 1, longest))) if windows else None
    return steps_of(*batch, window), Loops(*batch, window)


def numbers(*shape):
    """Return whole numbers, all different, so that sums are exact and each can be told from the others."""
    return np.random.default_rng(0).permutation(np.prod(shape, dtype=int)).reshape(shape).astype(float) + 1


def pack(steps, x):
    return steps.pack(x, np.empty((steps.P, x.shape[2]), x.dtype))


def slices(span):
    """Return, for each step, where its rows lie in the states before and after it, and in the rows."""
    return [tuple(slice(start, start + n) for start in starts) for *starts, n in span.table.tolist()]


class TestRows:
    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_slices(self, batch):
        steps, loops = batch
        assert len(loops.read) == steps.P
        stops = np.cumsum([len(step) for step in loops.steps])
        starts = stops - [len(step) for step in loops.steps]
        assert [now for _, _, now in slices(steps)] == [
            slice(a, b) for a, b in zip(starts, stops, strict=True)
        ]
        for _, after, now in slices(steps):
            assert after == slice(loops.N + now.start, loops.N + now.stop)

    @tried_on(batches(windows=True))
    def test_pack(self, batch):
        steps, loops = batch
        x = numbers(loops.N, loops.T, D)
        expected = [x[n, t] for n, t in loops.read]
        np.testing.assert_array_equal(pack(steps, x), expected)
        wider = np.full((steps.P, D + 2), -1.0)
        assert steps.pack(x, out=wider[:, 1:-1]).base is wider
        np.testing.assert_array_equal(wider[:, 1:-1], expected)
        assert (wider[:, [0, -1]] == -1).all()

    @tried_on(batches())
    @pytest.mark.slow
    def test_unpack(self, batch):
        steps, loops = batch
        rows = numbers(steps.P, D)
        expected = np.zeros((loops.N, loops.T, D))
        for (n, t), row in zip(loops.read, rows, strict=True):
            expected[n, t] = row
        np.testing.assert_array_equal(steps.unpack(rows), expected)
        cache = Unpacked(steps, {"h": rows})
        np.testing.assert_array_equal(cache["h"], expected)
        np.testing.assert_array_equal(cache.copy()["h"], cache["h"])
        assert repr(cache) == f"<cache: h {expected.shape}>"

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_unpack_writes_what_was_read_and_nothing_else(self, batch):
        steps, loops = batch
        rows, out = numbers(steps.P, D), np.full((loops.N, loops.T, D), -1.0)
        expected = out.copy()
        for (n, t), row in zip(loops.read, rows, strict=True):
            expected[n, t] = row
        assert steps.unpack(rows, out) is out
        np.testing.assert_array_equal(out, expected)

    @tried_on(batches())
    @pytest.mark.slow
    def test_round_trip(self, batch):
        steps, loops = batch
        rows, x = numbers(steps.P, D), numbers(loops.N, loops.T, D)
        np.testing.assert_array_equal(pack(steps, steps.unpack(rows)), rows)
        valid = np.arange(loops.T) < np.array(loops.lengths)[:, None]
        np.testing.assert_array_equal(steps.unpack(pack(steps, x)), x * valid[..., None])

    @tried_on(batches())
    @pytest.mark.slow
    def test_pack_and_unpack_are_adjoint(self, batch):
        steps, loops = batch
        rows, x = numbers(steps.P, D), numbers(loops.N, loops.T, D)
        assert np.sum(steps.unpack(rows) * x) == np.sum(rows * pack(steps, x))

    @tried_on(batches())
    @pytest.mark.slow
    def test_dtype_stays(self, batch):
        steps, loops = batch
        x = numbers(loops.N, loops.T, D).astype("float32")
        assert pack(steps, x).dtype == steps.unpack(pack(steps, x)).dtype == np.float32

    @tried_on(batches())
    @pytest.mark.slow
    def test_padding_is_never_read(self, batch):
        steps, loops = batch
        x = numbers(loops.N, loops.T, D)
        x[np.arange(loops.T) >= np.array(loops.lengths)[:, None]] = np.nan
        assert np.isfinite(pack(steps, x)).all()

    @tried_on(batches(), st.integers(1, 20))
    def test_windows_hold_as_many_steps_as_fit_into_their_rows(self, batch, size):
        steps, loops = batch
        windows, left = list(steps.windows(size)), [len(step) for step in loops.steps]
        for window in windows:
            rows, left = left[: len(window)], left[len(window) :]
            assert window.table[:, 3].tolist() == rows
            assert len(rows) == 1 or sum(rows) <= size
            assert not left or sum(rows) + left[0] > size
        assert not left

    def test_full_lengths_are_none(self):
        assert steps_of(2, 3, np.array([3, 3])).lengths is None

    def test_lengths_are_left_as_they_are(self):
        lengths = np.array([1, 3, 2])
        pack(steps_of(3, 3, lengths), numbers(3, 3, D))
        assert lengths.tolist() == [1, 3, 2]


class TestStates:
    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_order_and_unsort(self, batch):
        steps, loops = batch
        initial = numbers(loops.N, D).astype(np.float32)
        np.testing.assert_array_equal(initial[steps.order], initial[loops.ranked])
        again = steps.unsort(initial[steps.order])
        assert again.dtype == np.float32
        assert not np.shares_memory(again, initial)
        np.testing.assert_array_equal(again, initial)

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_last(self, batch):
        steps, loops = batch
        h, rows = numbers(loops.N + steps.P, D), loops.state_rows()
        np.testing.assert_array_equal(steps.last(h), [h[rows[n][-1]] for n in range(loops.N)])

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_final_and_order_are_the_adjoint_of_last(self, batch):
        steps, loops = batch
        h, dy, dh = numbers(loops.N + steps.P, D), numbers(loops.N, D), np.zeros((loops.N + steps.P, D))
        dh[steps.final] += dy[steps.order]
        assert np.sum(steps.last(h) * dy) == np.sum(h * dh)
        np.testing.assert_array_equal(steps.last(dh), dy)
        dh[steps.final] += dy[steps.order]
        np.testing.assert_array_equal(steps.last(dh), 2 * dy)

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_order_and_unsort_are_adjoint(self, batch):
        steps, loops = batch
        h0, dh = numbers(loops.N, D), numbers(loops.N, D)
        assert np.sum(h0[steps.order] * dh) == np.sum(h0 * steps.unsort(dh))

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_scale(self, batch):
        steps, loops = batch
        rows, factors = numbers(steps.P, D + 1), numbers(loops.N, D)
        expected = rows.copy()
        for row, (n, _) in enumerate(loops.read):
            expected[row, :D] *= factors[n]
        steps.scale(rows[:, :D], factors)
        np.testing.assert_array_equal(rows, expected)

    @tried_on(batches(windows=True))
    @pytest.mark.slow
    def test_before_all(self, batch):
        steps, loops = batch
        h, rows, done = numbers(loops.N + steps.P, D), loops.state_rows(), dict.fromkeys(range(loops.N), 0)
        expected = np.zeros((steps.P, D))
        for row, (n, _) in enumerate(loops.read):
            expected[row] = h[rows[n][done[n]]]
            done[n] += 1
        np.testing.assert_array_equal(h[steps.previous], expected)
        np.testing.assert_array_equal(np.concatenate([h[before] for before, _, _ in slices(steps)]), expected)


class TestBlocks:
    @tried_on(batches(windows=True), st.integers(0, 20))
    @pytest.mark.slow
    def test_blocks_are_the_steps_from_the_last_on(self, batch, size):
        steps, _ = batch
        blocks = list(steps.blocks(size))
        assert [step for block in reversed(blocks) for step in slices(block)] == slices(steps)
        counts = [block.rows.stop - block.rows.start for block in blocks]
        assert sum(counts) == steps.P
        assert all(count >= size for count in counts[:-1])
        firsts = [slices(block)[0][2] for block in blocks]  # the step that made each block large enough
        assert all(
            count - (first.stop - first.start) < max(size, 1)
            for count, first in zip(counts, firsts, strict=True)
        )


class TestSpans:
    """What all steps and the blocks of them cut out, against the slices of their steps."""

    @staticmethod
    def spans(steps, size):
        return [steps, *steps.blocks(size)]

    @tried_on(batches(windows=True), st.integers(1, 20))
    @pytest.mark.slow
    def test_states(self, batch, size):
        steps, loops = batch
        h = numbers(loops.N + steps.P, D)
        for span in self.spans(steps, size):
            h_before, h_after = span.around(h)
            same_arrays(h_before, [h[before] for before, _, _ in slices(span)])
            same_arrays(h_after, [h[after] for _, after, _ in slices(span)])

    @tried_on(batches(windows=True), st.integers(1, 20))
    @pytest.mark.slow
    def test_rows_and_gates(self, batch, size):
        steps, _ = batch
        wide, gates = numbers(steps.P, 2 * D), numbers(2, steps.P, D)
        arrays = wide, wide[:, :D], gates, gates[1:], wide.reshape(-1, 2, D).swapaxes(0, 1)
        for span in self.spans(steps, size):
            parts = [span.part(steps.shaped(rows)) for rows in arrays]
            for rows, part, cut, doubled in zip(
                arrays, parts, span.cut(*parts), span.cut(*(2 * part for part in parts)), strict=True
            ):
                same_arrays(cut, [rows[..., now, :] for _, _, now in slices(span)])
                same_arrays(doubled, [2 * rows[..., now, :] for _, _, now in slices(span)])
                assert all(np.shares_memory(one, part) for one in cut)

    @tried_on(batches(windows=True), st.integers(1, 20))
    @pytest.mark.slow
    def test_gates_that_lie_step_by_step(self, batch, size):
        steps, loops = batch
        if loops.lengths == [loops.T] * loops.N:
            by_step = numbers(len(slices(steps)), 2, loops.N, D).swapaxes(0, 1)
            for span in self.spans(steps, size):
                times = [now.start // loops.N for _, _, now in slices(span)]
                (cut,) = span.cut(span.part(by_step))
                same_arrays(cut, [by_step[:, t] for t in times])

    @tried_on(batches(windows=True), st.integers(1, 20))
    @pytest.mark.slow
    def test_scratch_is_cut_to_the_samples_of_each_step(self, batch, size):
        steps, loops = batch
        scratch = numbers(loops.N, D), numbers(2, loops.N, D)
        for span in self.spans(steps, size):
            counts = [now.stop - now.start for _, _, now in slices(span)]
            for whole, cut in zip(scratch, span.first(*scratch), strict=True):
                same_arrays(cut, [whole[..., :n, :] for n in counts])

    @tried_on(batches())
    @pytest.mark.slow
    def test_what_is_cut_is_written_into(self, batch):
        steps, loops = batch
        h = np.zeros((loops.N + steps.P, D))
        for number, h_t in enumerate(steps.around(h)[1]):
            h_t[...] = number
        for number, (_, after, _) in enumerate(slices(steps)):
            assert (h[after] == number).all()


def same_arrays(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


class TestWindows:
    @tried_on(batches(), st.integers(1, 8))
    @pytest.mark.slow
    def test_windows_are_the_whole_in_parts(self, batch, size):
        whole, loops = batch
        x, parts = numbers(loops.N, loops.T, D), list(whole.windows(size))
        np.testing.assert_array_equal(np.concatenate([pack(part, x) for part in parts]), pack(whole, x))
        assert [now.stop - now.start for part in parts for _, _, now in slices(part)] == [
            now.stop - now.start for _, _, now in slices(whole)
        ]
        assert all(1 <= len(slices(part)) <= size for part in parts)

    @tried_on(batches(), st.integers(1, 8))
    @pytest.mark.slow
    def test_a_state_is_carried_from_window_to_window(self, batch, size):
        """A recurrence whose order matters, h = 2 h₋ + x, against one loop for each sample."""
        whole, loops = batch
        x, state = numbers(loops.N, loops.T, D), numbers(loops.N, D)
        expected, last = np.zeros_like(x), state.copy()
        for n, t in loops.read:
            expected[n, t] = last[n] = 2 * last[n] + x[n, t]
        out = np.zeros_like(x)
        for part in whole.windows(size):
            h, rows = np.empty((loops.N + part.P, D)), pack(part, x)
            h[: loops.N] = state[part.order]
            for before, after, now in slices(part):
                h[after] = 2 * h[before] + rows[now]
            state = part.last(h)
            part.unpack(h[part.N :], out)
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(state, last)


@pytest.mark.parametrize("backwards", [(), (True,)])  # forwards by default
def test_an_example_by_hand(backwards):
    lengths = np.array([2, 4, 1])
    x = np.array([[10, 11, 0, 0], [20, 21, 22, 23], [30, 0, 0, 0]], float)[..., None]
    steps = steps_of(3, 4, lengths, *backwards)
    rows = [23, 11, 30, 22, 10, 21, 20] if backwards else [20, 10, 30, 21, 11, 22, 23]
    assert pack(steps, x)[:, 0].tolist() == rows
    assert [now.stop - now.start for _, _, now in slices(steps)] == [3, 2, 1, 1]
    np.testing.assert_array_equal(steps.unpack(pack(steps, x)), x)
    h = np.array([-2, -1, -3, *rows], float)[:, None]  # initial states in the order 1, 0, 2
    assert steps.last(h)[:, 0].tolist() == ([10, 20, 30] if backwards else [11, 23, 30])
    assert steps.unsort(h[:3])[:, 0].tolist() == [-1, -2, -3]
