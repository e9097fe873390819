"""The methods of a callback: each one that is meant to be called is, and with what it expects."""

import inspect
from collections.abc import Callable
from typing import Any

from nnfw.callbacks import Callback
from nnfw.names import translation

MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]
NOT_THE_RUN = ("epoch", "batch", "logs")  # what other libraries give to the methods of the same names


def check_moments(callback: Callback) -> None:
    """Raise a TypeError for a method that would never be called, or not with what it expects."""
    kind = type(callback)
    for name in dir(kind):
        if name.startswith("on_") and name not in MOMENTS and callable(getattr(kind, name)):
            raise TypeError(
                f"{kind.__name__}.{name} is never called{translation(name, MOMENTS)} A callback has: "
                f"{', '.join(MOMENTS)}, each given the run"
            )
    for name in MOMENTS:
        function = getattr(callback, name)
        if not takes_the_run(function):
            raise TypeError(
                f"{kind.__name__}.{name} is called with the run alone, as {name}(run), but it takes "
                f"{inspect.signature(function)}; the run has all of it: run.epoch, run.batch, run.logs"
            )


def takes_the_run(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with the run alone, and does not take it for something else."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have none
        return True
    try:
        given = signature.bind(None).arguments
    except TypeError:
        return False
    return next(iter(given)) not in NOT_THE_RUN
