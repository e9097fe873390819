"""Parts and their arguments as JSON, from which a saved network is rebuilt.

Null, booleans, integers, finite floats, strings and lists stand for themselves. Everything else is an object
that states its kind:

=========================================  ===========================================================
``{"class": "Layer.GRU", "config": …}``    a part of nnfw by kind and name, with its arguments; what a scaler
                                           or an encoder has learned is stored with them, as ``"learned"``
``{"custom": "Gain", "config": …}``        a part whose class is the user's
``{"custom": "my_metric"}``                a function (or a class) as an argument: its name, not its code
``{"same": 3}``                            part number 3 again, counted in the order of completion
``{"array": "Network.layers[0].table"}``   an array, stored beside the description under this name
``{"number": 0.5, "dtype": "float32"}``    a NumPy number
``{"dtype": "float32"}``                   a NumPy dtype
``{"objects": [2, "a"]}``                  an array (N,) of values for which NumPy has no dtype
``{"float": "nan"}``                       a float that JSON cannot write
``{"tuple": …}``, ``{"dict": [[k, v]]}``   a tuple, and a dict with keys of any type
=========================================  ===========================================================

A description is data: it holds no code, and reading it runs none.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.registry import Part, home_of, is_own
from nnfw.core.typing import Array
from nnfw.core.validation import named
from nnfw.data import Preparation
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.optimizers import Optimizer

STORED = "biufcUSmM"  # the kinds of dtype that hold plain numbers, strings and dates
DTYPES = {name: np.dtype(name) for name in {np.dtype(code).name for code in "?bBhHiIqQefd"}}

ANYTHING = object()  # for an argument that never had an effect
# Arguments that parts no longer have, and the value at which they had no effect.
RETIRED: dict[str, dict[str, Any]] = {
    "Activation.Softmax": {"temperature": 1.0},
    "Layer.LSTM": {"peepholes": False},
    "Layer.Residual": dict.fromkeys(("loss", "metrics", "seed", "dtype"), ANYTHING),
}


def own_parts() -> dict[str, type[Part]]:
    """Return all parts of nnfw by kind and name: ``{"Layer.Dense": Dense, "Loss.MSE": MSE, ...}``.

    The kind is the class that derives from `Part` itself.
    """
    found, classes = {}, [(kind.__name__, kind) for kind in Part.__subclasses__()]
    for kind, part in classes:
        classes += [(kind, derived) for derived in part.__subclasses__()]  # the loop reaches these too
        if is_own(part):
            found[f"{kind}.{part.__name__}"] = part
    return found


def changeable(part: Part) -> dict[str, tuple[Any, str]]:
    """Return the arguments of a layer or an optimizer that can be assigned: by key, its owner and its name.

    A file holds those that a custom constructor does not take; for a chain whose constructor does not take
    the layers, also those of each of its layers.
    """
    found: dict[str, tuple[Any, str]] = {}
    if not isinstance(part, Layer | Optimizer):
        return found
    makes_layers = isinstance(part, Sequential) and "layers" not in part.config
    for place, one in enumerate(part._with_inner() if makes_layers else [part]):  # type: ignore[union-attr]
        kind: Any = type(one)
        names = home_of(kind)._arguments()
        if isinstance(one, Layer):
            names = [name for name in names | Layer._arguments() if name in (*one._checks, *one._adjustable)]
        found |= {f"{place}.{name}" if place else name: (one, name) for name in names}
    return found


def teach(part: Part, learned: Mapping[str, Any]) -> None:
    """Restore the fitted attributes of a scaler or encoder; raise a ValueError if no data can yield them."""
    if not isinstance(part, Preparation) or not set(part.learned).issuperset(learned):
        raise ValueError(f"it does not learn {', '.join(learned)}")
    for name, value in learned.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"its {name} is not finite")
        setattr(part, name, value)


class Describer:
    """Describe parts and values as JSON, and collect their arrays in `arrays`.

    Examples
    --------
    >>> from nnfw import schedules
    >>> Describer().value(schedules.Step(0.1, every=5), "learning_rate")
    {'class': 'Schedule.Step', 'config': {'rate': 0.1, 'drop': 0.5, 'every': 5, 'staircase': False}}
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._own = {part: name for name, part in own_parts().items()}
        self._parts: dict[int, tuple[int, Part]] = {}  # by id, valid because the part is held here
        self._custom: dict[str, Any] = {}

    def value(self, value: Any, where: str) -> Any:
        """Return `value` as JSON; `where` is its place, for messages and the names of arrays."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if kind in (list, tuple):
            items = [self.value(item, f"{where}[{i}]") for i, item in enumerate(value)]
            return items if kind is list else {"tuple": items}
        if kind is dict:
            pairs = [[self.value(k, where), self.value(v, f"{where}[{k!r}]")] for k, v in value.items()]
            return {"dict": pairs}
        match value:
            case Part():
                return self.part(value, where)
            case np.ndarray() if value.dtype.kind in STORED:
                self.store(where, value)
                return {"array": where}
            case np.ndarray() if value.dtype == object and value.ndim == 1:
                return {"objects": self.value(value.tolist(), where)}
            case np.str_():
                return str(value)
            case np.generic() if value.dtype in DTYPES.values():
                return {"number": self.value(value.item(), where), "dtype": value.dtype.name}
            case np.dtype() if value in DTYPES.values():
                return {"dtype": value.name}
        return self._by_name(value, where)

    def part(self, part: Part, where: str) -> dict[str, Any]:
        """Return a part's class and arguments, or only its number if it occurred before."""
        if id(part) in self._parts:
            return {"same": self._parts[id(part)][0]}
        own = self._own.get(type(part))
        described: dict[str, Any] = {"class": own} if own else self._by_name(type(part), where)
        with named(where):
            arguments = {"config": part.config}
            others = {key: place for key, place in changeable(part).items() if key not in arguments["config"]}
            if others:
                arguments["base"] = {key: getattr(one, name) for key, (one, name) in others.items()}
            if isinstance(part, Preparation):
                arguments["learned"] = {name: vars(part)[name] for name in part.learned if name in vars(part)}
        for kind, values in arguments.items():
            described[kind] = {name: self.value(value, f"{where}.{name}") for name, value in values.items()}
        self._parts[id(part)] = len(self._parts), part
        return described

    def store(self, name: str, array: Array) -> None:
        """Add an array under `name`."""
        if name in self.arrays:
            raise ValueError(f"there are two arrays named {name!r}; rename the layers")
        self.arrays[name] = np.asarray(array, order="C")

    def _by_name(self, value: Any, where: str) -> dict[str, Any]:
        if not callable(value):
            what = "numbers, strings, lists, tuples, dicts, arrays of these and parts of nnfw can"
            raise TypeError(f"{where}: a {type(value).__name__} cannot be saved; {what}")
        name = getattr(value, "__name__", "")
        if not name.isidentifier():
            said = f"{where}: a function is saved only by name, but this one has none"
            which = name or type(value).__name__
            raise ValueError(f"{said} ({which}); define it with def, or use a part of nnfw")
        if self._custom.setdefault(name, value) != value:
            raise ValueError(f"{where}: there are two named {name!r}; rename one")
        return {"custom": name}


class Rebuilder:
    """Rebuild parts and values from a description, its arrays, and `custom` classes and functions by name."""

    def __init__(self, arrays: dict[str, Array], custom: Mapping[str, Any]) -> None:
        self.arrays = arrays  # each is removed when it is used
        self._custom, self._own = custom, own_parts()
        self._parts: list[Part] = []

    def value(self, described: Any) -> Any:
        """Return the described value."""
        match described:
            case None | bool() | int() | float() | str():
                return described
            case list():
                return [self.value(item) for item in described]
            case {"tuple": list(items)}:
                return tuple(self.value(item) for item in items)
            case {"dict": list(pairs)}:
                return {self.value(key): self.value(value) for key, value in pairs}
            case {"float": "nan" | "inf" | "-inf" as name}:
                return float(name)
            case {"number": number, "dtype": str(name)} if name in DTYPES:
                with np.errstate(over="raise"):
                    return DTYPES[name].type(self.value(number))
            case {"dtype": str(name)} if name in DTYPES:
                return DTYPES[name]
            case {"array": str(name)}:
                return self.take(name)
            case {"objects": list(values)}:
                return np.array([*map(self.value, values), None], object)[:-1]  # None: else lists give 2 axes
            case {"same": int(number)}:
                return self._parts[number]
            case {"class": str(), "config": dict()} | {"custom": str(), "config": dict()}:
                return self._part(described)
            case {"custom": str(name)}:
                return self._given(name)
        raise LoadError(f"its description holds {str(described)[:80]}, which is not valid")

    def take(self, name: str) -> Array:
        """Return an array, and remove it from those that are left."""
        if name not in self.arrays:
            raise LoadError(f"the array {name!r} is missing")
        return self.arrays.pop(name)

    def _part(self, described: dict[str, Any]) -> Part:
        cls = self._class_of(described)
        config = {name: self.value(value) for name, value in described["config"].items()}
        for argument, neutral in RETIRED.get(described.get("class", ""), {}).items():
            if neutral is ANYTHING or config.get(argument) == neutral:
                config.pop(argument, None)
        base = {name: self.value(value) for name, value in described.get("base", {}).items()}
        learned = {name: self.value(value) for name, value in described.get("learned", {}).items()}
        try:  # a constructor may raise anything if the arguments were tampered with
            part = cls(**config)
            able = changeable(part)
            for key, value in base.items():
                setattr(*able[key], value)
            if learned:
                teach(part, learned)
        except Exception as error:
            said = str(error)[:250]
            raise LoadError(f"{cls.__name__} cannot be built from its saved arguments: {said}") from error
        self._parts.append(part)
        return part

    def _class_of(self, described: dict[str, Any]) -> type[Part]:
        if "class" not in described:
            found = self._given(name := described["custom"])
            if isinstance(found, type) and issubclass(found, Part):
                return found
            raise LoadError(f"custom[{name!r}] must be a subclass of a class of nnfw; got {found!r:.80}")
        if (name := described["class"]) not in self._own:
            raise LoadError(f"this nnfw has no {name}; a newer version may have it")
        return self._own[name]

    def _given(self, name: str) -> Any:
        if name not in self._custom:
            said = f"it needs {name!r}, which is not part of nnfw"
            raise LoadError(f"{said}; pass it with Network.load(path, custom={{{name!r}: {name}}})")
        return self._custom[name]
