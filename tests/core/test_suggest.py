"""Every one-letter slip in every name is understood."""

import importlib
import inspect
import pkgutil
import random
import string

import pytest

import nnfw
from nnfw import Network
from nnfw.core.registry import Part, Registry
from nnfw.core.suggest import ARGUMENTS, explain_argument, is_slip

MODULES = [importlib.import_module(module.name) for module in pkgutil.walk_packages(nnfw.__path__, "nnfw.")]


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


def understood(message, slip, meant, known):
    """Whether the message suggests the name meant, or another that the same slip could be of."""
    near = [name for name in known if is_slip(slip.lower(), name.lower())]
    assert meant in near
    return any(f"Did you mean {name!r}?" in message for name in near)


HELD = [value for module in MODULES for value in vars(module).values()]
REGISTRIES = list({value.kind: value for value in HELD if isinstance(value, Registry)}.values())
PARTS = sorted(
    {part for part in subclasses(Part) if part.__module__.startswith("nnfw.")},
    key=lambda part: part.__qualname__,
)
VERBS = [Network.fit, Network.evaluate, Network.predict, Network.predict_classes]


def test_all_are_found():
    assert {registry.kind for registry in REGISTRIES} >= {
        *("activation", "initializer", "loss", "metric", "optimizer", "regularizer")
    }
    assert len(PARTS) > 80


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_names_of_parts(registry):
    known = registry.names()
    for name in known:
        for slip in {*slips(name)} - {*known, ""}:
            if slip.lower() in registry.synonyms:
                continue
            with pytest.raises(ValueError, match="unknown") as raised:
                registry.get(slip)
            assert understood(str(raised.value), slip, name, known), (slip, name)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_arguments_of_parts(part):
    known = list(part._arguments())
    for name in known:
        first, *others = {*slips(name)} - {*known, *ARGUMENTS, ""}
        with pytest.raises(TypeError, match="has no argument") as raised:
            part(**{first: None})
        assert understood(str(raised.value), first, name, known), (first, name)
        for slip in others:
            assert understood(explain_argument(part.__name__, slip, known), slip, name, known), (slip, name)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_arguments_of_verbs(verb):
    known = list(inspect.signature(verb).parameters)[1:]
    for name in known:
        for slip in {*slips(name)} - {*known, *ARGUMENTS, "", "self"}:
            with pytest.raises(TypeError, match="has no argument") as raised:
                verb(None, **{slip: None})
            assert understood(str(raised.value), slip, name, known), (slip, name)
            assert len(str(raised.value)) < 500


def test_there_are_thousands():
    names = [name for registry in REGISTRIES for name in registry.names()]
    arguments = [name for part in PARTS for name in part._arguments()]
    assert sum(len({*slips(name)}) for name in names + arguments) > 10_000
