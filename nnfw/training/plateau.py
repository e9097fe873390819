"""ReduceOnPlateau: a lower learning rate when a number no longer improves."""

import copy

from nnfw import schedules
from nnfw.core.validation import AMOUNT, Range, positive_integer, whole_number
from nnfw.training.monitors import Monitor
from nnfw.training.run import Run


class ReduceOnPlateau(Monitor):
    """Multiply the learning rate by a factor when a number no longer improves.

    The network gets a copy of its optimizer with the reduced rate, since the optimizer may train other
    networks too; a layer with an optimizer of its own keeps its rate.

    Parameters
    ----------
    monitor, patience, min_delta, mode
        See `Monitor`. The epoch that exhausts the patience reduces the rate, as in Keras; PyTorch's patience
        is one less.
    factor : float
        What the rate, or the schedule, is multiplied by, in (0, 1).
    min_rate : float
        No reduction leads below this rate.
    cooldown : int
        Epochs after a reduction that do not count as epochs without improvement, as in PyTorch; in Keras the
        last of them counts.

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
        mode: str = "auto",
        min_rate: float = 0.0,
        cooldown: int = 0,
    ) -> None:
        super().__init__(monitor, mode)
        self.patience = positive_integer("ReduceOnPlateau", "patience", patience)
        self.min_delta = AMOUNT("ReduceOnPlateau", "min_delta", min_delta)
        self.factor = Range(0.0, 1.0, open_low=True, open_high=True)("ReduceOnPlateau", "factor", factor)
        self.min_rate = AMOUNT("ReduceOnPlateau", "min_rate", min_rate)
        self.cooldown = whole_number("ReduceOnPlateau", "cooldown", cooldown)

    def on_fit_start(self, run: Run) -> None:
        """Start anew."""
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
        run.note(
            f"learning rate {rate:.4g} -> {rate * factor:.4g}: "
            f"{self.monitor} has not improved for {self.patience} epochs"
        )
