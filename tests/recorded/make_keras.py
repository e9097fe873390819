"""Record models of Keras 3: ``KERAS_BACKEND=jax python tests/recorded/make_keras.py``.

A case is a model that a network of nnfw has to reproduce: the file of Keras, keras_<case>, and in keras.npz
the inputs x, the outputs y and the penalties of the regularizers, `losses`.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(20261129)
HERE, N, T, D, V = Path(__file__).parent, 3, 5, 4, 7
rng = np.random.default_rng(0)
arrays = {}
sequences = {"return_sequences": True, "bias_initializer": "random_normal"}


def record(case, ending, x, *parts):
    model = keras.Sequential([keras.Input(x.shape[1:], dtype=x.dtype), *parts])
    weights = [rng.normal(scale=0.5, size=w.shape) for w in model.get_weights()]
    names = [w.path for w in model.weights]
    model.set_weights([abs(w) if "variance" in name else w for w, name in zip(weights, names, strict=True)])
    losses = np.asarray(sum(model.losses, 0.0))
    arrays.update({f"{case}/x": x, f"{case}/y": np.asarray(model(x)), f"{case}/losses": losses})
    (model.save if ending == ".keras" else model.save_weights)(HERE / f"keras_{case}{ending}")


symbols = rng.integers(1, V, size=(N, T)) * (np.arange(T) < np.array([3, 5, 2])[:, None])
record(
    "masked",
    ".keras",
    symbols.astype("int32"),
    layers.Embedding(V, D, mask_zero=True),
    layers.Bidirectional(layers.GRU(3, dropout=0.1, **sequences)),
    layers.LayerNormalization(),
    layers.Dropout(0.1),
    layers.LSTM(4),
    layers.Dense(2, "tanh"),
    layers.Dense(3, "softmax"),
)
record(
    "chain",
    ".weights.h5",
    rng.normal(size=(N, T, D)).astype("float32"),
    layers.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid", **sequences),
    layers.Bidirectional(layers.LSTM(2, use_bias=False, return_sequences=True), merge_mode="sum"),
    layers.GRU(3, use_bias=False, return_sequences=True),
    layers.SimpleRNN(4, "relu"),
    keras.Sequential([layers.Dense(3, "relu"), layers.Dense(2, use_bias=False)]),
    layers.Dense(1),
)
record(
    "layers",
    ".keras",
    rng.normal(size=(N, T, D)).astype("float32"),
    layers.Dense(5, "leaky_relu", kernel_regularizer="l2", kernel_constraint="max_norm"),
    layers.GaussianNoise(0.1),
    layers.Bidirectional(
        layers.GRU(3, kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2), **sequences), merge_mode="ave"
    ),
    layers.LSTM(4, "softsign", unit_forget_bias=False, recurrent_regularizer="l1", return_sequences=True),
    layers.Dense(3, kernel_initializer=keras.initializers.RandomUniform(-0.1, 0.2), trainable=False),
    keras.Sequential([layers.Dense(4, "gelu"), layers.LayerNormalization()]),
    layers.Reshape((2, 10)),
    layers.SimpleRNN(6, go_backwards=True, recurrent_dropout=0.1),
    layers.Reshape((3, 2)),
    layers.GlobalMaxPooling1D(),
    layers.Flatten(),
    layers.Dense(1, "sigmoid", bias_initializer=keras.initializers.Constant(0.5)),
)
record(
    "images",
    ".weights.h5",
    rng.normal(size=(N, 6, 7, 2)).astype("float32"),
    layers.BatchNormalization(epsilon=0.1),
    layers.Conv2D(3, (2, 3), padding="same", activation="relu"),
    layers.MaxPooling2D(2),
    layers.Conv2D(4, 2, use_bias=False),
    layers.Flatten(),
    layers.Reshape((4, 4)),
    layers.Conv1D(3, 2, padding="causal", dilation_rate=2),
    layers.AveragePooling1D(2),
    layers.Flatten(),
    layers.Dense(1),
)
record(
    "channels",
    ".keras",
    rng.normal(size=(N, 8, 2)).astype("float32"),
    layers.Conv1D(4, 3, padding="causal", dilation_rate=2, kernel_regularizer=keras.regularizers.L2(0.01)),
    layers.BatchNormalization(momentum=0.8),
    layers.Activation("silu"),
    layers.MaxPooling1D(2, strides=1),
    layers.Reshape((7, 4, 1)),
    layers.Conv2D(2, (2, 3), (2, 1), "valid", kernel_constraint=keras.constraints.MaxNorm(0.5, [0, 1, 2])),
    layers.AveragePooling2D((1, 2), padding="valid", strides=(1, 1)),
    layers.Flatten(),
    layers.RepeatVector(3),
    layers.Dense(2, "softmax"),
)
record(
    "steps",
    ".keras",
    rng.normal(size=(N, T, D)).astype("float32"),
    layers.LSTM(3, **sequences),
    layers.TimeDistributed(layers.Dense(4, "relu", use_bias=False), name="each_step"),
    keras.Sequential([layers.TimeDistributed(layers.Dense(3, kernel_regularizer="l2"), trainable=False)]),
    layers.TimeDistributed(layers.Dense(2, "softmax")),
)
np.savez_compressed(HERE / "keras.npz", **arrays)
