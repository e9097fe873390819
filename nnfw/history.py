"""The history of a training run: for each quantity, a list with one value per epoch."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from nnfw import plots
from nnfw.core import notebook
from nnfw.core.files import write_csv
from nnfw.core.suggest import nearest
from nnfw.core.typing import Figure, FilePath
from nnfw.plots.learning import marked


class History(dict[str, list[float]]):
    """Loss, metrics and learning rate by epoch; further calls of `fit` extend it.

    ``history["loss"]``, ``["val_loss"]``, ``["accuracy"]``, ``["learning_rate"]`` ... are lists of the length
    of `epoch`. A quantity that was not measured in an epoch (such as without validation data) is NaN there.

    Attributes
    ----------
    epoch : list of int
        The numbers of the epochs, from 1.
    validation : str
        A description of how the validation data of the last `fit` were chosen.
    restored : int or None
        The epoch whose weights `EarlyStopping` restored at the end of the last `fit`, if it did.

    Examples
    --------
    >>> history = History()
    >>> history.append({"loss": 0.5})
    >>> history.append({"loss": 0.25, "val_loss": 0.3})
    >>> history.epoch, history["loss"], history["val_loss"]
    ([1, 2], [0.5, 0.25], [nan, 0.3])
    >>> history
    <History, 2 epochs; last: loss 0.25, val_loss 0.3; lowest loss: epoch 2>
    """

    restored: int | None = None

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.validation = "none"

    def __missing__(self, name: str) -> NoReturn:
        if str(name).startswith("val_") and name[4:] in self:
            raise KeyError(f"no {name!r}; pass validation_data or validation_split to fit")
        known = ", ".join(self) or "none yet: see fit"
        raise KeyError(f"no {name!r:.80} was measured.{nearest(str(name), self)} There are {known}")

    if not TYPE_CHECKING:  # else type checkers would accept any name

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"History has no {name!r}; it is a dict itself: history['loss']")

    def __repr__(self) -> str:
        """Show the last epoch, and the one that `plots.history` marks."""
        if not (self and self.epoch):
            return "<History, no epoch>"
        shown = f"{len(self.epoch)} epoch{'s' * (len(self.epoch) > 1)}; last: {self._describe(-1)}"
        if mark := marked(self):
            which, index = mark
            described = f", {self._describe(index)}" if index + 1 < len(self.epoch) else ""  # said above
            shown += f"; {which}: epoch {self.epoch[index]}{described}"
        return f"<History, {shown}>"

    def _repr_html_(self) -> str:
        """Show the first and the last epoch in a notebook, and the one that `plots.history` marks."""
        if not (self and self.epoch):
            return notebook.table([("epoch",)], "no epoch")
        shown = {f"epoch {self.epoch[0]}": 0, f"epoch {self.epoch[-1]}": -1}
        if mark := marked(self):
            shown[f"{mark[0]}: epoch {self.epoch[mark[1]]}"] = mark[1]
        rows = [
            (name, *("" if math.isnan(values[index]) else f"{values[index]:.4g}" for index in shown.values()))
            for name, values in self.items()
        ]
        return notebook.table([("", *shown), *rows])

    def _describe(self, index: int) -> str:
        row = {name: values[index] for name, values in self.items()}
        return describe({name: value for name, value in row.items() if not math.isnan(value)})

    def append(self, logs: Mapping[str, float]) -> None:
        """Add one epoch."""
        for name in {**self, **logs}:
            if name not in self:
                self[name] = [math.nan] * len(self.epoch)
            self[name].append(logs.get(name, math.nan))
        self.epoch.append(len(self.epoch) + 1)
        self.restored = None

    def plot(self, path: FilePath | None = None) -> "Figure":
        """Plot the learning curves, and save them if a path is given; see `nnfw.plots.history`."""
        return plots.history(self, path)

    def to_csv(self, path: FilePath) -> None:
        """Write one row per epoch, with a header; an existing file is replaced."""
        write_csv(path, [["epoch", *self], *zip(self.epoch, *self.values(), strict=True)])


def describe(logs: Mapping[str, float]) -> str:
    """Return the numbers of an epoch in one line: ``loss 0.1235, rate 0.001``."""
    shown = ((name if name != "learning_rate" else "rate", value) for name, value in logs.items())
    return ", ".join(f"{name} {value:.4g}" for name, value in shown)
