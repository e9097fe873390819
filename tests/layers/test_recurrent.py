"""Dense, RNN, GRU and LSTM: the oracle's values (see `oracle`), PyTorch's, and the documented shapes."""

from pathlib import Path

import numpy as np
import oracle
import pytest
from numpy.testing import assert_allclose

from nnfw import GRU, LSTM, RNN, Bidirectional, Dense, ShapeError
from nnfw.layers import packing, recurrent

ELEMENTWISE = list(oracle.ACTIVATIONS)
GATES = ["sigmoid", "hard_sigmoid", "tanh", "softsign", "silu", "gelu"]  # with others, states explode
with np.load(Path(__file__).parents[1] / "recorded" / "layers.npz") as file:
    RECORDED = dict(file)
KINDS = {"Dense": 200, "RNN": 200, "GRU": 400, "LSTM": 400}  # random configurations of each


def build(layer, input_shape, rng, dtype="float64"):
    """Initialize a layer and give it random weights, biases not 0 among them."""
    layer.compute_shapes(input_shape)
    layer.initialize(rng, dtype)
    for p in layer.params.values():
        p[...] = rng.normal(size=p.shape) * 0.7
    return layer


class Case:
    """One random configuration of a layer, its input, and what the oracle takes in its place."""

    def __init__(self, kind, seed):
        self.rng = np.random.default_rng([seed, list(KINDS).index(kind)])
        self.N, self.T, self.D, self.H = (int(n) for n in self.rng.choice([1, 2, 3, 4], size=4))
        self.use_bias = self.chance(0.8)
        self.settings, self.options, arrays = {}, {}, {}
        self.layer = self.dense() if kind == "Dense" else self.recurrent(kind)
        timed = kind != "Dense" or self.chance(0.4)
        shape = (self.T, self.D) if timed else (self.D,)
        build(self.layer, shape, self.rng)
        arrays["x"] = self.rng.normal(size=(self.N, *shape))
        if kind != "Dense":
            self.draw_options(arrays)
        self.arrays = arrays | dict(self.layer.params)

    def chance(self, share):
        return bool(self.rng.random() < share)

    def choice(self, names):
        return str(self.rng.choice(names))

    def dense(self):
        self.settings["activation"] = self.choice([*ELEMENTWISE, "softmax"])
        return Dense(self.H, self.settings["activation"], use_bias=self.use_bias)

    def recurrent(self, kind):
        order = {"go_backwards": self.chance(0.5), "return_sequences": self.chance(0.5)}
        self.settings |= order | {"activation": "tanh" if self.chance(0.4) else self.choice(ELEMENTWISE)}
        if kind == "RNN":
            return RNN(self.H, self.settings["activation"], use_bias=self.use_bias, **order)
        if kind == "LSTM":
            self.settings["sigmas"], given = self.draw_sigmas("ifo")
            return LSTM(self.H, self.settings["activation"], given, use_bias=self.use_bias, **order)
        reset_after = self.chance(0.5)
        sigmas, given = self.draw_sigmas("zr")
        self.settings |= {"reset_after": reset_after, "sigmas": sigmas}
        return GRU(
            *(self.H, self.settings["activation"], given),
            reset_after=reset_after,
            use_bias=self.use_bias,
            **order,
        )

    def draw_sigmas(self, gates):
        """Return a name for each gate, and recurrent_activation in one of the forms that it may take."""
        form = self.rng.integers(3)
        if form < 2:
            σ = self.choice(GATES) if form else "sigmoid"
            return (σ,) * len(gates), σ
        given = {gate: self.choice(GATES) for gate in reversed(gates) if self.chance(0.7)}
        return tuple(given.get(gate, "sigmoid") for gate in gates), given

    def draw_options(self, arrays):
        if self.chance(0.5):
            lengths = self.rng.integers(1, self.T + 1, size=self.N)
            arrays["x"][np.arange(self.T) >= lengths[:, None]] = np.nan  # must never be read
            self.settings["lengths"] = self.options["lengths"] = lengths
        if self.chance(0.5):
            arrays["initial_state"] = self.options["initial_state"] = self.rng.normal(
                size=(self.N, self.layer._state_size)
            )

    def expected(self, arrays):
        """Return the oracle's outputs for the arrays of these values."""
        return (oracle.dense if isinstance(self.layer, Dense) else oracle.recurrent)(arrays, **self.settings)

    def padded(self, dy):
        """Return `dy` with nan where the layer must not read it."""
        dy = dy.copy()
        if "lengths" in self.options and self.layer.return_sequences:
            dy[np.arange(self.T) >= self.options["lengths"][:, None]] = np.nan
        return dy


ALL = [(kind, seed) for kind, n in KINDS.items() for seed in range(n)]


@pytest.mark.parametrize(
    ("kind", "seed"), [pytest.param(*one, marks=() if one[1] < 20 else pytest.mark.slow) for one in ALL]
)
def test_outputs_and_gradients_are_those_of_the_oracle(kind, seed, monkeypatch):
    case = Case(kind, seed)
    # Small pieces, so that the seams between them are crossed.
    monkeypatch.setattr(recurrent, "INFERENCE_ROWS", [1, 2 * case.N, 2048][seed % 3])
    monkeypatch.setattr(packing, "BLOCK", [1, 2 * case.N * case.H, 1 << 15][seed % 3])
    layer, x = case.layer, case.arrays["x"]
    expected = case.expected(case.arrays).real
    assert_allclose(layer.forward(x, **case.options), expected, rtol=1e-12, atol=1e-12)
    assert_allclose(layer.forward(x, training=True, **case.options), expected, rtol=1e-12, atol=1e-12)
    dy = case.rng.normal(size=expected.shape)
    found = {"x": layer.backward(case.padded(dy))}
    layer.gradients()
    found |= layer.grads
    if "initial_state" in case.arrays:
        found["initial_state"] = layer.initial_gradient
    assert set(found) == set(case.arrays)
    for name, gradient in found.items():
        assert gradient.shape == case.arrays[name].shape
        every_entry = seed % 10 == 0
        directions = np.eye(gradient.size) if every_entry else case.rng.normal(size=(2, gradient.size))
        for direction in directions.reshape(-1, *gradient.shape):
            slope = oracle.slope(case.expected, case.arrays, name, direction, dy)
            scale = np.sum(np.abs(gradient * direction))
            assert abs(np.sum(gradient * direction) - slope) <= 1e-11 * (scale + 1), name


@pytest.mark.parametrize("forget_bias", [1.0, -0.5])
def test_the_forget_gate_of_an_lstm_starts_open(forget_bias):
    layer = LSTM(3) if forget_bias == 1.0 else LSTM(3, forget_bias=forget_bias)
    layer.compute_shapes((4, 2))
    layer.initialize(np.random.default_rng(0))
    biases = {gate: layer.params[f"b_{gate}"].tolist() for gate in "ifog"}
    assert biases == {"i": [0] * 3, "f": [forget_bias] * 3, "o": [0] * 3, "g": [0] * 3}


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_there_is_no_final_state_before_a_training_pass(cell):
    layer = build(cell(2), (3, 1), np.random.default_rng(0))
    layer.forward(np.zeros((2, 3, 1)))
    with pytest.raises(RuntimeError, match=r"final_state comes after forward\(x, training=True\)"):
        _ = layer.final_state


# ---- dropout --------------------------------------------------------------------------------------------


def gru_reset_after(units, **options):
    return GRU(units, reset_after=True, **options)


@pytest.mark.parametrize("cell", [RNN, GRU, gru_reset_after, LSTM])
@pytest.mark.parametrize("lengths", [None, np.array([2, 5, 1, 4])])
def test_dropout_shows_the_weights_the_same_part_at_every_step(cell, lengths):
    """Gal & Ghahramani's: one mask a sequence, for x and for h₋, and all gates see the same."""
    rng, N, T, D, H = np.random.default_rng(4), 4, 5, 6, 5
    layer = cell(H, dropout=0.3, recurrent_dropout=0.4, return_sequences=True)
    build(layer, (T, D), rng)
    x, dy = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    layer._noise, same = np.random.default_rng(9), np.random.default_rng(9)
    y = layer.forward(x, training=True, lengths=lengths)
    of_x, of_h = ((same.random((N, n)) >= share) / (1 - share) for n, share in ((D, 0.3), (H, 0.4)))
    assert 0 < np.mean(of_x > 0) < 1
    assert 0 < np.mean(of_h > 0) < 1
    settings = {"return_sequences": True, "lengths": lengths, "shown": of_h}
    settings |= {"reset_after": True} if "bh_c" in layer.params else {}
    settings |= {"sigmas": ["sigmoid"] * 3} if isinstance(layer, LSTM) else {}

    def outputs(arrays):
        return oracle.recurrent({**arrays, "x": arrays["x"] * of_x[:, None]}, **settings)

    arrays = {"x": x, **layer.params}
    assert_allclose(y, outputs(arrays).real, rtol=1e-12, atol=1e-12)
    if lengths is not None:
        dy *= (np.arange(T) < lengths[:, None])[..., None]
    found = {"x": layer.backward(dy)}
    layer.gradients()
    for name, gradient in (found | layer.grads).items():
        direction = rng.normal(size=gradient.shape)
        slope = oracle.slope(outputs, arrays, name, direction, dy)
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-10, abs=1e-10), name


def test_dropout_is_for_training_only_and_keeps_the_mean():
    x = np.random.default_rng(0).normal(size=(5, 4, 2))
    layer, plain = (
        build(RNN(3, **share), (4, 2), np.random.default_rng(1)) for share in ({"dropout": 0.9}, {})
    )
    np.testing.assert_array_equal(layer.forward(x), plain.forward(x))
    mask = layer._draw_mask(0.25, (400, 50))
    assert set(np.unique(mask)) == {0.0, 1 / 0.75}
    assert abs(np.mean(mask > 0) - 0.75) < 4.5 * np.sqrt(0.25 * 0.75 / mask.size)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
@pytest.mark.parametrize("argument", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_dropout_is_of_a_part(cell, argument, share):
    with pytest.raises(ValueError, match=rf"^{cell.__name__}: {argument} must be"):
        cell(2, **{argument: share})


# ---- both directions ------------------------------------------------------------------------------------

CELLS = {
    "RNN": (RNN, {"sigmas": []}),
    "GRU": (gru_reset_after, {"reset_after": True}),
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
    layer = build(Bidirectional(new(H, return_sequences=return_sequences), merge), (4, 3), rng)
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

    options = {"lengths": lengths, "initial_state": start}
    for training in (False, True):
        y = layer.forward(arrays["x"], training, **options)
        assert_allclose(y, outputs(arrays).real, rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=y.shape)
    if return_sequences and lengths is not None:
        dy[np.arange(4) >= lengths[:, None]] = 0
    found = {"x": layer.backward(dy), "initial_state": layer.initial_gradient}
    layer.gradients()
    for name, gradient in (found | layer.grads).items():
        for direction in rng.normal(size=(2, *gradient.shape)):
            slope = oracle.slope(outputs, arrays, name, direction, dy)
            assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-10, abs=1e-10), name


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_bidirectional_ends_with_the_states_of_both_side_by_side(cell):
    rng = np.random.default_rng(12)
    layer = build(Bidirectional(cell(3)), (5, 2), rng)
    x, lengths, start = (
        rng.normal(size=(4, 5, 2)),
        np.array([5, 1, 3, 2]),
        rng.normal(size=(4, layer._state_size)),
    )
    with pytest.raises(RuntimeError, match=r"Bidirectional\(\w+\(3\)\): final_state comes after forward"):
        _ = layer.final_state
    assert not hasattr(layer, "initial_gradient")
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
        build(layer, (5, 3), np.random.default_rng(14))
        layer._noise = np.random.default_rng(15)
        y.append(layer.forward(x, training=True))
    np.testing.assert_array_equal(*y)
    setattr(later.layer, share, 0.0)
    np.testing.assert_array_equal(later.forward(x, training=True), later.forward(x))


# ---- PyTorch --------------------------------------------------------------------------------------------


def recorded(case, *folders):
    """Return the arrays of a case, or of a folder in it, by name."""
    prefix = "/".join([case, *folders, ""])
    names = {key.removeprefix(prefix): array for key, array in RECORDED.items() if key.startswith(prefix)}
    return {name: array for name, array in names.items() if "/" not in name}


def torch_layer(case, **settings):
    """Return the layer of nnfw that a case asks for, with PyTorch's weights."""
    params = recorded(case, "params")
    if case.startswith("linear"):
        layer = Dense(params["W"].shape[1])
    else:
        settings |= {"go_backwards": case.endswith("_reverse"), "use_bias": "no_bias" not in case}
        H = recorded(case)["h_last"].shape[1]
        relu = "relu" if "relu" in case else "tanh"
        if case.startswith("lstm"):
            layer = LSTM(H, **settings)
        else:
            layer = (
                GRU(H, reset_after=True, **settings) if case.startswith("gru") else RNN(H, relu, **settings)
            )
    layer.compute_shapes(recorded(case)["x"].shape[1:])
    layer.initialize(np.random.default_rng(0), "float64")
    assert set(params) == set(layer.params)
    for name, p in layer.params.items():
        p[...] = params[name]
    return layer


CASES = sorted({key.partition("/")[0] for key in RECORDED})
RUNS = [(case, which) for case in CASES for which in ("sequence", "last") if recorded(case, which)]


@pytest.mark.parametrize(("case", "which"), RUNS)
def test_outputs_and_gradients_are_those_of_pytorch(case, which):
    arrays, gradients = recorded(case), recorded(case, which)
    options = {name: arrays[name] for name in ("lengths", "initial_state") if name in arrays}
    layer = torch_layer(case, return_sequences=which == "sequence") if options else torch_layer(case)
    y, dy = ("y", "dy") if which == "sequence" else ("h_last", "dh_last")
    for training in (False, True):
        assert_allclose(layer.forward(arrays["x"], training, **options), arrays[y], rtol=0, atol=1e-12)
    found = {"x": layer.backward(arrays[dy])}
    layer.gradients()
    found |= layer.grads
    if options:
        found["initial_state"] = layer.initial_gradient
    assert set(found) == set(gradients)
    for name, gradient in gradients.items():
        assert_allclose(found[name], gradient, rtol=0, atol=1e-12, err_msg=name)


# ---- documented shapes, with primes, so that no axis is taken for another -------------------------------

N, T, D, H = 2, 3, 5, 7
DENSE = {"x": (N, D), "y": (N, H), "ds": (N, H)}
STATES = {"x": (N, T, D), "h": (N, T, H), "dh": (N, T, H)}
GATES_KEPT = {f"{of}{gate}": (N, T, H) for of in ("", "ds_") for gate in "zrc"}
GATE_PARAMS = {
    f"{name}_{gate}": shape
    for name, shape in {"Wx": (D, H), "Wh": (H, H), "b": (H,)}.items()
    for gate in "zrc"
}
LSTM_PARAMS = {
    f"{name}_{gate}": shape
    for name, shape in {"Wx": (D, H), "Wh": (H, H), "b": (H,)}.items()
    for gate in "ifog"
}
LSTM_KEPT = dict.fromkeys(("c", "v"), (N, T, H))
LSTM_KEPT |= {f"{of}{gate}": (N, T, H) for of in ("", "ds_") for gate in "ifog"}
SHAPES = {
    "dense": (Dense(H), (N, D), {"W": (D, H), "b": (H,)}, DENSE),
    "dense in time": (
        *(Dense(H), (N, T, D), {"W": (D, H), "b": (H,)}),
        {name: (N, T, shape[-1]) for name, shape in DENSE.items()},
    ),
    "rnn": (RNN(H), (N, T, D), {"Wx": (D, H), "Wh": (H, H), "b": (H,)}, STATES | {"ds": (N, T, H)}),
    "gru": (GRU(H), (N, T, D), GATE_PARAMS, STATES | GATES_KEPT | {"q": (N, T, H), "ds": (N, T, 3 * H)}),
    "lstm": (LSTM(H), (N, T, D), LSTM_PARAMS, STATES | LSTM_KEPT | {"ds": (N, T, 4 * H)}),
    "gru, reset after": (
        *(GRU(H, reset_after=True), (N, T, D), GATE_PARAMS | {"bh_c": (H,)}),
        STATES | GATES_KEPT | {"u": (N, T, H), "du": (N, T, H), "ds": (N, T, 3 * H)},
    ),
}


SHAPE_RUNS = [(name, None) for name in SHAPES] + [(name, [3, 2]) for name in SHAPES if "dense" not in name]


@pytest.mark.parametrize(("name", "lengths"), SHAPE_RUNS)
def test_every_array_has_its_documented_shape(name, lengths):
    layer, shape, params, cache = SHAPES[name]
    rng = np.random.default_rng(0)
    output_shape = layer.compute_shapes(shape[1:])
    layer.initialize(rng)
    options = {"lengths": np.array(lengths)} if lengths else {}
    y = layer.forward(rng.normal(size=shape), training=True, **options)
    dx = layer.backward(rng.normal(size=y.shape))
    layer.gradients()
    assert y.shape == (N, *output_shape)
    assert dx.shape == shape
    assert {key: p.shape for key, p in layer.params.items()} == params
    assert {key: g.shape for key, g in layer.grads.items()} == params
    assert {key: layer.cache[key].shape for key in layer.cache} == cache
    if layer.takes_lengths:
        assert layer.initial_gradient.shape == layer.final_state.shape == (N, layer._state_size)
