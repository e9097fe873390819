"""Notebooks: whether Python runs in one, and what is shown there beside the last value of a cell."""

import html
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

WAITING: list[Any] = []  # figures that were made in the running cell, and are not shown yet


def shell() -> Any:
    """Return the shell of the Jupyter kernel that runs this process; None elsewhere, as in a terminal."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython else None
    return found if getattr(found, "kernel", None) is not None else None


def display(thing: Any, **options: Any) -> Any:
    """Show a thing in the output of the running cell; with ``display_id=True`` return its handle."""
    return import_module("IPython.display").display(thing, **options)


def show_after_cell(figure: Any) -> None:
    """In a notebook, show a figure when its cell has run, unless it was its last value or was displayed."""
    if found := shell():
        WAITING.append(figure)
        found.events.register("post_run_cell", show_waiting)


def show_waiting(result: Any = None) -> None:
    """Show the figures that the cell has not."""
    for figure in list(WAITING):
        display(figure)  # which calls `forget`
    WAITING.clear()


def forget(figure: Any) -> None:
    """Note that a figure has been shown."""
    WAITING[:] = [other for other in WAITING if other is not figure]


def table(rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """Return rows as a table in HTML, the first row as a header and the caption below.

    Examples
    --------
    >>> table([("layer", "size"), ("<1>", 2)])
    '<table><tr><th>layer</th><th>size</th></tr><tr><td>&lt;1&gt;</td><td>2</td></tr></table>'
    """
    header, *others = rows
    lines = [_row("th", header), *(_row("td", row) for row in others)]
    below = f'<caption style="caption-side: bottom">{html.escape(caption)}</caption>' if caption else ""
    return f"<table>{below}{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
