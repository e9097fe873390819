"""The layers, one file each; `Layer` is the interface that they share."""

from nnfw.layers.dense import Dense
from nnfw.layers.gru import GRU
from nnfw.layers.layer import Layer
from nnfw.layers.rnn import RNN

__all__ = ["GRU", "RNN", "Dense", "Layer"]
