"""What `Network.summary` prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnfw import optimizers

if TYPE_CHECKING:
    from nnfw.network import Network


def describe(network: "Network") -> str:
    """Return the layers, their output shapes and parameters as a table."""
    rows = [("name", "layer", "output", "parameters")]
    shapes: list[Any] = network.shapes[1:] or [None] * len(network.layers)
    for name, layer, shape in zip(network.names, network.layers, shapes, strict=True):
        frozen = "" if layer.trainable else " (frozen)"
        count = f"{layer.size:,}{frozen}" if network.built else "?"
        axes = None if shape is None else ", ".join(["N", *("T" if n is None else str(n) for n in shape)])
        rows.append((name, repr(layer), f"({axes})" if axes else "?", count))
    total = f"{network.size:,} parameters" if network.built else "parameters come with the first fit"
    optimizer = network.optimizer or optimizers.get("adam")
    return f"{table(rows)}\n{total}; {network.dtype}; loss {network.loss!r}; optimizer {optimizer!r}"


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
