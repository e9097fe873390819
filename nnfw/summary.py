"""What `Network.summary` prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnfw import optimizers
from nnfw.chain import Chain
from nnfw.layers.layer import Layer

if TYPE_CHECKING:
    from nnfw.network import Network


def describe(network: "Network") -> str:
    """Return the layers, their output shapes and parameters as a table."""
    rows = [("name", "layer", "output", "parameters")]
    shapes: list[Any] = network.shapes[1:] or [None] * len(network.layers)
    for name, layer, shape in zip(network.names, network.layers, shapes, strict=True):
        count = f"{layer.size:,}{frozen(layer)}" if network.built else "?"
        axes = None if shape is None else ", ".join(["N", *("T" if n is None else str(n) for n in shape)])
        rows.append((name, repr(layer), f"({axes})" if axes else "?", count))
    total = "parameters come with the first fit"
    if network.built:
        total = f"{network.size:,} parameters{frozen(network)}"
    optimizer = network.optimizer or optimizers.get("adam")
    return f"{table(rows)}\n{total}; {network.dtype}; loss {network.loss!r}; optimizer {optimizer!r}"


def frozen(layer: Layer) -> str:
    """Return how many of a layer's parameters no update changes: " (7 frozen)", or " (frozen)" if all."""
    count = frozen_size(layer)
    if not count:
        return ""
    return " (frozen)" if count == layer.size else f" ({count:,} frozen)"


def frozen_size(layer: Layer) -> int:
    """Return how many parameters of a layer, or of those in a chain, are not trainable."""
    if not layer.trainable:
        return layer.size
    return sum(map(frozen_size, layer.layers)) if isinstance(layer, Chain) else 0


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns, the first row as a header.

    Examples
    --------
    >>> print(table([("a", "b"), ("long", "1")]))
    a     b
    ────  ─
    long  1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])
