"""One data set through the whole door."""

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from nnfw.doors.agreement import check_metrics, check_output, check_steps
from nnfw.doors.batch import Data
from nnfw.doors.inputs import open_inputs
from nnfw.doors.memory import check_memory
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
) -> Data:
    """Check the caller's arrays against the network, and return them in one form."""
    x, lengths = open_inputs(network.first, x, lengths, network.input_dtype)
    shape = [n for n in network.compute_shapes(x.shape[1:]) if n is not None]  # all known, as those of x are
    K, steps = shape[-1], len(shape) > 1
    check_memory(network.leaves(), network.dtype)
    check_output(network.last, K, network.loss)
    if steps and lengths is not None:
        check_steps(network, x.shape[1])
    y = open_targets(y, x, lengths, shape, network)
    weight = None if sample_weight is None else open_weight(sample_weight, y, lengths, steps, network.dtype)
    data = Data(x, y, lengths, weight, network.input_dtype, steps=steps)
    check_metrics(network.metrics, data, K, network.loss)
    return data
