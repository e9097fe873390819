"""The door: whatever arrays the caller has are checked once, and brought to one form.

Inputs become (N, ...) arrays, lists of sequences of unequal length a padded array with its lengths, targets
the one shape that the loss takes. Nothing is copied or converted that need not be: a batch is converted when
it is taken. What does not fit is refused here, before anything of the network has changed.
"""

from nnfw.doors.agreement import check_alike, check_split, open_callbacks
from nnfw.doors.arrays import named
from nnfw.doors.batch import Batch, Data
from nnfw.doors.inputs import open_inputs
from nnfw.doors.opening import open_data
from nnfw.doors.weights import class_labels

__all__ = [
    "Batch",
    "Data",
    "check_alike",
    "check_split",
    "class_labels",
    "named",
    "open_callbacks",
    "open_data",
    "open_inputs",
]
