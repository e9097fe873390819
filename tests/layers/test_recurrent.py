"""RNN, GRU, LSTM and GRUD: the oracle's values (see `oracle`), lengths and states, dropout, shapes."""

import functools
import weakref

import numpy as np
import oracle
import pytest
from alike import for_each
from built import RECURRENT, D, H, N, T, build, new, randomized, step, x
from numpy.testing import assert_allclose
from refusals import message

import nnfw
from nnfw import GRU, GRUD, LSTM, RNN, Dense, ShapeError
from nnfw.activations import Activation, Sigmoid
from nnfw.layers import loops, recurrent
from nnfw.layers.recurrent import Recurrent

ELEMENTWISE = list(oracle.ACTIVATIONS)
GATES = ["sigmoid", "hard_sigmoid", "tanh", "softsign", "silu", "gelu"]  # with others, states explode
KINDS = {"RNN": 100, "GRU": 300, "LSTM": 300, "GRUD": 100}  # random configurations of each


def gru_reset_after(units, **options):
    return GRU(units, reset_after=True, **options)


CELLS = [RNN, GRU, gru_reset_after, LSTM, GRUD]


def test_each_cell_has_an_oracle():
    cells = {kind for kind in vars(nnfw).values() if isinstance(kind, type) and issubclass(kind, Recurrent)}
    assert cells == {type(make(2)) for make in CELLS} == {getattr(nnfw, kind) for kind in KINDS}


class Case:
    """One random configuration of a layer, its input, and what the oracle takes in its place."""

    def __init__(self, kind, seed):
        self.rng = np.random.default_rng([seed, list(KINDS).index(kind)])
        self.N, self.T, self.D, self.H = (int(n) for n in self.rng.choice([1, 2, 3, 4], size=4))
        order = {"go_backwards": self.chance(0.5), "return_sequences": self.chance(0.5)}
        self.settings = order | {"activation": "tanh" if self.chance(0.4) else self.choice(ELEMENTWISE)}
        self.lengths = None
        self.layer = self.draw_layer(kind, order | {"use_bias": self.chance(0.8)})
        self.D *= 3 if kind == "GRUD" else 1  # values, mask and time
        randomized(self.layer, (self.T, self.D), self.rng)
        self.arrays = {"x": self.rng.normal(size=(self.N, self.T, self.D)), **self.layer.params}
        self.draw_lengths_and_state()

    def chance(self, share):
        return bool(self.rng.random() < share)

    def choice(self, names):
        return str(self.rng.choice(names))

    def draw_layer(self, kind, options):
        φ = self.settings["activation"]
        if kind == "RNN":
            return RNN(self.H, φ, **options)
        self.settings["sigmas"], given = self.draw_sigmas("ifo" if kind == "LSTM" else "zr")
        if kind == "LSTM":
            return LSTM(self.H, φ, given, **options)
        if kind == "GRUD":
            return GRUD(self.H, φ, given, **options)
        self.settings["reset_after"] = self.chance(0.5)
        return GRU(self.H, φ, given, reset_after=self.settings["reset_after"], **options)

    def draw_sigmas(self, gates):
        """Return a name for each gate, and recurrent_activation in one of the forms that it may take."""
        form = self.rng.integers(3)
        if form < 2:
            σ = self.choice(GATES) if form else "sigmoid"
            return (σ,) * len(gates), σ
        given = {gate: self.choice(GATES) for gate in reversed(gates) if self.chance(0.7)}
        return tuple(given.get(gate, "sigmoid") for gate in gates), given

    def draw_lengths_and_state(self):
        if self.chance(0.5):
            self.lengths = self.settings["lengths"] = self.rng.integers(1, self.T + 1, size=self.N)
            self.arrays["x"][np.arange(self.T) >= self.lengths[:, None]] = np.nan  # must never be read
        if self.chance(0.5):
            self.arrays["initial_state"] = self.rng.normal(size=(self.N, self.layer._state_size))


SEEDS = 20  # configurations a test
BLOCKS = [(kind, first) for kind, n in KINDS.items() for first in range(0, n, SEEDS)]


@pytest.mark.parametrize(
    ("kind", "first"), [pytest.param(*block, marks=[pytest.mark.slow] * (block[1] > 0)) for block in BLOCKS]
)
def test_outputs_and_gradients_are_those_of_the_oracle(kind, first, monkeypatch):
    for seed in range(first, first + SEEDS):
        case = Case(kind, seed)
        # Small pieces, so that the seams between them are crossed.
        monkeypatch.setattr(recurrent, "INFERENCE_ROWS", [1, 2 * case.N, 2048][seed % 3])
        monkeypatch.setattr(loops, "BLOCK", [1, 2 * case.N * case.H, 1 << 15][seed % 3])
        outputs = functools.partial(oracle.recurrent, **case.settings)
        oracle.compare(
            case.layer, case.arrays, outputs, case.rng, case.lengths, every_entry=seed % SEEDS == 0
        )


@pytest.mark.parametrize("forget_bias", [1.0, -0.5])
def test_the_forget_gate_of_an_lstm_starts_open(forget_bias):
    layer = LSTM(3) if forget_bias == 1.0 else LSTM(3, forget_bias=forget_bias)
    layer.compute_shapes((4, 2))
    layer.initialize(np.random.default_rng(0))
    biases = {gate: layer.params[f"b_{gate}"].tolist() for gate in "ifog"}
    assert biases == {"i": [0] * 3, "f": [forget_bias] * 3, "o": [0] * 3, "g": [0] * 3}


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_there_is_no_final_state_before_a_training_pass(cell):
    layer = randomized(cell(2), (3, 1), np.random.default_rng(0))
    layer.forward(np.zeros((2, 3, 1)))
    with pytest.raises(RuntimeError, match=r"final_state requires forward\(x, training=True\)"):
        _ = layer.final_state


# ---- lengths and states ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@for_each("training", [False, True])
@for_each(
    ("lengths", "error", "said"),
    [
        ([0, T + 1], ValueError, f"must lie in 0 to {T}, the steps of x; got 0 to {T + 1}"),
        ([-1, 2], ValueError, "-1 to 2"),
        ([1], ShapeError, "(1,)"),
        ([[1, 2]], ShapeError, "(1, 2)"),
        ([1.0, 2.0], (TypeError, ShapeError), "float64"),
        ([True, True], (TypeError, ShapeError), "bool"),
    ],
)
def test_lengths_that_do_not_fit(layer, training, lengths, error, said):
    found = message(error, lambda: new(layer).forward(x, training, lengths=lengths))
    assert "lengths must" in found
    assert said in found


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@for_each("shape", [(N, H - 1), (N + 1, H), (1, H), (H,), ()])
def test_an_initial_state_that_does_not_fit(layer, shape):
    found = message(ShapeError, lambda: new(layer).forward(x, initial_state=np.ones(shape)))
    assert f"initial_state must be (samples, state) = {(N, H)}, got {shape}" in found


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@for_each("training", [False, True])
def test_sequences_of_no_steps_leave_the_state_as_it_is(layer, training):
    start = np.random.default_rng(4).normal(size=(N, H))
    y = new(layer).forward(x[:, :0], training, initial_state=start)
    assert np.array_equal(y, np.empty((N, 0, H)) if layer.return_sequences else start)


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
@pytest.mark.parametrize("training", [False, True])
def test_lengths_of_any_integer_type(layer, dtype, training, monkeypatch):
    monkeypatch.setattr(recurrent, "INFERENCE_ROWS", 4)
    layer, lengths = new(layer), np.array([1, T])
    expected = layer.forward(x, training, lengths=lengths)
    assert np.array_equal(layer.forward(x, training, lengths=lengths.astype(dtype)), expected)


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
@for_each("training", [False, True])
def test_states_and_lengths_may_be_lists(layer, training):
    layer, start = new(layer), np.random.default_rng(2).normal(size=(N, H))
    given = layer.forward(x, training, [1, T], start.tolist())
    assert np.array_equal(given, layer.forward(x, training, np.array([1, T]), start))


@pytest.mark.parametrize("layer", RECURRENT, ids=repr)
def test_two_halves_read_one_after_the_other_are_the_whole(layer):
    layer, long = new(layer), np.random.default_rng(3).normal(size=(N, 2 * T, D))
    first, second = (long[:, T:], long[:, :T]) if layer.go_backwards else (long[:, :T], long[:, T:])
    last = first_read = layer.forward(first)
    if layer.return_sequences:
        last = first_read[:, 0] if layer.go_backwards else first_read[:, -1]
    rest = layer.forward(second, initial_state=last)
    whole = layer.forward(long)
    if layer.return_sequences:
        whole = whole[:, :T] if layer.go_backwards else whole[:, T:]
    assert_allclose(rest, whole, rtol=1e-13, atol=1e-13)


# ---- dropout --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, np.array([2, 5, 1, 4])])
@pytest.mark.slow
def test_dropout_shows_the_weights_the_same_part_at_every_step(cell, lengths):
    """Gal & Ghahramani's: one mask a sequence, for x and for h₋, and all gates see the same."""
    rng, N, T, D, H = np.random.default_rng(4), 4, 5, 6, 5
    layer = cell(H, dropout=0.3, recurrent_dropout=0.4, return_sequences=True)
    randomized(layer, (T, D), rng)
    x, dy = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    layer._noise, same = np.random.default_rng(9), np.random.default_rng(9)
    y = layer.forward(x, training=True, lengths=lengths)
    F = len(layer._blocks["Wx"])  # not D for a GRUD, whose weights see values and mask
    of_x, of_h = ((same.random((N, n)) >= share) / (1 - share) for n, share in ((F, 0.3), (H, 0.4)))
    np.testing.assert_array_equal(layer.cache["x_mask"], of_x)
    np.testing.assert_array_equal(layer.cache["h_mask"], of_h)
    assert {"x_mask", "h_mask"} <= dict(layer.cache).keys()
    assert 0 < np.mean(of_x > 0) < 1
    assert 0 < np.mean(of_h > 0) < 1
    settings = {"return_sequences": True, "lengths": lengths, "shown": of_h, "shown_x": of_x}
    settings |= {"reset_after": True} if "bh_c" in layer.params else {}
    settings |= {"sigmas": ["sigmoid"] * 3} if isinstance(layer, LSTM) else {}

    outputs, arrays = functools.partial(oracle.recurrent, **settings), {"x": x, **layer.params}
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
        randomized(RNN(3, **share), (4, 2), np.random.default_rng(1)) for share in ({"dropout": 0.9}, {})
    )
    np.testing.assert_array_equal(layer.forward(x), plain.forward(x))
    mask = layer._draw_mask(0.25, (400, 50))
    assert set(np.unique(mask)) == {0.0, 1 / 0.75}
    assert abs(np.mean(mask > 0) - 0.75) < 4.5 * np.sqrt(0.25 * 0.75 / mask.size)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM, GRUD])
@for_each("argument", ["dropout", "recurrent_dropout"])
@for_each("share", [-0.1, 1.0])
def test_dropout_is_of_a_part(cell, argument, share):
    with pytest.raises(ValueError, match=rf"^{cell.__name__}: {argument} must be"):
        cell(2, **{argument: share})


# ---- documented shapes, with primes, so that no axis is taken for another -------------------------------

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
GRUD_PARAMS = {name: (2 * D, H) if "Wx" in name else shape for name, shape in GATE_PARAMS.items()}
GRUD_PARAMS |= {"Wd_x": (D,), "bd_x": (D,), "Wd_h": (D, H), "bd_h": (H,)}
GRUD_KEPT = {"x": (N, T, 3 * D), "u": (N, T, 2 * D), "gamma_x": (N, T, D), "ds_x": (N, T, D)}
GRUD_KEPT |= dict.fromkeys(("gamma_h", "k", "q", "dk", "ds_h"), (N, T, H)) | {"ds": (N, T, 3 * H)}
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
    "grud": (
        *(GRUD(H), (N, T, 3 * D), GRUD_PARAMS),
        STATES | GATES_KEPT | GRUD_KEPT,
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


@for_each("sequences", [False, True])
@for_each("lengths", [None, [2, 3, 1]])
@pytest.mark.parametrize("cell", CELLS)
def test_what_a_pass_returns_is_not_written_into_by_later_ones(cell, lengths, sequences):
    rng = np.random.default_rng(0)
    layer = randomized(cell(4, return_sequences=sequences), (3, 3), rng)
    options = {"lengths": None if lengths is None else np.array(lengths)}

    def results():
        x = rng.normal(size=(3, 3, 3))
        y = layer.forward(x, training=True, **options)
        state, dx = layer.final_state, layer.backward(rng.normal(size=y.shape))
        return [y, state, dx, layer.initial_gradient, *layer.forward_with_state(x, **options)]

    first = results()
    copies = [np.array(one) for one in first]
    results()
    for one, copied in zip(first, copies, strict=True):
        np.testing.assert_array_equal(one, copied)


@pytest.mark.parametrize("cell", [RNN, GRU, gru_reset_after, LSTM])
@pytest.mark.slow
def test_a_layer_that_has_read_other_batches_computes_what_a_new_one_does(cell):
    """Memory is kept by the shape of the batch, and several shapes lie in the same."""
    rng = np.random.default_rng(0)
    layer = randomized(cell(4, return_sequences=True), (None, 2), rng)
    shapes = [(3, 5), (2, 5), (3, 5), (6, 9), (3, 5), (2, 5), (3, 2), (1, 5), (3, 5), (1, 5)]
    changes = [{}, {"activation": "softsign"}, {}, {"return_sequences": False}, {"activation": "gelu"}]
    for k, (n, t) in enumerate(shapes * 3):
        for name, value in changes[k % len(changes)].items():
            setattr(layer, name, value)
        x, lengths = rng.normal(size=(n, t, 2)), rng.integers(1, t + 1, size=n) if k % 4 == 3 else None
        new = build(type(layer)(**layer.config), (None, 2))
        new.flat_params[...] = layer.flat_params
        dy = rng.normal(size=layer.forward(x, lengths=lengths).shape)
        for one in (layer, new):
            step(one, x, dy, lengths=lengths)
        np.testing.assert_array_equal(layer.backward(dy), new.backward(dy))
        np.testing.assert_array_equal(layer.final_state, new.final_state)
        np.testing.assert_array_equal(layer.initial_gradient, new.initial_gradient)
        np.testing.assert_array_equal(layer.flat_grads, new.flat_grads)
        for name in layer.cache:
            np.testing.assert_array_equal(layer.cache[name], new.cache[name])


def test_the_gradient_of_the_cell_state_follows_from_the_cache():
    """As the docstring of LSTM says."""
    layer = randomized(LSTM(H, return_sequences=True), (T, D), np.random.default_rng(2))
    layer.backward(np.random.default_rng(3).normal(size=layer.forward(x, training=True).shape))
    dc = layer.cache["ds_g"] / (layer.cache["i"] * (1 - layer.cache["g"] ** 2))
    dh, o, v, f = (layer.cache[name] for name in ("dh", "o", "v", "f"))
    expected = dh * o * (1 - v**2)  # (6), and what comes from the next step: (5)
    for t in reversed(range(T - 1)):
        expected[:, t] += expected[:, t + 1] * f[:, t + 1]
    assert_allclose(dc, expected, rtol=1e-9)


@for_each("sequences", [False, True])
@pytest.mark.parametrize("cell", [RNN, GRU, gru_reset_after, LSTM])
def test_after_a_forward_pass_that_fails_there_is_none(cell, sequences):
    class Stopping(Activation):
        left = 10**9

        def __call__(self, s, out=None):
            type(self).left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return np.tanh(s, out)

        def derivative(self, y, s=None, out=None):
            return np.subtract(1, y * y, out=out)

    layer = cell(3, activation=Stopping(), return_sequences=sequences)
    randomized(layer, (T, D), np.random.default_rng(0))
    dy = np.ones(layer.forward(x, training=True).shape)
    expected = layer.backward(dy)
    Stopping.left = 1
    with pytest.raises(KeyboardInterrupt):
        layer.forward(2 * x, training=True)
    for use in (lambda: layer.backward(dy), lambda: layer.final_state):
        with pytest.raises(RuntimeError, match="requires forward"):
            use()
    Stopping.left = 10**9
    layer.forward(x, training=True)
    np.testing.assert_array_equal(layer.backward(dy), expected)


@pytest.mark.parametrize("cell", [GRU, gru_reset_after, LSTM, GRUD])
def test_an_own_gate_is_given_the_scores_times_its_scale(cell):
    class Doubled(Sigmoid):
        needs_input, gate_scale = True, 0.5

        def gate(self, s, out=None):
            return self(2 * s, out)

        def derivative(self, y, s=None, out=None):
            return super().derivative(self(s), out=out)

    rng = np.random.default_rng(0)
    own, plain = (build(cell(4, recurrent_activation=σ), (3, 3)) for σ in (Doubled(), "sigmoid"))
    own.flat_params[...] = plain.flat_params[...] = rng.normal(size=plain.size)
    x, dy = np.abs(rng.normal(size=(5, 3, 3))), rng.normal(size=(5, 4))
    assert_allclose(step(own, x, dy), step(plain, x, dy), rtol=1e-10, atol=1e-14)
    assert_allclose(own.forward(x), plain.forward(x), rtol=1e-12)
    assert_allclose(own.flat_grads, plain.flat_grads, rtol=1e-10, atol=1e-14)


def test_outgrown_memory_is_not_kept():
    layer = randomized(LSTM(8, return_sequences=True), (None, 2), np.random.default_rng(0))
    kept = []
    for t in (5, 10, 20, 40):
        layer.backward(layer.forward(np.zeros((2, t, 2)), training=True))
        kept.append(weakref.ref(layer._pass))
    assert [one() is not None for one in kept] == [False, False, False, True]


@pytest.mark.parametrize("cell", [RNN, GRU, gru_reset_after, LSTM])
def test_an_output_that_its_caller_gives_up_is_not_kept(cell):
    layer = randomized(cell(3, return_sequences=True), (None, 2), np.random.default_rng(0))
    for t in (5, 4, 5, 4, 5):
        output = layer.forward(np.zeros((2, t, 2)), training=True).base
        kept = weakref.ref(output)
        del output
        assert kept() is not None  # for `backward`
        layer.forward(np.zeros((2, 9 - t, 2)), training=True)
        assert kept() is None


@pytest.mark.parametrize("cell", [GRU, gru_reset_after, LSTM, GRUD])
def test_gates_that_are_shut_or_open_are_0_or_1_without_a_warning(cell):
    layer, rng = cell(4), np.random.default_rng(0)
    layer.compute_shapes((3, 3))
    layer.initialize(rng)  # float32, where exp(89) overflows
    x = 1e4 * rng.normal(size=(5, 3, 3))
    assert np.isfinite(layer.forward(x)).all()
    layer.forward(x, training=True)
    first = layer.cache[layer.gates[0]]
    assert set(np.unique(first.round(6))) >= {0.0, 1.0}
