"""The report of what was found before a long fit."""

import math
from dataclasses import dataclass, field

from nnfw.arrays import Array


@dataclass
class Report:
    """What `Network.check` has found; it prints as a page, the warnings last.

    Attributes
    ----------
    layers : str
        The layers with their shapes, as `Network.summary` shows them.
    data : str
        The forms of x and y, and what the outputs make of them.
    classes : dict of int to int
        The targets of each class among the samples looked at; empty if targets are numbers.
    scale : dict of str to ndarray (D,)
        Each feature's ``mean``, ``std``, ``low`` and ``high``; empty if x holds indices.
    loss : float
        The loss as the network is.
    chance, lowest : float
        What the loss would be of outputs that know nothing, and of outputs that are the targets, without the
        penalties of regularizers. Who knows nothing gives each class the same chance (log K for cce, log 2
        for bce), and of numbers the mean (their variance for mse).
    gradients : dict of str to float
        The norm of each layer's gradient.
    left : float
        The share of one batch's loss above the lowest that is left after `steps` steps on it alone.
    steps : int
        How many these were, until a tenth was left or there were to be no more.
    warnings : list of str
        What looks wrong, each with its remedy.
    """

    layers: str
    data: str
    classes: dict[int, int] = field(default_factory=dict)
    scale: dict[str, Array] = field(default_factory=dict)
    loss: float = math.nan
    chance: float = math.nan
    lowest: float = math.nan
    gradients: dict[str, float] = field(default_factory=dict)
    left: float = math.nan
    steps: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is nothing to warn of."""
        return not self.warnings

    def __str__(self) -> str:
        """Return the page."""
        lines = [self.layers, "", f"data       {self.data}"]
        if self.classes:
            counts = list(self.classes.values())
            lines.append(f"classes    {len(counts)}, with {min(counts)} to {max(counts)} of the targets each")
        if self.scale:
            mean, std, low, high = (self.scale[name] for name in ("mean", "std", "low", "high"))
            values = f"values {low.min():.3g} to {high.max():.3g}"
            lines.append(
                f"features   means {mean.min():.3g} to {mean.max():.3g}, "
                f"spreads {std.min():.3g} to {std.max():.3g}, {values}"
            )
        lowest = round(self.lowest, 9)  # the rounding of perfect outputs is no part of it
        lines.append(
            f"loss       {self.loss:.3g}; knowing nothing gives {self.chance:.3g}, perfect outputs "
            f"{lowest:.3g}"
        )
        if self.gradients:
            norms = ", ".join(f"{name} {norm:.2g}" for name, norm in self.gradients.items())
            lines.append(f"gradients  {norms}")
            lines.append(
                f"one batch  after {self.steps} steps on it alone, {self.left:.1%} of its loss is left"
            )
        verdict = [f"! {warning}" for warning in self.warnings] or ["nothing to warn of"]
        return "\n".join([*lines, "", *verdict])
