"""The frameworks, one module each; a module is imported only in the process that measures it.

It defines ``build(case, seed) -> Built``: the layer with the weights and data of `benchmarks.cases`.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, NamedTuple

from benchmarks.cases import TITLES


class Built(NamedTuple):
    """A layer that is ready to run.

    `forward` returns the outputs (N, K), or a recurrent layer's last states (N, H), in inference. `step` of a
    dense chain takes one training step with Adam and returns the loss; of a recurrent layer it is forward,
    backward from the last state's gradient and all gradients, and returns that of the input (N, T, D).
    """

    forward: Callable[[], Any]
    step: Callable[[], Any]
    model: Any = None


class Peer(NamedTuple):
    """A framework; `covers` maps a layer to what is computed there: if it lacks a form of GRU, the other."""

    title: str
    packages: tuple[str, ...]
    install: str
    covers: Mapping[str, str]


ALL = {layer: layer for layer in TITLES}
RECURRENT = {layer: layer for layer in TITLES if layer != "dense"}
EPYNN = {"rnn": "rnn", "gru": "gru", "gru_after": "gru", "lstm": "lstm"}
PEERS = {
    "fast": Peer("nnfw[fast]", ("numba",), 'pip install "nnfw[fast]"', ALL),
    "floor": Peer("floor", ("numpy",), "pip install numpy", ALL),
    "pytorch": Peer("PyTorch", ("torch",), "pip install torch", ALL | {"gru": "gru_after"}),
    "keras": Peer("Keras", ("keras", "jax"), "pip install keras jax", ALL),
    "jax": Peer("JAX", ("jax",), "pip install jax", RECURRENT),
    "epynn": Peer("EpyNN", ("EpyNN",), "pip install --no-deps EpyNN==1.2.13", EPYNN),
}


def installed(name: str) -> bool:
    """Whether a peer can be measured here."""
    try:
        return all(distribution(package) for package in PEERS[name].packages)
    except PackageNotFoundError:
        return False
