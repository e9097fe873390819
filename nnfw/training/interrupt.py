"""What may break a fit off, and where: between two steps, so that the network is always whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from nnfw.model import Model

if TYPE_CHECKING:
    from nnfw.training.loop import Run


INTERRUPTED = "interrupted"
HOLDING = threading.Lock()  # while it is decided which fit gets a network


@contextmanager
def alone(network: Model) -> Iterator[None]:
    """Hold the network for one fit.

    Raises
    ------
    RuntimeError
        If it is held already, by another thread or by this one.
    """
    with HOLDING:
        if network._fitting:
            raise RuntimeError("this network is being fitted already; wait for that fit to end")
        network._fitting = True
    try:
        yield
    finally:
        network._fitting = False


@contextmanager
def stop_on_interrupt(run: "Run") -> Iterator[None]:
    """Let Ctrl-C end the run after the current step; a second one interrupts at once, but not an update.

    Signals reach the main thread only: elsewhere, nothing is changed, nor where they are ignored, or handled
    by a program that Python is embedded in.
    """
    before = signal.getsignal(signal.SIGINT)  # None where it is not Python's
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> Any:
        if run.stopped != INTERRUPTED or run.undisturbed.now:
            run.stopped = INTERRUPTED  # and not run.stop: the fit can be resumed
        elif callable(before):
            before(number, frame)
        else:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Undisturbed:
    """While it is entered, no Ctrl-C breaks in: what must be done whole is done, and then it counts.

    Attributes
    ----------
    now : bool
        Whether it is entered.
    """

    now = False

    def __enter__(self) -> None:
        self.now = True

    def __exit__(self, *_: object) -> None:
        self.now = False


class Attempt:
    """While it is entered, a step is taken; if that fails before its update, it leaves no trace.

    What it would leave is noise that layers have drawn: the stream is brought back to where it was.

    Parameters
    ----------
    run : Run
        Its standing tells whether there was an update.
    """

    def __init__(self, run: "Run") -> None:
        self.standing, self.noise = run.standing, run.network._streams["noise"].bit_generator

    def __enter__(self) -> None:
        self.step, self.state = (self.standing.batch, self.standing.window), self.noise.state

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and (self.standing.batch, self.standing.window) == self.step:
            self.noise.state = self.state
