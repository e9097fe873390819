"""Pictures of a training: learning curves, schedules, confusion matrices, and any curves side by side.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows, and saves it if it gets a path.
pyplot is never involved, so no display is needed, no backend is chosen and no figure stays open.
"""

from nnfw.plots.confusion import confusion_matrix
from nnfw.plots.curves import lines, schedule
from nnfw.plots.drawing import COLOURS
from nnfw.plots.learning import history
from nnfw.plots.sheet import FORMATS, STYLE, Target

__all__ = ["COLOURS", "FORMATS", "STYLE", "Target", "confusion_matrix", "history", "lines", "schedule"]
