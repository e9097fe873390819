"""How a network comes to its weights: all of them or none, and once, however many threads ask for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard

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
        check_dtypes(network)
        with all_or_nothing(network, network.streams["weights"]):
            initialize_new(network)
            for leaf in network.leaves():
                leaf.state = None  # copies of trained layers begin anew with what is to train them
            network.built = True


def initialize_new(network: "Network") -> None:
    """Initialize the layers without weights from the network's stream, its inner networks' layers too."""
    source, dtype = network.streams["weights"], network.dtype
    for layer in network.layers:
        if is_network(layer):
            share_stream(layer, source)
            layer._dtype = dtype
            build(layer)
        elif not layer.size:
            layer.initialize(source, dtype.name)


def initialize_all(network: "Network", rng: np.random.Generator | None, dtype: np.dtype[Any]) -> None:
    """Initialize all layers anew, from `rng`, or else from the network's stream, which inner ones share."""
    source = network.streams["weights"] if rng is None else rng
    with BUILDING:
        check_memory(network.leaves(), dtype)
        with all_or_nothing(network, source):
            for layer in network.layers:
                if rng is None and is_network(layer):
                    share_stream(layer, source)
                layer.initialize(source, dtype.name)
            network._dtype, network.built, network.standing = dtype, True, None


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


def share_stream(network: "Network", source: np.random.Generator) -> None:
    """Have an inner network draw its weights from another's stream."""
    network.streams = {**network.streams, "weights": source}  # a new dict: the old one may be put back


def is_network(layer: Layer) -> TypeGuard["Network"]:
    """Whether a layer is a network, with streams of its own."""
    from nnfw.network import Network

    return isinstance(layer, Network)


def check_dtypes(network: "Network") -> None:
    """Raise a ValueError if a layer has weights already, and of another type than the network."""
    for leaf in network.leaves():
        if leaf.size and leaf.dtype != network.dtype:
            raise ValueError(
                f"{leaf.label} has weights of {leaf.dtype} in a network of {network.dtype}; "
                f"build the network with dtype={leaf.dtype.name!r}"
            )


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
