"""Where a fit stands: what it must know, beyond the network, to go on as if it had never been interrupted."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfw.model import Model
from nnfw.training.sampler import Plan

if TYPE_CHECKING:
    from nnfw.training.callbacks import Callback
    from nnfw.training.evaluation import Means


Memories = dict[str, dict[str, Any]]  # what callbacks remember, by label and attribute


class Standing:
    """How far the last fit of a network has come; the network keeps it, and its file too.

    Parameters
    ----------
    start : int
        Epochs in the history before the fit.
    plan : Plan
        What an epoch is cut into.

    Attributes
    ----------
    batches : int or None
        Batches of an epoch, once it has been counted.
    batch : int
        Batches that are done of an epoch that is not; else 0.
    window : int
        Windows that are done of a truncated batch that is not; else 0.
    state : list or None
        What the last of these windows ended with, and the next begins with: see `Network.final_state`.
    shuffle : dict or None
        The state that the stream "shuffle" had before that epoch's order was drawn.
    means : Means or None
        The sums over these batches and windows.
    stopped : str
        Why a callback ended the fit early, or an empty string; it is not trained further then.
    memories : dict
        What the callbacks remember.
    """

    def __init__(self, start: int, plan: Plan) -> None:
        self.start, self.plan, self.stopped = start, plan, ""
        self._kept: Memories = {}
        self._asked: list[tuple[str, Callback]] = []
        self.batches: int | None = None
        self.batch = self.window = 0
        self.state: Any = None
        self.shuffle: Any = None
        self.means: Means | None = None

    # ---- within an epoch ----------------------------------------------------------------------------

    def begin_epoch(self, stream: np.random.Generator, means: "Means") -> "Means":
        """Return the means of the epoch to train: the new ones, or those of an epoch that is begun already.

        The stream is brought to where it was before that epoch's order was drawn.
        """
        if self.means is None:
            self.shuffle, self.means = stream.bit_generator.state, means
        stream.bit_generator.state = self.shuffle
        return self.means

    def advance(self, state: Any) -> None:
        """Count a step: a batch, or a window of one that goes on from this `state`."""
        if state is None:
            self.batch, self.window, self.state = self.batch + 1, 0, None
        else:
            self.window += 1
            self.state = over_layers(state, np.copy)  # a layer may write its next one into the same memory

    def end_epoch(self, batches: int | None) -> None:
        """Forget the epoch, which is in the history, but for the number of its batches."""
        self.batches, self.batch, self.shuffle, self.means = batches, 0, None, None

    # ---- callbacks ----------------------------------------------------------------------------------

    def ask(self, callbacks: "Sequence[Callback]") -> None:
        """Ask these callbacks from now on what they remember, until `dismiss`."""
        self._kept = {}
        self._asked = [pair for pair in zip(labels(callbacks), callbacks, strict=True) if pair[0]]

    def dismiss(self) -> None:
        """Keep what the callbacks remember, and ask them no more."""
        self.memories = self.memories

    @property
    def memories(self) -> Memories:
        """What the callbacks remember now, or remembered when the fit ended."""
        return self._kept | {
            label: {name: getattr(callback, name) for name in callback.remembers if hasattr(callback, name)}
            for label, callback in self._asked
        }

    @memories.setter
    def memories(self, known: Memories) -> None:
        self._kept, self._asked = known, []

    def remind(self, callbacks: "Sequence[Callback]") -> None:
        """Give callbacks back what those of the same class and arguments remembered."""
        for label, callback in zip(labels(callbacks), callbacks, strict=True):
            for name, value in self.memories.get(label, {}).items():
                if name in callback.remembers:
                    setattr(callback, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Copy what is remembered, not who remembers it."""
        return vars(self) | {"_kept": self.memories, "_asked": []}


def over_layers(state: Any, change: Callable[[Any], Any]) -> Any:
    """Return a state with that of each layer changed; a network's is a list, and None where there is none.

    Examples
    --------
    >>> over_layers([np.ones(1), None, [np.zeros(1)]], lambda one: one + 1)
    [array([2.]), None, [array([1.])]]
    """
    if isinstance(state, list):
        return [over_layers(part, change) for part in state]
    return None if state is None else change(state)


def labels(callbacks: "Sequence[Callback]") -> list[str]:
    """Return a name for each callback that remembers something: its class and arguments, and which it is.

    Examples
    --------
    >>> from nnfw import CSVLogger, EarlyStopping
    >>> labels([EarlyStopping(patience=3), CSVLogger("log.csv"), EarlyStopping(patience=3)])
    ['1. EarlyStopping(patience=3)', '', '2. EarlyStopping(patience=3)']
    """
    shown = [repr(callback) if callback.remembers else "" for callback in callbacks]
    return [one and f"{shown[: i + 1].count(one)}. {one}" for i, one in enumerate(shown)]


def open_standing(network: Model, plan: Plan, resume: bool) -> Standing:
    """Return where a fit begins: at the end of the history, or where the one that it resumes stands.

    Raises
    ------
    ValueError
        If that one was on other data, or took them otherwise.
    """
    known = network._training_state
    if known is None or not resume:
        return Standing(len(network.history.epoch), plan)
    if known.plan != plan:
        raise ValueError(
            f"fit: resume=True goes on with a fit on {known.plan}, but this one is on {plan}; "
            f"leave resume out to begin a new fit"
        )
    return known
