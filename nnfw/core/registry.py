"""Parts, which keep their arguments as attributes, and registries, which find parts by name.

A part is a layer, activation, loss, optimizer or anything else that is passed by name or as an object.
Each argument of its ``__init__`` is stored as an attribute of the same name. Its `config`, its printed form
and the errors for misspelt keywords follow from that convention, as do the rules for assignment: the
constructor itself converts and checks an assigned argument.
"""

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from nnfw.core.arguments import LIST, Signature, arguments_of, check_arguments
from nnfw.core.suggest import nearest, translation
from nnfw.core.validation import Check, shown
from nnfw.core.words import HOMES

T = TypeVar("T")
Factory = TypeVar("Factory", bound=Callable[..., Any])

NO_ARGUMENTS = (lambda self: None).__code__  # in place of object.__init__, which would ignore them


if TYPE_CHECKING:
    class_only = classmethod
else:

    class class_only(classmethod):
        """A class method that refuses to be called on an object, where its result would be lost."""

        def __get__(self, instance, owner=None):
            """Return the bound method."""
            name, cls = self.__func__.__name__, type(instance).__name__

            def refuse(*args, **kwargs):
                raise TypeError(f"{name} returns a new {cls}: {cls.lower()} = {cls}.{name}(...)")

            return super().__get__(instance, owner) if instance is None else wraps(self.__func__)(refuse)


def kept(part: "Part", names: Iterable[str]) -> dict[str, Any]:
    """Return arguments of a part by name, from its attributes; raise a ValueError if one is missing."""
    for name in names:
        if not hasattr(part, name):
            raise ValueError(
                f"{type(part).__name__} does not keep its argument {name!r}, so it can be neither shown nor "
                f"saved; write self.{name} = {name} in its __init__"
            )
    return {name: getattr(part, name) for name in names}


def is_own(part: type) -> bool:
    """Whether a class is defined in a module of nnfw."""
    module = part.__module__
    inside = getattr(sys.modules.get(module), "__dict__", {})  # bypasses __getattr__ of modules
    return module.startswith("nnfw.") and inside.get(part.__name__) is part


@cache
def home_of(part: Any) -> Any:
    """Return a class of nnfw unchanged, and for any other class its nearest base class in nnfw."""
    return next(base for base in part.__mro__ if is_own(base) and issubclass(base, Part))


def is_memory_of(a: np.ndarray, b: Any) -> bool:
    """Whether an array is the same memory as another."""
    return isinstance(b, np.ndarray) and bool(a.__array_interface__ == b.__array_interface__)


class Part:
    """The base of everything that is passed by name or as an object.

    An argument can be assigned in the forms in which it can be given, unless `_fixed` gives a reason why not.
    A part of nnfw accepts no other attributes; an instance of a subclass of your own accepts any.

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

    __signature__: ClassVar[Any] = Signature()
    _checks: ClassVar[Mapping[str, Check[Any]]] = {}  # of attributes that can always be assigned
    _free: ClassVar[Collection[str]] = ()  # attributes that the part itself sets while it works
    _views: ClassVar[Collection[str]] = ()  # memory that is written into, and never replaced
    _homes: ClassVar[Mapping[str, str]] = HOMES  # where arguments that it does not take belong
    _use: ClassVar[str] = LIST  # the hint if too many are given by position

    _known_as: ClassVar[str] = ""  # its first name in a registry

    def __init_subclass__(cls, **options: Any) -> None:
        """Give up the name of the class that it derives from."""
        super().__init_subclass__(**options)
        cls._known_as = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments before ``__init__`` runs."""
        if args or kwargs:
            code = getattr(cls.__init__, "__code__", NO_ARGUMENTS)
            check_arguments(cls.__name__, code, 1 + len(args), kwargs, cls._arguments(), cls)
        return super().__new__(cls)

    @classmethod
    def _arguments(cls) -> dict[str, inspect.Parameter]:
        return arguments_of(cls)  # type: ignore[arg-type]  # a class is hashable

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_" or name in self._free:  # first, since layers come here in every step
            object.__setattr__(self, name, value)
        else:
            self._assign(name, value)

    def _assign(self, name: str, value: Any) -> None:
        cls: Any = type(self)
        home, check = home_of(cls), self._checks.get(name)
        arguments = home._arguments()
        there = name in vars(self) or isinstance(getattr(home, name, None), property)
        method = callable(value) and callable(getattr(home, name, None))  # replaces a method of the class
        if (check or (there and name in arguments)) and (why := self._fixed(name)):
            if isinstance(value, int | str | None) and value == getattr(self, name, self):
                return
            raise AttributeError(f"{cls.__name__}: {name} is fixed {why}")
        if check:
            value = check(cls.__name__, name, value)
        elif there and name in arguments and all(hasattr(self, other) for other in arguments):
            again = object.__new__(home)  # attributes that a custom class adds are kept
            home.__init__(again, **kept(self, arguments) | {name: value})
            vars(self).update(vars(again))
            return
        elif there and isinstance(value, np.ndarray) and is_memory_of(value, getattr(self, name, None)):
            return  # as after `layer.flat_params += 1`, which works in place
        elif name in self._views or (cls is home and not method and (there or name not in arguments)):
            raise AttributeError(self._refusal(name, list(dict.fromkeys([*arguments, *self._checks]))))
        object.__setattr__(self, name, value)

    def _fixed(self, name: str) -> str:
        """Return why an attribute cannot be assigned any more, or nothing."""
        return ""

    def _refusal(self, name: str, known: Collection[str]) -> str:
        """Return the message for an attribute that is not there, or not for assignment."""
        owner, takes = type(self).__name__, f"It takes: {', '.join(known) or 'none'}."
        if not hasattr(type(self), name) and name not in vars(self):
            return f"{owner} has no attribute {name!r}{translation(name, known)} {takes}"
        remedy = ""
        with suppress(AttributeError, RuntimeError):  # if it does not exist yet
            if isinstance(value := getattr(self, name), np.ndarray | dict):
                key = "['W']" if isinstance(value, dict) else ""
                remedy = f"; write into it, {name}{key}[...] = value"
        return f"{owner}: {name} cannot be assigned{remedy}. {takes}"

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, read from the attributes of the same names."""
        return kept(self, self._arguments())

    def __repr__(self) -> str:
        """Show the arguments that are not the default: ``GRU(64, activation='relu')``."""
        shown, config = [], self.config
        for name, parameter in self._arguments().items():
            text = brief(config[name])
            if parameter.default is parameter.empty:
                shown.append(text)
            elif text != brief(parameter.default):
                shown.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


class Searchable:
    """Mixin for parts whose arguments scikit-learn's searches set, as ``optimizer__learning_rate``."""

    def get_params(self: Any, deep: bool = True) -> dict[str, Any]:
        """Return the arguments by name; scikit-learn's `clone` and searches ask for them."""
        return self.config

    def set_params(self: Any, **arguments: Any) -> Any:
        """Assign arguments, as scikit-learn's searches do."""
        vars(self).update(vars(type(self)(**self.config | arguments)))
        return self


def brief(value: Any) -> str:
    """Return the printed form of an argument: a registered part with default arguments by its name."""
    text = repr(value.name if isinstance(value, np.dtype) else value)
    name = getattr(value, "_known_as", "")
    return repr(name) if name and text == f"{type(value).__name__}()" else text


def spelled(name: str) -> str:
    """Return a name in normalized spelling, which is the same for ``BCELoss``, ``bce_loss`` and ``bce``."""
    return name.lower().replace("_", "").removesuffix("loss")


class Registry(Generic[T]):
    """The parts of one kind that can be passed by name.

    `kind` is their kind for messages (``"activation"``), `base` is the class that they derive from, and
    `synonyms` maps names in other libraries to nnfw's, or to a call.

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

    def register(self, *names: str) -> Callable[[Factory], Factory]:
        """Return a decorator that registers a class, or a function that builds a part, under `names`."""

        def add(factory: Factory) -> Factory:
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

    def translated(self, name: str) -> str:
        """Return nnfw's name, or a call, for a name of another library in any spelling, or an empty string.

        Examples
        --------
        >>> Registry("part", Part, {"l1": "mae"}).translated("L1Loss")
        'mae'
        """
        words = {word: word for word in self.factories} | self.synonyms
        return {spelled(word): own for word, own in words.items()}.get(spelled(name), "")

    def get(self, part: "str | T | type[T]") -> T:
        """Return the part for a name, a class, or the object itself."""
        if isinstance(part, self.base):
            return part
        if isinstance(part, type) and issubclass(part, self.base):
            return part()
        known = ", ".join(self.factories)
        if not isinstance(part, str):
            said = f"{self.kind} must be a name ({known}) or an object of {self.base.__name__}"
            own = f"; to write your own, derive a class from {self.base.__name__}" * callable(part)
            raise TypeError(f"{said}, got {shown(part)}{own}")
        if part in self.factories:
            return self.factories[part]()
        synonym = self.translated(part)
        synonym = repr(synonym) if synonym in self.factories else synonym
        hint = f"; nnfw calls it {synonym}." if synonym else f".{nearest(part, self.factories)}"
        raise ValueError(f"unknown {self.kind} {part!r}{hint} Known: {known}.")
