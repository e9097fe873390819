"""The layers, one file each; `Layer` is the interface that they share."""

from nnfw.layers.attention import AttentionPooling, SelfAttention
from nnfw.layers.base import Layer
from nnfw.layers.bidirectional import Bidirectional
from nnfw.layers.convolution import Conv1D, Conv2D
from nnfw.layers.dense import Activate, Dense
from nnfw.layers.dropout import Dropout, GaussianNoise
from nnfw.layers.embedding import Embedding
from nnfw.layers.gru import GRU
from nnfw.layers.grud import GRUD
from nnfw.layers.lstm import LSTM
from nnfw.layers.normalization import BatchNorm, LayerNorm
from nnfw.layers.pooling import LastStep, MaxPooling, MeanPooling
from nnfw.layers.reshaping import Flatten, RepeatVector, Reshape
from nnfw.layers.residual import Residual
from nnfw.layers.rnn import RNN
from nnfw.layers.window_pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D

__all__ = [
    "GRU", "GRUD", "LSTM", "RNN", "Activate", "AttentionPooling", "AveragePooling1D", "AveragePooling2D",
    "BatchNorm", "Bidirectional", "Conv1D", "Conv2D", "Dense", "Dropout", "Embedding", "Flatten",
    "GaussianNoise", "LastStep", "Layer", "LayerNorm", "MaxPooling", "MaxPooling1D", "MaxPooling2D",
    "MeanPooling", "RepeatVector", "Reshape", "Residual", "SelfAttention",
]  # fmt: skip
