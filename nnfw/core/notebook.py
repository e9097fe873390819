"""Notebooks: whether Python runs in one, and display of objects besides the last value of a cell."""

import html
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from nnfw.core.output import show

WAITING: list[Any] = []  # what the running cell has made, and not shown yet


def shell() -> Any:
    """Return the shell of the Jupyter kernel that runs this process, or None, for example in a terminal."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython else None
    return found if getattr(found, "kernel", None) is not None else None


def display(thing: Any, **options: Any) -> Any:
    """Show an object in the output of the running cell; with ``display_id=True``, return its handle."""
    return import_module("IPython.display").display(thing, **options)


def show_after_cell(thing: Any) -> None:
    """In a notebook, show an object after its cell has run, unless the cell has; it then calls `forget`."""
    if found := shell():
        WAITING.append(thing)
        found.events.register("post_run_cell", show_waiting)


def present(thing: Any) -> None:
    """Print an object; in a notebook, show it after its cell has run."""
    if shell():
        show_after_cell(thing)
    else:
        show(str(thing))


def show_waiting(result: Any = None) -> None:
    """Show the objects that the cell has not shown."""
    for thing in list(WAITING):
        display(thing)
    WAITING.clear()


def forget(thing: Any) -> None:
    """Record that an object has been shown."""
    WAITING[:] = [other for other in WAITING if other is not thing]


def table(rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """Return rows as an HTML table, with the first row as header and the caption below.

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
