"""Plots of training, of the inner workings of a network, and of the influence of inputs on its outputs.

Each function returns a `matplotlib.figure.Figure`, which a notebook displays, and saves it if given a path.
Functions that draw a single Axes also accept an existing one, ``ax=``. The plotted network does not change.
pyplot is not used, so no display is needed, no backend is chosen and no figure stays open.
"""

from nnfw.plots.attribution import attribution
from nnfw.plots.confusion import confusion_matrix
from nnfw.plots.curves import forecast, lines, rate_test, schedule
from nnfw.plots.figure import COLOURS, FORMATS, STYLE, Target
from nnfw.plots.gates import gates
from nnfw.plots.gradients import gradient_flow, histograms
from nnfw.plots.learning import compare, history
from nnfw.plots.structure import diagram, spectrum

__all__ = [
    "COLOURS", "FORMATS", "STYLE", "Target", "attribution", "compare", "confusion_matrix", "diagram",
    "forecast", "gates", "gradient_flow", "histograms", "history", "lines", "rate_test", "schedule",
    "spectrum",
]  # fmt: skip
