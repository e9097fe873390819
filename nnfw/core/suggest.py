"""Hints for unknown names: the closest known name, and nnfw's name for one of another library."""

import difflib
import importlib.util
import opcode
import sys
from collections.abc import Collection, Iterable, Mapping
from types import ModuleType
from typing import Any, NoReturn

from nnfw.core.words import ARGUMENTS, ELSEWHERE, HOMES, IMPORTS, MEMBERS


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known name, or an empty string.

    Examples
    --------
    >>> nearest("sofmax", ["relu", "softmax"])
    " Did you mean 'softmax'?"
    >>> nearest("matthews", ["mae", "matthews_correlation"])  # a beginning
    " Did you mean 'matthews_correlation'?"
    """
    name, lowered = name.lower(), {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name, lowered, n=1, cutoff=0.5 if len(name) < 4 else 0.6)
    close += [candidate for candidate in lowered if candidate.startswith(name) and len(name) > 2]
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def translation(
    name: str, known: Iterable[str], given: Collection[str] = (), homes: Mapping[str, str] = HOMES
) -> str:
    """Return the end of a message on an unknown argument: nnfw's name, its location, or the closest name.

    It does not suggest names that were `given`.
    """
    known, words = list(known), ARGUMENTS.get(name, "").split()
    meant = [word for word in words if word in known]
    if left := [word for word in meant if word not in given]:
        return f"; nnfw calls it {' and '.join(left)}."
    if meant:
        return f"; leave it out: {meant[0]} is given."
    for word in (name, *words):
        for home, taken in homes.items():
            if word in taken.split():
                return f"; write {home.format(word)}."
    if name in ELSEWHERE:
        return f"; leave it out: {ELSEWHERE[name]}."
    return f".{nearest(name, (word for word in known if word not in given))}"


def _in_nnfw(name: str, table: dict[str, str], known: Iterable[str]) -> str:
    """Return what a table says of a name, or the nearest known name."""
    return f"; in nnfw: {table[name]}" if name in table else f".{nearest(name, known)}"


def public_modules() -> list[ModuleType]:
    """Return the modules of nnfw that are imported and list their names in ``__all__``, in order."""
    every = sys.modules.copy()  # as other threads may import meanwhile
    keys = sorted(key for key in every if key.partition(".")[0] == "nnfw")
    return [every[key] for key in keys if "__all__" in getattr(every[key], "__dict__", {})]  # or None


def homes_of(name: str) -> list[str]:
    """Return the location of a name in nnfw, or of the part with that name in another library."""
    found = []
    for module in public_modules():
        inside = vars(module)
        word = name if name in inside["__all__"] else ""
        if not word and "registry" in inside:
            word = inside["registry"].translated(name)
            word = getattr(inside["registry"].factories.get(word), "__name__", word)
        found += [f"{module.__name__}.{word}" if word.isidentifier() else word] if word else []
    return found


def explain_import(module: ModuleType, name: str) -> NoReturn:
    """Raise the error for a name that a module of nnfw lacks; the ``__getattr__`` of modules.

    ``from nnfw import X`` discards the message of an AttributeError, so an ImportError is raised there.
    """
    owner = module.__name__
    if name.startswith("__"):
        raise AttributeError(f"module {owner!r} has no attribute {name!r}", name=name)
    homes = " or ".join(homes_of(name))
    hint = _in_nnfw(name, {name: homes} | IMPORTS if homes else IMPORTS, module.__all__)
    if owner == "nnfw" and name.isidentifier() and importlib.util.find_spec(f"nnfw.{name}") is not None:
        hint = f"; import nnfw.{name} first"
    caller = sys._getframe().f_back  # None if a thread starts here, with no Python code above
    if caller and caller.f_code.co_code[caller.f_lasti] == opcode.opmap["IMPORT_FROM"]:
        raise ImportError(f"cannot import name {name!r} from {owner!r}{hint}", name=owner)
    raise AttributeError(f"module {owner!r} has no attribute {name!r}{hint}", name=name)


def explain_attribute(self: Any, name: str) -> Any:
    """Raise Python's AttributeError with a hint; the ``__getattr__`` of models."""
    try:
        return object.__getattribute__(self, name)  # raises the same error again
    except AttributeError as error:
        if not name.startswith("_") and not hasattr(type(self), name):
            public = [one for one in dir(self) if not one.startswith("_")]
            error.args = (f"{error}{_in_nnfw(name, MEMBERS, public)}",)
            error.obj = None  # otherwise Python adds its own hint
        raise
