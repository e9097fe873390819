"""Data preparation: labels, texts, splits, scaling, sequences and batches.

No function modifies its arguments, which may be read-only, non-contiguous or memory-mapped. The same seed
gives the same data.
"""

from nnfw.data.missing import Gaps, Impute
from nnfw.data.preparation import LabelEncoder, MinMaxScaler, Preparation, Scaler, StandardScaler, one_hot
from nnfw.data.samples import batches, gather_by_length, split_indices, train_test_split
from nnfw.data.sequences import pad_sequences, sliding_windows
from nnfw.data.vocabulary import Vocabulary

__all__ = [
    "Gaps", "Impute", "LabelEncoder", "MinMaxScaler", "Preparation", "Scaler", "StandardScaler", "Vocabulary",
    "batches", "gather_by_length", "one_hot", "pad_sequences", "sliding_windows", "split_indices",
    "train_test_split",
]  # fmt: skip
