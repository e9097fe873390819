"""Run: a call of `fit` in progress, which is passed to every hook of a callback."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from nnfw.core.typing import Array
from nnfw.model import Model
from nnfw.optimizers import Optimizer
from nnfw.training.batches import Batch
from nnfw.training.interrupt import Interrupt
from nnfw.training.progress import Progress
from nnfw.training.state import TrainingState


class Run:
    """A call of `fit` in progress.

    Attributes
    ----------
    network : Network
        The network being trained.
    optimizer : Optimizer
        The optimizer of the network; ``run.network.optimizer`` can be reassigned during the fit.
    history : History
        The history of all finished epochs.
    epoch : int
        The number of the current epoch, from 1, counted over all calls of `fit`.
    batch : int
        The number of the current batch of the epoch, from 1.
    epoch_fraction : float
        The epoch passed to schedules: 0 at the first batch of epoch 1, fractional within an epoch.
    batch_loss : float
        The loss of the current or last step.
    logs : dict of str to float
        The numbers of the epoch, filled at its end.
    stopped : str
        The reason why the run ends early, or an empty string.
    resumed : bool
        Whether the run resumes an earlier fit.
    """

    network: Any  # a Network, which this floor does not know
    batch_data: Batch  # the batch of the current step
    outputs: Array  # of the network, for the current step
    window_start = 0  # the first time step of the current window

    def __init__(
        self, network: Model, callbacks: Sequence[Any], progress: Progress, state: TrainingState
    ) -> None:
        self.network, self.history, self.state = network, network.history, state
        self.progress = progress if network._leads else Progress()
        self.callbacks = [callback for callback in callbacks if network._leads or not callback.writes]
        self.resumed = state is network._training_state
        self.epoch, self.batch, self.updates = len(self.history.epoch), 0, 0
        self.epoch_fraction, self.batch_loss = 0.0, math.nan
        self.logs: dict[str, float] = {}
        self.interrupt = Interrupt(network)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the network."""
        return self.network.optimizer or self.network._with_optimizer()

    @property
    def stopped(self) -> str:
        """The reason why the run ends early, or an empty string."""
        return self.state.stopped or ("interrupted" if self.interrupt.asked else "")

    def stop(self, reason: str) -> None:
        """Stop the run after the current batch, or after the epoch if called at its end."""
        self.state.stopped = reason

    def note(self, text: str) -> None:
        """Print a message without breaking the progress bar."""
        self.show(self.progress.note, text)

    def show(self, method: Callable[..., None], *args: Any) -> None:
        """Call a method of the progress; if printing fails, the run continues without output."""
        try:
            method(*args)
        except (OSError, ValueError):  # a broken pipe, a full disk, a closed file
            self.progress = Progress()

    def call(self, hook: str) -> None:
        """Call one hook of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(self)
        if "stop" in vars(self):
            raise TypeError(f"{hook}: a callback has assigned run.stop; call it, run.stop('the reason')")
