"""The door: whatever arrays the caller has are checked once, and brought to one form.

Inputs become (N, ...) arrays, lists of sequences of unequal length a padded array with its lengths, targets
the one shape that the loss takes. Nothing is copied or converted that need not be: a batch is converted when
it is taken. What does not fit is refused here, before anything of the network has changed.
"""

from nnfw.doors.agreement import (
    check_exclusive,
    check_monitors,
    check_split,
    check_truncation,
    open_callbacks,
)
from nnfw.doors.arrays import named
from nnfw.doors.batch import Batch, Data
from nnfw.doors.classes import weigh_classes
from nnfw.doors.construction import check_layers, check_names, open_metrics
from nnfw.doors.given import Batches, open_source
from nnfw.doors.holding_out import open_validation
from nnfw.doors.inputs import open_inputs
from nnfw.doors.memory import check_memory
from nnfw.doors.opening import open_data

__all__ = [
    "Batch",
    "Batches",
    "Data",
    "check_exclusive",
    "check_layers",
    "check_memory",
    "check_monitors",
    "check_names",
    "check_split",
    "check_truncation",
    "named",
    "open_callbacks",
    "open_data",
    "open_inputs",
    "open_metrics",
    "open_source",
    "open_validation",
    "weigh_classes",
]
