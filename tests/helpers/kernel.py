"""A stand-in for IPython in a Jupyter kernel: what cells display is kept in a list."""

import sys
import types


class Kernel:
    """The shell, its events and ``IPython.display.display``."""

    kernel = "a kernel"

    def __init__(self):
        self.shown, self.callbacks = [], []
        self.events = self

    def register(self, event, callback):
        assert event == "post_run_cell"
        if callback not in self.callbacks:
            self.callbacks.append(callback)

    def show(self, thing):
        """Show a thing as a notebook does: by the first of these that it has."""
        for name in ("_repr_mimebundle_", "_repr_html_"):
            if hasattr(thing, name):
                return getattr(thing, name)()
        return repr(thing)

    def display(self, thing, display_id=False):
        self.show(thing)
        self.shown.append(thing)
        return self if display_id else None

    def update(self, thing):
        self.show(thing)
        self.shown[-1] = (self.shown[-1], thing)

    def run(self, cell):
        """Run a cell, show its value, and return what it has shown besides."""
        self.shown.clear()
        value = cell()
        if value is not None:
            self.show(value)
        for callback in self.callbacks:
            callback(None)
        return list(self.shown)


def install(monkeypatch):
    """Have nnfw find itself in a notebook."""
    shell, ipython, display = Kernel(), types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython, display.display = lambda: shell, shell.display
    ipython.version_info = (9, 0)  # matplotlib asks for it
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shell
