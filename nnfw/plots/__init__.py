"""Pictures of training: learning curves, schedules, confusion matrices, and any curves in one picture.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows, and saves it if it gets a path.
pyplot is not used, so no display is needed, no backend is chosen and no figure stays open.
"""

from nnfw.plots.confusion import confusion_matrix
from nnfw.plots.curves import lines, schedule
from nnfw.plots.figure import COLOURS, FORMATS, STYLE, Target
from nnfw.plots.forecasts import forecast
from nnfw.plots.learning import history

__all__ = [
    "COLOURS",
    "FORMATS",
    "STYLE",
    "Target",
    "confusion_matrix",
    "forecast",
    "history",
    "lines",
    "schedule",
]
