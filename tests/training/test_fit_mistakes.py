"""Mistakes with the data and options of fit: each is refused by name and teaches.

What the arrays themselves can have wrong stands in `test_adapters`.
"""

import numpy as np
from refusals import FLAT, NUMBERS, H, K, N, T, X, Y, fit, mistakes

from nnfw import (
    GRU,
    Dense,
    Embedding,
    Flatten,
    LambdaCallback,
    ShapeError,
)


def pairs():
    yield X, Y


# fmt: off
MISTAKES = [
    ("a second fit at once",
     lambda s: fit(s.network, callbacks=[LambdaCallback(on_fit_start=lambda run: fit(run.network))]),
     RuntimeError, "already being fitted", "wait"),
    ("other features to fit", lambda s: fit(s.network, X[..., :1]), ShapeError, "'Wx_z'", "new layer"),
    ("a class too many", lambda s: fit(s.network, y=Y + 1),
     ValueError, "y holds classes 1 to 3", "LabelEncoder"),
    ("labels", lambda s: fit(s.network, y=np.array(list("abc"))[Y]),
     TypeError, "y must be real numbers", "LabelEncoder"),
    ("labels 1 and 2", lambda s: s.fit_new(Dense(1, "sigmoid"), loss="bce", y=1 + Y % 2),
     ValueError, "y holds 1 to 2", "LabelEncoder"),
    ("labels of 1.5", lambda s: fit(s.network, y=Y + 0.5), ValueError, "y holds 0.5", "whole numbers"),
    ("one column for three outputs", lambda s: s.fit_new(Dense(3)), ShapeError, "(12, 1)", "as many units"),
    ("an axis of 1 too many", lambda s: s.fit_new(Dense(1), y=NUMBERS[:, None]),
     ShapeError, "y has shape (12, 1, 1)", "reshape it: y.reshape(12, 1)"),
    ("an axis too many for three outputs", lambda s: s.fit_new(Dense(3), y=FLAT[:, :3, None]),
     ShapeError, "y has shape (12, 3, 1)", "outputs require (12, 3); reshape it: y.reshape(12, 3)"),
    ("an axis too many for classes", lambda s: fit(s.network, y=Y[:, None, None]),
     ShapeError, "y has shape (12, 1, 1)", "reshape it: y.reshape(12,)"),
    ("a horizon of two numbers", lambda s: s.fit_new(GRU(H), Dense(2), x=X, y=X[:, :3]),
     ShapeError, "y has shape (12, 3, 2)", "Dense(6), and use y.reshape(12, 6)"),
    ("one class an image", lambda s: s.fit_new(Dense(K, "softmax"), loss="cce", x=X, y=Y),
     ShapeError, "y has shape (12,)", "Flatten() before the first Dense", "MeanPooling()"),
    ("a symbol outside of an embedding",
     lambda s: s.fit_new(Embedding(3, 4), Flatten(), Dense(1), x=np.full((N, T), 3)),
     ValueError, "Embedding(3, 4): x[0, 0] is 3", "a larger vocabulary"),
    ("fractions where lengths stand", lambda s: fit(s.network, validation_data=(X, Y, np.full(N, 0.5))),
     TypeError, "validation_data: lengths must be whole numbers", "astype(int)", "sample_weight"),
    ("a mask where lengths stand", lambda s: fit(s.network, validation_data=(X, Y, np.ones((N, T), bool))),
     TypeError, "validation_data: lengths must be whole numbers", "lengths.sum(axis=1)"),
    ("a logarithm of at least 0",
     lambda s: s.fit_new(Dense(2, "softplus"), loss="gaussian_nll", y=NUMBERS),
     ValueError, "layer 1, Dense(2): GaussianNLL requires unbounded outputs", "end with Dense(2)"),
    ("fractions where a batch has lengths", lambda s: fit(s.network, [(X, Y, np.ones(N))], None),
     TypeError, "batch 1: lengths must be whole numbers", "astype(int)", "sample_weight"),
    ("x beyond float32", lambda s: s.fit_new(Dense(1), x=FLAT.astype("d") * 1e300),
     ValueError, "beyond the largest number of float32", "StandardScaler"),
    ("y beyond float32", lambda s: s.fit_new(Dense(1), y=NUMBERS.astype("d") * 1e300),
     ValueError, "y[0, 0]", "beyond the largest number of float32"),
    ("x beyond float32 to validate on", lambda s: fit(s.network, validation_data=(X.astype("d") * 1e300, Y)),
     ValueError, "validation_data: x[0, 0, 0]", "scale"),
    ("validation of another shape", lambda s: fit(s.network, validation_data=(FLAT, Y)),
     ShapeError, "validation_data: ", "layer 1, GRU(4)"),
    ("validation without targets", lambda s: fit(s.network, validation_data=[X]),
     TypeError, "validation_data", "(x, y)"),
    ("validation of other classes", lambda s: fit(s.network, validation_data=(X, Y + 1)),
     ValueError, "validation_data: y holds classes", "LabelEncoder"),
    ("all held out", lambda s: fit(s.network, validation_split=1), ValueError, "validation_split", "[0, 1)"),
    ("a share as a count", lambda s: fit(s.network, validation_split=20),
     ValueError, "validation_split", "[0, 1)"),
    ("a share in words", lambda s: fit(s.network, validation_split="0.1"),
     TypeError, "validation_split", "number"),
    ("a share that leaves a class out", lambda s: fit(s.network, validation_split=0.9),
     ValueError, "hold", "class"),
    ("both ways to validate", lambda s: fit(s.network, validation_data=(X, Y), validation_split=0.1),
     ValueError, "validation_data or validation_split", "not both"),
    ("no epochs", lambda s: fit(s.network, epochs=0), ValueError, "fit: epochs", "at least 1"),
    ("negative epochs", lambda s: fit(s.network, epochs=-3),
     ValueError, "fit: epochs", "at least 1, got -3"),
    ("batches of none", lambda s: fit(s.network, batch_size=0), ValueError, "fit: batch_size", "at least 1"),
    ("batches of NaN", lambda s: fit(s.network, batch_size=np.nan),
     TypeError, "fit: batch_size", "whole number"),
    ("resume a number", lambda s: fit(s.network, resume=1), TypeError, "fit: resume", "True or False"),
    ("shuffle in words", lambda s: fit(s.network, shuffle="yes"),
     TypeError, "fit: shuffle", "True or False"),
    ("verbose -1", lambda s: fit(s.network, verbose=-1), ValueError, "verbose", "0 (silent)"),
    ("verbose None", lambda s: fit(s.network, verbose=None), ValueError, "verbose", "0 (silent)"),
    ("a function that yields batches", lambda s: fit(s.network, pairs, None),
     TypeError, "a generator of batches is exhausted after one epoch", "__iter__"),
    ("a place for epochs", lambda s: s.network.fit(X, Y, 3),
     TypeError, "fit takes x, y by position", "all others by name, such as epochs=...;"),
    ("an argument of scikit-learn", lambda s: fit(s.network, max_iter=3),
     TypeError, "'max_iter'", "nnfw calls it epochs"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
