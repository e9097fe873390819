"""nnfw: a minimal sequential neural-network framework on NumPy."""

from nnfw import schedules
from nnfw.activation import Activation
from nnfw.callbacks import Callback, CSVLogger, EarlyStopping, LambdaCallback, ReduceOnPlateau
from nnfw.errors import LoadError, NonFiniteError, ShapeError
from nnfw.history import History
from nnfw.initializers import Initializer
from nnfw.layers import GRU, RNN, Dense, Layer
from nnfw.loss import Loss
from nnfw.metric import Metric
from nnfw.network import Network
from nnfw.optimizer import Optimizer
from nnfw.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
from nnfw.schedule import Schedule

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "RNN",
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "CSVLogger",
    "Callback",
    "Dense",
    "EarlyStopping",
    "History",
    "Initializer",
    "LambdaCallback",
    "Layer",
    "Lion",
    "LoadError",
    "Loss",
    "Metric",
    "Nadam",
    "Network",
    "NonFiniteError",
    "Optimizer",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "ShapeError",
    "schedules",
]
