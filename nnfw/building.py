"""How a network comes to its weights: all of them or none, and once, however many threads ask for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.chain import Chain
from nnfw.doors.memory import check_memory
from nnfw.layers.layer import Layer

if TYPE_CHECKING:
    from nnfw.network import Network

BUILDING = threading.RLock()  # held while layers are initialized


def build(network: "Network") -> None:
    """Initialize the layers that are not yet: a copy of a trained layer keeps its weights."""
    with BUILDING:
        if network.built:
            return
        check_memory(network.leaves(), network.dtype)
        with all_or_nothing(network, network.streams["weights"]):
            initialize_new(network)
            network.built = True


def initialize_new(network: "Network") -> None:
    """Initialize the layers without weights from the network's stream, its inner networks' layers too."""
    source, dtype = network.streams["weights"], network.dtype
    for layer in network.layers:
        if isinstance(layer, type(network)):
            layer.streams["weights"], layer._dtype = source, dtype
            build(layer)
        elif not layer.size:
            layer.initialize(source, dtype.name)
        elif layer.dtype != dtype:
            raise ValueError(
                f"{layer.label} has weights of {layer.dtype} in a network of {dtype}; "
                f"build the network with dtype={layer.dtype.name!r}"
            )


def initialize_all(network: "Network", rng: np.random.Generator | None, dtype: np.dtype[Any]) -> None:
    """Initialize all layers anew, from `rng`, or else from the network's stream, which inner ones share."""
    source = network.streams["weights"] if rng is None else rng
    with BUILDING:
        check_memory(network.leaves(), dtype)
        with all_or_nothing(network, source):
            for layer in network.layers:
                if rng is None and isinstance(layer, type(network)):
                    layer.streams["weights"] = source
                layer.initialize(source, dtype.name)
            network._dtype, network.built = dtype, True


@contextmanager
def all_or_nothing(network: "Network", source: np.random.Generator) -> Iterator[None]:
    """If what is drawn from the source fails, or is interrupted, have all be as it was."""
    state = source.bit_generator.state
    before = [(part, dict(vars(part))) for part in parts(network)]
    try:
        yield
    except BaseException:
        source.bit_generator.state = state
        for part, attributes in before:
            vars(part).update(attributes)
            part.bind()
        raise


def parts(chain: Chain) -> Iterator[Layer]:
    """Yield a chain and all layers in it, inner chains and theirs too."""
    yield chain
    for layer in chain.layers:
        if isinstance(layer, Chain):
            yield from parts(layer)
        else:
            yield layer


def be_ready(network: "Network", verb: str) -> None:
    """Raise a RuntimeError if a layer has no weights yet; a network of copies, which have, is built."""
    with BUILDING:  # else a fit in another thread could break off between the two
        check_ready(network, verb)
        build(network)


def check_ready(network: "Network", verb: str) -> None:
    """Raise a RuntimeError if the network's shapes are not known, or a layer has not got its weights yet.

    A layer without parameters needs none, and a copy of a trained layer has its own.
    """
    if not network.shapes:
        raise RuntimeError(
            f"{verb}: the network does not know the shape of its input yet; fit it, or load one with "
            f"Network.load, or tell it: compute_shapes((T, D)), or (D,) where there are no time steps"
        )
    for leaf in network.leaves():
        if leaf.specs and not leaf.params:
            raise RuntimeError(
                f"{verb}: the network has no weights yet in {leaf.label}; fit it, or load one with "
                f"Network.load. To look at an untrained one, compute_shapes({network.shapes[0]}) and "
                f"initialize() come first, and draw all weights at random"
            )
