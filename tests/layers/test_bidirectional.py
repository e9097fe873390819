"""Bidirectional: the oracle in both directions, their states side by side, and who owns the layers."""

import numpy as np
import oracle
import pytest
from built import randomized
from numpy.testing import assert_allclose

from nnfw import GRU, LSTM, RNN, Bidirectional, ShapeError

CELLS = {
    "RNN": (RNN, {"sigmas": []}),
    "GRU": (lambda units, **options: GRU(units, reset_after=True, **options), {"reset_after": True}),
    "LSTM": (LSTM, {"sigmas": ["sigmoid"] * 3}),
}
MERGED = {
    "concat": lambda h, k: np.concatenate([h, k], axis=-1),
    "sum": lambda h, k: h + k,
    "mul": lambda h, k: h * k,
    "ave": lambda h, k: (h + k) / 2,
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("merge", MERGED)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("lengths", [None, np.array([2, 4, 1])])
@pytest.mark.slow
def test_bidirectional_begins_with_the_states_of_both_side_by_side(cell, merge, return_sequences, lengths):
    (new, settings), rng, H = CELLS[cell], np.random.default_rng(11), 2
    layer = randomized(Bidirectional(new(H, return_sequences=return_sequences), merge), (4, 3), rng)
    start = rng.normal(size=(3, layer._state_size))
    arrays = {"x": rng.normal(size=(3, 4, 3)), "initial_state": start, **layer.params}
    settings = settings | {"return_sequences": return_sequences, "lengths": lengths}

    def outputs(arrays):
        halves = dict(zip(("ahead", "back"), np.split(arrays["initial_state"], 2, axis=1), strict=True))
        read = []
        for way, state in halves.items():
            own = {name.removeprefix(f"{way}."): a for name, a in arrays.items() if name.startswith(way)}
            given = own | {"x": arrays["x"], "initial_state": state}
            read.append(oracle.recurrent(given, go_backwards=way == "back", **settings))
        return MERGED[merge](*read)

    oracle.compare(layer, arrays, outputs, rng, lengths)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_bidirectional_ends_with_the_states_of_both_side_by_side(cell):
    rng = np.random.default_rng(12)
    layer = randomized(Bidirectional(cell(3)), (5, 2), rng)
    x, lengths, start = (
        rng.normal(size=(4, 5, 2)),
        np.array([5, 1, 3, 2]),
        rng.normal(size=(4, layer._state_size)),
    )
    with pytest.raises(RuntimeError, match=r"Bidirectional\(\w+\(3\)\): final_state requires forward"):
        _ = layer.final_state
    with pytest.raises(RuntimeError, match=r"initial_gradient requires backward\(dy\)"):
        _ = layer.initial_gradient
    layer.forward(x, training=True, lengths=lengths, initial_state=start.tolist())
    halves = zip(layer.directions, np.split(start, 2, axis=1), strict=True)
    expected = [inner.forward_with_state(x, lengths, state)[1] for inner, state in halves]
    assert_allclose(layer.final_state, np.hstack(expected), rtol=0, atol=1e-14)
    S = layer._state_size
    for wrong in (start[:, : S // 2], start[:3], start[:, : S - 1], start[0]):
        with pytest.raises(
            ShapeError, match=rf"initial_state must be \(samples, state\) = \(4, {S // 2}\), got"
        ):
            layer.forward(x, initial_state=wrong)


@pytest.mark.parametrize("share", ["dropout", "recurrent_dropout"])
def test_both_directions_of_bidirectional_have_the_dropout_that_is_given_later(share):
    rng = np.random.default_rng(13)
    x = rng.normal(size=(4, 5, 3))
    later, before = Bidirectional(GRU(3)), Bidirectional(GRU(3, **{share: 0.5}))
    setattr(later.layer, share, 0.5)
    y = []
    for layer in (later, before):
        randomized(layer, (5, 3), np.random.default_rng(14))
        layer._noise = np.random.default_rng(15)
        y.append(layer.forward(x, training=True))
    np.testing.assert_array_equal(*y)
    setattr(later.layer, share, 0.0)
    np.testing.assert_array_equal(later.forward(x, training=True), later.forward(x))


def test_a_layer_is_in_one_bidirectional_only():
    layer = GRU(3)
    whole = Bidirectional(layer)
    for inner in whole.directions:
        with pytest.raises(ValueError, match=r"is already part of a network; use copy\.deepcopy"):
            Bidirectional(inner)
