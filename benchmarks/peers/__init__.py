"""The frameworks: one file each, behind one interface.

A file defines ``build(case, seed) -> Built``: the case's layer with the weights and the data of
`benchmarks.cases`, ready to run. It is imported only in the process that measures it.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import nnfw
from benchmarks.cases import TITLES


class Built(Protocol):
    """A layer that is ready to run."""

    def forward(self) -> Any:
        """Return the outputs (N, K), or a recurrent layer's last states (N, H), in inference."""

    def step(self) -> Any:
        """Take one training step.

        A dense chain: forward, loss, backward, gradients, Adam; returns the loss. A recurrent layer: forward,
        backward from the last state's gradient, all gradients; returns that of the input (N, T, D).
        """


class Peer(NamedTuple):
    """One framework.

    Attributes
    ----------
    title : str
        How it is called.
    packages : tuple of str
        What its file imports.
    install : str
        How to get that.
    covers : dict of str to str
        The layers that it can stand beside, and what it computes there: if it lacks one of GRU's two forms,
        that is the other.
    """

    title: str
    packages: tuple[str, ...]
    install: str
    covers: Mapping[str, str]


ALL = {layer: layer for layer in TITLES}
OURS = [layer for layer in TITLES if layer != "lstm" or hasattr(nnfw, "LSTM")]
PEERS = {
    "floor": Peer("floor", ("numpy",), "pip install numpy", ALL),
    "pytorch": Peer("PyTorch", ("torch",), "pip install torch", ALL | {"gru": "gru_after"}),
    "keras": Peer("Keras", ("keras", "jax"), "pip install keras jax", ALL),
    "jax": Peer("JAX", ("jax",), "pip install jax", ALL),
    "epynn": Peer("EpyNN", ("epynn",), "pip install --no-deps EpyNN==1.2.13", ALL | {"gru_after": "gru"}),
    "sklearn": Peer("scikit-learn", ("sklearn",), "pip install scikit-learn", {"dense": "dense"}),
}


def installed(name: str) -> bool:
    """Whether a peer can be measured here."""
    return all(find_spec(package) for package in PEERS[name].packages)
