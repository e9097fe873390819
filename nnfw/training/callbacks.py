"""Callbacks: actions to perform during training.

A callback is an object with any of the hooks of `Callback`. Each hook is passed the `Run`: the network, the
history, the number of the epoch, its numbers so far, and `Run.stop`.

Callbacks start every fit without the state of earlier fits, except with ``fit(..., resume=True)``: a callback
then restores the attributes named in `Callback.remembers` from the earlier callback of the same class and
arguments.
"""

import csv
import io
import math
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, ClassVar

from nnfw.core.files import reading, write_csv
from nnfw.core.registry import Part
from nnfw.core.suggest import translation
from nnfw.core.typing import FilePath
from nnfw.core.validation import boolean, file_path, instance_of, optional
from nnfw.model import Model
from nnfw.training.run import Run

Hook = Callable[[Run], Any] | None


class Callback(Part):
    """The base class of callbacks; every hook is optional.

    Attributes
    ----------
    remembers : tuple of str
        The attributes that a resumed fit restores: numbers, strings, arrays, and lists and dicts of them, so
        that they can be saved to a file.
    comes_last : bool
        Whether its hooks are called after those of the other callbacks.
    writes : bool
        Whether it writes files: if several processes train one network, only the first calls it.

    Examples
    --------
    >>> class Patience(Callback):
    ...     def on_epoch_end(self, run):
    ...         if run.logs["loss"] < 0.1:
    ...             run.stop("good enough")
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    comes_last: bool = False
    writes: bool = False
    _share: Any = None  # not a hook: a method that returns the context of a fit shared with other processes

    _checks: ClassVar = {"comes_last": boolean, "writes": boolean}
    _free = property(lambda self: self.remembers)
    _identity = property(repr)  # class and arguments, by which a resumed fit recognizes it

    def on_fit_start(self, run: Run) -> None:
        """Before the first epoch of a `fit`."""

    def on_resume(self, run: Run) -> None:
        """After `on_fit_start` in a resumed fit, with `remembers` restored; of the last callback first."""

    def on_epoch_start(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_gradients(self, run: Run) -> None:
        """Between `gradients` and `update`; ``run.network.grads`` may be changed in place."""

    def on_batch_end(self, run: Run) -> None:
        """After the update for batch number ``run.batch``, whose loss is ``run.batch_loss``."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation; ``run.logs`` has its numbers."""

    def on_fit_end(self, run: Run) -> None:
        """After the last epoch, also if the run was stopped, but not after an error."""


HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


def open_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks in the order of their calls, if all are callbacks whose hooks are known."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"fit: callbacks must be a list, [callback], got {type(callbacks).__name__} alone")
    callbacks = list(callbacks)
    for place, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            made = "; LambdaCallback(on_epoch_end=...) calls a function" if callable(callback) else ""
            made = f"; did you mean {callback.__name__}(...)?" if isinstance(callback, type) else made
            raise TypeError(f"fit: callbacks must be Callback objects, got {type(callback).__name__}{made}")
        for name in (name for name in dir(type(callback)) if name.startswith("on_")):
            hook, said = getattr(callback, name), f"{type(callback).__name__}.{name}"
            if name not in HOOKS and callable(hook):
                known = f"The hooks are: {', '.join(HOOKS)}, each called with the run"
                raise TypeError(f"{said} is never called{translation(name, HOOKS)} {known}")
            if (code := getattr(hook, "__code__", None)) and "logs" in code.co_varnames[: code.co_argcount]:
                raise TypeError(f"{said} is called with the run only: run.epoch, from 1, and run.logs")
        if callback.remembers and any(callback is other for other in callbacks[:place]):
            raise ValueError(f"fit: callbacks[{place}] is the same {callback!r} as an earlier one; remove it")
    return in_order(callbacks)


def in_order(callbacks: Iterable[Callback]) -> list[Callback]:
    """Return callbacks in the order of their calls: those with `comes_last` after the others."""
    return sorted(callbacks, key=lambda callback: callback.comes_last)


def sharing(network: Model, callbacks: Iterable[Callback]) -> AbstractContextManager[Callable[[Any], Any]]:
    """Return the context of a fit; it yields the function that takes this process's part of a data set.

    The part is the whole, unless a callback shares the fit with other processes: see `nnfw.distributed`.
    """
    shares = [callback._share for callback in callbacks if callback._share is not None]
    if len(shares) > 1:
        raise ValueError("fit: callbacks has two that share the fit with other processes; remove one")
    return shares[0](network) if shares else nullcontext(lambda data: data)


def nothing(run: Run) -> None:
    """Do nothing: a hook that was not given."""


class LambdaCallback(Callback):
    """A callback made of functions, each called with the run.

    Parameters
    ----------
    on_fit_start, on_resume, on_epoch_start, on_gradients, on_batch_end, on_epoch_end, on_fit_end : callable
        ``function(run)``, each optional. ``run.note(text)`` prints without breaking the progress bar.

    Examples
    --------
    >>> losses = []
    >>> collect = LambdaCallback(on_epoch_end=lambda run: losses.append(run.logs["loss"]))
    """

    def __init__(
        self,
        *,
        on_fit_start: Hook = nothing,
        on_resume: Hook = nothing,
        on_epoch_start: Hook = nothing,
        on_gradients: Hook = nothing,
        on_batch_end: Hook = nothing,
        on_epoch_end: Hook = nothing,
        on_fit_end: Hook = nothing,
    ) -> None:
        hooks = {name: value for name, value in locals().items() if name in HOOKS}
        for name, hook in hooks.items():
            check = optional(instance_of(Callable, "a function of the run"))
            vars(self)[name] = check("LambdaCallback", name, hook) or nothing


class Interruption(Callback):
    """Raise the KeyboardInterrupt that ended a fit early, so that it also ends a search around the fit."""

    comes_last = True

    def on_fit_end(self, run: Run) -> None:
        """Raise the interruption at the end of the fit."""
        if run.stopped == "interrupted":
            raise KeyboardInterrupt


class CSVLogger(Callback):
    """Write the numbers of each epoch as a row of a CSV file.

    A number that an epoch lacks (such as without validation data in that fit) is nan, as in the history. When
    an epoch has a new number, the file is replaced by one with an additional column.

    Parameters
    ----------
    path : str or path
        The file; an existing one is replaced at the start of a fit, and continued if the fit is resumed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
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

    writes = True

    def __init__(self, path: FilePath) -> None:
        file_path("CSVLogger", "path", path)
        self.path = path

    def on_fit_start(self, run: Run) -> None:
        """Start the file, empty or with the rows of the finished epochs of a resumed fit."""
        rows = self._rows()[: run.epoch - run.state.start + 1] if run.resumed else []
        self._header = rows[0] if rows else []
        with self._opened("w") as file:
            csv.writer(file).writerows(rows)

    def on_epoch_end(self, run: Run) -> None:
        """Append the row of the epoch."""
        row = {"epoch": run.epoch, **run.logs}
        begun, new = bool(self._header), [name for name in row if name not in self._header]
        if begun and new:  # the file is replaced in one step: a killed process loses nothing
            header, *rows = self._rows()
            write_csv(self.path, [header + new, *(old + ["nan"] * len(new) for old in rows)])
        self._header += new
        values = [row.get(name, math.nan) for name in self._header]
        with self._opened("a") as file:
            csv.writer(file).writerows([values] if begun else [self._header, values])

    def _opened(self, mode: str) -> IO[str]:
        return open(file_path("CSVLogger", "path", self.path), mode, newline="", encoding="utf-8")

    def _rows(self) -> list[list[str]]:
        if not os.path.isfile(file_path("CSVLogger", "path", self.path)):
            return []
        with reading("CSVLogger", self.path) as file:
            return list(csv.reader(io.StringIO(file.read().decode(), newline="")))
