"""Checkpoint: the network on the disk while it trains, so that a killed process loses next to nothing."""

import math
import time
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from nnfw.core.validation import POSITIVE, file_path, optional, positive_integer
from nnfw.saving.file import save
from nnfw.training.monitors import Monitor

if TYPE_CHECKING:
    from nnfw.training.run import Run


class Checkpoint(Monitor):
    """Save the network while it trains, with all that the fit needs to go on.

    A file is written when training begins, after every epoch (or as `every` and `seconds` say), and when it
    ends. It replaces the one before in a single step (see `nnfw.saving`): a process that is killed at any
    instant leaves a whole file. With ``fit(..., resume=True)`` training goes on from it to the same bits as
    if nothing had happened, whether it is of the end of an epoch or from the midst of one.

    A checkpoint is told of everything after the other callbacks, so that the file holds what they have done.

    Parameters
    ----------
    path : str or path
        Where to.
    every : int, optional
        Epochs between two files; 1 if none of the three is given.
    seconds : float, optional
        Instead, save at the end of a batch when this much time has passed since the last file.
    monitor : str, optional
        Instead, save after each epoch in which this number of the history was the best so far, and only then.
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; see `Monitor`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, two of the three are given, or the name of the file has braces.
    OSError
        In `fit`, if the file cannot be written. The one before is left as it was.

    Examples
    --------
    A script that can be killed, and started again, at any time:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from nnfw import Dense, Network
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> def train(path):
    ...     network = Network.load(path) if path.exists() else Network([Dense(1)], seed=0)
    ...     network.fit(x, x[:, :1], epochs=5, callbacks=[Checkpoint(path)], resume=True, verbose=0)
    ...     return network.history.epoch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     train(Path(folder, "network.npz")), train(Path(folder, "network.npz"))
    ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    """

    comes_last = True

    def __init__(
        self,
        path: "str | PathLike[str]",
        *,
        every: int | None = None,
        seconds: float | None = None,
        monitor: str | None = None,
        mode: str = "auto",
    ) -> None:
        if sum(choice is not None for choice in (every, seconds, monitor)) > 1:
            raise ValueError("Checkpoint: give one of every, seconds and monitor; two need two checkpoints")
        file_path("Checkpoint", "path", path)
        if "{" in Path(path).name:
            raise ValueError(
                f"Checkpoint: the braces in {Path(path).name!r} are not filled in, as each file replaces the "
                f"one before; give a plain name, and for a file an epoch besides LambdaCallback(on_epoch_end="
                f"lambda run: run.network.save(f'epoch_{{run.epoch}}.npz'))"
            )
        super().__init__(monitor, mode)
        self.path = path
        self.every = None if every is None else positive_integer("Checkpoint", "every", every)
        self.seconds = optional(POSITIVE)("Checkpoint", "seconds", seconds)

    def on_fit_start(self, run: "Run") -> None:
        """Begin anew."""
        super().on_fit_start(run)
        self._due = 0.0  # when the next file is: 0 until there is one

    def on_epoch_start(self, run: "Run") -> None:
        """Save at the start of training: what cannot be saved, or not there, is known now."""
        if self.monitor is None and not self._due:
            self._save(run)

    def on_batch_end(self, run: "Run") -> None:
        """Save when it is time to."""
        if self.monitor is None and time.monotonic() >= self._due:
            self._save(run)

    def on_epoch_end(self, run: "Run") -> None:
        """Save when it is this epoch's turn, or when it was the best."""
        if self.monitor is not None:
            due = self.improved(run)
        else:
            due = self.seconds is None and run.epoch % (self.every or 1) == 0
        if due:
            self._save(run)

    def on_fit_end(self, run: "Run") -> None:
        """Save the network as the fit leaves it."""
        if self.monitor is None:
            self._save(run)

    def _save(self, run: "Run") -> None:
        save(run.network, self.path)
        self._due = time.monotonic() + (self.seconds or math.inf)
