"""One-letter slips in all names are understood, and so are names of other libraries."""

import copy
import importlib.util
import inspect
import pickle
import random
import re
import string
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from alike import for_each
from modules import MODULES

import nnfw
from nnfw import Dense, Network
from nnfw.core.registry import Part, Registry
from nnfw.core.suggest import nearest
from nnfw.core.words import ARGUMENTS, ELSEWHERE, HOMES, IMPORTS, MEMBERS


def subclasses(cls):
    for subclass in cls.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def slips(name):
    """Yield each letter left out, doubled, replaced by another, and swapped with the one before it."""
    rng = random.Random(name)
    for i, letter in enumerate(name):
        yield name[:i] + name[i + 1 :]
        yield name[:i] + letter + name[i:]
        yield name[:i] + rng.choice(string.ascii_lowercase) + name[i + 1 :]
        if i:
            yield name[: i - 1] + letter + name[i - 1] + name[i + 1 :]


HELD = [value for module in MODULES for value in vars(module).values()]
REGISTRIES = list({value.kind: value for value in HELD if isinstance(value, Registry)}.values())
PARTS = sorted(
    {part for part in subclasses(Part) if part.__module__.startswith("nnfw.")},
    key=lambda part: part.__qualname__,
)
WORDS = {*ARGUMENTS, *ELSEWHERE, *" ".join(HOMES.values()).split()}
VERBS = [Network.fit, Network.evaluate, Network.predict, Network.predict_classes]


def test_all_are_found():
    assert {registry.kind for registry in REGISTRIES} >= {
        *("activation", "initializer", "loss", "metric", "optimizer", "regularizer")
    }
    assert len(PARTS) > 80


@for_each("registry", REGISTRIES)
def test_names_of_parts(registry):
    known = registry.names()
    for name in known:
        for slip in [name[:-1] + "_", name.upper() + "x"]:
            with pytest.raises(ValueError, match="unknown") as raised:
                registry.get(slip)
            own = registry.translated(slip)  # as of "adam_", which is "adam" in another spelling
            assert (f"nnfw calls it {own!r}." if own else nearest(slip, known)) in str(raised.value)


@pytest.mark.slow
@for_each("part", PARTS)
def test_arguments_of_parts(part):
    known = list(part._arguments())
    for name in known:
        slip = min({*slips(name)} - {*known, *WORDS, ""})
        with pytest.raises(TypeError, match=f"has no argument {slip!r}.{nearest(slip, known)}"[:-1]):
            part(**{slip: None})


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
@pytest.mark.slow
def test_arguments_of_verbs(verb):
    known = list(inspect.signature(verb).parameters)[1:]
    for name in known:
        for slip in {*slips(name)} - {*known, *WORDS, "", "self"}:
            with pytest.raises(TypeError, match="has no argument") as raised:
                verb(None, **{slip: None})
            assert nearest(slip, known) in str(raised.value)
            assert len(str(raised.value)) < 500


@pytest.mark.slow
def test_of_thousands_of_slips_nearly_all_are_understood():
    families = [registry.names() for registry in REGISTRIES] + [list(part._arguments()) for part in PARTS]
    asked = [
        (slip, name, known) for known in families for name in known for slip in {*slips(name)} - {*known}
    ]
    asked = sorted(asked)[::4]  # for time
    right = [nearest(slip, known) == f" Did you mean {name!r}?" for slip, name, known in asked]
    assert len(asked) > 3000
    assert sum(right) > 0.99 * len(asked)


class TestImports:
    """``nnfw.X`` and ``from nnfw import X``, for a name X of another library."""

    @for_each("name", IMPORTS)
    def test_a_name_of_another_library(self, name):
        assert name not in nnfw.__all__
        said = f" {name!r}{{}}; in nnfw: {IMPORTS[name]}"
        with pytest.raises(
            AttributeError, match=re.escape(f"module 'nnfw' has no attribute{said.format('')}")
        ):
            getattr(nnfw, name)
        with pytest.raises(ImportError, match=re.escape("cannot import name" + said.format(" from 'nnfw'"))):
            exec(f"from nnfw import {name}")

    def test_a_slip(self):
        with pytest.raises(
            AttributeError, match=r"^module 'nnfw' has no attribute 'Desne'\. Did you mean 'Dense'\?$"
        ):
            nnfw.Desne  # noqa: B018
        with pytest.raises(
            ImportError, match=r"^cannot import name 'Desne' from 'nnfw'\. Did you mean 'Dense'\?$"
        ):
            from nnfw import Desne  # noqa: F401

    @for_each(
        ("name", "home"),
        [
            ("StandardScaler", "nnfw.data.StandardScaler"),
            ("load_digits", "nnfw.datasets.load_digits"),
            ("MSE", "nnfw.losses.MSE or nnfw.metrics.MSE"),
            ("Softmax", "nnfw.activations.Softmax"),
        ],
    )
    def test_a_name_of_a_module_of_nnfw(self, name, home):
        with pytest.raises(AttributeError, match=re.escape(f"no attribute {name!r}; in nnfw: {home}") + "$"):
            getattr(nnfw, name)
        with pytest.raises(ImportError, match=re.escape(f"{name!r} from 'nnfw'; in nnfw: {home}") + "$"):
            exec(f"from nnfw import {name}")

    @for_each(
        ("module", "name", "hint"),
        [
            ("layers", "BatchNormalization", "; in nnfw: BatchNorm()"),
            ("layers", "Desne", ". Did you mean 'Dense'?"),
            ("layers", "EarlyStopping", "; in nnfw: nnfw.EarlyStopping"),
            ("losses", "MeanSquaredError", "; in nnfw: nnfw.losses.MSE or nnfw.metrics.MSE"),
            ("losses", "BCEWithLogitsLoss", "; in nnfw: nnfw.losses.BinaryCrossentropy"),
            ("metrics", "SparseCategoricalAccuracy", "; in nnfw: nnfw.metrics.Accuracy"),
            ("optimizers", "nesterov", "; in nnfw: SGD(0.01, momentum=0.9, nesterov=True)"),
            ("initializers", "xavier_uniform_", "; in nnfw: nnfw.initializers.GlorotUniform"),
            ("schedules", "CosineDecay", ". Did you mean 'Cosine'?"),
            ("data", "to_categorical", "; in nnfw: data.one_hot(labels)"),
            ("regularizers", "l1", "; in nnfw: nnfw.losses.MAE or nnfw.regularizers.L1"),
            ("activations", "zzz", "."),
            ("datasets", "zzz", "."),
            ("nnfw", "MSELoss", "; in nnfw: nnfw.losses.MSE or nnfw.metrics.MSE"),
        ],
    )
    def test_modules_answer_alike(self, module, name, hint):
        module = "nnfw" if module == "nnfw" else f"nnfw.{module}"
        with pytest.raises(AttributeError) as looked:
            getattr(sys.modules[module], name)
        assert str(looked.value) == f"module {module!r} has no attribute {name!r}{hint}"
        with pytest.raises(ImportError) as imported:
            exec(f"from {module} import {name}")
        assert str(imported.value) == f"cannot import name {name!r} from {module!r}{hint}"
        assert not hasattr(sys.modules[module], name)
        assert not hasattr(sys.modules[module], "__path_of_nothing__")

    def test_what_is_said_to_be_in_a_module_is_there(self):
        for name, home in IMPORTS.items():
            if home.startswith("nnfw."):
                module = importlib.util.find_spec(home.rpartition(".")[0])
                assert f'"{name}"' in Path(module.origin).read_text("utf-8")

    def test_a_module_that_is_not_imported(self, monkeypatch):
        from nnfw import forecasting

        assert nnfw.forecasting is forecasting
        monkeypatch.delattr(nnfw, "forecasting")
        with pytest.raises(
            AttributeError, match=r"no attribute 'forecasting'; import nnfw\.forecasting first"
        ):
            nnfw.forecasting  # noqa: B018

    def test_a_name_with_a_dot_is_none(self):
        for name in ("layers.Dense", "zzz.zzz", ".zzz", ".."):
            assert not hasattr(nnfw, name)

    def test_a_module_that_was_taken_out(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "nnfw.losses")
        assert not hasattr(nnfw.losses, "zzz")

    @pytest.mark.parametrize("key", ["zzz", "nnfw.zzz"])
    def test_another_thread_may_import_meanwhile(self, monkeypatch, key):
        class Key(str):
            def partition(self, separator):
                monkeypatch.setitem(sys.modules, "imported by another thread", None)
                return super().partition(separator)

        monkeypatch.setitem(sys.modules, Key(key), None)
        assert not hasattr(nnfw, "zzz")
        assert "imported by another thread" in sys.modules

    @pytest.mark.subprocess
    def test_a_module_that_stands_as_none_and_a_look_from_outside_python(self):
        program = "import sys; sys.modules['nnfw.sklearn'] = None; import atexit, nnfw"
        program += "; atexit.register(getattr, nnfw, 'zzz', 0)"  # no frame of Python calls it
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    def test_python_adds_no_second_suggestion(self):
        for look in (lambda: nnfw.Desne, lambda: Network([Dense(1)]).fitt):
            with pytest.raises(AttributeError) as raised:
                look()
            assert "".join(traceback.format_exception(raised.value)).count("Did you mean") == 1

    @pytest.mark.subprocess
    @pytest.mark.slow
    def test_modules_that_are_not_imported_yet_can_be(self):
        program = "import sys, nnfw.core; from nnfw import gradcheck, streaming; print(streaming.__name__)"
        program += "; del sys.modules['nnfw.streaming'], nnfw.streaming; from nnfw import streaming"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "nnfw.streaming"


class TestMembers:
    """What models of other libraries have, looked for on a network."""

    @for_each("name", MEMBERS)
    def test_a_member_of_another_library(self, name):
        network = Network([Dense(1)])
        said = f"'Network' object has no attribute {name!r}; in nnfw: {MEMBERS[name]}"
        with pytest.raises(AttributeError, match=f"^{re.escape(said)}$"):
            getattr(network, name)
        assert not hasattr(network, name)
        assert getattr(network, name, 3) == 3

    @pytest.mark.parametrize(
        ("name", "hint"), [("predictt", ". Did you mean 'predict'?"), ("zzz", "."), ("_private", "")]
    )
    def test_other_names(self, name, hint):
        with pytest.raises(AttributeError) as raised:
            getattr(Network([Dense(1)]), name)
        assert str(raised.value) == f"'Network' object has no attribute {name!r}{hint}"

    def test_an_error_within_a_property_stays_what_it_is(self):
        class Own(Network):
            @property
            def broken(self):
                return self.layers[0].nothing_of_this_name

        with pytest.raises(AttributeError, match=r"^'Dense' object has no attribute 'nothing_of_this_name'$"):
            Own([Dense(1)]).broken  # noqa: B018

    def test_copies_and_pickles_work(self):
        network = Network([Dense(2)], seed=0)
        x = np.random.default_rng(0).normal(size=(4, 3))
        network.fit(x, x[:, :2], verbose=0)
        for other in (copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            np.testing.assert_array_equal(other.predict(x), network.predict(x))
