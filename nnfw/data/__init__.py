"""Preparing data: labels, texts, splits, scales, sequences and batches.

Nothing here changes its arguments, which may be read-only, non-contiguous or memory-mapped. The same seed
gives the same data.
"""

from nnfw.data.batching import batches, gather_by_length
from nnfw.data.labels import LabelEncoder, one_hot
from nnfw.data.preparation import Preparation
from nnfw.data.scalers import MinMaxScaler, Scaler, StandardScaler
from nnfw.data.sequences import pad_sequences, sliding_windows
from nnfw.data.splits import split_indices, train_test_split
from nnfw.data.vocabulary import Vocabulary

__all__ = [
    "LabelEncoder", "MinMaxScaler", "Preparation", "Scaler", "StandardScaler", "Vocabulary", "batches",
    "gather_by_length", "one_hot", "pad_sequences", "sliding_windows", "split_indices", "train_test_split",
]  # fmt: skip
