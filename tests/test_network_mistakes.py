"""Mistakes with a network, its layers and what it is asked: each is refused by name and teaches."""

import numpy as np
import pytest
from refusals import FLAT, NUMBERS, D, H, T, X, Y, classifier, mistakes, network_of
from untrained import untrained

import nnfw.data
import nnfw.gradcheck
import nnfw.saving
from nnfw import (
    GRU,
    RNN,
    Dense,
    Layer,
    Loss,
    Metric,
    Network,
    ShapeError,
    metrics,
)


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


class Deaf(Layer):
    """A layer that is not told whether it trains."""

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x):
        return x


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


# fmt: off
MISTAKES = [
    ("no layers", lambda s: Network([]), ValueError, "Network: layers", "at least one layer"),
    ("a layer alone", lambda s: Network(Dense(1)),
     TypeError, "Network: layers", "a list of layers, got Dense"),
    ("a number", lambda s: Network(3), TypeError, "Network: layers", "a list of layers, got int"),
    ("a name of a layer", lambda s: Network([Dense(3), "relu"]),
     TypeError, "layer 2", "must be a Layer, got 'relu'; did you mean Activate('relu')?"),
    ("a name of no activation", lambda s: Network(["gru"]),
     TypeError, "layer 1", "must be a Layer, got 'gru'; a layer is an object, such as GRU(64)"),
    ("a number of units", lambda s: Network([Dense(3), 10]),
     TypeError, "layer 2", "must be a Layer, got 10; did you mean Dense(10)?"),
    ("a class of a layer", lambda s: Network([Dense]), TypeError, "layer 1", "did you mean Dense(...)?"),
    ("None among the layers", lambda s: Network([Dense(3), None]),
     TypeError, "layer 2", "must be a Layer, got None; a layer is an object, such as GRU(64), and data are"),
    ("one object twice", lambda s: Network([s.layer, s.layer]),
     ValueError, "layer 2", "create a second one"),
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
     TypeError, "loss", "to write your own, derive a class from Loss"),
    ("no loss", lambda s: network_of(Dense(1), loss=None), TypeError, "loss", "a name", "NoneType"),
    ("an unknown optimizer", lambda s: network_of(Dense(1), optimizer="adm"),
     ValueError, "'adm'", "Did you mean 'adam'"),
    ("a rate as optimizer", lambda s: network_of(Dense(1), optimizer=0.01),
     TypeError, "optimizer must be a name (sgd, ", "got 0.01 (float)"),
    ("an unknown metric", lambda s: network_of(Dense(1), metrics=["acuracy"]),
     ValueError, "'acuracy'", "'accuracy'"),
    ("metrics in one word", lambda s: network_of(Dense(1), metrics="accuracy"),
     TypeError, "metrics", "['accuracy']"),
    ("a metric that is a number", lambda s: network_of(Dense(1), metrics=[3]),
     TypeError, "metric must be a name (mae, ", "got 3 (int)"),
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
     TypeError, "Network takes layers by position", "all others by name"),
    ("layers one by one", lambda s: Network(Dense(3), Dense(1)),
     TypeError, "Network takes layers by position", "for one argument as a list, Network([a, b])"),
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
     ValueError, "metric 'accuracy': the threshold for outputs of Hinge is 0", "use Accuracy(threshold=0.0)"),
    ("a ratio at 0.5 of outputs from -1 to 1",
     lambda s: s.fit_new(Dense(1, "tanh"), loss="hinge", metrics=[metrics.F1("macro")], y=Y % 2),
     ValueError, "metric 'f1_macro': the threshold for outputs of Hinge is 0", "use F1(threshold=0.0)"),
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
     ValueError, "over 1 unit is always 1", "Dense(1, 'sigmoid')"),
    ("numbers by a softmax over one unit", lambda s: s.fit_new(Dense(1, "softmax"), y=Y / 3),
     ValueError, "over 1 unit is always 1", "for regression Dense(1)"),
    ("three classes and bce", lambda s: s.fit_new(Dense(1, "sigmoid"), loss="bce", y=np.arange(len(Y)) % 3),
     ValueError, "targets from 0 to 1, but y holds 0 to 2", "for 3 classes end with Dense(3, 'softmax')"),
    ("classes 1 and 2 and bce", lambda s: s.fit_new(Dense(1, "sigmoid"), loss="bce", y=1 + (Y > 0)),
     ValueError, "but y holds 1 to 2; encode labels by LabelEncoder", "MinMaxScaler"),
    ("a function for a callback", lambda s: s.network.fit(X, Y, callbacks=[lambda run: None]),
     TypeError, "callbacks must be Callback objects, got function", "LambdaCallback(on_epoch_end=...)"),
    ("tanh and bce", lambda s: s.fit_new(Dense(1, "tanh"), loss="bce", y=Y > 0),
     ValueError, "tanh", "'sigmoid'"),
    ("linear and cce", lambda s: s.fit_new(Dense(3), loss="cce", y=Y),
     ValueError, "layer 1, Dense(3)", "'softmax'"),
    ("one sigmoid and cce", lambda s: s.fit_new(Dense(1, "sigmoid"), loss="cce", y=Y > 0),
     ValueError, "end with Dense(2, 'softmax')", "or for two classes use loss='bce'"),
    ("linear and poisson", lambda s: s.fit_new(Dense(1), loss="poisson", y=Y),
     ValueError, "Poisson requires outputs of at least 0", "can be lower; end with Dense(1, 'softplus')"),
    ("gelu and kl_divergence",
     lambda s: s.fit_new(Dense(3, "gelu"), loss="kl_divergence", y=FLAT[:, :3] > 0),
     ValueError, "layer 1, Dense(3)", "'softmax' for proportions"),
    ("sigmoid and cce", lambda s: s.fit_new(Dense(3, "sigmoid"), loss="cce", y=Y),
     ValueError, "sum to 1", "'bce'"),
    ("a function as metrics", lambda s: network_of(Dense(1), metrics=np.mean),
     TypeError, "metrics", "a list"),
    ("several labels for a metric of one",
     lambda s: s.fit_new(Dense(3, "sigmoid"), loss="bce", metrics=["accuracy"], y=FLAT[:, :3] > 0),
     ValueError, "metric 'accuracy'", "metrics.MultiLabel(metric)"),
    ("two numbers as a metric", lambda s: s.fit_new(Dense(1), metrics=[TwoNumbers()]),
     TypeError, "metric 'two_numbers'", "single number"),
    ("more units than memory", lambda s: s.fit_new(Dense(10**12)),
     ValueError, "layer 1, Dense(1000000000000)", "4e+04 GB", "fewer units"),
    ("more memory than there is, by hand", lambda s: untrained(network_of(GRU(10**7)), T, D),
     ValueError, "layer 1, GRU(10000000)", "GB", "fewer units"),
    ("forward of text", lambda s: s.network.forward(X.astype(str)),
     TypeError, "x must be real numbers, got <U32", ".astype(float) converts them"),
    ("forward of complex numbers", lambda s: s.network.forward(X + 1j),
     TypeError, "x must be real numbers", "complex64"),
    ("forward of a new network", lambda s: classifier().forward(X),
     RuntimeError, "no parameter 'Wx_z' yet", "a Network calls both in build(input_shape)"),
    ("a number for a shape", lambda s: classifier().compute_shapes(3),
     TypeError, "compute_shapes: input_shape", "must be a tuple, (D,) or (T, D)", "(3,) for 3"),
    ("a number to build", lambda s: classifier().build(3),
     TypeError, "input_shape must be a tuple", "(3,) for 3 features, got 3"),
    ("no shape to build", lambda s: classifier().build(None),
     TypeError, "input_shape must be a tuple", "without the batch axis, got None"),
    ("two numbers to build", lambda s: classifier().build(5, 2),
     TypeError, "build takes input_shape by position", "a list, build([a, b])"),
    ("two numbers for a shape", lambda s: classifier().compute_shapes(5, 2),
     TypeError, "compute_shapes takes input_shape by position", "compute_shapes([a, b])"),
    ("the batch axis to build", lambda s: classifier().build((None, 5, 2)),
     ShapeError, "layer 1, GRU(4): expects", "Leave out the batch axis: (5, 2)"),
    ("a shape below 0", lambda s: classifier().compute_shapes((-1, 2)),
     ValueError, "compute_shapes: input_shape[0]", "must be at least 0"),
    ("no network to save", lambda s: nnfw.saving.save_weights(3, "never"),
     TypeError, "save_weights: network", "must be a Network, got 3"),
    ("no network to check", lambda s: nnfw.gradcheck.check_network(Dense(3), FLAT, NUMBERS),
     TypeError, "check_network: network", "must be a Network, got Dense(3)"),
    ("no layer to check", lambda s: nnfw.gradcheck.check_layer("gru"),
     TypeError, "check_layer: layer", "must be a Layer, got 'gru'"),
    ("no answer", lambda s: nnfw.gradcheck.check_layer(Dense(3), training_differs="a"),
     TypeError, "check_layer: training_differs", "must be True or False"),
    ("a number of features to check", lambda s: nnfw.gradcheck.check_layer(Dense(3), 4),
     TypeError, "check_layer: input_shape", "must be a list, got 4"),
    ("an open shape to check", lambda s: nnfw.gradcheck.check_layer(RNN(3), (None, 4)),
     TypeError, "check_layer: input_shape[0]", "must be a whole number, got None"),
    ("a layer that knows no training", lambda s: nnfw.gradcheck.check_layer(Deaf()),
     TypeError, "Deaf.forward does not take training", "define forward(self, x, training=False)"),
    ("no sequences", lambda s: nnfw.data.pad_sequences(3),
     TypeError, "pad_sequences: sequences", "must be a list of arrays, got 3"),
    ("weights before shapes", lambda s: classifier().initialize(),
     RuntimeError, "call compute_shapes before initialize", "build(shape) calls both"),
    ("weights from a seed", lambda s: s.network.initialize(0),
     TypeError, "Network: rng must be a numpy.random.Generator, got 0", "default_rng(seed)"),
    ("weights of half precision", lambda s: s.network.initialize(dtype="float16"),
     ValueError, "Network: dtype", "'float32' or 'float64', got 'float16'"),
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
     TypeError, "loss must be a name (mse, ", "got None (NoneType)"),
    ("another optimizer, misspelt", lambda s: setattr(s.network, "optimizer", "adm"),
     ValueError, "unknown optimizer 'adm'", "Did you mean 'adam'"),
    ("a rate for an optimizer", lambda s: setattr(s.network, "optimizer", 0.1),
     TypeError, "optimizer must be a name (sgd, ", "got 0.1 (float)"),
    ("a rate for a step by hand", lambda s: s.network.update(0.1, 0.0),
     TypeError, "optimizer must be a name (sgd, ", "got 0.1 (float)"),
    ("other metrics, misspelt", lambda s: setattr(s.network, "metrics", ["acuracy"]),
     ValueError, "unknown metric 'acuracy'", "'accuracy'"),
    ("another metric alone", lambda s: setattr(s.network, "metrics", "mae"),
     TypeError, "metrics must be a list", "['mae']"),
    ("numbers not measured", lambda s: s.network.history["acc"],
     KeyError, "no 'acc' was measured", "There are loss, accuracy, learning_rate"),
    ("a slip in what was measured", lambda s: s.network.history["acuracy"],
     KeyError, "no 'acuracy' was measured", "Did you mean 'accuracy'"),
    ("what was not validated", lambda s: s.network.history["val_accuracy"],
     KeyError, "no 'val_accuracy'", "pass validation_data or validation_split to fit"),
    ("the history of none", lambda s: classifier().history["loss"],
     KeyError, "no 'loss' was measured", "none yet: see fit"),
    ("the history of the history", lambda s: s.network.history.history,
     AttributeError, "History has no 'history'", "history['loss']"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)


@pytest.mark.parametrize(
    ("layers", "shape"), [([GRU(4)], (5, 2, 3)), ([Dense(4), GRU(3)], (2,)), ([Dense(4)], (None,))]
)
def test_the_batch_axis_is_spoken_of_where_there_is_one_alone(layers, shape):
    with pytest.raises(ShapeError, match="expects") as refused:
        Network(layers).compute_shapes(shape)
    assert "batch axis" not in str(refused.value)
