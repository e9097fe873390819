"""The training state: the data besides the network that a fit needs to resume exactly where it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from nnfw.training.sampler import Sampler
from nnfw.training.tracker import MetricTracker

Memories = dict[str, dict[str, Any]]  # the state of callbacks, by label and attribute


@dataclass(eq=False)
class TrainingState:
    """The progress of the last fit of a network, kept by the network and stored in its file."""

    start: int  # epochs in the history before the fit
    sampler: Sampler  # how each epoch is cut into batches
    stopped: str = ""  # why a callback ended the fit
    batches: int | None = None  # per epoch, once they have been counted
    batch: int = 0  # batches of the current epoch that are finished; 0 between epochs
    shuffle: Any = None  # the state of the stream "shuffle" before the order of the current epoch was drawn
    tracker: MetricTracker | None = None  # loss and metrics over the finished batches of the current epoch
    _kept: Memories = field(default_factory=dict)
    _callbacks: list[tuple[str, Any]] = field(default_factory=list)

    def begin_epoch(self, stream: np.random.Generator, tracker: MetricTracker) -> MetricTracker:
        """Return the tracker of the epoch: the new one, or that of a resumed epoch.

        The random stream is reset to its state before the order of that epoch was drawn.
        """
        if self.tracker is None:
            self.shuffle, self.tracker = stream.bit_generator.state, tracker
        stream.bit_generator.state = self.shuffle
        return self.tracker

    def end_epoch(self, batches: int | None) -> None:
        """Discard the state of the finished epoch except the number of its batches."""
        self.batches, self.batch, self.shuffle, self.tracker = batches, 0, None, None

    # ---- the state of callbacks ---------------------------------------------------------------------

    def follow(self, callbacks: Sequence[Any]) -> None:
        """Read `memories` from these callbacks from now on, until `release`."""
        self._kept = {}
        self._callbacks = [pair for pair in zip(labels(callbacks), callbacks, strict=True) if pair[0]]

    def release(self) -> None:
        """Keep the current memories of the callbacks."""
        self.memories = self.memories

    @property
    def memories(self) -> Memories:
        """The memories of the callbacks, current or from the end of the fit."""
        return self._kept | {
            label: {name: getattr(callback, name) for name in callback.remembers if hasattr(callback, name)}
            for label, callback in self._callbacks
        }

    @memories.setter
    def memories(self, memories: Memories) -> None:
        self._kept, self._callbacks = memories, []

    def restore(self, callbacks: Sequence[Any]) -> None:
        """Restore the memories of callbacks from those of the same class and arguments."""
        for label, old, callback in zip(labels(callbacks), labels(callbacks, repr), callbacks, strict=True):
            memory = self.memories.get(label, self.memories.get(old, {}))  # `old` in a file of 0.1.0
            if "best" in memory and "_best" in callback.remembers:  # in a file of an earlier version
                memory = memory | {"_best": memory["best"]}
            for name, value in memory.items():
                if name in callback.remembers:
                    setattr(callback, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Copy what is remembered, without the callbacks."""
        return vars(self) | {"_kept": self.memories, "_callbacks": []}


def labels(callbacks: Sequence[Any], name: Callable[[Any], str] = attrgetter("_identity")) -> list[str]:
    """Return a name for each callback with memories: its class, arguments and number.

    Examples
    --------
    >>> from nnfw import CSVLogger, EarlyStopping
    >>> labels([EarlyStopping(patience=3), CSVLogger("log.csv"), EarlyStopping(patience=3)])
    ['1. EarlyStopping(patience=3)', '', '2. EarlyStopping(patience=3)']
    """
    shown = [name(callback) if callback.remembers else "" for callback in callbacks]
    return [one and f"{shown[: i + 1].count(one)}. {one}" for i, one in enumerate(shown)]


def open_state(state: TrainingState | None, epochs: int, sampler: Sampler, resume: bool) -> TrainingState:
    """Return the state in which a fit begins: after all `epochs` so far, or where the resumed fit ended.

    It raises a ValueError if that fit was on other data, or sampled them differently.
    """
    if state is None or not resume:
        return TrainingState(epochs, sampler)
    if state.sampler != sampler:
        said = f"fit: resume=True continues a fit on {state.sampler}, but this one is on {sampler}"
        raise ValueError(f"{said}; omit resume to start a new fit")
    return state
