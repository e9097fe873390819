"""What every pluggable part shares: its arguments stay readable, and it can be found by name.

A part (layer, activation, loss, optimizer ...) follows one convention: each argument of its
``__init__`` is kept as an attribute of the same name. From that convention alone follow its `config`,
its printed form, and errors that teach when an argument is misspelt.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, ParamSpec, Self, TypeVar

import numpy as np

from nnfw.core.suggest import explain_argument, nearest

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def _check_keywords(owner: str, known: Iterable[str], keywords: Iterable[str]) -> None:
    for name in keywords:
        if name not in known:
            raise TypeError(explain_argument(owner, name, known))


def _check_places(owner: str, function: Any, given: int, known: Callable[[], Iterable[str]]) -> None:
    """Raise a TypeError if more values are given by place than `function` takes, and others by name."""
    code = getattr(function, "__code__", None)
    if code is None or given <= code.co_argcount or code.co_flags & inspect.CO_VARARGS:
        return
    places = [name for name in code.co_varnames[: code.co_argcount] if name != "self"]
    example = next((name for name in known() if name not in places), None)
    if example:
        raise TypeError(
            f"{owner} takes {', '.join(places) or 'nothing'} by place, and all else by name, as "
            f"{example}=...; several values for one argument are a list, [a, b]"
        )


def explain_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate `function` so that the TypeError for an unknown keyword, or a value too many, teaches."""
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        _check_keywords(function.__name__, known, kwargs)
        _check_places(function.__name__, function, len(args), lambda: known)
        return function(*args, **kwargs)

    return checked


class ClassOnly(classmethod):  # type: ignore[type-arg]
    """A class method that refuses to be called on an object, where its result would be lost.

    Examples
    --------
    >>> class Box:
    ...     @ClassOnly
    ...     def load(cls, path):
    ...         return cls()
    >>> Box().load("box")
    Traceback (most recent call last):
    TypeError: load returns a new Box: box = Box.load(...)
    """

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Return the method of the class, or what refuses in its place."""
        if instance is None:
            return super().__get__(instance, owner)
        name, made = self.__func__.__name__, type(instance).__name__

        def refuse(*args: Any, **kwargs: Any) -> NoReturn:
            raise TypeError(f"{name} returns a new {made}: {made.lower()} = {made}.{name}(...)")

        return functools.wraps(self.__func__)(refuse)


if TYPE_CHECKING:
    class_only = classmethod  # what callers are held to
else:
    class_only = ClassOnly


def not_kept(part: "Part", name: str) -> str:
    """Return the message for an argument that a part was given, and has no attribute of."""
    return (
        f"{type(part).__name__} does not keep its argument {name!r}, so it can be neither shown nor saved; "
        f"write self.{name} = {name} in its __init__"
    )


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

    _known_as: ClassVar[str] = ""  # the name that it is registered under

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments before ``__init__`` sees them."""
        if kwargs:
            _check_keywords(cls.__name__, cls._arguments(), kwargs)
        if args:
            _check_places(cls.__name__, cls.__init__, 1 + len(args), cls._arguments)
        return super().__new__(cls)

    @classmethod
    def _arguments(cls) -> dict[str, inspect.Parameter]:
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
        for name in self._arguments():
            if not hasattr(self, name):
                raise ValueError(not_kept(self, name))
        return {name: getattr(self, name) for name in self._arguments()}

    def __repr__(self) -> str:
        """Show the arguments that are not the default: ``GRU(64, activation='relu')``."""
        shown, config = [], self.config
        for name, parameter in self._arguments().items():
            text, default = brief(config[name]), brief(parameter.default)
            if parameter.default is parameter.empty:
                shown.append(text)
            elif text != default:
                shown.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


def brief(value: Any) -> str:
    """Return how an argument is shown: a part with nothing but defaults by the name it is known under."""
    text = repr(value.name if isinstance(value, np.dtype) else value)
    _known_as = vars(type(value)).get("_known_as")  # its own, not one that its class inherits
    return repr(_known_as) if _known_as and text == f"{type(value).__name__}()" else text


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
                factory._known_as = names[0]
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
