"""Parts and their arguments from JSON again: the way back of `nnfw.saving.describing`.

Nothing in a description is run or imported: a class is looked up among nnfw's own parts, or in what the
caller passes as `custom`, and nowhere else.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnfw.arrays import Array
from nnfw.errors import LoadError
from nnfw.layers.layer import Layer
from nnfw.parts import Part
from nnfw.saving.describing import DTYPES, own_parts


class Rebuilder:
    """Makes parts and values from a description again.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The arrays beside the description; those that are used are taken out.
    custom : mapping of str to class or function
        What is not nnfw's own, by name.
    """

    def __init__(self, arrays: dict[str, Array], custom: Mapping[str, Any]) -> None:
        self.arrays, self.custom = arrays, custom
        self._own = own_parts()
        self._parts: list[Part] = []

    def value(self, described: Any) -> Any:
        """Return what was described.

        Raises
        ------
        LoadError
            If the description is none, or asks for what is not there.
        """
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
            case {"same": int(number)}:
                return self._parts[number]
            case {"class": str(name), "config": dict()}:
                return self._part(self._own_class(name), described)
            case {"custom": str(name), "config": dict()}:
                return self._part(self._custom_class(name), described)
            case {"custom": str(name)}:
                return self._given(name)
        raise LoadError(f"its description holds {str(described)[:80]}, which stands for nothing")

    def take(self, name: str) -> Array:
        """Return an array, which then is used."""
        if name not in self.arrays:
            raise LoadError(f"the array {name!r} is missing")
        return self.arrays.pop(name)

    def _part(self, cls: type[Part], described: dict[str, Any]) -> Part:
        config = {name: self.value(value) for name, value in described["config"].items()}
        base = {name: self.value(value) for name, value in described.get("base", {}).items()}
        try:  # whatever a constructor makes of arguments that were tampered with
            part = cls(**config)
            if isinstance(part, Layer):
                Layer.__init__(part, **{name: getattr(part, name) for name in Layer.arguments()} | base)
        except Exception as error:
            raise LoadError(
                f"{cls.__name__} cannot be built from its saved arguments: {str(error)[:250]}"
            ) from error
        self._parts.append(part)
        return part

    def _own_class(self, name: str) -> type[Part]:
        if name not in self._own:
            raise LoadError(f"this nnfw has no {name}; a newer one may have it")
        return self._own[name]

    def _custom_class(self, name: str) -> type[Part]:
        found = self._given(name)
        if isinstance(found, type) and issubclass(found, Part):
            return found
        raise LoadError(f"custom[{name!r}] must be the class {name}, derived from nnfw's; got {found!r:.80}")

    def _given(self, name: str) -> Any:
        if name not in self.custom:
            raise LoadError(
                f"it needs {name!r}, which is not part of nnfw; pass it with "
                f"Network.load(path, custom={{{name!r}: {name}}})"
            )
        return self.custom[name]
