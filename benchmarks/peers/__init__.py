"""The frameworks, one module each; a module is imported only in the process that measures it.

It defines for `speed` ``build(case, seed) -> Built``, the layer with the weights and data of `cases`, and for
`fit` ``train(task, x, y, epochs, seed, tick)``, which calls `tick` after each epoch and returns the loss.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import Distribution
from typing import Any, NamedTuple

from benchmarks.cases import CONVOLUTIONS, TASKS, TITLES


class Built(NamedTuple):
    """A layer that is ready to run.

    `forward` is inference, and returns the outputs (N, K) of a chain, the last states (N, H) of a recurrent
    layer, all outputs (N, T', H) of a convolution. `step` of a chain is a training step with Adam and returns
    the loss; of a layer it is forward, backward and all gradients, and returns that of the input (N, T, D).
    """

    forward: Callable[[], Any]
    step: Callable[[], Any]
    model: Any = None


class Peer(NamedTuple):
    """A framework; `covers` maps a layer to what is computed there: if it lacks a form of GRU, the other."""

    title: str
    packages: tuple[str, ...]
    covers: Mapping[str, str]  # of layers, and of the tasks of `fit`


KERNELS = {"ours": "numpy", "fast": "compiled"}  # nnfw, by its kernels
FIT = {task: task for task in TASKS}
LAYERS = {layer: layer for layer in TITLES if layer not in CONVOLUTIONS}
ALL = {layer: layer for layer in TITLES}
PEERS = {
    "ours": Peer("nnfw", ("numpy",), ALL | FIT),
    "fast": Peer("nnfw[fast]", ("numba",), ALL | FIT),
    "bare": Peer("nnfw, the bare verbs", ("numpy",), FIT),
    "floor": Peer("floor", ("numpy",), LAYERS),
    "pytorch": Peer("PyTorch", ("torch",), ALL | {"gru": "gru_after"} | FIT),
    "skorch": Peer("skorch", ("skorch", "torch"), FIT),
    "jax": Peer("JAX", ("jax",), LAYERS),
    "keras": Peer("Keras on JAX", ("keras", "jax"), FIT),
    "sklearn": Peer("scikit-learn", ("scikit-learn",), {"chain": "chain"}),
}


def missing(name: str) -> list[str]:
    """Return the packages that a peer needs and that are not installed."""
    return [package for package in PEERS[name].packages if not any(Distribution.discover(name=package))]
