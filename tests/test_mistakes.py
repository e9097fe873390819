"""Mistakes that are not made in silence: each is refused by name, teaches, and leaves nothing behind.

What the arrays themselves can have wrong stands in training/test_adapters.py; here is all the rest.
"""

import copy
import functools

import numpy as np
import pytest
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Callback,
    Checkpoint,
    CSVLogger,
    Dense,
    EarlyStopping,
    Embedding,
    Flatten,
    LambdaCallback,
    Layer,
    Lion,
    LoadError,
    Loss,
    Metric,
    Nadam,
    Network,
    ReduceOnPlateau,
    Reshape,
    RMSprop,
    ShapeError,
    losses,
    metrics,
    schedules,
)
from nnfw.activations import ELU, LeakyReLU
from nnfw.data import (
    LabelEncoder,
    MinMaxScaler,
    StandardScaler,
    Vocabulary,
    batches,
    one_hot,
    pad_sequences,
    sliding_windows,
    split_indices,
    train_test_split,
)
from nnfw.generation import generate
from nnfw.gradcheck import check_layer, check_network
from nnfw.initializers import Constant, Normal, Orthogonal, Uniform

N, T, D, K, H = 12, 5, 2, 3, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, T, D)).astype("float32")
FLAT = RNG.normal(size=(N, 4)).astype("float32")
Y = np.tile(np.arange(K), N // K)
NUMBERS = RNG.normal(size=(N, 1)).astype("float32")


def network_of(*layers, **options):
    return Network(list(layers), **({"seed": 5} | options))


def classifier():
    return network_of(GRU(H), Dense(K, "softmax"), loss="cce", metrics=["accuracy"], optimizer="nadam")


def fit(network, x=X, y=Y, **options):
    return network.fit(x, y, **({"batch_size": 5, "verbose": 0} | options))


class Plain(Layer):
    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x):
        return x


def pairs():
    yield X, Y


def state(network):
    """All that a refusal must leave as it was, bit for bit."""
    leaves = []
    for leaf in network._leaves():
        slots = leaf._state and {name: slot.tobytes() for name, slot in leaf._state.slots.items()}
        counts = leaf._state and (leaf._state.rule, leaf._state.steps, dict(leaf._state.scalars))
        leaves.append((leaf.flat_params.tobytes(), slots, counts))
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    history = {name: list(values) for name, values in network.history.items()}
    return leaves, streams, history, list(network.history.epoch), network._built, network._fitting


@functools.cache
def expected(epochs):
    """The state of a classifier after so many epochs, without a mistake on the way."""
    network = classifier()
    fit(network, epochs=epochs)
    return state(network)


class Scene:
    """What a mistake can be made with: a trained network, a layer that is built, and somewhere to write."""

    def __init__(self, folder):
        self.folder = folder
        self.network = classifier()
        fit(self.network)
        self.layer = GRU(H)
        self.layer.compute_shapes((T, D))
        self.layer.initialize(np.random.default_rng(0))
        self.sgd = SGD(0.1)
        self.state = self.sgd.start(np.ones(3))
        self.scaler = StandardScaler().fit(FLAT)

    def broken(self, text):
        path = self.folder / "broken.npz"
        path.write_text(text)
        return path

    def fit_new(self, *layers, x=FLAT, y=NUMBERS, options=None, **given):
        return fit(network_of(*layers, **given), x, y, **(options or {}))


def seen(network):
    """The network, which knows the shape of x."""
    network.compute_shapes((T, D))
    return network


def loaded(network, folder):
    """The network, saved and loaded; the file is none that a mistake leaves behind."""
    network.save(folder / "broken.npz")
    return Network.load(folder / "broken.npz")


class Nothing(Layer):
    """A layer that defines nothing."""


class Forgetful(Layer):
    """A layer that does not keep its argument."""

    def __init__(self, k, **options):
        super().__init__(**options)

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy


class Twice(Loss):
    """A loss that forgets to take the mean over the outputs."""

    def value(self, y, a):
        return 2 * (a - y)

    def slope(self, y, a):
        return np.full_like(a, 2)


class TwoNumbers(Metric):
    def statistics(self, y, a):
        return np.zeros(2)

    def result(self, s):
        return s


# What it is, how it is made, the error, and what it says: what is wrong, and the remedy.
# fmt: off
CONSTRUCTION = [
    ("no units", lambda s: Dense(0), ValueError, "Dense: units", "at least 1, got 0"),
    ("negative units", lambda s: GRU(-3), ValueError, "GRU: units", "at least 1, got -3"),
    ("half a unit", lambda s: RNN(2.5), TypeError, "RNN: units", "whole number, got 2.5"),
    ("units in words", lambda s: Dense("10"), TypeError, "Dense: units", "whole number, got '10'"),
    ("units true", lambda s: GRU(True), TypeError, "GRU: units", "whole number, got True"),
    ("no units given", lambda s: Dense(), TypeError, "units", "missing"),
    ("units of NaN", lambda s: Dense(np.nan), TypeError, "Dense: units", "whole number, got nan"),
    ("an array of units", lambda s: Dense(np.array([3, 4])), TypeError, "Dense: units", "ndarray"),
    ("an unknown activation", lambda s: Dense(3, "sofmax"),
     ValueError, "'sofmax'", "Did you mean 'softmax'"),
    ("an activation of PyTorch", lambda s: Dense(3, "swish"), ValueError, "'swish'", "nnfw calls it 'silu'"),
    ("an activation of None", lambda s: Dense(3, None),
     TypeError, "activation", "a name", "NoneType", "no activation is 'linear'"),
    ("inputs before units", lambda s: Dense(3, 4), TypeError, "activation", "got int; the number of inputs",
     "give the units alone"),
    ("inputs of a GRU before its units", lambda s: GRU(3, 4),
     TypeError, "activation", "give the units alone"),
    ("a function as activation", lambda s: Dense(3, np.tanh), TypeError, "activation", "an object of"),
    ("softmax in a loop", lambda s: GRU(3, "softmax"),
     ValueError, "GRU: activation", "element by element", "Dense"),
    ("softmax for gates", lambda s: GRU(3, recurrent_activation="softmax"),
     ValueError, "recurrent_activation", "Dense"),
    ("an unknown gate", lambda s: GRU(3, recurrent_activation={"zz": "tanh"}),
     ValueError, "'zz'", "Its gates are z, r"),
    ("a slip in a gate's activation", lambda s: GRU(3, recurrent_activation={"z": "sigmid"}),
     ValueError, "'sigmid'", "'sigmoid'"),
    ("return_sequences a number", lambda s: GRU(3, return_sequences=1),
     TypeError, "GRU: return_sequences", "True or False"),
    ("go_backwards in words", lambda s: RNN(3, go_backwards="yes"),
     TypeError, "RNN: go_backwards", "True or False"),
    ("use_bias None", lambda s: Dense(3, use_bias=None), TypeError, "Dense: use_bias", "True or False"),
    ("reset_after a number", lambda s: GRU(3, reset_after=0),
     TypeError, "GRU: reset_after", "True or False"),
    ("trainable in words", lambda s: Dense(3, trainable="no"),
     TypeError, "Dense: trainable", "True or False"),
    ("an argument of Keras", lambda s: GRU(3, kernel_initializer="zeros"),
     TypeError, "'kernel_initializer'", "input_initializer"),
    ("an argument of PyTorch", lambda s: GRU(hidden_size=3),
     TypeError, "'hidden_size'", "nnfw calls it units"),
    ("an argument of EpyNN", lambda s: GRU(unit_cells=3), TypeError, "'unit_cells'", "nnfw calls it units"),
    ("an argument not needed", lambda s: GRU(3, batch_first=True),
     TypeError, "'batch_first'", "needs no such argument"),
    ("an unknown initializer", lambda s: Dense(3, initializer="glorot"),
     ValueError, "'glorot'", "nnfw calls it 'glorot_uniform'"),
    ("an initializer of another's", lambda s: Dense(3, initializer=3.0), TypeError, "initializer", "a name"),
    ("an unknown optimizer of a layer", lambda s: Dense(3, optimizer="adamax"),
     ValueError, "'adamax'", "Did you mean 'adam'"),
    ("an optimizer in words of a layer", lambda s: Dense(3, optimizer=0.1),
     TypeError, "optimizer", "a name"),
    ("an initializer of the wrong shape",
     lambda s: s.fit_new(Dense(3, initializer=np.ones((2, 2))), Dense(1)),
     ShapeError, "(2, 2)", "(4, 3)"),
    ("a uniform one upside down", lambda s: Uniform(1.0, -1.0), ValueError, "Uniform", "low"),
    ("a spread below 0", lambda s: Normal(-0.1), ValueError, "Normal: std", "-0.1"),
    ("a constant of NaN", lambda s: Constant(np.nan), ValueError, "Constant: value", "finite"),
    ("a gain in words", lambda s: Orthogonal("relu"), TypeError, "Orthogonal: gain", "number"),
    ("a slope of infinity", lambda s: LeakyReLU(np.inf), ValueError, "LeakyReLU: slope", "finite"),
    ("an alpha in words", lambda s: ELU("1"), TypeError, "ELU: alpha", "number"),
    ("a layer that defines nothing", lambda s: s.fit_new(Nothing(), Dense(1)),
     NotImplementedError, "Nothing must define", "compute_shapes"),
    ("flatten with units", lambda s: Flatten(units=3), TypeError, "Flatten", "'units'"),
    ("a shape that is no tuple", lambda s: Reshape(3, 1),
     TypeError, "Reshape takes shape by position", "[a, b]"),
    ("an embedding of no symbols", lambda s: Embedding(0, 3),
     ValueError, "Embedding: vocabulary", "at least"),
]
NETWORKS = [
    ("no layers", lambda s: Network([]), ValueError, "Network: layers", "at least one layer"),
    ("a layer alone", lambda s: Network(Dense(1)),
     TypeError, "Network: layers", "a list of layers, got Dense"),
    ("a number", lambda s: Network(3), TypeError, "Network: layers", "a list of layers, got int"),
    ("a name of a layer", lambda s: Network([Dense(3), "relu"]),
     TypeError, "layer 2", "must be a Layer, got 'relu'"),
    ("a class of a layer", lambda s: Network([Dense]), TypeError, "layer 1", "did you mean Dense(...)?"),
    ("None among the layers", lambda s: Network([Dense(3), None]),
     TypeError, "layer 2", "must be a Layer, got None"),
    ("one object twice", lambda s: Network([s.layer, s.layer]),
     ValueError, "layer 2", "build a second layer"),
    ("a layer of another network", lambda s: Network([s.network.layers[0]]),
     ValueError, "layer 1, GRU(4)", "copy.deepcopy(layer)"),
    ("two of one name", lambda s: network_of(Dense(1, name="a"), Dense(1, name="a")),
     ValueError, "the name 'a'", "name="),
    ("a name that another has by place", lambda s: network_of(Dense(1), Dense(1, name="dense_1")),
     ValueError, "'dense_1'", "name="),
    ("an unknown loss", lambda s: network_of(Dense(1), loss="mze"),
     ValueError, "unknown loss 'mze'", "Did you mean 'mse'"),
    ("a loss of Keras", lambda s: network_of(Dense(1), loss="categorical_crossentrop"),
     ValueError, "loss", "'categorical_crossentropy'"),
    ("a function as loss", lambda s: network_of(Dense(1), loss=np.subtract),
     TypeError, "loss", "an object of Loss"),
    ("no loss", lambda s: network_of(Dense(1), loss=None), TypeError, "loss", "a name", "NoneType"),
    ("an unknown optimizer", lambda s: network_of(Dense(1), optimizer="adm"),
     ValueError, "'adm'", "Did you mean 'adam'"),
    ("a rate as optimizer", lambda s: network_of(Dense(1), optimizer=0.01),
     TypeError, "optimizer", "got float"),
    ("an unknown metric", lambda s: network_of(Dense(1), metrics=["acuracy"]),
     ValueError, "'acuracy'", "'accuracy'"),
    ("metrics in one word", lambda s: network_of(Dense(1), metrics="accuracy"),
     TypeError, "metrics", "['accuracy']"),
    ("a metric that is a number", lambda s: network_of(Dense(1), metrics=[3]),
     TypeError, "metric", "got int"),
    ("a metric alone", lambda s: network_of(Dense(1), metrics=metrics.get("mae")),
     TypeError, "metrics", "a list, [MAE()]"),
    ("a metric twice", lambda s: network_of(Dense(1), metrics=["mae", "mae"]),
     ValueError, "'mae'", "leave one out"),
    ("a metric called loss",
     lambda s: network_of(Dense(1), metrics=[type("Loss_", (Metric,), {"name": "loss"})()]),
     ValueError, "'loss'", "leave one out"),
    ("a negative seed", lambda s: network_of(Dense(1), seed=-1), ValueError, "Network: seed", "at least 0"),
    ("a seed in words", lambda s: network_of(Dense(1), seed="1"),
     TypeError, "Network: seed", "whole number"),
    ("a seed of a float", lambda s: network_of(Dense(1), seed=1.0),
     TypeError, "Network: seed", "whole number"),
    ("a generator as seed", lambda s: network_of(Dense(1), seed=np.random.default_rng(1)),
     TypeError, "Network: seed", "whole number"),
    ("half precision", lambda s: network_of(Dense(1), dtype="float16"),
     ValueError, "Network: dtype", "'float64'"),
    ("integers", lambda s: network_of(Dense(1), dtype="int32"), ValueError, "Network: dtype", "'float32'"),
    ("no dtype", lambda s: network_of(Dense(1), dtype=None), ValueError, "Network: dtype", "'float32'"),
    ("a slip", lambda s: network_of(Dense(1), optimiser="adam"), TypeError, "'optimiser'", "'optimizer'"),
    ("the loss's place", lambda s: Network([Dense(1)], "mse"),
     TypeError, "Network takes layers by position", "all else by name"),
    ("layers one by one", lambda s: Network(Dense(3), Dense(1)),
     TypeError, "Network takes layers by position", "are a list, [a, b]"),
    ("a seed by place for a layer", lambda s: Dense(3, "relu", "zeros", 1),
     TypeError, "Dense takes units, activation", "by name"),
    ("an argument that is not kept", lambda s: network_of(Forgetful(3)).summary(),
     ValueError, "Forgetful does not keep its argument 'k'", "self.k = k in its __init__"),
    ("an argument that is not kept, printed", lambda s: repr(network_of(Forgetful(3))),
     ValueError, "Forgetful does not keep its argument 'k'", "self.k = k in its __init__"),
    ("an argument that is not kept, saved", lambda s: network_of(Forgetful(3)).save(s.folder / "no.nnfw"),
     ValueError, "Network.layers[0]: Forgetful does not keep its argument 'k'", "self.k = k in its __init__"),
    ("an argument that is not kept, checked",
     lambda s: network_of(Forgetful(3), Dense(1)).check(FLAT, NUMBERS),
     ValueError, "Forgetful does not keep its argument 'k'", "self.k = k in its __init__"),
    ("accuracy at 0.5 of outputs from -1 to 1",
     lambda s: s.fit_new(Dense(1, "tanh"), loss="hinge", metrics=["accuracy"], y=Y % 2),
     ValueError, "metric 'accuracy': outputs for Hinge decide at 0", "give Accuracy(threshold=0.0)"),
    ("a ratio at 0.5 of outputs from -1 to 1",
     lambda s: s.fit_new(Dense(1, "tanh"), loss="hinge", metrics=[metrics.F1("macro")], y=Y % 2),
     ValueError, "metric 'f1_macro': outputs for Hinge decide at 0", "give F1(threshold=0.0)"),
    ("a stack without sequences", lambda s: s.fit_new(RNN(3), GRU(4), x=X, y=Y[:, None]),
     ShapeError, "layer 2, GRU(4)", "return_sequences=True"),
    ("a GRU after a Dense of flat inputs", lambda s: s.fit_new(Dense(3), GRU(4)),
     ShapeError, "layer 2, GRU(4)", "(samples, steps, features)"),
    ("flat inputs into a GRU", lambda s: s.fit_new(GRU(4)), ShapeError, "layer 1, GRU(4)", "x[..., None]"),
    ("images into a Dense", lambda s: s.fit_new(Dense(4), x=X[..., None]),
     ShapeError, "layer 1, Dense(4)", "x.reshape(len(x), -1)"),
    ("a loss that takes no mean", lambda s: s.fit_new(Dense(2), loss=Twice(), y=FLAT[:, :2]),
     ShapeError, "Twice.value", "axis=-1"),
    ("softmax over one unit", lambda s: s.fit_new(Dense(1, "softmax"), y=Y > 0),
     ValueError, "always gives 1", "Dense(1, 'sigmoid')"),
    ("tanh and bce", lambda s: s.fit_new(Dense(1, "tanh"), loss="bce", y=Y > 0),
     ValueError, "tanh", "'sigmoid'"),
    ("linear and cce", lambda s: s.fit_new(Dense(3), loss="cce", y=Y),
     ValueError, "layer 1, Dense(3)", "'softmax'"),
    ("sigmoid and cce", lambda s: s.fit_new(Dense(3, "sigmoid"), loss="cce", y=Y),
     ValueError, "sum to 1", "'bce'"),
    ("one output for two", lambda s: losses.get("mae")([[1.0]], [[1.0, 2.0]]),
     ShapeError, "(1, 1)", "(1, 2)"),
    ("a function as metrics", lambda s: network_of(Dense(1), metrics=np.mean),
     TypeError, "metrics", "a list"),
    ("several labels for a metric of one",
     lambda s: s.fit_new(Dense(3, "sigmoid"), loss="bce", metrics=["accuracy"], y=FLAT[:, :3] > 0),
     ValueError, "metric 'accuracy'", "metrics.MultiLabel('accuracy')"),
    ("a regression of labels", lambda s: metrics.MultiLabel("mse"),
     TypeError, "MultiLabel: metric", "as 'f1' does"),
    ("classes for outputs", lambda s: metrics.get("accuracy")([0, 1, 1], [2, 1, 0]),
     ValueError, "K=1", "give outputs as a, not classes already decided"),
    ("two numbers as a metric", lambda s: s.fit_new(Dense(1), metrics=[TwoNumbers()]),
     TypeError, "metric 'two_numbers'", "single number"),
    ("more units than memory", lambda s: s.fit_new(Dense(10**12)),
     ValueError, "layer 1, Dense(1000000000000)", "4e+04 GB", "fewer units"),
    ("more memory than there is, by hand", lambda s: untrained(network_of(GRU(10**7)), T, D),
     ValueError, "layer 1, GRU(10000000)", "GB", "fewer units"),
]
OPTIMIZERS = [
    ("a negative rate", lambda s: SGD(-0.1), ValueError, "SGD: learning_rate", "-0.1"),
    ("a rate of NaN", lambda s: Adam(np.nan), ValueError, "Adam: learning_rate", "nan"),
    ("a rate of infinity", lambda s: RMSprop(np.inf), ValueError, "RMSprop: learning_rate", "inf"),
    ("a rate in words", lambda s: SGD("0.1"), TypeError, "SGD: learning_rate", "a number, or a schedule"),
    ("a rate true", lambda s: Adagrad(True), TypeError, "Adagrad: learning_rate", "number"),
    ("a rate of None", lambda s: Lion(None), TypeError, "Lion: learning_rate", "number"),
    ("a schedule's class", lambda s: Adam(schedules.Cosine),
     TypeError, "Adam: learning_rate", "Cosine(rate=0.1, epochs=20)"),
    ("a schedule's name", lambda s: Adam("cosine"), TypeError, "Adam: learning_rate", "Cosine"),
    ("a rate in a list", lambda s: SGD([0.1]), TypeError, "SGD: learning_rate", "number"),
    ("a rate assigned later", lambda s: setattr(s.sgd, "learning_rate", -1.0),
     ValueError, "SGD: learning_rate", "-1"),
    ("a momentum of 1", lambda s: SGD(0.1, momentum=1.0), ValueError, "SGD: momentum", "[0, 1)"),
    ("a negative momentum", lambda s: SGD(0.1, momentum=-0.5), ValueError, "SGD: momentum", "[0, 1)"),
    ("beta of 1", lambda s: Adam(0.1, beta_1=1.0), ValueError, "Adam: beta_1", "[0, 1)"),
    ("the betas of PyTorch", lambda s: Adam(0.1, betas=(0.9, 0.99)),
     TypeError, "'betas'", "beta_1 and beta_2"),
    ("an epsilon of 0", lambda s: Adam(0.1, epsilon=0.0), ValueError, "Adam: epsilon", "(0, inf)"),
    ("rho above 1", lambda s: RMSprop(0.1, rho=1.5), ValueError, "RMSprop: rho", "[0, 1)"),
    ("a negative decay", lambda s: AdamW(0.1, weight_decay=-1e-2),
     ValueError, "AdamW: weight_decay", "[0, inf)"),
    ("a decay of infinity", lambda s: SGD(0.1, weight_decay=np.inf),
     ValueError, "SGD: weight_decay", "finite"),
    ("clipping at 0", lambda s: Adam(0.1, clip_norm=0.0), ValueError, "Adam: clip_norm", "(0, inf)"),
    ("negative clipping", lambda s: Adam(0.1, clip_value=-1.0), ValueError, "Adam: clip_value", "(0, inf)"),
    ("clipping in words", lambda s: Adam(0.1, clip_global_norm="1"),
     TypeError, "Adam: clip_global_norm", "number"),
    ("clipping of Keras", lambda s: Adam(0.1, global_clipnorm=1.0),
     TypeError, "'global_clipnorm'", "clip_global_norm"),
    ("nesterov a number", lambda s: SGD(0.1, nesterov=1), TypeError, "SGD: nesterov", "True or False"),
    ("lr", lambda s: Nadam(lr=0.1), TypeError, "'lr'", "nnfw calls it learning_rate"),
    ("a state of another rule", lambda s: Adam(0.1).step(np.ones(3), np.ones(3), s.state, 0.0),
     ValueError, "Adam: ", "the state of SGD", "start(params)"),
    ("a gradient of another shape", lambda s: s.sgd.step(np.ones(3), np.ones(2), s.state, 0.0),
     ValueError, "gradients (2,)", "(3,)"),
    ("a negative epoch", lambda s: schedules.Cosine(0.1, 5)(-1.0), ValueError, "epoch", "-1"),
    ("no epochs for a cosine", lambda s: schedules.Cosine(0.1, epochs=0), ValueError, "epochs", "0"),
    ("a negative rate of a schedule", lambda s: schedules.Linear(-0.1, 0.1, 3),
     ValueError, "-0.1", "finite"),
    ("a drop above 1", lambda s: schedules.Step(0.1, drop=2.0, every=5), ValueError, "drop", "2"),
    ("boundaries that fall", lambda s: schedules.Piecewise([5, 3], [0.1, 0.2, 0.3]),
     ValueError, "boundaries", "3"),
    ("too few values", lambda s: schedules.Piecewise([5], [0.1]),
     ValueError, "Piecewise: boundaries", "one fewer"),
    ("a function that gives NaN",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda epoch: np.nan)), FLAT, NUMBERS),
     ValueError, "rate", "nan"),
    ("a function that gives a negative rate",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda e: -0.1)), FLAT, NUMBERS),
     ValueError, "rate", "-0.1"),
    ("a function that gives words",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda e: "fast")), FLAT, NUMBERS),
     TypeError, "rate", "number"),
]
USE = [
    ("a second fit at once",
     lambda s: fit(s.network, callbacks=[LambdaCallback(on_fit_start=lambda run: fit(run.network))]),
     RuntimeError, "being fitted already", "wait"),
    ("forward before shapes", lambda s: GRU(3).forward(X),
     RuntimeError, "there is no parameter 'Wx_z' yet", "initialize(rng) come first"),
    ("forward of a new network", lambda s: classifier().forward(X),
     RuntimeError, "there is no parameter 'Wx_z' yet", "a Network calls both at its first fit"),
    ("predict before fit", lambda s: classifier().predict(X),
     RuntimeError, "predict: the network has no weights yet in layer 1, GRU(4)", "fit it, or load one"),
    ("evaluate before fit", lambda s: classifier().evaluate(X, Y),
     RuntimeError, "evaluate: the network has no weights yet in layer 1, GRU(4)", "compute_shapes((5, 2))"),
    ("evaluate batches before fit", lambda s: classifier().evaluate([(X, Y)]),
     RuntimeError, "evaluate: the network has no weights yet in layer 1, GRU(4)", "compute_shapes((5, 2))"),
    ("classes before fit", lambda s: classifier().predict_classes(X),
     RuntimeError, "the network has no weights yet in layer 1, GRU(4)", "Network.load"),
    ("a stream before fit", lambda s: network_of(GRU(4)).stream(),
     RuntimeError, "stream: the network does not know the shape of its input yet", "fit it"),
    ("a stream of shapes alone", lambda s: seen(network_of(GRU(4))).stream(),
     RuntimeError, "stream: the network has no weights yet in layer 1, GRU(4)", "initialize()"),
    ("a text before fit", lambda s: generate(seen(network_of(GRU(D), Dense(D, "softmax"))), [0], 3),
     RuntimeError, "no weights yet in layer 1, GRU(2)", "fit it"),
    ("a new head on a trained body",
     lambda s: network_of(copy.deepcopy(s.network.layers[0]), Dense(1)).predict(X),
     RuntimeError, "no weights yet in layer 2, Dense(1)", "draw all weights at random"),
    ("predict after loading what was not trained", lambda s: loaded(classifier(), s.folder).predict(X),
     RuntimeError, "predict: the network has no weights yet in layer 1, GRU(4)", "fit it"),
    ("weights before shapes", lambda s: classifier().initialize(),
     RuntimeError, "initialize comes after compute_shapes(input_shape)", "not been called yet"),
    ("weights from a seed", lambda s: s.network.initialize(0),
     TypeError, "Network: rng must be a numpy.random.Generator, got 0", "default_rng(seed)"),
    ("weights of no seed", lambda s: s.layer.initialize(None), TypeError, "GRU: rng", "default_rng(seed)"),
    ("weights from the generator of old", lambda s: s.layer.initialize(np.random.RandomState(0)),
     TypeError, "GRU: rng must be", "got RandomState", "default_rng(seed)"),
    ("weights of half precision", lambda s: s.network.initialize(dtype="float16"),
     ValueError, "Network: dtype", "'float32' or 'float64', got 'float16'"),
    ("weights of no dtype", lambda s: s.layer.initialize(np.random.default_rng(0), None),
     ValueError, "GRU: dtype", "'float32' or 'float64', got None"),
    ("backward before forward", lambda s: s.layer.backward(np.zeros((N, H))),
     RuntimeError, "GRU(4): backward comes after", "training=True"),
    ("gradients before backward", lambda s: (s.layer.forward(X, training=True), s.layer.gradients()),
     RuntimeError, "GRU(4): gradients comes after", "backward(dy)"),
    ("parameters before they are there", lambda s: GRU(3).params["Wx_z"],
     RuntimeError, "no parameter 'Wx_z' yet", "initialize(rng)"),
    ("an unknown parameter", lambda s: s.layer.params["Wx"], KeyError, "'Wx'", "Wx_z"),
    ("over a parameter instead of into it", lambda s: s.layer.params.__setitem__("b_z", np.ones(H)),
     TypeError, "'b_z' is a view", "['b_z'][...] = value"),
    ("over a gradient instead of into it", lambda s: s.layer.grads.__setitem__("b_z", np.ones(H)),
     TypeError, "'b_z' is a view", "['b_z'][...] = value"),
    ("over a network's parameter", lambda s: s.network.params.__setitem__("gru_1.b_z", np.ones(H)),
     TypeError, "'gru_1.b_z' is a view", "['gru_1.b_z'][...] = value"),
    ("over a network's gradient", lambda s: s.network.grads.__setitem__("gru_1.b_z", np.ones(H)),
     TypeError, "'gru_1.b_z' is a view", "['gru_1.b_z'][...] = value"),
    ("over many parameters", lambda s: s.network.params.update({"gru_1.b_z": np.ones(H)}),
     TypeError, "'gru_1.b_z' is a view", "['gru_1.b_z'][...] = value"),
    ("over many parameters with |=", lambda s: s.network.params.__ior__({"gru_1.b_z": np.ones(H)}),
     TypeError, "'gru_1.b_z' is a view", "['gru_1.b_z'][...] = value"),
    ("a parameter of no layer", lambda s: s.network.params.__setitem__("gru_2.b_z", np.ones(H)),
     KeyError, "no parameter 'gru_2.b_z'", "Did you mean 'gru_1.b_z'"),
    ("a parameter of a large network", lambda s: untrained(network_of(*map(Dense, [1] * 99)), 1).params["W"],
     KeyError, "no parameter 'W'", "There are dense_1.W, dense_1.b, dense_2.W", "..."),
    ("another loss, misspelt", lambda s: setattr(s.network, "loss", "mze"),
     ValueError, "unknown loss 'mze'", "Did you mean 'mse'"),
    ("another loss that is none", lambda s: setattr(s.network, "loss", None),
     TypeError, "expected loss", "NoneType"),
    ("another optimizer, misspelt", lambda s: setattr(s.network, "optimizer", "adm"),
     ValueError, "unknown optimizer 'adm'", "Did you mean 'adam'"),
    ("a rate for an optimizer", lambda s: setattr(s.network, "optimizer", 0.1),
     TypeError, "optimizer", "got float"),
    ("other metrics, misspelt", lambda s: setattr(s.network, "metrics", ["acuracy"]),
     ValueError, "unknown metric 'acuracy'", "'accuracy'"),
    ("another metric alone", lambda s: setattr(s.network, "metrics", "mae"),
     TypeError, "metrics must be a list", "['mae']"),
    ("numbers not measured", lambda s: s.network.history["acc"],
     KeyError, "no 'acc' was measured", "There are loss, accuracy, learning_rate"),
    ("a slip in what was measured", lambda s: s.network.history["acuracy"],
     KeyError, "no 'acuracy' was measured", "Did you mean 'accuracy'"),
    ("what was not validated", lambda s: s.network.history["val_accuracy"],
     KeyError, "no 'val_accuracy'", "give fit validation_data or validation_split"),
    ("the history of none", lambda s: classifier().history["loss"],
     KeyError, "no 'loss' was measured", "none yet: see fit"),
    ("the history of the history", lambda s: s.network.history.history,
     AttributeError, "History has no 'history'", "history['loss']"),
    ("a parameter of another shape", lambda s: s.layer.compute_shapes((T, D + 1)),
     ShapeError, "'Wx_z'", "(2, 4)", "new layer"),
    ("dy of another shape",
     lambda s: (s.layer.forward(X, training=True), s.layer.backward(np.ones((N, 1)))),
     ShapeError, "GRU(4): backward expects dy", "(12, 4)"),
    ("other features in a layer", lambda s: s.layer.forward(X[..., :1]),
     ShapeError, "GRU(4): expects", "2 features"),
    ("lengths of floats in a layer", lambda s: s.layer.forward(X, lengths=np.ones(N)),
     ShapeError, "GRU(4): lengths", "whole numbers"),
    ("lengths of 0 in a layer", lambda s: s.layer.forward(X, lengths=np.zeros(N, int)),
     ValueError, "GRU(4): lengths", "1 to 5"),
    ("a state of another shape", lambda s: s.layer.forward(X, initial_state=np.zeros((N, 3))),
     ShapeError, "GRU(4): initial_state", "(12, 4)"),
    ("no generator", lambda s: Constant(1.0)(3, (2,)), TypeError, "rng must be", "default_rng"),
    ("other features", lambda s: s.network.predict(X[..., :1]), ShapeError, "'Wx_z'", "new layer"),
    ("other features to fit", lambda s: fit(s.network, X[..., :1]), ShapeError, "'Wx_z'", "new layer"),
    ("flat inputs later", lambda s: s.network.predict(FLAT),
     ShapeError, "layer 1, GRU(4)", "(samples, steps, features)"),
    ("one sample", lambda s: s.network.predict(X[0]),
     ShapeError, "layer 1, GRU(4): expects (samples, steps, features)", "One sample alone is x[None]"),
    ("one sample of a flat network",
     lambda s: untrained(network_of(Flatten(), Dense(1)), T, D).predict(X[0]),
     ShapeError, "layer 2, Dense(1): parameter 'W' was built", "One sample alone is x[None]"),
    ("one sample of an inner network",
     lambda s: untrained(network_of(Network([GRU(4)]), Dense(1)), T, D).predict(X[0]),
     ShapeError, "layer 1, GRU(4)", "got (samples, 2). One sample alone is x[None]"),
    ("labels independent of each other as classes",
     lambda s: untrained(network_of(Dense(K, "sigmoid"), loss="bce"), 4).predict_classes(FLAT),
     ValueError, "predict_classes: the outputs are 3 independent labels", "network.predict(x) > 0.5"),
    ("nothing to predict", lambda s: s.network.predict(X[:0]), ShapeError, "x must be", "not empty"),
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
     ShapeError, "y has shape (12, 3, 1)", "outputs ask for (12, 3); reshape it: y.reshape(12, 3)"),
    ("an axis too many for classes", lambda s: fit(s.network, y=Y[:, None, None]),
     ShapeError, "y has shape (12, 1, 1)", "reshape it: y.reshape(12,)"),
    ("a horizon of two numbers", lambda s: s.fit_new(GRU(H), Dense(2), x=X, y=X[:, :3]),
     ShapeError, "y has shape (12, 3, 2)", "Dense(6), and y.reshape(12, 6)"),
    ("one class an image", lambda s: s.fit_new(Dense(K, "softmax"), loss="cce", x=X, y=Y),
     ShapeError, "y has shape (12,)", "Flatten() before the first Dense", "MeanPooling()"),
    ("a symbol outside of an embedding",
     lambda s: s.fit_new(Embedding(3, 4), Flatten(), Dense(1), x=np.full((N, T), 3)),
     ValueError, "Embedding(3, 4): x[0, 0] is 3", "a larger vocabulary"),
    ("weights where lengths stand", lambda s: fit(s.network, validation_data=(X, Y, np.ones(N, int))),
     ValueError, "validation_data: the third of (x, y, lengths)", "1 step, but x has 5", "sample_weight"),
    ("fractions where lengths stand", lambda s: fit(s.network, validation_data=(X, Y, np.full(N, 0.5))),
     TypeError, "validation_data: lengths must be whole numbers", "astype(int)", "sample_weight"),
    ("fractions where a batch has lengths", lambda s: fit(s.network, [(X, Y, np.ones(N))], None),
     TypeError, "batch 1: lengths must be whole numbers", "astype(int)", "sample_weight"),
    ("an option of another sampler", lambda s: generate(s.network, [0], 3, top_p=0.9),
     TypeError, "generate has no argument 'top_p'", "Did you mean 'top_k'", "It takes"),
    ("x beyond float32", lambda s: s.fit_new(Dense(1), x=FLAT.astype("d") * 1e300),
     ValueError, "beyond the largest number of float32", "StandardScaler"),
    ("x beyond float32 to predict", lambda s: s.network.predict(X.astype("d") * 1e300),
     ValueError, "x[0, 0, 0]", "dtype='float64'"),
    ("x beyond float32 to evaluate", lambda s: s.network.evaluate(X.astype("d") * 1e300, Y),
     ValueError, "x[0, 0, 0]", "3.4e+38"),
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
    ("a threshold in words", lambda s: s.network.predict_classes(X, threshold="half"),
     TypeError, "threshold", "number"),
    ("a layer's optimizer assigned by a wrong name",
     lambda s: setattr(s.network.layers[0], "optimizer", "adm"),
     ValueError, "unknown optimizer 'adm'", "Did you mean 'adam'?"),
    ("a layer's regularizer assigned by a wrong name",
     lambda s: setattr(s.network.layers[0], "regularizer", "l3"),
     ValueError, "unknown regularizer 'l3'", "Did you mean 'l2'?"),
    ("a layer frozen by a word", lambda s: setattr(s.network.layers[0], "trainable", "no"),
     TypeError, "trainable must be True or False", "got 'no'"),
    ("a layer that does not take training", lambda s: Network([Plain(), Dense(1)]),
     TypeError, "Plain.forward does not take training", "forward(self, x, training=False)"),
    ("a state that is kept", lambda s: LSTM(4, stateful=True),
     TypeError, "LSTM has no argument 'stateful'", "fit(truncate=k)", "network.stream()"),
    ("a state that is returned", lambda s: GRU(4, return_state=True),
     TypeError, "GRU has no argument 'return_state'", "final_state"),
    ("a layer's name with a dot", lambda s: Network([Dense(2, name="a.b"), Dense(1)]),
     ValueError, "layer name 'a.b' has a dot", "'a_b'"),
    ("a function that yields batches", lambda s: fit(s.network, pairs, None),
     TypeError, "a generator of batches is used up after one epoch", "__iter__"),
    ("a threshold of several classes", lambda s: s.network.predict_classes(X, threshold=0.3),
     ValueError, "of 3 outputs the largest wins", "network.predict(x) > 0.3"),
    ("a threshold of NaN", lambda s: s.network.predict_classes(X, threshold=np.nan),
     ValueError, "threshold", "finite"),
    ("y as an option", lambda s: s.network.predict(X, y=Y), TypeError, "'y'", "It takes"),
    ("epochs for evaluate", lambda s: s.network.evaluate(X, Y, epochs=3), TypeError, "'epochs'", "It takes"),
    ("evaluate without targets", lambda s: s.network.evaluate(X), TypeError, "y is missing", "give targets"),
    ("a place for epochs", lambda s: s.network.fit(X, Y, 3),
     TypeError, "fit takes x, y by position", "all else by name"),
    ("targets for predict", lambda s: s.network.predict(X, Y),
     TypeError, "predict takes x by position", "all else by name"),
    ("an argument of scikit-learn", lambda s: fit(s.network, max_iter=3),
     TypeError, "'max_iter'", "nnfw calls it epochs"),
    ("a copy in another dtype",
     lambda s: network_of(copy.deepcopy(s.layer), dtype="float64").predict(X),
     ValueError, "layer 1, GRU(4) has weights of float32", "dtype='float32'"),
    ("targets out of a loss's range", lambda s: losses.get("bce")([[2.0]], [[0.5]]),
     ValueError, "targets", "between 0 and 1"),
    ("a slope for another shape", lambda s: losses.get("mse").gradient([1.0, 2.0], [[1.0], [2.0]]),
     ShapeError, "(2,)", "reshape"),
    ("weights for another shape", lambda s: losses.get("mse")([[1.0]], [[2.0]], [1.0, 2.0]),
     ShapeError, "weight", "(1,)"),
]
CALLBACKS = [
    ("patience of 0", lambda s: EarlyStopping(patience=0),
     ValueError, "EarlyStopping: patience", "at least 1"),
    ("patience in words", lambda s: ReduceOnPlateau(patience="5"),
     TypeError, "ReduceOnPlateau: patience", "whole number"),
    ("a negative min_delta", lambda s: EarlyStopping(min_delta=-1.0),
     ValueError, "EarlyStopping: min_delta", "[0, inf)"),
    ("an unknown mode", lambda s: EarlyStopping(mode="lower"), ValueError, "EarlyStopping: mode", "'min'"),
    ("restore_best a number", lambda s: EarlyStopping(restore_best=1),
     TypeError, "EarlyStopping: restore_best", "True or False"),
    ("a factor of 1", lambda s: ReduceOnPlateau(factor=1.0),
     ValueError, "ReduceOnPlateau: factor", "(0, 1)"),
    ("a negative lowest rate", lambda s: ReduceOnPlateau(min_rate=-1.0),
     ValueError, "ReduceOnPlateau: min_rate", "[0, inf)"),
    ("a negative cooldown", lambda s: ReduceOnPlateau(cooldown=-1),
     ValueError, "ReduceOnPlateau: cooldown", "at least 0"),
    ("no function", lambda s: LambdaCallback(on_epoch_end=3),
     TypeError, "LambdaCallback: on_epoch_end", "function of the run"),
    ("an unknown hook", lambda s: LambdaCallback(on_epoch_finish=print),
     TypeError, "'on_epoch_finish'", "It takes"),
    ("the start of an epoch in Keras", lambda s: told(s, "on_epoch_begin"),
     TypeError, "Told.on_epoch_begin is never called", "nnfw calls it on_epoch_start", "given the run"),
    ("the start of all in Keras", lambda s: told(s, "on_train_begin"),
     TypeError, "Told.on_train_begin is never called", "nnfw calls it on_fit_start"),
    ("the end of all in Keras", lambda s: told(s, "on_train_end"),
     TypeError, "Told.on_train_end is never called", "nnfw calls it on_fit_end"),
    ("the end of a batch in Keras", lambda s: told(s, "on_train_batch_end"),
     TypeError, "Told.on_train_batch_end is never called", "nnfw calls it on_batch_end"),
    ("a slip in a hook", lambda s: told(s, "on_epoch_ends"),
     TypeError, "Told.on_epoch_ends is never called", "Did you mean 'on_epoch_end'"),
    ("a hook that there is not", lambda s: told(s, "on_test_begin"),
     TypeError, "Told.on_test_begin is never called", "A callback has: on_fit_start"),
    ("a hook of Keras for a function", lambda s: LambdaCallback(on_epoch_begin=print),
     TypeError, "'on_epoch_begin'", "nnfw calls it on_epoch_start"),
    ("the best file only", lambda s: Checkpoint(s.folder / "w.nnfw", save_best_only=True),
     TypeError, "'save_best_only'", "monitor='val_loss'"),
    ("a callback alone", lambda s: fit(s.network, callbacks=EarlyStopping("loss")),
     TypeError, "fit: callbacks", "a list"),
    ("a callback's class", lambda s: fit(s.network, callbacks=[EarlyStopping]),
     TypeError, "fit: callbacks", "EarlyStopping(...)"),
    ("a function", lambda s: fit(s.network, callbacks=[print]),
     TypeError, "fit: callbacks", "Callback objects"),
    ("a name of a callback", lambda s: fit(s.network, callbacks=["early_stopping"]),
     TypeError, "fit: callbacks", "Callback objects"),
    ("nothing to stop by", lambda s: fit(s.network, callbacks=[EarlyStopping()]),
     ValueError, "EarlyStopping: no 'val_loss'", "validation_data or validation_split"),
    ("nothing to reduce by", lambda s: fit(s.network, callbacks=[ReduceOnPlateau("val_accuracy")]),
     ValueError, "ReduceOnPlateau: no 'val_accuracy'", "validation_split"),
    ("a slip in what is watched", lambda s: fit(s.network, callbacks=[EarlyStopping("acuracy")]),
     ValueError, "no 'acuracy'", "Did you mean 'accuracy'"),
    ("a slip in what is validated",
     lambda s: fit(s.network, validation_split=0.25, callbacks=[EarlyStopping("val_los")]),
     ValueError, "no 'val_los'", "Did you mean 'val_loss'"),
    ("a metric that is not measured",
     lambda s: fit(s.network, callbacks=[CSVLogger(s.folder / "log"), EarlyStopping("f1")]),
     ValueError, "no 'f1' to monitor", "accuracy"),
    ("what nobody says the better of", lambda s: fit(s.network, callbacks=[EarlyStopping("learning_rate")]),
     ValueError, "EarlyStopping: nothing says whether a higher 'learning_rate' is better", "mode='max'"),
    ("no name to monitor", lambda s: EarlyStopping(None),
     TypeError, "EarlyStopping: monitor must be a name", "'val_loss'"),
    ("a log where there is no folder",
     lambda s: fit(s.network, callbacks=[CSVLogger(s.folder / "no" / "log")]),
     FileNotFoundError, "No such file", "log"),
    ("an error of one's own",
     lambda s: fit(s.network, callbacks=[LambdaCallback(on_fit_start=lambda run: 1 / 0)]),
     ZeroDivisionError, "division", "zero"),
]
DATA = [
    ("labels out of range", lambda s: one_hot([0, 3], 3), ValueError, "labels", "3"),
    ("labels of halves", lambda s: one_hot([0.5]), TypeError, "labels", "LabelEncoder"),
    ("labels of three axes", lambda s: one_hot(np.zeros((1, 1, 1), int)),
     ValueError, "labels must have shape", "(1, 1, 1)"),
    ("no labels", lambda s: one_hot(np.zeros(0, int)), ValueError, "labels are empty", "classes="),
    ("no classes", lambda s: one_hot([0], 0), ValueError, "classes", "at least 1"),
    ("an encoder that has seen none", lambda s: LabelEncoder().transform(["a"]),
     RuntimeError, "is not fitted yet", "call fit"),
    ("an encoder of nothing", lambda s: LabelEncoder().fit([]),
     ValueError, "labels are empty", "training labels"),
    ("a label that is new", lambda s: LabelEncoder().fit(["a", "b"]).transform(["c"]),
     ValueError, "unknown label 'c'", "['a', 'b']"),
    ("labels of two kinds", lambda s: LabelEncoder().fit([1, "a"]),
     TypeError, "labels must be of one kind", "sorted"),
    ("one label", lambda s: LabelEncoder().fit("spam"), TypeError, "labels must be a list", "str"),
    ("labels of NaN", lambda s: LabelEncoder().fit([0.0, np.nan]), ValueError, "nan", "drop"),
    ("a scaler that has seen none", lambda s: StandardScaler().transform(FLAT),
     RuntimeError, "is not fitted yet", "call fit"),
    ("a scaler of nothing", lambda s: StandardScaler().fit(FLAT[:0]),
     ValueError, "empty", "at least one sample"),
    ("a scaler of NaN", lambda s: StandardScaler().fit(FLAT * np.nan),
     ValueError, "feature 0", "fill or drop"),
    ("a scaler of words", lambda s: StandardScaler().fit(FLAT.astype(str)),
     TypeError, "the data must be real numbers, got <U32", ".astype(float)"),
    ("other features for a scaler", lambda s: s.scaler.transform(FLAT[:, :3]),
     ValueError, "fitted to 4 features", "got 3"),
    ("a list of features for a scaler", lambda s: StandardScaler().fit([np.arange(3.0), np.arange(4.0)]),
     ValueError, "a list of unequal parts", "a list of arrays (T_i, D)"),
    ("unequal rows for a scaler", lambda s: s.scaler.transform([[[1.0, 2.0], [3.0]]]),
     ValueError, "a list of unequal parts", "(T_i, D)"),
    ("a text as symbols", lambda s: Vocabulary("world"),
     TypeError, "Vocabulary: symbols", "'world'", "Vocabulary.of_characters(text)"),
    ("a text as words", lambda s: Vocabulary("a rose is a rose", of="words"),
     TypeError, "Vocabulary: symbols", "Vocabulary.of_words(text)"),
    ("a range upside down", lambda s: MinMaxScaler(1.0, 0.0), ValueError, "MinMaxScaler: low", "high=0.0"),
    ("the range of scikit-learn", lambda s: MinMaxScaler(feature_range=(0, 1)),
     TypeError, "'feature_range'", "low and high"),
    ("a split of one", lambda s: split_indices(1, 0.5, np.random.default_rng(0)),
     ValueError, "at least 2 samples", "got 1"),
    ("a split of all", lambda s: train_test_split(FLAT, Y, test_fraction=1.0),
     ValueError, "fraction to hold out", "(0, 1)"),
    ("a split of unequal arrays", lambda s: train_test_split(FLAT, Y[1:]),
     ValueError, "equally many samples", "11"),
    ("a test size", lambda s: train_test_split(FLAT, test_size=0.2),
     TypeError, "'test_size'", "nnfw calls it test_fraction"),
    ("no sequences", lambda s: pad_sequences([]), ValueError, "sequences are empty", "at least one"),
    ("sequences of other features", lambda s: pad_sequences([X[0], X[1, :, :1]]),
     ValueError, "sequences[1]", "features"),
    ("sequences of words", lambda s: pad_sequences([["a"], ["b", "c"]]),
     TypeError, "sequences[0]", "real numbers"),
    ("sequences too long", lambda s: pad_sequences([X[0]], length=3), ValueError, "length", "5"),
    ("windows longer than the series", lambda s: sliding_windows(np.arange(5.0), 9), ValueError, "9", "5"),
    ("windows of nothing", lambda s: sliding_windows(np.arange(5.0), 0),
     ValueError, "sliding_windows: window", "at least 1"),
    ("batches of nothing", lambda s: list(batches(12, 0)), ValueError, "batch_size", "at least 1"),
]
FILES = [
    ("no such file", lambda s: Network.load(s.folder / "none.npz"),
     FileNotFoundError, "none.npz", "No such file"),
    ("a folder", lambda s: Network.load(s.folder), OSError, "Is a directory", "]"),
    ("a file of something else", lambda s: Network.load(s.broken("text")), LoadError, "broken.npz", "nnfw"),
    ("loaded into a network", lambda s: s.network.load(s.folder / "none.nnfw"),
     TypeError, "load returns a new Network", "network = Network.load("),
    ("a number to save as", lambda s: s.network.save(3), TypeError, "save: path must be", "got 3"),
    ("an empty file", lambda s: Network.load(s.broken("")),
     LoadError, "broken.npz", "a file of another kind"),
    ("no folder to save in", lambda s: s.network.save(s.folder / "no" / "network.npz"),
     FileNotFoundError, "no such folder", "create it first"),
    ("a folder to save as", lambda s: s.network.save(s.folder),
     OSError, "only a file can be replaced", "give the path"),
    ("a picture of nothing", lambda s: Network([Dense(1)]).history.plot(s.folder / "curves.png"),
     ValueError, "history", "fit"),
    ("a picture of an unknown kind", lambda s: s.network.history.plot(s.folder / "curves.xyz"),
     ValueError, "xyz", "png"),
    ("a table where there is no folder", lambda s: s.network.history.to_csv(s.folder / "no" / "h.csv"),
     FileNotFoundError, "No such file", "h.csv"),
    ("a layer with a wrong gradient", lambda s: check_layer(WrongGradient()),
     AssertionError, "WrongGradient()", "disagrees"),
    ("one sample to check a layer with", lambda s: check_layer(Dense(2), samples=1),
     ValueError, "samples", "at least 2"),
    ("a check on the wrong targets", lambda s: check_network(s.network, X, Y + 1),
     ValueError, "y holds classes 1 to 3", "LabelEncoder"),
]

# fmt: on


class WrongGradient(Layer):
    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        if training:
            self.cache = {"x": x}
        return x * x

    def backward(self, dy):
        return self._recall("x", "backward") * dy


def told(scene, hook, method=lambda self, run: None):
    """Fit with a callback of one method."""
    return fit(scene.network, callbacks=[type("Told", (Callback,), {hook: method})()])


TABLES = [CONSTRUCTION, NETWORKS, OPTIMIZERS, USE, CALLBACKS, DATA, FILES]
TABLE = [pytest.param(*row[1:3], row[3:], id=row[0]) for table in TABLES for row in table]


class TestMistakes:
    def test_there_are_many(self):
        names = [row[0] for table in TABLES for row in table]
        assert len(set(names)) == len(names) > 200

    @pytest.mark.parametrize(("make", "error", "said"), TABLE)
    def test_is_refused_and_leaves_nothing_behind(self, make, error, said, tmp_path):
        scene = Scene(tmp_path)
        before, files = state(scene.network), set(tmp_path.iterdir())
        drawn, settings = np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002
        with pytest.raises(error) as raised:
            make(scene)
        message = str(raised.value)
        assert all(part in message for part in said), message
        assert len(said) >= 2
        assert len(message) < 500
        assert state(scene.network) == before == expected(1)
        assert np.random.get_state()[1].tolist() == drawn  # noqa: NPY002
        assert np.geterr() == settings
        assert all(path.name == "broken.npz" for path in set(tmp_path.iterdir()) - files)
        fit(scene.network)
        assert state(scene.network) == expected(2)
