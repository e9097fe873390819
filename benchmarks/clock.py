"""The clock: how long a call takes."""

import statistics
import time
from collections.abc import Callable
from typing import Any

FEWEST = 5  # calls that are timed, however long they take


def seconds(call: Callable[[], Any], budget: float) -> float:
    """Return the median time of a call, over as many calls as fit into `budget` seconds, after a warm-up."""
    repeat(call, budget / 4, 2)
    return statistics.median(repeat(call, budget, FEWEST))


def repeat(call: Callable[[], Any], budget: float, fewest: int) -> list[float]:
    """Return the times of the single calls."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while len(times) < fewest or time.perf_counter() < end:
        times.append(once(call))
    return times


def once(call: Callable[[], Any]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
