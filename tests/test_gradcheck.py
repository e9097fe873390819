"""The checks are checked: right layers and networks pass, and each fault is found and named."""

import copy
import doctest
import functools
import pickle

import mpmath
import numpy as np
import pytest
from alike import for_each
from own import Gain
from untrained import untrained

from nnfw import GRU, GRUD, LSTM, RNN, Dense, Layer, LayerNorm, Network, ShapeError
from nnfw.gradcheck import CheckError, Report, check_layer, check_network, numeric_gradient
from nnfw.gradcheck.differences import compare
from nnfw.losses import MSE

rng = np.random.default_rng(0)


# ---- finite differences -----------------------------------------------------------------------------------


def exact_slope(x):
    with mpmath.workdps(40):
        return np.array(
            [float(mpmath.diff(lambda v: mpmath.sin(v) * mpmath.exp(v), mpmath.mpf(v))) for v in x]
        )


def wave(x):
    return np.sum(np.sin(x) * np.exp(x))


def test_numeric_gradient_agrees_with_mpmath_and_changes_nothing():
    x = rng.normal(size=(2, 3))
    x.flags.writeable = False
    found = numeric_gradient(wave, x)
    assert found.shape == x.shape
    np.testing.assert_allclose(found.ravel(), exact_slope(x.ravel()), rtol=1e-10)


@pytest.mark.parametrize(("extrapolations", "order"), [(0, 2), (1, 4), (2, 6)])
def test_the_error_falls_with_the_step_as_promised(extrapolations, order):
    x = np.array([0.3, -1.1, 0.7])
    errors = [
        np.abs(numeric_gradient(wave, x, step, extrapolations).ravel() - exact_slope(x)).max()
        for step in (0.4, 0.2)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


def test_numeric_gradient_of_one_number_and_of_none():
    assert numeric_gradient(lambda v: v**3, 2.0) == pytest.approx(12.0, rel=1e-10)
    assert numeric_gradient(np.sum, np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("size", [1, 10, 5000])
@pytest.mark.slow
def test_one_wrong_entry_is_found_among_many(size):
    x = rng.normal(size=size)
    gradient = np.cos(x)
    assert compare(lambda x: np.sum(np.sin(x)), x, gradient, "dx", 1e-6) < 1e-8
    gradient[size // 2] += 1e-3
    with pytest.raises(CheckError, match="dx disagrees with finite differences"):
        compare(lambda x: np.sum(np.sin(x)), x, gradient, "dx", 1e-6)


def test_the_wrong_entry_is_shown_with_what_it_should_be():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    gradient = 2 * x
    gradient[1, 2] = -7.5
    with pytest.raises(CheckError, match=r"dx\[1, 2\] is -7.5, expected 12$"):
        compare(lambda x: np.sum(x**2), x, gradient, "dx", 1e-6)


@pytest.mark.parametrize("factor", [-1.0, 0.0, 0.25])
def test_a_factor_that_is_wrong_everywhere_is_named(factor):
    x = rng.normal(size=7)
    with pytest.raises(CheckError, match=f"everywhere it is {factor:g} times the expected value"):
        compare(lambda x: np.sum(x**2), x, factor * 2 * x, "dx", 1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_fails(bad):
    x = rng.normal(size=4)
    gradient = 2 * x
    gradient[1] = bad
    with pytest.raises(CheckError):
        compare(lambda x: np.sum(x**2), x, gradient, "dx", 1e-6)


def test_a_function_that_is_not_finite_fails():
    with pytest.raises(CheckError):
        compare(lambda x: np.nan, np.ones(2), np.ones(2), "dx", 1e-6)


def test_a_kink_close_by_is_no_fault():
    x = np.array([2e-4, -1.0, 1.0])
    assert compare(lambda x: np.sum(np.maximum(x, 0)), x, np.array([1.0, 0.0, 1.0]), "dx", 1e-6) < 1e-6


def test_shapes_must_be_equal():
    with pytest.raises(CheckError, match=r"dx has shape \(3, 1\), expected \(3,\)"):
        compare(np.sum, np.ones(3), np.ones((3, 1)), "dx", 1e-6)


def test_the_report_is_a_table():
    report = Report("GRU(2)", {"dx": 3.26e-9, "dWx_z": 1e-11}, ("shapes",))
    assert report.worst == 3.26e-9
    head, _, *rows = str(report).splitlines()
    assert head.split() == ["GRU(2)", "relative", "error"]
    assert [row.split() for row in rows] == [["dx", "3.3e-09"], ["dWx_z", "1.0e-11"], ["shapes", "passed"]]


# ---- a layer of one's own, right, and with one fault each -----------------------------------------------


class Affine(Layer):
    """y = x W + b, as a student would write it."""

    def __init__(self, units=4):
        self.units = units

    def compute_shapes(self, input_shape):
        if len(input_shape) != 1:
            raise ShapeError(f"{self._label}: expects (samples, features), got {('samples', *input_shape)}")
        self.add_parameter("W", (*input_shape, self.units), "glorot_uniform")
        self.add_parameter("b", (self.units,), "zeros")
        return (self.units,)

    def forward(self, x, training=False):
        self.check_input(x, len(self.params["W"]), (2,))
        if training:
            self.cache = {"x": x}
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy):
        self.cache = {"x": self._recall("x", "backward"), "dy": dy}
        return dy @ self.params["W"].T

    def gradients(self):
        dy = self._recall("dy", "gradients")
        self.grads["W"][...] = self.cache["x"].T @ dy
        self.grads["b"][...] = dy.sum(axis=0)


def changed(base, **methods):
    """Return a class with some methods replaced; each takes the original one before all else."""

    def replaced(name, method):
        original = getattr(base, name)

        @functools.wraps(original)
        def wrong(self, *args, **kwargs):
            return method(functools.partial(original, self), self, *args, **kwargs)

        return wrong

    return type(f"Wrong{base.__name__}", (base,), {name: replaced(name, m) for name, m in methods.items()})


def in_place(array, factor):
    array *= factor
    return array


def own_arrays(original, self, rng, dtype):
    original(rng, dtype)
    vars(self)["params"] = {name: p.copy() for name, p in self.params.items()}


def no_seed(original, self, rng, dtype):
    original(rng, dtype)
    self.params["W"][...] += np.random.default_rng().normal(size=self.params["W"].shape)


def half_filled(original, self, rng, dtype):
    original(rng, dtype)
    self.params["b"][1:] = np.nan


def accumulate(original, self):
    before = self.flat_grads.copy()
    original()
    self.flat_grads += before


def stale(original, self):
    if not hasattr(self, "first"):
        original()
        self.first = self.flat_grads.copy()
    self.flat_grads[...] = self.first


def disturbed(original, self, x, training=False):
    if not training and self.cache:
        self.cache = {"x": np.resize(x, self.cache["x"].shape)}
    return original(x, training)


def transposed(original, self):
    original()
    self.grads["b"][...] = self.grads["b"][::-1].copy()


def half(name, factor=0.5):
    def gradients(original, self):
        original()
        self.grads[name][...] *= factor

    return gradients


AFFINE_FAULTS = {
    "compute_shapes returns nothing": (
        {"compute_shapes": lambda f, self, shape: f(shape) and None},
        "compute_shapes must return the output's shape, got None",
    ),
    "forward returns nothing": (
        {"forward": lambda f, self, x, training=False: None},
        r"forward returns shape \(\), but compute_shapes \(3, 4\)",
    ),
    "backward returns nothing": (
        {"backward": lambda f, self, dy: (f(dy), None)[1]},
        "backward must return dx, an array, got None",
    ),
    "compute_shapes says another shape": (
        {"compute_shapes": lambda f, self, shape: (*f(shape), 1)},
        r"forward returns shape \(3, 4\), but compute_shapes \(3, 4, 1\)",
    ),
    "initialize: arrays of its own": (
        {"initialize": own_arrays},
        "params must be views that fill flat_params",
    ),
    "initialize: no seed": ({"initialize": no_seed}, "one seed gives two different W"),
    "initialize: nan": ({"initialize": half_filled}, "b is not finite"),
    "forward changes x": (
        {"forward": lambda f, self, x, training=False: f(in_place(x, 2.0), training)},
        "forward changes its input",
    ),
    "forward mixes samples": (
        {"forward": lambda f, self, x, training=False: f(x, training) + 0.01 * x.mean()},
        r"sample 0 alone \(N=1\) differs",
    ),
    "forward in inference disturbs": ({"forward": disturbed}, "depends on earlier passes"),
    "forward in inference keeps": (
        {"forward": lambda f, self, x, training=False: f(x, True)},
        "dW depends on earlier passes: keep arrays only in training",
    ),
    "forward differs in training": (
        {"forward": lambda f, self, x, training=False: f(x, training) * (1 + 1e-4 * training)},
        "differs between training and inference",
    ),
    "forward in float64": (
        {"forward": lambda f, self, x, training=False: f(x, training) * np.float64(1)},
        "y is float64 in a float32 layer",
    ),
    "backward in float64": ({"backward": lambda f, self, dy: f(dy) * np.float64(1)}, "dx is float64"),
    "backward changes dy": (
        {"backward": lambda f, self, dy: f(in_place(dy, 2.0)) / 2},
        "backward changes its argument",
    ),
    "backward with a wrong sign": (
        {"backward": lambda f, self, dy: -f(dy)},
        "backward: .*dx .* -1 times the expected",
    ),
    "backward of another shape": ({"backward": lambda f, self, dy: f(dy)[:, :-1]}, r"dx has shape \(3, 4\)"),
    "backward off by 1e-5": ({"backward": lambda f, self, dy: f(dy) * 1.00001}, "backward: .*dx disagrees"),
    "gradients averaged": (
        {"gradients": half("W", 1 / 3)},
        "gradients: .*dW .* 0.333 times the expected value",
    ),
    "gradients of b halved": ({"gradients": half("b")}, "gradients: .*db .* 0.5 times"),
    "gradients left at zero": ({"gradients": half("b", 0.0)}, "gradients: .*db .* 0 times"),
    "gradients in another order": ({"gradients": transposed}, "gradients: .*db disagrees"),
    "gradients add up": ({"gradients": accumulate}, "depends on earlier passes"),
    "gradients of the first batch": ({"gradients": stale}, "depends on earlier passes"),
}


def test_a_right_layer_passes():
    report = check_layer(Affine())
    assert set(report.errors) == {"dx", "dW", "db"}
    assert report.worst < 1e-9
    assert "lengths" not in report.passed
    assert {"shapes", "gradients", "training"} <= set(report.passed)


@for_each("fault", AFFINE_FAULTS)
def test_each_fault_of_a_layer_is_found_and_named(fault):
    methods, message = AFFINE_FAULTS[fault]
    with pytest.raises(CheckError, match=message) as caught:
        check_layer(changed(Affine, **methods)())
    assert len(str(caught.value)) < 500
    assert str(caught.value).startswith("WrongAffine(")


def test_a_fault_that_the_first_weights_hide_is_found(one_direction):
    forgetful = changed(LayerNorm, backward=lambda original, self, dy: original(dy / self.params["gain"]))
    with pytest.raises(CheckError, match="dx disagrees"):
        check_layer(forgetful())  # a gain begins with 1


def reads_padding(original, self, x, training=False, lengths=None, initial_state=None):
    return original(np.nan_to_num(x), training, None, initial_state)


def reads_a_step_too_few_in_training(original, self, x, training=False, lengths=None, initial_state=None):
    lengths = np.maximum(lengths - 1, 1) if training and lengths is not None else lengths
    return original(x, training, lengths, initial_state)


def fills_padding(original, self, x, training=False, lengths=None, initial_state=None):
    y = original(x, training, lengths, initial_state).copy()
    if lengths is not None:
        y[np.arange(x.shape[1]) >= lengths[:, None]] = 1.0
    return y


def state_of_another_sample(original, self, dy):
    dx = original(dy)
    self._pass.dh[: len(dy)] = self._pass.dh[: len(dy)][::-1].copy()
    return dx


def state_in_training_only(original, self, x, training=False, lengths=None, initial_state=None):
    return original(x, training, lengths, initial_state if training else None)


def padded_gradient(original, self, dy):
    dx = original(np.nan_to_num(dy))
    return dx + dx.dtype.type(np.isnan(dy).any())


RNN_FAULTS = {
    "lengths ignored": ({"forward": reads_padding}, r"lengths=\[1, 4, 2\]\) is not 0 in the padding"),
    "last step left out": ({"forward": reads_a_step_too_few_in_training}, "=True, .* differs at sample"),
    "padding filled": ({"forward": fills_padding}, "is not 0 in the padding"),
    "state ignored in inference": ({"forward": state_in_training_only}, "initial_state differs between"),
    "gradient in the padding": ({"backward": padded_gradient}, "backward: .*dx disagrees"),
    "states in another order": (
        {"backward": state_of_another_sample},
        "backward: .*dinitial_state disagrees",
    ),
}


@pytest.mark.parametrize("fault", RNN_FAULTS)
@pytest.mark.slow
def test_each_fault_with_lengths_and_states_is_found(fault):
    methods, message = RNN_FAULTS[fault]
    with pytest.raises(CheckError, match=message):
        check_layer(changed(RNN, **methods)(3, return_sequences=True))


def test_the_example_in_the_documentation_of_layer_is_right():
    written = {}
    for example in doctest.DocTestParser().get_examples(Layer.__doc__):
        exec(example.source, {"np": np, "Layer": Layer}, written)
    assert check_layer(written["Gain"]()).worst < 1e-9


@pytest.mark.slow
def test_the_layer_given_is_left_as_it_is():
    layer = GRU(3)
    layer.compute_shapes((4, 2))
    layer.initialize(np.random.default_rng(0))
    layer.forward(np.ones((2, 4, 2)), training=True)
    before = pickle.dumps(layer)
    assert check_layer(layer).worst < 1e-6
    assert pickle.dumps(layer) == before


@pytest.mark.slow
def test_the_input_shape_is_found_or_given():
    def dx_entries(*args, **kwargs):
        return check_layer(Dense(2, "tanh"), *args, **kwargs).passed

    assert dx_entries((3, 7)) == dx_entries()
    with pytest.raises(ShapeError):
        check_layer(GRU(2), (5,))

    class Picky(Affine):
        def compute_shapes(self, input_shape):
            if input_shape != (7,):
                raise ShapeError("only 7 features")
            return super().compute_shapes(input_shape)

    assert check_layer(Picky(), (7,)).worst < 1e-6
    assert check_layer(GRUD(2)).worst < 1e-6  # of values, masks and times, whose number is a multiple of 3
    with pytest.raises(CheckError, match=r"takes none of the input shapes .* pass input_shape"):
        check_layer(Picky())


class FlatGain(Gain):
    """With a gradient for vectors in which nobody thought of steps."""

    def gradients(self):
        self.grads["g"][...] = (self._recall("dy", "gradients") * self.cache["x"]).sum(axis=0)


def on_the_first_step_only(original, self):
    dg = self._recall("dy", "gradients") * self.cache["x"]
    self.grads["g"][...] = (dg if dg.ndim == 2 else dg[:, 0]).sum(axis=0)


def test_what_goes_wrong_with_sequences_only_is_found():
    assert check_layer(FlatGain(), (5,)).worst < 1e-9
    with pytest.raises(ValueError, match="broadcast"):
        check_layer(FlatGain())
    said = r"^WrongGain\(\): gradients: input \(samples, 4, 5\): dg disagrees"
    with pytest.raises(CheckError, match=said):
        check_layer(changed(Gain, gradients=on_the_first_step_only)())


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.slow
def test_both_inputs_count_in_the_report(axes):
    def less_exact(original, self):
        original()
        self.grads["g"][...] *= 1 + 1e-4 * (self.cache["x"].ndim == axes)

    assert check_layer(Gain()).worst < 1e-9
    report = check_layer(changed(Gain, gradients=less_exact)(), tolerance=1e-3)
    assert 1e-5 < report.errors["dg"] < 1e-3
    assert len(set(report.passed)) == len(report.passed)


def test_a_layer_of_sequences_may_unpack_the_shape():
    class Steps(Gain):
        def compute_shapes(self, input_shape):
            T, D = input_shape
            return super().compute_shapes((T, D))

    assert check_layer(Steps()).worst < 1e-9


def test_one_sample_is_too_few():
    with pytest.raises(ValueError, match="check_layer: samples must be at least 2, got 1"):
        check_layer(Dense(2), samples=1)


def test_an_argument_that_is_not_kept_is_named():
    class Forgetful(Affine):
        def __init__(self, units=4, factor=1.0):
            self.units = units

    with pytest.raises(ValueError, match=r"keep its argument 'factor'.*write self\.factor = factor"):
        check_layer(Forgetful())


class Noise(Layer):
    """Dropout without its scale: noise in training, from the generator that initialize was given."""

    def compute_shapes(self, input_shape):
        return input_shape

    def initialize(self, rng, dtype="float32"):
        super().initialize(rng, dtype)
        self.rng = rng

    def forward(self, x, training=False):
        if training:
            self.cache = {"mask": (self.rng.random(x.shape) < 0.5).astype(x.dtype)}
            return x * self.cache["mask"]
        return x

    def backward(self, dy):
        return dy * self._recall("mask", "backward")


@pytest.mark.slow
def test_noise_is_held_still():
    with pytest.raises(CheckError, match="training_differs=True"):
        check_layer(Noise())
    assert check_layer(Noise(), training_differs=True).errors.keys() == {"dx"}
    for cell in (RNN, GRU, LSTM):
        layer = cell(3, dropout=0.3, recurrent_dropout=0.4)
        assert check_layer(layer, training_differs=True).worst < 1e-6
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 1))
    network = Network([Dense(5, "tanh"), Noise(), Dense(1)], seed=0)
    assert check_network(network, x, y).worst < 1e-6


class Lookup(Layer):
    """Row k of a table for the integer k."""

    def compute_shapes(self, input_shape):
        self.add_parameter("table", (6, 2), "normal")
        return (*input_shape, 2)

    def forward(self, x, training=False):
        if not self.params:
            raise RuntimeError("initialize first")
        if training:
            self.cache = {"x": x}
        return self.params["table"][x]

    def backward(self, dy):
        self.cache = {"x": self._recall("x", "backward"), "dy": dy}
        return np.zeros(dy.shape[:-1], self.dtype)

    def gradients(self):
        dy = self._recall("dy", "gradients")
        self.grads["table"][...] = 0
        np.add.at(self.grads["table"], self.cache["x"], dy)


def test_an_input_of_integers():
    report = check_layer(Lookup(), x=np.array([[0, 5, 3], [3, 3, 1]]))
    assert set(report.errors) == {"dtable"}


# ---- networks -------------------------------------------------------------------------------------------


SEQUENCES = rng.normal(size=(5, 6, 3))
CLASSES = np.array([0, 2, 1, 1, 0])
LENGTHS = np.array([6, 2, 4, 1, 3])
NETWORKS = {
    "mse": ([GRU(4), Dense(2)], "mse", rng.normal(size=(5, 2)), None),
    "joint softmax": ([GRU(4), Dense(3, "softmax")], "cce", CLASSES, LENGTHS),
    "joint sigmoid": ([RNN(4), Dense(1, "sigmoid")], "bce", (CLASSES > 0).astype(float), None),
    "softmax, not joint": ([RNN(4), Dense(3, "softmax")], "mse", np.eye(3)[CLASSES], LENGTHS),
    "steps": (
        [GRU(4, return_sequences=True), Dense(3, "softmax")],
        *("cce", rng.integers(0, 3, size=(5, 6)), LENGTHS),
    ),
    "nested": (
        [Network([RNN(3, return_sequences=True), GRU(3)]), Dense(2)],
        "huber",
        rng.normal(size=(5, 2)),
        None,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("built", [False, True])
@pytest.mark.slow
def test_right_networks_pass_and_are_left_as_they_are(name, built):
    layers, loss, y, lengths = NETWORKS[name]
    network = Network(copy.deepcopy(layers), loss=loss, seed=1)
    if built:
        network.fit(SEQUENCES, y, lengths=lengths, verbose=0)
    before = pickle.dumps(network)
    report = check_network(network, SEQUENCES, y, lengths=lengths)
    assert pickle.dumps(network) == before
    assert report.worst < 1e-7
    assert network._built == built
    if built:
        assert len(report.errors) == len(network.params)


@pytest.mark.slow
def test_a_list_of_sequences_is_taken():
    ragged = [sequence[:length] for sequence, length in zip(SEQUENCES, LENGTHS, strict=True)]
    network = Network([GRU(4), Dense(3, "softmax")], loss="cce", seed=0)
    assert check_network(network, ragged, CLASSES).worst < 1e-7


def test_the_weights_of_now_are_those_that_are_checked():
    network = untrained(Network([Dense(4, "relu"), Dense(1)], seed=0), 3)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))
    seen = []

    class Watching(MSE):
        def value(self, y, a):
            seen.append(a)
            return super().value(y, a)

    network.loss = Watching()
    network.params["dense_1.b"][...] = 0.25
    expected = network.predict(x)
    check_network(network, x, y)
    assert min(np.abs(a - expected).max() for a in seen) < 1e-2
    assert {a.dtype for a in seen} == {np.dtype("float64")}


class WrongSlope(MSE):
    def slope(self, y, a):
        return super().slope(y, a) * 1.001


def wrong_network(fault):
    second = changed(Dense, gradients=half("b", 0.0))(2) if fault == "layer" else Dense(2)
    first = changed(GRU, backward=lambda f, self, dy: f(dy * 1.001))(4, return_sequences=True)
    layers = [first, GRU(3), second] if fault == "middle" else [GRU(3), second]
    return Network(layers, loss=WrongSlope() if fault == "loss" else "mse", seed=0)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("layer", r"^wrongdense_2.db disagrees .*0 times the expected value"),
        ("middle", r"^wronggru_1.dWx_z disagrees"),
        ("loss", r"disagrees with finite differences, relative error 0.00"),
    ],
)
@pytest.mark.slow
def test_each_fault_of_a_network_is_found(fault, message):
    with pytest.raises(CheckError, match=message):
        check_network(wrong_network(fault), SEQUENCES, rng.normal(size=(5, 2)))
