"""Checkpoint: save the network during training, so that training can resume after an interruption."""

import math
import os
import time

from nnfw.core.typing import FilePath
from nnfw.core.validation import POSITIVE, file_path, optional, positive_integer
from nnfw.saving.archive import save
from nnfw.training.monitors import Mode, Monitor
from nnfw.training.run import Run


class Checkpoint(Monitor):
    """Save the network during training, with everything that the fit needs to resume.

    A file is written when training begins, after every epoch (or according to `every` and `seconds`), and
    when training ends. Each replaces the previous one atomically, so that a process killed at any time leaves
    a complete file. ``fit(..., resume=True)`` continues from it exactly, from the end of an epoch or of any
    batch. A checkpoint is called after all other callbacks, so the file includes their effects.

    Parameters
    ----------
    path : str or path
        The file.
    every : int, optional
        The number of epochs between saves; 1 if none of the three is given.
    seconds : float, optional
        Instead, save at the end of a batch when this much time has passed since the last save.
    monitor : str, optional
        Instead, save only after each epoch in which this quantity of the history was the best so far.
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; see `Monitor`.

    Examples
    --------
    A script that can be killed and restarted at any time::

        network = Network.load(path) if Path(path).exists() else Network([GRU(64), Dense(10)], seed=0)
        network.fit(x, y, epochs=50, callbacks=[Checkpoint(path)], resume=True)

    >>> Checkpoint("network.npz", every=5)
    Checkpoint('network.npz', every=5)
    """

    _check_monitor = optional(Monitor._check_monitor)
    comes_last = writes = True

    def __init__(
        self,
        path: FilePath,
        *,
        every: int | None = None,
        seconds: float | None = None,
        monitor: str | None = None,
        mode: Mode = "auto",
    ) -> None:
        if sum(choice is not None for choice in (every, seconds, monitor)) > 1:
            raise ValueError("Checkpoint: pass one of every, seconds and monitor; two need two checkpoints")
        super().__init__(monitor, mode)
        if "{" in os.path.basename(file_path("Checkpoint", "path", path)):
            each = "LambdaCallback(on_epoch_end=lambda run: run.network.save(f'{run.epoch}.npz'))"
            raise ValueError(f"Checkpoint: path is one file, replaced at each save; {each} keeps all epochs")
        self.path = path
        self.every = optional(positive_integer)("Checkpoint", "every", every)
        self.seconds = optional(POSITIVE)("Checkpoint", "seconds", seconds)

    def on_fit_start(self, run: Run) -> None:
        """Reset the best value and the time of the next save."""
        super().on_fit_start(run)
        self._due = 0.0  # until there is a file

    def on_resume(self, run: Run) -> None:
        """Replace an existing file only after an epoch better than all of the fit so far."""
        if self.monitor is not None and os.path.exists(file_path("Checkpoint", "path", self.path)):
            known = run.history.get(self.monitor, [])
            values = [self._sign * value for value in known[run.state.start :]]
            self._best = min([self._best, *filter(math.isfinite, values)])

    def on_epoch_start(self, run: Run) -> None:
        """Save when training begins, so that a network or path that cannot be saved fails at once."""
        if self.monitor is None and not self._due:
            self._save(run)

    def on_batch_end(self, run: Run) -> None:
        """Save if `seconds` have passed."""
        if self.monitor is None and time.monotonic() >= self._due:
            self._save(run)

    def on_epoch_end(self, run: Run) -> None:
        """Save if this epoch is due, or the best so far."""
        turn = self.seconds is None and run.epoch % (self.every or 1) == 0
        if turn if self.monitor is None else self.improved(run):
            self._save(run)

    def on_fit_end(self, run: Run) -> None:
        """Save the final network."""
        if self.monitor is None:
            self._save(run)

    @property
    def _identity(self) -> str:
        """The quantity and the file, by which a resumed fit knows it again."""
        path = os.path.realpath(file_path("Checkpoint", "path", self.path))
        return repr(Checkpoint(path, monitor=self.monitor, mode=self.mode))

    def _save(self, run: Run) -> None:
        save(run.network, self.path)
        self._due = time.monotonic() + (self.seconds or math.inf)
