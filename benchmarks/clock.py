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
    return in_turn({"": call}, budget, fewest)[""]


def in_turn(calls: dict[str, Callable[[], Any]], budget: float, fewest: int) -> dict[str, list[float]]:
    """Return the times of single calls by name. They take turns, so that a slow moment meets them all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    done, end = 0, time.perf_counter() + budget
    while done < fewest or time.perf_counter() < end:
        for name, call in calls.items():
            times[name].append(once(call))
        done += 1
    return times


def once(call: Callable[[], Any]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
