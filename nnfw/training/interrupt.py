"""Interruption: ending or pausing a fit, always between two updates."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nnfw.layers.base import Layer
from nnfw.model import Model

HOLDING = threading.Lock()  # held while a fit claims a network
USED: set[int] = set()  # the callbacks with state that are in use by a running fit, by id
PATIENCE = 60.0  # seconds that another thread waits for the end of a batch


class Mine(threading.local):
    """The networks and callbacks that the current thread holds."""

    def __init__(self) -> None:
        self.networks: list[Model] = []  # those that it fits, nested by callbacks


MINE = Mine()


def outermost(network: Model) -> Model:
    """Return the outermost network that a network is part of, or the network itself."""
    owner: Layer | None = network
    while owner is not None:
        network = owner if isinstance(owner, Model) else network
        owner = owner._owner() if owner._owner else None
    return network


@contextmanager
def exclusive(network: Model, callbacks: Sequence[Any]) -> Iterator[None]:
    """Hold a network and callbacks for one fit; `Interrupt.rest` releases the network between updates.

    It raises a RuntimeError if another fit holds one of them already, in this thread or another.
    """
    network, used = outermost(network), {id(one): one for one in callbacks if one.remembers}
    with HOLDING:
        if network._fitting:
            raise RuntimeError("this network is already being fitted; wait for that fit to end")
        for key in used.keys() & USED:
            raise RuntimeError(f"{used[key]!r} is in use by a running fit; give each fit its own")
        network._fitting = threading.get_ident()
        USED.update(used)
    try:
        with network._held:
            MINE.networks.append(network)
            yield
    finally:
        MINE.networks.remove(network)
        USED.difference_update(used)
        network._fitting = None


@contextmanager
def let_go() -> Iterator[None]:
    """Release everything that this thread holds, so that no two threads wait for each other."""
    for network in MINE.networks:
        network._held.release()
    try:
        yield
    finally:
        for network in MINE.networks:
            network._held.acquire()


@contextmanager
def at_rest(network: Model, verb: str) -> Iterator[None]:
    """Hold the network between two updates of a fit in another thread; a callback of the fit does not wait.

    It raises a RuntimeError if no batch ends within a minute, as where a callback waits for this thread.
    """
    network = outermost(network)
    if network._fitting == threading.get_ident():
        yield
        return
    with let_go(), network._awaited:
        if not network._held.acquire(timeout=PATIENCE):
            said = f"{verb}: a fit in another thread uses the network and ended no batch in {PATIENCE:g} s"
            raise RuntimeError(f"{said}; call {verb} in a callback, which runs between two updates")
        try:
            yield
        finally:
            network._held.release()


class Interrupt:
    """Ctrl-C during a fit: the first ends it after the current batch, a second raises at once."""

    def __init__(self, network: Model) -> None:
        self.asked, self.held = False, outermost(network)
        # While it is held, a second Ctrl-C does not raise: an update is completed and counted, or neither.
        self.updating = threading.Lock()

    def rest(self) -> None:
        """Release the network to a thread that waits for it (see `at_rest`); no Ctrl-C raises meanwhile."""
        if self.held._awaited.locked():
            with self.updating, let_go(), self.held._awaited:  # until it is done
                pass

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Handle SIGINT.

        Signals reach only the main thread: in other threads nothing changes, nor if SIGINT is ignored, or
        handled by a program that embeds Python.
        """
        before = signal.getsignal(signal.SIGINT)  # None if not installed from Python
        if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
            yield
            return

        def handle(number: int, frame: FrameType | None) -> Any:
            if not self.asked or self.updating.locked():
                self.asked = True
            elif callable(before):
                before(number, frame)
            else:
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
