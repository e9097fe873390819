"""What every monitor shares: a number of the history that it watches, and which way that is better."""

import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, ClassVar

from nnfw.callbacks import Callback
from nnfw.checks import AMOUNT, positive_integer
from nnfw.metric import Metric
from nnfw.names import nearest

if TYPE_CHECKING:
    from nnfw.training import Run


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
