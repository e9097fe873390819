"""What a run shows while it trains: a bar on a terminal or in a notebook, a line an epoch in a log."""

import sys
from collections.abc import Mapping
from typing import Any

BATCH_BAR_DELAY = 2.0  # seconds that an epoch must take before it gets a bar of its own


def choose(verbose: int | str) -> int:
    """Return the level 0, 1 or 2 for `verbose`; "auto" is 1 on a terminal or in a notebook, else 2."""
    if verbose == "auto":
        return 1 if sys.stderr.isatty() or "ipykernel" in sys.modules else 2
    if isinstance(verbose, int) and verbose in (0, 1, 2):
        return verbose
    raise ValueError(f"verbose must be 0 (silent), 1 (bar), 2 (a line an epoch) or 'auto', got {verbose!r}")


def describe(logs: Mapping[str, float]) -> str:
    """Return the epoch's numbers in one line.

    Examples
    --------
    >>> describe({"loss": 0.123456, "learning_rate": 0.001})
    'loss 0.1235, rate 0.001'
    """
    return ", ".join(
        f"{'rate' if name == 'learning_rate' else name} {value:.4g}" for name, value in logs.items()
    )


class Progress:
    """Silent; the base of the ways to show a run."""

    def start(self, epochs: int, first: int, batches: int) -> None:
        """Begin a run of `epochs` from epoch number `first`, of `batches` steps each."""

    def start_epoch(self, number: int) -> None:
        """Begin an epoch."""

    def step(self, loss: float) -> None:
        """Count a step."""

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's numbers."""

    def note(self, text: str) -> None:
        """Say something about the run."""

    def close(self) -> None:
        """End the run, also after an error."""


class Lines(Progress):
    """A line an epoch, for log files."""

    def start(self, epochs: int, first: int, batches: int) -> None:
        """Remember the last epoch's number."""
        self.last = first + epochs - 1

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Print the line."""
        self.note(f"epoch {number}/{self.last}: {describe(logs)}")

    def note(self, text: str) -> None:
        """Print the text."""
        print(text, flush=True)


class Bar(Progress):
    """A bar over the epochs, and one over the batches of an epoch that takes long."""

    def start(self, epochs: int, first: int, batches: int) -> None:
        """Open the bar."""
        from tqdm.auto import tqdm  # here, because it takes as long to import as all of nnfw

        self.bar = tqdm
        self.batches, self.last = batches, first + epochs - 1
        self.epochs = self.bar(total=epochs, unit="epoch", desc="training", dynamic_ncols=True)
        self.steps: Any = None

    def start_epoch(self, number: int) -> None:
        """Open the epoch's bar, which shows itself only after a while."""
        self.steps = self.bar(
            total=self.batches,
            unit="batch",
            desc=f"epoch {number}/{self.last}",
            leave=False,
            delay=BATCH_BAR_DELAY,
            dynamic_ncols=True,
        )

    def step(self, loss: float) -> None:
        """Move the epoch's bar."""
        if self.steps is not None and self.steps.update():
            self.steps.set_postfix_str(f"loss {loss:.4g}", refresh=False)

    def end_epoch(self, number: int, logs: Mapping[str, float]) -> None:
        """Close the epoch's bar, and move the run's."""
        if self.steps is not None:
            self.steps.close()
            self.steps = None
        self.epochs.set_postfix_str(describe(logs), refresh=False)
        self.epochs.update()

    def note(self, text: str) -> None:
        """Write the text above the bar."""
        self.epochs.write(text)

    def close(self) -> None:
        """Close both bars."""
        if self.steps is not None:
            self.steps.close()
        self.epochs.close()


def open_progress(verbose: int | str) -> Progress:
    """Return the way to show a run for `verbose`."""
    return (Progress, Bar, Lines)[choose(verbose)]()
