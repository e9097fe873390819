"""Fits that are the same in one process and in several; run as a script, it is what each rank does.

``python ranked.py FOLDER CASE...`` fits the network of each case on this rank's shard, and writes its weights
and history to FOLDER/CASE.RANK.npz.
"""

import itertools
import sys
from pathlib import Path

import numpy as np

from nnfw import (
    GRU,
    LSTM,
    SGD,
    Adam,
    Dense,
    EarlyStopping,
    Embedding,
    LambdaCallback,
    Network,
    ReduceOnPlateau,
)
from nnfw.losses import CategoricalCrossentropy
from nnfw.regularizers import L2

N = 45  # no multiple of 2 or 4: shards differ in size
K = 3


def vectors(seed=0):
    """Return inputs (N, 4), and classes that differ much in frequency."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, 4)), rng.choice(K, size=N, p=[0.6, 0.3, 0.1])


def sequences():
    """Return sequences of 1 to 9 steps, a class for each step, and a class for each sequence."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(T, 4)) for T in rng.integers(1, 10, size=N)]
    return x, [rng.integers(K, size=len(one)) for one in x], rng.integers(K, size=N)


class Parts:
    """Batches of 8, 8 ... samples, or what one of several ranks has of them; it has no length."""

    def __init__(self, x, y, rank, ranks):
        self.x, self.y, self.rank, self.ranks = x, y, rank, ranks

    def __iter__(self):
        """Yield the batches; of the last ones rank 0 alone has samples."""
        for start in range(0, N, 8):
            ranks = self.ranks if start < 24 else 1
            part = slice(start + self.rank, min(start + 8, N), ranks)
            if self.rank < ranks:
                yield self.x[part], self.y[part]


class Samples:
    """A data set that is read by index."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, n):
        return self.x[n], self.y[n]


def dense(dtype="float64", **options):
    """Return a chain for `vectors`."""
    layers = [Dense(5, "tanh"), Dense(K, "softmax")]
    given = {"loss": "cce", "metrics": ["accuracy"], "seed": 3, "dtype": dtype}
    return Network(layers, **given | options)


def recurrent(steps=True, cell=GRU, **options):
    """Return a network for `sequences`."""
    layers = [cell(5, return_sequences=steps), Dense(K, "softmax")]
    given = {"loss": "cce", "metrics": ["accuracy"], "seed": 3, "dtype": "float64"}
    return Network(layers, **given | options)


def several_rules():
    """Return a network with a frozen layer, two optimizers, clipping by the global norm, and a penalty."""
    layers = [
        Dense(5, "tanh", trainable=False),
        Dense(5, "tanh", regularizer=L2(0.1), optimizer=SGD(0.1, momentum=0.9)),
        Dense(4, "relu"),
        Dense(K, "softmax", regularizer=L2(0.05)),
    ]
    rule = Adam(0.01, clip_global_norm=0.1)
    return Network(layers, loss="cce", optimizer=rule, metrics=["accuracy"], seed=3, dtype="float64")


def stopping(run):
    """Stop in the middle of an epoch."""
    if (run.epoch, run.batch) == (2, 3):
        run.stop("enough")


def case(network, *arrays, shard=lambda *arrays: arrays, named=(), validation=None, **options):
    """Return a network, and the arguments of its fit on shards of x, y and what is `named`."""
    x, y, *others = shard(*arrays)
    options |= dict(zip(named, others, strict=True))
    if validation is not None:
        options["validation_data"] = shard(*validation)
    return network, (x, y), {"epochs": 3, "batch_size": 8, "verbose": 0} | options


def cases(shard=lambda *arrays: arrays, rank=0, ranks=1):
    """Return by name what makes each case; without `shard` it is that of one process."""
    x, y = vectors()
    ragged, of_steps, of_ends = sequences()
    by_weights = CategoricalCrossentropy(divide_by="weights")
    rng = np.random.default_rng(9)
    weight = rng.uniform(0, 2, size=N)
    padded, lengths = rng.normal(size=(N, 6, 4)), rng.integers(0, 7, size=N)
    values = x @ rng.normal(size=(4, 2))

    def same(*arguments, **options):
        return lambda: case(*(one() if callable(one) else one for one in arguments), shard=shard, **options)

    def by_batches():
        unseen = Parts(*vectors(1), rank, ranks)
        return dense(), (Parts(x, y, rank, ranks),), {"epochs": 3, "verbose": 0, "validation_data": unseen}

    def by_index():
        return dense(), (Samples(*shard(x, y)),), {"epochs": 3, "batch_size": 7, "verbose": 0}

    def without_end():
        parts = [slice(n + rank, n + 8, ranks) for n in range(0, 40, 8)]
        data = itertools.cycle([(x[part], y[part]) for part in parts])
        return dense(), (data,), {"epochs": 3, "steps_per_epoch": 3, "verbose": 0}

    watched = [EarlyStopping(patience=8), ReduceOnPlateau("loss", patience=2, min_delta=0.05)]
    monitors = {"validation": vectors(1), "epochs": 40, "callbacks": watched}
    stop = LambdaCallback(on_batch_end=stopping)
    return {
        "float32": same(lambda: dense("float32"), x, y, validation=vectors(1)),
        "in order": same(dense, x, y, shuffle=False),
        "fewer than ranks": same(dense, x, y, batch_size=3, epochs=1),
        "held out": same(dense, x, y, validation_split=0.2, class_weight="balanced"),
        "weights": same(dense, x, y, weight, named=["sample_weight"], class_weight={0: 0, 1: 2, 2: 3}),
        "divided": same(
            lambda: dense(loss=by_weights),
            x,
            y,
            weight * (np.arange(N) % 16 < 8),  # in order, whole batches of weight 0
            named=["sample_weight"],
            batch_size=3,  # some of four ranks have no sample of a batch
            shuffle=False,
            validation_split=0.2,
        ),
        "none of rank 0": same(dense, x, y, weight * (np.arange(N) % 4 > 0), named=["sample_weight"]),
        "none of rank 0 to validate on": same(
            recurrent,
            padded,
            rng.integers(K, size=(N, 6)),
            validation=(padded, rng.integers(K, size=(N, 6)), lengths * (np.arange(N) % 2), weight),
        ),
        "divided steps": same(
            lambda: recurrent(loss=by_weights), ragged, of_steps, class_weight={0: 0, 1: 0.5, 2: 7.0}
        ),
        "numbers": same(
            lambda: Network([Dense(2)], metrics=["r2", "rmse"], seed=1, dtype="float64"), x, values
        ),
        "rules": same(several_rules, x, y, validation=vectors(1)),
        "monitors": same(lambda: dense(optimizer=Adam(0.1)), x, y, **monitors),
        "stopped": same(dense, x, y, callbacks=[stop]),
        "batches": by_batches,
        "by index": by_index,
        "without end": without_end,
        "ends": same(lambda: recurrent(steps=False), ragged, of_ends, validation_split=0.2),
        "steps": same(recurrent, ragged, of_steps, validation_split=0.2, class_weight="balanced"),
        "lengths": same(
            recurrent,
            padded,
            rng.integers(K, size=(N, 6)),
            lengths,
            named=["lengths"],
            class_weight="balanced",
        ),
        "buckets": same(recurrent, ragged, of_steps, bucket=True),
        "windows": same(lambda: recurrent(cell=LSTM), ragged, of_steps, truncate=4),
        "indices": same(
            lambda: Network(
                [Embedding(7, 3), GRU(4), Dense(K, "softmax")], loss="cce", seed=1, dtype="float64"
            ),
            [rng.integers(7, size=len(one)) for one in ragged],
            of_ends,
        ),
    }


def result(network, history):
    """Return what a fit has led to as arrays by name."""
    return {"weights": network.flat_params} | {name: np.array(values) for name, values in history.items()}


if __name__ == "__main__":
    from nnfw.distributed import DataParallel, rank, ranks, shard

    folder, *names = sys.argv[1:]
    known = cases(shard, rank, ranks)
    for name in names:
        network, data, options = known[name]()
        callbacks = [*options.pop("callbacks", ()), DataParallel()]
        history = network.fit(*data, callbacks=callbacks, **options)
        np.savez(Path(folder, f"{name}.{rank}.npz"), **result(network, history))
