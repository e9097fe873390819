"""Parts and values come back from their description as they were, what is not nnfw's own from the caller."""

import copy
import functools
import json

import numpy as np
import own
import pytest
from alike import for_each
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from saved import bits, round_trip, small_network, state_of, trained
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    SGD,
    Adam,
    Dense,
    Layer,
    Loss,
    Network,
    Residual,
    activations,
    initializers,
    losses,
    metrics,
    optimizers,
    schedules,
)
from nnfw.core.errors import LoadError
from nnfw.core.registry import Part
from nnfw.saving.config import ANYTHING, RETIRED, Describer, Rebuilder, own_parts


class Holder(Part):
    """A part that keeps any argument."""

    def __init__(self, value=None, *, other=None):
        self.value, self.other = value, other


def described(value, custom=()):
    """The value after its way through strict JSON."""
    into = Describer()
    text = json.dumps(into.value(value, "value"), allow_nan=False)
    out = Rebuilder({name: array.copy() for name, array in into.arrays.items()}, dict(custom))
    found = out.value(json.loads(text))
    assert not out.arrays
    return found


def same(a, b):
    """Whether two values are the same in type and content, arrays and NaN included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Part):
        return same(a.config, b.config)
    if isinstance(a, np.ndarray):
        return bits(a) == bits(b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return repr(a) == repr(b)


TYPES = st.sampled_from(["?", *(f"{kind}{size}" for kind in "iuf" for size in (2, 4, 8)), "i1", "u1"])
SCALARS = TYPES.flatmap(lambda name: arrays_of.from_dtype(np.dtype(name)))
KEYS = (
    st.text() | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none() | st.tuples(st.text())
)
ARRAYS = arrays_of.arrays(
    TYPES | st.just(">f8") | st.just("c8"), arrays_of.array_shapes(min_dims=0, min_side=0)
)
VALUES = st.recursive(
    KEYS | st.floats() | SCALARS | ARRAYS | TYPES.map(np.dtype),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner) | inner.map(Holder)
    ),
    max_leaves=8,
)
SCHEDULES = [
    schedules.Constant(0.01),
    schedules.Step(0.01, drop=0.9, every=2),
    schedules.Piecewise([1, 2.5], [0.01, 0.005, 0.001]),
    schedules.Exponential(0.01, cycle=2, descent=0.1, staircase=True),
    schedules.InverseTime(0.01, decay=0.3),
    schedules.Linear(0.01, epochs=7),
    schedules.Polynomial(0.01, epochs=7, power=2),
    schedules.Cosine(0.01, epochs=5, end=np.float32(0.001)),
    schedules.CosineRestarts(0.01, period=2, factor=1.5),
    schedules.OneCycle(0.02, epochs=6),
    schedules.Triangular(0.001, 0.01, period=3),
    schedules.Noam(units=16, warmup=4, factor=0.01),
    schedules.Warmup(schedules.Cosine(0.01, epochs=4), epochs=1),
    schedules.Sequence([0.01, schedules.Linear(0.01, epochs=3)], boundaries=[2]),
    schedules.Scaled(schedules.Sequence([0.01, 0.02], [1]), 0.5),
]
REGISTRIES = [
    activations.registry,
    initializers.registry,
    losses.registry,
    metrics.registry,
    optimizers.registry,
]


class TestValues:
    @pytest.mark.slow
    @settings(max_examples=150)
    @given(VALUES)
    def test_come_back_as_they_were(self, value):
        assert same(described(value, {"Holder": Holder}), value)

    @pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
    @pytest.mark.slow
    def test_every_part_that_has_a_name(self, registry):
        for name in registry.names():
            assert same(described(registry.get(name)), registry.get(name))

    @for_each("schedule", SCHEDULES)
    def test_schedules(self, schedule):
        found, epochs = described(schedule), np.linspace(0, 9, 50)
        assert same(found, schedule)
        assert [found(e) for e in epochs] == [schedule(e) for e in epochs]

    def test_of_all_schedules(self):
        known = {name for name in own_parts() if name.startswith("Schedule.")}
        tested = {f"Schedule.{type(schedule).__name__}" for schedule in SCHEDULES}
        assert known - tested == {"Schedule.Schedule", "Schedule.Custom"}

    @for_each("value", [{1, 2}, 1j, b"x", object(), np.array([[None]]), np.complex64(1), range(3)])
    def test_of_other_types_are_refused(self, value):
        with pytest.raises(TypeError, match=rf"^model\.value: a {type(value).__name__} cannot be saved"):
            Describer().value(Holder(value), "model")

    def test_arrays_are_called_by_their_place(self):
        into = Describer()
        into.value(Holder({"a": [np.ones(2), np.zeros(3)]}), "model")
        assert list(into.arrays) == ["model.value['a'][0]", "model.value['a'][1]"]

    @for_each(("part", "argument"), [(part, name) for part in RETIRED for name in RETIRED[part]])
    def test_arguments_that_parts_no_longer_have(self, part, argument):
        neutral = RETIRED[part][argument]
        parts = {"Activation.Softmax": activations.Softmax(), "Layer.LSTM": LSTM(3)}
        made = (parts | {"Layer.Residual": Residual([LSTM(3)])})[part]
        described = Describer().value(made, "value")
        described["config"][argument] = 2.5 if neutral is ANYTHING else neutral
        assert same(Rebuilder({}, {}).value(copy.deepcopy(described)), made)
        if neutral is ANYTHING:
            return
        described["config"][argument] = 2.5
        with pytest.raises(LoadError, match=f"cannot be built from its saved .* no argument '{argument}'"):
            Rebuilder({}, {}).value(described)

    def test_own_parts_are_what_nnfws_modules_hold(self):
        false = type("Dense", (Layer,), {"__module__": "nnfw.layers.dense"})
        own = own_parts()
        assert own["Layer.Dense"] is Dense is not false
        assert own["Layer.Network"] is Network
        assert {name.partition(".")[0] for name in own} >= {
            "Layer",
            "Loss",
            "Metric",
            "Activation",
            "Optimizer",
        }
        assert all(part.__module__.startswith("nnfw.") for part in own.values())


class Gain(own.Gain):
    """A layer whose constructor takes none of the base's arguments."""

    def __init__(self, start):
        self.start = start


class Quartic(Loss):
    def value(self, y, a):
        return ((a - y) ** 4).mean(axis=-1)

    def slope(self, y, a):
        return 4 * (a - y) ** 3 / a.shape[-1]


class Forgets(Quartic):
    def __init__(self, p):
        pass


def largest_error(y, a):
    return np.abs(y - a).max()


def falling(epoch):
    return 0.01 / (1 + epoch)


def custom_network(metric=largest_error, rate=falling, loss=Quartic):
    layers = [GRU(2), Dense(3, initializer=np.ones((2, 3))), Gain(2.0)]
    return trained(Network(layers, loss=loss(), optimizer=SGD(rate), metrics=[metric]))


def two_of_a_name():
    return Network([Dense(1), type("Twin", (Gain,), {})(1), type("Twin", (Gain,), {})(1)])


CUSTOM = {"Gain": Gain, "Quartic": Quartic, "largest_error": largest_error, "falling": falling}
UNSAVABLE = [
    (lambda: custom_network(rate=lambda epoch: 0.1), r"Network\.optimizer\.learning_rate: .*<lambda>"),
    (lambda: custom_network(metric=lambda y, a: 0.0), r"Network\.metrics\[0\]\.function: .*<lambda>"),
    (lambda: custom_network(rate=functools.partial(min, 0.01)), r"learning_rate: .*\(partial\)"),
    (lambda: custom_network(loss=lambda: Forgets(1)), r"Network\.loss: Forgets .*'p'.*write self\.p = p"),
    (two_of_a_name, r"Network\.layers\[2\]: there are two named 'Twin'"),
]


class TestCustom:
    def test_classes_and_functions(self, tmp_path):
        network = custom_network()
        network.layers[2].trainable = False
        network.layers[2].optimizer = Adam(0.5)
        loaded = round_trip(network, tmp_path, custom=CUSTOM)
        assert not loaded.layers[2].trainable
        assert state_of(loaded) == state_of(network)

    @pytest.mark.parametrize("name", CUSTOM)
    @pytest.mark.slow
    def test_missing(self, name, tmp_path):
        rest = {key: value for key, value in CUSTOM.items() if key != name}
        with pytest.raises(LoadError, match=rf"it needs '{name}', .*custom=\{{'{name}': {name}\}}"):
            round_trip(custom_network(), tmp_path, custom=rest)

    def test_wrong(self, tmp_path):
        with pytest.raises(LoadError, match=r"custom\['Gain'\] must be a subclass of a class of nnfw"):
            round_trip(custom_network(), tmp_path, custom=CUSTOM | {"Gain": largest_error})
        with pytest.raises(TypeError, match="custom must be a dict"):
            Network.load(tmp_path / "network", custom=[Gain])

    def test_never_takes_the_place_of_nnfws_own(self, tmp_path):
        network = small_network()
        loaded = round_trip(network, tmp_path, custom={"Dense": Gain, "Layer.Dense": Gain, "Adam": SGD})
        assert state_of(loaded) == state_of(network)

    def test_of_a_name_that_nnfw_has_too(self, tmp_path):
        own = type("Dense", (Dense,), {"__module__": "elsewhere"})
        loaded = round_trip(Network([own(2), Dense(1)]), tmp_path, custom={"Dense": own})
        assert [type(layer) for layer in loaded.layers] == [own, Dense]

    @pytest.mark.parametrize(("build", "message"), UNSAVABLE)
    def test_that_cannot_be_saved(self, build, message, tmp_path):
        network = build()
        if not network._built:
            untrained(network, 2)
        (tmp_path / "old").write_bytes(b"old")
        with pytest.raises(ValueError, match=message) as caught:
            network.save(tmp_path / "old")
        assert len(str(caught.value)) < 500
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("old", b"old")]

    def test_layer_that_came_after_the_others_were_built(self, tmp_path):
        network = small_network()
        vars(network)["layers"] = (network.layers[0], Dense(1))  # as no assignment can
        network.compute_shapes((2,))
        with pytest.raises(RuntimeError, match=r"layer 2, Dense\(1\) has weights for \[\], .*'W', 'b'"):
            network.save(tmp_path / "network")
