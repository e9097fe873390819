"""nnfw: a minimal sequential neural-network framework on NumPy."""

from functools import partial
from typing import TYPE_CHECKING

from nnfw import (
    activations,
    data,
    datasets,
    experiments,
    explain,
    generation,
    gradcheck,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    plots,
    regularizers,
    saving,
    schedules,
)
from nnfw.activations import Activation
from nnfw.core.errors import LoadError, NonFiniteError, ShapeError
from nnfw.core.suggest import explain_import, public_modules
from nnfw.core.version import __version__ as __version__
from nnfw.experiments import find_rate, repeat
from nnfw.history import History
from nnfw.initializers import Initializer
from nnfw.kernels import set_blas_threads, set_kernels, show_config
from nnfw.layers import *  # noqa: F403 (the layers, as listed there)
from nnfw.losses import Loss
from nnfw.metrics import Metric
from nnfw.network import Network
from nnfw.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, Optimizer, RMSprop
from nnfw.plots import compare
from nnfw.regularizers import Regularizer
from nnfw.saving.checkpoint import Checkpoint
from nnfw.schedules import Schedule
from nnfw.training.callbacks import Callback, CSVLogger, LambdaCallback
from nnfw.training.live import LivePlot
from nnfw.training.monitors import EarlyStopping, ReduceOnPlateau
from nnfw.training.tensorboard import TensorBoard

__all__ = [
    "SGD", "Activation", "Adagrad", "Adam", "AdamW", "CSVLogger", "Callback", "Checkpoint", "EarlyStopping",
    "History", "Initializer", "LambdaCallback", "Lion", "LivePlot", "LoadError", "Loss", "Metric", "Nadam",
    "Network", "NonFiniteError", "Optimizer", "RMSprop", "ReduceOnPlateau", "Regularizer", "Schedule",
    "ShapeError", "TensorBoard", "activations", "compare", "data", "datasets", "experiments", "explain",
    "find_rate", "generation", "gradcheck", "initializers", "kernels", "layers", "losses", "metrics",
    "optimizers", "plots", "regularizers", "repeat", "saving", "schedules", "set_blas_threads",
    "set_kernels", "show_config",
]  # fmt: skip
__all__ += layers.__all__

if not TYPE_CHECKING:  # else every name would pass for one of the package
    for _one in public_modules():  # each answers for a name of another library with nnfw's
        _one.__getattr__ = partial(explain_import, _one)
        _one.__dir__ = _one.__all__.copy  # for completion
