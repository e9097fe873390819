"""Monitors: callbacks that watch one quantity of the history and act when it stops improving."""

import copy
import math
from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar, Literal, get_args

import numpy as np

from nnfw import schedules
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.validation import AMOUNT, INSIDE, boolean, instance_of, one_of, positive_integer, whole_number
from nnfw.metrics import Metric
from nnfw.training.callbacks import Callback, CSVLogger
from nnfw.training.run import Run
from nnfw.training.tensorboard import TensorBoard

Mode = Literal["auto", "min", "max"]


class Monitor(Callback):
    """The base class of callbacks that monitor whether a quantity improves.

    Parameters
    ----------
    monitor : str
        A name in the history: ``"val_loss"``, ``"accuracy"`` ...
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; "auto" uses `Metric.higher_is_better` of the metric. For the loss,
        lower is better.
    patience : int
        The number of epochs without improvement after which the callback acts.
    min_delta : float
        An improvement must exceed this, as in Keras: an absolute difference, not relative to the best.

    Attributes
    ----------
    best : float
        The best value so far; infinite before the first.
    wait : int
        The number of epochs since the last improvement.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_best", "wait")

    min_delta: float = 0.0
    _sign, _best = 1, math.inf  # the best value times its sign, which is to be low
    _check_monitor: ClassVar = instance_of(str, "a name in the history, e.g. 'val_loss'")

    def __init__(self, monitor: str | None, mode: Mode) -> None:
        owner = type(self).__name__
        self.monitor = type(self)._check_monitor(owner, "monitor", monitor)
        self.mode: Mode = one_of(*get_args(Mode))(owner, "mode", mode)  # type: ignore[assignment]

    def on_fit_start(self, run: Run) -> None:
        """Reset the state of the callback."""
        self._sign = 1 if self.monitor is None else self.sign(run.network.metrics)
        self._best, self.wait = math.inf, 0

    @property
    def best(self) -> float:
        """The best value so far; infinite before the first."""
        return self._sign * self._best

    def watched(self, known: Collection[str]) -> str:
        """Return the name of the quantity to watch, if it is known."""
        name = str(self.monitor)
        if name in known:
            return name
        hint = nearest(name, known)
        if name.startswith("val_") and not any(other.startswith("val_") for other in known):
            hint = " Pass validation_data or validation_split to fit."
        owner = type(self).__name__
        raise ValueError(f"{owner}: no {name!r} to monitor.{hint} Available: {', '.join(known)}")

    def sign(self, metrics: Iterable[Metric]) -> int:
        """Return 1 if lower is better and -1 if higher is; raise a ValueError if nothing says which."""
        if self.mode != "auto":
            return -1 if self.mode == "max" else 1
        name = str(self.monitor)
        said: dict[str, bool | None] = {"loss": False, "val_loss": False}
        for metric in metrics:
            said |= dict.fromkeys((metric.name, f"val_{metric.name}"), metric.higher_is_better)
        if said.get(name) is None:
            hint = "" if name in said else nearest(name, said)
            raise ValueError(
                f"{type(self).__name__}: it is not known whether a higher or a lower {name!r} is better; "
                f"pass mode='max' or mode='min', or set higher_is_better in the class of the metric.{hint}"
            )
        return -1 if said[name] else 1

    def improved(self, run: Run) -> bool:
        """Read the value of the epoch, and return whether it is the best so far."""
        value = self._sign * run.logs[self.watched(run.logs)]
        better = value < self._best - self.min_delta
        if better:
            self._best = value
        self.wait = 0 if better else self.wait + 1
        return better


def check_monitors(callbacks: Sequence[Callback], metrics: Sequence[Metric], validated: bool) -> None:
    """Raise a ValueError if a callback watches a quantity that no epoch has, or has no known direction.

    Quantities that custom callbacks before it may add to the logs are not known here.
    """
    measured = ["loss", *(metric.name for metric in metrics)]
    known = [*measured, *(f"val_{name}" for name in measured if validated), "learning_rate"]
    for place, callback in enumerate(callbacks):
        if isinstance(callback, Monitor) and callback.monitor is not None:
            if all(isinstance(before, Monitor | CSVLogger | TensorBoard) for before in callbacks[:place]):
                callback.watched(known)
            callback.sign(metrics)


class EarlyStopping(Monitor):
    """Stop training when a quantity no longer improves, and restore the best weights.

    Unlike in Keras, restoring is the default, and also happens when training ends without an early stop.

    Parameters
    ----------
    monitor, patience, min_delta, mode
        See `Monitor`.
    restore_best : bool
        Whether to restore the weights of the best epoch; if False, the last weights are kept.

    Attributes
    ----------
    best_epoch : int
        The number of the epoch with the best weights.

    Examples
    --------
    With nothing to learn, the validation loss soon gets worse:

    >>> import numpy as np
    >>> from nnfw import Dense, Network
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(80, 5)), rng.integers(2, size=80)
    >>> network = Network([Dense(32, "tanh"), Dense(1, "sigmoid")], loss="bce", seed=0)
    >>> stopping = EarlyStopping(patience=5)
    >>> history = network.fit(x, y, epochs=200, validation_split=0.25, callbacks=[stopping], verbose=0)
    >>> history.epoch[-1] - stopping.best_epoch
    5
    >>> history["val_loss"][stopping.best_epoch - 1] == min(history["val_loss"])
    True
    """

    remembers = (*Monitor.remembers, "best_epoch", "weights", "restored")

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best: bool = True,
    ) -> None:
        super().__init__(monitor, mode)
        self.patience = positive_integer("EarlyStopping", "patience", patience)
        self.min_delta = AMOUNT("EarlyStopping", "min_delta", min_delta)
        self.restore_best = boolean("EarlyStopping", "restore_best", restore_best)

    def on_fit_start(self, run: Run) -> None:
        """Reset the state of the callback."""
        super().on_fit_start(run)
        self.best_epoch = 0
        self.weights: list[Array] = []  # the best; once these are restored, the last
        self.restored = False

    def on_resume(self, run: Run) -> None:
        """Continue from the last weights, not from the best."""
        shapes = [leaf.flat_params.shape for leaf in run.network._leaves()]
        if (self.weights or self.restored) and [np.shape(weights) for weights in self.weights] != shapes:
            raise ValueError("EarlyStopping: it holds weights of another network; omit resume")
        if self.restored:
            self._exchange(run)

    def on_epoch_end(self, run: Run) -> None:
        """Keep the weights of the best epoch; stop after `patience` epochs without improvement."""
        if self.improved(run):
            self.best_epoch = run.epoch
            if self.restore_best:
                self.weights = [leaf.flat_params.copy() for leaf in run.network._leaves()]
        elif self.wait >= self.patience:
            run.stop(f"{self.monitor} has not improved for {self.patience} epochs")

    def on_fit_end(self, run: Run) -> None:
        """Restore the best weights."""
        if self.weights:
            self._exchange(run)
            run.history.restored = self.best_epoch
            run.note(f"restored the weights of epoch {self.best_epoch}, the best by {self.monitor}")

    def _exchange(self, run: Run) -> None:
        """Put the kept weights into the network, and keep those that it had."""
        with run.interrupt.updating:
            for leaf, weights in zip(run.network._leaves(), self.weights, strict=True):
                leaf.flat_params[...], weights[...] = weights.copy(), leaf.flat_params.copy()
            self.restored = not self.restored


class ReduceOnPlateau(Monitor):
    """Multiply the learning rate by a factor when a quantity no longer improves.

    The network gets a copy of its optimizer with the reduced learning rate, since the optimizer may be shared
    with other networks; a layer with its own optimizer keeps its rate.

    Parameters
    ----------
    monitor, patience, min_delta, mode
        See `Monitor`. The epoch that exhausts the patience reduces the rate, as in Keras; PyTorch's patience
        is one less.
    factor : float
        The factor by which the learning rate, or the schedule, is multiplied, in (0, 1).
    min_rate : float
        The lower bound of the learning rate for reductions.
    cooldown : int
        The number of epochs after a reduction that do not count as epochs without improvement, as in PyTorch;
        in Keras, the last of them counts.

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

    remembers = (*Monitor.remembers, "resting")

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.5,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        min_rate: float = 0.0,
        cooldown: int = 0,
    ) -> None:
        super().__init__(monitor, mode)
        self.patience = positive_integer("ReduceOnPlateau", "patience", patience)
        self.min_delta = AMOUNT("ReduceOnPlateau", "min_delta", min_delta)
        self.factor = INSIDE("ReduceOnPlateau", "factor", factor)
        self.min_rate = AMOUNT("ReduceOnPlateau", "min_rate", min_rate)
        self.cooldown = whole_number("ReduceOnPlateau", "cooldown", cooldown)

    def on_fit_start(self, run: Run) -> None:
        """Reset the state of the callback."""
        super().on_fit_start(run)
        self.resting = 0

    def on_epoch_end(self, run: Run) -> None:
        """Reduce the rate after `patience` epochs without improvement."""
        better = self.improved(run)
        if self.resting:
            self.resting, self.wait = self.resting - 1, 0
        elif not better and self.wait >= self.patience:
            self._reduce(run)

    def _reduce(self, run: Run) -> None:
        network, optimizer = run.network, run.optimizer
        rate = optimizer.rate(run.epoch)
        if rate <= self.min_rate:
            return
        factor = max(self.factor, self.min_rate / rate)
        reduced = copy.copy(optimizer)
        reduced.learning_rate = schedules.get(optimizer.learning_rate) * factor
        default = network._default_optimizer
        network.optimizer, network._default_optimizer = reduced, default
        self.resting, self.wait = self.cooldown, 0
        why = f"{self.monitor} has not improved for {self.patience} epochs"
        run.note(f"learning rate {rate:.4g} -> {rate * factor:.4g}: {why}")
