"""What all parts share: arguments that stay readable, names that are found, messages that teach."""

import importlib
import inspect
import re
import sys

import pytest
from alike import for_each
from modules import MODULES

import nnfw
from nnfw import GRU, RNN, SGD, Adam, Dense, EarlyStopping, Network, activations, losses, schedules
from nnfw.activations import ELU, Activation, Softmax, Tanh
from nnfw.core import suggest as names
from nnfw.core.arguments import explain_keywords
from nnfw.core.registry import Part, Registry, brief
from nnfw.data import one_hot, pad_sequences, sliding_windows, train_test_split
from nnfw.datasets import load_digits
from nnfw.losses import MSE, Huber
from nnfw.plots import confusion_matrix

REGISTRIES = list({id(r): r for m in MODULES for r in vars(m).values() if isinstance(r, Registry)}.values())
REGISTERED = [
    pytest.param(registry, name, id=f"{registry.kind} {name}")
    for registry in REGISTRIES
    for name in registry.names()
]


class Base(Part):
    def __init__(self, units, *, scale=1.0, name=None):
        self.units, self.scale, self.name = units, scale, name


class Passing(Base):
    def __init__(self, units, kind="a", **options):
        super().__init__(units, **options)
        self.kind = kind


class Deeper(Passing):
    def __init__(self, units, *, scale=2.0, extra=(), **options):
        super().__init__(units, scale=scale, **options)
        self.extra = extra


class Closed(Base):
    def __init__(self, depth=3):
        super().__init__(depth)
        self.depth = depth


class Silent(Passing):
    """Defines no constructor of its own."""


class TestArguments:
    @for_each(
        ("part", "arguments"),
        [
            (Base, ["units", "scale", "name"]),
            (Passing, ["units", "kind", "scale", "name"]),
            (Deeper, ["units", "scale", "extra", "kind", "name"]),
            (Closed, ["depth"]),
            (Silent, ["units", "kind", "scale", "name"]),
        ],
    )
    def test_options_passed_on_are_included(self, part, arguments):
        assert list(part._arguments()) == arguments

    def test_the_nearest_class_says_the_default(self):
        assert Deeper._arguments()["scale"].default == 2.0
        assert Passing._arguments()["scale"].default == 1.0
        assert Base._arguments()["units"].default is inspect.Parameter.empty

    def test_gru_has_those_of_all_recurrent_layers(self):
        known = set(GRU._arguments())
        assert known >= set(RNN._arguments()) | {"recurrent_activation", "reset_after"}
        assert known.isdisjoint({"options", "self", "args", "kwargs"})

    def test_config_is_what_was_given(self):
        part = Deeper(7, extra=[1], kind="b", name="x")
        assert part.config == {"units": 7, "scale": 2.0, "extra": [1], "kind": "b", "name": "x"}
        assert type(part)(**part.config).config == part.config

    def test_an_argument_that_was_not_kept_shows(self):
        class Forgetful(Part):
            def __init__(self, units):
                self.count = units

        said = r"^Forgetful does not keep its argument 'units'.*; write self.units = units in its __init__$"
        for look in (repr, lambda part: part.config):
            with pytest.raises(ValueError, match=said):
                look(Forgetful(3))

    @for_each("part", [Base, Passing, Deeper, Silent])
    def test_unknown_keywords_are_refused_before_the_constructor_runs(self, part):
        with pytest.raises(
            TypeError, match=rf"^{part.__name__} has no argument 'scal'. Did you mean 'scale'\?"
        ):
            part(1, scal=2)

    def test_a_class_that_takes_no_argument_says_so(self):
        with pytest.raises(TypeError, match="has no argument 'slope'"):
            Tanh(slope=1)
        with pytest.raises(TypeError, match=r"^Tanh takes nothing by position"):
            Tanh(1)


class TestRepr:
    @for_each(
        ("part", "text"),
        [
            (Base(3), "Base(3)"),
            (Base(3, scale=1.0), "Base(3)"),
            (Base(3, scale=1.5), "Base(3, scale=1.5)"),
            (Base("a", name="b"), "Base('a', name='b')"),
            (Passing(3, "a"), "Passing(3)"),
            (Deeper(3, scale=2.0, kind="c"), "Deeper(3, kind='c')"),
            (Deeper(3, scale=1.0), "Deeper(3, scale=1.0)"),
            (Closed(3), "Closed()"),
            (Dense(4), "Dense(4)"),
            (Dense(4, "tanh"), "Dense(4, activation='tanh')"),
            (Dense(4, Tanh(), use_bias=False), "Dense(4, activation='tanh', use_bias=False)"),
            (Dense(4, ELU(0.5)), "Dense(4, activation=ELU(alpha=0.5))"),
            (Dense(4, Softmax(), name="x"), "Dense(4, activation='softmax', name='x')"),
            (GRU(5, return_sequences=True), "GRU(5, return_sequences=True)"),
            (GRU(5, recurrent_activation={"r": "hard_sigmoid"}),
             "GRU(5, recurrent_activation={'z': Sigmoid(), 'r': HardSigmoid()})"),
            (Adam(0.1), "Adam(learning_rate=0.1)"),
            (Dense(2, optimizer=SGD(0.5)), "Dense(2, optimizer=SGD(learning_rate=0.5))"),
            (Huber(2), "Huber(delta=2.0)"),
            (EarlyStopping(patience=3), "EarlyStopping(patience=3)"),
        ],
    )  # fmt: skip
    def test_only_what_is_not_the_default(self, part, text):
        assert repr(part) == text

    def test_a_name_is_not_inherited(self):
        class Steeper(Tanh):
            pass

        assert brief(Tanh()) == "'tanh'"
        assert brief(Steeper()) == "Steeper()"

    @for_each(("registry", "name"), [one for one in REGISTERED if "schedule" not in one.id])
    def test_registered_parts_are_shown_by_name_and_made_anew_from_their_config(self, registry, name):
        part = registry.get(name)
        assert repr(type(part)(**part.config)) == repr(part)
        assert brief(part) in (f"'{type(part)._known_as}'", repr(part))


class Shape(Part):
    pass


class Square(Shape):
    def __init__(self, side=1.0):
        self.side = side


class Circle(Shape):
    def __init__(self, radius=1.0):
        self.radius = radius


@pytest.fixture
def shapes():
    registry = Registry("shape", Shape, synonyms={"disc": "circle"})
    registry.register("square", "quad")(Square)
    registry.register("circle")(Circle)
    registry.register("big_circle")(lambda: Circle(9.0))
    return registry


class TestRegistry:
    def test_names_stand_in_order(self, shapes):
        assert shapes.names() == ["square", "quad", "circle", "big_circle"]

    def test_all_that_get_takes(self, shapes):
        own = Square(3.0)
        assert shapes.get(own) is own
        assert shapes.get("square").config == shapes.get("quad").config == {"side": 1.0}
        assert shapes.get("big_circle").radius == 9.0
        assert isinstance(shapes.get(Circle), Circle)
        assert shapes.get("circle") is not shapes.get("circle")

    def test_the_first_name_is_the_one_it_is_known_as(self, shapes):
        assert brief(shapes.get("quad")) == "'square'"
        assert brief(shapes.get("big_circle")) == "Circle(radius=9.0)"

    def test_a_decorated_class_stays_a_class(self, shapes):
        @shapes.register("triangle")
        class Triangle(Shape):
            def __init__(self):
                pass

        assert isinstance(Triangle, type)
        assert isinstance(shapes.get("triangle"), Triangle)

    def test_a_name_is_given_once(self, shapes):
        with pytest.raises(ValueError, match="shape 'circle' is registered already; choose another name"):
            shapes.register("circle")(Square)
        assert isinstance(shapes.get("circle"), Circle)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (
                "circel",
                "unknown shape 'circel'. Did you mean 'circle'? Known: square, quad, circle, big_circle.",
            ),
            ("CIRCLE", "nnfw calls it 'circle'."),
            ("disc", "unknown shape 'disc'; nnfw calls it 'circle'. Known: "),
            ("Disc", "nnfw calls it 'circle'"),
            ("hexagon", "unknown shape 'hexagon'. Known: square, quad, circle, big_circle."),
            ("", "unknown shape ''. Known:"),
        ],
    )
    def test_unknown_names(self, shapes, given, said):
        with pytest.raises(ValueError, match=re.escape(said)):
            shapes.get(given)

    @pytest.mark.parametrize(
        "given", [None, 3, 0.5, ["square"], {"square": 1}, Part, Tanh, Tanh(), len, b"square"]
    )
    def test_other_types(self, shapes, given):
        said = r"^shape must be a name \(square, quad, circle, big_circle\) or .*Shape.*, got .+ "
        own = r"; to write your own, derive a class from \w*Shape" if callable(given) else ""
        with pytest.raises(TypeError, match=rf"{said}\({type(given).__name__}\){own}$"):
            shapes.get(given)


class TestEveryName:
    def test_all_registries_are_found(self):
        kinds = {registry.kind for registry in REGISTRIES}
        assert kinds >= {
            "activation",
            "loss",
            "metric",
            "optimizer",
            "initializer",
            "regularizer",
            "schedule",
        }

    @pytest.mark.parametrize("kind", ["activations", "initializers", "losses", "metrics", "optimizers"])
    def test_one_of_your_own_gets_a_name(self, kind):
        module = importlib.import_module(f"nnfw.{kind}")
        registry = module.registry

        @module.register("of_your_own")
        class OfYourOwn(registry.base):
            def __call__(self, x, out=None):  # an activation without it is refused
                return x

        assert type(module.get("of_your_own")) is OfYourOwn
        assert registry.names()[-1] == "of_your_own"

    @for_each(("registry", "name"), REGISTERED)
    def test_letters_in_capitals(self, registry, name):
        with pytest.raises(ValueError, match=f"nnfw calls it '{name}'"):
            registry.get(name.upper())

    @for_each(("registry", "name"), REGISTERED)
    def test_each_class_is_public(self, registry, name):
        factory = registry.factories[name]
        kind = factory if isinstance(factory, type) else type(factory())
        assert kind.__name__ in sys.modules[kind.__module__].__all__

    @for_each("registry", REGISTRIES)
    def test_synonyms_lead_to_names(self, registry):
        for synonym, name in registry.synonyms.items():
            assert synonym not in registry.names()
            assert synonym == synonym.lower()
            said = repr(name) if name in registry.names() else re.escape(name)  # a name, or a call
            with pytest.raises(ValueError, match=f"nnfw calls it {said}"):
                registry.get(synonym.upper())

    @for_each("registry", REGISTRIES)
    def test_messages_are_short(self, registry):
        for wrong in ("zzz", 3):
            with pytest.raises((TypeError, ValueError)) as raised:
                registry.get(wrong)
            assert len(str(raised.value)) < 500


class TestWordsOfOtherLibraries:
    def test_every_word_of_nnfw_is_one(self):
        owners = [c for m in MODULES for c in vars(m).values() if isinstance(c, type) and issubclass(c, Part)]
        known = {argument for owner in owners for argument in owner._arguments()}
        known |= set(inspect.signature(Network.fit).parameters)
        functions = [one_hot, pad_sequences, sliding_windows, train_test_split, confusion_matrix]
        for function in (*functions, MSE.__call__):
            known |= set(inspect.signature(function).parameters)
        meant = {word for words in names.ARGUMENTS.values() for word in words.split()}
        assert meant <= known

    @for_each(
        ("call", "said"),
        [
            (lambda: GRU(hidden_size=3), "GRU has no argument 'hidden_size'; nnfw calls it units."),
            (lambda: GRU(3, unit_cells=3), "'unit_cells'; leave it out: units is given."),
            (lambda: GRU(3, sequences=True), "nnfw calls it return_sequences."),
            (lambda: RNN(3, nonlinearity="relu"), "'nonlinearity'; nnfw calls it activation."),
            (lambda: RNN(3, batch_first=True), "'batch_first'; leave it out: nnfw needs no such"),
            (lambda: RNN(3, input_size=2), "shapes are inferred from the data"),
            (lambda: Dense(nodes=3), "Dense has no argument 'nodes'; nnfw calls it units."),
            (lambda: Dense(3, bias=False), "nnfw calls it use_bias."),
            (lambda: Dense(3, kernel_initializer="zeros"), "nnfw calls it initializer."),
            (lambda: Dense(3, activaton="relu"), "Did you mean 'activation'?"),
            (lambda: Adam(lr=0.1), "Adam has no argument 'lr'; nnfw calls it learning_rate."),
            (lambda: Adam(betas=(0.9, 0.99)), "nnfw calls it beta_1 and beta_2."),
            (lambda: Adam(eps=1e-7), "nnfw calls it epsilon."),
            (lambda: SGD(0.1, clipnorm=1.0), "nnfw calls it clip_norm."),
            (lambda: SGD(0.1, global_clipnorm=1.0), "nnfw calls it clip_global_norm."),
            (lambda: schedules.Cosine(lr=0.1, epochs=3), "'lr'; nnfw calls it rate."),
            (lambda: Dense(3, sequences=True), "Dense has no argument 'sequences'. It takes"),
            (lambda: Network([Dense(1)], random_state=0), "'random_state'; nnfw calls it seed."),
            (lambda: Network([Dense(1)]).fit([[1]], [1], n_epochs=3), "'n_epochs'; nnfw calls it epochs."),
            (lambda: Network([Dense(1)]).predict([[1.0]], batchsize=3), "Did you mean 'batch_size'?"),
            (lambda: EarlyStopping(patiense=3), "Did you mean 'patience'?"),
            (lambda: load_digits(random_state=3), "load_digits has no argument"),
        ],
    )  # fmt: skip
    def test_they_reach_the_user(self, call, said):
        with pytest.raises(TypeError, match=re.escape(said)) as raised:
            call()
        assert len(str(raised.value)) < 500

    @for_each("word", names.ARGUMENTS)
    def test_all_of_them(self, word):
        known = names.ARGUMENTS[word].split()
        assert names.translation(word, known) == f"; nnfw calls it {' and '.join(known)}."

    @for_each("word", names.ELSEWHERE)
    def test_what_is_done_otherwise(self, word):
        assert names.translation(word, ["units"]) == f"; leave it out: {names.ELSEWHERE[word]}."

    def test_a_word_that_the_owner_knows_is_no_synonym(self):
        assert names.translation("sequence", ["sequences"]) == ". Did you mean 'sequences'?"

    @for_each(
        ("name", "known", "said"),
        [
            ("sofmax", ["relu", "softmax"], " Did you mean 'softmax'?"),
            ("Relu", ["ReLU", "elu"], " Did you mean 'ReLU'?"),
            ("zzz", ["relu", "softmax"], ""),
            ("", ["relu"], ""),
            ("relu", [], ""),
        ],
    )
    def test_nearest(self, name, known, said):
        assert names.nearest(name, iter(known)) == said


class TestExplainKeywords:
    def test_it_changes_nothing_else(self):
        def area(width, height=2, *, unit="m"):
            """Return an area."""
            return width * height, unit

        checked = explain_keywords(area)
        assert checked(3) == (6, "m")
        assert checked(width=3, height=4, unit="cm") == (12, "cm")
        assert (checked.__name__, checked.__doc__) == ("area", "Return an area.")
        assert inspect.signature(checked) == inspect.signature(area)

    def test_self_is_no_argument(self):
        class Thing:
            @explain_keywords
            def turn(self, angle):
                return angle

        assert Thing().turn(angle=3) == 3
        with pytest.raises(
            TypeError, match=r"^turn has no argument 'angel'. Did you mean 'angle'\? It takes: angle\.$"
        ):
            Thing().turn(angel=3)

    def test_a_value_too_many_is_told_where_the_others_go(self):
        class Thing:
            @explain_keywords
            def turn(self, angle, *, unit="rad", axis=0):
                return angle

        said = r"^turn takes angle by position, and all others by name, such as unit=...; pass .* list, turn"
        with pytest.raises(TypeError, match=said):
            Thing().turn(3, "deg")
        assert explain_keywords(lambda *angles, unit="rad": angles)(1, 2, 3) == (1, 2, 3)

    def test_so_is_one_too_many_for_a_part(self):
        for make, places in (
            (lambda: Base(1, 2), "Base takes units by position, and all others by name"),
            (lambda: Passing(1, "b", 2), "Passing takes units, kind by position, and all others by name"),
        ):
            with pytest.raises(TypeError, match="^" + re.escape(places)):
                make()

    @pytest.mark.parametrize("part", [nnfw.Flatten, nnfw.LayerNorm, nnfw.BatchNorm])
    def test_what_takes_nothing_by_position_takes_no_list_either(self, part):
        said = rf"^{part.__name__} takes nothing by position, and all others by name, such as \w+=\.\.\.$"
        with pytest.raises(TypeError, match=said):
            part(2)

    def test_the_momentum_of_a_batch_norm_is_not_that_of_an_optimizer(self):
        with pytest.raises(TypeError, match=r"write BatchNorm\(rate=...\).* Keras's momentum is 1 - rate\."):
            nnfw.BatchNorm(momentum=0.9)


def test_parts_of_one_kind_do_not_pass_for_another():
    for get, other in ((activations.get, MSE()), (losses.get, Tanh()), (losses.get, Activation)):
        with pytest.raises(TypeError, match=" must be a name "):
            get(other)
