"""Activations against mpmath with 50 digits, at every magnitude that a float can have.

Each registered activation must stand in `EXACT`: one that does not fails the first test.
"""

import mpmath as mp
import numpy as np
import pytest
from alike import for_each

from nnfw import GRU, LSTM, RNN, Dense, ShapeError
from nnfw.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    GELUTanh,
    HardSigmoid,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
    get,
    registry,
)

mp.mp.dps = 50
DTYPES = (np.float64, np.float32)


def logistic(x):
    return 1 / (1 + mp.exp(-x))


def normal(x):
    return mp.ncdf(max(-1e4, min(x, 1e4)))  # mpmath refuses arguments like 1e300


def leaky(slope):
    return (lambda x: x if x > 0 else slope * x), (lambda x: 1 if x > 0 else slope)


def exponential(alpha, scale=1):
    def value(x):
        return scale * (x if x > 0 else alpha * mp.expm1(x))

    return value, lambda x: scale * (1 if x > 0 else alpha * mp.exp(x))


def selu_constants():
    """Equation 14 of Klambauer et al. (2017), for mean 0 and variance 1."""
    half, two, e = mp.erfc(mp.sqrt(0.5)), mp.erfc(mp.sqrt(2)), mp.e
    alpha = -mp.sqrt(2 / mp.pi) / (half * mp.sqrt(e) - 1)
    inner = 2 * two * e**2 + mp.pi * half**2 * e - 2 * (2 + mp.pi) * half * mp.sqrt(e) + mp.pi + 2
    return alpha, (1 - half * mp.sqrt(e)) * mp.sqrt(2 * mp.pi) / mp.sqrt(inner)


def gelu_tanh_score(x):
    return 2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def gelu_tanh_derivative(x):
    s, slope = gelu_tanh_score(x), 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x**2)
    return logistic(s) + x * slope * logistic(s) * logistic(-s)


# The value and the derivative of each activation, as the textbook has them.
EXACT = {
    Linear(): (lambda x: x, lambda x: 1),
    ReLU(): (lambda x: max(x, 0), lambda x: int(x > 0)),
    LeakyReLU(): leaky(mp.mpf("0.01")),
    LeakyReLU(0.75): leaky(0.75),
    ELU(): exponential(1),
    ELU(0.25): exponential(0.25),
    ELU(2.5): exponential(2.5),
    SELU(): exponential(*selu_constants()),
    HardSigmoid(): (lambda x: max(0, min(1, x / 6 + 0.5)), lambda x: mp.mpf(-3 < x < 3) / 6),
    Softplus(): (lambda x: mp.log1p(mp.exp(x)), logistic),
    Sigmoid(): (logistic, lambda x: logistic(x) * logistic(-x)),
    Tanh(): (mp.tanh, lambda x: mp.sech(x) ** 2),
    Softsign(): (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    SiLU(): (lambda x: x * logistic(x), lambda x: logistic(x) * (1 + x * logistic(-x))),
    GELUTanh(): (lambda x: x * logistic(gelu_tanh_score(x)), gelu_tanh_derivative),
    GELU(): (lambda x: x * normal(x), lambda x: normal(x) + x * mp.npdf(x)),
}
# Derivatives that are right in the left tail relative to themselves, and not only relative to 1.
TAILS = {Linear(), ReLU(), LeakyReLU(), LeakyReLU(0.75), Softplus(), Sigmoid(), SiLU(), GELUTanh(), GELU()}

each = pytest.mark.parametrize("activation", EXACT, ids=repr)
each_and_softmax = pytest.mark.parametrize("activation", [*EXACT, Softmax()], ids=repr)
each_dtype = for_each("dtype", DTYPES)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture(autouse=True)
def _no_floating_point_error():
    with np.errstate(all="raise", under="ignore"):
        yield


def all_magnitudes(dtype, rng):
    """Every exponent of the dtype, its extremes, the tails where exponentials vanish, and the middle."""
    info = np.finfo(dtype)
    small, big = float(info.smallest_subnormal), min(0.95 * float(info.max), 1e300)  # SELU grows by 1.05
    extremes = [0.0, small, float(info.tiny) / 7, 1e-310, 1e-9, 1.0, 3.0, big]
    exponents = rng.uniform(np.log2(small), np.log2(big), 150)
    middle = [rng.uniform(0, 40, 60), rng.uniform(0, 5, 60), rng.uniform(2.99, 3, 10)]
    right = np.concatenate([extremes, 2.0**exponents, *middle])
    return np.concatenate([right, -right, rng.uniform(1.05 * np.log(small), 0, 150)]).astype(dtype)


def exact(function, x):
    return np.array([mp.mpf(function(mp.mpf(float(number)))) for number in x.flat]).reshape(x.shape)


def worst(got, want, size, subnormals=1):
    """Return the largest error in units in the last place of `size`, or in so many subnormal numbers."""
    info = np.finfo(got.dtype)
    unit = size * mp.mpf(float(info.eps)) + subnormals * mp.mpf(float(info.smallest_subnormal))
    return max(float(error) for error in (np.abs(exact(mp.mpf, got) - want) / unit).flat)


def rounding(activation, x):
    """Return how much the rounding of an exponent is magnified, which only GELUTanh lets happen."""
    if activation != GELUTanh():
        return 1
    return 1 + np.maximum(-exact(gelu_tanh_score, x), 0)


def test_every_registered_activation_is_covered():
    assert {type(get(name)) for name in registry.names()} == {type(a) for a in EXACT} | {Softmax}
    assert [name for name in registry.names() if not get(name).elementwise] == ["softmax"]


@each_dtype
@each
@pytest.mark.slow
def test_value_at_every_magnitude(activation, dtype, rng):
    x = all_magnitudes(dtype, rng)
    want, got = exact(EXACT[activation][0], x), activation(x)
    assert got.dtype == dtype
    # GELU multiplies a number that may itself be subnormal by up to 40.
    subnormals = 40 if activation == GELU() else 1
    assert worst(got, want, np.abs(want) * rounding(activation, x), subnormals) < 5


@each_dtype
@each
@pytest.mark.slow
def test_derivative_at_every_magnitude(activation, dtype, rng):
    x = all_magnitudes(dtype, rng)
    want, got = exact(EXACT[activation][1], x), activation.derivative(activation(x), x)
    assert got.dtype == dtype
    assert worst(got, want, np.abs(want) + 1) < 3
    if activation in TAILS:
        tail = x < -4
        size = (np.abs(want) * rounding(activation, x))[tail]
        assert worst(got[tail], want[tail], size, subnormals=100) < 8


@each
def test_derivative_is_the_slope_of_the_value(activation, rng):
    x = np.concatenate([rng.uniform(-2.9, -0.1, 50), rng.uniform(0.1, 2.9, 50), rng.uniform(3.1, 9, 20)])
    h = 1e-6
    slope = (activation(x + h) - activation(x - h)) / (2 * h)
    np.testing.assert_allclose(activation.derivative(activation(x), x), slope, rtol=1e-8, atol=1e-9)


@each
def test_backward_multiplies_by_the_derivative(activation, rng):
    x, dy = rng.normal(size=(2, 3, 5, 7))
    y = activation(x)
    np.testing.assert_array_equal(activation.backward(dy, y, x), dy * activation.derivative(y, x))


@each_dtype
@each_and_softmax
def test_out_and_in_place(activation, dtype, rng):
    x = (4 * rng.normal(size=(5, 7))).astype(dtype)
    before, buffer = x.copy(), np.full_like(x, 9)
    y = activation(x)
    assert activation(x, out=buffer) is buffer
    np.testing.assert_array_equal(x, before)
    assert activation(x, out=x) is x
    np.testing.assert_array_equal(buffer, y)
    np.testing.assert_array_equal(x, y)
    if activation.elementwise:
        dydx = activation.derivative(y, before)
        assert activation.derivative(y, before, out=buffer) is buffer
        np.testing.assert_array_equal(buffer, dydx)
        np.testing.assert_array_equal(x, y)


@each_dtype
@each_and_softmax
def test_nan_stays_nan(activation, dtype):
    x = np.array([1.0, np.nan, -1.0], dtype)
    y = activation(x)
    lost = np.isnan(x) | (not activation.elementwise)
    np.testing.assert_array_equal(np.isnan(y), lost)
    np.testing.assert_array_equal(np.isnan(activation.gate(x)), lost)
    if activation.elementwise and activation != Linear():  # whose derivative is 1 whatever x is
        np.testing.assert_array_equal(np.isnan(activation.derivative(y, x)), lost)


@each
def test_integers_and_single_numbers(activation):
    whole = np.arange(-3, 4)
    np.testing.assert_array_equal(activation(whole), activation(whole.astype(float)))
    x = np.array(-0.7)
    y = activation(x)
    assert np.shape(y) == np.shape(activation.derivative(y, x)) == ()
    np.testing.assert_array_equal([y], activation(x[None]))
    np.testing.assert_allclose(activation(-0.7), y, rtol=1e-6)


@each_dtype
@each
def test_gate(activation, dtype, rng):
    x = all_magnitudes(dtype, rng)
    want = exact(EXACT[activation][0], x) if activation == Sigmoid() else exact(mp.mpf, activation(x))
    x *= activation.gate_scale
    with np.errstate(over="ignore"):  # as where recurrent layers call it
        got = activation.gate(x, out=x)
    assert got is x
    assert worst(got, want, 1) <= (activation == Sigmoid())


@each_dtype
def test_softmax_at_every_spread(dtype, rng):
    top = min(float(np.finfo(dtype).max), 1e300)
    spread = np.array([1e-310, 1e-30, 1, 30, 700, 1e30, top])[:, None]
    x = np.concatenate([spread * rng.uniform(-1, 1, (7, 5)), [[top, -top, top, 0, 1]]]).astype(dtype)
    scores = exact(mp.mpf, x)
    weights = np.array([[mp.exp(s - row.max()) for s in row] for row in scores])
    want = weights / weights.sum(axis=1, keepdims=True)
    exponent = np.minimum(scores.max(axis=1, keepdims=True) - scores, 800)
    got = Softmax()(x)
    assert got.dtype == dtype
    assert worst(got, want, want * (1 + exponent)) < 5


def test_softmax_backward_is_the_product_with_the_jacobian(rng):
    softmax, h = Softmax(), 1e-6
    x, dy = rng.normal(size=(2, 2, 3, 5))
    dx = np.empty_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        dx[place] = np.sum(dy * (softmax(x + step) - softmax(x - step))) / (2 * h)
    np.testing.assert_allclose(softmax.backward(dy, softmax(x)), dx, rtol=1e-7, atol=1e-9)
    small = softmax.backward(dy.astype(np.float32), softmax(x.astype(np.float32)))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, dx, atol=1e-5)


def test_equal_by_class_and_arguments():
    assert ELU() == ELU(1.0) == get("elu") == get(ELU)
    assert len({ELU(), ELU(1), ELU(2), SELU(), SELU(), ReLU(), "elu"}) == 5
    assert ELU(2) != ELU(1)
    assert SELU() != ELU(SELU().alpha)
    assert repr(LeakyReLU(0.2)) == "LeakyReLU(slope=0.2)"


def test_names():
    assert [get(name).name for name in registry.names()] == registry.names()
    assert {activation.name for activation in EXACT if activation.needs_input} == {
        "gelu",
        "gelu_tanh",
        "silu",
    }


class Cube(Activation):
    """An own activation: two methods."""

    def __call__(self, x, out=None):
        return np.power(x, 3, out=out)

    def derivative(self, y, x=None, out=None):
        return np.multiply(3, np.square(np.cbrt(y)), out=out)


def test_an_own_activation_needs_two_methods(rng):
    x, dy = rng.normal(size=(2, 4))
    cube = get(Cube())
    np.testing.assert_allclose(cube.backward(dy, cube(x)), dy * 3 * x**2, rtol=1e-12)
    np.testing.assert_array_equal(cube.gate(x), cube(x))
    assert (cube.name, cube) == ("Cube", Cube())


def test_a_subclass_with_another_value_has_a_gate_of_its_own(rng):
    class Steep(Sigmoid):
        def __call__(self, x, out=None):
            return super().__call__(np.multiply(3, x, out=out), out)

    class Named(Sigmoid):
        pass

    x = rng.normal(size=9)
    np.testing.assert_allclose(Steep().gate(Steep.gate_scale * x), 1 / (1 + np.exp(-3 * x)), rtol=1e-14)
    np.testing.assert_array_equal(Named().gate(Named.gate_scale * x), Sigmoid().gate(Sigmoid.gate_scale * x))


def test_a_subclass_with_another_derivative_goes_backward_by_it(rng):
    class ReLU6(ReLU):
        def __call__(self, x, out=None):
            return np.clip(x, 0, 6, out=out)

        def derivative(self, y, x=None, out=None):
            return np.multiply(y > 0, y < 6, out=out, dtype=y.dtype)

    x, dy = 8 * rng.normal(size=(2, 50))
    y = ReLU6()(x)
    assert (y == 6).any()
    np.testing.assert_array_equal(ReLU6().backward(dy, y), dy * ((x > 0) & (x < 6)))


def test_a_subclass_does_not_pass_for_its_base():
    class Doubled(Sigmoid):
        def __call__(self, x, out=None):
            return np.multiply(2, super().__call__(x), out=out)

    assert Doubled().name == "Doubled"  # "sigmoid" would be fused with the loss
    assert Doubled() != Sigmoid()


@for_each(
    ("call", "error", "message"),
    [
        (lambda: get("sofmax"), ValueError, "Did you mean 'softmax'"),
        (lambda: get("swish"), ValueError, "nnfw calls it 'silu'"),
        (lambda: get("identity"), ValueError, "nnfw calls it 'linear'"),
        (lambda: get("ReLU"), ValueError, "nnfw calls it 'relu'"),
        (lambda: get(3), TypeError, r"^activation must be a name or an object of Activation, got 3 \(int\)"),
        (lambda: LeakyReLU(0), ValueError, r"LeakyReLU: slope must be a finite number in \(0, 1\], got 0"),
        (lambda: LeakyReLU(1.5), ValueError, r"slope must be a finite number in \(0, 1\], got 1.5"),
        (lambda: LeakyReLU("0.1"), TypeError, "slope must be a number, got '0.1'"),
        (lambda: ELU(alpha=-1.0), ValueError, "ELU: alpha must be a finite number .* got -1.0"),
        (lambda: ELU(np.nan), ValueError, "ELU: alpha must be a finite number"),
        (lambda: ELU(np.inf), ValueError, "got inf"),
        (lambda: LeakyReLU(slop=2), TypeError, "Did you mean 'slope'"),
        (lambda: get(3.0), TypeError, r"a name .* or an object of Activation, got 3.0 \(float\)"),
        (lambda: get(np.tanh), TypeError, "got 'tanh', which has no derivative. Did you mean 'tanh'"),
        (
            lambda: get(lambda x: x),
            TypeError,
            "define __call__ and derivative in a class",
        ),
        (lambda: get(64), TypeError, "the number of inputs is inferred from the data"),
        (lambda: Softmax().derivative(np.ones(2)), NotImplementedError, "softmax has no elementwise"),
        (lambda: GELU().derivative(np.ones(2)), TypeError, "gelu: the derivative needs the input"),
        (lambda: SiLU().derivative(np.ones(2)), TypeError, "silu: the derivative needs the input"),
        (lambda: Activation()(np.ones(2)), NotImplementedError, "Activation: define __call__"),
        (
            lambda: get(type("Own", (Activation,), {"backward": lambda self, x: x})),  # as in PyTorch
            NotImplementedError,
            "Own: define __call__",
        ),
        (lambda: Activation().backward(np.ones(2), np.ones(2)), NotImplementedError, "no elementwise deriv"),
    ],
)
def test_errors_teach(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("make", [lambda: Dense(3, None), lambda: RNN(3, None), lambda: GRU(3, "tanh", None)])
def test_none_is_linear(make, rng):
    layer = make()
    assert Linear() in (layer.activation, getattr(layer, "recurrent_activation", None))
    layer.compute_shapes((5, 3))
    layer.initialize(rng)
    layer.activation = None
    assert layer.activation == Linear()


class Halved(Activation):
    """Gives half of the units, which an activation cannot."""

    def __call__(self, x, out=None):
        return x[..., ::2]

    def derivative(self, y, x=None, out=None):
        return np.ones_like(y)


class Summed(Activation):
    def __call__(self, x, out=None):
        return np.positive(x, out=out)

    def backward(self, dy, y, x=None):
        return dy.sum(axis=-1)


@pytest.mark.parametrize("make", [RNN, GRU, LSTM])
def test_an_own_activation_that_ignores_out_is_no_part_of_a_loop(make):
    class Anew(Cube):
        def __call__(self, x, out=None):
            return x**3

    class AnewBackward(Cube):
        needs_input = True

        def derivative(self, y, x=None, out=None):
            return 3 * x**2

    for wrong in (Anew, AnewBackward):
        with pytest.raises(
            TypeError, match=rf"activation must write into `out` .* {wrong.__name__} does not"
        ):
            make(4, wrong())
        assert Dense(4, wrong()).activation == wrong()
    assert make(4, Cube()).activation == Cube()


@for_each("make", [Dense, RNN, GRU, LSTM])
def test_an_own_activation_that_does_not_say_it_needs_x(make):
    class Fourth(Activation):
        def __call__(self, x, out=None):
            return np.power(x, 4, out=out)

        def derivative(self, y, x=None, out=None):
            return np.multiply(4, x**3, out=out)

    with pytest.raises(TypeError, match=r"^Fourth: the derivative fails if x is None .* needs_input = True"):
        make(4, Fourth())
    Fourth.needs_input = True
    assert make(4, Fourth()).activation == Fourth()


@for_each("make", [Dense, RNN, GRU, LSTM])
def test_an_own_activation_of_another_shape_is_named_itself(make):
    said = (
        r"^Halved: its value must have the shape of x, but has \(2, 2\) for x \(2, 3\); to change the shape"
    )
    layer = make(4)
    for call in (lambda: make(4, Halved()), lambda: setattr(layer, "activation", Halved())):
        with pytest.raises(ShapeError, match=said):
            call()
    with pytest.raises(ShapeError, match=r"^Summed: its backward must have the shape of x, but has \(2,\)"):
        make(4, Summed)
    if make in (GRU, LSTM):
        with pytest.raises(ShapeError, match=said):
            make(4, recurrent_activation=Halved())
    assert repr(layer) == repr(make(4))


def test_an_own_activation_for_one_width_alone():
    class Steep(Activation):
        def __call__(self, x, out=None):
            return x * np.arange(1.0, 5.0, dtype=x.dtype)

    layer = Dense(4, Steep())
    layer.compute_shapes((2,))
    layer.initialize(np.random.default_rng(0))
    y = layer.forward(np.ones((1, 2)))
    np.testing.assert_allclose(y[0], layer.params["W"].sum(axis=0) * [1, 2, 3, 4], rtol=1e-6)
