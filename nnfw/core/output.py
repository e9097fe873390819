"""Printing: all text that nnfw shows passes here, in the characters that its stream has."""

import sys
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
