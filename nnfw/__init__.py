"""nnfw: a minimal sequential neural-network framework on NumPy."""

from nnfw import (
    activations,
    data,
    datasets,
    generation,
    gradcheck,
    initializers,
    losses,
    metrics,
    optimizers,
    plots,
    regularizers,
    saving,
    schedules,
)
from nnfw.activation import Activation
from nnfw.callbacks import Callback, CSVLogger, LambdaCallback
from nnfw.checkpoint import Checkpoint
from nnfw.errors import LoadError, NonFiniteError, ShapeError
from nnfw.history import History
from nnfw.initializer import Initializer
from nnfw.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LastStep,
    Layer,
    LayerNorm,
    MaxPooling,
    MeanPooling,
    Reshape,
)
from nnfw.loss import Loss
from nnfw.metric import Metric
from nnfw.monitors import EarlyStopping, ReduceOnPlateau
from nnfw.network import Network
from nnfw.optimizer import Optimizer
from nnfw.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
from nnfw.regularizers import Regularizer
from nnfw.schedule import Schedule

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "Bidirectional",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "History",
    "Initializer",
    "LambdaCallback",
    "LastStep",
    "Layer",
    "LayerNorm",
    "Lion",
    "LoadError",
    "Loss",
    "MaxPooling",
    "MeanPooling",
    "Metric",
    "Nadam",
    "Network",
    "NonFiniteError",
    "Optimizer",
    "RMSprop",
    "ReduceOnPlateau",
    "Regularizer",
    "Reshape",
    "Schedule",
    "ShapeError",
    "activations",
    "data",
    "datasets",
    "generation",
    "gradcheck",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "plots",
    "regularizers",
    "saving",
    "schedules",
]
