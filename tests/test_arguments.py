"""Every argument and attribute of every part, found by introspection: wrong ones are refused in words.

A part that is added is covered at once; if it has an argument without a default, `GIVEN` must hold a value.
"""

import copy
import dataclasses
import inspect
import math
import re

import modules  # noqa: F401 (all modules, and so all parts)
import numpy as np
import pytest
from alike import for_each
from untrained import untrained

import nnfw
from nnfw import (
    GRU,
    LSTM,
    SGD,
    Adam,
    Bidirectional,
    Callback,
    Dense,
    Dropout,
    EarlyStopping,
    Embedding,
    Flatten,
    History,
    Layer,
    Network,
    datasets,
    exchange,
    experiments,
    explain,
    metrics,
    plots,
    saving,
    schedules,
)
from nnfw.core.registry import Part
from nnfw.data import MinMaxScaler, StandardScaler, Vocabulary, one_hot, pad_sequences, train_test_split
from nnfw.forecasting import backtest, forecast
from nnfw.generation import generate
from nnfw.gradcheck import check_layer, check_network
from nnfw.initializers import Given, Uniform
from nnfw.saving.config import own_parts
from nnfw.training.callbacks import LambdaCallback


class Stranger:
    """What no argument takes."""

    def __repr__(self):
        return "a stranger"


# Values for arguments without a default.
GIVEN = {
    "activation": lambda: "relu",
    "array": lambda: [[1.0]],
    "boundaries": lambda: [2.0],
    "decay": lambda: 0.1,
    "epochs": lambda: 3,
    "factor": lambda: 2.0,
    "filters": lambda: 4,
    "folder": lambda: "logs",
    "function": lambda: by_rate,
    "high": lambda: 0.2,
    "kernel_size": lambda: 2,
    "layer": lambda: GRU(3),
    "layers": lambda: [Dense(3)],
    "low": lambda: 0.1,
    "min_delta": lambda: 0.0,
    "mode": lambda: "auto",
    "monitor": lambda: "val_loss",
    "path": lambda: "log.csv",
    "patience": lambda: 3,
    "period": lambda: 4,
    "pool_size": lambda: 2,
    "rate": lambda: 0.1,
    "rates": lambda: [0.1, 0.2],
    "schedule": lambda: schedules.Constant(0.1),
    "schedules": lambda: [schedules.Constant(0.1), schedules.Constant(0.2)],
    "shape": lambda: (2, 3),
    "std": lambda: 0.5,
    "steps": lambda: 3,
    "symbols": lambda: ["a", "b"],
    "units": lambda: 3,
    "vocabulary": lambda: 5,
    "warmup": lambda: 2,
}
NEEDED = {"Exponential": ["decay"]}  # besides those without a default
ABSTRACT = {"Gated", "ResetGated", "Schedule"}  # what cannot be built
ANY_TEXT = {"folder", "monitor", "name", "path", "unknown"}
LATER = {("Given", "array")}  # a NaN among given values is refused when they are used
WRONG = {"an object": Stranger(), "NaN": math.nan, "a list": [Stranger()], "a complex number": 1j}

# Words of Python and NumPy.
RAW = re.compile(
    "unsupported operand|object is not|object has no|could not convert|inhomogeneous|not supported between|"
    "argument must be|__|unexpected keyword|positional argument|setter|ufunc|not iterable|not callable|"
    r"takes \d|required|no len|invalid literal|incompatible|unhashable|cannot be interpreted"
)
KINDS = [cls for cls in own_parts().values() if not cls.__name__.startswith("_")]
BUILT = [cls for cls in KINDS if cls.__name__ not in ABSTRACT]


def each_part(test):
    """Decorate a test of a part to run for each of them, as one test: a thousand small ones take seconds."""

    def of_all():
        for cls in BUILT:
            try:
                test(cls)
            except BaseException as error:
                error.add_note(f"with {cls.__module__}.{cls.__name__}")
                raise

    return of_all


def by_rate(*data):
    return 0.1


def needed(cls):
    """Return the arguments that a part must be given."""
    names = [name for name, p in cls._arguments().items() if p.default is p.empty]
    return {name: GIVEN[name]() for name in [*names, *NEEDED.get(cls.__name__, [])]}


def wrong_values(cls, name):
    """Yield values that an argument does not take."""
    usual = needed(cls).get(name, cls._arguments()[name].default)
    for what, value in WRONG.items():
        if what != "NaN" or (cls.__name__, name) not in LATER:
            yield value
    if name not in ANY_TEXT:
        yield "no such name"
    if isinstance(usual, int | float) and not isinstance(usual, bool):
        yield from (True, math.inf, -math.inf)
    if isinstance(usual, float):
        yield 10**400


def error_of(call):
    """Return the error of a call that is refused, whose message is one of nnfw."""
    try:  # `pytest.raises` would take longer than the call
        call()
    except (TypeError, ValueError, AttributeError) as error:
        said = str(error)
        assert not RAW.search(said), said
        assert len(said) < 700, said
        return error
    pytest.fail("it was taken")


def state(part):
    return {name: repr(value) for name, value in vars(part).items()}


def test_all_kinds_are_found():
    assert {cls.__mro__[cls.__mro__.index(Part) - 1].__name__ for cls in KINDS} == {
        "Activation", "Callback", "Initializer", "Layer", "Loss", "Metric", "Optimizer", "Preparation",
        "Regularizer", "Schedule", "Vocabulary",
    }  # fmt: skip
    public = {getattr(nnfw, name) for name in nnfw.__all__ if isinstance(getattr(nnfw, name), type)} - set(
        KINDS
    )
    assert {cls.__name__ for cls in public} == {"History", "LoadError", "NonFiniteError", "ShapeError"}


@each_part
def test_a_wrong_value_is_refused_by_name(cls):
    for name in cls._arguments():
        for value in wrong_values(cls, name):
            error = error_of(lambda name=name, value=value: cls(**needed(cls) | {name: value}))
            assert isinstance(error, TypeError | ValueError)
            assert re.search(rf"\b{name}\b| must be a name |unknown |: layer 1", str(error)), str(error)


@each_part
def test_an_argument_is_assigned_as_it_is_given(cls):
    for name in cls._arguments():
        part = cls(**needed(cls))
        before = state(part)
        for value in wrong_values(cls, name):
            assigned = error_of(lambda part=part, name=name, value=value: setattr(part, name, value))
            assert state(part) == before
            if f"{name} is fixed" not in str(assigned):
                given = error_of(lambda name=name, value=value: cls(**needed(cls) | {name: value}))
                assert (type(assigned), str(assigned)) == (type(given), str(given))
        try:
            setattr(part, name, getattr(part, name))
        except AttributeError as error:
            assert f"{name} is fixed" in str(error)  # noqa: PT017
        assert state(part).keys() == before.keys()
        assert repr(part) == repr(cls(**needed(cls)))


@each_part
def test_help_shows_all_arguments_and_no_checks(cls):
    shown = inspect.signature(cls).parameters
    assert set(shown) == set(cls._arguments())
    assert not any("Annotated" in str(p.annotation) for p in shown.values())
    for name in [*needed(cls)][:1]:  # what is passed on as **options is given by name only
        assert next(iter(shown)) == name


def test_an_object_that_can_be_called_shows_what_it_is_called_with():
    assert list(inspect.signature(nnfw.losses.MSE()).parameters) == ["y", "a", "weight"]


@each_part
def test_a_wrong_name_is_refused_with_the_nearest(cls):
    part = cls(**needed(cls))
    before = state(part)
    for name in cls._arguments():
        wrong = f"{name}x"
        others = {argument: value for argument, value in needed(cls).items() if argument != name}
        error = error_of(lambda wrong=wrong, others=others: cls(**others, **{wrong: 1}))
        assert str(error).startswith(f"{cls.__name__} has no argument '{wrong}'. Did you mean '{name}'")
        error = error_of(lambda wrong=wrong: setattr(part, wrong, 1))
        assert str(error).startswith(f"{cls.__name__} has no attribute '{wrong}'. Did you mean '{name}'")
    error = error_of(lambda: setattr(part, "zzz", 1))
    assert re.search(rf"^{cls.__name__} has no attribute 'zzz'. It takes: ", str(error))
    assert state(part) == before


@each_part
def test_nothing_else_can_be_assigned(cls):
    part = cls(**needed(cls))
    before = state(part)
    public = {name for name in {*dir(cls), *vars(part)} if not name.startswith("_")}
    for name in public - {*cls._arguments(), *cls._checks, *part._free}:
        error = error_of(lambda name=name: setattr(part, name, Stranger()))
        assert isinstance(error, AttributeError)
        assert f"{name} cannot be assigned" in str(error) or f"{name} is fixed" in str(error)
    for name in cls._checks:
        said = str(error_of(lambda name=name: setattr(part, name, Stranger())))
        assert name in said or " must be a name " in said
    assert state(part) == before


@each_part
def test_a_class_of_ones_own_is_free(cls):
    if issubclass(cls, schedules.Schedule):
        return  # it is frozen as a dataclass is
    own = type("Own", (cls,), {"__module__": "elsewhere"})(**needed(cls))
    own.anything, own.lr = Stranger(), 1
    assert own.lr == 1
    for name in cls._arguments():
        for value in wrong_values(cls, name):
            said = str(error_of(lambda name=name, value=value: setattr(own, name, value)))
            assert "is fixed" in said or re.search(rf"\b{name}\b| must be a name |unknown ", said), said


@each_part
def test_a_copy_takes_the_same(cls):
    for part in (copy.copy(cls(**needed(cls))), copy.deepcopy(cls(**needed(cls)))):
        error_of(lambda part=part: setattr(part, "zzz", 1))
        for name in cls._arguments():
            error_of(lambda part=part, name=name: setattr(part, name, Stranger()))


# ---- what follows from the arguments ----------------------------------------------------------------


def test_words_of_other_libraries_are_translated():
    for part, wrong, said in (
        (Adam(), "lr", "Adam has no attribute 'lr'; nnfw calls it learning_rate."),
        (SGD(), "clipnorm", "SGD has no attribute 'clipnorm'; nnfw calls it clip_norm."),
        (Network([Dense(1)]), "optimiser", "Network has no attribute 'optimiser'. Did you mean 'optimizer'?"),
        (Dense(1), "trainble", "Dense has no attribute 'trainble'. Did you mean 'trainable'?"),
        (GRU(1), "nodes", "GRU has no attribute 'nodes'; nnfw calls it units."),
    ):
        with pytest.raises(AttributeError, match=re.escape(said)):
            setattr(part, wrong, 1)


def test_an_argument_is_opened():
    dense, gru, network = Dense(3), GRU(3), Network([Dense(1)])
    dense.activation, dense.initializer, dense.optimizer, dense.regularizer = "tanh", "zeros", "sgd", "l2"
    gru.recurrent_activation, network.loss, network.metrics = {"r": "hard_sigmoid"}, "bce", ["accuracy"]
    assert (
        repr(dense) == "Dense(3, activation='tanh', initializer='zeros', optimizer='sgd', regularizer='l2')"
    )
    assert repr(gru) == "GRU(3, recurrent_activation={'z': Sigmoid(), 'r': HardSigmoid()})"
    assert (repr(network.loss), repr(network.metrics)) == ("BinaryCrossentropy()", "(Accuracy(),)")
    label = metrics.MultiLabel()
    label.metric = "recall"
    assert label.name == "multi_label_recall"


def test_numbers_are_kept_as_they_are_when_given():
    adam, dense = Adam(), Dense(3)
    adam.learning_rate, adam.beta_1, dense.units = np.float32(0.5), np.float64(0.25), np.int64(7)
    assert [type(value) for value in (adam.learning_rate, adam.beta_1, dense.units)] == [float, float, int]


def test_what_arguments_demand_of_each_other():
    for part, name, value in (
        (SGD(), "nesterov", True),
        (SGD(momentum=0.5, nesterov=True), "momentum", 0.0),
        (Uniform(0.0, 1.0), "low", 2.0),
        (MinMaxScaler(), "high", -1.0),
        (Embedding(3, 2, mask=2), "vocabulary", 2),
        (nnfw.Checkpoint("a.npz", every=2), "monitor", "loss"),
        (Vocabulary(["a", "b"], unknown="?"), "unknown", "a"),
    ):
        before = state(part)
        with pytest.raises(ValueError, match=rf"{name}|mask|one of every"):
            setattr(part, name, value)
        assert state(part) == before


def test_what_is_made_of_arguments_follows_them():
    letters = Vocabulary(["a", "b"])
    letters.symbols = ["x", "y", "a"]
    assert letters.numbers == {"x": 0, "y": 1, "a": 2}
    assert letters.encode("ax").tolist() == [2, 0]
    lstm = LSTM(3)
    lstm.units, lstm.recurrent_activation = 5, "hard_sigmoid"
    network = Network([lstm, Dense(1)], seed=0)
    untrained(network, 4, 2)
    assert network.forward(np.zeros((1, 4, 2))).shape == (1, 1)
    assert lstm.params["Wh_f"].shape == (5, 5)


def test_an_optimizer_is_named_to_a_layer_as_to_a_network():
    layers = [Dense(2), Dense(2)]
    for layer, update in zip(layers, (layers[0].update, Network(layers[1:], seed=0).update), strict=True):
        layer.compute_shapes((3,))
        layer.initialize(np.random.default_rng(0))
        layer.grads["W"][...] = 1.0
        update("sgd", 0.0)
    np.testing.assert_array_equal(layers[0].flat_params, layers[1].flat_params)


def test_hooks_can_be_replaced_and_taken_away():
    seen = []
    callback = LambdaCallback(on_epoch_end=lambda run: seen.append("first"))
    callback.on_epoch_end = lambda run: seen.append("second")
    callback.on_fit_start = lambda run: seen.append("start")
    network = Network([Dense(1)], seed=0)
    network.fit([[1.0]], [1.0], callbacks=[callback], verbose=0)
    assert seen == ["start", "second"]
    callback.on_epoch_end = None
    network.fit([[1.0]], [1.0], callbacks=[callback], verbose=0)
    assert seen == ["start", "second", "start"]
    assert repr(LambdaCallback()) == "LambdaCallback()"


def test_a_method_may_stand_in_for_another():
    network, calls = Network([Dense(1)]), []
    network.summary = lambda: calls.append(1)
    network.summary()
    assert calls == [1]
    with pytest.raises(AttributeError, match="Network: fit cannot be assigned"):
        network.fit = 3


# ---- what is fixed ----------------------------------------------------------------------------------

FIXED = [
    (lambda: Dense(3), "units", 4),
    (lambda: Dense(3), "use_bias", False),
    (lambda: Dense(3), "initializer", "zeros"),
    (lambda: GRU(3), "units", 4),
    (lambda: GRU(3), "reset_after", True),
    (lambda: LSTM(3), "forget_bias", 0.0),
    (lambda: LSTM(3), "bias_initializer", "ones"),
    (lambda: Bidirectional(GRU(3)), "merge", "sum"),
    (lambda: Bidirectional(GRU(3)), "layer", GRU(4)),
]


@pytest.mark.parametrize(("make", "name", "value"), FIXED)
@pytest.mark.slow
def test_an_argument_of_the_parameters_is_fixed_once_they_are_declared(make, name, value, tmp_path):
    layer = make()
    network = Network([layer, Dense(1)], seed=0)
    x = np.random.default_rng(0).normal(size=(4, 5, 2) if layer.takes_lengths else (4, 2))
    network.fit(x, np.ones(4), verbose=0)
    before, outputs = network.config, network.predict(x)
    kind = type(layer).__name__
    said = re.escape(f"{kind}: {name} is fixed by now; create a new one, {kind}(..., {name}=...)")
    with pytest.raises(AttributeError, match=said):
        setattr(layer, name, value)
    assert network.config == before
    network.save(tmp_path / "network.npz")
    np.testing.assert_array_equal(Network.load(tmp_path / "network.npz").predict(x), outputs)


def test_what_a_built_layer_may_change():
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    network = Network([GRU(3, return_sequences=True), GRU(3), Dense(2, "softmax")], loss="cce", seed=0)
    network.fit(x, [0, 1, 0, 1], verbose=0)
    first, second, last = network.layers
    before = network.predict(x)
    last.activation = "linear"
    np.testing.assert_allclose(np.exp(network.predict(x)) / np.exp(network.predict(x)).sum(1, keepdims=True),
                               before, rtol=1e-5)  # fmt: skip
    last.activation = "softmax"
    np.testing.assert_array_equal(network.predict(x), before)
    second.dropout, second.recurrent_dropout, second.go_backwards = 0.5, 0.25, True
    assert not np.allclose(network.predict(x), before)
    network.fit(x, [0, 1, 0, 1], verbose=0)
    with pytest.raises(ValueError, match=r"GRU: dropout must be a finite number in \[0, 1\), got 7"):
        first.dropout = 7


def test_a_new_layer_takes_all():
    dense = Dense(3)
    dense.units, dense.use_bias = 5, False
    untrained(Network([dense]), 2)
    assert {name: p.shape for name, p in dense.params.items()} == {"W": (2, 5)}


def test_layers_inside_a_bidirectional_share_their_dropout_and_nothing_else():
    both = Bidirectional(GRU(3))
    both.layer.dropout = 0.5
    for name, value in {
        "units": 4,
        "activation": "relu",
        "go_backwards": True,
        "return_sequences": True,
    }.items():
        with pytest.raises(AttributeError, match=f"GRU: {name} is fixed"):
            setattr(both.layer, name, value)
    with pytest.raises(AttributeError, match="GRU: dropout is fixed"):
        both.back.dropout = 0.25
    alone = copy.deepcopy(both.layer)
    alone.units, alone.activation = 4, "relu"
    assert repr(alone) == "GRU(4, activation='relu', dropout=0.5)"


@for_each("name", ["layers", "seed", "dtype", "shapes", "params"])
def test_what_makes_up_a_network_is_fixed(name):
    network = Network([Dense(1)])
    if name == "seed":
        network.seed = None  # as it is
        with pytest.raises(AttributeError, match=r"^Network: seed is fixed"):
            network.seed = 1
        return
    with pytest.raises(AttributeError, match=f"^Network: {name} (is fixed|cannot be assigned)"):
        setattr(network, name, getattr(network, name))


def test_arrays_are_written_into():
    network = Network([Dense(1)], seed=0)
    untrained(network, 2)
    for part in (network, network.layers[0]):
        for name in ("params", "grads", "flat_params", "flat_grads"):
            place = rf"{name}\[...\]" if name.startswith("flat") else rf"{name}\['W'\]\[...\]"
            with pytest.raises(AttributeError, match=f"{name} cannot be assigned; write into it, {place} = "):
                setattr(part, name, copy.deepcopy(getattr(part, name)))


def test_a_history_is_a_history():
    network = Network([Dense(1)])
    network.history = fresh = History()
    assert network.history is fresh
    with pytest.raises(TypeError, match="Network: history must be a History, got"):
        network.history = {}


# ---- names ------------------------------------------------------------------------------------------


@for_each("wrong", [3, [], "", b"a", True, 0.5])
def test_the_name_of_a_layer_is_a_text(wrong):
    said = r": name must be a string that is not empty, or None, got "
    for make in (
        lambda: Dense(3, name=wrong),
        lambda: Network([Dense(1)], name=wrong),
        lambda: Flatten(name=wrong),
    ):
        with pytest.raises(TypeError, match=said):
            make()
    layer = Dense(3)
    with pytest.raises(TypeError, match=said):
        layer.name = wrong


def test_a_layer_is_named_before_it_is_part_of_a_network():
    layer = Dense(1)
    layer.name = "first"
    network = Network([layer, Dense(1, name="second")])
    with pytest.raises(AttributeError, match="Dense: name is fixed in a network"):
        layer.name = "second"
    assert list(untrained(network, 1).params) == ["first.W", "first.b", "second.W", "second.b"]


# ---- classes of one's own ---------------------------------------------------------------------------


def test_an_own_layer_that_calls_no_constructor_of_its_base_is_checked_too():
    class Bare(Layer):
        def __init__(self):
            self.gain = 1.0

    layer = Bare()
    layer.optimizer, layer.gain = "sgd", Stranger()
    assert layer.optimizer.config == SGD().config
    for name in ("optimizer", "regularizer", "trainable", "name"):
        error_of(lambda name=name: setattr(layer, name, Stranger()))


def test_an_own_class_may_set_what_its_base_takes_before_and_after_the_constructor():
    class Narrow(Dense):
        def __init__(self, width):
            self.units, self.width = width, width
            super().__init__(width + 1)
            self.units = width

    layer = Narrow(3)
    assert (layer.units, layer.width) == (3, 3)
    layer.units = 5
    assert layer.units == 5
    with pytest.raises(ValueError, match="units must be at least 1"):
        layer.units = 0


def test_an_own_callback_remembers_what_it_likes():
    class Mine(EarlyStopping):
        def on_epoch_end(self, run):
            super().on_epoch_end(run)
            self.seen = run.epoch

    mine = Mine("loss", patience=2)
    Network([Dense(1)], seed=0).fit([[1.0]], [1.0], epochs=2, callbacks=[mine], verbose=0)
    assert mine.seen == 2
    with pytest.raises(ValueError, match="patience"):
        mine.patience = 0


def test_parts_keep_what_they_learn():
    scaler = StandardScaler().fit([[1.0], [3.0]])
    scaler.offset = np.array([0.0])
    np.testing.assert_array_equal(scaler.transform([[2.0]]), [[2.0]])


def test_given_values_are_finite_when_they_are_used():
    layer = Dense(2, initializer=np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match=r"Given: values\[0, 1\] is nan"):
        untrained(Network([layer]), 1)
    with pytest.raises(TypeError, match="Given: array must be real numbers"):
        Given([["a"]])


def test_signatures_name_types():
    """NumPy's ArrayLike would fill several lines of `help`."""
    verbs = [getattr(Network, name) for name in ("fit", "evaluate", "predict", "forward")]
    shown = [*map(str, map(inspect.signature, (*verbs, nnfw.losses.MSE.__call__, nnfw.data.pad_sequences)))]
    assert "lengths: numpy.typing.ArrayLike | None = None" in shown[0]
    assert not [text for text in shown if "_typing" in text or "numpy.dtype[" in text]


def test_signatures_say_what_is_taken():
    """What the tests above go through is what ``help`` shows."""
    assert list(inspect.signature(Dropout).parameters) == list(Dropout._arguments())
    assert issubclass(LambdaCallback, Callback)


@pytest.mark.parametrize("name", ["flat_params", "flat_grads"])
def test_what_has_been_written_into_is_not_assigned(name):
    network = untrained(Network([Dense(3), Dense(1)], seed=0), 2)
    for part in (network.layers[0], network):
        before = getattr(part, name).copy()
        exec(f"part.{name} += 0.5")
        np.testing.assert_array_equal(getattr(part, name), before + np.float32(0.5))
        with pytest.raises(AttributeError, match=rf"{name} cannot be assigned; write into it, {name}\[...\]"):
            setattr(part, name, before)


@dataclasses.dataclass(eq=False, repr=False)
class Scaled(SGD):
    """An optimizer of one's own that derives an attribute from its argument, and keeps a count."""

    gain: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        self.root, self.calls = self.gain**0.5, 0


def test_what_an_own_class_derives_stays():
    optimizer = Scaled(0.1, gain=1e-4)
    optimizer.calls = 3
    optimizer.learning_rate = 0.2
    assert optimizer.rate(0.0) == 0.2
    assert (optimizer.root, optimizer.calls, optimizer.gain) == (0.01, 3, 1e-4)


def test_the_memory_of_own_classes_is_not_replaced_either():
    class Own(Dense):
        def compute_shapes(self, input_shape):
            self.units = input_shape[-1]
            return super().compute_shapes(input_shape)

    class OwnNetwork(Network):
        pass

    network = OwnNetwork([Own(3), Dense(1)], seed=0)
    x = np.random.default_rng(0).normal(size=(4, 3))
    network.fit(x, x[:, 0], verbose=0)
    network.fit(x, x[:, 0], verbose=0)  # the units are assigned again, as they are
    for part in (network.layers[0], network):
        before = part.flat_params.copy()
        part.flat_params += 1
        np.testing.assert_array_equal(part.flat_params, before + np.float32(1))
        with pytest.raises(AttributeError, match="flat_params cannot be assigned"):
            part.flat_params = before
    with pytest.raises(AttributeError, match="params cannot be assigned"):
        network.layers[0].params = {}


# ---- functions ----------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(4, 5, 2))
FITTED = Network([GRU(3), Dense(2)], seed=0)
FITTED.build((5, 2))
NETWORKS = ([1], "gru", None, Network, FITTED.layers[0])
SEEDS = ("x", -1, [["a"]], True, [], 0.5)
DTYPES = ("M8[s]", "U3", object, complex, "no such", [3])
TOLERANCES = ("x", None, [], math.inf, math.nan, -1, 0, True)
CALLS = [
    ("network", lambda v: exchange.to_torch(v), NETWORKS),
    ("network", lambda v: exchange.load_torch(v, {}), NETWORKS),
    ("network", lambda v: exchange.load_keras(v, "a.keras"), NETWORKS),
    ("network", lambda v: exchange.to_onnx(v, "a.onnx"), NETWORKS),
    ("network", lambda v: saving.save_weights(v, "a.safetensors"), NETWORKS),
    ("network", lambda v: saving.load_weights(v, "a.safetensors"), NETWORKS),
    ("network", lambda v: saving.save(v, "a.npz"), NETWORKS),
    ("network", lambda v: plots.gates(v, X), NETWORKS),
    ("network", lambda v: plots.diagram(v), NETWORKS),
    ("network", lambda v: plots.histograms(v), NETWORKS),
    ("network", lambda v: plots.spectrum(v), NETWORKS),
    ("network", lambda v: plots.gradient_flow({"a": v}, X, [0.0] * 4), NETWORKS),
    ("network", lambda v: explain.gradient(v, X), NETWORKS),
    ("network", lambda v: generate(v, [0], 3), NETWORKS),
    ("network", lambda v: forecast(v, X[0], 3), NETWORKS),
    ("network", lambda v: check_network(v, X, X[:, 0]), NETWORKS),
    ("network", lambda v: experiments.find_rate(v, X, X[:, 0]), NETWORKS),
    ("build", lambda v: experiments.repeat(lambda seed: v, X, X[:, 0]), NETWORKS),
    ("seed", lambda v: train_test_split(X, X, seed=v), SEEDS),
    ("seed", lambda v: generate(FITTED, [0], 3, seed=v), SEEDS),
    ("seed", lambda v: forecast(FITTED, X[0], 3, seed=v), SEEDS),
    ("seed", lambda v: check_layer(Dense(2), seed=v), SEEDS),
    ("seed", lambda v: FITTED.check(X, X[:, 0], seed=v), SEEDS),
    ("seed", lambda v: datasets.load_digits(seed=v), SEEDS),
    ("seed", lambda v: datasets.adding_problem(9, 8, seed=v), SEEDS),
    ("seed", lambda v: datasets.parity(9, 8, seed=v), SEEDS),
    ("seed", lambda v: datasets.delayed_echo(9, 8, 2, seed=v), SEEDS),
    ("seed", lambda v: datasets.sine_mixture(9, 8, seed=v), SEEDS),
    ("samples", lambda v: forecast(FITTED, X[0], 3, samples=v), (0, -1, "x", 2.5)),
    ("value", lambda v: pad_sequences([[1.0]], v), ("x", None, [], 1j)),
    ("value", lambda v: pad_sequences([np.float32([1])], v), (1e39, -1e39)),
    ("dtype", lambda v: pad_sequences([[1.0]], dtype=v), DTYPES),
    ("dtype", lambda v: one_hot([0, 1], dtype=v), DTYPES),
    ("matrix", lambda v: plots.confusion_matrix(v), ("x", [[1j]], np.ma.array([[1.0]], mask=True), [[None]])),
    ("layer", lambda v: plots.spectrum(FITTED, layer=v), ([], {}, 3, "lstm", X)),
    ("layer", lambda v: plots.gates(FITTED, X, layer=v), ([], {}, 3, "lstm", X)),
    ("build", lambda v: experiments.repeat(v, X, X[:, 0]), (lambda: FITTED, lambda a, b: FITTED, 3)),
    ("forecaster", lambda v: backtest(v, X[0], 1), (lambda: 1, lambda a, b: 1, "naive")),
    ("learning_rate|function", lambda v: Adam(v), (lambda: 1.0, lambda a, b: 1.0)),
    ("function", lambda v: metrics.get(v), (lambda: 1.0, lambda y: 1.0, lambda y, a, b: 1.0)),
    ("metric", lambda v: metrics.get(lambda y, a: v)([1.0], [1.0]), ("x", 1j, {}, [1.0])),
    ("function", lambda v: Dense(1, initializer=v), (lambda: 1.0, lambda rng: 1.0)),
    ("optimizer", lambda v: FITTED.layers[0].update(v, 0), (None, "adma", 3, [])),
    ("tolerance", lambda v: check_layer(Dense(2), tolerance=v), TOLERANCES),
    ("tolerance", lambda v: check_network(FITTED, X, X[:, 0], tolerance=v), TOLERANCES),
]


def test_a_wrong_value_of_a_function_is_refused_by_name():
    for number, (name, call, values) in enumerate(CALLS):
        for value in values:
            try:
                said = str(error_of(lambda call=call, value=value: call(value)))
                assert re.search(rf"\b({name})\b", said), said
            except BaseException as error:
                error.add_note(f"with row {number}, {name}={value!r}")
                raise
