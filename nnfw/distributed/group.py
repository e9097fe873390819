"""Communication between the ranks of a fit, and their common end."""

import atexit
import pickle
import sys
import time
from functools import cache
from typing import Any

from nnfw.core.extras import extra
from nnfw.training.tracker import MetricTracker

MPI = extra("mpi4py.MPI", "mpi", "several processes train one network")
rank, ranks = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size
FAILED = "failed"  # the place given by a rank that reports an error
GRACE = 5.0  # seconds for the rank that shows an error
FORWARDING = 0.5  # seconds for mpiexec, which at the end drops output not yet forwarded


class Group:
    """The ranks during one fit. They reach each exchange together, or an error is raised on all of them."""

    def __init__(self) -> None:
        self.channel = channel()
        self.failed = False  # whether all ranks know of an error

    def exchange(self, place: str, value: Any) -> list[Any]:
        """Return the values of all ranks, which must reach the same point of their fits."""
        found = self.channel.allgather((place, value))
        for number, (other, theirs) in enumerate(found):
            if other == FAILED:
                theirs.add_note(f"This was raised on rank {number} of {ranks}.")
                raise self.for_all(theirs, number)
        for number, (other, _) in enumerate(found):
            if other != found[0][0]:
                said = f"the ranks are out of step: rank 0 is at {found[0][0]}, rank {number} at {other}"
                raise self.for_all(RuntimeError(f"{said}; call fit on all ranks, with the same arguments"))
        return [theirs for _, theirs in found]

    def merge(self, tracker: MetricTracker) -> None:
        """Replace the sums of a tracker by those over all ranks."""
        found = self.exchange("the metrics", tracker.sums)
        tracker.sums = 0.0, 0, {}
        for total, weight, statistics in found:
            tracker.total += total
            tracker.weight += weight
            for name, running in tracker.metrics.items():
                if statistics[name] is not None:
                    running.merge(statistics[name])

    def for_all(self, error: BaseException, shown_on: int = 0) -> BaseException:
        """Return an error that all ranks raise; one of them shows it if it is not caught."""
        self.failed = True
        vars(error)["shown_on"] = shown_on
        return error

    def fail(self, error: BaseException) -> None:
        """Send an error of this rank, unless the others know of one, to the exchange that they are at."""
        if not self.failed:
            found = self.channel.allgather((FAILED, portable(error)))
            self.for_all(error, [place for place, _ in found].index(FAILED))


@cache
def channel() -> Any:
    """Return a communicator of nnfw's own, so that messages of the script do not mix with those of a fit."""
    return MPI.COMM_WORLD.Dup()


def portable(error: BaseException) -> BaseException:
    """Return an error that can be sent: itself, or its message."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# ---- the end of a script ----------------------------------------------------------------------------------


def end_all(kind: Any, error: Any, trace: Any, show: Any = sys.excepthook) -> None:
    """Show an uncaught error and end all ranks, since the others would wait forever."""
    atexit.unregister(end)  # if Abort returns, this rank must not report another end to the others
    if vars(error).get("shown_on", rank) == rank:
        show(kind, error, trace)
        sys.stderr.flush()
        time.sleep(FORWARDING)
    else:
        time.sleep(GRACE)
    MPI.COMM_WORLD.Abort(1)


def end() -> None:
    """Signal the end of the script, so that a rank in a fit learns that this one has ended."""
    channel().allgather(("the end of the script", None))


if ranks > 1:
    sys.excepthook = end_all
    atexit.register(end)
