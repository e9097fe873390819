"""What every pluggable part shares: its arguments stay readable, and it can be found by name.

A part (layer, activation, loss, optimizer ...) follows one convention: each argument of its
``__init__`` is kept as an attribute of the same name. From that convention alone follow its `config`,
its printed form, and errors that teach when an argument is misspelt.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar

import numpy as np

from nnfw.names import explain_argument, nearest

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def _check_keywords(owner: str, known: Iterable[str], keywords: Iterable[str]) -> None:
    for name in keywords:
        if name not in known:
            raise TypeError(explain_argument(owner, name, known))


def explain_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate `function` so that an unknown keyword raises a TypeError that names the right one."""
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        _check_keywords(function.__name__, known, kwargs)
        return function(*args, **kwargs)

    return checked


class Part:
    """The base of layers, activations, losses, optimizers and all that is passed by name or as an object.

    Examples
    --------
    >>> class Scale(Part):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    >>> Scale(2.0), Scale(1.0)
    (Scale(factor=2.0), Scale())
    >>> Scale(facto=2.0)
    Traceback (most recent call last):
    TypeError: Scale has no argument 'facto'. Did you mean 'factor'? It takes: factor.
    """

    known_as: ClassVar[str] = ""  # the name that it is registered under

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the keywords before ``__init__`` sees them."""
        if kwargs:
            _check_keywords(cls.__name__, cls.arguments(), kwargs)
        return super().__new__(cls)

    @classmethod
    def arguments(cls) -> dict[str, inspect.Parameter]:
        """Return the constructor's parameters, those that it passes on as ``**options`` included."""
        found: dict[str, inspect.Parameter] = {}
        for owner in cls.__mro__:
            if "__init__" not in vars(owner):
                continue
            parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
            named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            found.update((p.name, p) for p in named if p.name not in found)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
        return found

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, read from the attributes of the same names."""
        return {name: getattr(self, name) for name in self.arguments()}

    def __repr__(self) -> str:
        """Show the arguments that are not the default: ``GRU(64, activation='relu')``."""
        shown = []
        for name, parameter in self.arguments().items():
            text, default = brief(getattr(self, name)), brief(parameter.default)
            if parameter.default is parameter.empty:
                shown.append(text)
            elif text != default:
                shown.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


def brief(value: Any) -> str:
    """Return how an argument is shown: a part with nothing but defaults by the name it is known under."""
    text = repr(value.name if isinstance(value, np.dtype) else value)
    known_as = vars(type(value)).get("known_as")  # its own, not one that its class inherits
    return repr(known_as) if known_as and text == f"{type(value).__name__}()" else text


class Registry(Generic[T]):
    """The parts of one kind that can be passed by name.

    Parameters
    ----------
    kind : str
        What the parts are, for messages: ``"activation"``.
    base : type
        The class that they all derive from.
    synonyms : dict, optional
        Names of other libraries and nnfw's name for them, for messages.

    Examples
    --------
    >>> shapes = Registry("shape", Part)
    >>> @shapes.register("square")
    ... class Square(Part):
    ...     def __init__(self): pass
    >>> shapes.get("square")
    Square()
    >>> shapes.get("sqare")
    Traceback (most recent call last):
    ValueError: unknown shape 'sqare'. Did you mean 'square'? Known: square.
    """

    def __init__(self, kind: str, base: type[T], synonyms: dict[str, str] | None = None) -> None:
        self.kind, self.base, self.synonyms = kind, base, synonyms or {}
        self.factories: dict[str, Callable[[], T]] = {}

    def register(self, *names: str) -> Callable[[Callable[[], T]], Any]:
        """Make a class, or a function that builds a part, known under `names` (use as a decorator)."""

        def add(factory: Callable[[], T]) -> Callable[[], T]:
            for name in names:
                if name in self.factories:
                    raise ValueError(f"the {self.kind} {name!r} is registered already; choose another name")
                self.factories[name] = factory
            if isinstance(factory, type) and issubclass(factory, Part):
                factory.known_as = names[0]
            return factory

        return add

    def names(self) -> list[str]:
        """Return the known names, in the order of their registration."""
        return list(self.factories)

    def get(self, part: "str | T | type[T]") -> T:
        """Return the part for a name, a class, or the object itself.

        Raises
        ------
        ValueError
            For a name that is not known, with the nearest one.
        TypeError
            For anything that is neither a name nor a part of this kind.
        """
        if isinstance(part, self.base):
            return part
        if isinstance(part, type) and issubclass(part, self.base):
            return part()
        if isinstance(part, str):
            if part in self.factories:
                return self.factories[part]()
            raise ValueError(self._unknown(part))
        raise TypeError(
            f"expected {self.kind}: a name ({', '.join(self.names())}) or an object of {self.base.__name__}, "
            f"got {type(part).__name__}"
        )

    def _unknown(self, name: str) -> str:
        synonym = self.synonyms.get(name.lower())
        hint = f"; nnfw calls it {synonym!r}." if synonym else f".{nearest(name, self.factories)}"
        return f"unknown {self.kind} {name!r}{hint} Known: {', '.join(self.names())}."
