"""Optional packages: each is imported where it is used."""

from importlib import import_module
from typing import Any


def extra(module: str, name: str, what: str) -> Any:
    """Return a module of an optional package, or raise an ImportError that names the extra to install."""
    try:
        return import_module(module)
    except ImportError:
        said = f"{what} through the {module.partition('.')[0]} package, which is not installed"
        raise ImportError(f"{said}; pip install 'nnfw[{name}]' installs it") from None
