"""The guard: no step of a fit starts from or leads to a NaN or an infinity, and no prediction holds one.

It reads the loss and the gradients once per step. If these or the learning rate are so large that the update
itself could overflow, or if the update is not nnfw's own code, it keeps a copy of the weights and restores
them if the update fails. It does not prove that no other update can overflow: the next step reports one.
"""

import copy
import math

import numpy as np

from nnfw.core.errors import NonFiniteError
from nnfw.core.lengths import cleared
from nnfw.core.typing import Array
from nnfw.layers.base import Layer
from nnfw.model import Model
from nnfw.optimizers import Optimizer, State
from nnfw.training import anomaly
from nnfw.training.batches import Batch
from nnfw.training.run import Run

LARGE = 1e10  # of the norm of a layer's gradient: its square is far from the largest float32, 3e38
HIGH = 1e3  # of a learning rate


class Guard:
    """Watches the steps of one fit of a network."""

    def __init__(self, network: Model) -> None:
        self.leaves = [leaf for leaf in network._leaves() if leaf.size]
        self.rules = [one.optimizer for one in network._with_inner() if one.optimizer and one is not network]
        self.plain = all(type(leaf).update is Layer.update for leaf in self.leaves)
        self.before: list[tuple[Array, State | None]] = []  # the weights before an update that may fail

    def check_loss(self, run: Run) -> None:
        """Raise a NonFiniteError unless the loss is finite."""
        if not math.isfinite(run.batch_loss):
            raise failure(run, f"the loss is {run.batch_loss}")

    def check_gradients(self, run: Run) -> None:
        """Raise a NonFiniteError unless all gradients are finite; copy the weights if the update may fail."""
        safe = self.plain
        for leaf in self.leaves:
            if not np.vdot(leaf.flat_grads, leaf.flat_grads) < LARGE**2:
                safe = False
                if not np.isfinite(leaf.flat_grads).all():
                    raise failure(run, f"a gradient of {leaf._label} is not finite")
        for rule in (run.optimizer, *self.rules):
            own = type(rule).__module__ == Optimizer.__module__
            safe = safe and own and rule.rate(run.epoch_fraction) < HIGH
        self.before = (
            [] if safe else [(leaf.flat_params.copy(), copy.deepcopy(leaf._state)) for leaf in self.leaves]
        )

    def check_update(self, run: Run) -> None:
        """Raise a NonFiniteError if an update for which the weights were copied overflowed."""
        for leaf in self.leaves if self.before else ():
            if found := anomaly.in_update(leaf):
                raise failure(run, found, search=False)
        self.before = []

    def restore(self) -> None:
        """Restore the copied weights after a step that failed."""
        for leaf, (params, state) in zip(self.leaves, self.before, strict=False):
            leaf.flat_params[...], leaf._state = params, state
        self.before = []


def failure(run: Run, found: str, search: bool = True) -> NonFiniteError:
    """Return the error for a step of a run; it names where the first non-finite value arose."""
    if search:
        found = anomaly.search(run.network, run.batch_data) or found
    if run.window_start and "time step" in found:
        found += f" of the window starting at step {run.window_start}"
    rate = f"a learning rate that is too high (it is {run.optimizer.rate(run.epoch_fraction):.3g})"
    gradients = "exploding gradients (clip_global_norm=1.0 in the optimizer)"
    causes = f"{rate}, {gradients}, inputs that are not scaled, e.g. by StandardScaler"
    said = f"epoch {run.epoch}, batch {run.batch}: {found}. The weights are as before this update"
    return NonFiniteError(f"{said}; {remedy_for(run.batch_data, causes)}")


def remedy_for(batch: Batch, causes: str) -> str:
    """Return the remedy for a NaN or an infinity; the inputs are the last of the likely `causes`."""
    largest = float(np.abs(cleared(batch.x, batch.lengths)).max(initial=0.0))
    if not math.isfinite(largest):
        return "fill, scale or drop such samples"
    return f"likely causes: {causes} (their largest is {largest:.3g})"


def check_outputs(network: Model, where: str, batch: Batch, a: Array, loss: float = 0.0) -> None:
    """Raise a NonFiniteError unless the outputs `a` for a batch, its inputs and its loss are finite.

    The inputs are checked too, since those in a memory map have not been: a gate maps infinity to 1.
    """
    if math.isfinite(loss) and is_finite(a) and is_finite(cleared(batch.x, batch.lengths)):
        return
    found = anomaly.search(network, batch, training=False)
    found = found or ("an output is not finite" if math.isfinite(loss) else f"the loss is {loss}")
    weights = "weights that have grown too large (load the network, or fit it again)"
    remedy = remedy_for(batch, f"{weights}, or inputs that are not scaled like the training data")
    raise NonFiniteError(f"{where}: {found}; {remedy}")


def is_finite(a: Array) -> bool:
    """Whether an array holds no NaN and no infinity; a finite norm is sufficient."""
    return bool(np.vdot(a, a) < math.inf or np.isfinite(a).all())
