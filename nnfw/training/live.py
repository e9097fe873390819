"""LivePlot: learning curves that are updated while a network trains."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnfw import plots
from nnfw.core import notebook
from nnfw.core.output import printable
from nnfw.core.validation import AMOUNT
from nnfw.training.callbacks import Callback
from nnfw.training.run import Run

BLOCKS, WIDTH = "".join(map(chr, range(0x2581, 0x2589))), 24  # from an eighth of a block to a whole one


class LivePlot(Callback):
    """Show the learning curves while a network trains.

    In a notebook, the plot of ``history.plot()`` is updated in place. In a terminal or a log, a line shows
    the losses so far as a row of block characters, if the encoding has them.

    Parameters
    ----------
    every : float
        The minimum number of seconds between two plots; the end of the fit is always shown.

    Examples
    --------
    >>> from nnfw import Dense, Network
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> history = Network([Dense(1)], seed=0).fit(x, x[:, 0], epochs=9, callbacks=[LivePlot()], verbose=0)
    """

    comes_last = True  # after EarlyStopping has restored the best weights

    def __init__(self, every: float = 2.0) -> None:
        self.every = AMOUNT("LivePlot", "every", every)

    def on_fit_start(self, run: Run) -> None:
        """Start a new plot."""
        self._handle: Any = None
        self._due, self._shown = 0.0, (0, None)

    def on_epoch_end(self, run: Run) -> None:
        """Show the curves, unless they were shown less than `every` seconds ago."""
        if time.monotonic() >= self._due:
            self._show(run)
            self._due = time.monotonic() + self.every

    def on_fit_end(self, run: Run) -> None:
        """Show the complete curves."""
        if run.history and (run.epoch, run.history.restored) != self._shown:
            self._show(run)

    def _show(self, run: Run) -> None:
        self._shown = run.epoch, run.history.restored  # type: ignore[assignment]
        if notebook.shell() is None:
            shown = [name for name in ("loss", "val_loss") if name in run.logs]
            losses = ", ".join(f"{name} {blocks(run.history[name])}" for name in shown)
            text = f"epoch {run.epoch}: {losses}"
            if printable(text, sys.stdout) == text:
                run.note(text)
        elif self._handle is None:
            self._handle = notebook.display(plots.history(run.history), display_id=True)
        else:
            self._handle.update(plots.history(run.history))


def blocks(values: Sequence[float]) -> str:
    """Return values as a row of blocks scaled from the lowest to the highest, and the last as a number.

    Examples
    --------
    >>> blocks([0.9, 0.5, 0.3, 0.2, float("nan")])
    '█▄▂▁ 0.2'
    """
    y = np.array(values)[np.isfinite(values)]
    if not len(y):
        return "nan"
    some = y[np.linspace(0, len(y) - 1, min(len(y), WIDTH)).round().astype(int)]
    share = (some - some.min()) / max(float(np.ptp(some)), 1e-300)
    return f"{''.join(BLOCKS[n] for n in (share * (len(BLOCKS) - 1)).round().astype(int))} {y[-1]:.4g}"
