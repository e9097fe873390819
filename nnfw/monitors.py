"""Monitors: callbacks that watch one number of the history, and act when it gets no better."""

import copy
from typing import TYPE_CHECKING

from nnfw import schedules
from nnfw.checks import AMOUNT, Range, boolean, whole_number
from nnfw.monitor import PatientMonitor

if TYPE_CHECKING:
    from nnfw.arrays import Array
    from nnfw.network import Network
    from nnfw.training import Run


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
            for leaf, weights in zip(run.network.leaves(), self.weights, strict=True):
                leaf.flat_params[...] = weights
            self.weights, self.restored = before, not self.restored


def weights_of(network: "Network") -> "list[Array]":
    """Return a copy of the parameters, one vector a layer."""
    return [leaf.flat_params.copy() for leaf in network.leaves()]


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
        followed = run.network.default_optimizer
        run.network.optimizer, run.network.default_optimizer = reduced, followed
        self.resting, self.wait = self.cooldown, 0
        run.note(
            f"learning rate {rate:.4g} -> {rate * self.factor:.4g}: "
            f"{self.monitor} has not improved for {self.patience} epochs"
        )
