"""Callbacks: what else happens while a network trains.

A callback is an object with any of six methods, each given the `Run`: the network, the history, the number
of the epoch, its numbers so far, and `Run.stop`. Derive from `Callback` and write the methods you need.

Every fit begins with callbacks that know nothing of earlier ones, but for ``fit(..., resume=True)``: then
each takes up what the one of the same class and arguments knew, as far as `Callback.remembers` names it.
"""

import csv
import io
import math
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nnfw.parts import Part

if TYPE_CHECKING:
    from nnfw.training import Run


class Callback(Part):
    """The protocol; every method is optional. `fit` refuses others that begin with ``on_``: none calls them.

    Attributes
    ----------
    remembers : tuple of str
        The attributes that a fit which is resumed begins with: numbers, texts, arrays, and lists and dicts of
        them, so that a file can hold them.
    comes_last : bool
        Whether it is told of everything after the others.

    Examples
    --------
    >>> class Patience(Callback):
    ...     def on_epoch_end(self, run):
    ...         if run.logs["loss"] < 0.1:
    ...             run.stop("good enough")
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    comes_last: ClassVar[bool] = False

    def on_fit_start(self, run: "Run") -> None:
        """Before the first epoch of a `fit`."""

    def on_resume(self, run: "Run") -> None:
        """After `on_fit_start` of a fit that is resumed; all that `remembers` names has been set."""

    def on_epoch_start(self, run: "Run") -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, run: "Run") -> None:
        """After each update: of a batch, ``run.batch``, or of one of its windows; see ``run.batch_loss``."""

    def on_epoch_end(self, run: "Run") -> None:
        """After an epoch and its validation; ``run.logs`` has its numbers."""

    def on_fit_end(self, run: "Run") -> None:
        """After the last epoch, also when the run was stopped; not after an error."""


class LambdaCallback(Callback):
    """A callback made of functions, each given the run; ``run.note(text)`` is said beside the progress bar.

    Parameters
    ----------
    on_fit_start, on_resume, on_epoch_start, on_batch_end, on_epoch_end, on_fit_end : callable, optional
        ``function(run)``.

    Examples
    --------
    >>> losses = []
    >>> collect = LambdaCallback(on_epoch_end=lambda run: losses.append(run.logs["loss"]))
    """

    def __init__(
        self,
        *,
        on_fit_start: "Callable[[Run], Any] | None" = None,
        on_resume: "Callable[[Run], Any] | None" = None,
        on_epoch_start: "Callable[[Run], Any] | None" = None,
        on_batch_end: "Callable[[Run], Any] | None" = None,
        on_epoch_end: "Callable[[Run], Any] | None" = None,
        on_fit_end: "Callable[[Run], Any] | None" = None,
    ) -> None:
        given = {
            "on_fit_start": on_fit_start,
            "on_resume": on_resume,
            "on_epoch_start": on_epoch_start,
            "on_batch_end": on_batch_end,
            "on_epoch_end": on_epoch_end,
            "on_fit_end": on_fit_end,
        }
        for name, function in given.items():
            if function is not None and not callable(function):
                raise TypeError(f"LambdaCallback: {name} must be a function of the run, got {function!r}")
            setattr(self, name, function or getattr(self, name))


class CSVLogger(Callback):
    """Write each epoch's numbers as a row, as soon as they are there.

    What an epoch does not have (no validation data in that fit) is nan, as in the history. Of a number that
    no epoch before had, the file is replaced by one with a column more.

    Parameters
    ----------
    path : str or path
        Where to; an existing file is replaced at the start of a fit, and gone on with if that is resumed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from nnfw import Dense, Network
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> network = Network([Dense(1)], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "log.csv")
    ...     history = network.fit(x, x[:, 0], epochs=2, callbacks=[CSVLogger(path)], verbose=0)
    ...     header, *rows = path.read_text().splitlines()
    >>> header, len(rows)
    ('epoch,loss,learning_rate', 2)
    """

    def __init__(self, path: "str | PathLike[str]") -> None:
        self.path = path

    def on_fit_start(self, run: "Run") -> None:
        """Begin the file: empty, or with the rows of the epochs that a resumed fit has done."""
        rows = self._rows()[: run.epoch - run.standing.start + 1] if run.resumed else []
        self._header = rows[0] if rows else []
        with open(self.path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)

    def _rows(self) -> list[list[str]]:
        if not Path(self.path).exists():
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def on_epoch_end(self, run: "Run") -> None:
        """Append the epoch's row."""
        row = {"epoch": run.epoch, **run.logs}
        if self._header and (new := [name for name in row if name not in self._header]):
            self._widen(new)
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if not self._header:
                self._header = list(row)
                writer.writerow(self._header)
            writer.writerow([row.get(name, math.nan) for name in self._header])

    def _widen(self, new: list[str]) -> None:
        """Add columns to the file, in one step: a process that is killed meanwhile loses nothing."""
        from nnfw.saving.archive import replacing  # here, because saving knows all of nnfw

        self._header += new
        rows = [row + ["nan"] * len(new) for row in self._rows()[1:]]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([self._header, *rows])
        with replacing(self.path) as file:
            file.write(text.getvalue().encode())
