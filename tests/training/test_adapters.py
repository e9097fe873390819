"""Adapters: every form of the data trains as the canonical one, bit for bit; every mistake is refused."""

import copy
import datetime
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from alike import for_each
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Callback,
    Dense,
    EarlyStopping,
    Flatten,
    LambdaCallback,
    Layer,
    MeanPooling,
    Metric,
    Network,
    NonFiniteError,
    ShapeError,
)
from nnfw.metrics import F1, ConfusionMatrix

# ---- tasks, and what they leave behind ---------------------------------------------------------------------

N, T, D, K = 12, 5, 2, 3
RNG = np.random.default_rng(0)
FLAT = RNG.integers(0, 9, (N, 4)).astype("float32")  # small whole numbers: every numeric dtype holds them
SEQUENCES = RNG.integers(0, 9, (N, T, D)).astype("float32")
LENGTHS = np.array([3, 5, 1, 4, 2, 5, 3, 1, 4, 2, 5, 3])
CLASSES = np.tile(np.arange(K), N // K)
STEP_CLASSES = RNG.integers(0, K, (N, T))


class Task(NamedTuple):
    layers: Callable[[], list[Layer]]
    loss: str
    x: Any
    y: Any
    metrics: tuple[str | Metric, ...] = ()


TASKS = {
    "classes": Task(
        lambda: [Dense(4, "tanh"), Dense(K, "softmax")], "cce", FLAT, CLASSES, ("accuracy", F1("macro"))
    ),
    "pair": Task(lambda: [Dense(1, "sigmoid")], "bce", FLAT, (CLASSES > 0).astype("float32")[:, None]),
    "number": Task(lambda: [Dense(1)], "mse", FLAT, FLAT[:, :1] / 4, ("mae",)),
    "numbers": Task(lambda: [Dense(2)], "mse", FLAT, FLAT[:, 1:3] / 4),
    "sequence": Task(lambda: [GRU(3), Dense(K, "softmax")], "cce", SEQUENCES, CLASSES),
    "steps": Task(
        lambda: [RNN(3, return_sequences=True), Dense(K, "softmax")],
        *("cce", SEQUENCES, STEP_CLASSES, ("accuracy",)),
    ),
    "bits": Task(
        lambda: [RNN(3, return_sequences=True), Dense(1, "sigmoid")],
        *("bce", SEQUENCES, (STEP_CLASSES > 0).astype("float32")[..., None], ("accuracy",)),
    ),
    "signal": Task(
        lambda: [Dense(2, "tanh"), RNN(2, return_sequences=True)],
        *("mse", SEQUENCES, SEQUENCES[..., ::-1] / 4, ("mae",)),
    ),
}


def build(task):
    return Network(task.layers(), loss=task.loss, metrics=task.metrics, optimizer="nadam", seed=7)


def fit(network, x, y, **options):
    return network.fit(x, y, **({"batch_size": 5, "verbose": 0} | options))


def state(network):
    """All that a refusal must leave as it was, bit for bit."""
    leaves = []
    for leaf in network._leaves():
        kept = leaf._state and (
            leaf._state.rule,
            leaf._state.steps,
            leaf._state.scalars.copy(),
            {name: slot.tobytes() for name, slot in leaf._state.slots.items()},
        )
        leaves.append((leaf.flat_params.tobytes(), leaf.flat_grads.tobytes(), kept))
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    history = {name: list(values) for name, values in network.history.items()}
    rest = list(network.history.epoch), list(network.shapes), network._built, network._fitting
    return leaves, streams, history, rest


@functools.cache
def canonical(name, **options):
    """A network after an epoch on the canonical form."""
    network = build(TASKS[name])
    fit(network, TASKS[name].x, TASKS[name].y, **options)
    return network


@functools.cache
def expected(name, **options):
    """The state of a fresh network after an epoch on the canonical form."""
    return state(canonical(name, **options))


def put(array, index, value):
    """Return a copy, in float64 or the value's own type, with one value replaced."""
    array = array.astype(np.result_type(type(value), "float64"))
    array[index] = value
    return array


def as_memmap(path, array):
    array.tofile(path)
    return np.memmap(path, array.dtype, "r", shape=array.shape)


# ---- forms -------------------------------------------------------------------------------------------------


class Frame:
    """Something that NumPy can read, as data frames and tensors are."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


class Table(Frame):
    """As far as nnfw is concerned, a data frame: `len` and rows by ``iloc`` only, columns by name."""

    def __init__(self, array):
        super().__init__(array)
        self.iloc, self.shape, self.ndim = array, array.shape, array.ndim
        self.columns, self.dtypes = (), None

    def __len__(self):
        return len(self.array)

    def __getitem__(self, column):
        raise KeyError(column)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


FORMS: dict[str, Callable[[Any], Any]] = {
    "list": lambda a: a.tolist(),
    "tuple of lists": lambda a: tuple(a.tolist()),
    "list of rows": lambda a: list(a) if a.ndim == 2 else a.tolist(),
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards in memory": lambda a: a[::-1].copy()[::-1],
    "a column of a wider array": lambda a: np.repeat(a, 3, axis=-1)[..., ::3],
    "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "a view": lambda a: np.broadcast_to(a[None], (1, *a.shape))[0],
    "a buffer": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "__array__": Frame,
    "data frame": Table,
    "list of data frames": lambda a: [Table(one) for one in a] if a.ndim == 3 else Table(a),
    "masked array without a mask": np.ma.masked_array,
} | {
    f"dtype {kind}": lambda a, kind=kind: a.astype(kind)
    for kind in ("b", "B", "h", "I", "q", "Q", "float16", "float32", "float64", "longdouble")
}


def as_array(x):
    """A copy of what was given."""
    return np.array([np.array(one) for one in x] if isinstance(x, list | tuple) else x)


class TestInputs:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "name", ["sequence", *(pytest.param(name, marks=pytest.mark.slow) for name in ("classes", "signal"))]
    )
    def test_every_form_of_array(self, name, form):
        task = TASKS[name]
        x = FORMS[form](task.x)
        before = as_array(x)
        network = build(task)
        fit(network, x, task.y)
        assert state(network) == expected(name)
        np.testing.assert_array_equal(as_array(x), before)
        np.testing.assert_array_equal(network.predict(x), canonical(name).predict(task.x))
        assert network.evaluate(x, task.y) == canonical(name).evaluate(task.x, task.y)

    @pytest.mark.parametrize("name", ["classes", "sequence"])
    def test_memory_map(self, name, tmp_path):
        task = TASKS[name]
        network = build(task)
        fit(network, as_memmap(tmp_path / "x", task.x), as_memmap(tmp_path / "y", task.y))
        assert state(network) == expected(name)

    @pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", "float16", "int16"])
    def test_memory_map_of_any_dtype(self, dtype, tmp_path):
        task, network = TASKS["sequence"], build(TASKS["sequence"])
        mapped = as_memmap(tmp_path / "x", task.x.astype(dtype))
        fit(network, mapped, Table(task.y))
        assert state(network) == expected("sequence")
        np.testing.assert_array_equal(network.predict(mapped), network.predict(task.x))

    def test_booleans(self):
        networks = build(TASKS["sequence"]), build(TASKS["sequence"])
        for network, x in zip(networks, (SEQUENCES > 4, (SEQUENCES > 4).astype("float64")), strict=True):
            fit(network, x, CLASSES)
        assert state(networks[0]) == state(networks[1])

    def test_pandas(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(FLAT, index=np.arange(N)[::-1], columns=list("abcd"))
        labels = pandas.Series(CLASSES, index=list("abcdefghijkl"))
        network = build(TASKS["classes"])
        fit(network, frame, labels)
        assert state(network) == expected("classes")
        np.testing.assert_array_equal(network.predict(frame), network.predict(FLAT))

    def test_memory_map_is_read_batch_by_batch_only(self, tmp_path):
        sizes = []
        x = as_memmap(tmp_path / "x", FLAT)

        class Watched(np.memmap):
            def __getitem__(self, index):
                found = super().__getitem__(index)
                sizes.append(len(found))
                return found

        network = build(TASKS["number"])
        fit(network, x.view(Watched), FLAT[:, :1] / 4, validation_split=0.25)
        network.predict(x.view(Watched), batch_size=4)
        assert sorted(sizes) == [3, 4, 4, 4, 4, 5]
        canonical = build(TASKS["number"])
        fit(canonical, FLAT, FLAT[:, :1] / 4, validation_split=0.25)
        assert state(network) == state(canonical)

    def test_memory_map_is_not_searched_for_what_is_not_finite(self, tmp_path):
        x = put(FLAT, (N - 1, 0), np.nan)
        network = untrained(build(TASKS["number"]), *FLAT.shape[1:])
        mapped = as_memmap(tmp_path / "x", x)
        assert np.isfinite(network.predict(mapped[:-1], batch_size=3)).all()
        with pytest.raises(NonFiniteError, match=r"^predict, batch 4: the input x holds nan; fill"):
            network.predict(mapped, batch_size=3)

    @pytest.mark.parametrize("name", ["sequence", "steps", "bits", "signal"])
    @pytest.mark.slow
    def test_list_of_sequences(self, name):
        task = TASKS[name]
        canonical, ragged = build(task), build(task)
        fit(canonical, task.x, task.y, lengths=LENGTHS)
        sequences = [x[:length] for x, length in zip(task.x, LENGTHS, strict=True)]
        per_step = name != "sequence"
        targets = [y[:n] for y, n in zip(task.y, LENGTHS, strict=True)] if per_step else task.y
        fit(ragged, sequences, targets)
        assert state(ragged) == state(canonical)
        assert ragged.evaluate(tuple(sequences), targets) == canonical.evaluate(
            task.x, task.y, lengths=LENGTHS
        )
        np.testing.assert_array_equal(ragged.predict(sequences), canonical.predict(task.x, lengths=LENGTHS))

    @pytest.mark.parametrize("name", ["steps", "bits", "signal"])
    @pytest.mark.slow
    def test_list_of_targets_for_padded_inputs(self, name):
        (x, y), lengths = TASKS[name][2:4], np.minimum(LENGTHS, 3)
        padded, listed, full = (build(TASKS[name]) for _ in range(3))
        fit(padded, x, y, lengths=lengths)
        fit(listed, x, [one[:n].tolist() for one, n in zip(y, lengths, strict=True)], lengths=lengths)
        fit(full, x, y.tolist(), lengths=lengths)
        assert state(listed) == state(full) == state(padded)

    def test_list_of_targets_of_as_many_values_as_each_sequence_has_steps(self):
        lengths, rows = np.full(N, K), np.eye(K)[CLASSES]
        array, listed = (build(TASKS["sequence"]) for _ in range(2))
        fit(array, SEQUENCES, rows, lengths=lengths)
        fit(listed, SEQUENCES, list(rows), lengths=lengths)
        assert state(listed) == state(array)

    def test_list_of_equal_sequences_is_the_array(self):
        network = build(TASKS["steps"])
        fit(network, list(SEQUENCES), list(STEP_CLASSES))
        assert state(network) == expected("steps")

    @pytest.mark.parametrize("name", ["sequence", "steps", "signal"])
    @pytest.mark.slow
    def test_all_shorter_than_the_padding(self, name):
        task, lengths = TASKS[name], np.minimum(LENGTHS, 3)
        short, long = build(task), build(task)
        fit(short, task.x[:, :3], task.y if task.y.ndim == 1 else task.y[:, :3], lengths=lengths)
        fit(long, task.x, task.y, lengths=lengths)
        for a, b in zip(short._leaves(), long._leaves(), strict=True):
            np.testing.assert_allclose(a.flat_params, b.flat_params, rtol=1e-5, atol=1e-7)

    @for_each(
        "form",
        [
            list,
            tuple,
            read_only,
            lambda n: n.astype("int8"),
            lambda n: n.astype("uint64"),
            lambda n: n[::-1][::-1],
        ],
    )
    @pytest.mark.slow
    def test_forms_of_lengths(self, form):
        task = TASKS["sequence"]
        network = build(task)
        fit(network, task.x, task.y, lengths=form(LENGTHS))
        canonical = build(task)
        fit(canonical, task.x, task.y, lengths=LENGTHS)
        assert state(network) == state(canonical) != expected("sequence")

    @pytest.mark.parametrize("name", ["sequence", "steps", "bits", "signal"])
    @pytest.mark.slow
    def test_padding_may_hold_anything(self, name):
        task = TASKS[name]
        x, y = task.x.copy(), task.y.astype("float64")
        beyond = np.arange(T) >= LENGTHS[:, None]
        x[beyond] = np.nan
        if y.ndim > 1:
            y[beyond] = np.inf
        dirty, clean = build(task), build(task)
        fit(dirty, x, y, lengths=LENGTHS)
        fit(clean, task.x, task.y, lengths=LENGTHS)
        assert state(dirty) == state(clean)


def one_hot(classes):
    return np.eye(K)[classes]


WHOLE = {
    "list": lambda y: y.tolist(),
    "a column": lambda y: y[..., None],
    "one-hot": one_hot,
    "one-hot integers": lambda y: one_hot(y).astype(int),
    "one-hot booleans": lambda y: one_hot(y).astype(bool),
    "one-hot list": lambda y: one_hot(y).tolist(),
    "one-hot, not contiguous": lambda y: np.asfortranarray(one_hot(y)),
    "read-only": read_only,
    "int8": lambda y: y.astype("int8"),
    "uint8": lambda y: y.astype("uint8"),
    "uint64": lambda y: y.astype("uint64"),
    "float32": lambda y: y.astype("float32"),
    "a column of float64": lambda y: y.astype("float64")[..., None],
    "swapped bytes": lambda y: y.astype(">i4"),
    "a view": lambda a: np.broadcast_to(a[None], (1, *a.shape))[0],
    "a buffer": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "__array__": Frame,
    "data frame": Table,
    "list of data frames": lambda a: [Table(one) for one in a] if a.ndim == 3 else Table(a),
}
NUMBERS = {
    "flat": lambda y: y[..., 0],
    "flat list": lambda y: y[..., 0].tolist(),
    "list": lambda y: y.tolist(),
    "float64": lambda y: y.astype("float64"),
    "float16": lambda y: y.astype("float16"),
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "a view": lambda a: np.broadcast_to(a[None], (1, *a.shape))[0],
    "a buffer": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "__array__": Frame,
    "data frame": Table,
    "list of data frames": lambda a: [Table(one) for one in a] if a.ndim == 3 else Table(a),
}
BITS = NUMBERS | {
    "booleans": lambda y: y > 0,
    "flat booleans": lambda y: y[..., 0] > 0,
    "int64": lambda y: y.astype("int64"),
    "flat uint8": lambda y: y[..., 0].astype("uint8"),
}


class TestTargets:
    @for_each("form", WHOLE)
    @for_each("name", ["classes", "sequence", "steps"])
    def test_every_form_of_classes(self, name, form):
        network = build(TASKS[name])
        fit(network, TASKS[name].x, WHOLE[form](TASKS[name].y))
        assert state(network) == expected(name)

    @for_each(
        ("name", "form"),
        [(name, form) for name in ("pair", "bits") for form in BITS]
        + [(name, form) for name in ("number",) for form in NUMBERS]
        + [(name, form) for name in ("numbers", "signal") for form in NUMBERS if "flat" not in form],
    )
    def test_every_form_of_numbers(self, name, form):
        network = build(TASKS[name])
        fit(network, TASKS[name].x, BITS[form](TASKS[name].y))
        assert state(network) == expected(name)

    def test_as_many_steps_as_classes(self):
        x, y = SEQUENCES[:, :K], STEP_CLASSES[:, :K]
        numbers, rows = build(TASKS["steps"]), build(TASKS["steps"])
        fit(numbers, x, y)
        fit(rows, x, one_hot(y))
        assert state(numbers) == state(rows)

    def test_booleans_are_two_classes(self):
        task = Task(lambda: [Dense(2, "softmax")], "cce", FLAT, CLASSES > 0)
        by_truth, by_number = build(task), build(task)
        fit(by_truth, task.x, task.y)
        fit(by_number, task.x, task.y.astype(int))
        assert state(by_truth) == state(by_number)

    def test_data_are_left_as_they_are(self):
        task = TASKS["steps"]
        x, y, lengths = task.x.copy(), task.y.astype("float64"), LENGTHS.copy()
        x[np.arange(T) >= LENGTHS[:, None]] = np.nan
        before = x.copy(), y.copy(), lengths.copy()
        network = build(task)
        fit(network, x, y, lengths=lengths, validation_data=(x, y, lengths), sample_weight=np.ones(N))
        network.evaluate(x, y, lengths=lengths)
        network.predict(x, lengths=lengths)
        for now, then in zip((x, y, lengths), before, strict=True):
            np.testing.assert_array_equal(now, then)


# ---- mistakes ----------------------------------------------------------------------------------------------


def ragged(x):
    return [row[:n] for row, n in zip(x, LENGTHS, strict=True)]


def as_objects(items):
    """Return a NumPy array of such objects."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


class Sine(Activation):
    needs_input = True

    def __call__(self, x, out=None):
        return np.sin(x, out=out)

    def derivative(self, y, x=None, out=None):
        return np.cos(x, out=out)


class Sparse:
    """What SciPy's matrices have, which NumPy would take for a single object."""

    ndim = 2

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def toarray(self):
        return self.array

    def __len__(self):
        raise TypeError("the length of a sparse matrix is ambiguous")


NUMBERS_1, NUMBERS_2 = FLAT[:, 0] / 4, FLAT[:, :2] / 4

# What it is, the task, what is wrong, the error, and what it says: the argument, and the remedy.
# fmt: off
INPUTS = [
    ("one axis", "classes", lambda x: x[:, 0], ShapeError, "x must be", "x[..., None]"),
    ("a number", "classes", lambda x: 3.0, ShapeError, "x must be", "(samples, features)"),
    ("nothing", "classes", lambda x: None, TypeError, "x must be real numbers, got NoneType", "an array"),
    ("no samples", "classes", lambda x: x[:0], ShapeError, "x must be", "not empty"),
    ("an empty list", "classes", lambda x: [], ShapeError, "x must be", "not empty"),
    ("no features", "classes", lambda x: x[:, :0], ShapeError, "x must be", "not empty"),
    ("images", "classes", lambda x: x[:, None, None], ShapeError, "layer 1, Dense(4)", "x.reshape(len(x)"),
    ("no time", "sequence", lambda x: x[:, 0], ShapeError, "layer 1, GRU(3)", "(samples, steps, features)"),
    ("NaN", "classes", lambda x: put(x, (2, 1), np.nan), ValueError, "x[2, 1] is nan", "drop"),
    ("infinity", "sequence", lambda x: put(x, (2, 1, 0), -np.inf), ValueError, "x[2, 1, 0] is -inf", "drop"),
    ("complex", "classes", lambda x: put(x, 0, 1j), TypeError, "x must be real numbers", "complex128"),
    ("strings", "classes", lambda x: x.astype(str), TypeError, "x must be real numbers", "LabelEncoder"),
    ("bytes", "classes", lambda x: x.astype(bytes), TypeError, "x must be real numbers", "LabelEncoder"),
    ("objects", "classes", lambda x: x.astype(object), TypeError, "x must be real numbers", ".astype(float)"),
    ("a dict", "classes", lambda x: {"x": x}, TypeError, "x must be real numbers, got dict", "DataFrame"),
    ("lists of unequal length", "classes", lambda x: [[1.0, 2.0], [1.0]] * 6,
     ValueError, "x is a list", "arrays"),
    ("steps of unequal features", "sequence", lambda x: [[[1.0, 2.0], [1.0]], [[1.0, 2.0]]] * 6,
     ValueError, "x[0] is a list of unequal parts", "(T_i, D)", "x, lengths = nnfw.data.pad_sequences(...)"),
    ("later steps of unequal features", "sequence", lambda x: [*ragged(x)[1:], [[1.0, 2.0], [1.0]]],
     ValueError, "x: sequences[11] is a list of unequal parts", "(T_i, D)"),
    ("words", "classes", lambda x: np.full(x.shape, "a"), TypeError, "x must be real numbers, got <U1; nnfw.",
     "LabelEncoder"),
    ("words as objects", "classes", lambda x: np.full(x.shape, "a", object),
     TypeError, "x must be real numbers, got object; nnfw.", "LabelEncoder"),
    ("an array of sequences", "sequence", lambda x: as_objects(ragged(x)),
     TypeError, "x must be real numbers, got object; convert an array", "list of sequences by list(...)"),
    ("dates", "classes", lambda x: x.astype("datetime64[h]"),
     TypeError, "must be real numbers, got datetime64[h]; convert times to hours", "np.timedelta64(1, 'h')"),
    ("dates as objects", "classes", lambda x: np.full(x.shape, datetime.date(2024, 2, 29), object),
     TypeError, "x must be real numbers, got object; convert times to hours", "np.timedelta64(1, 'h')"),
    ("a sparse matrix", "classes", lambda x: Sparse(x), TypeError, "x is a sparse matrix", "x.toarray()"),
    ("sparse sequences", "sequence", lambda x: [*map(Sparse, x)],
     TypeError, "x[0] is a sparse matrix", "x[0].toarray()"),
    ("masked", "classes", lambda x: np.ma.masked_less(x, 3), ValueError, "x has masked values", "x.filled"),
    ("sequences of unequal features", "sequence", lambda x: [*ragged(x)[1:], x[0, :, :1]],
     ValueError, "x: ", "the same features"),
    ("NaN in a list of sequences", "sequence", lambda x: ragged(put(x, (3, 2, 1), np.nan)),
     ValueError, "x[3, 2, 1] is nan", "drop"),
]
TARGETS = [
    ("too few", "classes", lambda y: y[1:], ShapeError, "y has shape (11,)", "one row per sample"),
    ("a number", "classes", lambda y: 1, ShapeError, "y has shape ()", "one row per sample"),
    ("nothing", "classes", lambda y: None, TypeError, "y is missing", "pass targets"),
    ("none", "classes", lambda y: [], ShapeError, "y has shape (0,)", "one row per sample"),
    ("strings", "classes", lambda y: y.astype(str), TypeError, "y must be real numbers", "LabelEncoder"),
    ("complex", "number", lambda y: y * 1j, TypeError, "y must be real numbers", "real"),
    ("objects", "classes", lambda y: y.astype(object), TypeError, "y must be real numbers", ".astype(float)"),
    ("words", "classes", lambda y: y.astype(str).astype(object) + "a",
     TypeError, "y must be real numbers, got object; nnfw.", "LabelEncoder"),
    ("a sparse matrix", "classes", lambda y: Sparse(np.eye(3)[y]),
     TypeError, "y is a sparse matrix", "y.toarray()"),
    ("unequal lists", "steps", lambda y: [[1], [0, 1]] * 6, ValueError, "y is a list", "list of arrays"),
    ("a class too many", "classes", lambda y: y + 1, ValueError, "y holds classes 1 to 3", "LabelEncoder"),
    ("a negative class", "classes", lambda y: y - 1, ValueError, "y holds classes -1 to 1", "LabelEncoder"),
    ("half a class", "classes", lambda y: y + 0.5, ValueError, "y holds 0.5", "whole numbers from 0 to 2"),
    ("a class that is NaN", "classes", lambda y: put(y, 3, np.nan), ValueError, "y[3] is nan", "drop"),
    ("a class that is infinite", "steps", lambda y: put(y, (3, 1), np.inf),
     ValueError, "y[3, 1] is inf", "drop"),
    ("a negative step", "steps", lambda y: -y, ValueError, "y holds classes -2 to 0", "LabelEncoder"),
    ("an unknown step", "steps", lambda y: np.where(y > 1, -100, y),
     ValueError, "y holds classes -100 to 1", "where the class is unknown put any, with sample_weight=0"),
    ("two classes a sample", "classes", lambda y: one_hot(y) + one_hot(0), ValueError, "those of y", "'bce'"),
    ("negative shares", "classes", lambda y: 2 * one_hot(y) - 1 / 3, ValueError, "y holds -0.3", "0 to inf"),
    ("a column too many", "classes", lambda y: np.eye(4)[y], ShapeError, "y has shape (12, 4)", "units as y"),
    ("labels 1 and 2", "pair", lambda y: y + 1, ValueError, "y holds 1 to 2", "LabelEncoder"),
    ("labels -1 and 1", "pair", lambda y: 2 * y - 1, ValueError, "y holds -1 to 1", "LabelEncoder"),
    ("NaN", "number", lambda y: put(y, (4, 0), np.nan), ValueError, "y[4, 0] is nan", "sample_weight=0"),
    ("infinity", "signal", lambda y: put(y, (4, 1, 0), np.inf), ValueError, "y[4, 1, 0] is inf", "drop"),
    ("one column for two", "numbers", lambda y: y[:, :1] + 0.5,
     ShapeError, "y has shape (12, 1)", "has columns, 1"),
    ("classes as numbers", "numbers", lambda y: CLASSES, ShapeError, "y has shape (12,)", "loss='cce'"),
    ("two columns for one", "number", lambda y: np.hstack([y, y]),
     ShapeError, "y has shape (12, 2)", "columns, 2"),
    ("transposed", "numbers", lambda y: y.T, ShapeError, "y has shape (2, 12)", "one row per sample"),
    ("one for each step", "sequence", lambda y: STEP_CLASSES, ShapeError,
     "y has shape (12, 5)", "return_sequences=True"),
    ("one for each sequence", "steps", lambda y: CLASSES, ShapeError,
     "y has shape (12,)", "return_sequences=False"),
    ("one-hot rows for each sequence", "steps", lambda y: np.eye(K)[CLASSES], ShapeError,
     "y has shape (12, 3)", "return_sequences=False"),
    ("padded to other steps than x", "steps", lambda y: np.pad(y, ((0, 0), (0, 2))), ShapeError,
     "y has shape (12, 7)", "each of the 5 steps"),
    ("too few steps", "signal", lambda y: y[:, 1:],
     ShapeError, "y has shape (12, 4, 2)", "each of the 5 steps"),
    ("an axis too many", "number", lambda y: y[:, None],
     ShapeError, "y has shape (12, 1, 1)", "reshape it: y.reshape(12, 1)"),
    ("an axis too many for two", "numbers", lambda y: y[..., None],
     ShapeError, "y has shape (12, 2, 1)", "reshape it: y.reshape(12, 2)"),
    ("an axis too many for classes", "classes", lambda y: y[:, None, None],
     ShapeError, "y has shape (12, 1, 1)", "reshape it: y.reshape(12,)"),
    ("an axis too many for steps", "steps", lambda y: y[:, None],
     ShapeError, "y has shape (12, 1, 5)", "reshape it: y.reshape(12, 5)"),
    ("steps flattened", "signal", lambda y: y.reshape(N, -1),
     ShapeError, "y has shape (12, 10)", "reshape it: y.reshape(12, 5, 2)"),
    ("several rows for one", "numbers", lambda y: np.stack([y, y, y], axis=1),
     ShapeError, "y has shape (12, 3, 2)", "Dense(6), and use y.reshape(12, 6)"),
]
LENGTHS_GIVEN = [
    ("negative", "sequence", lambda n: -n, ValueError, "lengths must lie in 0 to 5", "-5 to -1"),
    ("too long", "steps", lambda n: n + 1, ValueError, "lengths must lie in 0 to 5", "2 to 6"),
    ("floats", "sequence", lambda n: n * 1.0, TypeError, "lengths must be whole numbers", "astype(int)"),
    ("booleans", "sequence", lambda n: n > 2, TypeError, "must be whole numbers", "lengths.sum(axis=1)"),
    ("strings", "sequence", lambda n: n.astype(str), TypeError, "lengths must be real", "number"),
    ("too few", "steps", lambda n: n[1:], ShapeError, "x: lengths must be 12 whole numbers", "(11,)"),
    ("a number", "sequence", lambda n: 3, ShapeError, "x: lengths must be 12 whole numbers", "()"),
    ("a column", "sequence", lambda n: n[:, None], ShapeError, "x: lengths must be 12", "(12, 1)"),
    ("x of two axes", "classes", lambda n: n,
     ShapeError, "lengths require x of shape (samples, steps", "4th in validation_data"),
]
OPTIONS = [
    ("no epochs", "classes", {"epochs": 0}, ValueError, "epochs", "at least 1"),
    ("negative epochs", "classes", {"epochs": -3}, ValueError, "epochs", "at least 1"),
    ("epochs true", "classes", {"epochs": True}, TypeError, "epochs", "whole number"),
    ("half an epoch", "classes", {"epochs": 0.5}, TypeError, "epochs", "whole number"),
    ("epochs a string", "classes", {"epochs": "3"}, TypeError, "epochs", "whole number"),
    ("batches of none", "classes", {"batch_size": 0}, ValueError, "batch_size", "at least 1"),
    ("negative batches", "classes", {"batch_size": -1}, ValueError, "batch_size", "at least 1"),
    ("batches of a float", "classes", {"batch_size": 32.0}, TypeError, "batch_size", "whole number"),
    ("batches true", "classes", {"batch_size": True}, TypeError, "batch_size", "whole number"),
    ("no batch size", "classes", {"batch_size": None}, TypeError, "batch_size", "whole number"),
    ("all held out", "classes", {"validation_split": 1.0}, ValueError, "validation_split", "[0, 1)"),
    ("a negative share", "classes", {"validation_split": -0.1}, ValueError, "validation_split", "[0, 1)"),
    ("a share of NaN", "classes", {"validation_split": np.nan}, ValueError, "validation_split", "[0, 1)"),
    ("a share true", "classes", {"validation_split": True}, TypeError, "validation_split", "number"),
    ("both validations", "classes", {"validation_split": 0.1, "validation_data": (FLAT, CLASSES)},
     ValueError, "validation_data or validation_split", "not both"),
    ("an unknown split", "classes", {"validation_split": 0.2, "split": "last"},
     ValueError, "split", "'tail'"),
    ("an unknown split of nothing", "classes", {"split": "Random"}, ValueError, "split", "'random'"),
    ("classes of numbers", "number", {"validation_split": 0.2, "split": "stratified"},
     ValueError, "split='stratified'", "use 'random'"),
    ("a share that takes whole classes", "classes", {"validation_split": 0.9}, ValueError, "hold", "class"),
    ("validation data alone", "classes", {"validation_data": FLAT}, TypeError, "validation_data", "(x, y)"),
    ("validation data of five", "classes", {"validation_data": (1, 2, 3, 4, 5)}, TypeError,
     "validation_data", "(x, y, lengths)"),
    ("validation data of other features", "classes", {"validation_data": (FLAT[:, 1:], CLASSES)},
     ShapeError, "validation_data: ", "features"),
    ("validation data without a time axis", "bits", {"validation_data": (FLAT, FLAT[:, :1])},
     ShapeError, "validation_data: ", "(samples, steps, features)"),
    ("shuffle a number", "classes", {"shuffle": 1}, TypeError, "shuffle", "True or False"),
    ("verbose 3", "classes", {"verbose": 3}, ValueError, "verbose", "2 (one line per epoch)"),
    ("verbose a word", "classes", {"verbose": "quiet"}, ValueError, "verbose", "0 (silent)"),
    ("callbacks that are none", "classes", {"callbacks": [print]},
     TypeError, "callbacks", "Callback objects"),
    ("a callback alone", "classes", {"callbacks": EarlyStopping()}, TypeError, "callbacks", "a list"),
    ("a callback's class", "classes", {"callbacks": [EarlyStopping]},
     TypeError, "callbacks", "EarlyStopping(...)"),
    ("another's argument", "classes", {"nb_epoch": 3}, TypeError, "'nb_epoch'", "Did you mean 'epochs'"),
    ("a slip", "classes", {"verbos": 3}, TypeError, "'verbos'", "It takes: x, y, epochs, batch_size"),
    ("weights in a column", "classes", {"sample_weight": np.ones((N, 1))},
     ShapeError, "sample_weight", "(12,)"),
    ("too few weights", "classes", {"sample_weight": np.ones(N - 1)}, ShapeError, "sample_weight", "(12,)"),
    ("weights of zero", "classes", {"sample_weight": np.zeros(N)},
     ValueError, "sample_weight is 0 for all training or all validation samples", "; raise some"),
    ("a negative weight", "classes", {"sample_weight": np.arange(N) - 1}, ValueError,
     "sample_weight[0] is -1", "at least 0"),
    ("a weight of NaN", "steps", {"sample_weight": [np.nan] * N},
     ValueError, "sample_weight[0] is nan", "finite"),
    ("weights in words", "classes", {"sample_weight": ["high"] * N},
     TypeError, "sample_weight", "real numbers"),
    ("a class without weight", "classes", {"class_weight": {0: 1.0, 1: 2.0}}, ValueError,
     "class_weight has no weight for class 2", "for each class"),
    ("a weight without class", "classes", {"class_weight": {0: 1, 1: 1, 2: 1, 3: 1}}, ValueError,
     "class_weight has a weight for 3", "0 to 2"),
    ("class names", "classes", {"class_weight": {"a": 1.0}}, ValueError,
     "class_weight has a weight for 'a'", "its keys must be class numbers, 0 to 2"),
    ("a negative class weight", "pair", {"class_weight": {0: 1.0, 1: -1.0}}, ValueError,
     "class_weight[1]", "[0, inf)"),
    ("a class weight of NaN", "pair", {"class_weight": {0: 1.0, 1: np.nan}}, ValueError,
     "class_weight[1]", "finite"),
    ("a class weight in words", "pair", {"class_weight": {0: 1.0, 1: "x"}},
     TypeError, "class_weight[1]", "number"),
    ("class weights of zero", "pair", {"class_weight": {0: 0.0, 1: 0.0}},
     ValueError, "class_weight", "all samples weight 0"),
    ("class weights in a list", "classes", {"class_weight": [1, 2, 3]}, TypeError, "class_weight", "{0: 1.0"),
    ("class weights by a word", "classes", {"class_weight": "balance"},
     TypeError, "class_weight", "'balanced'"),
    ("class weights for numbers", "number", {"class_weight": "balanced"},
     ValueError, "class_weight", "sample_weight"),
    ("class weights for numbers of steps", "signal", {"class_weight": "balanced"},
     ValueError, "class_weight needs one class", "sample_weight"),
    ("a weight of a step below 0", "steps", {"sample_weight": -np.eye(N, T)},
     ValueError, "sample_weight[0, 0] is -1", "at least 0"),
    ("weights of steps that are not there", "steps", {"sample_weight": np.ones((N, T + 1))},
     ShapeError, f"shape {(N,)}, or one per step, {(N, T)}", f"got {(N, T + 1)}"),
    ("weights of steps without steps", "classes", {"sample_weight": np.ones((N, T))},
     ShapeError, "sample_weight", f"one weight per sample, shape {(N,)}, got {(N, T)}"),
    ("a class weight beyond float32", "pair", {"class_weight": {0: 1e39, 1: 1e39}},
     ValueError, "class_weight for y[0] is 1e+39", "beyond the largest number of float32"),
    ("a weight beyond float32", "classes", {"sample_weight": np.full(N, 1e39)},
     ValueError, "sample_weight[0] is 1e+39", "beyond the largest number of float32"),
]
# What it is, the layers, the loss, the metrics, the targets, and what the error says.
NETWORKS = [
    ("tanh and bce", lambda: [Dense(1, "tanh")], "bce", (), CLASSES > 0, "layer 1, Dense(1)", "'sigmoid'"),
    ("linear and bce", lambda: [Dense(2), Dense(1)], "bce", (), CLASSES > 0,
     "layer 2, Dense(1)", "'sigmoid'"),
    ("relu and bce", lambda: [Dense(1, "relu")], "bce", (), CLASSES > 0, "relu", "'sigmoid'"),
    ("a GRU and bce", lambda: [GRU(1)], "bce", (), CLASSES > 0, "layer 1, GRU(1)", "Dense(1, 'sigmoid')"),
    ("an own activation and bce", lambda: [Dense(1, Sine())], "bce", (), CLASSES > 0, "Sine", "'sigmoid'"),
    ("a network in a network", lambda: [Network([Dense(1)])], "bce", (), CLASSES > 0,
     "Dense(1)", "'sigmoid'"),
    ("relu and cce", lambda: [Dense(3, "relu")], "cce", (), CLASSES, "relu", "Dense(3, 'softmax')"),
    ("linear and cce", lambda: [Dense(3)], "cce", (), CLASSES, "layer 1, Dense(3)", "Dense(3, 'softmax')"),
    ("tanh and cce", lambda: [Dense(3, "tanh")], "cce", (), CLASSES, "tanh", "Dense(3, 'softmax')"),
    ("sigmoid and cce", lambda: [Dense(3, "sigmoid")], "cce", (), CLASSES, "sum to 1", "loss='bce'"),
    ("one sigmoid and cce", lambda: [Dense(1, "sigmoid")], "cce", (), CLASSES > 0,
     "Dense(2, 'softmax')", "loss='bce'"),
    ("one softmax and cce", lambda: [Dense(1, "softmax")], "cce", (), CLASSES * 0,
     "over 1 unit is always 1", "'sigmoid'"),
    ("one softmax and bce", lambda: [Dense(1, "softmax")], "bce", (), CLASSES > 0,
     "over 1 unit is always 1", "'sigmoid'"),
    ("one softmax and mse", lambda: [Dense(1, "softmax")], "mse", (), CLASSES, "is always 1", "'sigmoid'"),
    ("accuracy of numbers", lambda: [Dense(1)], "mse", ("accuracy",), NUMBERS_1,
     "metric 'accuracy'", "0 or 1"),
    ("f1 of several numbers", lambda: [Dense(2)], "mse", ("mae", "f1"), NUMBERS_2, "metric 'f1'", "one-hot"),
    ("errors of classes", lambda: [Dense(3, "softmax")], "cce", ("mse",), CLASSES, "metric 'mse'", "(12, 3)"),
    ("a matrix", lambda: [Dense(1, "sigmoid")], "bce", (ConfusionMatrix(),), CLASSES > 0,
     "metric 'confusion_matrix'", "predict(x)"),
]
# fmt: on
TABLES = {"x": INPUTS, "y": TARGETS, "lengths": LENGTHS_GIVEN, "fit": OPTIONS, "network": NETWORKS}


def rows(table, given):
    """Return the rows of a table as parameters: so many, and all that the message says as one."""
    return [pytest.param(*row[1 : 1 + given], row[1 + given :], id=row[0]) for row in table]


def refused(call, error, said):
    """Assert that `call` is refused, with a message that names the argument and the remedy."""
    with pytest.raises(error) as raised:
        call()
    message = str(raised.value)
    assert len(message) < 500
    assert len(said) >= 2
    for part in said:
        assert part in message


def harmless(name, call, error, said):
    """Assert that `call` is refused by a network, new or trained, and leaves nothing behind in it."""
    task = TASKS[name]
    then = (expected(name), expected(name, epochs=2))
    for trained in (False, True):
        network = build(task)
        if trained:
            fit(network, task.x, task.y)
        before = state(network)
        refused(lambda network=network: call(network), error, said)
        assert state(network) == before
        fit(network, task.x, task.y)
        assert state(network) == then[trained]


class TestTheThirdOfValidationData:
    """Whole numbers are lengths, also if all are 1; weights, which other libraries have there, are floats."""

    @pytest.mark.parametrize("dtype", ["int64", "uint8"])
    @pytest.mark.parametrize("lengths", [np.ones(N), LENGTHS, np.full(N, T)])
    @pytest.mark.slow
    def test_whole_numbers_are_lengths(self, lengths, dtype):
        lengths = lengths.astype(dtype)
        held = [x[:length] for x, length in zip(SEQUENCES, lengths, strict=True)]
        losses = [
            fit(build(TASKS["sequence"]), SEQUENCES, CLASSES, validation_data=data)["val_loss"]
            for data in ((held, CLASSES), (SEQUENCES, CLASSES, lengths), [SEQUENCES, CLASSES, [*lengths]])
        ]
        assert losses[0] == losses[1] == losses[2]

    @pytest.mark.parametrize(
        ("name", "weights", "error", "said"),
        [
            ("sequence", np.ones(N), TypeError, "lengths must be whole numbers"),
            ("sequence", [0.5] * N, TypeError, "lengths must be whole numbers"),
            ("steps", np.ones(N, "float32"), TypeError, "lengths must be whole numbers"),
            ("classes", np.ones(N), ShapeError, "lengths require x of shape (samples, steps, features)"),
        ],
    )
    @pytest.mark.slow
    def test_floats_are_weights(self, name, weights, error, said):
        x, y = TASKS[name].x, TASKS[name].y
        said = ("validation_data: ", said, "sample_weight")
        harmless(name, lambda n: fit(n, x, y, validation_data=(x, y, weights)), error, said)


def test_validation_data_of_another_form_are_told_what_came():
    task = TASKS["classes"]
    for held, got in (((task.x,), "a tuple of 1"), ([*"abcde"], "a list of 5")):
        said = "validation_data: must be (x, y), (x, y, lengths) or", f"got {got}"
        harmless(
            "classes", lambda n, held=held: fit(n, task.x, task.y, validation_data=held), TypeError, said
        )


SERIES = [SEQUENCES[n, :length, 0] for n, length in enumerate(LENGTHS)]


class TestSeriesOfOneFeature:
    """A list of (T_i,) is that of (T_i, 1), in every call."""

    @pytest.mark.parametrize(
        "first",
        [
            lambda: RNN(3),
            lambda: Bidirectional(GRU(2)),
            lambda: MeanPooling(),
            lambda: Network([LSTM(2, return_sequences=True), GRU(2)]),
        ],
    )
    @pytest.mark.slow
    def test_series_are_columns(self, first):
        def results(x, held):
            network = Network([first(), Dense(K, "softmax")], loss="cce", metrics=["accuracy"], seed=3)
            fit(network, x, CLASSES, validation_data=held)
            fit(network, [(x[:5], CLASSES[:5]), (x[5:], CLASSES[5:])], None)
            return [
                state(network),
                network.evaluate(x, CLASSES),
                network.predict(x).tobytes(),
                network.predict(x[-1:]).tobytes(),
                network.predict_classes(x).tolist(),
            ]

        columns = [one[:, None] for one in SERIES]
        expected = results(columns, (columns[:4], CLASSES[:4]))
        assert results(SERIES, (tuple(SERIES[:4]), CLASSES[:4])) == expected
        mixed = [one.tolist() for one in SERIES[:5]] + SERIES[5:]
        assert results(mixed, (SERIES[:4], CLASSES[:4])) == expected

    def test_series_of_equal_length(self):
        network = Network([GRU(3)], seed=0)
        x = [*SEQUENCES[..., 0]]
        fit(network, x, np.ones((N, 3)))
        expected = network.predict(SEQUENCES[..., :1])
        assert network.predict(x).tobytes() == expected.tobytes()
        refused(lambda: network.predict(SEQUENCES[..., 0]), ShapeError, ("layer 1, GRU(3)", "(samples, 5)"))

    def test_targets_of_each_step(self):
        network = Network([GRU(1, return_sequences=True)], seed=0)
        fit(network, SERIES, SERIES)
        columns = [one[:, None] for one in SERIES]
        assert network.evaluate(SERIES, SERIES) == network.evaluate(columns, columns)

    def test_lists_of_lists_of_unequal_length(self):
        network = Network([GRU(3)], seed=0)
        x = [SEQUENCES[n, :length].tolist() for n, length in enumerate(LENGTHS)]
        fit(network, x, np.ones((N, 3)))
        assert network.predict(x).tobytes() == network.predict(SEQUENCES, lengths=LENGTHS).tobytes()

    def test_they_are_no_input_of_layers_that_do_not_take_sequences(self):
        network = Network([Dense(2)], seed=0)
        said = ("x is a list", "(T_i, 1) for one feature")
        refused(lambda: network.fit(SERIES, np.ones((N, 2))), ValueError, said)
        rows = [*FLAT]
        flat = Network([Dense(2)], seed=0)
        fit(flat, rows, np.ones((N, 2)))
        assert flat.predict(rows).tobytes() == flat.predict(FLAT).tobytes()


@pytest.mark.slow
class TestMistakes:
    def test_there_are_many(self):
        names = [(kind, row[0]) for kind, table in TABLES.items() for row in table]
        assert len(names) == len(set(names)) > 100

    @pytest.mark.parametrize(("name", "spoil", "error", "said"), rows(INPUTS, 3))
    def test_inputs(self, name, spoil, error, said):
        x, y = spoil(TASKS[name].x), TASKS[name].y
        harmless(name, lambda n: fit(n, x, y), error, said)
        harmless(name, lambda n: n.evaluate(x, y), error, said)
        harmless(name, lambda n: n.predict(x), error, said)
        harmless(name, lambda n: n.predict_classes(x), error, said)

    @pytest.mark.parametrize(("name", "spoil", "error", "said"), rows(TARGETS, 3))
    def test_targets(self, name, spoil, error, said):
        x, y = TASKS[name].x, spoil(TASKS[name].y)
        harmless(name, lambda n: fit(n, x, y), error, said)
        harmless(name, lambda n: n.evaluate(x, y), error, said)

    @pytest.mark.parametrize(("name", "spoil", "error", "said"), rows(LENGTHS_GIVEN, 3))
    def test_lengths(self, name, spoil, error, said):
        (x, y), lengths = TASKS[name][2:4], spoil(LENGTHS)
        harmless(name, lambda n: fit(n, x, y, lengths=lengths), error, said)
        harmless(name, lambda n: n.evaluate(x, y, lengths=lengths), error, said)
        harmless(name, lambda n: n.predict(x, lengths=lengths), error, said)

    @for_each(
        ("name", "spoil", "error", "said"),
        rows([row for row in INPUTS if row[0] not in ("images", "no time")], 3),
    )
    def test_inputs_to_validate_on(self, name, spoil, error, said):
        x, y = TASKS[name].x, TASKS[name].y
        held = (spoil(x), y)
        said = ("validation_data: ", *said)
        harmless(name, lambda n: fit(n, x, y, validation_data=held), error, said)

    @for_each(("name", "spoil", "error", "said"), rows(TARGETS, 3))
    def test_targets_to_validate_on(self, name, spoil, error, said):
        x, y = TASKS[name].x, TASKS[name].y
        held = (x, spoil(y))
        said = ("validation_data: ", *said)
        harmless(name, lambda n: fit(n, x, y, validation_data=held), error, said)

    @for_each(("name", "options", "error", "said"), rows(OPTIONS, 3))
    def test_options(self, name, options, error, said):
        x, y = TASKS[name].x, TASKS[name].y
        harmless(name, lambda n: fit(n, x, y, **options), error, said)

    @for_each("verb", ["evaluate", "predict", "predict_classes"])
    @for_each(
        ("options", "error", "said"),
        [
            ({"batch_size": 0}, ValueError, ("batch_size", "at least 1")),
            ({"batch_size": 2.5}, TypeError, ("batch_size", "whole number")),
            ({"batchsize": 2}, TypeError, ("'batchsize'", "Did you mean 'batch_size'?")),
        ],
    )
    def test_options_of_the_other_verbs(self, verb, options, error, said):
        given = TASKS["classes"][2:4] if verb == "evaluate" else [FLAT]
        harmless("classes", lambda n: getattr(n, verb)(*given, **options), error, said)

    @for_each(("layers", "loss", "metrics", "y", "said"), rows(NETWORKS, 4))
    def test_networks(self, layers, loss, metrics, y, said):
        network = Network(layers(), loss=loss, metrics=metrics, seed=0)
        x = SEQUENCES if isinstance(network.layers[0], GRU) else FLAT
        before = state(network)
        for call in (fit, Network.evaluate):
            refused(lambda call=call: call(network, x, y), (ValueError, TypeError), said)
            assert state(network) == before

    def test_other_features_than_before(self):
        network = build(TASKS["classes"])
        fit(network, FLAT, CLASSES)
        before = state(network)
        for call in (fit, Network.evaluate):
            refused(lambda call=call: call(network, FLAT[:, :3], CLASSES), ShapeError, ("'W'", "new layer"))
        refused(lambda: network.predict(FLAT[:, :3]), ShapeError, ("layer 1, Dense(4)", "the features"))
        assert state(network) == before

    def test_lengths_of_a_list(self):
        harmless(
            "sequence",
            lambda n: fit(n, ragged(SEQUENCES), CLASSES, lengths=LENGTHS),
            ValueError,
            ("x is a list of sequences", "omit lengths"),
        )

    def test_targets_of_other_lengths_than_their_sequences(self):
        targets = [y[:n] for y, n in zip(STEP_CLASSES, np.roll(LENGTHS, 1), strict=True)]
        harmless(
            "steps",
            lambda n: fit(n, ragged(SEQUENCES), targets),
            ShapeError,
            ("y[1] has 3 steps, but x[1] has 5", "must be equal"),
        )

    def test_weights_of_other_lengths_than_their_sequences(self):
        targets = [y[:n] for y, n in zip(STEP_CLASSES, LENGTHS, strict=True)]
        weights = [np.ones(n) for n in np.roll(LENGTHS, 1)]
        harmless(
            "steps",
            lambda n: fit(n, ragged(SEQUENCES), targets, sample_weight=weights),
            ShapeError,
            ("sample_weight[1] has 3 steps, but x[1] has 5", "must be equal"),
        )

    def test_one_sample_cannot_be_split(self):
        for split in ("auto", "tail", "random"):
            harmless(
                "number",
                lambda n, split=split: fit(n, FLAT[:1], FLAT[:1, :1], validation_split=0.5, split=split),
                ValueError,
                ("validation_split", "pass validation_data"),
            )

    def test_outputs_are_judged_by_their_values(self):
        """Not by the name of the activation."""

        class Logistic(Activation):
            def __call__(self, x, out=None):
                return np.divide(np.tanh(x) + 1, 2, out=out)

            def derivative(self, y, x=None, out=None):
                return np.multiply(2 * y, 1 - y, out=out)

        for activation in (Logistic(), "hard_sigmoid", "sigmoid"):
            network = Network([Dense(1, activation)], loss="bce", seed=0)
            assert np.isfinite(fit(network, FLAT / 9, CLASSES > 0)["loss"][0])
        network = Network([GRU(1, "sigmoid")], loss="bce", seed=0)
        assert np.isfinite(fit(network, SEQUENCES, CLASSES > 0)["loss"][0])

    def test_only_public_methods_are_taken_for_hooks(self):
        hooks = {"on_epoch_end": lambda self, run: None, "on_disk": True, "_on_error": print}
        callback = type("Hooked", (Callback,), hooks)()
        callback.on_best = print  # an argument that is kept, say: not a method that is never called
        kept = []
        made_in_c = LambdaCallback(on_fit_start=kept.append, on_epoch_end=kept.append, on_fit_end=type)
        fit(build(TASKS["number"]), FLAT, FLAT[:, :1], callbacks=[callback, made_in_c])
        assert len(kept) == 2
        assert kept[0] is kept[1]

    def test_lengths_of_1_are_accepted_where_they_fit(self):
        ones, task = np.ones(N, int), TASKS["sequence"]
        found = fit(build(task), [(task.x, task.y, ones)], None)
        assert found["loss"] == fit(build(task), task.x[:, :1], task.y, batch_size=N, shuffle=False)["loss"]
        short = (task.x[:, :1], task.y, ones), (task.x[:1], task.y[:1], ones[:1]), (task.x, task.y, None)
        for held in short:
            assert np.isfinite(fit(build(task), task.x, task.y, validation_data=held)["val_loss"][0])

    def test_targets_with_the_axes_in_another_order_are_not_to_be_reshaped(self):
        swapped = np.swapaxes(TASKS["signal"].y, 1, 2)
        said = ("y has shape (12, 2, 5)", "each of the 5 steps")
        refused(lambda: fit(build(TASKS["signal"]), SEQUENCES, swapped), ShapeError, said)

    @pytest.mark.parametrize(
        "recurrent", [GRU, lambda *args, **options: Bidirectional(GRU(*args, **options))]
    )
    def test_return_sequences_is_advised_where_there_is_a_layer_that_has_it(self, recurrent):
        for layer, remedy in [
            (recurrent(3, return_sequences=True), "with return_sequences=False"),
            (Dense(3), "put Flatten() before the first Dense"),
        ]:
            network = Network([layer, Dense(K, "softmax")], loss="cce")
            refused(lambda network=network: fit(network, SEQUENCES, CLASSES), ShapeError, ("(12,)", remedy))
        for layer, remedy in [
            (recurrent(3), "with return_sequences=True"),
            (Flatten(), "remove layers that drop the time axis"),
        ]:
            network = Network([layer, Dense(K, "softmax")], loss="cce")
            said = ("(12, 5)", remedy)
            refused(lambda network=network: fit(network, SEQUENCES, STEP_CLASSES), ShapeError, said)

    def test_return_sequences_is_advised_for_lists_of_classes_too(self):
        x, y = (
            [part[:n] for part, n in zip(data, LENGTHS, strict=True)] for data in (SEQUENCES, STEP_CLASSES)
        )
        network = Network([GRU(3), Dense(K, "softmax")], loss="cce")
        refused(lambda: fit(network, x, y), ShapeError, ("(12, 5)", "return_sequences=True"))
        fit(network, x, [np.asarray(label) for label in CLASSES])  # each without an axis, as of data sets

    def test_metrics_are_tried_on_samples_of_every_class(self):
        """On a few of them, evenly spaced, so that a result that needs both classes is defined."""
        sizes = []

        class Share(Metric):
            def statistics(self, y, a):
                sizes.append(len(y))
                return np.array([np.sum(y == 0), np.sum(y == 1)])

            def result(self, s):
                if not s.all():
                    raise ValueError("both classes are needed")
                return float(s[1] / s.sum())

        network = Network([Dense(1, "sigmoid")], loss="bce", metrics=[Share()], seed=0)
        x, y = np.tile(FLAT, (50, 1)), np.repeat([0, 1], 300)
        assert fit(network, x, y)["share"] == [0.5]
        assert sizes[0] < 128 < len(y)

    def test_a_function_is_not_tried_as_a_metric(self):
        seen = []

        def spread(y, a):
            seen.append(len(y))
            return np.ptp(a)

        network = Network([Dense(1)], metrics=[spread], seed=0)
        fit(network, FLAT, FLAT[:, :1] / 4)
        assert seen == [5, 5, 2]


def shown_outputs(network, capsys):
    network.summary()
    header, _, *layers, _ = capsys.readouterr().out.splitlines()
    return [line[header.index("output") : header.index("parameters")].strip() for line in layers]


def test_sequences_of_unequal_length_leave_the_number_of_steps_open_in_the_summary(capsys):
    layers = [Dense(4), GRU(3, return_sequences=True), Network([Dense(2)]), GRU(2)]
    network, held = Network(layers, seed=0), (SEQUENCES, FLAT[:, :2])
    fit(network, ragged(SEQUENCES), FLAT[:, :2], validation_data=held)
    opened = ["(N, T, 4)", "(N, T, 3)", "(N, T, 2)", "(N, 2)"]
    assert shown_outputs(network, capsys) == opened
    network.predict(SEQUENCES)
    network.evaluate(*held)
    assert shown_outputs(network, capsys) == opened
    equal = Network(copy.deepcopy(layers), seed=0)
    fit(equal, *held)
    assert shown_outputs(equal, capsys)[0] == "(N, 5, 4)"
    equal.predict(ragged(SEQUENCES))
    assert shown_outputs(equal, capsys) == opened
