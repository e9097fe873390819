"""What a training run leaves behind: one list of numbers a quantity, one number an epoch."""

import csv
import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn

from nnfw.core.suggest import nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History(dict[str, list[float]]):
    """Loss, metrics and learning rate by epoch; it goes on when `fit` is called again.

    ``history["loss"]``, ``["val_loss"]``, ``["accuracy"]``, ``["learning_rate"]`` ... are lists, as long as
    `epoch`. A quantity that an epoch did not have (no validation data in that call) is NaN there.

    Attributes
    ----------
    epoch : list of int
        The numbers of the epochs, from 1.
    validation : str
        How the validation data of the last `fit` were chosen.

    Examples
    --------
    >>> history = History()
    >>> history.append({"loss": 0.5})
    >>> history.append({"loss": 0.25, "val_loss": 0.3})
    >>> history.epoch, history["loss"], history["val_loss"]
    ([1, 2], [0.5, 0.25], [nan, 0.3])
    >>> history
    <History, 2 epochs; last: loss 0.25, val_loss 0.3>
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.validation = "none"

    def __missing__(self, name: str) -> NoReturn:
        if not self:
            raise KeyError(f"no {name!r:.80} yet: the history is empty until fit adds an epoch")
        if str(name).startswith("val_") and name[4:] in self:
            raise KeyError(f"no {name!r}; give fit validation_data or validation_split")
        raise KeyError(f"no {name!r:.80} was measured.{nearest(str(name), self)} There are {', '.join(self)}")

    if not TYPE_CHECKING:  # which would then believe any name

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"History has no {name!r}; it is itself the dict: history['loss']")

    def __repr__(self) -> str:
        """Show the last epoch, and the best: that of the lowest loss, of the validation if there is any."""
        if not (self and self.epoch):
            return "<History, no epoch>"
        count = f"{len(self.epoch)} epoch{'s' * (len(self.epoch) > 1)}"
        last = describe({name: values[-1] for name, values in self.items()})
        return f"<History, {count}; last: {last}{self._best()}>"

    def _best(self) -> str:
        name = "val_loss" if "val_loss" in self else "loss"
        numbered = zip(self.get(name, ()), self.epoch, strict=False)
        known = [(loss, epoch) for loss, epoch in numbered if math.isfinite(loss)]
        if len(known) < 2:
            return ""
        loss, epoch = min(known)
        return f"; best: {name} {loss:.4g} in epoch {epoch}"

    def append(self, logs: Mapping[str, float]) -> None:
        """Add one epoch."""
        for name in {**self, **logs}:
            values = self.setdefault(name, [float("nan")] * len(self.epoch))
            values.append(logs.get(name, float("nan")))
        self.epoch.append(len(self.epoch) + 1)

    def plot(self, path: "str | PathLike[str] | None" = None) -> "Figure":
        """Draw the learning curves, and save them if a path is given; see `nnfw.plots.history`."""
        from nnfw import plots

        return plots.history(self, path)

    def to_csv(self, path: "str | PathLike[str]") -> None:
        """Write one row an epoch, with a header."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *self])
            writer.writerows(zip(self.epoch, *self.values(), strict=True))

    def __reduce__(self) -> Any:
        return _restore, (dict(self), self.epoch, self.validation)


def describe(logs: Mapping[str, float]) -> str:
    """Return the epoch's numbers in one line.

    Examples
    --------
    >>> describe({"loss": 0.123456, "learning_rate": 0.001})
    'loss 0.1235, rate 0.001'
    """
    return ", ".join(
        f"{'rate' if name == 'learning_rate' else name} {value:.4g}" for name, value in logs.items()
    )


def _restore(values: dict[str, list[float]], epoch: list[int], validation: str) -> History:
    history = History()
    history.update(values)
    history.epoch, history.validation = epoch, validation
    return history
