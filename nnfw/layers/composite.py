"""Composite: a layer made of layers, with their parameters as one vector, and ways to traverse them.

The vectors of the layers are views into that of all: a norm, an all-reduce or an optimizer then handles one
array in one call.
"""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnfw.core.typing import Array, Shape
from nnfw.layers import validation
from nnfw.layers.base import Layer
from nnfw.layers.parameters import NOTHING, Views, start_of
from nnfw.optimizers import Optimizer


class Composite(Layer):
    """A layer made of layers; `nnfw.layers.sequential.Sequential` defines how they compute."""

    _settled = True
    shapes: list[Shape]  # of the input and of the output of each layer, once they are computed

    def __init__(
        self, layers: Sequence[Layer], *, optimizer: str | Optimizer | None = None, name: str | None = None
    ) -> None:
        super().__init__(optimizer=optimizer, name=name)
        vars(self)["shapes"] = []
        self.layers: tuple[Layer, ...] = validation.check_layers(layers, type(self).__name__)
        validation.check_names(self._names, type(self).__name__)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, with the layers, stored as a tuple, as the list that was given."""
        return {name: list(one) if name == "layers" else one for name, one in super().config.items()}

    # ---- parameters ---------------------------------------------------------------------------------

    @property
    def flat_params(self) -> Array:  # type: ignore[override]
        """The parameters of all layers as one vector."""
        return vector(self._with_parameters(), "flat_params")

    @property
    def flat_grads(self) -> Array:  # type: ignore[override]
        """The gradients of all layers as one vector."""
        return vector(self._with_parameters(), "flat_grads")

    @property
    def params(self) -> Views:  # type: ignore[override]
        """The parameters of all layers by name."""
        return self._collect("params")

    @property
    def grads(self) -> Views:  # type: ignore[override]
        """The gradients of all layers by name."""
        return self._collect("grads")

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(leaf.size for leaf in self._leaves())

    def _collect(self, kind: str) -> Views:
        named = zip(self._names, self.layers, strict=True)
        return Views({f"{name}.{key}": a for name, layer in named for key, a in getattr(layer, kind).items()})

    def _with_parameters(self) -> list[Layer]:
        return [leaf for leaf in self._leaves() if leaf.size]

    def _flatten(self) -> None:
        """Move all parameters into one vector, of which the vectors of the layers are views."""
        flatten(self._with_parameters())

    def _bind(self) -> None:
        """Do nothing: the layers hold the parameters."""

    def _adopt(self) -> None:
        """Become the owner of the layers."""
        for layer in self.layers:
            layer._owner = weakref.ref(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._flatten()
        self._adopt()

    @property
    def _statistics(self) -> list[str]:  # type: ignore[override]
        """The parameters of all layers that are statistics."""
        return [f"{name}.{key}" for name, leaf in self._named_leaves() for key in leaf._statistics]

    # ---- passes through the layers ------------------------------------------------------------------

    @property
    def _names(self) -> list[str]:
        """The names of the layers; one without a name is called by its class and place."""
        return [layer.name or f"{type(layer).__name__.lower()}_{i}" for i, layer in enumerate(self.layers, 1)]

    @property
    def _first(self) -> Layer:
        """The layer that reads the input."""
        return next(self._leaves())

    @property
    def _last(self) -> Layer:
        """The layer that computes the output."""
        last = self.layers[-1]
        return last._last if isinstance(last, Composite) else last

    @property
    def _takes_indices(self) -> bool:  # type: ignore[override]
        """Whether the input holds indices, not features."""
        return self._first._takes_indices

    def _with_inner(self) -> Iterator[Layer]:
        """Yield this layer and all layers in it, and those in these."""
        yield self
        for layer in self.layers:
            yield from layer._with_inner() if isinstance(layer, Composite) else [layer]

    def _leaves(self) -> Iterator[Layer]:
        """Yield the layers that are not made of layers."""
        return (layer for layer in self._with_inner() if not isinstance(layer, Composite))

    def _named_leaves(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield the same with their names; that of a layer in an inner network is ``network_1.dense_1``."""
        for name, layer in zip(self._names, self.layers, strict=True):
            if isinstance(layer, Composite):
                yield from layer._named_leaves(f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", layer

    def _rules(self, optimizer: Optimizer) -> Iterator[tuple[Layer, Optimizer]]:
        """Yield each layer that `update` changes, those of inner chains too, and its optimizer."""
        for layer in self.layers if self.trainable else ():
            rule = layer._own_optimizer or optimizer
            if isinstance(layer, Composite):
                yield from layer._rules(rule)
            elif layer.trainable:
                yield layer, rule


def flatten(layers: Sequence[Layer]) -> None:
    """Move the parameters and gradients of layers into one vector each."""
    for kind in ("flat_params", "flat_grads"):
        for layer, part in zip(layers, parts_of_one([getattr(layer, kind) for layer in layers]), strict=True):
            vars(layer)[kind] = part
    for layer in layers:
        layer._bind()


def vector(layers: Sequence[Layer], kind: str) -> Array:
    """Return the ``flat_params`` or ``flat_grads`` of layers as one vector."""
    if not layers:
        return NOTHING
    parts = [getattr(layer, kind) for layer in layers]
    whole = parts[0].base
    if whole is None or any(part.base is not whole for part in parts):
        flatten(layers)  # one of them has been initialized separately
        return vector(layers, kind)
    start = start_of(parts[0], whole)
    return np.asarray(whole[start : start + sum(part.size for part in parts)])


def parts_of_one(parts: Sequence[Array]) -> list[Array]:
    """Return views into one new vector that holds all parts, each of the length of its part."""
    return np.split(np.concatenate(parts), np.cumsum([part.size for part in parts])[:-1]) if parts else []
