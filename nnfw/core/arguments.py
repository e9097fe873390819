"""Arguments of functions and of the constructors of parts: their names, and errors for wrong ones."""

import inspect
from collections.abc import Callable, Iterable
from functools import cache, wraps
from types import CodeType
from typing import Any, ParamSpec, TypeVar

from nnfw.core.suggest import translation
from nnfw.core.words import HOMES

P = ParamSpec("P")
R = TypeVar("R")

LIST = "pass several values for one argument as a list, {}([a, b])"


def check_arguments(
    owner: str, code: CodeType, given: int, keywords: Iterable[str], known: Any, part: Any = None
) -> None:
    """Raise a TypeError for an unknown keyword, or for too many positional arguments of a function.

    `part` is the class or the object that takes them; its attributes determine the message.
    """
    for name in keywords:
        if name not in known:
            used = {*keywords, *code.co_varnames[:given]}
            hint = translation(name, known, used, getattr(part, "_homes", HOMES))
            takes = ", ".join(known) or "none"
            raise TypeError(f"{owner} has no argument {name!r}{hint} It takes: {takes}.")
    if given > code.co_argcount and not code.co_flags & inspect.CO_VARARGS:
        names = [name for name in code.co_varnames[: code.co_argcount] if name in known]
        use, takes = getattr(part, "_use", LIST), ", ".join(names) or "nothing"
        others = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        first = f", such as {others[0]}=..." if others else ""
        hint = f"; {use.format(owner)}" if names or use is not LIST else ""
        raise TypeError(f"{owner} takes {takes} by position, and all others by name{first}{hint}")


def explain_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate `function` so that wrong arguments raise a TypeError that names the right ones.

    For a method, these come from the `_homes` and the `_use` of its owner; see `Part`.
    """
    known = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    special = function.__name__.startswith("__")

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        owner = type(args[0]).__name__ if special else function.__name__
        check_arguments(owner, function.__code__, len(args), kwargs, known, args[0] if args else None)
        return function(*args, **kwargs)

    return checked


@cache
def arguments_of(part: type) -> dict[str, inspect.Parameter]:
    """Return the constructor's parameters, with those that it passes on as ``**options``."""
    found: dict[str, inspect.Parameter] = {}
    first, *others = (owner for owner in part.__mro__ if "__init__" in vars(owner))
    for owner in (first, *others):
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        for p in parameters:
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                found.setdefault(p.name, p if owner is first else p.replace(kind=p.KEYWORD_ONLY))
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found


class Signature:
    """The signature of a class, as shown by `help` and notebooks.

    It includes the arguments that are passed on as ``**options``, and omits the checks of types.
    """

    def __get__(self, part: Any, cls: Any) -> inspect.Signature | None:
        if part is not None:
            return None  # a callable object has the signature of its __call__
        shown = [p.replace(annotation=without_checks(p.annotation)) for p in arguments_of(cls).values()]
        return inspect.Signature(sorted(shown, key=lambda p: p.kind))


def without_checks(annotation: Any) -> Any:
    """Return T of an ``Annotated[T, check]``."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation
