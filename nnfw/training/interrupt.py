"""Interruption: what ends a fit early, always between two updates."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nnfw.model import Model

HOLDING = threading.Lock()  # while it is decided which fit gets a network


@contextmanager
def exclusive(network: Model) -> Iterator[None]:
    """Hold the network for one fit.

    Raises
    ------
    RuntimeError
        If another fit holds it already, in this thread or another.
    """
    with HOLDING:
        if network._fitting:
            raise RuntimeError("this network is being fitted already; wait for that fit to end")
        network._fitting = True
    try:
        yield
    finally:
        network._fitting = False


class Interrupt:
    """Ctrl-C during a fit: the first ends it after the current batch, a second raises at once.

    Attributes
    ----------
    asked : bool
        Whether Ctrl-C was pressed.
    updating : Lock
        While it is held, a second Ctrl-C does not raise: an update is completed and counted, or neither.
    """

    def __init__(self) -> None:
        self.asked, self.updating = False, threading.Lock()

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Handle SIGINT.

        Signals reach the main thread only; elsewhere nothing changes, nor where they are ignored, or handled
        by a program that Python is embedded in.
        """
        before = signal.getsignal(signal.SIGINT)  # None where it is not Python's
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
