"""Printing: all text that nnfw shows goes through here, in the characters that its stream can encode."""

import sys
from collections.abc import Sequence
from typing import Any


def printable(text: str, stream: Any) -> str:
    r"""Return a text with escapes in place of the characters that a stream cannot encode.

    Examples
    --------
    >>> import io
    >>> print(printable("é ≥", io.TextIOWrapper(io.BytesIO(), "latin-1")))
    é \u2265
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def show(text: str) -> None:
    """Print a text."""
    print(printable(text, sys.stdout), flush=True)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns, with the first row as header.

    Examples
    --------
    >>> print(table([("a", "b"), ("long", "1")]))
    a     b
    ----  -
    long  1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
