"""Progress: a bar on a terminal or in a notebook, a line per epoch in a log."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from nnfw.core import notebook
from nnfw.core.output import printable, show
from nnfw.history import describe

EPOCH_BAR_DELAY = 2.0  # seconds that an epoch must take to get a bar of its own


class Progress:
    """The base class of progress displays, which shows nothing."""

    def start(self, epochs: int, first: int, steps: int | None) -> None:
        """Begin a run of `epochs` from epoch number `first`, with `steps` steps each."""

    def start_epoch(self, number: int) -> None:
        """Begin an epoch."""

    def step(self, loss: float) -> None:
        """Count a step."""

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's numbers."""

    def note(self, text: str) -> None:
        """Show a message about the run."""

    def close(self) -> None:
        """End the run, also after an error."""


class Lines(Progress):
    """One line per epoch, for log files."""

    def start(self, epochs: int, first: int, steps: int | None) -> None:
        """Remember the last epoch's number."""
        self.last = first + epochs - 1

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Print the line."""
        self.note(f"epoch {number}/{self.last}: {describe(logs)}")

    def note(self, text: str) -> None:
        """Print the text."""
        show(text)


class Bar(Progress):
    """A bar over the epochs, and one over the steps of long epochs.

    A notebook without ipywidgets has no second line: it shows one text bar, with the loss of the step.
    """

    def start(self, epochs: int, first: int, steps: int | None) -> None:
        """Open the bar."""
        widgets = find_spec("ipywidgets")  # without them tqdm.auto warns
        self.bar = import_module("tqdm.auto" if widgets else "tqdm").tqdm  # takes as long as all of nnfw
        self.alone = notebook.shell() is not None and not widgets
        self.count, self.last = steps, first + epochs - 1
        form = "{desc} {n_fmt}/{total_fmt} |{bar:8}| {remaining}{postfix}"  # leaves room for the numbers
        self.epochs = self.bar(total=epochs, desc="epochs", bar_format=form, dynamic_ncols=True, miniters=0)
        self.steps: Any = None

    def start_epoch(self, number: int) -> None:
        """Record the start of the epoch, whose bar appears after a delay."""
        self.name, self.done, self.began = f"epoch {number}/{self.last}", 0, time.monotonic()

    def step(self, loss: float) -> None:
        """Count the step, and update the bar of the epoch if there is one by now."""
        self.done += 1
        if self.alone:
            self.epochs.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            self.epochs.update(0)
        elif self.steps is None and time.monotonic() - self.began > EPOCH_BAR_DELAY:
            options: dict[str, Any] = {"total": self.count, "initial": self.done, "unit": "step"}
            self.steps = self.bar(desc=self.name, leave=False, dynamic_ncols=True, **options)
        elif self.steps is not None and self.steps.update():
            self.steps.set_postfix_str(f"loss {loss:.4g}", refresh=False)

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Close the bar of the epoch, and update that of the run."""
        if self.steps is not None:
            self.steps.close()
            self.steps = None
        self.epochs.set_postfix_str(printable(in_short(logs), sys.stderr), refresh=False)
        self.epochs.update()

    def note(self, text: str) -> None:
        """Write the text above the bar."""
        self.epochs.write(printable(text, sys.stdout))

    def close(self) -> None:
        """Close both bars."""
        if self.steps is not None:
            self.steps.close()
        self.epochs.close()


def in_short(logs: Mapping[str, float]) -> str:
    """Return the numbers of an epoch for a narrow line: losses first, without the learning rate.

    Examples
    --------
    >>> in_short({"loss": 0.5, "accuracy": 0.75, "val_loss": 0.625, "learning_rate": 0.001})
    'loss 0.5, val_loss 0.625, accuracy 0.75'
    """
    names = sorted(logs, key=lambda name: name not in ("loss", "val_loss"))
    return describe({name: logs[name] for name in names if name != "learning_rate"})


def open_progress(verbose: int | str) -> Progress:
    """Return the progress for `verbose`; "auto" is a bar on a terminal or in a notebook, else lines."""
    if verbose == "auto":
        verbose = 1 if "ipykernel" in sys.modules else 2
        with suppress(AttributeError, ValueError):  # stderr may be None, closed, or a custom stream
            verbose = 1 if sys.stderr.isatty() else verbose
    if not isinstance(verbose, int) or verbose not in (0, 1, 2):
        raise ValueError(
            f"verbose must be 0 (silent), 1 (bar), 2 (one line per epoch) or 'auto', got {verbose!r}"
        )
    return Progress() if verbose == 1 and sys.stderr is None else (Progress, Bar, Lines)[verbose]()
