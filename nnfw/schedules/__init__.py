"""The learning-rate schedules, in the words that `nnfw.schedule` explains."""

from nnfw.schedule import SCHEDULES, RateLike, Schedule
from nnfw.schedules.combining import Scaled, Sequence, Warmup
from nnfw.schedules.cycles import CosineRestarts, Triangular
from nnfw.schedules.decays import Exponential, InverseTime
from nnfw.schedules.descents import Cosine, Linear, Polynomial
from nnfw.schedules.given import Constant, Custom, get
from nnfw.schedules.peaks import Noam, OneCycle
from nnfw.schedules.steps import Piecewise, Step

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Custom",
    "Exponential",
    "InverseTime",
    "Linear",
    "Noam",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "RateLike",
    "Scaled",
    "Schedule",
    "Sequence",
    "Step",
    "Triangular",
    "Warmup",
    "get",
]
