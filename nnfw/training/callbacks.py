"""Callbacks: what else happens while a network trains.

A callback is an object with any of six methods, each given the `Run`: the network, the history, the number
of the epoch, its numbers so far, and `Run.stop`. Derive from `Callback` and write the methods you need.

Every fit begins with callbacks that know nothing of earlier ones, but for ``fit(..., resume=True)``: then
each takes up what the one of the same class and arguments knew, as far as `Callback.remembers` names it.
"""

import copy
import csv
import io
import math
from collections.abc import Callable, Collection, Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nnfw import schedules
from nnfw.core.registry import Part
from nnfw.core.suggest import nearest
from nnfw.core.validation import AMOUNT, Range, boolean, positive_integer, whole_number
from nnfw.metrics import Metric
from nnfw.model import Model

if TYPE_CHECKING:
    from nnfw.core.typing import Array
    from nnfw.training.loop import Run


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
        from nnfw.core.files import replacing

        self._header += new
        rows = [row + ["nan"] * len(new) for row in self._rows()[1:]]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([self._header, *rows])
        with replacing(self.path) as file:
            file.write(text.getvalue().encode())


class Monitor(Callback):
    """The base of callbacks that watch whether a number improves.

    Parameters
    ----------
    monitor : str
        A name in the history: ``"val_loss"``, ``"accuracy"`` ... (None, where a callback allows it: nothing.)
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; "auto" asks the metric, `Metric.higher_is_better`. Of the loss,
        lower is.

    Attributes
    ----------
    best : float
        The best so far, its sign changed if higher is better.
    min_delta : float
        What counts as an improvement: more than this.
    """

    remembers: ClassVar[tuple[str, ...]] = ("best",)
    min_delta: float = 0.0

    def __init__(self, monitor: str | None, mode: str) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode = monitor, mode

    def on_fit_start(self, run: "Run") -> None:
        """Begin anew."""
        self.best = math.inf

    def watched(self, known: Collection[str]) -> str:
        """Return the name of the number to watch, if it is one of those known.

        Raises
        ------
        ValueError
            If it is not.
        """
        name = str(self.monitor)
        if name in known:
            return name
        hint = nearest(name, known)
        if name.startswith("val_") and not any(other.startswith("val_") for other in known):
            hint = " Give fit validation_data or validation_split."
        raise ValueError(
            f"{type(self).__name__}: no {name!r} to monitor.{hint} There are: {', '.join(known)}"
        )

    def sign(self, metrics: Iterable[Metric]) -> int:
        """Return 1 if lower is better, and -1 if higher is.

        Raises
        ------
        ValueError
            If neither `mode` nor a metric says which.
        """
        name, known = str(self.monitor), stated(metrics)
        higher = {"min": False, "max": True}.get(self.mode, known.get(name))
        if higher is None:
            hint = "" if name in known else nearest(name, known)
            raise ValueError(
                f"{type(self).__name__}: nothing says whether a higher {name!r} is better, or a lower one; "
                f"give mode='max' or mode='min', or set higher_is_better in the class of the metric.{hint}"
            )
        return -1 if higher else 1

    def improved(self, run: "Run") -> bool:
        """Take the epoch's number in, and return whether it is the best so far."""
        value = self.sign(run.network.metrics) * run.logs[self.watched(run.logs)]
        better = value < self.best - self.min_delta
        if better:
            self.best = value
        return better


def stated(metrics: Iterable[Metric]) -> dict[str, bool | None]:
    """Return whether higher is better, for each number that is measured in training and in validation.

    Examples
    --------
    >>> from nnfw.metrics import Accuracy
    >>> stated([Accuracy()])
    {'loss': False, 'val_loss': False, 'accuracy': True, 'val_accuracy': True}
    """
    measured = {"loss": False} | {metric.name: metric.higher_is_better for metric in metrics}
    return {f"{where}{name}": higher for name, higher in measured.items() for where in ("", "val_")}


class PatientMonitor(Monitor):
    """The base of monitors that act after some epochs without improvement.

    Parameters
    ----------
    monitor, mode
        See `Monitor`.
    patience : int
        Epochs without improvement that are borne.
    min_delta : float
        What counts as an improvement: more than this.

    Attributes
    ----------
    wait : int
        Epochs since the last improvement.
    """

    remembers = (*Monitor.remembers, "wait")

    def __init__(self, monitor: str, patience: int, min_delta: float, mode: str) -> None:
        owner = type(self).__name__
        if not isinstance(monitor, str):
            raise TypeError(f"{owner}: monitor must be a name in the history, as 'val_loss', got {monitor!r}")
        super().__init__(monitor, mode)
        self.patience = positive_integer(owner, "patience", patience)
        self.min_delta = AMOUNT(owner, "min_delta", min_delta)

    def on_fit_start(self, run: "Run") -> None:
        """Begin anew."""
        super().on_fit_start(run)
        self.wait = 0

    def improved(self, run: "Run") -> bool:
        """Take the epoch's number in, and return whether it is the best so far."""
        better = super().improved(run)
        self.wait = 0 if better else self.wait + 1
        return better


class EarlyStopping(PatientMonitor):
    """Stop when a number no longer improves, and give the network back the best weights it had.

    Restoring the best weights is the default, unlike in Keras; it is done also when the training runs to its
    end.

    Parameters
    ----------
    monitor, patience, min_delta, mode
        See `Monitor` and `PatientMonitor`.
    restore_best : bool
        False leaves the last weights.

    Attributes
    ----------
    best_epoch : int
        The epoch whose weights were best.

    Examples
    --------
    Where there is nothing to learn, it soon gets worse on other samples:

    >>> import numpy as np
    >>> from nnfw import Dense, Network
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(80, 5)), rng.integers(2, size=80)
    >>> network = Network([Dense(32, "tanh"), Dense(1, "sigmoid")], loss="bce", seed=0)
    >>> stopping, held = EarlyStopping(patience=5), (x[60:], y[60:])
    >>> history = network.fit(
    ...     x[:60], y[:60], epochs=200, validation_data=held, callbacks=[stopping], verbose=0
    ... )
    >>> history.epoch[-1] - stopping.best_epoch
    5
    >>> abs(network.evaluate(*held)["loss"] - min(history["val_loss"])) < 1e-6
    True
    """

    remembers = (*PatientMonitor.remembers, "best_epoch", "weights", "restored")

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        super().__init__(monitor, patience, min_delta, mode)
        self.restore_best = boolean("EarlyStopping", "restore_best", restore_best)

    def on_fit_start(self, run: "Run") -> None:
        """Begin anew."""
        super().on_fit_start(run)
        self.best_epoch = 0
        self.weights: list[Array] = []  # the best; once they are restored, the last
        self.restored = False

    def on_resume(self, run: "Run") -> None:
        """Go on from the last weights, and not from the best."""
        if self.restored:
            self._exchange(run)

    def on_epoch_end(self, run: "Run") -> None:
        """Keep the weights of the best epoch; stop after `patience` epochs that were not better."""
        if self.improved(run):
            self.best_epoch = run.epoch
            if self.restore_best:
                self.weights = weights_of(run.network)
        elif self.wait >= self.patience:
            run.stop(f"{self.monitor} has not improved for {self.patience} epochs")

    def on_fit_end(self, run: "Run") -> None:
        """Give the best weights back."""
        if self.weights:
            self._exchange(run)
            run.note(f"the weights of epoch {self.best_epoch}, the best by {self.monitor}, are restored")

    def _exchange(self, run: "Run") -> None:
        """Put the kept weights into the network, and keep those that it had."""
        with run.undisturbed:
            before = weights_of(run.network)
            for leaf, weights in zip(run.network._leaves(), self.weights, strict=True):
                leaf.flat_params[...] = weights
            self.weights, self.restored = before, not self.restored


def weights_of(network: Model) -> "list[Array]":
    """Return a copy of the parameters, one vector a layer."""
    return [leaf.flat_params.copy() for leaf in network._leaves()]


class ReduceOnPlateau(PatientMonitor):
    """Multiply the learning rate when a number no longer improves.

    It gives the network a copy of its optimizer that has the reduced rate, as other networks may be trained
    by the same one; a layer with an optimizer of its own keeps its rate.

    Parameters
    ----------
    monitor, patience, min_delta, mode
        See `Monitor` and `PatientMonitor`.
    factor : float
        What the rate, or the schedule, is multiplied with, in (0, 1).
    min_rate : float
        No reduction below this rate.
    cooldown : int
        Epochs after a reduction in which none is counted.

    Examples
    --------
    >>> import numpy as np
    >>> from nnfw import SGD, Dense, Network
    >>> x = np.random.default_rng(0).normal(size=(80, 2))
    >>> network = Network([Dense(1)], optimizer=SGD(0.5), seed=0)
    >>> reduce = ReduceOnPlateau("loss", patience=2, min_delta=0.01)
    >>> network.fit(x, x[:, 0], epochs=7, callbacks=[reduce], verbose=0)["learning_rate"]
    [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    """

    remembers = (*PatientMonitor.remembers, "resting")

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.5,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        min_rate: float = 0.0,
        cooldown: int = 0,
    ) -> None:
        super().__init__(monitor, patience, min_delta, mode)
        self.factor = Range(0.0, 1.0, open_low=True, open_high=True)("ReduceOnPlateau", "factor", factor)
        self.min_rate = AMOUNT("ReduceOnPlateau", "min_rate", min_rate)
        self.cooldown = whole_number("ReduceOnPlateau", "cooldown", cooldown)

    def on_fit_start(self, run: "Run") -> None:
        """Begin anew."""
        super().on_fit_start(run)
        self.resting = 0

    def on_epoch_end(self, run: "Run") -> None:
        """Reduce the rate after `patience` epochs that were not better."""
        if self.improved(run):
            return
        if self.resting:
            self.resting, self.wait = self.resting - 1, 0
        elif self.wait >= self.patience:
            self._reduce(run)

    def _reduce(self, run: "Run") -> None:
        optimizer = run.optimizer
        rate = optimizer.rate(run.epoch)
        if rate * self.factor < self.min_rate:
            return
        reduced = copy.copy(optimizer)
        reduced.learning_rate = schedules.get(optimizer.learning_rate) * self.factor
        followed = run.network._default_optimizer
        run.network.optimizer, run.network._default_optimizer = reduced, followed
        self.resting, self.wait = self.cooldown, 0
        run.note(
            f"learning rate {rate:.4g} -> {rate * self.factor:.4g}: "
            f"{self.monitor} has not improved for {self.patience} epochs"
        )
