"""Every layer in the package, found by itself, runs through the whole contract; none can be forgotten.

A layer is built as ``Layer(units)`` or ``Layer()``. One that needs more stands in `BUILT`, one whose variants
run other code in `VARIANTS`; a layer that can be built in neither way fails.
"""

import copy
import inspect
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import own
import pytest
from alike import for_each
from modules import MODULES

import nnfw
from nnfw import (
    GRU,
    GRUD,
    LSTM,
    RNN,
    SGD,
    Activate,
    Adam,
    AveragePooling1D,
    AveragePooling2D,
    BatchNorm,
    Bidirectional,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    Layer,
    LayerNorm,
    MaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    MeanPooling,
    Network,
    RepeatVector,
    Reshape,
    Residual,
    SelfAttention,
)
from nnfw.gradcheck import check_layer, check_network
from nnfw.gradcheck.trial import Trial, input_shapes, renew
from nnfw.layers.attention import Attention
from nnfw.layers.composite import Composite
from nnfw.layers.convolution import Convolution
from nnfw.layers.dense import Activated
from nnfw.layers.gated import Gated, ResetGated
from nnfw.layers.pooling import Pooling
from nnfw.layers.recurrent import Recurrent
from nnfw.layers.sequential import Sequential
from nnfw.layers.window_pooling import WindowMaximum, WindowMean, WindowPooling
from nnfw.layers.windows import Windowed
from nnfw.model import Model

pytestmark = pytest.mark.usefixtures("one_direction")

# To be derived from.
BASES = {Layer, Composite, Sequential, Model, Recurrent, Gated, ResetGated, Pooling, Activated, Convolution}
BASES |= {Attention, Windowed, WindowPooling, WindowMaximum, WindowMean}

# Layers that need more to be built.
BUILT = {
    Activate: lambda: Activate("tanh"),
    AveragePooling1D: lambda: AveragePooling1D(2),
    AveragePooling2D: lambda: AveragePooling2D(2),
    Bidirectional: lambda: Bidirectional(GRU(3, return_sequences=True)),
    Conv1D: lambda: Conv1D(3, 2),
    Conv2D: lambda: Conv2D(3, 2),
    Dropout: lambda: Dropout(0.3),
    Embedding: lambda: Embedding(7, 3),
    GaussianNoise: lambda: GaussianNoise(0.2),
    MaxPooling1D: lambda: MaxPooling1D(2),
    MaxPooling2D: lambda: MaxPooling2D(2),
    Network: lambda: Network([GRU(4, return_sequences=True), RNN(3, return_sequences=True)]),
    RepeatVector: lambda: RepeatVector(3),
    Reshape: lambda: Reshape(20),
    Residual: lambda: Residual([RNN(4, return_sequences=True), Dense(5)]),
}

# Further layers of a class, for other code that it has.
VARIANTS = {
    Activate: [Activate("gelu"), Activate("softmax")],
    BatchNorm: [BatchNorm(epsilon=0.5)],
    Dense: [Dense(4, "softmax"), Dense(3, "gelu", use_bias=False), Dense(1, "relu")],
    RNN: [
        RNN(3, "relu", return_sequences=True),
        RNN(1, "gelu_tanh", go_backwards=True),
        RNN(4, use_bias=False, return_sequences=True, go_backwards=True),
    ],
    GRU: [
        GRU(3, reset_after=True),
        GRU(3, reset_after=True, use_bias=False, return_sequences=True),
        GRU(4, "softsign", "hard_sigmoid", return_sequences=True, go_backwards=True),
        GRU(3, "silu", {"r": "silu"}, reset_after=True, go_backwards=True),
        GRU(1, "gelu", {"z": "tanh", "r": "relu"}, use_bias=False),
    ],
    GRUD: [
        GRUD(3, return_sequences=True),
        GRUD(3, "silu", {"r": "hard_sigmoid"}, use_bias=False, return_sequences=True, go_backwards=True),
    ],
    AveragePooling1D: [AveragePooling1D(3, 1)],
    AveragePooling2D: [AveragePooling2D((2, 3), (1, 2))],
    Conv1D: [
        Conv1D(2, 3, "tanh", padding="same", stride=2),
        Conv1D(2, 2, "gelu", padding="causal", dilation=2),
        Conv1D(3, 2, "softmax", padding="same", use_bias=False),
        Conv1D(2, 1, stride=3),
    ],
    Conv2D: [
        Conv2D(2, (2, 3), "silu", padding="same", stride=(2, 1)),
        Conv2D(2, 2, use_bias=False, dilation=(3, 2)),
    ],
    Dropout: [Dropout(0.0), Dropout(0.3, same_at_each_step=True)],
    Embedding: [Embedding(7, 3, mask=2), Embedding(7, 1, regularizer="l2")],
    LayerNorm: [LayerNorm(epsilon=0.5)],
    MaxPooling1D: [MaxPooling1D(3, 1), MaxPooling1D(1)],
    MaxPooling2D: [MaxPooling2D((2, 3), (1, 2))],
    Bidirectional: [
        Bidirectional(RNN(3, return_sequences=True), "sum"),
        Bidirectional(LSTM(2, return_sequences=True), "mul"),
        Bidirectional(GRU(3, reset_after=True, go_backwards=True), "ave"),
    ],
    LSTM: [
        LSTM(3, return_sequences=True),
        LSTM(3, return_sequences=True, go_backwards=True),
        LSTM(4, "softsign", "hard_sigmoid", use_bias=False),
        LSTM(3, "silu", {"i": "silu", "o": "gelu"}),
        LSTM(1, "relu", {"f": "tanh"}, forget_bias=-1.0, go_backwards=True),
    ],
    SelfAttention: [SelfAttention(2, causal=True)],
    Residual: [Residual([Dense(5, "tanh")])],
    Network: [
        Network([GRU(3, return_sequences=True), Network([RNN(2)]), Dense(3, "softmax")], loss="cce"),
        Network([RNN(3, return_sequences=True), Dense(2)]),
    ],
}

WITH_GAPS = np.random.default_rng(0).normal(size=(3, 4, 6))  # two features: values, mask and time
WITH_GAPS[..., 2:4] = WITH_GAPS[..., 2:4] < 0
WITH_GAPS[..., 4:] = np.abs(WITH_GAPS[..., 4:])

# What `check_layer` has to be told of a class: {"training_differs": True}, or an input x.
TOLD = {
    BatchNorm: {"training_differs": True},
    Dropout: {"training_differs": True},
    Embedding: {"x": np.array([[1, 6, 2, 1, 2], [4, 2, 3, 0, 4], [1, 5, 0, 2, 2]])},
    Flatten: {"input_shape": (4, 5)},
    GaussianNoise: {"training_differs": True},
    GRUD: {"x": WITH_GAPS},
    Reshape: {"input_shape": (4, 5)},
}

ONE_LENGTH = {Flatten, Reshape}  # what refuses sequences of unequal length


def found_layers():
    """Return all layer classes of the package."""
    classes = (value for module in MODULES for value in vars(module).values() if inspect.isclass(value))
    return sorted({c for c in classes if issubclass(c, Layer)} - BASES, key=lambda c: c.__name__)


def built(kind):
    """Return a layer of a class, or fail."""
    if kind in BUILT:
        return BUILT[kind]()
    for arguments in ((3,), ()):
        try:
            return kind(*arguments)
        except TypeError:
            continue
    pytest.fail(f"{kind.__name__}(3) and {kind.__name__}() do not build a layer: say in BUILT what does")


LAYERS = found_layers()
every_layer = pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)


def cases(is_slow):
    """Return a decorator for a test of a layer, made one of each class and a slow one of all its variants."""
    rows = [
        pytest.param(kind, [None], marks=[pytest.mark.slow] * is_slow(kind), id=kind.__name__)
        for kind in LAYERS
    ]
    rows += [
        pytest.param(kind, variants, marks=pytest.mark.slow, id=f"variants of {kind.__name__}")
        for kind, variants in VARIANTS.items()
    ]

    def decorate(test):
        def run(kind, layers):
            for layer in layers:
                test(layer or built(kind))

        run.pytestmark = getattr(test, "pytestmark", [])
        return pytest.mark.parametrize(("kind", "layers"), rows)(run)

    return decorate


every_case = cases(lambda kind: False)
every_case_checked = cases(lambda kind: issubclass(kind, (Bidirectional, Network)))  # by many differences


def trial_of(layer):
    told = {"x": None, "input_shape": None} | TOLD.get(type(layer), {})
    shape = input_shapes(layer, told.pop("input_shape"), told["x"])[0]
    return Trial(layer, shape, **told)


# ---- the search itself ----------------------------------------------------------------------------------


def test_the_search_finds_what_is_there():
    assert {Dense, GRU, RNN, Network} <= set(LAYERS)
    assert set(VARIANTS) | set(BUILT) | set(TOLD) <= set(LAYERS)


def test_a_layer_that_cannot_be_built_is_not_passed_over():
    class Demanding(Layer):
        def __init__(self, rows, columns):
            self.rows, self.columns = rows, columns

    with pytest.raises(pytest.fail.Exception, match=r"Demanding\(3\) and Demanding\(\) do not build"):
        built(Demanding)


@every_layer
def test_each_layer_is_exported_and_has_an_example(kind):
    assert getattr(nnfw, kind.__name__) is kind
    assert kind.__name__ in nnfw.__all__
    assert "Examples\n--------" in inspect.getdoc(kind)


@every_layer
def test_each_layer_can_be_given_a_name(kind):
    config = copy.deepcopy(built(kind)).config  # the copy itself is gone, which owned the layers in it
    assert kind(**config | {"name": "given"}).name == "given"


# ---- the contract ---------------------------------------------------------------------------------------


@every_case_checked
def test_the_six_verbs(layer):
    report = check_layer(layer, **TOLD.get(type(layer), {}))
    assert report.worst < 1e-6
    params = trial_of(layer).built.params.keys() - set(layer._statistics)
    owner_and_name = [name.rpartition(".") for name in params]
    expected = {f"{owner}{dot}d{name}" for owner, dot, name in owner_and_name}
    assert expected <= set(report.errors)
    assert ("lengths" in report.passed) == layer.takes_lengths


@pytest.mark.slow
@every_layer
def test_the_six_verbs_at_small_shapes(kind):
    told = {name: value for name, value in TOLD.get(kind, {}).items() if name == "training_differs"}
    cases = [(built(kind), (3, 1))]  # several steps of one feature: once a class
    cases += [(layer, shape) for layer in (built(kind), *VARIANTS.get(kind, ())) for shape in ((1,), (1, 1))]
    for layer, input_shape in cases:
        try:
            Trial(layer, input_shape)
        except ValueError:
            continue  # the layer refuses this shape
        assert check_layer(layer, input_shape, samples=2, seed=1, **told).worst < 1e-6


@every_case
@for_each("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same(layer, duplicate):
    trial = trial_of(layer)
    original = trial.copy()
    expected = trial.step(original, trial.x, trial.dy)
    twin = duplicate(trial.built)
    assert {name: p.tobytes() for name, p in twin.params.items()} == {
        name: p.tobytes() for name, p in trial.built.params.items()
    }
    found = trial.step(twin, trial.x, trial.dy)
    assert {name: g.tobytes() for name, g in found.items()} == {
        name: g.tobytes() for name, g in expected.items()
    }
    again = trial.step(duplicate(original), trial.x, trial.dy)  # of a layer that has been in use
    assert set(again) == set(expected)


def early_calls(trial):
    """Return calls of verbs that come too early, each with its description."""
    unbuilt, fresh, forwarded, stepped = renew(trial.original), *(trial.copy() for _ in range(3))
    unbuilt.compute_shapes(trial.input_shape)
    forwarded.forward(trial.x, training=True)
    trial.step(stepped, trial.x, trial.dy)
    stepped.forward(trial.x, training=True)
    calls = {"backward before forward": lambda: fresh.backward(trial.dy)}
    if trial.built.params:
        calls |= {
            "forward before initialize": lambda: unbuilt.forward(trial.x),
            "gradients before forward": trial.copy().gradients,
            "gradients before backward": forwarded.gradients,
            "gradients before the second step's backward": stepped.gradients,
        }
    return calls


@every_case
def test_verbs_called_too_early_raise_a_runtime_error(layer):
    for call, verb in early_calls(trial_of(layer)).items():
        with pytest.raises(RuntimeError):
            pytest.fail(f"{call} returns {verb()!r}")


def parts(layer):
    return list(layer._leaves()) if isinstance(layer, Sequential) else [layer]


def arrays_of(layer):
    """Return the arrays in a layer's attributes, and in dicts among them, by name."""
    arrays = {}
    for name, value in vars(layer).items():
        found = value.items() if isinstance(value, Mapping) else [("", value)]
        arrays |= {(name, key): array for key, array in found if isinstance(array, np.ndarray)}
    return arrays


@every_case
def test_inference_keeps_nothing_and_returns_new_arrays(layer):
    trial = trial_of(layer)
    layer = trial.copy()
    before = [arrays_of(part) for part in parts(layer)]
    y = layer.forward(trial.x)
    for held, part in zip(before, parts(layer), strict=True):
        assert all(held.get(name) is array for name, array in arrays_of(part).items())
    first = y.copy()
    layer.forward(trial.x[::-1])
    assert y.tobytes() == first.tobytes()


@every_case
def test_a_training_step_leaves_the_results_of_the_last_one_alone(layer):
    trial = trial_of(layer)
    layer = trial.copy()
    results = layer.forward(trial.x, training=True), layer.backward(trial.dy)
    first = [result.copy() for result in results]
    trial.step(layer, trial.x[::-1], -trial.dy)
    for result, expected in zip(results, first, strict=True):
        assert result.tobytes() == expected.tobytes()


@every_case
def test_compute_shapes_only_computes_shapes(layer):
    trial = trial_of(layer)
    layer = renew(layer)
    shape = layer.compute_shapes(trial.input_shape)
    assert isinstance(shape, tuple)
    assert layer.compute_shapes(trial.input_shape) == shape
    assert not layer.params
    if len(trial.input_shape) == 2 and type(layer) not in ONE_LENGTH:
        found = renew(layer).compute_shapes((None, trial.input_shape[1]))
        assert len(found) == len(shape)
        assert all(n in (None, m) for n, m in zip(found, shape, strict=True))


@every_case
def test_float32_and_float64_agree(layer):
    trial = trial_of(layer)
    single = trial.build("float32")
    x = trial.x.astype(np.float32) if trial.x.dtype.kind == "f" else trial.x
    found = {"y": single.forward(x)} | trial.step(single, x, trial.dy.astype(np.float32))
    expected = {"y": trial.copy().forward(trial.x)} | trial.step(trial.copy(), trial.x, trial.dy)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=2e-5, atol=2e-5, err_msg=name)


@every_case
@for_each("trainable", [False, True])
def test_an_update_takes_the_optimizers_step_unless_frozen(layer, trainable):
    trial = trial_of(layer)
    layer = trial.copy()
    trial.step(layer, trial.x, trial.dy)
    for part in (layer, *parts(layer)):
        part.trainable = trainable
        part.regularizer = None
    before = {name: p.copy() for name, p in layer.params.items()}
    layer.update(SGD(0.1), 0.0)
    for name in layer.params.keys() - set(layer._statistics):
        p = layer.params[name]
        np.testing.assert_allclose(p, before[name] - 0.1 * trainable * layer.grads[name], rtol=1e-12)


# ---- in a network -----------------------------------------------------------------------------------------


def network_and_data(layer):
    """Return a network around a new layer like this one, and x, y and options to fit it to."""
    trial = trial_of(layer)
    shape, T = renew(layer).compute_shapes(trial.input_shape), trial.input_shape[0]
    merging = [Flatten()] if len(shape) == 3 else [MeanPooling()] if layer.count_steps(T) != T else []
    network = Network([renew(layer), *merging, Dense(2)], optimizer=Adam(0.01), seed=3)
    output_shape = network.compute_shapes(trial.input_shape)
    y = np.random.default_rng(5).normal(size=(len(trial.x), *output_shape))
    unequal = layer.takes_lengths and type(layer) not in ONE_LENGTH and len(trial.input_shape) == 2
    lengths = np.arange(1, len(y) + 1) if unequal else None
    return network, trial.x, y, {"lengths": lengths}


@every_layer
@pytest.mark.slow
def test_gradients_within_a_network(kind):
    layer = built(kind)
    network, x, y, options = network_and_data(layer)
    report = check_network(network, x, y, **options)
    assert report.worst < 1e-6
    params = trial_of(layer).built.params.keys() - set(layer._statistics)
    assert len(report.errors) == 2 + len(params)


@every_case
@pytest.mark.slow
def test_training_makes_the_loss_smaller(layer):
    network, x, y, options = network_and_data(layer)
    loss = network.fit(x, y, epochs=30, verbose=0, **options)["loss"]
    assert loss[-1] < 0.9 * loss[0]


@every_case
@pytest.mark.slow
def test_saved_and_loaded_it_predicts_and_trains_the_same(layer):
    network, x, y, options = network_and_data(layer)
    network.fit(x, y, epochs=2, verbose=0, **options)
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder, "network"))
        loaded = Network.load(Path(folder, "network"))
    assert repr(loaded) == repr(network)
    for _ in range(2):
        assert loaded.predict(x, **options).tobytes() == network.predict(x, **options).tobytes()
        assert list(loaded.params) == list(network.params)
        for name, p in loaded.params.items():
            assert p.tobytes() == network.params[name].tobytes()
        for each in (network, loaded):
            each.fit(x, y, epochs=2, verbose=0, **options)


def stacks():
    return {
        "mean": [Embedding(9, 4, mask=0), GaussianNoise(0.1), GRU(5, return_sequences=True), MeanPooling()],
        "max": [Embedding(9, 4), LayerNorm(), MaxPooling(), Dropout(0.3)],
        "last": [Embedding(9, 4), Dropout(0.3, same_at_each_step=True), LayerNorm(), LastStep(), Flatten()],
        "flat": [Embedding(9, 4), Dropout(0.2), Flatten(), LayerNorm(), Reshape((6, 4)), GRU(3)],
    }


@pytest.mark.parametrize("name", stacks())
@pytest.mark.slow
def test_gradients_of_stacks(name):
    rng = np.random.default_rng(24)
    x, y = rng.integers(1, 9, size=(4, 6)), rng.integers(0, 3, size=4)
    network = Network([*stacks()[name], Dense(3, "softmax")], loss="cce", seed=1)
    lengths = None if name == "flat" else [6, 2, 4, 1]
    assert check_network(network, x, y, lengths=lengths).worst < 1e-6


# ---- a layer of one's own -------------------------------------------------------------------------------


class Gain(own.Gain):
    """Does not call the constructor of its base."""

    def __init__(self, start):
        self.start = start


def test_a_layer_that_does_not_call_the_base_is_trained():
    network = Network([Gain(2.0)], optimizer=Adam(0.1), dtype="float64")
    network.fit(np.ones((4, 3)), np.zeros((4, 3)), verbose=0)
    np.testing.assert_allclose(network.layers[0].params["g"], np.full(3, 1.9))


def test_an_optimizer_goes_on_from_step_to_step_until_another_takes_over():
    layer, momentum = Gain(0.0), SGD(0.1, momentum=0.5)
    layer.compute_shapes((1,))
    layer.initialize(np.random.default_rng(0), "float64")
    layer.grads["g"][...] = 3.0
    for rule, step, expected in ((momentum, 1, -0.3), (momentum, 2, -0.75), (Adam(0.1), 1, -0.85)):
        layer.update(rule, epoch=0.0)
        assert layer._state.steps == step
        np.testing.assert_allclose(layer.params["g"], [expected])
