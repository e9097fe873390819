"""One data set through the whole door."""

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from nnfw.doors.agreement import check_metrics, check_output
from nnfw.doors.batch import Data
from nnfw.doors.inputs import open_inputs
from nnfw.doors.targets import open_targets
from nnfw.doors.weights import open_weight

if TYPE_CHECKING:
    from nnfw.network import Network


def open_data(
    network: "Network",
    x: Any,
    y: Any,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
) -> Data:
    """Check the caller's arrays against the network, and return them in one form."""
    x, lengths = open_inputs(x, lengths)
    *time, K = network.compute_shapes(x.shape[1:])
    *_, last = network.leaves()
    assert K is not None  # only T can be open
    check_output(last, K, network.loss)
    y = open_targets(y, x, lengths, K, bool(time), network.loss)
    weight = open_weight(sample_weight, class_weight, y, K, bool(time))
    data = Data(x, y, lengths, weight, network.dtype, steps=bool(time))
    check_metrics(network.metrics, data, K)
    return data
