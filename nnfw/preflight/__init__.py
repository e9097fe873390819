"""Before a long fit: whether the data, the network and its loss fit each other, and it can learn at all.

All is tried on a copy of the network and on a few of the samples, and said in one `Report`.
"""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw import building, doors, summary
from nnfw.checks import positive_integer, whole_number
from nnfw.doors import Data
from nnfw.history import History
from nnfw.layers.layer import with_samples
from nnfw.preflight.looks import BATCH, at_features, at_gradients, at_learning, at_loss, at_targets
from nnfw.preflight.report import Report

if TYPE_CHECKING:
    from nnfw.network import Network

__all__ = ["Report", "check"]

SAMPLES = 1000  # that are looked at


def check(network: "Network", x: Any, y: Any, lengths: ArrayLike | None, steps: int, seed: int) -> Report:
    """Return the report on a network and data; see `nnfw.Network.check`."""
    steps = positive_integer("check", "steps", steps)
    rng = np.random.default_rng(whole_number("check", "seed", seed))
    trial = copy.deepcopy(network)
    trial.history, trial.fitting = History(), False
    data = doors.open_data(trial, x, y, lengths)
    building.build(trial)
    report = Report(summary.describe(trial), forms(trial, y, data))
    seen = data.subset(np.sort(rng.permutation(len(data))[:SAMPLES]))
    batch = seen.subset(np.sort(rng.permutation(len(seen))[:BATCH])).batch()
    with np.errstate(all="ignore"):  # what overflows here is for the report to tell
        looks = [
            at_features(report, trial, seen),
            at_targets(report, trial, seen),
            at_loss(report, trial, seen),
            at_gradients(report, trial, batch),
            at_learning(report, trial, batch, steps),
        ]
        report.warnings = [warning for look in looks for warning in look]
    return report


def forms(network: "Network", y: Any, data: Data) -> str:
    """Return the forms of x and y, and what the outputs make of them."""
    last = network.last
    outputs = last.activation.name if last.activation else type(last).__name__
    given = "a list" if isinstance(y, (list, tuple)) else np.shape(y)
    kind = "classes" if network.loss.joins else "numbers"
    return (
        f"x {data.x.shape} of {data.x.dtype}, y {given} taken as {kind}, by {network.loss!r} "
        f"on {outputs} outputs {with_samples(network.shapes[-1])}"
    )
